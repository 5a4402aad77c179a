//! Reading the store, now or as it stood at one moment.

use std::fmt;

use rocksdb::{DB, ReadOptions, SnapshotWithThreadMode};

use crate::open::Inner;
use crate::{Error, Keys, Scan, Store};

/// The store as it stood at one moment. Old versions are kept for it: drop it soon.
pub struct Snapshot<'a> {
    inner: &'a Inner,
    moment: SnapshotWithThreadMode<'a, DB>,
}

impl fmt::Debug for Snapshot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

impl Store {
    /// Holds the present moment for reading.
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot { inner: &self.inner, moment: self.inner.database.snapshot() }
    }

    /// The value of `key` now.
    ///
    /// # Errors
    ///
    /// When the family does not exist or the disk failed.
    pub fn value(&self, family: &str, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        value(&self.inner, family, key, &ReadOptions::default())
    }

    /// The values of `keys` now, in their order.
    ///
    /// # Errors
    ///
    /// When the family does not exist or the disk failed.
    pub fn values<K: AsRef<[u8]>>(
        &self,
        family: &str,
        keys: &[K],
    ) -> Result<Vec<Option<Vec<u8>>>, Error> {
        values(&self.inner, family, keys, &ReadOptions::default())
    }

    /// The rows of `keys`, in order, as of the start of the scan.
    ///
    /// # Errors
    ///
    /// When the family does not exist.
    pub fn scan(&self, family: &str, keys: Keys<'_>) -> Result<Scan<'_>, Error> {
        Scan::start(&self.inner, family, keys, ReadOptions::default())
    }
}

impl Snapshot<'_> {
    fn options(&self) -> ReadOptions {
        let mut options = ReadOptions::default();
        options.set_snapshot(&self.moment);
        options
    }

    /// The value that `key` had.
    ///
    /// # Errors
    ///
    /// When the family does not exist or the disk failed.
    pub fn value(&self, family: &str, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        value(self.inner, family, key, &self.options())
    }

    /// The values that `keys` had, in their order.
    ///
    /// # Errors
    ///
    /// When the family does not exist or the disk failed.
    pub fn values<K: AsRef<[u8]>>(
        &self,
        family: &str,
        keys: &[K],
    ) -> Result<Vec<Option<Vec<u8>>>, Error> {
        values(self.inner, family, keys, &self.options())
    }

    /// The rows of `keys`, in order.
    ///
    /// # Errors
    ///
    /// When the family does not exist.
    pub fn scan(&self, family: &str, keys: Keys<'_>) -> Result<Scan<'_>, Error> {
        Scan::start(self.inner, family, keys, self.options())
    }
}

fn value(
    inner: &Inner,
    family: &str,
    key: &[u8],
    how: &ReadOptions,
) -> Result<Option<Vec<u8>>, Error> {
    let handle = inner.family(family)?;
    inner.database.get_cf_opt(handle, key, how).map_err(|error| inner.sort(&error))
}

fn values<K: AsRef<[u8]>>(
    inner: &Inner,
    family: &str,
    keys: &[K],
    how: &ReadOptions,
) -> Result<Vec<Option<Vec<u8>>>, Error> {
    let handle = inner.family(family)?;
    // Not known to be sorted: the engine sorts for itself.
    let found = inner.database.batched_multi_get_cf_opt(handle, keys, false, how);
    found
        .into_iter()
        .map(|one| one.map(|slice| slice.map(|bytes| bytes.to_vec())))
        .map(|one| one.map_err(|error| inner.sort(&error)))
        .collect()
}
