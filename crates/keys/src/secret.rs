//! Secrets, who shares them, and the request that asks for one.

use std::fmt;
use std::str::FromStr;

use party::{MemberId, SiteId};
use rand::TryRng;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use crate::{Error, Handle};

/// The shortest secret that may be asked for, in bytes.
pub const MIN_LENGTH: u16 = 16;
/// The longest secret that may be asked for, in bytes.
pub const MAX_LENGTH: u16 = 1_024;

/// Refuses a length that nobody may ask for.
pub(crate) fn check_length(length: u16) -> Result<(), Error> {
    if (MIN_LENGTH..=MAX_LENGTH).contains(&length) {
        Ok(())
    } else {
        Err(Error::LengthInvalid { length })
    }
}

/// The other party of a secret: a member, and the site at which it recovers or drew.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    /// Whose secret it is to be.
    pub member: MemberId,
    /// Where that member's machines stand: it decides which link leads there.
    pub site: SiteId,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.member, self.site)
    }
}

/// Names one question, so that asking again is not asking anew: 16 bytes chosen by the caller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub [u8; 16]);

impl RequestId {
    /// Draws an id that nobody has used.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the system gives no randomness.
    pub fn random() -> Result<Self, Error> {
        let mut bytes = [0; 16];
        fill(&mut bytes)?;
        Ok(Self(bytes))
    }
}

/// Fills `bytes` from the operating system.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    SysRng.try_fill_bytes(bytes).map_err(|error| Error::Unavailable {
        message: format!("the system gives no randomness: {error}"),
    })
}

/// Prints bytes as lower-case hexadecimal digits.
pub(crate) fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Bytes as lower-case hexadecimal digits.
#[cfg(any(test, feature = "pool"))]
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Reads exactly 32 lower-case hexadecimal digits.
pub(crate) fn read_hex(kind: &str, text: &str) -> Result<[u8; 16], Error> {
    let malformed =
        || Error::Malformed { why: format!("a {kind} is 32 lower-case hexadecimal digits") };
    if text.len() != 32 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(malformed());
    }
    // 32 digits are a number of exactly 16 bytes, the most significant first.
    u128::from_str_radix(text, 16).map(u128::to_be_bytes).map_err(|_| malformed())
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

impl FromStr for RequestId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        read_hex("request id", text).map(Self)
    }
}

/// A secret that two parties share. It is wiped when it is dropped, and is never printed.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes over bytes that are a secret.
    #[must_use]
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// Shows the bytes, for the derivation that uses them up.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Secret {
    /// Compares in a time that tells nothing but the lengths.
    fn eq(&self, other: &Self) -> bool {
        // Equality of BLAKE3 hashes takes constant time.
        self.0.len() == other.0.len() && blake3::hash(&self.0) == blake3::hash(&other.0)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

/// What a draw yields: the secret, and what the far end needs to reach it.
#[derive(Debug)]
pub struct Drawn {
    /// What travels to the far end.
    pub handle: Handle,
    /// What stays here.
    pub secret: Secret,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_shows_its_bytes() {
        let secret = Secret::new(Zeroizing::new(vec![0xab; 32]));
        assert_eq!(format!("{secret:?}"), "Secret(32 bytes)");
    }

    #[test]
    fn a_request_id_has_one_text() {
        let request = RequestId([0xab; 16]);
        assert_eq!(request.to_string().parse(), Ok(request));
        for bad in ["", "ab", &"AB".repeat(16), &"ab".repeat(17), &"+b".repeat(16), &"é".repeat(16)]
        {
            assert!(bad.parse::<RequestId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn two_random_request_ids_differ() {
        assert_ne!(RequestId::random(), RequestId::random());
    }

    #[test]
    fn a_secret_equals_itself_only() {
        let secret = |byte, count| Secret::new(Zeroizing::new(vec![byte; count]));
        assert_eq!(secret(1, 32), secret(1, 32));
        assert_ne!(secret(1, 32), secret(2, 32));
        assert_ne!(secret(1, 32), secret(1, 31));
    }
}
