//! The rules above the log: what a statement changes in the state.

use std::fmt;

use party::{KeyId, MemberId, Members, PublicKey};
use statement::{Height, Statement};

use crate::{Error, Refusal};

/// The changes that a statement makes to the state: key and new value, `None` to remove.
pub type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Keys of the state with their values.
pub type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// The state as it stands before a statement, within the block that is being executed.
pub trait View {
    /// Reads one value.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// Reads all keys that begin with `prefix`, in order.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn values(&self, prefix: &[u8]) -> Result<Rows, Error>;
}

/// Why a machine did not apply a statement.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failure {
    /// The rules forbid it: theirs.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The state could not be read: ours.
    #[error(transparent)]
    Broken(#[from] Error),
}

/// The rules above the log.
///
/// # Contract
///
/// - Pure: the same view, height, time and statement give the same answer, on every member, with
///   any number of threads. No clock, no randomness, no memory between calls.
/// - Own ground: keys begin with `member/`, `contract/` or `policy/`; the rest is the ledger's.
/// - Total: no input panics.
pub trait Machine: fmt::Debug + Send + Sync {
    /// The statement key `key_id` of `issuer`, if it may sign now.
    ///
    /// # Errors
    ///
    /// `MEMBER_UNKNOWN` or `KEY_UNKNOWN` when it may not.
    fn statement_key(
        &self,
        view: &dyn View,
        issuer: &MemberId,
        key_id: &KeyId,
    ) -> Result<PublicKey, Failure>;

    /// What `statement`, whose signature was verified, changes at `height`.
    ///
    /// # Errors
    ///
    /// A refusal when the rules forbid it; the statement is then not logged.
    fn apply(
        &self,
        view: &dyn View,
        height: Height,
        time_ms: i64,
        statement: &Statement,
    ) -> Result<Changes, Failure>;

    /// The member set that the state holds; its digest stands in each header.
    ///
    /// # Errors
    ///
    /// When the state holds none.
    fn members(&self, view: &dyn View) -> Result<Members, Failure>;
}
