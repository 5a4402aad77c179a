//! The joint between the record and those who follow it.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use statement::{Commitment, Height, LogIndex, Position, Tag};

use crate::Error;

/// One committed block, as bytes to verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The header's deterministic CBOR.
    pub header: Bytes,
    /// What the block brought to the log, in log order.
    pub entries: Vec<Entry>,
}

/// One log entry of a block, with what this member may have of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The statement's place in the log.
    pub index: LogIndex,
    /// The tagged `COSE_Sign1`.
    pub statement: Bytes,
    /// The capture tree's leaves; none for what is not a capture.
    pub leaves: Vec<Bytes>,
    /// The bodies in the leaves' order; `None` for one that is erased or not for this member.
    pub bodies: Vec<Option<Bytes>>,
}

/// What a ledger says of one tag's history, with its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// How many leaves ever bore the tag.
    pub count: u64,
    /// All positions, in log order.
    pub positions: Vec<Position>,
    /// The encoded `statement::HistoryProof`: count and root under the state root of a quorum's
    /// note; for a tag that no leaf bore, the proof of its absence.
    pub proof: Bytes,
}

/// A ledger that can be followed and asked for proofs; it is not trusted.
///
/// # Contract
///
/// - In order: `blocks(from)` yields each committed block from height `from` on, once, without a
///   gap.
/// - Never-ending: at the tip the stream waits for the next block; it ends only with an error or
///   when the ledger stops. Heartbeats stay inside.
/// - Faithful: what it yields is byte for byte what was committed; erased bodies are `None`.
/// - Fresh: `history` and `bundle` answer from a state at least as new as every block that a stream
///   of this archive has yielded, once the quorum's note for it is there.
/// - Provable: a history's positions fit the proof, and the proof fits a quorum's note.
/// - Monotonic: `height` never goes back.
///
/// `suite::holds` (feature `suite`) checks an implementation against this contract.
#[async_trait]
pub trait Archive: fmt::Debug + Send + Sync {
    /// Follows the record from height `from` on.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the ledger did not answer.
    async fn blocks(&self, from: Height)
    -> Result<BoxStream<'static, Result<Block, Error>>, Error>;

    /// All positions of a tag, with the proof that there are no others.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the ledger did not answer.
    async fn history(&self, tag: &Tag) -> Result<History, Error>;

    /// All that an offline verifier needs for one event.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when no leaf bears the commitment.
    async fn bundle(&self, commitment: &Commitment) -> Result<Bytes, Error>;

    /// The height of the last committed block.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the ledger did not answer.
    async fn height(&self) -> Result<Height, Error>;
}
