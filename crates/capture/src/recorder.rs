//! The joint between those who state and those who record.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use statement::{Height, LogIndex, RequestId};

use crate::Error;

/// What goes to the log in one call: a signed statement, its leaves, and the bodies beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The id that the statement's payload bears; a copy, so that a face need not decode.
    pub request_id: RequestId,
    /// The tagged `COSE_Sign1`, at most 65,535 bytes.
    pub statement: Bytes,
    /// The capture tree's leaves, in order; at most 10,000.
    pub leaves: Vec<Bytes>,
    /// The bodies, one for each leaf, in the leaves' order.
    pub bodies: Vec<Bytes>,
}

/// Where the log holds a statement, durably.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The statement's place in the log.
    pub index: LogIndex,
    /// The block that brought it there.
    pub height: Height,
    /// Whether an earlier call with the same request id had already brought it there.
    pub repeat: bool,
}

/// A place where signed statements become part of the record.
///
/// # Contract
///
/// - Durable: `record` returns `Ok` only when the statement is committed and synced; no crash
///   afterwards takes it away.
/// - Idempotent: the same request id of the same issuer with the same subject is answered with the
///   first index and height, and `repeat` true; the log grows once.
/// - Exact: the same request id with another subject is refused with `REQUEST_ID_REUSED`.
/// - Whole: a statement whose leaves or bodies do not match it is refused, and the log does not
///   grow.
/// - Honest about doubt: a call whose fate is unknown ends in an error that is
///   [retryable](Error::is_retryable), and a retry finds out.
/// - Monotonic: `height` never goes back, and is at least the height of every `Recorded` that was
///   returned before the call.
///
/// `suite::holds` (feature `suite`) checks an implementation against this contract.
#[async_trait]
pub trait Recorder: fmt::Debug + Send + Sync {
    /// Appends a statement, and returns when it is durable.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] when the ledger will not have it; [`Error::Unavailable`] when the ledger
    /// did not answer.
    async fn record(&self, submission: Submission) -> Result<Recorded, Error>;

    /// The height of the last committed block.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the ledger did not answer.
    async fn height(&self) -> Result<Height, Error>;
}
