//! The stream of blocks, put together again from its messages.

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, unfold};
use statement::Height;
use tonic::Streaming;
use trace::{Block, Entry};

use super::Error;
use crate::convert;
use crate::limits::HEARTBEAT_TIMEOUT;
use crate::pb::ledger::v1 as pb;
use crate::pb::ledger::v1::follow_response::Content;

/// The blocks of a stream, heartbeats left out; it ends after the first error.
pub(super) fn blocks(
    messages: Streaming<pb::FollowResponse>,
    from: Height,
) -> BoxStream<'static, Result<Block, Error>> {
    let joiner = Joiner { next: from.0.max(1), started: None };
    unfold(Some((messages, joiner)), |state| async move {
        let (mut messages, mut joiner) = state?;
        match next_block(&mut messages, &mut joiner).await {
            Ok(block) => Some((Ok(block), Some((messages, joiner)))),
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

/// Reads messages until a block is whole.
async fn next_block(
    messages: &mut Streaming<pb::FollowResponse>,
    joiner: &mut Joiner,
) -> Result<Block, Error> {
    loop {
        let message = tokio::time::timeout(HEARTBEAT_TIMEOUT, messages.message())
            .await
            .map_err(|_elapsed| Error::silent(HEARTBEAT_TIMEOUT))??
            .ok_or_else(Error::ended)?;
        match message.content {
            Some(Content::Part(part)) => {
                if let Some(block) = joiner.add(part)? {
                    return Ok(block);
                }
            }
            Some(Content::Heartbeat(_)) => {}
            None => return Err(Error::answer("a message of the stream is empty")),
        }
    }
}

/// Puts the parts of blocks together.
struct Joiner {
    /// Height of the block under way, or of the next.
    next: u64,
    /// What has come of the block under way.
    started: Option<(Bytes, Vec<Entry>)>,
}

impl Joiner {
    /// Takes the next part; returns the block when it is the last one.
    fn add(&mut self, part: pb::BlockPart) -> Result<Option<Block>, Error> {
        let pb::BlockPart { height, header, entries, last } = part;
        if height != self.next {
            let next = self.next;
            return Err(Error::answer(format_args!("block {height} came in place of {next}")));
        }
        let (header, mut whole) = match (self.started.take(), header.is_empty()) {
            (None, false) => (header, Vec::new()),
            (Some(started), true) => started,
            (None, true) => {
                return Err(Error::answer(format_args!("block {height} came without its header")));
            }
            (Some(_), false) => {
                return Err(Error::answer(format_args!("block {height} came with two headers")));
            }
        };
        whole.extend(entries.into_iter().map(convert::entry_in));
        if last {
            self.next = self.next.saturating_add(1);
            return Ok(Some(Block { header, entries: whole }));
        }
        self.started = Some((header, whole));
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(height: u64, header: &'static [u8], indexes: &[u64], last: bool) -> pb::BlockPart {
        let entry = |index: &u64| pb::Entry { index: *index, ..pb::Entry::default() };
        let entries = indexes.iter().map(entry).collect();
        pb::BlockPart { height, header: Bytes::from_static(header), entries, last }
    }

    #[test]
    fn the_parts_of_a_block_become_one() {
        let mut joiner = Joiner { next: 3, started: None };
        assert_eq!(joiner.add(part(3, b"h", &[5, 6], false)), Ok(None));
        assert_eq!(joiner.add(part(3, b"", &[7], false)), Ok(None));
        let block = joiner.add(part(3, b"", &[8], true)).unwrap().unwrap();
        let indexes: Vec<u64> = block.entries.iter().map(|entry| entry.index.0).collect();
        assert_eq!((block.header.as_ref(), indexes), (b"h".as_slice(), vec![5, 6, 7, 8]));
        assert!(joiner.add(part(4, b"h", &[9], true)).unwrap().is_some());
    }

    #[test]
    fn a_gap_in_the_stream_is_an_error() {
        let mut joiner = Joiner { next: 3, started: None };
        let error = joiner.add(part(4, b"h", &[], true)).unwrap_err();
        assert_eq!(error.reason, "ANSWER_MALFORMED");
        assert!(joiner.add(part(3, b"", &[], true)).is_err(), "a block without header");
    }

    #[test]
    fn a_second_header_in_a_block_is_an_error() {
        let mut joiner = Joiner { next: 3, started: None };
        assert_eq!(joiner.add(part(3, b"h", &[5], false)), Ok(None));
        assert!(joiner.add(part(3, b"h", &[6], true)).is_err());
    }
}
