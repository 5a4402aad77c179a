//! `quayside.ledger.v1.LedgerService` over a ledger.

use std::sync::Arc;

use ::ledger::{Ledger, Submission};
use bytes::Bytes;
use statement::{LogIndex, LogSize, RequestId, Statement};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::follow::{self, Parts};
use super::post::{self, Notices};
use crate::caller::{Caller, Trust};
use crate::convert;
use crate::field;
use crate::limits::{MAX_NAMED, MAX_POSITIONS, MAX_REQUEST_BYTES};
use crate::pb::ledger::v1 as pb;
use crate::pb::ledger::v1::ledger_service_server::LedgerService;
use crate::refusal::Refusal;

/// Up to how many leaves a submission is checked where it stands, some 5 us each beside the 50 us of
/// a signature: less than waking another thread and being woken by it costs.
const LEAVES_IN_PLACE: usize = 8;

/// Up to how many bytes of leaves and bodies a submission is checked where it stands.
const BYTES_IN_PLACE: usize = 64 * 1024;

/// Whether a submission is checked sooner than handed to another thread.
fn is_small(submission: &Submission) -> bool {
    let Submission { leaves, bodies, .. } = submission;
    leaves.len().max(bodies.len()) <= LEAVES_IN_PLACE
        && leaves.iter().chain(bodies).map(Bytes::len).sum::<usize>() <= BYTES_IN_PLACE
}

/// Answers from a ledger.
#[derive(Debug)]
pub(crate) struct LedgerFace {
    ledger: Arc<Ledger>,
    trust: Trust,
    stop: CancellationToken,
}

impl LedgerFace {
    pub(crate) const fn new(ledger: Arc<Ledger>, trust: Trust, stop: CancellationToken) -> Self {
        Self { ledger, trust, stop }
    }

    /// Checks that the caller may append, and that what it says twice is said alike.
    fn check(&self, caller: &Caller, request_id: RequestId, bytes: &[u8]) -> Result<(), Refusal> {
        let malformed = |error: statement::Error| Refusal::from(error).at("statement");
        let statement = Statement::decode(bytes).map_err(malformed)?;
        self.trust.may_state_for(caller, statement.issuer())?;
        match statement.terms() {
            Some(terms) if terms.request_id != request_id => {
                let why = format_args!("differs from the signed one, {}", terms.request_id);
                Err(Refusal::invalid("request_id", why))
            }
            // Genesis has no terms, and the log begins with it and never takes another: the ledger
            // says so.
            _ => Ok(()),
        }
    }
}

/// Who calls, as the guard has found out.
pub(super) fn caller<T>(request: &Request<T>) -> Result<Caller, Refusal> {
    let caller = request.extensions().get::<Caller>().cloned();
    caller.ok_or_else(|| Refusal::internal("a call reached its handler without a caller"))
}

/// How far a statement in the log has come.
const fn state(published: bool) -> pb::StatementState {
    if published { pb::StatementState::Published } else { pb::StatementState::Committed }
}

/// Reads from the ledger's store without holding up the threads that serve connections.
pub(super) async fn blocking<T: Send + 'static>(
    ledger: &Arc<Ledger>,
    read: impl FnOnce(&Ledger) -> Result<T, ::ledger::Error> + Send + 'static,
) -> Result<T, Refusal> {
    let ledger = Arc::clone(ledger);
    match tokio::task::spawn_blocking(move || read(&ledger)).await {
        Ok(read) => read.map_err(Refusal::from),
        Err(error) => Err(Refusal::internal(format_args!("a read of the ledger failed: {error}"))),
    }
}

/// Writes to the ledger's store without holding up the threads that serve connections. What has
/// begun is finished, also when the caller leaves.
async fn changing(
    ledger: &Arc<Ledger>,
    change: impl FnOnce(&Ledger) -> Result<(), Refusal> + Send + 'static,
) -> Result<(), Refusal> {
    let ledger = Arc::clone(ledger);
    let changed = tokio::task::spawn_blocking(move || change(&ledger)).await;
    changed
        .map_err(|error| Refusal::internal(format_args!("a change of the post failed: {error}")))?
}

#[tonic::async_trait]
impl LedgerService for LedgerFace {
    type FollowStream = Parts;
    type FollowReaderEntriesStream = Notices;

    async fn append_statement(
        &self,
        request: Request<pb::AppendStatementRequest>,
    ) -> Result<Response<pb::AppendStatementResponse>, Status> {
        let caller = caller(&request)?;
        let pb::AppendStatementRequest { request_id, statement, leaves, bodies, with_receipt } =
            request.into_inner();
        let request_id = field::request_id("request_id", &request_id)?;
        let statement = field::bytes("statement", statement, MAX_REQUEST_BYTES)?;
        self.check(&caller, request_id, &statement)?;
        let submission = Submission { statement, leaves, bodies };
        let ledger = Arc::clone(&self.ledger);
        let admitted = if is_small(&submission) {
            ledger.submit(submission)
        } else {
            tokio::task::spawn_blocking(move || ledger.submit(submission))
                .await
                .map_err(|error| Refusal::internal(format_args!("a submission failed: {error}")))?
        };
        let committed = admitted
            .map_err(Refusal::from)?
            .await
            .map_err(|_closed| Refusal::stopped())?
            .map_err(Refusal::from)?;
        let index = committed.index;
        let (state, receipt) = if with_receipt {
            blocking(&self.ledger, move |ledger| {
                let published =
                    ledger.status()?.checkpoint_size.is_some_and(|size| size.0 > index.0);
                Ok((state(published), ledger.receipt(index)?))
            })
            .await?
        } else {
            // Nothing is read that nobody asked for: this is the path of every capture.
            (state(false), Vec::new())
        };
        Ok(Response::new(pb::AppendStatementResponse {
            index: index.0,
            height: committed.height.0,
            state: state.into(),
            receipt: receipt.into(),
            repeated: committed.repeat,
        }))
    }

    async fn get_receipt(
        &self,
        request: Request<pb::GetReceiptRequest>,
    ) -> Result<Response<pb::GetReceiptResponse>, Status> {
        let index = LogIndex(request.into_inner().index);
        let (statement, receipt) = blocking(&self.ledger, move |ledger| {
            Ok((ledger.statement(index)?, ledger.receipt(index)?))
        })
        .await?;
        Ok(Response::new(pb::GetReceiptResponse { statement, receipt: receipt.into() }))
    }

    async fn get_bundle(
        &self,
        request: Request<pb::GetBundleRequest>,
    ) -> Result<Response<pb::GetBundleResponse>, Status> {
        let commitment = field::commitment("commitment", &request.into_inner().commitment)?;
        let bundle = blocking(&self.ledger, move |ledger| ledger.bundle(&commitment)).await?;
        Ok(Response::new(pb::GetBundleResponse { bundle: bundle.into() }))
    }

    async fn get_history(
        &self,
        request: Request<pb::GetHistoryRequest>,
    ) -> Result<Response<pb::GetHistoryResponse>, Status> {
        let pb::GetHistoryRequest { tag, from, to } = request.into_inner();
        let tag = field::tag("tag", &tag)?;
        let end = if to == 0 { u64::MAX } else { to };
        if end < from {
            let why = format_args!("is {to}, before `from`, which is {from}");
            return Err(Refusal::invalid("to", why).into());
        }
        let end = end.min(from.saturating_add(MAX_POSITIONS));
        let history = blocking(&self.ledger, move |ledger| ledger.history(&tag, from, end)).await?;
        Ok(Response::new(convert::history_out(history)))
    }

    async fn get_checkpoint(
        &self,
        _: Request<pb::GetCheckpointRequest>,
    ) -> Result<Response<pb::GetCheckpointResponse>, Status> {
        let note = blocking(&self.ledger, |ledger| ledger.checkpoint()).await?;
        Ok(Response::new(pb::GetCheckpointResponse { note }))
    }

    async fn get_consistency(
        &self,
        request: Request<pb::GetConsistencyRequest>,
    ) -> Result<Response<pb::GetConsistencyResponse>, Status> {
        let pb::GetConsistencyRequest { from_size, to_size } = request.into_inner();
        let path = blocking(&self.ledger, move |ledger| {
            ledger.consistency(LogSize(from_size), LogSize(to_size))
        })
        .await?;
        let path = path.into_iter().map(|digest| digest.to_vec().into()).collect();
        Ok(Response::new(pb::GetConsistencyResponse { path }))
    }

    async fn get_status(
        &self,
        _: Request<pb::GetStatusRequest>,
    ) -> Result<Response<pb::GetStatusResponse>, Status> {
        let status = blocking(&self.ledger, |ledger| ledger.status()).await?;
        Ok(Response::new(convert::status_out(status)))
    }

    async fn follow(&self, request: Request<pb::FollowRequest>) -> Result<Response<Parts>, Status> {
        let from = request.into_inner().from_height.max(1);
        let parts = follow::start(Arc::clone(&self.ledger), from, self.stop.clone());
        Ok(Response::new(parts))
    }

    async fn put_reader_entries(
        &self,
        request: Request<pb::PutReaderEntriesRequest>,
    ) -> Result<Response<pb::PutReaderEntriesResponse>, Status> {
        let caller = caller(&request)?;
        let entries = request.into_inner().entries;
        field::count("entries", entries.len(), MAX_NAMED)?;
        let trust = self.trust.clone();
        changing(&self.ledger, move |ledger| {
            let entries = convert::post::entries_in(entries)?;
            for (at, entry) in entries.iter().enumerate() {
                trust.may_speak_for(&caller, &entry.sealer, format!("entries[{at}]"))?;
            }
            Ok(ledger.put_entries(entries)?)
        })
        .await?;
        Ok(Response::new(pb::PutReaderEntriesResponse {}))
    }

    async fn remove_reader_entries(
        &self,
        request: Request<pb::RemoveReaderEntriesRequest>,
    ) -> Result<Response<pb::RemoveReaderEntriesResponse>, Status> {
        let caller = caller(&request)?;
        let pb::RemoveReaderEntriesRequest { member, keys } = request.into_inner();
        let member = self.trust.in_the_name_of(&caller, "member", &member)?;
        field::count("keys", keys.len(), MAX_NAMED)?;
        let keys = convert::post::keys_in(&keys)?;
        changing(&self.ledger, move |ledger| {
            let removed = ledger.remove_entries(&member, keys);
            removed.map_err(|refusal| Refusal::from(refusal).renamed("entries", "keys"))
        })
        .await?;
        Ok(Response::new(pb::RemoveReaderEntriesResponse {}))
    }

    async fn follow_reader_entries(
        &self,
        request: Request<pb::FollowReaderEntriesRequest>,
    ) -> Result<Response<Notices>, Status> {
        let caller = caller(&request)?;
        let pb::FollowReaderEntriesRequest { members, from_sequence } = request.into_inner();
        let members = if members.is_empty() {
            self.trust.spoken_for(&caller)
        } else {
            let named = |(at, id): (usize, &String)| {
                let path = format!("members[{at}]");
                let member = field::member_id(&path, id)?;
                self.trust.may_speak_for(&caller, &member, path)?;
                Ok(member)
            };
            members.iter().enumerate().map(named).collect::<Result<_, Refusal>>()?
        };
        if members.is_empty() {
            let why = format!("{} speaks for no member", caller.principal);
            return Err(Refusal::new("CALLER_NOT_ISSUER", why).into());
        }
        let from = from_sequence.max(1);
        let notices = post::start(Arc::clone(&self.ledger), members, from, self.stop.clone());
        Ok(Response::new(notices))
    }
}
