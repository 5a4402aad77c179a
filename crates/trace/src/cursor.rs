//! How far the index has come: all that is needed to verify the next block.

use std::sync::Arc;

use merkle::{Frontier, Rfc9162Sha256};
use minicbor::{Decoder, Encoder};
use party::{Member, MemberId, Members, PublicKey};
use statement::{Digest, Height, members_digest};

use crate::record::{Garbled, VERSION};

/// The last block taken, and the log's right edge after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The digest of the members who are pinned: other members, another index.
    pub(crate) pinned: Digest,
    /// The members with their keys of now.
    pub(crate) members: Arc<Members>,
    /// The statement keys that members took in place of their old ones, in the order of the log.
    pub(crate) renewed: Vec<(MemberId, PublicKey)>,
    pub(crate) height: Height,
    /// The hash of that block's header; zero bytes before the first.
    pub(crate) hash: Digest,
    pub(crate) time_ms: i64,
    pub(crate) log: Frontier<Rfc9162Sha256>,
    /// The greatest height that a quorum or the chain has shown us, whatever the index holds now.
    pub(crate) seen: Height,
}

impl Cursor {
    /// Before the first block.
    pub(crate) fn start(members: &Members, seen: Height) -> Self {
        Self {
            pinned: members_digest(members),
            members: Arc::new(members.clone()),
            renewed: Vec::new(),
            height: Height(0),
            hash: [0; 32],
            time_ms: i64::MIN,
            log: Frontier::new(),
            seen,
        }
    }

    /// The height that comes next.
    pub(crate) const fn next(&self) -> Height {
        Height(self.height.0.saturating_add(1))
    }

    /// Gives a member a new statement key.
    ///
    /// # Errors
    ///
    /// When the key is in use.
    pub(crate) fn renew(&mut self, id: &MemberId, key: PublicKey) -> Result<(), party::Error> {
        self.members = Arc::new(with_key(&self.members, id, key)?);
        self.renewed.push((id.clone(), key));
        Ok(())
    }

    /// All editions of the members, the pinned first: a statement holds under one of them.
    pub(crate) fn editions(&self, pinned: &Members) -> Result<Vec<Members>, party::Error> {
        let mut editions = vec![pinned.clone()];
        for (id, key) in &self.renewed {
            let last = editions.last().unwrap_or(pinned);
            editions.push(with_key(last, id, *key)?);
        }
        Ok(editions)
    }

    /// CBOR [2, pinned, height, hash, time, log size, [peak, ...], seen, [[member, key], ...]].
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::new(Vec::with_capacity(160 + 34 * self.log.peaks().len()));
        if let Err(error) = self.write(&mut to) {
            unreachable!("a vector takes all bytes: {error}");
        }
        to.into_writer()
    }

    fn write(
        &self,
        to: &mut Encoder<Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        to.array(9)?.u8(VERSION)?.bytes(&self.pinned)?;
        to.u64(self.height.0)?.bytes(&self.hash)?.i64(self.time_ms)?.u64(self.log.size())?;
        // At most 62 peaks.
        to.array(u64::from(self.log.size().count_ones()))?;
        for peak in self.log.peaks() {
            to.bytes(peak)?;
        }
        to.u64(self.seen.0)?.begin_array()?;
        for (id, key) in &self.renewed {
            to.array(2)?.str(id.as_str())?.bytes(&key.0)?;
        }
        to.end()?;
        Ok(())
    }

    /// The version of the index to which an encoded cursor belongs.
    pub(crate) fn version(bytes: &[u8]) -> Result<u8, Garbled> {
        let mut from = Decoder::new(bytes);
        from.array()?;
        Ok(from.u8()?)
    }

    /// The cursor of an index for these pinned members; for other members it may be garbled.
    pub(crate) fn decode(bytes: &[u8], members: &Members) -> Result<Self, Garbled> {
        let mut from = Decoder::new(bytes);
        if from.array()? != Some(9) || from.u8()? != VERSION {
            return Err(Garbled);
        }
        let mut cursor = Self::start(members, Height(0));
        cursor.pinned = digest(&mut from)?;
        let height = Height(from.u64()?);
        let hash = digest(&mut from)?;
        let (time_ms, size) = (from.i64()?, from.u64()?);
        let count = from.array()?.ok_or(Garbled)?;
        let peaks = (0..count).map(|_| digest(&mut from)).collect::<Result<_, _>>()?;
        let log = Frontier::from_parts(size, peaks).map_err(|_| Garbled)?;
        let seen = Height(from.u64()?);
        if cursor.pinned == members_digest(members) {
            from.array()?;
            while from.datatype()? != minicbor::data::Type::Break {
                from.array()?;
                let id = from.str()?.parse().map_err(|_| Garbled)?;
                cursor.renew(&id, PublicKey(digest(&mut from)?)).map_err(|_| Garbled)?;
            }
        }
        Ok(Self { height, hash, time_ms, log, seen, ..cursor })
    }
}

/// The members, one of them with another statement key.
fn with_key(members: &Members, id: &MemberId, key: PublicKey) -> Result<Members, party::Error> {
    let mut all: Vec<Member> = members.iter().cloned().collect();
    for member in all.iter_mut().filter(|member| member.id == *id) {
        member.statement_key = key;
    }
    Members::new(members.consortium().clone(), all, members.validators().clone())?
        .with_link_keys(members.link_keys().clone())
}

fn digest(from: &mut Decoder<'_>) -> Result<Digest, Garbled> {
    from.bytes()?.try_into().map_err(|_| Garbled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::small_ledger::{issuer, members, members_of};

    #[test]
    fn a_cursor_comes_back_as_it_was_kept() {
        let mut cursor = Cursor::start(&members(), Height(3));
        assert_eq!(Cursor::decode(&cursor.encode(), &members()).unwrap(), cursor);
        cursor.renew(&issuer(), PublicKey([8; 32])).unwrap();
        cursor.renew(&issuer(), PublicKey([9; 32])).unwrap();
        (0..5).for_each(|n| cursor.log.push([n; 32], &mut |_, _| ()));
        (cursor.height, cursor.hash, cursor.time_ms) = (Height(5), [4; 32], 77);
        let again = Cursor::decode(&cursor.encode(), &members()).unwrap();
        assert_eq!(again, cursor);
        let editions = again.editions(&members()).unwrap();
        assert_eq!((editions.len(), &editions[0], &editions[2]), (3, &members(), &*again.members));
    }

    #[test]
    fn the_cursor_of_other_members_says_so() {
        let cursor = Cursor::start(&members(), Height(3));
        let read = Cursor::decode(&cursor.encode(), &members_of("other")).unwrap();
        assert_ne!(read.pinned, Cursor::start(&members_of("other"), Height(0)).pinned);
    }
}
