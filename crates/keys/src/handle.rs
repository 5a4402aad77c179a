//! What the far end needs to reach the same secret.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder, decode, encode};

use crate::Error;
use crate::secret::{check_length, read_hex, write_hex};

/// The version of the handle's encoding.
const VERSION: u8 = 1;
/// How many bytes a key of a pool has.
pub(crate) const POOL_KEY_LEN: u16 = 32;
/// What the check of a pair of members measures, in bytes: the public part of a pool's handle.
pub(crate) const POOL_CHECK_LEN: usize = 16;
/// The most key ids in a handle: what the longest secret, of 1,024 bytes, takes.
const MAX_KEY_IDS: usize = 32;
/// The most sources that can have been passed over. A reader entry takes a handle of 4,096 bytes.
pub(crate) const MAX_PASSED_OVER: usize = 8;
/// The longest name of a source, in bytes: `qkd:` and an id.
const MAX_SOURCE_LEN: usize = 67;
/// The longest reason, in bytes.
pub(crate) const MAX_REASON_LEN: usize = 240;
/// What an X25519 public key measures, in bytes.
const X25519_LEN: usize = 32;
/// What an X-Wing ciphertext measures, in bytes.
const X_WING_LEN: usize = 1_120;

/// What kind of source a secret came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// X25519 (RFC 7748), an ephemeral key against the reader's registered one. Code 1.
    X25519,
    /// X-Wing: X25519 and ML-KEM-768 (FIPS 203). Code 2.
    XWing,
    /// Keys that both ends hold already, each with an id. Code 3.
    Pool,
}

impl Kind {
    /// The number that stands for it in a handle.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::X25519 => 1,
            Self::XWing => 2,
            Self::Pool => 3,
        }
    }

    /// Finds the kind of that code.
    #[must_use]
    pub fn of_code(code: u8) -> Option<Self> {
        [Self::X25519, Self::XWing, Self::Pool].into_iter().find(|kind| kind.code() == code)
    }
}

/// The id of a stored key: 16 random bytes, which say nothing of the key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyUuid(pub [u8; 16]);

impl fmt::Display for KeyUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for KeyUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyUuid({self})")
    }
}

impl FromStr for KeyUuid {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        read_hex("key id", text).map(Self)
    }
}

/// A source that was asked first and could not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PassedOver {
    /// The source's name.
    pub source: String,
    /// Why it could not: a reason in one word, and for a line shut-down `: ` and what it saw.
    pub reason: String,
}

/// What the far end needs to reach the same secret: an ephemeral key, an encapsulation, or the ids
/// of stored keys. A handle is public.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Handle {
    /// What kind of source it was.
    pub kind: Kind,
    /// The source that was really used: `x25519`, `x-wing` or `qkd:<link>`.
    pub source: String,
    /// The ids of the stored keys, in the order in which they make up the secret.
    pub key_ids: Vec<KeyUuid>,
    /// The public part: an ephemeral X25519 key, an X-Wing ciphertext, or of a pool's keys what
    /// says to who holds them for which two members they were drawn.
    pub public: Vec<u8>,
    /// How many bytes the secret has.
    pub length: u16,
    /// Whether the key comes from a seeded link, which is for tests only.
    pub seeded: bool,
    /// The sources that were asked first and could not, in that order.
    pub passed_over: Vec<PassedOver>,
    /// The envelope's confirmation that sender and reader mean the same handle and hold the same
    /// secret.
    pub mac: Option<[u8; 32]>,
}

impl Handle {
    /// Encodes as deterministic CBOR: [1, kind, source, [key id, ..], public part, length, seeded,
    /// [[source, reason], ..], MAC or null].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::new(Vec::with_capacity(96 + self.public.len()));
        // Writing to a vector cannot fail.
        let _written = self.write(&mut to);
        to.into_writer()
    }

    fn write(&self, to: &mut Encoder<Vec<u8>>) -> Result<(), encode::Error<Infallible>> {
        to.array(9)?.u8(VERSION)?.u8(self.kind.code())?.str(&self.source)?;
        to.array(wide(self.key_ids.len()))?;
        for id in &self.key_ids {
            to.bytes(&id.0)?;
        }
        to.bytes(&self.public)?.u16(self.length)?.bool(self.seeded)?;
        to.array(wide(self.passed_over.len()))?;
        for one in &self.passed_over {
            to.array(2)?.str(&one.source)?.str(&one.reason)?;
        }
        match &self.mac {
            Some(mac) => to.bytes(mac)?,
            None => to.null()?,
        };
        Ok(())
    }

    /// Decodes, strictly: whatever [`Self::encode`] would not have written is refused.
    ///
    /// # Errors
    ///
    /// When the bytes are not the one encoding of a handle, or its parts do not belong together.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut from = Decoder::new(bytes);
        let handle = Self::read(&mut from)
            .map_err(|error| malformed(&format!("it is not the CBOR of one ({error})")))??;
        if from.position() != bytes.len() || handle.encode() != bytes {
            return Err(malformed("it is not encoded in the one deterministic way"));
        }
        handle.check()?;
        Ok(handle)
    }

    /// Reads the parts; the outer result says whether they are CBOR, the inner whether they are
    /// those of a handle.
    fn read(from: &mut Decoder<'_>) -> Result<Result<Self, Error>, decode::Error> {
        if from.array()? != Some(9) {
            return Ok(Err(malformed("it is not a list of nine")));
        }
        let version = from.u8()?;
        if version != VERSION {
            return Ok(Err(malformed(&format!("version {version} is unknown"))));
        }
        let Some(kind) = Kind::of_code(from.u8()?) else {
            return Ok(Err(malformed("its kind is unknown")));
        };
        let source = from.str()?.to_owned();
        let Some(count) = count(from, MAX_KEY_IDS)? else {
            return Ok(Err(malformed("it has too many key ids")));
        };
        let mut key_ids = Vec::with_capacity(count);
        for _ in 0..count {
            match from.bytes()?.try_into() {
                Ok(id) => key_ids.push(KeyUuid(id)),
                Err(_) => return Ok(Err(malformed("a key id has not 16 bytes"))),
            }
        }
        let (public, length, seeded) = (from.bytes()?.to_vec(), from.u16()?, from.bool()?);
        let Some(count) = self::count(from, MAX_PASSED_OVER)? else {
            return Ok(Err(malformed("too many sources were passed over")));
        };
        let mut passed_over = Vec::with_capacity(count);
        for _ in 0..count {
            if from.array()? != Some(2) {
                return Ok(Err(malformed("a source passed over is not a list of two")));
            }
            let (source, reason) = (from.str()?.to_owned(), from.str()?.to_owned());
            passed_over.push(PassedOver { source, reason });
        }
        let mac = if from.datatype()? == Type::Null {
            from.null()?;
            None
        } else {
            match from.bytes()?.try_into() {
                Ok(mac) => Some(mac),
                Err(_) => return Ok(Err(malformed("its MAC has not 32 bytes"))),
            }
        };
        Ok(Ok(Self { kind, source, key_ids, public, length, seeded, passed_over, mac }))
    }

    /// Checks that the parts are of bounded size and belong together.
    fn check(&self) -> Result<(), Error> {
        check_length(self.length)?;
        let (source_fits, public_len, ids) = match self.kind {
            Kind::X25519 => (self.source == "x25519", X25519_LEN, 0),
            Kind::XWing => (self.source == "x-wing", X_WING_LEN, 0),
            Kind::Pool => (self.source.starts_with("qkd:"), POOL_CHECK_LEN, key_count(self.length)),
        };
        if !source_fits || !is_name(&self.source) {
            return Err(malformed("its source is not of its kind"));
        }
        if self.public.len() != public_len {
            return Err(malformed(&format!("its public part has not {public_len} bytes")));
        }
        if self.key_ids.len() != usize::from(ids) {
            return Err(malformed(&format!("its length takes {ids} key ids")));
        }
        if self.key_ids.iter().collect::<BTreeSet<_>>().len() != self.key_ids.len() {
            return Err(malformed("it names a key twice"));
        }
        let shown = |reason: &str| {
            reason.len() <= MAX_REASON_LEN && !reason.is_empty() && !reason.contains(is_unprintable)
        };
        if self.passed_over.iter().any(|one| !is_name(&one.source) || !shown(&one.reason)) {
            return Err(malformed("a source passed over has no proper name or reason"));
        }
        Ok(())
    }

    /// The handle as it was before the envelope confirmed it: what the confirmation covers.
    #[must_use]
    pub fn without_mac(&self) -> Self {
        Self { mac: None, ..self.clone() }
    }
}

/// How many keys of a pool make up a secret of that length.
pub(crate) fn key_count(length: u16) -> u16 {
    length.div_ceil(POOL_KEY_LEN)
}

/// Reads the head of a list; nothing if it is endless or longer than `limit`.
fn count(from: &mut Decoder<'_>, limit: usize) -> Result<Option<usize>, decode::Error> {
    let found = from.array()?.and_then(|found| usize::try_from(found).ok());
    Ok(found.filter(|found| *found <= limit))
}

/// A count as CBOR writes it; no machine that this runs on has a wider `usize`.
fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Whether a source may bear that name.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=MAX_SOURCE_LEN).contains(&name.len())
        && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b':'))
}

/// Whether a character would spoil the line of a log or a table.
pub(crate) fn is_unprintable(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

fn malformed(why: &str) -> Error {
    Error::Malformed { why: format!("the handle is malformed: {why}") }
}

#[cfg(test)]
mod tests;
