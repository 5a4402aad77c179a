//! The index on disk: what was verified, by position, by tag, and by event id.

use std::collections::BTreeSet;
use std::path::Path;

use party::Members;
use statement::hash::Context;
use statement::{Commitment, Digest, Header, Height, LogSize, Mark, Position, Tag};
use store::{Access, Family, Keys, Options, Store, Sync, Tuning};

use crate::check::{Checked, Leaf};
use crate::cursor::Cursor;
use crate::record::{Found, Garbled, Leaves, Record, position_key, position_of};
use crate::sealed::sealed_key;
use crate::{Announcement, Error, SealedLeaf};

/// The cursor, and nothing else.
const META: &str = "meta";
/// Height, 8 bytes big endian, to header.
const HEADERS: &str = "headers";
/// Position to record.
const EVENTS: &str = "events";
/// Tag and position to the mark beside the tag; to nothing for an open one.
const ITEMS: &str = "items";
/// Hash of an event id to position and commitment of its first bearer.
const EVENT_IDS: &str = "event_ids";
/// Commitment and position to a sealed leaf with its body.
const SEALED: &str = "sealed";
/// A secret's id to its announcement; an announced tag to the secret's id.
const SECRETS: &str = "secrets";

const FAMILIES: [Family; 7] = [
    Family { name: META, tuning: Tuning::Points },
    Family { name: HEADERS, tuning: Tuning::Append },
    Family { name: EVENTS, tuning: Tuning::Blobs },
    Family { name: ITEMS, tuning: Tuning::Points },
    Family { name: EVENT_IDS, tuning: Tuning::Points },
    // Ciphertext, which does not compress.
    Family { name: SEALED, tuning: Tuning::Digests },
    Family { name: SECRETS, tuning: Tuning::Digests },
];

const CURSOR: &[u8] = b"cursor";
/// There while the index is being emptied, so that a half emptied one is never taken for whole.
const EMPTYING: &[u8] = b"emptying";

/// How many rows one batch removes.
const EMPTY_STEP: usize = 10_000;

/// Event ids are of any length; this makes keys of one.
static EVENT_ID: Context = Context::new("event id v1");

/// The index on disk.
#[derive(Debug)]
pub(crate) struct Index {
    store: Store,
}

impl Index {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let options = Options { access: Access::Write, ..Options::default() };
        Ok(Self { store: Store::open(path, &FAMILIES, &options)? })
    }

    /// The cursor, if a block was ever taken.
    pub(crate) fn cursor(&self, members: &Members) -> Result<Option<Cursor>, Error> {
        let Some(bytes) = self.store.value(META, CURSOR)? else { return Ok(None) };
        Ok(Some(Cursor::decode(&bytes, members)?))
    }

    /// The version of what is in the index, if a block was ever taken.
    pub(crate) fn version(&self) -> Result<Option<u8>, Error> {
        let bytes = self.store.value(META, CURSOR)?;
        Ok(bytes.map(|bytes| Cursor::version(&bytes)).transpose()?)
    }

    /// Makes the index look like one of the edition before.
    #[cfg(test)]
    pub(crate) fn age(&self) {
        let mut bytes = self.store.value(META, CURSOR).unwrap().unwrap();
        bytes[1] -= 1;
        let mut batch = self.store.batch();
        batch.put(META, CURSOR, &bytes);
        self.store.write(batch, Sync::Yes).unwrap();
    }

    pub(crate) fn is_emptying(&self) -> Result<bool, Error> {
        Ok(self.store.value(META, EMPTYING)?.is_some())
    }

    /// Takes a verified block and moves the cursor behind it: both or neither.
    pub(crate) fn take(&self, block: &Checked) -> Result<(), Error> {
        let mut batch = self.store.batch();
        let height = block.cursor.height.0.to_be_bytes();
        batch.put(HEADERS, &height, &block.header.encode());
        for leaf in &block.leaves {
            let position = position_key(leaf.position);
            batch.put(EVENTS, &position, &leaf.record.encode());
            for (tag, mark) in &leaf.tags {
                let mark = mark.as_ref().map_or(&[][..], |mark| &mark.0);
                batch.put(ITEMS, &item_key(tag, leaf.position), mark);
            }
            if let Some(sealed) = &leaf.sealed {
                let key = sealed_key(&leaf.record.commitment, leaf.position);
                batch.put(SEALED, &key, &sealed.encode());
            }
        }
        // The first to announce an id is whose it is; the ledger refuses a second.
        let mut ids = BTreeSet::new();
        for announced in &block.announced {
            if ids.insert(announced.id) && self.announced(&announced.id)?.is_none() {
                batch.put(SECRETS, &announced.id, &announced.encode());
                batch.put(SECRETS, &announced.tag.0, &announced.id);
            }
        }
        for (key, leaf) in self.first_bearers(&block.leaves)? {
            let mut value = position_key(leaf.position).to_vec();
            value.extend_from_slice(&leaf.record.commitment.0);
            batch.put(EVENT_IDS, &key, &value);
        }
        batch.put(META, CURSOR, &block.cursor.encode());
        // Not synced: what a power cut takes comes once more from the ledger.
        Ok(self.store.write(batch, Sync::No)?)
    }

    /// The leaves whose event id nobody bore before them.
    fn first_bearers<'a>(&self, leaves: &'a [Leaf]) -> Result<Vec<([u8; 32], &'a Leaf)>, Error> {
        let mut named: Vec<([u8; 32], &Leaf)> = leaves
            .iter()
            .filter_map(|leaf| Some((event_id_key(leaf.event_id.as_deref()?), leaf)))
            .collect();
        named.sort_by_key(|(key, leaf)| (*key, leaf.position));
        named.dedup_by_key(|(key, _)| *key);
        let keys: Vec<[u8; 32]> = named.iter().map(|(key, _)| *key).collect();
        let known = self.store.values(EVENT_IDS, &keys)?;
        Ok(named
            .into_iter()
            .zip(known)
            .filter(|(_, old)| old.is_none())
            .map(|(new, _)| new)
            .collect())
    }

    /// The commitment of the first event that bore an id.
    pub(crate) fn first_bearer(&self, event_id: &str) -> Result<Option<Commitment>, Error> {
        let Some(value) = self.store.value(EVENT_IDS, &event_id_key(event_id))? else {
            return Ok(None);
        };
        let commitment = value.get(12..).and_then(|bytes| bytes.try_into().ok()).ok_or(Garbled)?;
        Ok(Some(Commitment(commitment)))
    }

    /// The header at a height, and a tag's leaves in a log of some size, in log order: all of one
    /// moment, so that an index that is emptied meanwhile is not found half empty.
    pub(crate) fn history(
        &self,
        tag: &Tag,
        height: Option<Height>,
        size: LogSize,
    ) -> Result<(Option<Header>, Leaves), Error> {
        let now = self.store.snapshot();
        let header = match height {
            Some(height) => now.value(HEADERS, &height.0.to_be_bytes())?,
            None => None,
        };
        let header = header.map(|bytes| Header::decode(&bytes).map_err(|_| Garbled)).transpose()?;
        let mut found = Vec::new();
        for row in now.scan(ITEMS, Keys::Prefix(&tag.0))? {
            let (key, mark) = row?;
            let position = position_of(key.get(tag.0.len()..).ok_or(Garbled)?)?;
            if position.index.0 >= size.0 {
                break;
            }
            let mark = match &*mark {
                [] => None,
                mark => Some(Mark(mark.try_into().map_err(|_| Garbled)?)),
            };
            found.push((position, mark));
        }
        let keys: Vec<[u8; 12]> =
            found.iter().map(|(position, _)| position_key(*position)).collect();
        let rows = now.values(EVENTS, &keys)?;
        let records = rows.into_iter().map(|row| Record::decode(&row.ok_or(Garbled)?));
        let leaves = found
            .into_iter()
            .zip(records)
            .map(|((position, mark), record)| Ok(Found { position, mark, record: record? }))
            .collect::<Result<_, Garbled>>()?;
        Ok((header, leaves))
    }

    /// The sealed leaves that bear a commitment, in log order: the first is the sealer's, unless a
    /// stranger has copied it in time.
    pub(crate) fn sealed(&self, commitment: &Commitment) -> Result<Vec<SealedLeaf>, Error> {
        let mut leaves = Vec::new();
        for row in self.store.scan(SEALED, Keys::Prefix(&commitment.0))? {
            let (key, value) = row?;
            let position = position_of(key.get(commitment.0.len()..).ok_or(Garbled)?)?;
            leaves.push(SealedLeaf::decode(position, &value)?);
        }
        Ok(leaves)
    }

    /// The announcement of a secret.
    pub(crate) fn announced(&self, id: &Digest) -> Result<Option<Announcement>, Error> {
        let row = self.store.value(SECRETS, id)?;
        Ok(row.map(|bytes| Announcement::decode(&bytes)).transpose()?)
    }

    /// The last announcement of a keyed tag.
    pub(crate) fn announced_tag(&self, tag: &Tag) -> Result<Option<Announcement>, Error> {
        let Some(id) = self.store.value(SECRETS, &tag.0)? else { return Ok(None) };
        self.announced(&id.as_slice().try_into().map_err(|_| Garbled)?)
    }

    /// Marks the index as one that is being emptied, with the cursor that it will have.
    pub(crate) fn begin_emptying(&self, start: &Cursor) -> Result<(), Error> {
        let mut batch = self.store.batch();
        batch.put(META, EMPTYING, &[]);
        batch.put(META, CURSOR, &start.encode());
        Ok(self.store.write(batch, Sync::Yes)?)
    }

    /// Removes everything, and leaves the given cursor; taken up again when it was interrupted.
    pub(crate) fn empty(&self, start: &Cursor) -> Result<(), Error> {
        self.begin_emptying(start)?;
        // A block's header goes before its items, and items before the events they lead to, so that
        // what a reader still finds, it finds whole.
        for family in [HEADERS, ITEMS, EVENTS, EVENT_IDS, SEALED, SECRETS] {
            let mut batch = self.store.batch();
            for row in self.store.scan(family, Keys::All)? {
                batch.delete(family, &row?.0);
                if batch.len() >= EMPTY_STEP {
                    let full = std::mem::replace(&mut batch, self.store.batch());
                    self.store.write(full, Sync::No)?;
                }
            }
            self.store.write(batch, Sync::No)?;
        }
        let mut last = self.store.batch();
        last.delete(META, EMPTYING);
        Ok(self.store.write(last, Sync::Yes)?)
    }
}

fn item_key(tag: &Tag, position: Position) -> [u8; 28] {
    let mut key = [0; 28];
    let (front, back) = key.split_at_mut(tag.0.len());
    front.copy_from_slice(&tag.0);
    back.copy_from_slice(&position_key(position));
    key
}

fn event_id_key(event_id: &str) -> [u8; 32] {
    EVENT_ID.hash(event_id.as_bytes())
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Index { message: error.to_string() }
    }
}

impl From<Garbled> for Error {
    fn from(_: Garbled) -> Self {
        Self::Index { message: "it holds what this program did not write; rebuild it".into() }
    }
}
