//! Compares the index with what a quorum signed: does it hold all of a tag's history?

use std::fmt;
use std::time::Duration;

use statement::{Checkpoint, Header, Height, HistoryProof, LogSize, Tag};
use tokio::time::{Instant, sleep, timeout_at};

use crate::record::{Found, Leaves};
use crate::{Archive, Error, Gap, History, View};

/// How long to wait before a ledger whose note lags is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// A tag's leaves as the index holds them, and whether they are proven to be all.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) leaves: Leaves,
    pub(crate) proof: Result<Checkpoint, Doubt>,
}

/// Why a history is not proven to be all.
#[derive(Clone, Debug)]
pub(crate) struct Doubt {
    pub(crate) gap: Gap,
    pub(crate) detail: String,
}

impl Doubt {
    pub(crate) fn new(gap: Gap, detail: impl fmt::Display) -> Self {
        Self { gap, detail: detail.to_string() }
    }
}

impl View {
    /// Reads a tag's leaves from the index, and has the ledger prove that there are no others.
    pub(crate) async fn known(&self, tag: Tag, archive: &dyn Archive) -> Result<Known, Error> {
        let proven = self.prove(tag, archive).await?;
        let proof = match proven {
            Ok((checkpoint, history)) => {
                // Of one size, so that what comes in meanwhile is neither missed nor unproven.
                let (height, size) = (checkpoint.height, checkpoint.size);
                let (header, leaves) = self
                    .on_index(move |inner| inner.index.history(&tag, Some(height), size))
                    .await?;
                match compare(header.as_ref(), &leaves, &checkpoint, &history) {
                    Ok(()) => return Ok(Known { leaves, proof: Ok(checkpoint) }),
                    Err(doubt) => Err(doubt),
                }
            }
            Err(doubt) => Err(doubt),
        };
        let all = LogSize(u64::MAX);
        let (_, leaves) = self.on_index(move |inner| inner.index.history(&tag, None, all)).await?;
        Ok(Known { leaves, proof })
    }

    /// Asks for the proof until its note is as new as what this view had seen, and waits until the
    /// index has come as far as the note.
    async fn prove(
        &self,
        tag: Tag,
        archive: &dyn Archive,
    ) -> Result<Result<(Checkpoint, History), Doubt>, Error> {
        let seen = self.seen();
        let deadline = Instant::now() + self.patience;
        let (checkpoint, history) = loop {
            let asked = timeout_at(deadline, archive.history(&tag)).await;
            let history = match asked {
                Ok(Ok(history)) => history,
                Ok(Err(error)) => return Ok(Err(Doubt::new(Gap::NoProof, error))),
                Err(_) => return Ok(Err(Doubt::new(Gap::NoProof, "the ledger did not answer"))),
            };
            let verified = HistoryProof::decode(&history.proof)
                .map_err(|error| error.to_string())
                .and_then(|proof| {
                    proof
                        .verify(&self.inner.members, &tag, &history.positions)
                        .map_err(|fault| fault.to_string())
                });
            let checkpoint = match verified {
                Ok(facts) if facts.count == history.count => facts.checkpoint,
                Ok(_) => return Ok(Err(Doubt::new(Gap::ProofInvalid, "the count is another"))),
                Err(detail) => return Ok(Err(Doubt::new(Gap::ProofInvalid, detail))),
            };
            if checkpoint.height >= seen {
                break (checkpoint, history);
            }
            // The blocks came first; the quorum's note for them may be under way.
            if Instant::now() + ASK_AGAIN > deadline {
                let detail = format!(
                    "the note is of height {}, and height {seen} was seen",
                    checkpoint.height
                );
                return Ok(Err(Doubt::new(Gap::NoteOld, detail)));
            }
            sleep(ASK_AGAIN).await;
        };
        self.see(checkpoint.height);
        if !self.reach(checkpoint.height, deadline).await {
            let detail = format!(
                "the index is at height {}, the note at {}",
                self.cursor(),
                checkpoint.height
            );
            return Ok(Err(Doubt::new(Gap::IndexBehind, detail)));
        }
        Ok(Ok((checkpoint, history)))
    }

    /// Waits until the index has come to a height; false when it has not by the deadline.
    async fn reach(&self, height: Height, deadline: Instant) -> bool {
        let mut cursor = self.watch();
        let reached = cursor.wait_for(|cursor| *cursor >= height);
        matches!(timeout_at(deadline, reached).await, Ok(Ok(_)))
    }
}

/// Compares what the followed blocks hold with what the ledger proved.
fn compare(
    header: Option<&Header>,
    leaves: &[Found],
    checkpoint: &Checkpoint,
    history: &History,
) -> Result<(), Doubt> {
    let height = checkpoint.height;
    let Some(header) = header else {
        // It was there a moment ago: the index is being emptied, to be built again.
        let detail = format!("the index has no block {height} any more: it is being built again");
        return Err(Doubt::new(Gap::IndexBehind, detail));
    };
    if Checkpoint::of(header) != *checkpoint {
        let detail = format!("the block followed at height {height} is not the note's");
        return Err(Doubt::new(Gap::Forked, detail));
    }
    if !leaves.iter().map(|found| &found.position).eq(&history.positions) {
        let (here, there) = (leaves.len(), history.positions.len());
        let detail = format!("the followed blocks hold {here} events, the proof {there}");
        return Err(Doubt::new(Gap::PositionsDiffer, detail));
    }
    Ok(())
}
