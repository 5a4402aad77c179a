//! Changes that happen together.

use std::fmt;

use crate::open::Inner;
use crate::{Error, Store};
use std::sync::Arc;

/// Whether a write is on the disk when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Yes: it survives a power cut.
    Yes,
    /// No: it survives the death of the process, not of the machine. For what can be rebuilt.
    No,
}

/// Changes to several families that happen together or not at all.
pub struct Batch {
    store: Arc<Inner>,
    changes: rocksdb::WriteBatch,
    unknown_family: Option<String>,
}

impl Batch {
    pub(crate) fn new(store: Arc<Inner>) -> Self {
        Self { store, changes: rocksdb::WriteBatch::default(), unknown_family: None }
    }

    /// Sets `key` to `value`. A family that does not exist makes the write fail.
    pub fn put(&mut self, family: &str, key: &[u8], value: &[u8]) {
        match self.store.database.cf_handle(family) {
            Some(handle) => self.changes.put_cf(handle, key, value),
            None => self.unknown_family = Some(family.to_owned()),
        }
    }

    /// Removes `key`. A family that does not exist makes the write fail.
    pub fn delete(&mut self, family: &str, key: &[u8]) {
        match self.store.database.cf_handle(family) {
            Some(handle) => self.changes.delete_cf(handle, key),
            None => self.unknown_family = Some(family.to_owned()),
        }
    }

    /// How many changes it holds.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// How many bytes it adds to the write-ahead log.
    pub fn size_bytes(&self) -> usize {
        self.changes.size_in_bytes()
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("len", &self.len())
            .field("size_bytes", &self.size_bytes())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Begins a batch.
    pub fn batch(&self) -> Batch {
        Batch::new(self.inner.clone())
    }

    /// Writes a batch whole; no reader sees it before this is done, the sync included.
    ///
    /// # Errors
    ///
    /// When a family does not exist, or the disk failed: then nothing of the batch is readable, but
    /// after a crash it may still be found written.
    pub fn write(&self, batch: Batch, sync: Sync) -> Result<(), Error> {
        if let Some(name) = batch.unknown_family {
            return Err(Error::UnknownFamily { name });
        }
        let mut how = rocksdb::WriteOptions::default();
        how.set_sync(sync == Sync::Yes);
        self.inner.database.write_opt(batch.changes, &how).map_err(|error| self.inner.sort(&error))
    }
}
