//! The pipeline from a document to a receipt.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use epcis::{Event, Limits};
use party::{ConsortiumId, MemberId};
use rayon::prelude::*;
use statement::{
    Commitment, Height, LeafIndex, LogIndex, MAX_TAGS_PER_CAPTURE, RequestId, Seed, SigningKey,
};
use tokio::sync::Semaphore;

use crate::event_ids::EventIds;
use crate::sealed::Sealed;
use crate::signed::Stated;
use crate::{Checked, Error, FirstBearer, Recorded, Recorder};

/// For how many blocks a statement may wait for its place, unless said otherwise: just below what
/// genesis allows by default, for a ledger node may lag behind the height that another told us.
const DEFAULT_WINDOW: u64 = 99_000;

/// From how many events on a document is worth several threads.
const PARALLEL_FROM: usize = 64;

/// What a gateway holds of one member, to state in its name.
pub struct Keys {
    /// Signs statements, and nothing else. Wipes itself.
    pub statement: SigningKey,
    /// From this key the seed of every event is derived, so that a retried request gives the same
    /// statement. Wiped when dropped.
    pub seed: zeroize::Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Keys {
    // The secrets must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("statement", &self.statement.public()).finish_non_exhaustive()
    }
}

/// What became of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// The statement's place in the log.
    pub index: LogIndex,
    /// The block that holds it.
    pub height: Height,
    /// Whether the log held it before this call.
    pub repeat: bool,
    /// One outcome for each event, in the document's order.
    pub outcomes: Vec<Outcome>,
}

/// What became of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The event's identity in the record.
    pub commitment: Commitment,
    /// Its place in the capture tree, which is its place in the document.
    pub leaf_index: LeafIndex,
    /// The document's own id for it: data, not identity.
    pub event_id: Option<String>,
    /// Whether another event bore the same id before; captured all the same, and flagged.
    pub repeated_event_id: bool,
}

/// Takes documents in for the members of one gateway.
#[derive(Debug)]
pub struct Capturer {
    consortium: ConsortiumId,
    keys: BTreeMap<MemberId, Arc<Keys>>,
    recorder: Arc<dyn Recorder>,
    event_ids: Arc<EventIds>,
    window: u64,
    /// The greatest height heard of, 0 before the first; it spares a call per capture.
    height: AtomicU64,
    /// How many documents are worked on at once: a document of 16 MiB takes several times that.
    seats: Arc<Semaphore>,
}

/// All that the blocking part of a capture needs of its member.
pub(crate) struct Issuer {
    pub(crate) consortium: ConsortiumId,
    pub(crate) member: MemberId,
    pub(crate) keys: Arc<Keys>,
}

/// A document turned into what can be signed, and what will be told of it.
pub(crate) struct Prepared {
    pub(crate) stated: Stated,
    outcomes: Vec<Outcome>,
}

impl Capturer {
    /// Makes a capturer that signs with these keys and records there.
    #[must_use]
    pub fn new(
        consortium: ConsortiumId,
        keys: BTreeMap<MemberId, Keys>,
        recorder: Arc<dyn Recorder>,
    ) -> Self {
        let seats = std::thread::available_parallelism().map_or(4, |cores| 2 * cores.get());
        Self {
            consortium,
            keys: keys.into_iter().map(|(member, keys)| (member, Arc::new(keys))).collect(),
            recorder,
            event_ids: Arc::default(),
            window: DEFAULT_WINDOW,
            height: AtomicU64::new(0),
            seats: Arc::new(Semaphore::new(seats)),
        }
    }

    /// Also asks `first_bearer` which event first bore an id, so that ids repeated across restarts
    /// and gateways are flagged.
    #[must_use]
    pub fn with_event_ids(mut self, first_bearer: Box<FirstBearer>) -> Self {
        self.event_ids = Arc::new(EventIds::default().with_durable(first_bearer));
        self
    }

    /// Lets statements wait `blocks` for their place in the log, at most what genesis allows.
    #[must_use]
    pub const fn with_window(mut self, blocks: u64) -> Self {
        self.window = blocks;
        self
    }

    /// The members in whose name this capturer can state.
    pub fn members(&self) -> impl Iterator<Item = &MemberId> {
        self.keys.keys()
    }

    /// Takes a document's events in, and returns when the log holds them durably.
    ///
    /// The same request id with the same document is answered as before, with the same commitments.
    ///
    /// # Errors
    ///
    /// [`Error::Document`] and [`Error::TooManyTags`] when the events are at fault;
    /// [`Error::Refused`] and [`Error::Unavailable`] from the ledger.
    pub async fn capture(
        &self,
        member: &MemberId,
        request_id: RequestId,
        document: impl Into<Bytes> + Send,
    ) -> Result<Captured, Error> {
        let issuer = self.issuer(member)?;
        let keys = Arc::clone(&issuer.keys);
        let document = document.into();
        let ids = Arc::clone(&self.event_ids);
        let seat = self.seats.acquire().await.map_err(internal)?;
        let work = move || prepare(&issuer, request_id, &document, &ids);
        let mut prepared = tokio::task::spawn_blocking(work).await.map_err(internal)??;
        drop(seat);

        let recorded = self.submit(member, &keys.statement, &prepared.stated).await?;
        for outcome in &mut prepared.outcomes {
            if let Some(id) = &outcome.event_id {
                outcome.repeated_event_id |= self.event_ids.note(id, outcome.commitment);
            }
        }
        let Recorded { index, height, repeat } = recorded;
        tracing::debug!(%member, %request_id, %index, %height, repeat, "captured");
        Ok(Captured { index, height, repeat, outcomes: prepared.outcomes })
    }

    /// What is held of a member.
    fn issuer(&self, member: &MemberId) -> Result<Issuer, Error> {
        let keys = self.keys.get(member);
        let keys = keys.ok_or_else(|| Error::MemberUnknown { member: member.clone() })?;
        Ok(Issuer {
            consortium: self.consortium.clone(),
            member: member.clone(),
            keys: Arc::clone(keys),
        })
    }

    /// Signs and records, once more with a fresh height when the known one proves too old.
    async fn submit(
        &self,
        member: &MemberId,
        key: &SigningKey,
        stated: &Stated,
    ) -> Result<Recorded, Error> {
        let known = self.height.load(Ordering::Relaxed);
        let first = if known == 0 { self.refresh().await? } else { Height(known) };
        let recorded = match self.record(member, key, stated, first).await {
            Err(Error::Refused { reason, .. }) if reason == "STATEMENT_EXPIRED" => {
                let fresh = self.refresh().await?;
                self.record(member, key, stated, fresh).await?
            }
            other => other?,
        };
        self.height.fetch_max(recorded.height.0, Ordering::Relaxed);
        Ok(recorded)
    }

    async fn record(
        &self,
        member: &MemberId,
        key: &SigningKey,
        stated: &Stated,
        height: Height,
    ) -> Result<Recorded, Error> {
        let last_height = Height(height.0.saturating_add(self.window));
        let submission = stated.sign(key, &self.consortium, member, last_height)?;
        self.recorder.record(submission).await
    }

    async fn refresh(&self) -> Result<Height, Error> {
        let height = self.recorder.height().await?;
        Ok(Height(self.height.fetch_max(height.0, Ordering::Relaxed).max(height.0)))
    }
}

/// Everything between the document's bytes and the signature; computes, and waits for no network.
pub(crate) fn prepare(
    issuer: &Issuer,
    request_id: RequestId,
    document: &[u8],
    ids: &EventIds,
) -> Result<Prepared, Error> {
    let document = epcis::parse_document(document, &Limits::default())?;
    if document.events.is_empty() {
        return Err(Error::NoEvents);
    }
    let count = u32::try_from(document.events.len()).map_err(internal)?;
    let take = |(place, event): (u32, &Event)| take_in(issuer, request_id, place, event);
    let events: Vec<Sealed> = if document.events.len() < PARALLEL_FROM {
        (0..count).zip(&document.events).map(take).collect::<Result<_, _>>()?
    } else {
        (0..count).into_par_iter().zip(&document.events).map(take).collect::<Result<_, _>>()?
    };
    let tags = events.iter().map(|event| event.tags).sum();
    if tags > MAX_TAGS_PER_CAPTURE {
        let path = "eventList".to_owned();
        return Err(Error::TooManyTags { path, count: tags, limit: MAX_TAGS_PER_CAPTURE });
    }
    let stated = Stated::new(request_id, count, events.iter());
    let told = |(place, event): (u32, Sealed)| Outcome {
        repeated_event_id: event
            .event_id
            .as_deref()
            .is_some_and(|id| ids.borne_before(id, &event.commitment)),
        commitment: event.commitment,
        leaf_index: LeafIndex(place),
        event_id: event.event_id,
    };
    Ok(Prepared { stated, outcomes: (0..count).zip(events).map(told).collect() })
}

/// Check, commit, seal: one event, on its own.
fn take_in(
    issuer: &Issuer,
    request_id: RequestId,
    place: u32,
    event: &Event,
) -> Result<Sealed, Error> {
    let checked = Checked::check(event, place)?;
    let seed = Seed::derive(&issuer.keys.seed, &request_id, place, checked.json());
    Sealed::open(&issuer.consortium, &issuer.member, seed, checked)
}

fn internal(error: impl fmt::Display) -> Error {
    Error::Internal { message: error.to_string() }
}

mod sealing;
#[cfg(test)]
mod tests;
