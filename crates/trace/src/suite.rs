//! The contract of [`Archive`], as tests that every implementation must pass.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a suite reports by panicking")]

use std::time::Duration;

use futures_util::StreamExt;
use party::Members;
use statement::{
    Capture, Commitment, Content, Header, Height, HistoryProof, Leaf, Statement, Tag, verify_bundle,
};
use tokio::time::timeout;

use crate::{Archive, Block, Error};

/// How long a block that is there may take to come, and how long to watch that none comes.
const PROMPT: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_millis(300);

/// Reads a whole ledger that holds one capture at least, and to which nobody writes meanwhile, and
/// panics where the contract is broken.
///
/// # Panics
///
/// When the archive breaks its contract.
pub async fn holds(archive: &dyn Archive, members: &Members) {
    let tip = archive.height().await.unwrap();
    let blocks = read(archive, Height(1), tip).await;
    let mut parent = [0; 32];
    for (expected, block) in (1..).zip(&blocks) {
        let header = Header::decode(&block.header).unwrap();
        assert_eq!(header.height, Height(expected), "in order, without a gap");
        assert_eq!(header.parent, parent, "faithful: each block follows the one before");
        parent = header.hash();
    }
    let late = read(archive, tip, tip).await;
    assert_eq!(late.as_slice(), blocks.last_chunk::<1>().unwrap(), "from any height, the same");

    let (tag, commitment) = some_leaf(&blocks);
    let history = archive.history(&tag).await.unwrap();
    let proof = HistoryProof::decode(&history.proof).unwrap();
    let facts = proof.verify(members, &tag, &history.positions).unwrap();
    assert_eq!(facts.count, history.count, "provable");
    assert!(history.count > 0, "provable: the tag was borne");
    assert!(facts.checkpoint.height >= tip, "fresh");

    let never = Tag::open("https://suite.example/never");
    let absent = archive.history(&never).await.unwrap();
    assert_eq!((absent.count, absent.positions.len()), (0, 0));
    let proof = HistoryProof::decode(&absent.proof).unwrap();
    proof.verify(members, &never, &[]).unwrap();

    let bundle = archive.bundle(&commitment).await.unwrap();
    let verified = verify_bundle(&bundle, members).unwrap();
    assert_eq!(verified.commitment, commitment);
    let unknown = archive.bundle(&Commitment([0xee; 32])).await;
    assert!(matches!(unknown, Err(Error::NotFound { .. })), "{unknown:?}");
    assert!(archive.height().await.unwrap() >= tip, "monotonic");
}

/// Reads the blocks of two heights and all between, and sees that the stream then waits.
async fn read(archive: &dyn Archive, from: Height, to: Height) -> Vec<Block> {
    let mut stream = archive.blocks(from).await.unwrap();
    let mut blocks = Vec::new();
    for _ in from.0..=to.0 {
        let block = timeout(PROMPT, stream.next()).await.unwrap();
        blocks.push(block.unwrap().unwrap());
    }
    let more = timeout(QUIET, stream.next()).await;
    assert!(
        more.is_err(),
        "never-ending: at the tip the stream waits, and does not yield {more:?}"
    );
    blocks
}

/// A tag and the commitment of some leaf that bears it.
fn some_leaf(blocks: &[Block]) -> (Tag, Commitment) {
    for entry in blocks.iter().flat_map(|block| &block.entries) {
        let statement = Statement::decode(&entry.statement).unwrap();
        if statement.content() != Content::Capture {
            continue;
        }
        let capture = Capture::decode(statement.payload()).unwrap();
        assert_eq!(u32::try_from(entry.leaves.len()), Ok(capture.count), "faithful");
        assert_eq!(entry.leaves.len(), entry.bodies.len(), "faithful: one body to each leaf");
        for leaf in &entry.leaves {
            let leaf = Leaf::decode(leaf).unwrap();
            if let Some((tag, _)) = leaf.tags.first() {
                return (*tag, leaf.commitment);
            }
        }
    }
    panic!("the suite needs a ledger that holds a capture with a tag");
}
