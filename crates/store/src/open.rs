//! Opening a store, and reading what it holds now.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DB, DBCompressionType, DBRecoveryMode,
};

use crate::Error;

/// What a family is used for; its files are laid out accordingly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tuning {
    /// Keys that grow, values that are read seldom: records in the order of their coming.
    Append,
    /// Small values under keys without order, read one by one, often absent.
    Points,
    /// Digests, which do not compress.
    Digests,
    /// Larger values that compress well and are read seldom.
    Blobs,
}

/// A family: an ordered map from bytes to bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its name; it stays for the life of the store.
    pub name: &'static str,
    /// What it is used for.
    pub tuning: Tuning,
}

/// What the opener may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read and write; the store is made when it is not there.
    Write,
    /// Read only; nothing on the disk changes, and the store must be there.
    Read,
}

/// How a store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What the opener may do.
    pub access: Access,
    /// Memory for blocks that were read, in bytes.
    pub cache_bytes: usize,
    /// Memory for what was written and is not yet in sorted files, in bytes.
    pub buffer_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { access: Access::Write, cache_bytes: 64 << 20, buffer_bytes: 128 << 20 }
    }
}

/// A directory of families. Clones share it; the last one to go closes it.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

/// What clones, batches and snapshots share.
pub(crate) struct Inner {
    pub(crate) database: DB,
    path: PathBuf,
}

impl Inner {
    /// Sorts an error of the engine, placing it in this directory.
    pub(crate) fn sort(&self, error: &rocksdb::Error) -> Error {
        Error::sort(error, self.path.display().to_string())
    }

    /// The engine's handle of a family.
    pub(crate) fn family(&self, name: &str) -> Result<&rocksdb::ColumnFamily, Error> {
        self.database.cf_handle(name).ok_or_else(|| Error::UnknownFamily { name: name.to_owned() })
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in the directory `path` with exactly these families (new ones are added).
    ///
    /// The write-ahead log is replayed up to the first record that is not whole.
    ///
    /// # Errors
    ///
    /// When another process has it open, when it is damaged elsewhere than at the torn end of the
    /// write-ahead log, or when the disk refuses.
    pub fn open(path: &Path, families: &[Family], options: &Options) -> Result<Self, Error> {
        let place = path.display().to_string();
        if options.access == Access::Write {
            std::fs::create_dir_all(path)
                .map_err(|error| Error::Disk { place: place.clone(), why: error.to_string() })?;
        }
        let cache = Cache::new_lru_cache(options.cache_bytes);
        let descriptors = families
            .iter()
            .map(|family| ColumnFamilyDescriptor::new(family.name, family_options(family, &cache)));
        let whole = database_options(options);
        let database = match options.access {
            Access::Write => DB::open_cf_descriptors(&whole, path, descriptors),
            Access::Read => DB::open_cf_descriptors_read_only(&whole, path, descriptors, false),
        };
        let database = database.map_err(|error| Error::sort(&error, place))?;
        Ok(Self { inner: Arc::new(Inner { database, path: path.to_owned() }) })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }
}

fn database_options(options: &Options) -> rocksdb::Options {
    let mut whole = rocksdb::Options::default();
    if options.access == Access::Write {
        whole.create_if_missing(true);
        whole.create_missing_column_families(true);
    }
    // A torn tail is normal after a crash and is cut off; absolute consistency would refuse to open.
    whole.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    // Recycled logs and ranged syncs have both lost synced records.
    // (facebook/rocksdb issues 12918 and 12489)
    whole.set_recycle_log_file_num(0);
    whole.set_wal_bytes_per_sync(0);
    // A whole log file that was synced and is now missing or shorter is damage, not a torn tail.
    whole.set_track_and_verify_wals_in_manifest(true);
    whole.set_paranoid_checks(true);
    whole.set_db_write_buffer_size(options.buffer_bytes);
    // Families that are written seldom would otherwise hold old logs back for ever.
    whole.set_max_total_wal_size(512 << 20);
    whole.set_max_background_jobs(2);
    whole.set_bytes_per_sync(1 << 20);
    whole.set_max_open_files(512);
    whole.set_keep_log_file_num(4);
    whole
}

fn family_options(family: &Family, cache: &Cache) -> rocksdb::Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_format_version(5);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    let mut options = rocksdb::Options::default();
    options.set_write_buffer_size(64 << 20);
    options.set_max_write_buffer_number(4);
    if matches!(family.tuning, Tuning::Points | Tuning::Digests) {
        // Their keys come in no order: a smaller table in memory takes each of them in sooner.
        options.set_write_buffer_size(16 << 20);
        options.set_max_bytes_for_level_base(128 << 20);
    }
    match family.tuning {
        Tuning::Append => {
            options.set_compression_type(DBCompressionType::Lz4);
            table.set_block_size(16 << 10);
        }
        Tuning::Points => {
            options.set_compression_type(DBCompressionType::Lz4);
            table.set_bloom_filter(10.0, false);
        }
        Tuning::Digests => {
            options.set_compression_type(DBCompressionType::None);
            table.set_bloom_filter(10.0, false);
        }
        Tuning::Blobs => {
            options.set_compression_type(DBCompressionType::Lz4);
            options.set_bottommost_compression_type(DBCompressionType::Zstd);
            table.set_block_size(32 << 10);
        }
    }
    options.set_block_based_table_factory(&table);
    options
}
