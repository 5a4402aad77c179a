//! What is given to the ledger, and what it promises for it.

use bytes::Bytes;
use statement::{Height, LogIndex};

/// A signed statement with what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The tagged COSE statement, at most 65,535 bytes.
    pub statement: Bytes,
    /// The leaves of a capture, in order; empty for other statements.
    pub leaves: Vec<Bytes>,
    /// The body of each leaf, in the same order; empty for other statements.
    pub bodies: Vec<Bytes>,
}

/// The promise that a statement is in the log and survives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its place in the log.
    pub index: LogIndex,
    /// The block that it came in.
    pub height: Height,
    /// How many leaves it stands for.
    pub leaves: u32,
    /// Whether this request had been committed, or was pending, before this submission.
    pub repeat: bool,
}
