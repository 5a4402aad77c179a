//! The ledger itself, and taking statements in.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;
use merkle::Digest;
use parking_lot::{Mutex, RwLock};
use party::MemberId;
use statement::{Height, SigningKey};
use store::Store;
use tokio::sync::{oneshot, watch};

use crate::admit::{Bodies, Rules, Signed};
use crate::execute::{Candidate, in_window, repeated};
use crate::marker::Marker;
use crate::moment::{Overlay, Present};
use crate::pages::Newer;
use crate::pool::Pool;
use crate::post::Post;
use crate::rows::Tip;
use crate::{Committed, Error, Failure, Limits, Refusal, Submission, keys, reason};

/// Keeps the log and the state it implies, and proves both.
///
/// # Contract
///
/// - Acknowledged means durable: whoever was told [`Committed`] finds the statement after any crash.
/// - Durable means answered: nothing is told or proved of a block before it is marked as
///   acknowledged; once a block could not be, nothing is answered any more.
/// - Whole: after a crash there is all of a block or nothing of it.
/// - Beside: reader entries are as durable as blocks when they are answered, and part of none.
/// - Once: the same request with the same content is logged once and answered alike each time,
///   until its last height.
#[derive(Debug)]
pub struct Ledger {
    pub(crate) store: Store,
    pub(crate) rules: Rules,
    pub(crate) marker: Marker,
    pub(crate) limits: Limits,
    pub(crate) signer: Option<(MemberId, SigningKey)>,
    pub(crate) pool: Pool,
    /// Bodies that came beside blocks of other members, by their digest.
    pub(crate) held: Mutex<Held>,
    /// Executed blocks above the tip, the newest last.
    pub(crate) candidates: Mutex<VecDeque<Candidate>>,
    /// Held while a block is being committed.
    pub(crate) committing: Mutex<()>,
    /// Pages of the state tree that are newer than the store's.
    pub(crate) newer: RwLock<Newer>,
    /// The last acknowledged block; the store may be ahead of it while a commit is under way.
    pub(crate) head: RwLock<Tip>,
    /// Why nothing is answered any more, once a block could not be made durable.
    pub(crate) stopped: OnceLock<String>,
    pub(crate) heights: watch::Sender<Height>,
    pub(crate) wake: Wake,
    /// Reader entries, which no block holds.
    pub(crate) post: Post,
    /// The note of the last height that was asked for.
    pub(crate) note: Mutex<Option<(Height, statement::Note)>>,
}

/// Bodies by their digest, and how many bytes they are.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) bodies: BTreeMap<Digest, Bytes>,
    pub(crate) bytes: usize,
}

/// Whom to tell that something is pending.
#[derive(Default)]
pub(crate) struct Wake(RwLock<Option<Box<dyn Fn() + Send + Sync>>>);

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wake").finish_non_exhaustive()
    }
}

impl Ledger {
    /// Calls `wake` whenever something becomes pending, in place of whom it called before.
    pub fn on_pending(&self, wake: impl Fn() + Send + Sync + 'static) {
        *self.wake.0.write() = Some(Box::new(wake));
    }

    /// Tells each new height once its block is durable.
    pub fn watch(&self) -> watch::Receiver<Height> {
        self.heights.subscribe()
    }

    /// Takes in nothing more, and tells everyone who waits that the ledger has stopped. Whoever runs
    /// the orderer calls it when the orderer has ended, for nobody else answers them then.
    pub fn close(&self) {
        let message = "the ledger has stopped; ask again with the same request id when it is back";
        self.pool.close(&Refusal::new(reason::STOPPED, message));
    }

    /// Checks a submission on the caller's thread and queues it; the receiver answers once the
    /// statement is durable, or tells why it was not taken after all.
    ///
    /// The same request with the same content gets the same answer, while it waits and after. A
    /// receiver that is dropped by the ledger means that the ledger was closed: the statement may
    /// or may not be committed, and asking again tells.
    ///
    /// # Errors
    ///
    /// The refusal, when it cannot be taken.
    pub fn submit(
        &self,
        submission: Submission,
    ) -> Result<oneshot::Receiver<Result<Committed, Refusal>>, Refusal> {
        self.take(submission).map_err(|failure| match failure {
            Failure::Refused(refusal) => refusal,
            Failure::Broken(error @ Error::Stopped { .. }) => {
                Refusal::new(reason::STOPPED, error.to_string())
            }
            Failure::Broken(error) => {
                tracing::error!(%error, "a submission could not be checked");
                Refusal::new(reason::INTERNAL, "the ledger cannot read its store")
            }
        })
    }

    fn take(
        &self,
        submission: Submission,
    ) -> Result<oneshot::Receiver<Result<Committed, Refusal>>, Failure> {
        let signed = {
            // The moment ends before the bodies are checked, so that old versions are not kept.
            let moment = self.moment()?;
            let overlay = Overlay::new();
            let present = Present { moment: &moment, overlay: &overlay };
            let signed = self.rules.verify(submission.statement, &present)?;
            let next = Height(moment.some_tip()?.height.0.saturating_add(1));
            let terms = signed.statement.terms().ok_or_else(no_terms)?;
            if let Some(committed) = committed(&signed, &present, next)? {
                return Ok(answered(committed));
            }
            in_window(terms.last_height, next, self.rules.max_window)?;
            signed
        };
        self.pool.refuse_when_full(&self.limits)?;
        let bodies = submission.bodies.into_iter().map(Some).collect();
        let admitted = self.rules.admit(signed, submission.leaves, bodies, Bodies::All)?;
        let request = admitted.request().ok_or_else(no_terms)?;
        let answer = self.pool.insert(request, admitted, &self.limits)?;
        if let Some(wake) = self.wake.0.read().as_ref() {
            wake();
        }
        Ok(answer)
    }
}

/// What was answered to this request before, if it is committed.
fn committed(
    signed: &Signed,
    present: &Present<'_>,
    next: Height,
) -> Result<Option<Committed>, Failure> {
    let statement = &signed.statement;
    let Some(terms) = statement.terms() else { return Ok(None) };
    let key = keys::request(statement.issuer(), &terms.request_id);
    match present.request(&key, next)? {
        Some(row) => repeated(&row, statement.subject()).map(Some),
        None => Ok(None),
    }
}

fn answered(committed: Committed) -> oneshot::Receiver<Result<Committed, Refusal>> {
    let (sender, receiver) = oneshot::channel();
    // The receiver is in our hands, so it is there to be answered.
    let _ = sender.send(Ok(committed));
    receiver
}

/// `verify` refuses genesis, the only statement without terms.
fn no_terms() -> Refusal {
    Refusal::new(reason::CONTENT_TYPE_UNKNOWN, "the statement answers no request").at("statement")
}
