//! The public keys to which a member's secrets are sealed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::key::from_hex;
use crate::{Error, KeyId};

/// The public half of a member's sealing keys: what others encapsulate a secret to.
///
/// In JSON an object of two strings of lower-case hexadecimal digits. Whether the bytes are keys
/// of their algorithms is not checked here; `keys` says so.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "Text")]
pub struct SealingKey {
    /// The X25519 public key (RFC 7748).
    pub x25519: [u8; 32],
    /// The X-Wing encapsulation key: ML-KEM-768's 1,184 bytes, then X25519's 32.
    pub x_wing: Box<[u8; Self::X_WING_LEN]>,
}

/// A sealing key as JSON holds it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    x25519: String,
    x_wing: String,
}

impl SealingKey {
    /// How many bytes an X-Wing encapsulation key has.
    pub const X_WING_LEN: usize = 1_216;

    /// Computes the id of the pair: the first 16 bytes of BLAKE3 over the one key, then the other.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let mut id = [0; 16];
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.x25519).update(self.x_wing.as_slice()).finalize_xof().fill(&mut id);
        KeyId(id)
    }
}

impl TryFrom<Text> for SealingKey {
    type Error = Error;

    fn try_from(text: Text) -> Result<Self, Error> {
        let x25519 = from_hex("X25519 sealing key", &text.x25519)?;
        Ok(Self { x25519, x_wing: Box::new(from_hex("X-Wing sealing key", &text.x_wing)?) })
    }
}

impl From<SealingKey> for Text {
    fn from(key: SealingKey) -> Self {
        Self { x25519: hex::encode(key.x25519), x_wing: hex::encode(key.x_wing.as_slice()) }
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> SealingKey {
        SealingKey { x25519: [number; 32], x_wing: Box::new([number; SealingKey::X_WING_LEN]) }
    }

    #[test]
    fn the_id_is_the_front_of_the_plain_hash_over_both_keys() {
        let bytes = [&[3; 32][..], &[3; SealingKey::X_WING_LEN]].concat();
        assert_eq!(key(3).id().0[..], blake3::hash(&bytes).as_bytes()[..16]);
        let other = SealingKey { x25519: [4; 32], ..key(3) };
        assert_ne!(other.id(), key(3).id());
    }

    #[test]
    fn a_sealing_key_comes_back_from_json_and_a_bad_one_does_not() {
        let json = serde_json::to_string(&key(9)).unwrap();
        assert_eq!(serde_json::from_str::<SealingKey>(&json).unwrap(), key(9));
        for bad in [json.replacen("09", "9", 1), json.replacen("09", "0G", 1), "{}".to_owned()] {
            assert!(serde_json::from_str::<SealingKey>(&bad).is_err());
        }
    }
}
