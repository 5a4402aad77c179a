//! What the view keeps of sealed events, and of the item secrets that were announced.

use bytes::Bytes;
use minicbor::{Decoder, Encoder};
use party::MemberId;
use statement::{Commitment, Digest, Height, ItemSecret, Leaf, Mark, Position, Tag};

use crate::record::{Garbled, VERSION};

/// A sealed event as the record holds it: its leaf, and its body as ciphertext.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedLeaf {
    /// Where it stands.
    pub position: Position,
    /// Who sealed it.
    pub issuer: MemberId,
    /// The block that holds it.
    pub height: Height,
    /// When that block was decided, in milliseconds since 1970-01-01 UTC.
    pub block_time_ms: i64,
    /// The leaf: commitment, body digest, tags and marks.
    pub leaf: Leaf,
    /// The sealed body, `statement::SealedBody` encoded; `None` when it was erased before this view
    /// saw it.
    pub body: Option<Bytes>,
}

/// An item secret's id, made known in the log before anything is tagged with the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The secret's id.
    pub id: Digest,
    /// Who announced it.
    pub issuer: MemberId,
    /// The keyed tag of the item for which the secret was made.
    pub tag: Tag,
    /// The block that holds it.
    pub height: Height,
    /// The secret that this one takes over from.
    pub predecessor: Option<Digest>,
}

impl SealedLeaf {
    /// Whether the leaf bears the keyed tag of an item under a secret, with a mark that only a
    /// holder of the secret could make.
    #[must_use]
    pub fn bears(&self, secret: &ItemSecret, item: &str, consortium: &party::ConsortiumId) -> bool {
        let tag = Tag::keyed(secret, item);
        let expected = Mark::new(secret, consortium, &self.issuer, &self.leaf.commitment, &tag);
        self.mark_of(&tag) == Some(expected)
    }

    /// The mark beside a tag, if the leaf bears it with one.
    pub(crate) fn mark_of(&self, tag: &Tag) -> Option<Mark> {
        let at = self.leaf.tags.binary_search_by_key(tag, |(tag, _)| *tag).ok()?;
        self.leaf.tags.get(at)?.1
    }

    /// CBOR [2, issuer, height, block time, leaf, body or null].
    pub(crate) fn encode(&self) -> Vec<u8> {
        let room = 128 + 40 * self.leaf.tags.len() + self.body.as_ref().map_or(0, Bytes::len);
        let mut to = Encoder::new(Vec::with_capacity(room));
        if let Err(error) = self.write(&mut to) {
            unreachable!("a vector takes all bytes: {error}");
        }
        to.into_writer()
    }

    fn write(
        &self,
        to: &mut Encoder<Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        to.array(6)?.u8(VERSION)?.str(self.issuer.as_str())?;
        to.u64(self.height.0)?.i64(self.block_time_ms)?.bytes(&self.leaf.encode())?;
        match &self.body {
            Some(body) => to.bytes(body)?,
            None => to.null()?,
        };
        Ok(())
    }

    pub(crate) fn decode(position: Position, bytes: &[u8]) -> Result<Self, Garbled> {
        let mut from = Decoder::new(bytes);
        if from.array()? != Some(6) || from.u8()? != VERSION {
            return Err(Garbled);
        }
        let issuer = from.str()?.parse().map_err(|_| Garbled)?;
        let (height, block_time_ms) = (Height(from.u64()?), from.i64()?);
        let leaf = Leaf::decode(from.bytes()?).map_err(|_| Garbled)?;
        let body = match from.datatype()? {
            minicbor::data::Type::Null => None,
            _ => Some(Bytes::copy_from_slice(from.bytes()?)),
        };
        Ok(Self { position, issuer, height, block_time_ms, leaf, body })
    }
}

impl Announcement {
    /// Whether a secret is the one announced here, and was announced for this item.
    #[must_use]
    pub fn fits(&self, secret: &ItemSecret, item: &str) -> bool {
        self.id == secret.id() && self.tag == Tag::keyed(secret, item)
    }

    /// CBOR [2, id, issuer, tag, height, predecessor or null].
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::new(Vec::with_capacity(192));
        if let Err(error) = self.write(&mut to) {
            unreachable!("a vector takes all bytes: {error}");
        }
        to.into_writer()
    }

    fn write(
        &self,
        to: &mut Encoder<Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        to.array(6)?.u8(VERSION)?.bytes(&self.id)?.str(self.issuer.as_str())?;
        to.bytes(&self.tag.0)?.u64(self.height.0)?;
        match &self.predecessor {
            Some(predecessor) => to.bytes(predecessor)?,
            None => to.null()?,
        };
        Ok(())
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Garbled> {
        let mut from = Decoder::new(bytes);
        if from.array()? != Some(6) || from.u8()? != VERSION {
            return Err(Garbled);
        }
        let id = from.bytes()?.try_into().map_err(|_| Garbled)?;
        let issuer = from.str()?.parse().map_err(|_| Garbled)?;
        let tag = Tag(from.bytes()?.try_into().map_err(|_| Garbled)?);
        let height = Height(from.u64()?);
        let predecessor = match from.datatype()? {
            minicbor::data::Type::Null => None,
            _ => Some(from.bytes()?.try_into().map_err(|_| Garbled)?),
        };
        Ok(Self { id, issuer, tag, height, predecessor })
    }
}

/// Where a sealed leaf lies: by commitment, then by position, for a stranger may copy one.
pub(crate) fn sealed_key(commitment: &Commitment, position: Position) -> [u8; 44] {
    let mut key = [0; 44];
    let (front, back) = key.split_at_mut(commitment.0.len());
    front.copy_from_slice(&commitment.0);
    back.copy_from_slice(&crate::record::position_key(position));
    key
}

#[cfg(test)]
mod tests {
    use statement::{LeafIndex, LogIndex};

    use super::*;

    #[test]
    fn a_sealed_leaf_and_an_announcement_come_back_as_they_were_kept() {
        let position = Position { index: LogIndex(3), leaf: LeafIndex(1) };
        let secret = ItemSecret::from_bytes([7; 32]);
        let tag = Tag::keyed(&secret, "urn:x:pallet");
        let leaf = Leaf::new(Commitment([1; 32]), [2; 32], vec![(tag, Some(Mark([3; 16])))]);
        for body in [None, Some(Bytes::from_static(b"sealed"))] {
            let sealed = SealedLeaf {
                position,
                issuer: "sky-air".parse().unwrap(),
                height: Height(4),
                block_time_ms: 5,
                leaf: leaf.clone().unwrap(),
                body,
            };
            assert_eq!(SealedLeaf::decode(position, &sealed.encode()).unwrap(), sealed);
            assert_eq!(sealed.mark_of(&tag), Some(Mark([3; 16])));
            assert_eq!(sealed.mark_of(&Tag([0; 16])), None);
        }
        for predecessor in [None, Some([8; 32])] {
            let issuer = "sky-air".parse().unwrap();
            let said =
                Announcement { id: secret.id(), issuer, tag, height: Height(2), predecessor };
            assert_eq!(Announcement::decode(&said.encode()).unwrap(), said);
            assert!(said.fits(&secret, "urn:x:pallet") && !said.fits(&secret, "urn:x:other"));
            assert!(!said.fits(&ItemSecret::from_bytes([8; 32]), "urn:x:pallet"));
        }
    }
}
