//! Keys that both ends of a link hold, each with one direction and delivered once.

mod blocks;
mod bound;
mod delivery;
mod index;
mod line;
mod row;
mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Condvar, Mutex};
use party::SiteId;
use store::{Access, Batch, Keys, Options, Store, Sync};
use zeroize::Zeroizing;

use self::index::{Index, Memory};
pub use self::line::LineState;
use self::row::RowKey;
pub use self::source::PoolSource;
use crate::handle::is_name;
use crate::{Error, KeyUuid, RequestId};

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

impl fmt::Display for PoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {} at {} towards {}", self.link, self.near, self.far)
    }
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

/// The families of a pool's store.
mod family {
    use store::{Family, Tuning};

    /// Whose pool it is.
    pub(super) const OWNER: &str = "owner";
    /// Key id -> the sealed key.
    pub(super) const KEYS: &str = "keys";
    /// Key id -> what is remembered of a key that is erased.
    pub(super) const SPENT: &str = "spent";
    /// Request id -> what it asked, and the keys that answered.
    pub(super) const REQUESTS: &str = "requests";
    /// Number -> a confirmed request and its keys, in the order of confirmation.
    pub(super) const CONFIRMED: &str = "confirmed";
    /// Number -> a released block, in the order of release.
    pub(super) const BLOCKS: &str = "blocks";

    pub(super) const ALL: [Family; 6] = [
        Family { name: OWNER, tuning: Tuning::Points },
        Family { name: KEYS, tuning: Tuning::Points },
        Family { name: SPENT, tuning: Tuning::Points },
        Family { name: REQUESTS, tuning: Tuning::Points },
        Family { name: CONFIRMED, tuning: Tuning::Append },
        Family { name: BLOCKS, tuning: Tuning::Append },
    ];
}

/// The keys of one end of a link, kept durably and encrypted.
///
/// Upon a block from the link, store it as pending; upon the other end's word that it holds the
/// block too, release it, else destroy it. Upon a request, mark the keys as delivered to it, sync,
/// and only then answer; upon the same request again, answer the same; upon its confirmation,
/// erase the keys and remember their ids.
///
/// Its calls block on the disk. What is erased is gone from every answer at once, and from the
/// store's files, where it is encrypted, when the store next compacts them.
pub struct KeyPool {
    id: PoolId,
    row_key: RowKey,
    store: Store,
    index: Mutex<Index>,
    /// Held while blocks come, go or change: the order of locks is this, then the index.
    blocks: Mutex<()>,
    /// The requests being answered.
    asking: Mutex<BTreeSet<RequestId>>,
    answered: Condvar,
    /// Set when a write failed: what the disk holds is not known until the pool is opened again.
    failed: AtomicBool,
    memory: Memory,
}

impl fmt::Debug for KeyPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPool")
            .field("id", &self.id)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl KeyPool {
    /// Opens the pool in the folder `path`, which is made when it is not there.
    ///
    /// # Errors
    ///
    /// When the folder holds another pool, or was written under another storage key, when another
    /// process has it open, or when it is damaged.
    pub fn open(path: &Path, storage_key: &[u8; 32], id: PoolId) -> Result<Arc<Self>, Error> {
        if !is_name(&format!("qkd:{}", id.link)) || id.link.contains(':') {
            let why = format!("link id {:?} is not 1 to 63 characters of a-z, 0-9 and -", id.link);
            return Err(Error::Malformed { why });
        }
        let options =
            Options { access: Access::Write, cache_bytes: 8 << 20, buffer_bytes: 8 << 20 };
        let store = Store::open(path, &family::ALL, &options)?;
        let row_key = RowKey::new(storage_key, &id);
        claim(&store, &row_key, &id)?;
        let index = Mutex::new(Index::read(&store)?);
        Ok(Arc::new(Self {
            id,
            row_key,
            store,
            index,
            blocks: Mutex::default(),
            asking: Mutex::default(),
            answered: Condvar::new(),
            failed: AtomicBool::new(false),
            memory: Memory::default(),
        }))
    }

    /// Whose pool it is.
    #[must_use]
    pub fn id(&self) -> &PoolId {
        &self.id
    }

    /// The name of the source that this pool is: `qkd:<link>`.
    fn source_name(&self) -> String {
        format!("qkd:{}", self.id.link)
    }

    /// Counts the keys.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let index = self.index.lock();
        let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        Counts {
            ready_outgoing: count(index.outgoing.len()),
            ready_incoming: count(index.incoming.len()),
            pending: index.unsettled.values().map(|block| count(block.keys.len())).sum(),
            delivered: index.unconfirmed.saturating_add(index.spent),
            unconfirmed: index.unconfirmed,
        }
    }

    /// Lists up to `limit` keys that are to be shown, without their secrets: first those that are
    /// held, then the spent.
    ///
    /// # Errors
    ///
    /// When the disk fails or the pool is damaged.
    pub fn list(
        &self,
        limit: usize,
        shown: impl Fn(&KeyRow) -> bool,
    ) -> Result<Vec<KeyRow>, Error> {
        let mut rows = Vec::new();
        let held = self.store.scan(family::KEYS, Keys::All)?.map(|found| -> Result<_, Error> {
            let (key, row) = found?;
            let row::Header { state, direction, block, .. } = row::read_header(&row)?;
            Ok(KeyRow { id: KeyUuid(row::sixteen(&key)?), direction, state, block })
        });
        let spent = self.store.scan(family::SPENT, Keys::All)?.map(|found| -> Result<_, Error> {
            let (key, row) = found?;
            let (direction, block) = row::decode_spent(&row)?;
            let id = KeyUuid(row::sixteen(&key)?);
            Ok(KeyRow { id, direction, state: KeyState::Spent, block })
        });
        for row in held.chain(spent) {
            if rows.len() == limit {
                break;
            }
            let row: KeyRow = row?;
            if shown(&row) {
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// Opens the row of a key that is held.
    fn opened(&self, id: &KeyUuid) -> Result<(row::Header, Zeroizing<[u8; 32]>), Error> {
        let row = self.store.value(family::KEYS, &id.0)?;
        let row = row.ok_or_else(|| row::damaged(&format!("key {id} is missing")))?;
        self.row_key.open(id, &row)
    }

    /// Adds to a batch the rows of keys in their new state; returns what their headers were.
    fn move_keys(
        &self,
        batch: &mut Batch,
        keys: &[KeyUuid],
        state: KeyState,
    ) -> Result<Vec<row::Header>, Error> {
        keys.iter()
            .map(|id| {
                let (header, secret) = self.opened(id)?;
                let moved = row::Header { state, ..header };
                batch.put(family::KEYS, &id.0, &self.row_key.seal(id, &moved, &secret)?);
                Ok(header)
            })
            .collect()
    }

    /// Writes a batch, synced. After a write that failed nothing more is written: what the disk
    /// then holds is known only when the pool is opened again.
    fn write(&self, batch: Batch) -> Result<(), Error> {
        if self.failed.load(Ordering::Acquire) {
            let message = "an earlier write failed; restart this process".to_owned();
            return Err(Error::Store { message });
        }
        self.store.write(batch, Sync::Yes).map_err(|error| {
            self.failed.store(true, Ordering::Release);
            tracing::error!(link = self.id.link, %error, "the key pool cannot write");
            error.into()
        })
    }
}

/// Makes an empty store this pool's; refuses one that is not.
fn claim(store: &Store, row_key: &RowKey, id: &PoolId) -> Result<(), Error> {
    const OWNER_KEY: &[u8] = b"owner";
    let path = || store.path().display().to_string();
    let Some(row) = store.value(family::OWNER, OWNER_KEY)? else {
        if store.scan(family::KEYS, Keys::All)?.next().is_some() {
            return Err(row::damaged("it holds keys, and does not say whose"));
        }
        let mut batch = store.batch();
        batch.put(family::OWNER, OWNER_KEY, &row::encode_owner(id, row_key));
        return Ok(store.write(batch, Sync::Yes)?);
    };
    let (found, check) = row::decode_owner(&row)?;
    if found != *id {
        let (found, wanted) = (found.to_string(), id.to_string());
        return Err(Error::PoolForeign { path: path(), found, wanted });
    }
    if blake3::Hash::from(check) != blake3::Hash::from(row_key.check()) {
        return Err(Error::StorageKeyWrong { path: path() });
    }
    Ok(())
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Damaged { .. } => row::damaged(&error.to_string()),
            _ => Self::Store { message: error.to_string() },
        }
    }
}
