//! Why the ledger could not do something.

use statement::{Height, LogSize};

/// Why the ledger could not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A tree of the store could not be read or proved.
    #[error(transparent)]
    Tree(#[from] merkle::Error),
    /// Something stored could not be read or signed.
    #[error(transparent)]
    Statement(#[from] statement::Error),
    /// No quorum has signed the log at this size, as far as this node knows.
    #[error("no quorum has signed the log of {size} entries here")]
    NotPublished {
        /// The log's size.
        size: LogSize,
    },
    /// What was asked for is not in the log.
    #[error("{what} is not in the log")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The request itself cannot be answered.
    #[error("{field} {why}")]
    Invalid {
        /// Which part of the request.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// This node has no key to sign receipts with, or it is no validator's.
    #[error("no receipt can be signed here: {why}")]
    NoReceiptKey {
        /// What is missing.
        why: String,
    },
    /// The genesis statement is not acceptable.
    #[error("the genesis statement cannot be used: {why}")]
    Genesis {
        /// What is wrong with it.
        why: String,
    },
    /// The store holds another consortium's log, or the same one begun otherwise.
    #[error("{path} holds a log that began with another genesis statement")]
    OtherGenesis {
        /// The store's directory.
        path: String,
    },
    /// The store came back without blocks that had been acknowledged.
    #[error(
        "{path} came back at height {} but height {} was acknowledged: the write-ahead log lost \
         its end; restore the directory from a copy or from another member, do not start over it",
        .recovered.0, .acknowledged.0
    )]
    LostAcknowledged {
        /// The store's directory.
        path: String,
        /// The height that the store holds.
        recovered: Height,
        /// The height that had been acknowledged.
        acknowledged: Height,
    },
    /// What is stored contradicts itself.
    #[error("the store is damaged: {what} ({place})")]
    Damaged {
        /// What was found.
        what: String,
        /// Where.
        place: String,
    },
    /// A block could not be made durable, so nothing is answered until the ledger is opened again.
    #[error("the ledger has stopped: {why}")]
    Stopped {
        /// What failed first.
        why: String,
    },
    /// A file beside the store could not be used.
    #[error("{path}: {why}")]
    File {
        /// Which file.
        path: String,
        /// What the system says.
        why: String,
    },
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        false
    }
}
