//! Agree on blocks among members that may lie: the `Orderer` trait, the `Application` it drives, the suite, `solo`.
//!
//! An [`Orderer`] decides the order of blocks and learns nothing of what is in them. It drives an
//! [`Application`], which proposes bytes, checks the bytes that others propose, and commits what was
//! decided. [`Solo`] is the orderer of a consortium with one validator: it commits whatever gathered
//! while the commit before was being written, so that one sync to disk serves many callers.
//!
//! ```text
//!   wake() ──▶ Orderer ── propose(time) ──▶ Application
//!                 │ ◀───── Block{height, hash, bytes}
//!                 │  (the others: check(bytes, fresh) and vote)
//!                 └────── commit(hash, certificate) ──▶ durable
//! ```
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use consensus::{Application, Error, Orderer, Solo};
//! use tokio_util::sync::CancellationToken;
//!
//! async fn order(application: Arc<dyn Application>, stop: CancellationToken) -> Result<(), Error> {
//!     let solo = Solo::new(Arc::new(clock::System));
//!     solo.wake(); // Something is pending.
//!     solo.run(application, stop).await // Until `stop` is cancelled.
//! }
//! ```
//!
//! # What this crate does not do
//!
//! It never looks into a block, keeps nothing on disk, and opens no connection.

mod error;
mod solo;
#[cfg(feature = "suite")]
pub mod suite;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
pub use clock::TimeMs;
use tokio_util::sync::CancellationToken;

pub use crate::error::Error;
pub use crate::solo::Solo;

/// How many blocks were committed; the first block has height 1, before it stands height 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Height(pub u64);

/// What members vote on: the digest of a block's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BlockHash(pub [u8; 32]);

/// The last committed block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub hash: BlockHash,
    /// Its time; the next block's is later.
    pub time: TimeMs,
}

/// A block that may be voted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The height it is for: one above the tip.
    pub height: Height,
    /// Its hash.
    pub hash: BlockHash,
    /// All of it, as other members check it.
    pub bytes: Bytes,
}

/// Decides the order of blocks.
///
/// # Contract
///
/// - Order: `commit` is called for one block at a time, each one above the tip of its moment.
/// - Agreement: only a hash that `propose` or `check` of this application answered is committed.
/// - Progress: after `wake`, `propose` is called again until it answers `None`.
/// - Time: the time given to `propose` is later than the tip's.
/// - Honesty: an error of the application ends `run` with that error, except where another
///   member's block was refused.
/// - Silence: once `stop` is cancelled, `run` ends soon, and after it nothing is called any more.
///
/// `suite::holds` (feature `suite`) checks an implementation against this contract.
#[async_trait]
pub trait Orderer: fmt::Debug + Send + Sync {
    /// Drives `application` until `stop` is cancelled.
    ///
    /// # Errors
    ///
    /// What the application could not do; the process should then stop.
    async fn run(
        &self,
        application: Arc<dyn Application>,
        stop: CancellationToken,
    ) -> Result<(), Error>;

    /// Says that something is pending. Cheap, never blocks, may be called from any thread.
    fn wake(&self);
}

/// What an orderer drives. Its methods may block on the disk.
///
/// # Contract
///
/// - Pure: `propose` and `check` change nothing that lasts; several blocks per height may stand. Of
///   dozens only the newest do: one that was decided late is checked again before its commit.
/// - Sameness: the same block bytes give the same hash, on every member.
/// - Durability: when `commit` has returned, the block survives a crash and `tip` names it.
/// - Idempotence: a commit of the block that is the tip already changes nothing.
pub trait Application: fmt::Debug + Send + Sync {
    /// The last committed block.
    fn tip(&self) -> Tip;

    /// Builds a block at `time` out of what is pending; `None` when nothing is.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] when the application cannot go on.
    fn propose(&self, time: TimeMs) -> Result<Option<Block>, Error>;

    /// Executes a block that another member proposed and answers its hash.
    ///
    /// `now` is given when this is a fresh proposal to be voted on: then the block's time must be
    /// near it. A block that was decided already (sync, replay) is checked without it.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] when the block is not valid here, [`Error::Failed`] as above.
    fn check(&self, block: &[u8], now: Option<TimeMs>) -> Result<BlockHash, Error>;

    /// Makes a proposed or checked block durable, with the proof that it was decided.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] when it is not known here or could not be written.
    fn commit(&self, hash: &BlockHash, certificate: &[u8]) -> Result<(), Error>;
}
