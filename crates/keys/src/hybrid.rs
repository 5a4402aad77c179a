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
/// A public value whose X25519 half contributes nothing is refused on either side.
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
