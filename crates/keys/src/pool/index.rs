//! What the pool knows by heart: which keys are where. Secrets stay on the disk.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use store::{Keys, Store};

use super::row::{number, read_header, sixteen};
use super::{Direction, KeyState, family};
use crate::{Error, KeyUuid};

/// How much the pool remembers of what is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    /// How many released blocks: of any older one the two ends have long agreed.
    pub(super) blocks: usize,
    /// How many confirmations: whoever comes later is told that the key is unknown, not spent.
    pub(super) confirmations: u64,
}

impl Default for Memory {
    fn default() -> Self {
        Self { blocks: 4_096, confirmations: 1 << 20 }
    }
}

/// A block whose fate the two ends have not settled.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    pub(super) quarantined: bool,
    pub(super) keys: Vec<KeyUuid>,
}

/// Which keys are where. A key that is being delivered stands nowhere.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) unsettled: BTreeMap<[u8; 16], Unsettled>,
    /// Ready to be drawn, the oldest first.
    pub(super) outgoing: BTreeMap<u64, KeyUuid>,
    /// Ready to be recovered.
    pub(super) incoming: BTreeSet<KeyUuid>,
    /// How many are delivered and unconfirmed.
    pub(super) unconfirmed: u64,
    /// How many are delivered, confirmed and remembered.
    pub(super) spent: u64,
    /// Released blocks, the oldest first, with the numbers of their rows.
    pub(super) released: VecDeque<(u64, [u8; 16])>,
    /// The number of the next key to be stored.
    pub(super) next_sequence: u64,
    /// The numbers of the confirmations that are remembered: from the first, without the second.
    pub(super) confirmations: (u64, u64),
}

impl Index {
    /// Reads the whole store; everything that it holds must decode.
    pub(super) fn read(store: &Store) -> Result<Self, Error> {
        let mut index = Self::default();
        for row in store.scan(family::KEYS, Keys::All)? {
            let (key, row) = row?;
            index.add(KeyUuid(sixteen(&key)?), &row)?;
        }
        for row in store.scan(family::SPENT, Keys::All)? {
            row?;
            index.spent = index.spent.saturating_add(1);
        }
        for row in store.scan(family::BLOCKS, Keys::All)? {
            let (key, block) = row?;
            index.released.push_back((number(&key)?, sixteen(&block)?));
        }
        let mut first = None;
        for row in store.scan(family::CONFIRMED, Keys::All)? {
            let at = number(&row?.0)?;
            index.confirmations = (*first.get_or_insert(at), at.saturating_add(1));
        }
        Ok(index)
    }

    fn add(&mut self, id: KeyUuid, row: &[u8]) -> Result<(), Error> {
        let header = read_header(row)?;
        self.next_sequence = self.next_sequence.max(header.sequence.saturating_add(1));
        match (header.state, header.direction) {
            (KeyState::Pending | KeyState::Quarantined, _) => {
                let block = self.unsettled.entry(header.block).or_default();
                block.quarantined |= header.state == KeyState::Quarantined;
                block.keys.push(id);
            }
            (KeyState::Ready, Direction::Outgoing) => {
                self.outgoing.insert(header.sequence, id);
            }
            (KeyState::Ready, Direction::Incoming) => {
                self.incoming.insert(id);
            }
            (KeyState::Delivered | KeyState::Spent, _) => {
                self.unconfirmed = self.unconfirmed.saturating_add(1);
            }
        }
        Ok(())
    }

    pub(super) fn is_released(&self, block: &[u8; 16]) -> bool {
        // The newest are asked for most.
        self.released.iter().rev().any(|(_, released)| released == block)
    }

    /// The number for the row of the next released block.
    pub(super) fn next_block(&self) -> u64 {
        self.released.back().map_or(0, |(last, _)| last.saturating_add(1))
    }
}
