//! An event's leaf: all of the event that the log itself holds.

use crate::cbor::{Reader, Writer};
use crate::{Commitment, Digest, Error, Mark, Part, Tag};

/// How many tags one leaf may bear: a pallet has many children.
pub const MAX_TAGS_PER_LEAF: usize = 2_048;

/// CBOR [1, commitment, body digest, [[tag, mark], ...]], tags strictly increasing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The event's commitment, which identifies it.
    pub commitment: Commitment,
    /// The digest of the body, which travels and may be erased apart.
    pub body_digest: Digest,
    /// The tags of the event's items; a keyed tag has a mark beside it, an open one none.
    pub tags: Vec<(Tag, Option<Mark>)>,
}

impl Leaf {
    /// Makes a leaf, with its tags in order.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] above [`MAX_TAGS_PER_LEAF`]; [`Error::Malformed`] if a tag is there twice.
    pub fn new(
        commitment: Commitment,
        body_digest: Digest,
        mut tags: Vec<(Tag, Option<Mark>)>,
    ) -> Result<Self, Error> {
        tags.sort_unstable();
        let leaf = Self { commitment, body_digest, tags };
        leaf.check()?;
        Ok(leaf)
    }

    /// Writes the leaf.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(80 + 36 * self.tags.len());
        out.array(4).uint(1).bytes(&self.commitment.0).bytes(&self.body_digest);
        out.array(self.tags.len());
        for (tag, mark) in &self.tags {
            out.array(2).bytes(&tag.0);
            out.bytes(mark.as_ref().map_or(&[], |mark| mark.0.as_slice()));
        }
        out.into_bytes()
    }

    /// Reads a leaf.
    ///
    /// # Errors
    ///
    /// If it is malformed or not deterministic, or its tags are too many or out of order.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::new(Part::Leaf, bytes);
        input.array(4)?;
        input.version()?;
        let commitment = Commitment(input.fixed()?);
        let body_digest = input.fixed()?;
        let count = input.array_up_to(limit(), "tags")?;
        let mut tags = Vec::with_capacity(count);
        for _ in 0..count {
            input.array(2)?;
            let tag = Tag(input.fixed()?);
            let mark = match input.bytes()? {
                [] => None,
                mark => Some(Mark(mark.try_into().map_err(|_| {
                    input.malformed("a mark has 16 bytes, or none beside an open tag")
                })?)),
            };
            tags.push((tag, mark));
        }
        let leaf = Self { commitment, body_digest, tags };
        input.same(&leaf.encode())?;
        leaf.check()?;
        Ok(leaf)
    }

    fn check(&self) -> Result<(), Error> {
        let found = crate::cbor::wide(self.tags.len());
        if found > limit() {
            return Err(Error::TooMany { part: Part::Leaf, what: "tags", found, limit: limit() });
        }
        // Strictly, by the tag alone: the same tag with two marks would count twice.
        let in_order = self.tags.iter().zip(self.tags.iter().skip(1)).all(|(a, b)| a.0 < b.0);
        if in_order {
            Ok(())
        } else {
            Err(Error::Malformed { part: Part::Leaf, why: "its tags are not strictly increasing" })
        }
    }
}

fn limit() -> u64 {
    crate::cbor::wide(MAX_TAGS_PER_LEAF)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(tags: &[(u8, Option<u8>)]) -> Leaf {
        let tags =
            tags.iter().map(|(tag, mark)| (Tag([*tag; 16]), mark.map(|mark| Mark([mark; 16]))));
        Leaf { commitment: Commitment([1; 32]), body_digest: [2; 32], tags: tags.collect() }
    }

    #[test]
    fn tags_out_of_order_or_twice_are_refused() {
        assert!(Leaf::decode(&leaf(&[(1, None), (2, Some(9))]).encode()).is_ok());
        // The same tag with another mark would count the leaf twice in the tag's history.
        for tags in [[(2, None), (1, None)], [(1, None), (1, None)], [(1, Some(1)), (1, Some(2))]] {
            let leaf = leaf(&tags);
            let why = "its tags are not strictly increasing";
            let refused = Err(Error::Malformed { part: Part::Leaf, why });
            assert_eq!(Leaf::decode(&leaf.encode()), refused);
            if tags[0].0 == tags[1].0 {
                assert_eq!(Leaf::new(leaf.commitment, leaf.body_digest, leaf.tags), refused);
            }
        }
    }

    #[test]
    fn more_tags_than_a_leaf_may_bear_are_refused() {
        let tag = |n: u32| (Tag([n.to_be_bytes(); 4].concat().try_into().unwrap()), None);
        let tags = |count| (0..count).map(tag).collect::<Vec<_>>();
        let largest = Leaf::new(Commitment([1; 32]), [2; 32], tags(2_048)).unwrap();
        assert_eq!(Leaf::decode(&largest.encode()), Ok(largest));
        let refused = Leaf::new(Commitment([1; 32]), [2; 32], tags(2_049)).unwrap_err();
        assert_eq!(refused.reason(), "TOO_MANY_TAGS");
        let larger = Leaf { tags: tags(2_049), ..leaf(&[]) };
        assert_eq!(Leaf::decode(&larger.encode()), Err(refused));
    }

    #[test]
    fn a_mark_of_another_length_is_refused() {
        let bytes = leaf(&[(1, Some(3))]).encode();
        let mut shorter = bytes[..bytes.len() - 1].to_vec();
        let head = shorter.len() - 16;
        shorter[head] = 0x4f;
        assert!(matches!(Leaf::decode(&shorter), Err(Error::Malformed { part: Part::Leaf, .. })));
    }
}
