//! The payload of a capture statement.

use crate::cbor::{Reader, Writer};
use crate::{Digest, Error, Height, Part, RequestId};

/// How many leaves one capture may have.
pub const MAX_LEAVES: u32 = 10_000;

/// How many tags the leaves of one capture may bear together.
pub const MAX_TAGS_PER_CAPTURE: usize = 20_000;

/// How many bytes an entry may have: the statement, its leaves, and their bodies.
///
/// It leaves a sixteenth of a message of 16 MiB to framing, so that what one member could submit
/// every other can receive.
pub const MAX_ENTRY_BYTES: usize = 15 << 20;

/// How many bytes an entry has, as [`MAX_ENTRY_BYTES`] counts them.
#[must_use]
pub fn entry_bytes<L: AsRef<[u8]>>(statement: &[u8], leaves: &[L], bodies: &[L]) -> usize {
    let bytes = |parts: &[L]| parts.iter().map(|part| part.as_ref().len()).sum::<usize>();
    statement.len() + bytes(leaves) + bytes(bodies)
}

/// What a member signs when it takes events in: CBOR [1, root, count, request id, last height].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The root of the capture tree.
    pub root: Digest,
    /// How many leaves the tree has, 1 to [`MAX_LEAVES`].
    pub count: u32,
    /// The id of the request.
    pub request_id: RequestId,
    /// The last height at which the capture may be committed.
    pub last_height: Height,
}

impl Capture {
    /// Writes the payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(72);
        out.array(5).uint(1).bytes(&self.root).uint(self.count.into());
        out.bytes(&self.request_id.0).uint(self.last_height.0);
        out.into_bytes()
    }

    /// Reads a payload.
    ///
    /// # Errors
    ///
    /// If it is malformed, not deterministic, or has no leaf or too many.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::new(Part::Capture, bytes);
        input.array(5)?;
        input.version()?;
        let root = input.fixed()?;
        let count = input.uint32()?;
        let request_id = RequestId(input.fixed()?);
        let last_height = Height(input.uint()?);
        let capture = Self { root, count, request_id, last_height };
        input.same(&capture.encode())?;
        if count == 0 {
            return Err(input.malformed("a capture has at least one leaf"));
        }
        if count > MAX_LEAVES {
            let (found, limit) = (count.into(), MAX_LEAVES.into());
            return Err(Error::TooMany { part: Part::Capture, what: "leaves", found, limit });
        }
        Ok(capture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cast::{capture, leaves};

    #[test]
    fn an_entry_has_the_bytes_of_all_its_parts() {
        assert_eq!(entry_bytes(b"abc", &[b"de".to_vec(), b"f".to_vec()], &[b"ghij".to_vec()]), 10);
    }

    #[test]
    fn a_capture_has_one_leaf_at_least_and_ten_thousand_at_most() {
        let with = |count| {
            let capture = Capture { count, ..capture(&leaves(1)) };
            Capture::decode(&capture.encode()).map(|capture| capture.count)
        };
        assert_eq!((with(1), with(10_000)), (Ok(1), Ok(10_000)));
        assert!(matches!(with(0), Err(Error::Malformed { part: Part::Capture, .. })));
        assert_eq!(with(10_001).unwrap_err().reason(), "TOO_MANY_EVENTS");
    }
}
