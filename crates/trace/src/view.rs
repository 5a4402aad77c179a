//! A gateway's own index of the record.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use parking_lot::Mutex;
use party::{MemberId, Members};
use statement::{Commitment, Digest, Height};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::check::{Vetting, check};
use crate::cursor::Cursor;
use crate::index::Index;
use crate::record::VERSION;
use crate::{Announcement, Archive, Block, Error, SealedLeaf};

/// How long a follower waits after a first failure; it doubles up to the last.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LAST_WAIT: Duration = Duration::from_secs(5);

/// How many blocks that have already come are taken in one go.
const BLOCKS_AT_ONCE: usize = 16;

/// A gateway's own durable index of the record, which it verifies block by block.
///
/// Cheap to clone: all clones are one view.
#[derive(Clone, Debug)]
pub struct View {
    pub(crate) inner: Arc<Inner>,
    /// How long a trace waits for the index, or for the ledger's note, to come up.
    pub(crate) patience: Duration,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) index: Index,
    vetting: Vetting,
    pub(crate) members: Members,
    /// Held while a block is taken or the index is emptied.
    state: Mutex<Cursor>,
    /// All editions of the members; never locked for longer than it takes to read.
    pub(crate) editions: Mutex<Arc<Vec<Members>>>,
    cursor: watch::Sender<Height>,
    /// Grows, under the lock, when the index is emptied: a follower under way starts again.
    edition: watch::Sender<u64>,
    /// The greatest height that a quorum or the chain has shown.
    seen: AtomicU64,
}

/// What became of a block that was offered to the index.
enum Taken {
    Yes,
    /// The index was emptied meanwhile.
    Emptied,
}

impl View {
    /// Opens the index in folder `path`, or makes one, for a consortium whose members are pinned.
    ///
    /// # Errors
    ///
    /// [`Error::WrongIndex`] when the folder holds another consortium's index, or one of another
    /// edition of this program; [`Error::Index`] when it cannot be read.
    pub fn open(path: &Path, members: Members) -> Result<Self, Error> {
        Self::open_with(path, members, Vetting::Here)
    }

    /// Opens the index of a gateway whose ledger runs in the same process.
    ///
    /// Such a ledger has verified signatures, bodies and tags before it took them in, and whoever
    /// could bend it could bend this view too: they are not verified again. The chain of headers,
    /// the log and the contents are.
    ///
    /// # Errors
    ///
    /// As [`View::open`].
    pub fn open_in_process(path: &Path, members: Members) -> Result<Self, Error> {
        Self::open_with(path, members, Vetting::SameProcess)
    }

    fn open_with(path: &Path, members: Members, vetting: Vetting) -> Result<Self, Error> {
        let index = Index::open(path)?;
        let start = Cursor::start(&members, Height(0));
        let wrong = |why: &str| {
            Err(Error::WrongIndex { path: path.display().to_string(), why: why.to_owned() })
        };
        if index.version()?.is_some_and(|version| version != VERSION) {
            // What it lacks, the ledger has: following brings it all once more.
            return wrong("another edition of this program wrote it");
        }
        let cursor = index.cursor(&members)?.unwrap_or_else(|| start.clone());
        if cursor.pinned != start.pinned {
            return wrong("it was made for another consortium, or for other members");
        }
        if index.is_emptying()? {
            index.empty(&cursor)?;
        }
        let inner = Inner {
            index,
            vetting,
            editions: Mutex::new(Arc::new(editions(&cursor, &members)?)),
            members,
            cursor: watch::Sender::new(cursor.height),
            seen: AtomicU64::new(cursor.seen.0),
            state: Mutex::new(cursor),
            edition: watch::Sender::new(0),
        };
        Ok(Self { inner: Arc::new(inner), patience: Duration::from_secs(5) })
    }

    /// Lets a trace wait that long for the index, or for the ledger's note, to come up.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The members whose keys are pinned.
    #[must_use]
    pub fn members(&self) -> &Members {
        &self.inner.members
    }

    /// All editions of the members so far, the pinned one first: who has renewed a key signs with the
    /// new one, and what was signed with the old one stays good.
    #[must_use]
    pub fn editions(&self) -> Arc<Vec<Members>> {
        Arc::clone(&self.inner.editions.lock())
    }

    /// The height of the last block in the index; 0 before the first.
    #[must_use]
    pub fn cursor(&self) -> Height {
        *self.inner.cursor.borrow()
    }

    /// Tells whenever the index has moved.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Height> {
        self.inner.cursor.subscribe()
    }

    /// Follows the record until `stop`, verifying every block, and coming back after an interruption.
    ///
    /// One follower at a time: a second one would be told that its blocks are not the next.
    ///
    /// # Errors
    ///
    /// [`Error::Misbehaved`] when a block contradicts what came before: the index stays at the last
    /// good block. [`Error::Index`] when the index fails. Whatever else goes wrong is tried again.
    pub async fn follow(
        &self,
        archive: &dyn Archive,
        stop: CancellationToken,
    ) -> Result<(), Error> {
        let mut wait = FIRST_WAIT;
        loop {
            let before = self.cursor();
            let round = self.follow_once(archive, &stop).await;
            if stop.is_cancelled() {
                return Ok(());
            }
            match round {
                Ok(()) => {}
                // Proof of a lie, or nowhere to keep what comes: another try changes neither.
                Err(
                    error @ (Error::Misbehaved { .. }
                    | Error::Index { .. }
                    | Error::WrongIndex { .. }),
                ) => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, cursor = %self.cursor(), "following was interrupted");
                }
            }
            if self.cursor() != before {
                wait = FIRST_WAIT;
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
            }
            wait = (wait * 2).min(LAST_WAIT);
        }
    }

    /// Follows until told to stop, the stream ends, or the index is emptied; a block that is being
    /// taken is taken to its end.
    async fn follow_once(
        &self,
        archive: &dyn Archive,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let mut editions = self.inner.edition.subscribe();
        let (from, edition) =
            self.on_index(|inner| Ok((inner.state.lock().next(), *inner.edition.borrow()))).await?;
        if *editions.borrow_and_update() != edition {
            return Ok(());
        }
        let stream = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            stream = archive.blocks(from) => stream?,
        };
        let mut blocks = stream.ready_chunks(BLOCKS_AT_ONCE);
        loop {
            let next = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = editions.changed() => return Ok(()),
                next = blocks.next() => next,
            };
            let Some(chunk) = next else { return Ok(()) };
            let taken = self
                .on_index(move |inner| {
                    for block in chunk {
                        if matches!(inner.take(&block?, edition)?, Taken::Emptied) {
                            return Ok(Taken::Emptied);
                        }
                    }
                    Ok(Taken::Yes)
                })
                .await?;
            if matches!(taken, Taken::Emptied) {
                return Ok(());
            }
        }
    }

    /// Empties the index; a follower at work starts again from the first block.
    ///
    /// It blocks while rows are removed; call it where that is allowed. The greatest height ever seen stays known, so that a ledger
    /// cannot use the occasion to show an older past.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] when the index cannot be written.
    pub fn rebuild(&self) -> Result<(), Error> {
        let mut cursor = self.inner.state.lock();
        *cursor = Cursor::start(&self.inner.members, cursor.seen.max(self.seen()));
        *self.inner.editions.lock() = Arc::new(vec![self.inner.members.clone()]);
        self.inner.cursor.send_replace(Height(0));
        let emptied = self.inner.index.empty(&cursor);
        self.inner.edition.send_modify(|edition| *edition += 1);
        emptied
    }

    /// The first event that bore an event id, as far as the index has come; it may block.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] when the index cannot be read.
    pub fn first_bearer(&self, event_id: &str) -> Result<Option<Commitment>, Error> {
        self.inner.index.first_bearer(event_id)
    }

    /// A sealed event by its commitment, as far as the index has come; it may block.
    ///
    /// Where a stranger has copied the leaf, this is the first that bears the commitment: see
    /// [`View::sealed_by`].
    ///
    /// # Errors
    ///
    /// [`Error::Index`] when the index cannot be read.
    pub fn sealed(&self, commitment: &Commitment) -> Result<Option<SealedLeaf>, Error> {
        Ok(self.inner.index.sealed(commitment)?.into_iter().next())
    }

    /// A member's sealed event by its commitment, as far as the index has come; it may block.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] when the index cannot be read.
    pub fn sealed_by(
        &self,
        issuer: &MemberId,
        commitment: &Commitment,
    ) -> Result<Option<SealedLeaf>, Error> {
        let leaves = self.inner.index.sealed(commitment)?;
        Ok(leaves.into_iter().find(|leaf| leaf.issuer == *issuer))
    }

    /// The announcement of an item secret, as far as the index has come; it may block.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] when the index cannot be read.
    pub fn announced(&self, secret_id: &Digest) -> Result<Option<Announcement>, Error> {
        self.inner.index.announced(secret_id)
    }

    /// Notes a height that a quorum has shown.
    pub(crate) fn see(&self, height: Height) {
        self.inner.seen.fetch_max(height.0, Ordering::Relaxed);
    }

    /// The greatest height that the chain or a quorum has shown: no note may lag behind it.
    pub(crate) fn seen(&self) -> Height {
        Height(self.inner.seen.load(Ordering::Relaxed))
    }

    /// Reads or writes the index off the asynchronous threads.
    pub(crate) async fn on_index<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || work(&inner))
            .await
            .map_err(|error| Error::Index { message: error.to_string() })?
    }
}

impl Inner {
    /// Verifies the next block and takes it.
    fn take(&self, block: &Block, edition: u64) -> Result<Taken, Error> {
        let mut cursor = self.state.lock();
        if *self.edition.borrow() != edition {
            return Ok(Taken::Emptied);
        }
        let block = check(&cursor, block, self.vetting)?;
        self.index.take(&block)?;
        if block.cursor.renewed.len() != cursor.renewed.len() {
            *self.editions.lock() = Arc::new(editions(&block.cursor, &self.members)?);
        }
        *cursor = block.cursor;
        self.seen.fetch_max(cursor.height.0, Ordering::Relaxed);
        self.cursor.send_replace(cursor.height);
        Ok(Taken::Yes)
    }
}

fn editions(cursor: &Cursor, pinned: &Members) -> Result<Vec<Members>, Error> {
    cursor.editions(pinned).map_err(|error| Error::Index { message: error.to_string() })
}

#[cfg(test)]
mod tests;
