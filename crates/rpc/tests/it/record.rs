//! The record over the wire: the joints' suites, and the way from a document to a verified bundle.

use std::time::Duration;

use capture::Recorder as _;
use rpc::client;
use statement::{LogIndex, LogSize, Receipt, RequestId, Statement, Tag, verify_bundle};
use tokio::time::timeout;

use crate::house::{House, MERCHANT, demo, document, id, keys, members, sgtin};

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_a_ledger_is_a_recorder() {
    let house = House::start().await;
    let ledger = house.ledger(MERCHANT);
    capture::suite::holds(&ledger, demo(), id("zj-merchant"), keys("zj-merchant")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_a_ledger_is_an_archive() {
    let house = House::start().await;
    let gateway = house.gateway(MERCHANT);
    for number in 1..=3 {
        gateway.capture(RequestId([number; 16]), document(&[1, 2])).await.unwrap();
    }
    trace::suite::holds(&house.ledger(MERCHANT), &members()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_becomes_a_trace_that_a_stranger_can_verify() {
    let house = House::start().await;
    let gateway = house.gateway(MERCHANT);
    let captured = gateway.capture(RequestId([1; 16]), document(&[1, 2, 3])).await.unwrap();
    assert_eq!((captured.index, captured.repeat), (LogIndex(1), false));
    let again = gateway.capture(RequestId([1; 16]), document(&[1, 2, 3])).await.unwrap();
    assert_eq!((again.index, again.repeat), (captured.index, true));
    assert_eq!(again.outcomes[2].commitment, captured.outcomes[2].commitment);

    let trace = gateway.trace(&sgtin(2), true).await.unwrap();
    assert!(trace.is_complete(), "{:?}", trace.completeness);
    assert_eq!(trace.steps.len(), 1);
    assert_eq!(trace.steps[0].commitment, captured.outcomes[1].commitment);
    let bundle = trace.steps[0].bundle.clone().unwrap();
    let verified = verify_bundle(&bundle, &members()).unwrap();
    assert_eq!(verified.commitment, captured.outcomes[1].commitment);
    assert_eq!(gateway.bundle(&verified.commitment).await.unwrap(), bundle);

    let status = gateway.status().await.unwrap();
    assert_eq!(status.members, ["hz-forwarder", "zj-merchant"]);
    assert_eq!(status.height, Some(captured.height));
    let site = house.gateway("spiffe://demo/site/hangzhou/gateway");
    let whole_at = site.rebuild_index().await.unwrap();
    assert_eq!(whole_at, captured.height);
    let trace = gateway.trace(&sgtin(2), false).await.unwrap();
    assert_eq!((trace.steps.len(), trace.steps[0].bundle.is_none()), (1, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_proves_what_it_says() {
    let house = House::start().await;
    let captured =
        house.gateway(MERCHANT).capture(RequestId([1; 16]), document(&[7])).await.unwrap();
    let ledger = house.ledger(MERCHANT);

    let (statement, receipt) = ledger.receipt(captured.index).await.unwrap();
    let statement = Statement::decode(&statement).unwrap();
    let facts = Receipt::verify(&receipt, &statement, &members()).unwrap();
    assert_eq!((facts.index, facts.size), (LogIndex(1), LogSize(2)));

    let status = ledger.status().await.unwrap();
    assert_eq!((status.log_size, status.log_root), (LogSize(2), facts.root));
    assert_eq!(status.checkpoint_size, LogSize(2));
    let note = statement::Note::parse(&ledger.checkpoint().await.unwrap()).unwrap();
    assert_eq!(note.verify(&members()).unwrap().log_root, status.log_root);
    assert_eq!(ledger.consistency(LogSize(1), LogSize(2)).await.unwrap().len(), 1);
    let history = ledger.history(&Tag::open("https://id.gs1.org/never")).await.unwrap();
    assert_eq!(history.count, 0);

    let pass = house.merchant();
    let endpoint = pass.to(&house.ledger_url, &house.authority);
    let member = client::Member::connect(&endpoint).unwrap();
    assert_eq!(member.list().await.unwrap(), members());
    let customs = member.get(&id("cn-customs")).await.unwrap();
    assert_eq!(&customs, members().get(&id("cn-customs")).unwrap());
    let nobody = member.get(&id("nobody")).await.unwrap_err();
    assert_eq!((nobody.reason.as_str(), nobody.field.as_deref()), ("NOT_FOUND", Some("id")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_calls_on_one_connection_do_not_wait_for_each_other() {
    let house = House::start().await;
    let ledger = house.ledger(MERCHANT);
    let calls = (0..100).map(|_| ledger.height());
    // No figure is asserted but one that only a broken server misses: without TCP_NODELAY, or with
    // a lock around calls, a hundred of them take 4.4 s and more.
    let all = timeout(Duration::from_secs(30), futures_util::future::join_all(calls)).await;
    assert!(all.unwrap().into_iter().all(|height| height.is_ok()));
}
