//! The stream of what becomes of reader entries.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ::ledger::Ledger;
use party::MemberId;
use tokio::sync::mpsc::{self, Sender};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::ledger::blocking;
use crate::convert;
use crate::limits::HEARTBEAT_INTERVAL;
use crate::pb::ledger::v1 as pb;
use crate::pb::ledger::v1::follow_reader_entries_response::Content;
use crate::refusal::Refusal;

/// The messages of one stream.
pub(super) type Notices = ReceiverStream<Result<pb::FollowReaderEntriesResponse, Status>>;

/// Messages made ahead of a reader, an entry each: a few KiB, and never more than 80.
const AHEAD: usize = 16;

/// Notices to read at a time.
const READ_NOTICES: usize = 64;

/// Begins a stream of what becomes of the entries of `members`, from sequence number `from` on.
pub(super) fn start(
    ledger: Arc<Ledger>,
    members: BTreeSet<MemberId>,
    from: u64,
    stop: CancellationToken,
) -> Notices {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let follower = Follower { ledger, members, next: from, sender };
    tokio::spawn(async move {
        let sender = follower.sender.clone();
        let ended = tokio::select! {
            () = sender.closed() => return,
            () = stop.cancelled() => Refusal::stopped(),
            ended = follower.run() => ended,
        };
        // A reader that is behind gets it after what it has not read yet.
        let _ = sender.send(Err(ended.into())).await;
    });
    ReceiverStream::new(receiver)
}

/// One reader's place in the post.
struct Follower {
    ledger: Arc<Ledger>,
    members: BTreeSet<MemberId>,
    /// Sequence number of the next notice to ask for.
    next: u64,
    sender: Sender<Result<pb::FollowReaderEntriesResponse, Status>>,
}

impl Follower {
    /// Sends notices and heartbeats until something is in the way.
    async fn run(mut self) -> Refusal {
        let mut told = self.ledger.entries_watch();
        loop {
            let end = *told.borrow_and_update();
            // A post that is an older copy ends before the reader's place: its notices come anew.
            while self.next != end {
                let before = self.next;
                if let Err(refusal) = self.send_notices().await {
                    return refusal;
                }
                if self.next == before {
                    break;
                }
            }
            match tokio::time::timeout(HEARTBEAT_INTERVAL, told.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_gone)) => return Refusal::stopped(),
                Err(_quiet) => {
                    let heartbeat = pb::ReaderEntryHeartbeat { next_sequence: self.next };
                    if let Err(refusal) = self.send(Content::Heartbeat(heartbeat)).await {
                        return refusal;
                    }
                }
            }
        }
    }

    /// Reads the next notices and sends them.
    async fn send_notices(&mut self) -> Result<(), Refusal> {
        let (from, members) = (self.next, self.members.clone());
        let (notices, next) =
            blocking(&self.ledger, move |ledger| ledger.entries(from, READ_NOTICES, &members))
                .await?;
        for notice in notices {
            self.send(Content::Notice(convert::post::notice_out(notice))).await?;
        }
        self.next = next;
        Ok(())
    }

    async fn send(&self, content: Content) -> Result<(), Refusal> {
        let message = pb::FollowReaderEntriesResponse { content: Some(content) };
        // A closed channel ends the task from outside; the refusal goes nowhere.
        self.sender.send(Ok(message)).await.map_err(|_closed| {
            Refusal::new("CANCELLED", "the reader left").retry_after(Duration::ZERO)
        })
    }
}
