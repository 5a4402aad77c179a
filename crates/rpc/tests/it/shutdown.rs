//! A server that is told to stop does so: streams end, calls finish, and nothing holds it up.

use std::time::Duration;

use futures_util::StreamExt as _;
use statement::{Height, RequestId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::house::{House, MERCHANT, document};
use crate::raw::{call_without_end, channel};

/// More than a prompt end takes, less than any deadline in these tests.
const PROMPT: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_with_a_word_when_the_server_stops() {
    let mut house = House::start_with(Duration::from_secs(60)).await;
    house.gateway(MERCHANT).capture(RequestId([1; 16]), document(&[1])).await.unwrap();
    let mut blocks = house.ledger(MERCHANT).follow(Height(1)).await.unwrap();
    assert!(blocks.next().await.unwrap().is_ok());
    assert!(blocks.next().await.unwrap().is_ok());

    let endpoint = house.merchant().to(&house.ledger_url, &house.authority);
    let mut health = HealthClient::new(channel(&endpoint).await.unwrap());
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);

    house.stop.cancel();
    let error = timeout(PROMPT, blocks.next()).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.reason, "SHUTTING_DOWN");
    assert!(error.is_retryable());
    assert!(timeout(PROMPT, blocks.next()).await.unwrap().is_none(), "the stream is over");

    let last = timeout(PROMPT, watch.message()).await.unwrap().unwrap().unwrap();
    assert_eq!(last.status(), ServingStatus::NotServing, "health says it first");
    assert!(timeout(PROMPT, watch.message()).await.unwrap().is_err(), "then the watch ends");

    drop((blocks, watch, health));
    for server in house.servers.drain(..) {
        timeout(PROMPT, server).await.unwrap().unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_behind_is_told_too() {
    let mut house = House::start_with(Duration::from_secs(60)).await;
    let gateway = house.gateway(MERCHANT);
    // More blocks than the windows and the server's own queue hold: the reader is behind.
    let things: Vec<u64> = (0..4_000).collect();
    for number in 1..=20 {
        gateway.capture(RequestId([number; 16]), document(&things)).await.unwrap();
    }
    let mut blocks = house.ledger(MERCHANT).follow(Height(1)).await.unwrap();
    assert!(blocks.next().await.unwrap().is_ok());
    tokio::time::sleep(Duration::from_millis(500)).await;
    house.stop.cancel();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut read = 1;
    let error = loop {
        match timeout(PROMPT, blocks.next()).await.unwrap().unwrap() {
            Ok(_) => read += 1,
            Err(error) => break error,
        }
    };
    assert!(read < 20, "it was behind when the server stopped");
    assert_eq!(error.reason, "SHUTTING_DOWN", "{error:?}");
    assert!(error.is_retryable());
    drop((blocks, gateway));
    for server in house.servers.drain(..) {
        timeout(PROMPT, server).await.unwrap().unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_holds_its_connection_is_cut_at_the_deadline() {
    let mut house = House::start_with(Duration::from_millis(500)).await;
    // A peer that has opened a connection and says nothing, and one whose message never comes.
    let address = house.ledger_url.trim_start_matches("https://");
    let mut silent = tokio::net::TcpStream::connect(address).await.unwrap();
    silent.write_all(b"\x16").await.unwrap();
    let endpoint = house.merchant().to(&house.ledger_url, &house.authority);
    let path = "/quayside.ledger.v1.LedgerService/AppendStatement";
    let endless = tokio::spawn(call_without_end(channel(&endpoint).await.unwrap(), path));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!endless.is_finished(), "the call is under way");

    let began = Instant::now();
    house.stop.cancel();
    for server in house.servers.drain(..) {
        timeout(PROMPT, server).await.unwrap().unwrap().unwrap();
    }
    assert!(began.elapsed() < PROMPT);
    // The peers learn of it too: nothing of the server is left behind.
    let status = timeout(PROMPT, endless).await.unwrap().unwrap();
    assert_eq!(rpc::client::Error::from(status).reason, "UNREACHABLE");
    let mut rest = Vec::new();
    let _ = timeout(PROMPT, silent.read_to_end(&mut rest)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_finds_its_way_back_to_a_server_that_returns() {
    let first = House::start_with(Duration::from_millis(200)).await;
    let ledger = first.ledger(MERCHANT);
    ledger.status().await.unwrap();
    first.stop.cancel();
    for server in first.servers {
        timeout(PROMPT, server).await.unwrap().unwrap().unwrap();
    }
    let error = ledger.status().await.unwrap_err();
    assert_eq!(error.reason, "UNREACHABLE", "{error:?}");
    assert!(error.is_retryable());
}
