//! Guards the wire types: a hash over many encodings of each, so that no byte changes unnoticed.

use statement::hash::Context;
use statement::{Commitment, ItemSecret, RequestId, Seed, body_digest};

use crate::{ContentKey, PartPlan, PartRef, Reader, Wrapper, seal};

/// How many encodings of each type are hashed.
const ROUNDS: u64 = 64;

/// Bytes that look random and are the same every time.
fn chance<const N: usize>(round: u64, name: &str) -> [u8; N] {
    let mut bytes = [0; N];
    let mut hasher = Context::new("conformance").hasher();
    hasher.update(name.as_bytes()).update(&round.to_be_bytes());
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

/// Hashes [`ROUNDS`] encodings and compares with what they were when this was written.
fn conform(name: &str, expected: &str, mut encode: impl FnMut(u64) -> Vec<u8>) {
    let mut hasher = Context::new("conformance").hasher();
    for round in 0..ROUNDS {
        let bytes = encode(round);
        hasher.update(&u64::try_from(bytes.len()).unwrap().to_be_bytes()).update(&bytes);
    }
    assert_eq!(hasher.finalize().to_hex().as_str(), expected, "{name} changed on the wire");
}

#[test]
fn content_keys_stay_as_they_are() {
    conform(
        "content key",
        "d9d60c1365900d8c781dda09cdea2be7f349638956e2f8172460d2b4a77dd5e7",
        |round| {
            let (number, part) =
                (u32::try_from(round * 97).unwrap(), u32::try_from(round % 16).unwrap());
            let json = format!("{{\"a\":{round}}}");
            let request = RequestId(chance(round, "request"));
            ContentKey::derive(&chance(round, "seed key"), &request, number, part, &json)
                .as_bytes()
                .to_vec()
        },
    );
}

#[test]
fn sealed_bodies_stay_as_they_are() {
    conform(
        "sealed body",
        "747dd83746ebcd7a6f6f673ed5f3bbac3414ca0f9f37da9da207cb721afe850f",
        |round| {
            // Few fields and many, short values and long.
            let fields: Vec<(String, String)> = (0..=round)
                .map(|n| {
                    (
                        format!("http://x/{n:03}"),
                        format!("\"{}\"", "v".repeat(usize::try_from(n * 5).unwrap())),
                    )
                })
                .collect();
            let last = [fields[fields.len() - 1].0.clone()].into();
            let secret = ItemSecret::from_bytes(chance(round, "secret"));
            let item = format!("https://id.gs1.org/00/{round:018}");
            let mut plans = vec![PartPlan::Secret { item: &item, secret: &secret }, PartPlan::Rest];
            if round > 0 {
                plans.push(PartPlan::Fields(&last));
            }
            let key = |n| ContentKey::from_bytes(chance(round, n));
            let keys = [key("zero"), key("one"), key("two")];
            let (demo, sealer) = ("demo".parse().unwrap(), "zj-merchant".parse().unwrap());
            let seed = Seed::from_bytes(chance(round, "seed"));
            let (commitment, body) =
                seal(&demo, &sealer, &seed, &fields, &plans, &keys[..plans.len()]).unwrap();
            let bytes = body.encode();
            [&commitment.0[..], &body_digest(&bytes), &bytes].concat()
        },
    );
}

#[test]
fn reader_entries_stay_as_they_are() {
    conform(
        "reader entry",
        "9260671adee3fd80444ca53629f4c0230af820b8489847b28aa6f227fb96ec35",
        |round| {
            let handle = keys::Handle {
                kind: keys::Kind::XWing,
                source: "x-wing".into(),
                key_ids: Vec::new(),
                public: chance::<1_120>(round, "public").to_vec(),
                length: 32,
                seeded: false,
                passed_over: Vec::new(),
                mac: None,
            };
            let secret = keys::Secret::new(chance::<32>(round, "secret").to_vec().into());
            let (demo, sealer) = ("demo".parse().unwrap(), "zj-merchant".parse().unwrap());
            let member = "cn-customs".parse().unwrap();
            let reader = Reader { member, key: party::KeyId(chance(round, "key")) };
            let wrapper = Wrapper::new(&demo, &sealer, reader, &keys::Drawn { handle, secret });
            let about = PartRef {
                commitment: Commitment(chance(round, "commitment")),
                body_digest: chance(round, "body"),
                part: u32::try_from(round % 16).unwrap(),
            };
            let key = ContentKey::from_bytes(chance(round, "content"));
            wrapper.wrap(&about, &key).unwrap().encode()
        },
    );
}
