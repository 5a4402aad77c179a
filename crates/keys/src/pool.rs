//! Keys that both ends of a link hold, each with one direction and delivered once.

mod line;
mod source;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use party::SiteId;
use zeroize::Zeroizing;

pub use self::line::LineState;
pub use self::source::PoolSource;
use crate::{Error, KeyUuid};

/// Whose pool it is: a link, seen from one of its two ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolId {
    /// The link, `[a-z0-9-]{1,63}`.
    pub link: String,
    /// The site at which this pool is.
    pub near: SiteId,
    /// The site at the other end.
    pub far: SiteId,
}

/// Which end draws a key; the other end recovers it. Fixed when the key is distilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Drawn at this end.
    Outgoing,
    /// Recovered at this end.
    Incoming,
}

/// A key as it comes from the link.
pub struct NewKey {
    /// Its id, random, the same at both ends.
    pub id: KeyUuid,
    /// Its direction, as this end sees it.
    pub direction: Direction,
    /// The key.
    pub secret: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey")
            .field("id", &self.id)
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}

/// Where a key of the pool stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyState {
    /// Distilled; the other end has not yet confirmed it.
    Pending,
    /// Pending when the line shut down, and held back until an operator restores it.
    Quarantined,
    /// Held by both ends, to be delivered.
    Ready,
    /// Delivered; the answer is kept until it is confirmed.
    Delivered,
    /// Delivered and erased; only its id is remembered.
    Spent,
}

/// A key of the pool as it may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Its id.
    pub id: KeyUuid,
    /// Its direction, as this end sees it.
    pub direction: Direction,
    /// Where it stands.
    pub state: KeyState,
    /// The block it was distilled from.
    pub block: [u8; 16],
}

/// How many keys there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Ready to be drawn at this end.
    pub ready_outgoing: u64,
    /// Ready to be recovered at this end.
    pub ready_incoming: u64,
    /// Not yet confirmed by both ends, quarantined ones included.
    pub pending: u64,
    /// Delivered ones that are remembered, confirmed or not.
    pub delivered: u64,
    /// Delivered ones whose answer is still kept, because nobody has confirmed it.
    pub unconfirmed: u64,
}

/// The keys of one end of a link, kept durably and encrypted.
#[derive(Debug)]
pub struct KeyPool {
    id: PoolId,
}

impl KeyPool {
    /// Opens the pool in the folder `path`, which is made when it is not there.
    ///
    /// # Errors
    ///
    /// When the folder holds another pool, or was written under another storage key, when another
    /// process has it open, or when it is damaged.
    pub fn open(path: &Path, storage_key: &[u8; 32], id: PoolId) -> Result<Arc<Self>, Error> {
        let _ = (path, storage_key, id);
        unimplemented!()
    }

    /// Whose pool it is.
    #[must_use]
    pub fn id(&self) -> &PoolId {
        &self.id
    }

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
        let _ = (block, keys, seeded);
        unimplemented!()
    }

    /// Makes the keys of a pending block ready: both ends hold them. Durable when it returns;
    /// releasing again changes nothing.
    ///
    /// # Errors
    ///
    /// When the block is unknown or quarantined, or the disk fails.
    pub fn release(&self, block: [u8; 16]) -> Result<(), Error> {
        let _ = block;
        unimplemented!()
    }

    /// Erases the keys of a pending block; durable when it returns. An unknown block is no error.
    ///
    /// # Errors
    ///
    /// When the block was released, or the disk fails.
    pub fn destroy(&self, block: [u8; 16]) -> Result<(), Error> {
        let _ = block;
        unimplemented!()
    }

    /// Holds back every pending block, because the line has shut down; says how many there are.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn quarantine(&self) -> Result<usize, Error> {
        unimplemented!()
    }

    /// Lets the quarantined blocks be pending again, because an operator has restored the line;
    /// the two ends then settle each of them. Says how many there are.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn lift_quarantine(&self) -> Result<usize, Error> {
        unimplemented!()
    }

    /// The blocks that both ends must still settle, quarantined ones included.
    #[must_use]
    pub fn pending_blocks(&self) -> Vec<[u8; 16]> {
        unimplemented!()
    }

    /// Whether the block was released here; the last 4,096 are remembered.
    #[must_use]
    pub fn released(&self, block: [u8; 16]) -> bool {
        let _ = block;
        unimplemented!()
    }

    /// The released blocks that are remembered, the newest last.
    #[must_use]
    pub fn released_blocks(&self) -> Vec<[u8; 16]> {
        unimplemented!()
    }

    /// Counts the keys.
    #[must_use]
    pub fn counts(&self) -> Counts {
        unimplemented!()
    }

    /// Lists up to `limit` keys, without their secrets.
    ///
    /// # Errors
    ///
    /// When the disk fails or the pool is damaged.
    pub fn list(&self, limit: usize) -> Result<Vec<KeyRow>, Error> {
        let _ = limit;
        unimplemented!()
    }
}
