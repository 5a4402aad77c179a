//! Wycheproof's X25519 vectors, run over the key source that draws and recovers with it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test reports by panicking")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::collections::BTreeSet;
use std::sync::Arc;

use hkdf::Hkdf;
use keys::{Error, Handle, KeySource, Kind, Peer, RequestId, X25519, XWing, public_sealing_key};
use party::{KeyId, Member, Members, PublicKey, SealingKey};
use serde_json::Value;
use sha2::Sha256;
use zeroize::Zeroizing;

/// One vector: a private key, somebody's public value, and what the two make.
struct Vector {
    name: String,
    private: [u8; 32],
    public: [u8; 32],
    shared: [u8; 32],
}

impl Vector {
    /// Whether the public value has small order, so that everybody computes zero.
    fn is_zero(&self) -> bool {
        self.shared == [0; 32]
    }
}

/// Every vector of the file, or nothing where it is not at hand.
fn vectors() -> Option<Vec<Vector>> {
    let Some(path) = vectors::official("wycheproof/x25519_test.json") else {
        println!("SKIPPED: the official vectors are not at hand");
        return None;
    };
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let groups = file["testGroups"].as_array().unwrap().iter();
    let tests = groups.flat_map(|group| group["tests"].as_array().unwrap());
    let bytes = |test: &Value, name: &str| -> [u8; 32] {
        hex::decode(test[name].as_str().unwrap()).unwrap().try_into().unwrap()
    };
    let all: Vec<Vector> = tests
        .map(|test| Vector {
            name: format!("test {} {}", test["tcId"], test["comment"]),
            private: bytes(test, "private"),
            public: bytes(test, "public"),
            shared: bytes(test, "shared"),
        })
        .collect();
    assert_eq!(Some(u64::try_from(all.len()).unwrap()), file["numberOfTests"].as_u64());
    assert_eq!(all.iter().filter(|vector| vector.is_zero()).count(), 31);
    Some(all)
}

/// A consortium of one member with that sealing key.
fn members(sealing_key: SealingKey) -> Arc<Members> {
    let member = Member {
        id: "reader".parse().unwrap(),
        roles: BTreeSet::new(),
        country: "CN".parse().unwrap(),
        sites: BTreeSet::new(),
        statement_key: PublicKey([1; 32]),
        receipt_key: PublicKey([2; 32]),
        vote_key: PublicKey([3; 32]),
        sealing_key: Some(sealing_key),
    };
    let voters = BTreeSet::from([member.id.clone()]);
    Arc::new(Members::new("demo".parse().unwrap(), vec![member], voters).unwrap())
}

fn peer() -> Peer {
    Peer { member: "reader".parse().unwrap(), site: "liege".parse().unwrap() }
}

/// The secret of 48 bytes that the documentation of `keys::X25519` says follows from what both
/// sides compute.
fn derived(shared: &[u8; 32], reader: KeyId, public: &[u8; 32]) -> [u8; 48] {
    let mut secret = [0; 48];
    let label = b"quayside 2026-11 x25519 secret v1";
    let info = [&label[..], &reader.0, &48_u16.to_be_bytes(), public].concat();
    Hkdf::<Sha256>::new(None, shared).expand(&info, &mut secret).unwrap();
    secret
}

#[tokio::test]
async fn the_reader_recovers_what_wycheproof_computes_and_refuses_what_contributes_nothing() {
    for vector in vectors().unwrap_or_default() {
        let key = public_sealing_key(&vector.private, &[7; 32]);
        let reader = X25519::new(Some(Zeroizing::new(vector.private)), members(key.clone()));
        let handle = Handle {
            kind: Kind::X25519,
            source: "x25519".into(),
            key_ids: Vec::new(),
            public: vector.public.to_vec(),
            length: 48,
            seeded: false,
            passed_over: Vec::new(),
            mac: None,
        };
        let recovered = reader.recover(&RequestId([0; 16]), &peer(), &handle).await;
        if vector.is_zero() {
            let error = recovered.unwrap_err();
            assert_eq!(error, Error::NonContributory { algorithm: "X25519" }, "{}", vector.name);
        } else {
            let expected = derived(&vector.shared, key.id(), &vector.public);
            assert_eq!(recovered.unwrap().as_bytes(), expected, "{}", vector.name);
        }
    }
}

#[tokio::test]
async fn nothing_is_drawn_for_a_registered_key_that_contributes_nothing() {
    for vector in vectors().unwrap_or_default() {
        let mut key = public_sealing_key(&[5; 32], &[7; 32]);
        key.x25519 = vector.public;
        key.x_wing[1_184..].copy_from_slice(&vector.public);
        let members = members(key);
        let sources: [Box<dyn KeySource>; 2] =
            [Box::new(X25519::new(None, members.clone())), Box::new(XWing::new(None, members))];
        for source in sources {
            let drawn = source.draw(&RequestId([0; 16]), &peer(), 32).await;
            let refused = drawn.err().map(|error| error.reason());
            let expected = vector.is_zero().then_some("KEY_NON_CONTRIBUTORY");
            assert_eq!(refused, expected, "{} by {}", vector.name, source.name());
        }
    }
}
