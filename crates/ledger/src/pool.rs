//! Statements that wait for a block, and who waits for them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use statement::{Height, Statement};
use tokio::sync::oneshot;

use crate::admit::{Admitted, RequestKey};
use crate::execute::{Candidate, Verdict, reused};
use crate::rows::wide;
use crate::{Committed, Failure, Limits, Refusal, reason};

/// What a submitter is told.
pub(crate) type Answer = Result<Committed, Refusal>;

/// After how long a submitter should try again when too much is pending, in milliseconds: a few
/// blocks' time on a slow disk.
const RETRY_AFTER_MS: u64 = 200;

/// Statements in the order of their coming, until they are committed or refused.
///
/// A proposal only looks at them: when another member's block wins, they still wait here.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    /// Requests in the order of their coming; some may have left already.
    order: VecDeque<RequestKey>,
    waiting: BTreeMap<RequestKey, Waiting>,
    bytes: usize,
}

#[derive(Debug)]
struct Waiting {
    admitted: Arc<Admitted>,
    /// The first is who brought it; the others sent the same again.
    submitters: Vec<oneshot::Sender<Answer>>,
}

impl Pool {
    /// Takes a statement in, or attaches its submitter to the same request that waits already.
    ///
    /// `committed` is asked, under the lock, whether the request left the pool by a commit that the
    /// caller has not seen.
    pub(crate) fn insert(
        &self,
        request: RequestKey,
        admitted: Admitted,
        limits: &Limits,
        committed: impl FnOnce() -> Result<Option<Committed>, Failure>,
    ) -> Result<oneshot::Receiver<Answer>, Failure> {
        let (sender, receiver) = oneshot::channel();
        let mut inside = self.inside.lock();
        if let Some(waiting) = inside.waiting.get_mut(&request) {
            if waiting.admitted.statement.subject() != admitted.statement.subject() {
                return Err(reused().into());
            }
            waiting.submitters.push(sender);
            return Ok(receiver);
        }
        if let Some(committed) = committed()? {
            // The receiver is in our hands, so it is there to be answered.
            let _ = sender.send(Ok(committed));
            return Ok(receiver);
        }
        let bytes = admitted.size_bytes();
        if inside.bytes.saturating_add(bytes) > limits.pending_bytes && inside.bytes > 0 {
            let message = format!("{} bytes are pending already", inside.bytes);
            return Err(Refusal::new(reason::OVERLOADED, message)
                .retry_after(RETRY_AFTER_MS)
                .into());
        }
        inside.bytes = inside.bytes.saturating_add(bytes);
        inside.order.push_back(request.clone());
        let waiting = Waiting { admitted: Arc::new(admitted), submitters: vec![sender] };
        inside.waiting.insert(request, waiting);
        Ok(receiver)
    }

    /// Whether nothing more could be taken in, so that a submission need not even be checked.
    pub(crate) fn refuse_when_full(&self, limits: &Limits) -> Result<(), Refusal> {
        let bytes = self.inside.lock().bytes;
        if bytes >= limits.pending_bytes {
            let message = format!("{bytes} bytes are pending already");
            return Err(Refusal::new(reason::OVERLOADED, message).retry_after(RETRY_AFTER_MS));
        }
        Ok(())
    }

    /// The statements that the next block should take, the first that came first.
    pub(crate) fn front(&self, limits: &Limits) -> Vec<Arc<Admitted>> {
        let mut inside = self.inside.lock();
        while let Some(first) = inside.order.front()
            && !inside.waiting.contains_key(first)
        {
            inside.order.pop_front();
        }
        let (mut leaves, mut bytes, mut front) = (0_usize, 0_usize, Vec::new());
        for request in &inside.order {
            let Some(waiting) = inside.waiting.get(request) else { continue };
            let admitted = &waiting.admitted;
            leaves = leaves.saturating_add(admitted.leaves.len().max(1));
            bytes = bytes.saturating_add(admitted.size_bytes());
            // The first is taken whatever its size, or it would wait for ever.
            if !front.is_empty() && (leaves > limits.block_leaves || bytes > limits.block_bytes) {
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

    /// Answers a statement that executing it has decided about, other than by taking it.
    pub(crate) fn decide(&self, admitted: &Admitted, verdict: Verdict) {
        let answer = match verdict {
            Verdict::Taken => return,
            Verdict::Repeated(committed) => Ok(committed),
            Verdict::Refused(refusal) => Err(refusal),
        };
        for submitter in self.remove(admitted).into_iter().flatten() {
            // Whoever no longer listens asks again with the same request id.
            let _ = submitter.send(answer.clone());
        }
    }

    /// Answers everyone whose statement is in a block that is durable now.
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
    }

    fn remove(&self, admitted: &Admitted) -> Option<Vec<oneshot::Sender<Answer>>> {
        let request = admitted.request()?;
        let mut inside = self.inside.lock();
        let waiting = inside.waiting.get(&request)?;
        // The same request with other content may wait here while a foreign block held this one.
        let same = waiting.admitted.statement.subject() == admitted.statement.subject();
        let waiting = inside.waiting.remove(&request)?;
        inside.bytes = inside.bytes.saturating_sub(waiting.admitted.size_bytes());
        if same {
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
