//! Blocks of keys come in, and are released or destroyed as the two ends of the link settle.

use std::collections::BTreeSet;

use store::crash_point;

use super::index::Unsettled;
use super::row::{Header, sorted};
use super::{Direction, KeyPool, KeyState, NewKey, family};
use crate::secret::hex;
use crate::{Error, KeyUuid};

impl KeyPool {
    /// Stores the keys of a freshly distilled block; durable when it returns. None of them is
    /// delivered before [`Self::release`].
    ///
    /// # Errors
    ///
    /// When the block or one of the keys is known, no key is given, or the disk fails.
    pub fn store_pending(
        &self,
        block: [u8; 16],
        keys: Vec<NewKey>,
        seeded: bool,
    ) -> Result<(), Error> {
        let _turn = self.blocks.lock();
        self.refuse_known(&block, &keys)?;
        let first = self.index.lock().next_sequence;
        let mut batch = self.store.batch();
        for (sequence, key) in (first..).zip(&keys) {
            let state = KeyState::Pending;
            let header = Header { state, direction: key.direction, seeded, sequence, block };
            let row = self.row_key.seal(&key.id, &header, &key.secret)?;
            batch.put(family::KEYS, &key.id.0, &row);
        }
        self.write(batch)?;
        crash_point("keys-stored");
        let keys: Vec<KeyUuid> = keys.iter().map(|key| key.id).collect();
        let mut index = self.index.lock();
        index.next_sequence = first.saturating_add(count(keys.len()));
        index.unsettled.insert(block, Unsettled { quarantined: false, keys });
        Ok(())
    }

    /// Refuses a block that is known, and keys that are: an id that came twice would make two
    /// secrets answer to one handle.
    fn refuse_known(&self, block: &[u8; 16], keys: &[NewKey]) -> Result<(), Error> {
        let index = self.index.lock();
        if index.unsettled.contains_key(block) || index.is_released(block) {
            return Err(self.block_state(block, "stored already"));
        }
        drop(index);
        let distinct: BTreeSet<KeyUuid> = keys.iter().map(|key| key.id).collect();
        if keys.is_empty() || distinct.len() != keys.len() {
            let why = format!("block {} has no key, or one key twice", hex(block));
            return Err(Error::Malformed { why });
        }
        for family in [family::KEYS, family::SPENT] {
            let ids: Vec<[u8; 16]> = keys.iter().map(|key| key.id.0).collect();
            let found = self.store.values(family, &ids)?;
            if let Some((key, _)) = keys.iter().zip(found).find(|(_, row)| row.is_some()) {
                let why = format!("key {} of block {} is known already", key.id, hex(block));
                return Err(Error::Malformed { why });
            }
        }
        Ok(())
    }

    /// Makes the keys of a pending block ready: both ends hold them. Durable when it returns;
    /// releasing again changes nothing.
    ///
    /// # Errors
    ///
    /// When the block is unknown or quarantined, or the disk fails.
    pub fn release(&self, block: [u8; 16]) -> Result<(), Error> {
        let _turn = self.blocks.lock();
        let index = self.index.lock();
        if index.is_released(&block) {
            return Ok(());
        }
        let keys = match index.unsettled.get(&block) {
            Some(unsettled) if unsettled.quarantined => {
                return Err(self.block_state(&block, "quarantined"));
            }
            Some(unsettled) => unsettled.keys.clone(),
            None => {
                let link = self.id.link.clone();
                return Err(Error::BlockUnknown { link, block: hex(&block) });
            }
        };
        let number = index.next_block();
        let forgotten = match index.released.front() {
            Some((oldest, _)) if index.released.len() >= self.memory.blocks => Some(*oldest),
            _ => None,
        };
        drop(index);
        let mut batch = self.store.batch();
        let headers = self.move_keys(&mut batch, &keys, KeyState::Ready)?;
        batch.put(family::BLOCKS, &sorted(number), &block);
        if let Some(oldest) = forgotten {
            batch.delete(family::BLOCKS, &sorted(oldest));
        }
        self.write(batch)?;
        crash_point("keys-released");
        let mut index = self.index.lock();
        index.unsettled.remove(&block);
        if forgotten.is_some() {
            index.released.pop_front();
        }
        index.released.push_back((number, block));
        for (id, header) in keys.into_iter().zip(headers) {
            match header.direction {
                Direction::Outgoing => drop(index.outgoing.insert(header.sequence, id)),
                Direction::Incoming => drop(index.incoming.insert(id)),
            }
        }
        Ok(())
    }

    /// Erases the keys of a pending block; durable when it returns. An unknown block is no error.
    ///
    /// # Errors
    ///
    /// When the block was released, or the disk fails.
    pub fn destroy(&self, block: [u8; 16]) -> Result<(), Error> {
        let _turn = self.blocks.lock();
        let index = self.index.lock();
        if index.is_released(&block) {
            // The other end may hold them as ready, and draw.
            return Err(self.block_state(&block, "released already"));
        }
        let Some(unsettled) = index.unsettled.get(&block) else { return Ok(()) };
        let keys = unsettled.keys.clone();
        drop(index);
        let mut batch = self.store.batch();
        for key in &keys {
            batch.delete(family::KEYS, &key.0);
        }
        self.write(batch)?;
        self.index.lock().unsettled.remove(&block);
        Ok(())
    }

    /// Holds back every pending block, because the line has shut down; says how many are held.
    ///
    /// They are not destroyed: the other end may have released one in the same moment, and no key
    /// may be deliverable on one side only.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn quarantine(&self) -> Result<usize, Error> {
        self.hold_back(true)
    }

    /// Lets the quarantined blocks be pending again, because an operator has restored the line;
    /// the two ends then settle each of them. Says how many are pending.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn lift_quarantine(&self) -> Result<usize, Error> {
        self.hold_back(false)
    }

    fn hold_back(&self, quarantined: bool) -> Result<usize, Error> {
        let _turn = self.blocks.lock();
        let index = self.index.lock();
        let unsettled = index.unsettled.values().filter(|block| block.quarantined != quarantined);
        let keys: Vec<KeyUuid> = unsettled.flat_map(|block| block.keys.iter().copied()).collect();
        let blocks = index.unsettled.len();
        drop(index);
        if !keys.is_empty() {
            let state = if quarantined { KeyState::Quarantined } else { KeyState::Pending };
            let mut batch = self.store.batch();
            self.move_keys(&mut batch, &keys, state)?;
            self.write(batch)?;
            for block in self.index.lock().unsettled.values_mut() {
                block.quarantined = quarantined;
            }
        }
        Ok(blocks)
    }

    /// The blocks that both ends must still settle, quarantined ones included.
    #[must_use]
    pub fn pending_blocks(&self) -> Vec<[u8; 16]> {
        self.index.lock().unsettled.keys().copied().collect()
    }

    /// Whether the block was released here; the last 4,096 are remembered.
    #[must_use]
    pub fn released(&self, block: [u8; 16]) -> bool {
        self.index.lock().is_released(&block)
    }

    /// The released blocks that are remembered, the newest last.
    #[must_use]
    pub fn released_blocks(&self) -> Vec<[u8; 16]> {
        self.index.lock().released.iter().map(|(_, block)| *block).collect()
    }

    fn block_state(&self, block: &[u8; 16], state: &'static str) -> Error {
        Error::BlockState { link: self.id.link.clone(), block: hex(block), state }
    }
}

/// A count as a number of keys; no machine that this runs on has a wider `usize`.
fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
