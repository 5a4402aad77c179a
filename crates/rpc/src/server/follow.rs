//! The stream of blocks.

use std::sync::Arc;
use std::time::Duration;

use ::ledger::{BlockRecord, Ledger};
use statement::Height;
use tokio::sync::mpsc::{self, Sender};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::ledger::blocking;
use crate::convert;
use crate::limits::{HEARTBEAT_INTERVAL, PART_BYTES};
use crate::pb::ledger::v1 as pb;
use crate::pb::ledger::v1::follow_response::Content;
use crate::refusal::Refusal;

/// The messages of one stream.
pub(super) type Parts = ReceiverStream<Result<pb::FollowResponse, Status>>;

/// Messages made ahead of a reader; a slow reader costs this much memory and no more.
const AHEAD: usize = 4;

/// Bytes of blocks after which one read ends; it may pass them by less than one block.
const READ_BYTES: usize = 4 * 1024 * 1024;

/// Blocks to read at a time, at most.
const READ_BLOCKS: usize = 256;

/// Begins a stream of the blocks from height `from` on.
pub(super) fn start(ledger: Arc<Ledger>, from: u64, stop: CancellationToken) -> Parts {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let follower = Follower { ledger, next: from, sender };
    // Sending ends when the reader leaves, when the ledger fails, and when the server stops.
    tokio::spawn(async move {
        let sender = follower.sender.clone();
        let ended = tokio::select! {
            () = sender.closed() => return,
            () = stop.cancelled() => Refusal::stopped(),
            ended = follower.run() => ended,
        };
        // A reader that is behind gets it after what it has not read yet: without a word, the end of
        // a stream looks like the end of the record. Who never reads is cut off with its connection.
        let _ = sender.send(Err(ended.into())).await;
    });
    ReceiverStream::new(receiver)
}

/// One reader's place in the record.
struct Follower {
    ledger: Arc<Ledger>,
    /// Height of the next block to send.
    next: u64,
    sender: Sender<Result<pb::FollowResponse, Status>>,
}

impl Follower {
    /// Sends blocks and heartbeats until something is in the way.
    async fn run(mut self) -> Refusal {
        let mut tip = self.ledger.watch();
        loop {
            let height = tip.borrow_and_update().0;
            while self.next <= height {
                if let Err(refusal) = self.send_blocks().await {
                    return refusal;
                }
            }
            match tokio::time::timeout(HEARTBEAT_INTERVAL, tip.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_gone)) => return Refusal::stopped(),
                Err(_quiet) => {
                    if let Err(refusal) = self.send_heartbeat().await {
                        return refusal;
                    }
                }
            }
        }
    }

    /// Reads the next blocks and sends them.
    async fn send_blocks(&mut self) -> Result<(), Refusal> {
        let next = Height(self.next);
        let blocks = blocking(&self.ledger, move |ledger| {
            ledger.blocks_within(next, READ_BLOCKS, READ_BYTES)
        })
        .await?;
        if blocks.is_empty() {
            return Err(Refusal::internal(format_args!("the block at height {next} is not there")));
        }
        for block in blocks {
            let height = block.header.height.0;
            if height != self.next {
                let next = self.next;
                return Err(Refusal::internal(format_args!("block {height} came for {next}")));
            }
            for part in parts(block) {
                self.send(Content::Part(part)).await?;
            }
            self.next = self.next.saturating_add(1);
        }
        Ok(())
    }

    async fn send_heartbeat(&self) -> Result<(), Refusal> {
        let header = blocking(&self.ledger, |ledger| ledger.status()).await?.header;
        let (height, time_ms) = (header.height.0, header.time_ms);
        self.send(Content::Heartbeat(pb::Heartbeat { height, time_ms })).await
    }

    async fn send(&self, content: Content) -> Result<(), Refusal> {
        let message = pb::FollowResponse { content: Some(content) };
        // A closed channel ends the task from outside; the refusal goes nowhere.
        self.sender.send(Ok(message)).await.map_err(|_closed| {
            Refusal::new("CANCELLED", "the reader left").retry_after(Duration::ZERO)
        })
    }
}

/// Cuts a block into messages of about [`PART_BYTES`], an entry never divided.
fn parts(block: BlockRecord) -> Vec<pb::BlockPart> {
    let height = block.header.height.0;
    let header = block.header.encode().into();
    let mut parts = Vec::new();
    let mut part = pb::BlockPart { height, header, entries: Vec::new(), last: false };
    let mut filled = 0;
    for record in block.statements {
        let entry = convert::entry_out(record);
        let bytes = entry_size(&entry);
        if filled > 0 && filled + bytes > PART_BYTES {
            let next = pb::BlockPart { height, ..pb::BlockPart::default() };
            parts.push(std::mem::replace(&mut part, next));
            filled = 0;
        }
        filled += bytes;
        part.entries.push(entry);
    }
    part.last = true;
    parts.push(part);
    parts
}

fn entry_size(entry: &pb::Entry) -> usize {
    prost::Message::encoded_len(entry)
}

#[cfg(test)]
mod tests {
    use ::ledger::StatementRecord;
    use bytes::Bytes;
    use statement::{Header, LogIndex, LogSize};

    use super::*;

    fn block(bodies: &[usize]) -> BlockRecord {
        let header = Header {
            consortium: "demo".parse().unwrap(),
            height: Height(7),
            parent: [1; 32],
            time_ms: 5,
            contents: [2; 32],
            log_size: LogSize(9),
            log_root: [3; 32],
            state_root: [4; 32],
            members: [5; 32],
        };
        let statements = bodies.iter().zip(3..).map(|(len, index)| StatementRecord {
            index: LogIndex(index),
            statement: Bytes::from_static(b"statement"),
            leaves: vec![Bytes::from_static(b"leaf")],
            bodies: vec![Some(vec![1; *len].into())],
        });
        BlockRecord { header, certificate: Bytes::new(), statements: statements.collect() }
    }

    #[test]
    fn a_small_block_is_one_message() {
        let parts = parts(block(&[10, 20]));
        assert_eq!(parts.len(), 1);
        assert!(parts[0].last && !parts[0].header.is_empty());
        assert_eq!(parts[0].entries.len(), 2);
    }

    #[test]
    fn a_large_block_is_cut_between_its_entries() {
        let parts = parts(block(&[600_000, 600_000, 15_000_000, 10]));
        let entries: Vec<usize> = parts.iter().map(|part| part.entries.len()).collect();
        assert_eq!(entries, [1, 1, 1, 1]);
        let last: Vec<bool> = parts.iter().map(|part| part.last).collect();
        assert_eq!(last, [false, false, false, true]);
        let headers = parts.iter().filter(|part| !part.header.is_empty()).count();
        assert_eq!(headers, 1, "only the first part has the header");
        assert!(parts.iter().all(|part| part.height == 7));
    }

    #[test]
    fn a_block_without_entries_is_sent_all_the_same() {
        let parts = parts(block(&[]));
        assert_eq!(parts.len(), 1);
        assert!(parts[0].last);
    }
}
