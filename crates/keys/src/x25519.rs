//! X25519: an ephemeral key of the sender against the reader's registered one.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use party::{KeyId, Members, SealingKey};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use x_wing::{DecapsulationKey, Decapsulator, KeyExport, KeyInit};
use x25519_dalek::{EphemeralSecret, PublicKey, SharedSecret, StaticSecret};
use zeroize::Zeroizing;

use crate::derive::derive;
use crate::secret::check_length;
use crate::{Drawn, Error, Handle, KeySource, Kind, Peer, RequestId, Secret};

/// The name in handles.
const NAME: &str = "x25519";
/// What separates these secrets from all others.
const LABEL: &str = "quayside 2026-11 x25519 secret v1";

/// Draws secrets by Diffie-Hellman over Curve25519 (RFC 7748).
///
/// Classical: who records the exchange and one day has a quantum computer reads it. A public value
/// that contributes nothing to the secret is refused on either side.
///
/// The secret is HKDF-SHA-256 (RFC 5869) without salt over the shared 32 bytes, with info =
/// `quayside 2026-11 x25519 secret v1` || id of the reader's sealing key (16 bytes) || length (2
/// bytes, most significant first) || ephemeral public key.
pub struct X25519 {
    own: Option<Own>,
    members: Arc<Members>,
}

/// The key at which this party recovers.
struct Own {
    secret: StaticSecret,
    /// The id of the registered pair that it belongs to; nothing if it is not registered.
    key_id: Option<KeyId>,
}

impl X25519 {
    /// Makes a source that draws for every member with a registered key and, given the secret of
    /// one's own registered key, recovers.
    #[must_use]
    pub fn new(own: Option<Zeroizing<[u8; 32]>>, members: Arc<Members>) -> Self {
        let own = own.map(|bytes| {
            let secret = StaticSecret::from(*bytes);
            let public = PublicKey::from(&secret).to_bytes();
            let mut registered = members.iter().filter_map(|member| member.sealing_key.as_ref());
            let key_id = registered.find(|key| key.x25519 == public).map(SealingKey::id);
            Own { secret, key_id }
        });
        Self { own, members }
    }
}

impl fmt::Debug for X25519 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("X25519").field("recovers", &self.own.is_some()).finish_non_exhaustive()
    }
}

/// Refuses a shared secret that is zero: the other side's value had small order, and everybody
/// would compute the same.
fn contributed(shared: SharedSecret) -> Result<SharedSecret, Error> {
    if shared.was_contributory() {
        Ok(shared)
    } else {
        Err(Error::NonContributory { algorithm: "X25519" })
    }
}

#[async_trait]
impl KeySource for X25519 {
    fn name(&self) -> &str {
        NAME
    }

    async fn draw(&self, _request: &RequestId, peer: &Peer, length: u16) -> Result<Drawn, Error> {
        check_length(length)?;
        let member = self
            .members
            .get(&peer.member)
            .ok_or_else(|| Error::PeerUnknown { member: peer.member.clone() })?;
        let Some(key) = &member.sealing_key else {
            return Err(Error::NoSealingKey {
                algorithm: "X25519",
                whose: peer.member.to_string(),
            });
        };
        let ephemeral = EphemeralSecret::random_from_rng(&mut UnwrapErr(SysRng));
        let public = PublicKey::from(&ephemeral).to_bytes().to_vec();
        let shared = contributed(ephemeral.diffie_hellman(&PublicKey::from(key.x25519)))?;
        let secret = derive(LABEL, shared.as_bytes(), key.id(), &public, length)?;
        let handle = Handle {
            kind: Kind::X25519,
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
        if handle.kind != Kind::X25519 || handle.source != NAME {
            return Err(Error::SourceUnknown { name: handle.source.clone() });
        }
        let other: [u8; 32] =
            handle.public.as_slice().try_into().map_err(|_| Error::Malformed {
                why: "an X25519 public key has 32 bytes".into(),
            })?;
        let missing = || Error::NoSealingKey { algorithm: "X25519", whose: "this end".into() };
        let own = self.own.as_ref().ok_or_else(missing)?;
        let shared = contributed(own.secret.diffie_hellman(&PublicKey::from(other)))?;
        let key_id = own.key_id.ok_or_else(missing)?;
        derive(LABEL, shared.as_bytes(), key_id, &handle.public, handle.length)
    }

    async fn confirm(&self, _request: &RequestId) -> Result<(), Error> {
        // Nothing is consumed, so nothing is kept.
        Ok(())
    }
}

/// Computes the public half of a member's sealing keys.
#[must_use]
pub fn public_sealing_key(x25519_secret: &[u8; 32], x_wing_seed: &[u8; 32]) -> SealingKey {
    let x25519 = PublicKey::from(&StaticSecret::from(*x25519_secret)).to_bytes();
    let mut x_wing = Box::new([0; SealingKey::X_WING_LEN]);
    let key = DecapsulationKey::new(x_wing_seed.into());
    x_wing.copy_from_slice(&key.encapsulation_key().to_bytes());
    SealingKey { x25519, x_wing }
}
