//! Join gateway and ledger in one process: the joints' in-process implementations.

mod post;

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use capture::{Recorded, Recorder, Submission};
use futures_util::stream::{BoxStream, StreamExt as _, try_unfold};
use ledger::{BlockRecord, Ledger};
use statement::{Commitment, Height, Tag};
use tokio::task::spawn_blocking;
use trace::{Archive, Block, Entry, History};

/// How many blocks are read from the ledger at a time, at most, and of which size together.
const BLOCKS_AT_A_TIME: usize = 256;
const BYTES_AT_A_TIME: usize = 8 << 20;

/// Up to how many leaves a submission is checked where it stands: some 5 us each beside the 50 us of
/// a signature, which is less than waking another thread and being woken by it costs.
const LEAVES_IN_PLACE: usize = 8;

/// A ledger in the same process, seen as the place where statements become part of the record and
/// as the archive that is followed.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    ledger: Arc<Ledger>,
}

impl Local {
    /// Joins to `ledger`.
    pub(crate) fn new(ledger: Arc<Ledger>) -> Self {
        Self { ledger }
    }

    /// Asks the ledger on a thread that may block on the disk.
    async fn ask<T, F>(&self, question: F) -> Result<T, trace::Error>
    where
        T: Send + 'static,
        F: FnOnce(&Ledger) -> Result<T, ledger::Error> + Send + 'static,
    {
        let ledger = Arc::clone(&self.ledger);
        spawn_blocking(move || question(&ledger))
            .await
            .map_err(|error| trace::Error::Unavailable { message: error.to_string() })?
            .map_err(|error| match error {
                ledger::Error::NotFound { what } => trace::Error::NotFound { what },
                ledger::Error::Invalid { field, why } => trace::Error::Refused {
                    reason: "FIELD_INVALID".to_owned(),
                    message: format!("{field} {why}"),
                    field: Some(field.to_owned()),
                },
                other => trace::Error::Unavailable { message: other.to_string() },
            })
    }
}

#[async_trait]
impl Recorder for Local {
    async fn record(&self, submission: Submission) -> Result<Recorded, capture::Error> {
        let ledger = Arc::clone(&self.ledger);
        let Submission { request_id: _, statement, leaves, bodies } = submission;
        let given = ledger::Submission { statement, leaves, bodies };
        let lost = |what: String| capture::Error::Unavailable { message: what };
        let admitted = if given.leaves.len() <= LEAVES_IN_PLACE {
            ledger.submit(given)
        } else {
            spawn_blocking(move || ledger.submit(given))
                .await
                .map_err(|error| lost(error.to_string()))?
        };
        let committed = admitted
            .map_err(refused)?
            .await
            .map_err(|_| lost("the ledger stopped before it answered".to_owned()))?
            .map_err(refused)?;
        Ok(Recorded { index: committed.index, height: committed.height, repeat: committed.repeat })
    }

    async fn height(&self) -> Result<Height, capture::Error> {
        Ok(*self.ledger.watch().borrow())
    }
}

/// The ledger's refusal in the words of capture.
fn refused(refusal: ledger::Refusal) -> capture::Error {
    if refusal.reason == ledger::reason::STOPPED {
        // Its fate is unknown: a retry with the same request id finds out.
        return capture::Error::Unavailable { message: refusal.message };
    }
    capture::Error::Refused {
        reason: refusal.reason.to_owned(),
        message: refusal.message,
        field: refusal.field,
        retry_after_ms: refusal.retry_after_ms,
    }
}

#[async_trait]
impl Archive for Local {
    async fn blocks(
        &self,
        from: Height,
    ) -> Result<BoxStream<'static, Result<Block, trace::Error>>, trace::Error> {
        let state = (self.clone(), self.ledger.watch(), from, VecDeque::new());
        let stream = try_unfold(state, |(local, mut tip, mut next, mut read)| async move {
            loop {
                if let Some(record) = read.pop_front() {
                    return Ok(Some((block(record), (local, tip, next, read))));
                }
                // Seen before the read, so that a block committed meanwhile is not slept through.
                tip.borrow_and_update();
                let from = next;
                let records: Vec<BlockRecord> = local
                    .ask(move |ledger| {
                        ledger.blocks_within(from, BLOCKS_AT_A_TIME, BYTES_AT_A_TIME)
                    })
                    .await?;
                match records.last() {
                    Some(last) => next = Height(last.header.height.0.saturating_add(1)),
                    None => {
                        if tip.changed().await.is_err() {
                            return Ok(None);
                        }
                    }
                }
                read.extend(records);
            }
        });
        Ok(stream.boxed())
    }

    async fn history(&self, tag: &Tag) -> Result<History, trace::Error> {
        let tag = *tag;
        let found = self.ask(move |ledger| ledger.history(&tag, 0, u64::MAX)).await?;
        Ok(History { count: found.count, positions: found.positions, proof: found.proof })
    }

    async fn bundle(&self, commitment: &Commitment) -> Result<Bytes, trace::Error> {
        let commitment = *commitment;
        Ok(self.ask(move |ledger| ledger.bundle(&commitment)).await?.into())
    }

    async fn height(&self) -> Result<Height, trace::Error> {
        Ok(*self.ledger.watch().borrow())
    }
}

/// A committed block as those who follow it take it.
fn block(record: BlockRecord) -> Block {
    let entries = record
        .statements
        .into_iter()
        .map(|entry| Entry {
            index: entry.index,
            statement: entry.statement,
            leaves: entry.leaves,
            bodies: entry.bodies,
        })
        .collect();
    Block { header: record.header.encode().into(), entries }
}
