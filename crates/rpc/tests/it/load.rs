//! How much a server takes on from one caller.

use futures_util::StreamExt as _;
use rpc::client::Code;
use statement::{Height, RequestId};

use crate::house::{House, MERCHANT, document};

/// Streams that one caller may hold open.
const STREAMS: usize = 64;

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_holds_so_many_streams_open_and_no_more() {
    let house = House::start().await;
    let ledger = house.ledger(MERCHANT);
    let mut open = Vec::new();
    for _ in 0..STREAMS {
        let mut blocks = ledger.follow(Height(1)).await.unwrap();
        assert!(blocks.next().await.unwrap().is_ok(), "its headers are long through");
        open.push(blocks);
    }
    let error = ledger.follow(Height(1)).await.err().unwrap();
    assert_eq!((error.code, error.reason.as_str()), (Code::ResourceExhausted, "TOO_MANY_STREAMS"));
    assert!(error.is_retryable());
    // Another connection of the same caller is no way around it.
    let error = house.ledger(MERCHANT).follow(Height(1)).await.err().unwrap();
    assert_eq!(error.reason, "TOO_MANY_STREAMS");
    // Calls go on, and so do others.
    ledger.status().await.unwrap();
    let other = house.ledger("spiffe://demo/member/cn-customs/client");
    assert!(other.follow(Height(1)).await.is_ok());
    drop(open.pop());
    assert_eq!(open.len(), STREAMS - 1, "the others go on");
    for _ in 0..100 {
        match ledger.follow(Height(1)).await {
            Ok(_) => return,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    }
    panic!("a stream that was closed still counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_read_of_blocks_ends_at_its_budget_whatever_came_before() {
    let house = House::start().await;
    let gateway = house.gateway(MERCHANT);
    let things: Vec<u64> = (0..100).collect();
    for number in 1..=6 {
        gateway.capture(RequestId([number; 16]), document(&things)).await.unwrap();
    }
    let read = |budget| house.ledger.blocks_within(Height(2), 256, budget).unwrap().len();
    assert_eq!(read(usize::MAX), 6);
    assert_eq!(read(0), 0, "nothing fits");
    assert_eq!(read(1), 1, "the first block passes the budget");
    assert_eq!(house.ledger.blocks_within(Height(2), 2, usize::MAX).unwrap().len(), 2);
}
