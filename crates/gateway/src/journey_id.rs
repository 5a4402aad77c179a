//! The name of a journey.

use std::fmt;
use std::str::FromStr;

use statement::Digest;

use crate::Error;

/// A journey's name: the first 8 bytes of its secret's id, shown as 16 hex characters.
///
/// The secret's id stands in the log, so the name tells a stranger nothing more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JourneyId([u8; 8]);

impl JourneyId {
    /// The name of the journey whose secret has this id.
    #[must_use]
    pub fn of(secret_id: &Digest) -> Self {
        let mut first = [0; 8];
        first.iter_mut().zip(secret_id).for_each(|(to, from)| *to = *from);
        Self(first)
    }

    pub(crate) const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl FromStr for JourneyId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = || Error::Invalid {
            field: "journey",
            why: "a journey is named by 16 lower-case hex characters".to_owned(),
        };
        if text.len() != 16 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(malformed());
        }
        u64::from_str_radix(text, 16)
            .map(|number| Self(number.to_be_bytes()))
            .map_err(|_| malformed())
    }
}

impl fmt::Display for JourneyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:016x}", u64::from_be_bytes(self.0)))
    }
}

impl fmt::Debug for JourneyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JourneyId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_as_it_prints_and_nothing_else_does() {
        let id = JourneyId::of(&[0x0a; 32]);
        assert_eq!(id.to_string(), "0a0a0a0a0a0a0a0a");
        assert_eq!(id.to_string().parse::<JourneyId>().unwrap(), id);
        for bad in ["", "0a", "0A0a0a0a0a0a0a0a", "+a0a0a0a0a0a0a0a", "0a0a0a0a0a0a0a0a0"] {
            assert!(bad.parse::<JourneyId>().is_err(), "{bad}");
        }
    }
}
