//! Bodies: the event itself with its seed, open to every reader, or its parts, sealed.

use party::{ConsortiumId, MemberId};

use crate::cbor::{Reader, Writer, wide};
use crate::{Commitment, Digest, Error, Leaf, Part, Seed, commit_json, hash};

/// How many parts a sealed body may have.
pub const MAX_PARTS: usize = 16;
/// The version of an open body.
const OPEN: u64 = 1;
/// The version of a sealed body, so that neither is ever read as the other.
const SEALED: u64 = 2;

/// The digest of a body's bytes, as its leaf carries it: H("body v1", body).
#[must_use]
pub fn body_digest(body: &[u8]) -> Digest {
    hash::BODY.hash(body)
}

/// The event itself, with the seed that lets every reader recompute the commitment: CBOR [1, seed,
/// canonical JSON].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenBody {
    /// The seed of the event's salts.
    pub seed: Seed,
    /// The event, as canonical JSON.
    pub json: String,
}

impl OpenBody {
    /// Writes the body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(self.json.len() + 48);
        out.array(3).uint(OPEN).bytes(self.seed.as_bytes()).text(&self.json);
        out.into_bytes()
    }

    /// Reads a body.
    ///
    /// # Errors
    ///
    /// If it is malformed or not deterministic.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::new(Part::Body, bytes);
        input.array(3)?;
        input.version()?;
        let seed = Seed::from_bytes(input.fixed()?);
        let body = Self { seed, json: input.text()?.to_owned() };
        input.same(&body.encode())?;
        Ok(body)
    }

    /// Recomputes the commitment from the body.
    ///
    /// # Errors
    ///
    /// As [`commit_json`].
    pub fn commitment(
        &self,
        consortium: &ConsortiumId,
        issuer: &MemberId,
    ) -> Result<Commitment, Error> {
        commit_json(consortium, issuer, &self.seed, &self.json)
    }
}

/// The parts of a sealed event: CBOR [2, [part, ...]], 1 to [`MAX_PARTS`] of them.
///
/// Each part is a `COSE_Encrypt0` under its own content key, which this crate cannot read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBody {
    /// The parts, as the sealer wrote them; none is empty.
    pub parts: Vec<Vec<u8>>,
}

impl SealedBody {
    /// Writes the body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let bytes = self.parts.iter().map(|part| part.len().saturating_add(5)).sum::<usize>();
        let mut out = Writer::with_capacity(bytes.saturating_add(4));
        out.array(2).uint(SEALED).array(self.parts.len());
        for part in &self.parts {
            out.bytes(part);
        }
        out.into_bytes()
    }

    /// Reads a body.
    ///
    /// # Errors
    ///
    /// If it is malformed or not deterministic, has no part, an empty one, or too many.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::new(Part::Body, bytes);
        input.array(2)?;
        input.this_version(SEALED)?;
        let count = input.array_up_to(wide(MAX_PARTS), "parts")?;
        if count == 0 {
            return Err(input.malformed("a sealed body has at least one part"));
        }
        let mut parts = Vec::with_capacity(count);
        for _ in 0..count {
            match input.bytes()? {
                [] => return Err(input.malformed("a sealed part is empty")),
                part => parts.push(part.to_vec()),
            }
        }
        let body = Self { parts };
        input.same(&body.encode())?;
        Ok(body)
    }
}

/// A body of either kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Open to whoever has it.
    Open(OpenBody),
    /// Closed to all but the readers of its parts.
    Sealed(SealedBody),
}

impl Body {
    /// Writes the body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Open(body) => body.encode(),
            Self::Sealed(body) => body.encode(),
        }
    }

    /// Reads a body, of the kind that its version says.
    ///
    /// # Errors
    ///
    /// If it is malformed, not deterministic, or of an unknown version.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut head = Reader::new(Part::Body, bytes);
        head.array_up_to(3, "elements")?;
        match head.uint()? {
            OPEN => OpenBody::decode(bytes).map(Self::Open),
            SEALED => SealedBody::decode(bytes).map(Self::Sealed),
            found => Err(Error::Version { part: Part::Body, found }),
        }
    }

    /// Checks that the marks of the event's leaf are those of this kind of body: beside every tag
    /// of a sealed one, beside no tag of an open one. A leaf between the two would let an event
    /// stand in the open history of an item with a body that nobody can hold against it.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] at [`Part::Leaf`] if they are not.
    pub fn check_marks(&self, leaf: &Leaf) -> Result<(), Error> {
        let wrong = |why| Err(Error::Malformed { part: Part::Leaf, why });
        match self {
            Self::Open(_) if leaf.tags.iter().any(|(_, mark)| mark.is_some()) => {
                wrong("a tag of an open event bears a mark")
            }
            Self::Sealed(_) if leaf.tags.iter().any(|(_, mark)| mark.is_none()) => {
                wrong("a tag of a sealed event bears no mark")
            }
            Self::Open(_) | Self::Sealed(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mark, Tag};

    fn sealed(parts: &[&[u8]]) -> SealedBody {
        SealedBody { parts: parts.iter().map(|part| part.to_vec()).collect() }
    }

    #[test]
    fn a_body_is_read_as_the_kind_that_it_is_and_never_as_the_other() {
        let open = OpenBody { seed: Seed::from_bytes([1; 32]), json: "{}".into() };
        let closed = sealed(&[b"one", b"two"]);
        assert_eq!(Body::decode(&open.encode()), Ok(Body::Open(open.clone())));
        assert_eq!(Body::decode(&closed.encode()), Ok(Body::Sealed(closed.clone())));
        assert!(OpenBody::decode(&closed.encode()).is_err());
        assert!(SealedBody::decode(&open.encode()).is_err());
        // The shape of the one under the version of the other.
        let mut bytes = closed.encode();
        bytes[1] = 1;
        assert!(Body::decode(&bytes).is_err());
        let mut bytes = open.encode();
        bytes[1] = 2;
        assert!(Body::decode(&bytes).is_err());
        bytes[1] = 3;
        assert_eq!(Body::decode(&bytes), Err(Error::Version { part: Part::Body, found: 3 }));
    }

    #[test]
    fn a_sealed_body_without_parts_or_with_an_empty_one_or_with_too_many_is_refused() {
        let one: &[u8] = b"x";
        assert!(SealedBody::decode(&sealed(&[one; MAX_PARTS]).encode()).is_ok());
        for parts in [&[][..], &[one, b""], &[one; MAX_PARTS + 1]] {
            assert!(SealedBody::decode(&sealed(parts).encode()).is_err(), "{} parts", parts.len());
        }
        // A head that promises parts which never come.
        assert!(SealedBody::decode(&[0x82, 0x02, 0x9b, 0, 0, 0, 0, 0, 0, 0, 9]).is_err());
    }

    #[test]
    fn marks_stand_beside_all_tags_of_a_sealed_event_and_beside_none_of_an_open_one() {
        let leaf = |marks: &[Option<u8>]| {
            let tags =
                (0..).zip(marks).map(|(n, mark)| (Tag([n; 16]), mark.map(|m| Mark([m; 16]))));
            Leaf::new(Commitment([1; 32]), [2; 32], tags.collect()).unwrap()
        };
        let open = Body::Open(OpenBody { seed: Seed::from_bytes([1; 32]), json: "{}".into() });
        let closed = Body::Sealed(sealed(&[b"x"]));
        let cases: [(&[Option<u8>], bool, bool); 4] = [
            (&[], true, true),
            (&[None, None], true, false),
            (&[Some(1), Some(2)], false, true),
            (&[None, Some(2)], false, false),
        ];
        for (marks, of_open, of_sealed) in cases {
            assert_eq!(open.check_marks(&leaf(marks)).is_ok(), of_open, "{marks:?}");
            assert_eq!(closed.check_marks(&leaf(marks)).is_ok(), of_sealed, "{marks:?}");
        }
    }
}
