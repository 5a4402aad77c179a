//! The joint by which reader entries travel.

use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use party::MemberId;
use statement::{Commitment, ReaderEntry};

use crate::Error;

/// Which entry: an event's part for one reader. A newer entry of the same key replaces the older.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey {
    /// The event.
    pub commitment: Commitment,
    /// The part of its sealed body, from 0.
    pub part: u32,
    /// For whom.
    pub reader: MemberId,
}

impl EntryKey {
    /// The key of an entry.
    #[must_use]
    pub fn of(entry: &ReaderEntry) -> Self {
        Self { commitment: entry.commitment, part: entry.part, reader: entry.reader.clone() }
    }
}

/// One thing that happened in the post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its place among all notices, growing; where to follow from is one more.
    pub sequence: u64,
    /// What happened.
    pub what: What,
}

/// What happened in the post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// An entry was put, or put anew.
    Put(Box<ReaderEntry>),
    /// An entry was taken out: by its reader, who has it, or by its sealer.
    Removed {
        /// Which.
        key: EntryKey,
        /// By whom.
        by: MemberId,
        /// Who had put it.
        sealer: MemberId,
    },
}

/// Where sealers put entries and readers find them; it is not trusted.
///
/// # Contract
///
/// - Durable: `put` and `remove` return `Ok` only when no crash afterwards undoes them.
/// - Whole: the entries of one `put` become visible together, or none does.
/// - Idempotent: putting the same entry again, or removing one that is gone, is no error.
/// - Latest: an entry replaces an older one of the same [`EntryKey`]; the older is not shown again.
/// - In order: `follow(members, from)` yields each notice from sequence `from` on of which one of
///   `members` is reader or sealer, once, in order, leaving out what was replaced or removed since;
///   at the end it waits for the next.
/// - Guarded: only the reader and the sealer of an entry may remove it.
///
/// `suite::holds` (feature `suite`) checks an implementation against this contract.
#[async_trait]
pub trait Post: fmt::Debug + Send + Sync {
    /// Puts signed entries, at most 4,096 a call.
    ///
    /// # Errors
    ///
    /// [`Error::PostRefused`] when the post will not have one of them: then it has none.
    /// [`Error::PostUnavailable`] when it did not answer; a retry is safe.
    async fn put(&self, entries: Vec<ReaderEntry>) -> Result<(), Error>;

    /// Takes entries out in the name of member `by`, their reader or sealer; at most 4,096 a call.
    ///
    /// # Errors
    ///
    /// As [`Post::put`].
    async fn remove(&self, by: &MemberId, keys: Vec<EntryKey>) -> Result<(), Error>;

    /// Follows what concerns these members, from a sequence on.
    ///
    /// # Errors
    ///
    /// [`Error::PostUnavailable`] when it did not answer.
    async fn follow(
        &self,
        members: BTreeSet<MemberId>,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Notice, Error>>, Error>;
}
