//! What a ledger is opened with.

use std::path::PathBuf;

use bytes::Bytes;
use party::{MemberId, Members};
use statement::SigningKey;

/// What a ledger is opened with.
#[derive(Debug)]
pub struct Config {
    /// The directory that it keeps everything in; made when it is not there.
    pub path: PathBuf,
    /// The members that this node trusts, pinned.
    pub members: Members,
    /// The signed genesis statement, which every member of the consortium holds alike.
    pub genesis: Bytes,
    /// Who signs receipts and checkpoints here; a ledger without it only keeps and serves blocks.
    pub receipt_key: Option<(MemberId, SigningKey)>,
    /// How much may wait and how much one block takes.
    pub limits: Limits,
}

/// How much may wait and how much one block takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of submissions that may be pending before more are refused as OVERLOADED.
    pub pending_bytes: usize,
    /// Leaves after which a block takes no further statement.
    pub block_leaves: usize,
    /// Bytes of statements, leaves and bodies after which a block takes no further statement.
    pub block_bytes: usize,
    /// Pages of the state tree, of at most 1.5 KiB, that may be newer in memory than in the store.
    pub unwritten_pages: usize,
    /// Memory in which blocks of the store are kept at hand, in bytes.
    pub cache_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pending_bytes: 256 << 20,
            block_leaves: 10_000,
            block_bytes: 8 << 20,
            unwritten_pages: 32_768,
            cache_bytes: 256 << 20,
        }
    }
}
