//! What is sent wrongly is refused precisely, and the server lives on.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use capture::{Capturer, Recorded, Recorder, Submission};
use rpc::client::{Code, Error};
use statement::{Height, RequestId};
use tonic_types::StatusExt as _;

use crate::house::{House, MERCHANT, demo, document, id, keys};
use crate::raw::{bytes_field, call, channel};

const CAPTURE: &str = "/quayside.gateway.v1.GatewayService/CaptureEvents";
const APPEND: &str = "/quayside.ledger.v1.LedgerService/AppendStatement";

/// Sends a message of our own making and gives the refusal.
async fn refused(house: &House, path: &str, message: Vec<u8>) -> Error {
    let url = if path.contains("gateway") { &house.gateway_url } else { &house.ledger_url };
    let endpoint = house.merchant().to(url, &house.authority);
    let channel = channel(&endpoint).await.unwrap();
    call(channel, path, message).await.unwrap_err().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_hundred_mebibytes_is_refused_and_the_server_lives_on() {
    let house = House::start().await;
    let mut message = bytes_field(1, &[1; 16]);
    message.extend(bytes_field(2, &vec![b' '; 100 << 20]));
    let endpoint = house.merchant().to(&house.gateway_url, &house.authority);
    let status = call(channel(&endpoint).await.unwrap(), CAPTURE, message).await.unwrap_err();
    // What the server says, not what our client would make of tonic's own word for it.
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "REQUEST_TOO_LARGE");
    house.gateway(MERCHANT).capture(RequestId([1; 16]), document(&[1])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_client_does_not_even_send_what_is_too_large() {
    let house = House::start().await;
    let document = Bytes::from(vec![b' '; rpc::MAX_REQUEST_BYTES]);
    let error = house.gateway(MERCHANT).capture(RequestId([1; 16]), document).await.unwrap_err();
    assert_eq!(error.reason, "REQUEST_TOO_LARGE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_the_wrong_length_is_named() {
    let house = House::start().await;
    for (message, reason, field) in [
        (vec![], "FIELD_MISSING", "request_id"),
        (bytes_field(1, &[1; 15]), "FIELD_INVALID", "request_id"),
        (bytes_field(1, &[0; 16]), "FIELD_INVALID", "request_id"),
        (bytes_field(1, &[1; 16]), "FIELD_MISSING", "statement"),
    ] {
        let error = refused(&house, APPEND, message).await;
        assert_eq!(error.code, Code::InvalidArgument);
        assert_eq!((error.reason.as_str(), error.field.as_deref()), (reason, Some(field)));
    }
    let bundle = "/quayside.ledger.v1.LedgerService/GetBundle";
    let error = refused(&house, bundle, bytes_field(1, &[1; 31])).await;
    assert_eq!(error.field.as_deref(), Some("commitment"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_message_are_the_callers_fault() {
    let house = House::start().await;
    let error = refused(&house, APPEND, vec![0xff; 40]).await;
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::InvalidArgument, "MESSAGE_MALFORMED"),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_not_here_is_said_not_to_be() {
    let house = House::start().await;
    let error = refused(&house, "/quayside.ledger.v1.LedgerService/Burn", Vec::new()).await;
    assert_eq!((error.code, error.reason.as_str()), (Code::Unimplemented, "METHOD_UNKNOWN"));
    let elsewhere = house.merchant().to(&house.ledger_url, &house.authority);
    let status = call(channel(&elsewhere).await.unwrap(), CAPTURE, Vec::new()).await;
    assert_eq!(Error::from(status.unwrap_err()).reason, "METHOD_UNKNOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_none_is_refused_at_its_field() {
    let house = House::start().await;
    let submission = Submission {
        request_id: RequestId([1; 16]),
        statement: Bytes::from_static(&[0xd2, 0x84, 0x40]),
        leaves: Vec::new(),
        bodies: Vec::new(),
    };
    let error = house.ledger(MERCHANT).append(submission, false).await.unwrap_err();
    assert_eq!(error.code, Code::InvalidArgument, "{error:?}");
    assert_eq!(error.field.as_deref(), Some("statement"));
}

/// A recorder that says another request id than the one that was signed.
#[derive(Debug)]
struct Twisted(rpc::client::Ledger);

#[async_trait::async_trait]
impl Recorder for Twisted {
    async fn record(&self, submission: Submission) -> Result<Recorded, capture::Error> {
        let request_id = RequestId([0x77; 16]);
        self.0.record(Submission { request_id, ..submission }).await
    }

    async fn height(&self) -> Result<Height, capture::Error> {
        Recorder::height(&self.0).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_that_differs_from_the_signed_one_is_refused() {
    let house = House::start().await;
    let served = BTreeMap::from([(id("zj-merchant"), keys("zj-merchant"))]);
    let capturer = Capturer::new(demo(), served, Arc::new(Twisted(house.ledger(MERCHANT))));
    let captured = capturer.capture(&id("zj-merchant"), RequestId([1; 16]), document(&[1])).await;
    let error = captured.unwrap_err();
    assert_eq!((error.reason(), error.field()), ("FIELD_INVALID", Some("request_id")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_documents_fault_comes_back_with_its_place() {
    let house = House::start().await;
    let gateway = house.gateway(MERCHANT);
    let no_time = r#"{"type": "ObjectEvent", "eventTimeZoneOffset": "+08:00", "action": "OBSERVE",
        "epcList": ["urn:epc:id:sgtin:0614141.107346.1"]}"#;
    let error = gateway.capture(RequestId([1; 16]), no_time.into()).await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::InvalidArgument, "FIELD_MISSING"));
    assert!(error.field.unwrap().ends_with("eventTime"));

    let deep = "[".repeat(2_000) + &"]".repeat(2_000);
    let error = gateway.capture(RequestId([2; 16]), deep.into()).await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::InvalidArgument, "JSON_TOO_DEEP"));

    gateway.capture(RequestId([3; 16]), document(&[1])).await.unwrap();
    let error = gateway.capture(RequestId([3; 16]), document(&[2])).await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));

    let error = gateway.trace("not an item", false).await.unwrap_err();
    assert_eq!((error.reason.as_str(), error.field.as_deref()), ("FIELD_INVALID", Some("item")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_without_a_server_is_unreachable_and_worth_another_try() {
    let house = House::start().await;
    let nowhere = house.merchant().to("https://127.0.0.1:1", &house.authority);
    let error = rpc::client::Ledger::connect(&nowhere).unwrap().status().await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::Unavailable, "UNREACHABLE"));
    assert!(error.is_retryable());
    assert!(error.message.contains("refused"), "it says what was seen: {}", error.message);
}
