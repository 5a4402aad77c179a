//! X-Wing: X25519 and ML-KEM-768 in one, secure while either of them is.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use party::{KeyId, MemberId, Members, SealingKey};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use x_wing::{
    Ciphertext, DecapsulationKeyRejectNonContrib, Decapsulator, Encapsulate, EncapsulationKey,
    KeyExport, KeyInit, TryDecapsulate,
};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use crate::derive::derive;
use crate::secret::{check_length, fill};
use crate::{Drawn, Error, Handle, KeySource, Kind, Peer, RequestId, Secret};

/// The name in handles.
const NAME: &str = "x-wing";
/// What separates these secrets from all others.
const LABEL: &str = "quayside 2026-11 x-wing secret v1";

/// Draws secrets with X-Wing, the hybrid of X25519 and ML-KEM-768 (FIPS 203).
///
/// A public value whose X25519 half contributes nothing is refused on either side. The secret is
/// derived as [`X25519`](crate::X25519) says, with the label `quayside 2026-11 x-wing secret v1`
/// and the ciphertext as the public part.
pub struct XWing {
    own: Option<Own>,
    readers: BTreeMap<MemberId, Result<Reader, Error>>,
}

/// The key at which this party recovers.
struct Own {
    key: DecapsulationKeyRejectNonContrib,
    /// The id of the registered pair that it belongs to; nothing if it is not registered.
    key_id: Option<KeyId>,
}

/// A member's registered key, checked and unpacked once.
struct Reader {
    key_id: KeyId,
    key: Box<EncapsulationKey>,
}

impl XWing {
    /// Makes a source that draws for every member with a registered key and, given the seed of
    /// one's own registered key, recovers.
    #[must_use]
    pub fn new(own: Option<Zeroizing<[u8; 32]>>, members: Arc<Members>) -> Self {
        let own = own.map(|seed| {
            let key = DecapsulationKeyRejectNonContrib::new((&*seed).into());
            let public = key.encapsulation_key().to_bytes();
            let mut registered = members.iter().filter_map(|member| member.sealing_key.as_ref());
            let key_id = registered.find(|key| key.x_wing[..] == public[..]).map(SealingKey::id);
            Own { key, key_id }
        });
        let readers = members.iter().map(|member| {
            let reader = member.sealing_key.as_ref().ok_or_else(|| missing(member.id.as_str()));
            (member.id.clone(), reader.and_then(|key| unpack(key, &member.id)))
        });
        Self { own, readers: readers.collect() }
    }
}

impl fmt::Debug for XWing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XWing").field("recovers", &self.own.is_some()).finish_non_exhaustive()
    }
}

fn missing(whose: &str) -> Error {
    Error::NoSealingKey { algorithm: "X-Wing", whose: whose.to_owned() }
}

fn refused() -> Error {
    Error::NonContributory { algorithm: "X-Wing" }
}

/// Checks a registered key: the ML-KEM half is one, and the X25519 half contributes.
fn unpack(key: &SealingKey, whose: &MemberId) -> Result<Reader, Error> {
    let encapsulation =
        EncapsulationKey::try_from(&key.x_wing[..]).map_err(|_| missing(whose.as_str()))?;
    // Encapsulating does not show the X25519 result, so the check is made here, with any secret:
    // a point of small order gives zero with all of them.
    let mut bytes = Zeroizing::new([0; 32]);
    fill(&mut *bytes)?;
    let half = key.x_wing.last_chunk::<32>().ok_or_else(refused)?;
    if !StaticSecret::from(*bytes).diffie_hellman(&PublicKey::from(*half)).was_contributory() {
        return Err(refused());
    }
    Ok(Reader { key_id: key.id(), key: Box::new(encapsulation) })
}

#[async_trait]
impl KeySource for XWing {
    fn name(&self) -> &str {
        NAME
    }

    async fn draw(&self, _request: &RequestId, peer: &Peer, length: u16) -> Result<Drawn, Error> {
        check_length(length)?;
        let reader = self
            .readers
            .get(&peer.member)
            .ok_or_else(|| Error::PeerUnknown { member: peer.member.clone() })?
            .as_ref()
            .map_err(Error::clone)?;
        let (ciphertext, shared) = reader.key.encapsulate_with_rng(&mut UnwrapErr(SysRng));
        let (public, shared) = (ciphertext.to_vec(), Zeroizing::new(shared.0));
        let secret = derive(LABEL, &*shared, reader.key_id, &public, length)?;
        let handle = Handle {
            kind: Kind::XWing,
            source: NAME.to_owned(),
            key_ids: Vec::new(),
            public,
            length,
            seeded: false,
            passed_over: Vec::new(),
            mac: None,
        };
        Ok(Drawn { handle, secret })
    }

    async fn recover(
        &self,
        _request: &RequestId,
        _peer: &Peer,
        handle: &Handle,
    ) -> Result<Secret, Error> {
        check_length(handle.length)?;
        if handle.kind != Kind::XWing || handle.source != NAME {
            return Err(Error::SourceUnknown { name: handle.source.clone() });
        }
        let ciphertext = Ciphertext::try_from(handle.public.as_slice())
            .map_err(|_| Error::Malformed { why: "an X-Wing ciphertext has 1120 bytes".into() })?;
        let own = self.own.as_ref().ok_or_else(|| missing("this end"))?;
        let shared = own.key.try_decapsulate(&ciphertext).map_err(|_| refused())?;
        let shared = Zeroizing::new(shared.0);
        let key_id = own.key_id.ok_or_else(|| missing("this end"))?;
        derive(LABEL, &*shared, key_id, &handle.public, handle.length)
    }

    async fn confirm(&self, _request: &RequestId) -> Result<(), Error> {
        // Nothing is consumed, so nothing is kept.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::secret::hex;

    /// The three vectors of the X-Wing draft: seed, randomness of the encapsulation, shared
    /// secret, SHA-256 of the public key, SHA-256 of the ciphertext.
    const DRAFT: [[&str; 5]; 3] = [
        [
            "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26",
            "3cb1eea988004b93103cfb0aeefd2a686e01fa4a58e8a3639ca8a1e3f9ae57e2\
             35b8cc873c23dc62b8d260169afa2f75ab916a58d974918835d25e6a435085b2",
            "d2df0522128f09dd8e2c92b1e905c793d8f57a54c3da25861f10bf4ca613e384",
            "2e816deebcd76c5c80d0cd2d174478871658e8e2ff42bc9d4a6e486372e856bb",
            "17cd532d657e44c897ca6583e548a5424fc70bf54f99515a4d2bcf99e3469f33",
        ],
        [
            "badfd6dfaac359a5efbb7bcc4b59d538df9a04302e10c8bc1cbf1a0b3a5120ea",
            "17cda7cfad765f5623474d368ccca8af0007cd9f5e4c849f167a580b14aabdef\
             aee7eef47cb0fca9767be1fda69419dfb927e9df07348b196691abaeb580b32d",
            "f2e86241c64d60f6649fbc6c5b7d17180b780a3f34355e64a85749949c45f150",
            "c42ba5f8430d7d2c83739338203819f090e8303ce9c8b02107c272bfa5376916",
            "1661ea86d608a1924ba30840cb0a65f13ae051e3aec9cf0f064efc0bc92f2154",
        ],
        [
            "ef58538b8d23f87732ea63b02b4fa0f4873360e2841928cd60dd4cee8cc0d4c9",
            "22a96188d032675c8ac850933c7aff1533b94c834adbb69c6115bad4692d8619\
             f90b0cdf8a7b9c264029ac185b70b83f2801f2f4b3f70c593ea3aeeb613a7f1b",
            "953f7f4e8c5b5049bdc771d1dffada0dd961477d1a2ae0988baa7ea6898d893f",
            "6b080d6b84f095342092fa7a22423e58bd681397ad0ef00eac92bd254db4fa95",
            "d3ca5578500344b5896cffc4fd740c9311946b82951df155e6fd86a7966b43c6",
        ],
    ];

    fn bytes<const N: usize>(digits: &str) -> [u8; N] {
        std::array::from_fn(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
    }

    #[test]
    fn keys_ciphertexts_and_secrets_are_those_of_the_draft() {
        for [seed, randomness, shared, public, ciphertext] in DRAFT {
            let key = crate::public_sealing_key(&[1; 32], &bytes(seed));
            assert_eq!(hex(&Sha256::digest(&key.x_wing[..])), public);
            let reader = unpack(&key, &"reader".parse().unwrap()).unwrap();
            let (sent, here) =
                reader.key.encapsulate_deterministic(&bytes::<64>(randomness).into());
            assert_eq!(
                (hex(&Sha256::digest(&sent[..])).as_str(), hex(&here).as_str()),
                (ciphertext, shared)
            );
            let own = DecapsulationKeyRejectNonContrib::new(&bytes(seed).into());
            assert_eq!(hex(&own.try_decapsulate(&sent).unwrap()), shared);
        }
    }
}
