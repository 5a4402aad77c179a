//! Statements that wait for a block, and who waits for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use statement::{Height, Statement};
use tokio::sync::oneshot;

use crate::admit::{Admitted, RequestKey};
use crate::execute::{Candidate, reused};
use crate::rows::wide;
use crate::{Committed, Limits, Refusal, block, reason};

/// What a submitter is told.
pub(crate) type Answer = Result<Committed, Refusal>;

/// After how long a submitter should try again when too much is pending, in milliseconds: a few
/// blocks' time on a slow disk.
const RETRY_AFTER_MS: u64 = 200;

/// How many may wait for the answer to one request.
const MAX_SUBMITTERS: usize = 16;

/// Statements in the order of their coming, until they are committed or refused.
///
/// A proposal only looks at them: when another member's block wins, they still wait here.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    inside: Mutex<Inside>,
}

/// **Invariant:** `order` and `waiting` hold the same requests, and a number names one of them.
#[derive(Debug, Default)]
struct Inside {
    /// Requests by the number of their coming.
    order: BTreeMap<u64, RequestKey>,
    waiting: BTreeMap<RequestKey, Waiting>,
    next: u64,
    bytes: usize,
    /// Nothing is taken in any more, and why.
    closed: Option<Refusal>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    admitted: Arc<Admitted>,
    /// The first is who brought it; the others sent the same again.
    submitters: Vec<oneshot::Sender<Answer>>,
}

impl Pool {
    /// Takes a statement in, or attaches its submitter to the same request that waits already.
    ///
    /// That it was committed meanwhile shows when it is proposed, and is answered then.
    pub(crate) fn insert(
        &self,
        request: RequestKey,
        admitted: Admitted,
        limits: &Limits,
    ) -> Result<oneshot::Receiver<Answer>, Refusal> {
        let (sender, receiver) = oneshot::channel();
        let mut inside = self.inside.lock();
        if let Some(closed) = &inside.closed {
            return Err(closed.clone());
        }
        let bytes = admitted.size_bytes();
        if let Some(waiting) = inside.waiting.get_mut(&request) {
            let before = waiting.attach(admitted, sender)?;
            inside.bytes = inside.bytes.saturating_sub(before).saturating_add(bytes);
            return Ok(receiver);
        }
        if inside.bytes.saturating_add(bytes) > limits.pending_bytes && inside.bytes > 0 {
            return Err(overloaded(format!("{} bytes are pending already", inside.bytes)));
        }
        let number = inside.next;
        inside.next = number.saturating_add(1);
        inside.bytes = inside.bytes.saturating_add(bytes);
        inside.order.insert(number, request.clone());
        let waiting = Waiting { number, admitted: Arc::new(admitted), submitters: vec![sender] };
        inside.waiting.insert(request, waiting);
        Ok(receiver)
    }

    /// Whether nothing more could be taken in, so that a submission need not even be checked.
    pub(crate) fn refuse_when_full(&self, limits: &Limits) -> Result<(), Refusal> {
        let inside = self.inside.lock();
        if let Some(closed) = &inside.closed {
            return Err(closed.clone());
        }
        if inside.bytes >= limits.pending_bytes {
            return Err(overloaded(format!("{} bytes are pending already", inside.bytes)));
        }
        Ok(())
    }

    /// Answers everyone who waits with `refusal`, and everyone who comes later.
    pub(crate) fn close(&self, refusal: &Refusal) {
        let waiting = {
            let mut inside = self.inside.lock();
            inside.closed.get_or_insert_with(|| refusal.clone());
            inside.order.clear();
            inside.bytes = 0;
            std::mem::take(&mut inside.waiting)
        };
        for submitter in waiting.into_values().flat_map(|waiting| waiting.submitters) {
            // Whoever no longer listens asks again with the same request id.
            let _ = submitter.send(Err(refusal.clone()));
        }
    }

    /// The statements that the next block should take, the first that came first.
    pub(crate) fn front(&self, limits: &Limits) -> Vec<Arc<Admitted>> {
        let inside = self.inside.lock();
        let most_leaves = limits.block_leaves.min(block::MAX_LEAVES);
        // Half of what a block may have, as its own encoding adds some.
        let most_bytes = limits.block_bytes.min(block::MAX_BYTES / 2);
        let (mut leaves, mut bytes, mut front) = (0_usize, 0_usize, Vec::new());
        let waiting = inside.order.values().filter_map(|request| inside.waiting.get(request));
        for admitted in waiting.map(|waiting| &waiting.admitted).take(block::MAX_ENTRIES) {
            leaves = leaves.saturating_add(admitted.leaves.len().max(1));
            bytes = bytes.saturating_add(admitted.size_bytes());
            // The first is taken whatever its size, or it would wait for ever.
            if !front.is_empty() && (leaves > most_leaves || bytes > most_bytes) {
                break;
            }
            front.push(admitted.clone());
        }
        front
    }

    /// The same statement as it waits here, with its bodies.
    pub(crate) fn waiting(&self, statement: &Statement) -> Option<Arc<Admitted>> {
        let request = (statement.issuer().clone(), statement.terms()?.request_id);
        let inside = self.inside.lock();
        let admitted = &inside.waiting.get(&request)?.admitted;
        let same = admitted.statement.subject() == statement.subject();
        same.then(|| admitted.clone())
    }

    /// Answers a statement that was committed before.
    pub(crate) fn answer(&self, admitted: &Admitted, committed: Committed) {
        for submitter in self.remove(admitted).into_iter().flatten() {
            let _ = submitter.send(Ok(committed));
        }
    }

    /// Answers a statement that cannot be taken, unless another one stands for its request by now.
    pub(crate) fn refuse(&self, admitted: &Admitted, refusal: &Refusal) {
        let Some(request) = admitted.request() else { return };
        let waiting = {
            let mut inside = self.inside.lock();
            let same = inside.waiting.get(&request);
            if same.is_none_or(|waiting| waiting.admitted.bytes != admitted.bytes) {
                return;
            }
            inside.remove(&request)
        };
        for submitter in waiting.into_iter().flat_map(|waiting| waiting.submitters) {
            let _ = submitter.send(Err(refusal.clone()));
        }
    }

    /// Answers everyone whose statement is in a block that is durable now, or is refused by it.
    pub(crate) fn settle(&self, candidate: &Candidate) {
        for (admitted, index) in candidate.entries.iter().zip(candidate.first.0..) {
            let Some(submitters) = self.remove(admitted) else { continue };
            let committed = Committed {
                index: statement::LogIndex(index),
                height: Height(candidate.header.height.0),
                leaves: u32::try_from(admitted.leaves.len()).unwrap_or(u32::MAX),
                repeat: false,
            };
            for (submitter, number) in submitters.into_iter().zip(0_u32..) {
                let _ = submitter.send(Ok(Committed { repeat: number > 0, ..committed }));
            }
        }
        for (admitted, refusal) in &candidate.refused {
            self.refuse(admitted, refusal);
        }
    }

    /// Takes a request out whose statement is in the log now; gives who waits for the answer.
    fn remove(&self, admitted: &Admitted) -> Option<Vec<oneshot::Sender<Answer>>> {
        let request = admitted.request()?;
        let waiting = self.inside.lock().remove(&request)?;
        // The same request with other content may wait here while a foreign block held this one.
        if waiting.admitted.statement.subject() == admitted.statement.subject() {
            return Some(waiting.submitters);
        }
        for submitter in waiting.submitters {
            let _ = submitter.send(Err(reused()));
        }
        None
    }

    /// How many statements wait, and their bytes.
    pub(crate) fn pending(&self) -> (u64, u64) {
        let inside = self.inside.lock();
        (wide(inside.waiting.len()), wide(inside.bytes))
    }
}

impl Inside {
    fn remove(&mut self, request: &RequestKey) -> Option<Waiting> {
        let waiting = self.waiting.remove(request)?;
        self.order.remove(&waiting.number);
        self.bytes = self.bytes.saturating_sub(waiting.admitted.size_bytes());
        Some(waiting)
    }
}

impl Waiting {
    /// Attaches one more submitter of the same content; gives how many bytes waited before.
    ///
    /// The statement that came last stands for all: its key is the issuer's present one, while that
    /// of the first may have been retired since.
    fn attach(
        &mut self,
        admitted: Admitted,
        sender: oneshot::Sender<Answer>,
    ) -> Result<usize, Refusal> {
        if self.admitted.statement.subject() != admitted.statement.subject() {
            return Err(reused());
        }
        self.submitters.retain(|submitter| !submitter.is_closed());
        if self.submitters.len() >= MAX_SUBMITTERS {
            let message = format!("{MAX_SUBMITTERS} callers wait for this request already");
            return Err(overloaded(message));
        }
        self.submitters.push(sender);
        let before = self.admitted.size_bytes();
        if self.admitted.bytes != admitted.bytes {
            self.admitted = Arc::new(admitted);
        }
        Ok(before)
    }
}

fn overloaded(message: String) -> Refusal {
    Refusal::new(reason::OVERLOADED, message).retry_after(RETRY_AFTER_MS)
}
