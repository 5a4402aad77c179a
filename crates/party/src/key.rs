//! Public keys and their short ids.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// The 32 bytes of an Ed25519 public key (RFC 8032), not yet checked to be one.
///
/// In JSON 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(pub [u8; 32]);

/// Names a public key: the first 16 bytes of its BLAKE3 hash.
///
/// In JSON 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId(pub [u8; 16]);

impl KeyId {
    /// Computes the id of `key`.
    #[must_use]
    pub fn of(key: &PublicKey) -> Self {
        // Without a context, so that anyone can compute it: it is what `b3sum` prints, cut.
        let mut id = [0; 16];
        blake3::Hasher::new().update(&key.0).finalize_xof().fill(&mut id);
        Self(id)
    }
}

/// Reads exactly `N` bytes of lower-case hexadecimal digits; one text per value.
pub(crate) fn from_hex<const N: usize>(kind: &'static str, text: &str) -> Result<[u8; N], Error> {
    let malformed = Error::HexMalformed { kind, digits: 2 * N };
    let mut bytes = [0; N];
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(malformed);
    }
    hex::decode_to_slice(text, &mut bytes).map_err(|_| malformed)?;
    Ok(bytes)
}

macro_rules! hex_text {
    ($name:ident, $kind:literal) => {
        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                from_hex($kind, text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                hex::encode(value.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

hex_text!(PublicKey, "public key");
hex_text!(KeyId, "key id");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_id_is_the_front_of_the_plain_blake3_hash() {
        let key = PublicKey([7; 32]);
        assert_eq!(KeyId::of(&key).0[..], blake3::hash(&key.0).as_bytes()[..16]);
    }

    #[test]
    fn a_key_comes_back_from_its_text() {
        let key = PublicKey(std::array::from_fn(|i| u8::try_from(i * 7).unwrap()));
        assert_eq!(key.to_string().parse(), Ok(key));
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<PublicKey>(&json).unwrap(), key);
    }

    #[test]
    fn a_key_has_one_text_only() {
        let text = PublicKey([0xab; 32]).to_string();
        for bad in [text.to_uppercase(), text[2..].into(), format!("{text}00"), format!("0x{text}")]
        {
            let error = bad.parse::<PublicKey>().unwrap_err();
            assert_eq!(error.to_string(), "public key is not 64 lower-case hexadecimal digits");
        }
        assert!("zz".repeat(16).parse::<KeyId>().is_err());
    }
}
