//! Why blocks could not be agreed on.

use crate::Height;

/// Why an orderer or its application could not do its part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another member's block is not valid: their fault, this member lives on.
    #[error("the proposed block is refused: {why}")]
    Refused {
        /// What is wrong with it.
        why: String,
    },
    /// The application cannot go on: ours, the process should stop.
    #[error("the application failed above height {}: {why}", .tip.0)]
    Failed {
        /// The height of its tip.
        tip: Height,
        /// What happened.
        why: String,
    },
    /// The work on a block ended without an answer: a bug.
    #[error("the work on a block was cut short: {why}")]
    Aborted {
        /// What the runtime says of it.
        why: String,
    },
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        false
    }
}
