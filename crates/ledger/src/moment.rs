//! The store as it stood at one moment, in the ledger's own terms.

use std::collections::BTreeMap;

use bytes::Bytes;
use merkle::map::{Page, Path};
use merkle::{Digest, Node};
use parking_lot::RwLockReadGuard;
use statement::{Commitment, Height, LeafIndex, LogIndex, Position, Tag};
use store::{Keys, Snapshot, Store};

use crate::machine::Rows;
use crate::pages::Newer;
use crate::rows::{BlockRow, History, RequestRow, Tip};
use crate::{Error, View, keys, rows};

/// A new value, or none, for each state key that a block has changed so far.
pub(crate) type Overlay = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Everything that is read to execute, prove or serve is read at one moment, so that no two parts
/// of an answer are of different blocks.
#[derive(Debug)]
pub(crate) struct Moment<'a> {
    snapshot: Snapshot<'a>,
    /// Pages that stand in place of the store's.
    newer: Option<RwLockReadGuard<'a, Newer>>,
}

impl<'a> Moment<'a> {
    /// For all but the state tree's pages, of which it knows the written ones only.
    pub(crate) fn of(store: &'a Store) -> Self {
        Self { snapshot: store.snapshot(), newer: None }
    }

    /// For the state tree too: `newer` are the pages that stand in place of the store's.
    pub(crate) fn with_pages(store: &'a Store, newer: RwLockReadGuard<'a, Newer>) -> Self {
        Self { snapshot: store.snapshot(), newer: Some(newer) }
    }

    /// Lets commits go on; the state tree cannot be read in this moment any more.
    pub(crate) fn release_pages(&mut self) {
        self.newer = None;
    }

    /// The tip; `None` before the first block.
    pub(crate) fn tip(&self) -> Result<Option<Tip>, Error> {
        self.snapshot.value(keys::META, keys::TIP)?.map(|row| Tip::decode(&row)).transpose()
    }

    /// The tip of a ledger that was opened, which has a first block.
    pub(crate) fn some_tip(&self) -> Result<Tip, Error> {
        self.tip()?.ok_or_else(|| missing("the tip"))
    }

    /// Refuses a store that a later program has written.
    pub(crate) fn check_format(&self) -> Result<(), Error> {
        match self.snapshot.value(keys::META, keys::FORMAT)? {
            Some(format) if format != keys::FORMAT_NUMBER => Err(Error::Damaged {
                what: format!("format {} is unknown here", String::from_utf8_lossy(&format)),
                place: "meta/format".to_owned(),
            }),
            _ => Ok(()),
        }
    }

    pub(crate) fn block(&self, height: Height) -> Result<Option<BlockRow>, Error> {
        let row = self.snapshot.value(keys::BLOCKS, &keys::height(height))?;
        row.map(|row| BlockRow::decode(&row, height)).transpose()
    }

    pub(crate) fn entry(&self, index: LogIndex) -> Result<Option<Bytes>, Error> {
        Ok(self.snapshot.value(keys::ENTRIES, &keys::entry(index))?.map(Bytes::from))
    }

    pub(crate) fn leaves(&self, index: LogIndex) -> Result<Vec<Bytes>, Error> {
        match self.snapshot.value(keys::LEAVES, &keys::entry(index))? {
            Some(row) => rows::decode_list(row, &format!("leaves of entry {index}")),
            None => Ok(Vec::new()),
        }
    }

    pub(crate) fn body(&self, index: LogIndex, leaf: LeafIndex) -> Result<Option<Bytes>, Error> {
        Ok(self.snapshot.value(keys::BODIES, &keys::body(index, leaf))?.map(Bytes::from))
    }

    /// The bodies of the first `count` leaves of an entry; `None` where there is none (any more).
    pub(crate) fn bodies(
        &self,
        index: LogIndex,
        count: usize,
    ) -> Result<Vec<Option<Bytes>>, Error> {
        let mut bodies = vec![None; count];
        for row in self.snapshot.scan(keys::BODIES, Keys::Prefix(&keys::entry(index)))? {
            let (key, body) = row?;
            let leaf = key.last_chunk::<4>().map(|leaf| u32::from_be_bytes(*leaf));
            let place = leaf.and_then(|leaf| usize::try_from(leaf).ok());
            match place.and_then(|place| bodies.get_mut(place)) {
                Some(slot) => *slot = Some(Bytes::from(body)),
                None => return Err(missing(&format!("the leaf of a body of entry {index}"))),
            }
        }
        Ok(bodies)
    }

    pub(crate) fn node(&self, node: Node) -> Result<Digest, Error> {
        let row = self.snapshot.value(keys::TREE, &keys::node(node))?;
        row.and_then(|row| row.try_into().ok())
            .ok_or_else(|| missing(&format!("node {}/{} of the log", node.level, node.index)))
    }

    pub(crate) fn page(&self, path: &Path) -> Result<Option<Page>, Error> {
        if let Some(page) = self.newer.as_ref().and_then(|newer| newer.page(path)) {
            return Ok(page.clone());
        }
        let row = self.snapshot.value(keys::PAGES, &path.to_bytes())?;
        Ok(row.map(|row| Page::decode(&row)).transpose()?)
    }

    /// One value of the state.
    pub(crate) fn state_value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.snapshot.value(keys::STATE, key)?)
    }

    /// The last height whose pages are all in the store.
    pub(crate) fn pages_written(&self) -> Result<Height, Error> {
        let row = self.snapshot.value(keys::META, keys::WRITTEN)?;
        let height = row.and_then(|row| row.try_into().ok()).map(u64::from_be_bytes);
        height.map(Height).ok_or_else(|| missing("the height of the pages"))
    }

    /// The state keys that a block touched, histories aside, while its pages are not written.
    pub(crate) fn touched(&self, height: Height) -> Result<Vec<Bytes>, Error> {
        match self.snapshot.value(keys::TOUCHED, &keys::height(height))? {
            Some(row) => rows::decode_list(row, &format!("touched by block {height}")),
            None => Err(missing(&format!("what block {height} touched"))),
        }
    }

    pub(crate) fn histories(&self, tags: &[Tag]) -> Result<Vec<Option<History>>, Error> {
        let names: Vec<&[u8]> = tags.iter().map(|tag| &tag.0[..]).collect();
        let found = self.snapshot.values(keys::HISTORIES, &names)?;
        let read = |row: Vec<u8>| rows::frontier(&row, "histories");
        found.into_iter().map(|row| row.map(read).transpose()).collect()
    }

    pub(crate) fn positions(&self, tag: &Tag, from: u64, to: u64) -> Result<Vec<Position>, Error> {
        let (first, end) = (keys::position(tag, from), keys::position(tag, to));
        let found = self.snapshot.scan(keys::POSITIONS, Keys::Range(&first, &end))?;
        found.map(|row| rows::decode_position(&row?.1)).collect()
    }

    /// Where a commitment stands first.
    pub(crate) fn position_of(&self, commitment: &Commitment) -> Result<Option<Position>, Error> {
        let mut found = self.snapshot.scan(keys::COMMITMENTS, Keys::Prefix(&commitment.0))?;
        let Some(row) = found.next() else { return Ok(None) };
        let (key, _) = row?;
        key.get(commitment.0.len()..).map(rows::decode_position).transpose()
    }

    /// The first `most` requests behind the row `after` whose last height is below `height`: rows of
    /// the expiry family, with the state keys in them.
    pub(crate) fn expired(&self, after: &[u8], height: Height, most: usize) -> Result<Rows, Error> {
        // Starting behind what has left spares the search from stepping over what was deleted and
        // is not yet compacted away.
        let first = [after, &[0]].concat();
        let end = keys::height(height);
        if first[..] >= end[..] {
            return Ok(Rows::new());
        }
        let found = self.snapshot.scan(keys::EXPIRY, Keys::Range(&first, &end))?;
        let split = |row: store::Row| (row.0.to_vec(), row.0.get(8..).unwrap_or_default().to_vec());
        found.take(most).map(|row| Ok(row.map(split)?)).collect()
    }
}

fn missing(what: &str) -> Error {
    Error::Damaged { what: format!("{what} is missing"), place: "store".to_owned() }
}

/// The state within a block: the moment before it, and what the block has changed so far.
#[derive(Debug)]
pub(crate) struct Present<'a> {
    pub(crate) moment: &'a Moment<'a>,
    pub(crate) overlay: &'a Overlay,
}

impl Present<'_> {
    /// The request under a state key, as long as it is remembered at `height`.
    pub(crate) fn request(&self, key: &[u8], height: Height) -> Result<Option<RequestRow>, Error> {
        Ok(self.request_row(key)?.filter(|row| row.last_height >= height))
    }

    /// The request under a state key, also one that has expired and was not yet cleared away.
    pub(crate) fn request_row(&self, key: &[u8]) -> Result<Option<RequestRow>, Error> {
        self.value(key)?.map(|row| RequestRow::decode(&row)).transpose()
    }
}

impl View for Present<'_> {
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        match self.overlay.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.moment.state_value(key),
        }
    }

    fn values(&self, prefix: &[u8]) -> Result<Rows, Error> {
        let mut merged = BTreeMap::new();
        for row in self.moment.snapshot.scan(keys::STATE, Keys::Prefix(prefix))? {
            let (key, value) = row?;
            merged.insert(key.into_vec(), Some(value.into_vec()));
        }
        let changed = self.overlay.range(prefix.to_vec()..);
        for (key, value) in changed.take_while(|(key, _)| key.starts_with(prefix)) {
            merged.insert(key.clone(), value.clone());
        }
        Ok(merged.into_iter().filter_map(|(key, value)| Some((key, value?))).collect())
    }
}
