//! A client of `quayside.ledger.v1`.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use capture::{Recorded, Recorder, Submission};
use futures_util::StreamExt as _;
use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use merkle::Digest;
use statement::{Commitment, Height, LogIndex, LogSize, Tag};
use tonic::transport::Channel;
use trace::{Archive, Block, History};

use super::{Endpoint, Error, channel, check_size, follow};
use crate::caller::ServiceRole;
use crate::convert;
use crate::field;
use crate::limits::{MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES};
use crate::pb::ledger::v1 as pb;
use crate::pb::ledger::v1::ledger_service_client::LedgerServiceClient;

/// A ledger elsewhere.
#[derive(Clone)]
pub struct Ledger {
    url: String,
    pub(super) client: LedgerServiceClient<Channel>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What became of an appended statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Where the log holds it.
    pub recorded: Recorded,
    /// Whether it stands under a checkpoint that a quorum has signed.
    pub published: bool,
    /// The COSE receipt, when it was asked for.
    pub receipt: Option<Bytes>,
}

/// How far a ledger is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerStatus {
    /// The consortium's name.
    pub consortium: String,
    /// Height of the last block.
    pub height: Height,
    /// Hash of its header.
    pub tip: Digest,
    /// Its time, in milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// Entries in the log.
    pub log_size: LogSize,
    /// Root of the log's tree.
    pub log_root: Digest,
    /// Root of the state tree.
    pub state_root: Digest,
    /// Entries under the newest published checkpoint.
    pub checkpoint_size: LogSize,
    /// Statements that wait to be committed.
    pub pending: u64,
}

impl Ledger {
    /// Makes a client that connects when it is first used, and again when the connection breaks.
    ///
    /// # Errors
    ///
    /// [`Error`] when the address, the certificates or the key cannot be used. That the server is no
    /// ledger shows when it is first called.
    pub fn connect(endpoint: &Endpoint) -> Result<Self, Error> {
        let client = LedgerServiceClient::new(channel(endpoint, ServiceRole::Ledger)?)
            .max_decoding_message_size(MAX_RESPONSE_BYTES)
            .max_encoding_message_size(MAX_REQUEST_BYTES);
        Ok(Self { url: endpoint.url.clone(), client })
    }

    /// Appends a statement and returns when it is durable.
    ///
    /// # Errors
    ///
    /// [`Error`] with the ledger's reason; a retryable one leaves open whether it was appended, and
    /// a retry finds out.
    pub async fn append(
        &self,
        submission: Submission,
        with_receipt: bool,
    ) -> Result<Appended, Error> {
        let Submission { request_id, statement, leaves, bodies } = submission;
        let request_id = Bytes::copy_from_slice(&request_id.0);
        let request =
            pb::AppendStatementRequest { request_id, statement, leaves, bodies, with_receipt };
        check_size(&request)?;
        let answer = self.client.clone().append_statement(request).await?.into_inner();
        Ok(Appended {
            recorded: Recorded {
                index: LogIndex(answer.index),
                height: Height(answer.height),
                repeat: answer.repeated,
            },
            published: answer.state() == pb::StatementState::Published,
            receipt: with_receipt.then_some(answer.receipt),
        })
    }

    /// A statement and its COSE receipt.
    ///
    /// # Errors
    ///
    /// [`Error`] with reason `NOT_FOUND` beyond the log.
    pub async fn receipt(&self, index: LogIndex) -> Result<(Bytes, Bytes), Error> {
        let request = pb::GetReceiptRequest { index: index.0 };
        let answer = self.client.clone().get_receipt(request).await?.into_inner();
        Ok((answer.statement, answer.receipt))
    }

    /// All that a stranger needs to verify one event.
    ///
    /// # Errors
    ///
    /// [`Error`] with reason `NOT_FOUND` when no leaf bears the commitment.
    pub async fn bundle(&self, commitment: &Commitment) -> Result<Bytes, Error> {
        let request = pb::GetBundleRequest { commitment: Bytes::copy_from_slice(&commitment.0) };
        Ok(self.client.clone().get_bundle(request).await?.into_inner().bundle)
    }

    /// All positions of a tag, with the proof of their number and root.
    ///
    /// # Errors
    ///
    /// [`Error`] when the ledger does not answer, or with less than it owes.
    pub async fn history(&self, tag: &Tag) -> Result<History, Error> {
        let tag = Bytes::copy_from_slice(&tag.0);
        let mut positions = Vec::new();
        loop {
            let from = u64::try_from(positions.len()).unwrap_or(u64::MAX);
            let request = pb::GetHistoryRequest { tag: tag.clone(), from, to: 0 };
            let page = self.client.clone().get_history(request).await?.into_inner();
            let before = positions.len();
            positions.extend(page.positions.iter().map(convert::position_in));
            let found = u64::try_from(positions.len()).unwrap_or(u64::MAX);
            // The history may grow between two pages: the proof that came with the last one covers
            // what has come by then.
            if found == page.count {
                return Ok(History { count: page.count, positions, proof: page.proof });
            }
            if found > page.count || positions.len() == before {
                let count = page.count;
                let why = format_args!("{found} positions came of a history of {count}");
                return Err(Error::answer(why));
            }
        }
    }

    /// The newest published checkpoint, a C2SP signed note.
    ///
    /// # Errors
    ///
    /// [`Error`] with the ledger's reason.
    pub async fn checkpoint(&self) -> Result<String, Error> {
        let request = pb::GetCheckpointRequest {};
        Ok(self.client.clone().get_checkpoint(request).await?.into_inner().note)
    }

    /// The proof that the log of size `from` is a prefix of the log of size `to`.
    ///
    /// # Errors
    ///
    /// [`Error`] with reason `FIELD_INVALID` unless `0 < from <= to <=` the log's size.
    pub async fn consistency(&self, from: LogSize, to: LogSize) -> Result<Vec<Digest>, Error> {
        let request = pb::GetConsistencyRequest { from_size: from.0, to_size: to.0 };
        let answer = self.client.clone().get_consistency(request).await?.into_inner();
        Ok(answer
            .path
            .iter()
            .map(|digest| field::array("path", digest))
            .collect::<Result<_, _>>()?)
    }

    /// How far the ledger is.
    ///
    /// # Errors
    ///
    /// [`Error`] when the ledger does not answer.
    pub async fn status(&self) -> Result<LedgerStatus, Error> {
        let request = pb::GetStatusRequest {};
        let answer = self.client.clone().get_status(request).await?.into_inner();
        Ok(LedgerStatus {
            consortium: answer.consortium,
            height: Height(answer.height),
            tip: field::array("tip", &answer.tip)?,
            time_ms: answer.time_ms,
            log_size: LogSize(answer.log_size),
            log_root: field::array("log_root", &answer.log_root)?,
            state_root: field::array("state_root", &answer.state_root)?,
            checkpoint_size: LogSize(answer.checkpoint_size),
            pending: answer.pending,
        })
    }

    /// The blocks from height `from` on, without end; the stream ends after its first error.
    ///
    /// # Errors
    ///
    /// [`Error`] when the stream cannot begin.
    pub async fn follow(
        &self,
        from: Height,
    ) -> Result<BoxStream<'static, Result<Block, Error>>, Error> {
        let request = pb::FollowRequest { from_height: from.0 };
        let messages = self.client.clone().follow(request).await?.into_inner();
        Ok(follow::blocks(messages, from))
    }
}

#[async_trait]
impl Recorder for Ledger {
    async fn record(&self, submission: Submission) -> Result<Recorded, capture::Error> {
        Ok(self.append(submission, false).await?.recorded)
    }

    async fn height(&self) -> Result<Height, capture::Error> {
        Ok(self.status().await?.height)
    }
}

#[async_trait]
impl Archive for Ledger {
    async fn blocks(
        &self,
        from: Height,
    ) -> Result<BoxStream<'static, Result<Block, trace::Error>>, trace::Error> {
        Ok(self.follow(from).await?.map_err(trace::Error::from).boxed())
    }

    async fn history(&self, tag: &Tag) -> Result<History, trace::Error> {
        Ok(self.history(tag).await?)
    }

    async fn bundle(&self, commitment: &Commitment) -> Result<Bytes, trace::Error> {
        Ok(self.bundle(commitment).await?)
    }

    async fn height(&self) -> Result<Height, trace::Error> {
        Ok(self.status().await?.height)
    }
}
