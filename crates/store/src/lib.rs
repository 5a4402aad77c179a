//! Keep bytes durably in column families (the only crate that knows RocksDB).
//!
//! A [`Store`] is a directory of named families, each an ordered map from bytes to bytes. A [`Batch`]
//! changes several families together or not at all; written with [`Sync::Yes`] it is on the disk when
//! [`Store::write`] returns, and only then can it be read. A [`Snapshot`] reads the store as it
//! stood at one moment.
//!
//! ```text
//!   Batch ── write(Sync::Yes) ──▶ write-ahead log ── sync ──▶ readable ──▶ (later) sorted files
//!                                       │
//!                after a crash: replayed up to the first record that is not whole
//! ```
//!
//! # Example
//!
//! ```
//! use store::{Family, Keys, Options, Store, Sync, Tuning};
//!
//! # let dir = tempfile::tempdir().unwrap();
//! let families = [Family { name: "parcels", tuning: Tuning::Points }];
//! let store = Store::open(dir.path(), &families, &Options::default())?;
//! let mut batch = store.batch();
//! batch.put("parcels", b"jd0002", b"in Liege");
//! store.write(batch, Sync::Yes)?;
//! assert_eq!(store.value("parcels", b"jd0002")?.as_deref(), Some(&b"in Liege"[..]));
//! assert_eq!(store.scan("parcels", Keys::Prefix(b"jd"))?.count(), 1);
//! # Ok::<(), store::Error>(())
//! ```
//!
//! # What this crate does not do
//!
//! It gives bytes no meaning, never syncs on its own, and shows no type of the engine beneath it.
//! A torn tail of the write-ahead log is cut off silently, as after any crash: whoever needs to know
//! that nothing acknowledged was in it keeps a mark of its own, as `ledger` does.

mod batch;
mod crash;
mod error;
mod open;
mod scan;
mod snapshot;

pub use crate::batch::{Batch, Sync};
pub use crate::crash::crash_point;
pub use crate::error::Error;
pub use crate::open::{Access, Family, Options, Store, Tuning};
pub use crate::scan::{Keys, Row, Scan};
pub use crate::snapshot::Snapshot;
