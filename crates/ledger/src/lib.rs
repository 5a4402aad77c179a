//! Keep the log and the state it implies, on RocksDB, and prove both.
//!
//! A [`Ledger`] takes signed statements in, holds them until the orderer asks for a block, executes
//! a block purely over a snapshot, and writes the block that was decided in one synced batch: log,
//! tree, histories, state, bodies, together or not at all. What a statement means beyond its
//! captures is decided by a [`Machine`]. Everything that the ledger answers it can prove against the
//! header of a block: inclusion, consistency, and the completeness of a tag's history.
//! Beside the log it keeps the post: reader entries, until their readers have them.
//!
//! ```text
//!   submit ──▶ admit (signature, leaves, bodies) ──▶ pool ──▶ propose ─┐
//!                                                                     execute over a snapshot
//!   block from another member ─────────────────────▶ check ───────────┘       │
//!                                                                          candidate
//!   acknowledge ◀── marker ◀── one synced batch ◀── commit(hash) ◀────────────┘
//!
//!   put_entries ──▶ check against the log ──▶ one synced batch ──▶ entries(from) ──▶ remove_entries
//! ```
//!
//! # Example
//!
//! ```no_run
//! use std::sync::Arc;
//! use ledger::{Config, Ledger, Machine, Submission};
//!
//! async fn append(config: Config, machine: Arc<dyn Machine>, what: Submission) -> Option<u64> {
//!     let ledger = Ledger::open(config, machine).ok()?;
//!     let answer = ledger.submit(what).ok()?;
//!     let committed = answer.await.ok()?.ok()?;
//!     Some(committed.index.0)
//! }
//! ```
//!
//! # What this crate does not do
//!
//! It reads no clock and draws no randomness: time comes with each block. It orders nothing itself,
//! opens no connection, and never learns what a sealed body says.

mod admit;
mod audit;
mod block;
mod commit;
mod config;
mod error;
mod execute;
mod head;
mod keys;
mod machine;
mod marker;
mod moment;
mod open;
mod pages;
mod pool;
mod post;
mod post_audit;
mod post_rows;
mod prove;
mod read;
mod refusal;
mod rows;
mod serve;
mod submission;
mod write;

pub use crate::audit::{Audit, Report, check};
pub use crate::commit::CRASH_POINTS;
pub use crate::config::{Config, Limits};
pub use crate::error::Error;
pub use crate::machine::{Changes, Failure, Machine, Rows, View};
pub use crate::post::{EntryKey, MAX_ENTRIES_PER_CALL, Notice, POST_CRASH_POINTS, What};
pub use crate::prove::History;
pub use crate::read::{BlockRecord, StatementRecord, Status};
pub use crate::refusal::{Refusal, reason};
pub use crate::serve::Ledger;
pub use crate::submission::{Committed, Submission};
