//! Why a trace could not be had.

use statement::Height;

/// Why the record could not be followed or asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The ledger could not be reached, or did not answer.
    #[error("the ledger is not reachable: {message}")]
    Unavailable {
        /// What was seen.
        message: String,
    },
    /// The ledger holds nothing under that name.
    #[error("{what} is not in the record")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The ledger refused the question.
    #[error("the ledger refused: {message}")]
    Refused {
        /// Its `UPPER_SNAKE` reason.
        reason: String,
        /// Its words.
        message: String,
        /// The field at fault, where there is one.
        field: Option<String>,
    },
    /// The ledger has no time for the question now.
    #[error("the ledger is busy: {message}")]
    Busy {
        /// Its `UPPER_SNAKE` reason, such as `OVERLOADED`.
        reason: String,
        /// Its words.
        message: String,
        /// When to ask again, in milliseconds.
        retry_after_ms: u64,
    },
    /// The ledger sent something that contradicts what it had bound itself to: theirs, and evidence.
    #[error("the ledger misbehaved at height {}: {what}", .height.0)]
    Misbehaved {
        /// The block at which it shows.
        height: Height,
        /// What is wrong.
        what: String,
    },
    /// The index on disk belongs to another consortium, or to a later edition of this program.
    #[error("the index at {path} does not fit: {why}; move it away, or rebuild it from zero")]
    WrongIndex {
        /// Where it lies.
        path: String,
        /// What does not fit.
        why: String,
    },
    /// A member's book does not open with the storage key that was given.
    #[error(
        "the book at {path} does not open with this storage key; give the key that it was made with"
    )]
    WrongStorageKey {
        /// Where it lies.
        path: String,
    },
    /// The book on disk belongs to another member, or to a later edition of this program.
    #[error("the book at {path} does not fit: {why}; move it away")]
    WrongBook {
        /// Where it lies.
        path: String,
        /// What does not fit.
        why: String,
    },
    /// A book could not be read or written: ours.
    #[error("the book failed: {message}")]
    Book {
        /// What was seen.
        message: String,
    },
    /// An item secret that nobody had announced for its item: theirs, and evidence.
    #[error("the secret handed over by {sealer} is a decoy: {why}")]
    SecretDecoy {
        /// Who handed it over.
        sealer: String,
        /// What does not fit.
        why: &'static str,
    },
    /// A bundle is not the one of the event that is to be disclosed.
    #[error("the bundle does not fit the event: {why}")]
    WrongBundle {
        /// What does not fit.
        why: String,
    },
    /// The index on disk could not be read or written: ours.
    #[error("the index failed: {message}")]
    Index {
        /// What was seen.
        message: String,
    },
}

impl Error {
    /// The `UPPER_SNAKE` reason that travels to the caller.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Unavailable { .. } => "LEDGER_UNAVAILABLE",
            Self::NotFound { .. } => "NOT_FOUND",
            Self::Refused { reason, .. } | Self::Busy { reason, .. } => reason,
            Self::Misbehaved { .. } => "LEDGER_MISBEHAVED",
            Self::SecretDecoy { .. } => "SECRET_DECOY",
            Self::WrongBundle { .. } => "BUNDLE_MISMATCH",
            Self::WrongIndex { .. }
            | Self::Index { .. }
            | Self::WrongStorageKey { .. }
            | Self::WrongBook { .. }
            | Self::Book { .. } => "INTERNAL",
        }
    }

    /// Whether the same call may succeed later, unchanged.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        self.retry_after_ms().is_some()
    }

    /// After how many milliseconds a retry makes sense, where one does.
    #[must_use]
    pub const fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Busy { retry_after_ms, .. } => Some(*retry_after_ms),
            Self::Unavailable { .. } => Some(1_000),
            _ => None,
        }
    }
}
