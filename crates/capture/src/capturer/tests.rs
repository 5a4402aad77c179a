//! The pipeline against a small ledger in memory that checks what a real one checks.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use async_trait::async_trait;
use parking_lot::Mutex;
use party::PublicKey;
use statement::{Body, Capture, Content, Leaf, Statement, Tag, body_digest, capture_tree, verify};

use super::*;
use crate::Submission;

mod sealed;

/// How much a refused clock of heights is ahead in the tests below.
const MAX_WINDOW: u64 = 100_000;

#[derive(Debug)]
struct SmallLedger {
    key: PublicKey,
    state: Mutex<State>,
    height_calls: AtomicUsize,
    /// The next statement is recorded, but its answer gets lost.
    loses_answer: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    height: u64,
    log: Vec<Submission>,
    requests: HashMap<RequestId, ([u8; 32], Recorded)>,
}

fn refuse(reason: &str) -> Error {
    Error::Refused {
        reason: reason.into(),
        message: reason.to_lowercase(),
        field: None,
        retry_after_ms: None,
    }
}

#[async_trait]
impl Recorder for SmallLedger {
    async fn record(&self, submission: Submission) -> Result<Recorded, Error> {
        let signed = Statement::decode(&submission.statement).unwrap();
        signed.verify(&self.key).map_err(|error| refuse(error.reason()))?;
        let terms = signed.terms().unwrap();
        assert_eq!(terms.request_id, submission.request_id);
        match signed.content() {
            Content::Capture => whole(&signed, &submission)?,
            _ => assert!(submission.leaves.is_empty() && submission.bodies.is_empty()),
        }
        let mut state = self.state.lock();
        if let Some((subject, place)) = state.requests.get(&terms.request_id) {
            let same = subject == signed.subject();
            let place = Recorded { repeat: true, ..*place };
            return if same { Ok(place) } else { Err(refuse("REQUEST_ID_REUSED")) };
        }
        if terms.last_height.0 <= state.height {
            return Err(refuse("STATEMENT_EXPIRED"));
        }
        if terms.last_height.0 > state.height + MAX_WINDOW {
            return Err(refuse("WINDOW_TOO_LONG"));
        }
        state.height += 1;
        let index = LogIndex(1 + u64::try_from(state.log.len()).unwrap());
        let place = Recorded { index, height: Height(state.height), repeat: false };
        state.requests.insert(terms.request_id, (*signed.subject(), place));
        state.log.push(submission);
        if self.loses_answer.swap(false, Ordering::Relaxed) {
            return Err(Error::Unavailable { message: "the connection broke".into() });
        }
        Ok(place)
    }

    async fn height(&self) -> Result<Height, Error> {
        self.height_calls.fetch_add(1, Ordering::Relaxed);
        Ok(Height(self.state.lock().height))
    }
}

/// Checks leaves and bodies as every ledger does.
fn whole(signed: &Statement, submission: &Submission) -> Result<(), Error> {
    let capture = Capture::decode(signed.payload()).unwrap();
    if capture_tree::root(&submission.leaves) != capture.root {
        return Err(refuse("LEAVES_MISMATCH"));
    }
    for (leaf, body) in submission.leaves.iter().zip(&submission.bodies) {
        let leaf = Leaf::decode(leaf).unwrap();
        if body_digest(body) != leaf.body_digest {
            return Err(refuse("BODY_DIGEST_MISMATCH"));
        }
        let body = Body::decode(body).unwrap();
        body.check_marks(&leaf).map_err(|error| refuse(error.reason()))?;
        if let Body::Open(body) = body {
            let commitment = body.commitment(signed.consortium(), signed.issuer()).unwrap();
            assert_eq!(commitment, leaf.commitment, "recomputed from the body alone");
        }
    }
    Ok(())
}

fn keys() -> Keys {
    Keys { statement: SigningKey::from_bytes([1; 32]), seed: [2; 32].into() }
}

fn member() -> MemberId {
    "zj-merchant".parse().unwrap()
}

fn consortium() -> ConsortiumId {
    "demo".parse().unwrap()
}

fn house() -> (Arc<SmallLedger>, Capturer) {
    let ledger = Arc::new(SmallLedger {
        key: keys().statement.public(),
        state: Mutex::new(State { height: 1, ..State::default() }),
        height_calls: AtomicUsize::new(0),
        loses_answer: AtomicBool::new(false),
    });
    let all = BTreeMap::from([(member(), keys())]);
    (Arc::clone(&ledger), Capturer::new(consortium(), all, ledger))
}

fn event(id: &str, epcs: impl IntoIterator<Item = String>) -> String {
    let epcs: Vec<String> = epcs.into_iter().map(|epc| format!("{epc:?}")).collect();
    format!(
        r#"{{"type": "ObjectEvent", "eventID": "urn:uuid:0d0bd3d3-4b3f-4a39-9f5e-{id:0>12}",
            "eventTime": "2026-11-20T08:00:00.000Z", "eventTimeZoneOffset": "+08:00",
            "action": "OBSERVE", "epcList": [{}]}}"#,
        epcs.join(",")
    )
}

fn things(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|n| format!("https://things.example/{n}"))
}

fn request(n: u8) -> RequestId {
    RequestId([n; 16])
}

#[tokio::test]
async fn a_document_becomes_one_statement_with_a_leaf_and_a_body_for_each_event() {
    let (ledger, capturer) = house();
    let document = format!("[{},{}]", event("1", things(2)), event("2", things(1)));
    let captured = capturer.capture(&member(), request(1), document).await.unwrap();

    assert_eq!((captured.index, captured.height), (LogIndex(1), Height(2)));
    assert!(!captured.repeat);
    let state = ledger.state.lock();
    let [submission] = &state.log[..] else { panic!("one statement") };
    assert_eq!((submission.leaves.len(), submission.bodies.len()), (2, 2));
    let first = Leaf::decode(&submission.leaves[0]).unwrap();
    let mut tags: Vec<Tag> = things(2).map(|thing| Tag::open(&thing)).collect();
    tags.sort();
    assert_eq!(first.tags.iter().map(|(tag, _)| *tag).collect::<Vec<_>>(), tags);
    assert_eq!(captured.outcomes[0].commitment, first.commitment);
    assert_eq!(captured.outcomes[1].leaf_index, LeafIndex(1));
    assert!(captured.outcomes.iter().all(|outcome| !outcome.repeated_event_id));
}

#[tokio::test]
async fn a_request_sent_again_after_a_lost_answer_is_recorded_once() {
    let (ledger, capturer) = house();
    ledger.loses_answer.store(true, Ordering::Relaxed);
    let document = event("1", things(1));
    let lost = capturer.capture(&member(), request(1), document.clone()).await.unwrap_err();
    assert!(lost.is_retryable(), "{lost}");

    let captured = capturer.capture(&member(), request(1), document.clone()).await.unwrap();
    assert!(captured.repeat);
    assert_eq!(ledger.state.lock().log.len(), 1);
    assert!(!captured.outcomes[0].repeated_event_id, "it is the same event");

    let again = capturer.capture(&member(), request(1), document).await.unwrap();
    assert_eq!(again, captured);
}

#[tokio::test]
async fn a_request_id_with_another_document_is_refused() {
    let (_, capturer) = house();
    capturer.capture(&member(), request(1), event("1", things(1))).await.unwrap();
    let other = capturer.capture(&member(), request(1), event("1", things(2))).await.unwrap_err();
    assert_eq!(other.reason(), "REQUEST_ID_REUSED");
    assert!(!other.is_retryable());
}

#[tokio::test]
async fn commitments_differ_between_requests_and_between_equal_events_of_one() {
    let (_, capturer) = house();
    let twice = format!("[{0},{0}]", event("1", things(1)));
    let first = capturer.capture(&member(), request(1), twice.clone()).await.unwrap();
    let second = capturer.capture(&member(), request(2), twice).await.unwrap();
    let mut all: Vec<_> =
        first.outcomes.iter().chain(&second.outcomes).map(|o| o.commitment).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 4);
}

#[tokio::test]
async fn repeated_event_ids_are_captured_and_flagged() {
    let (_, capturer) = house();
    let twice = format!("[{},{}]", event("1", things(1)), event("1", things(2)));
    let captured = capturer.capture(&member(), request(1), twice.clone()).await.unwrap();
    let flags = |captured: &Captured| -> Vec<bool> {
        captured.outcomes.iter().map(|outcome| outcome.repeated_event_id).collect()
    };
    assert_eq!(flags(&captured), [false, true]);
    let again = capturer.capture(&member(), request(1), twice).await.unwrap();
    assert_eq!(flags(&again), [false, true], "answered as before");
    let other = capturer.capture(&member(), request(2), event("1", things(1))).await.unwrap();
    assert_eq!(flags(&other), [true]);
}

#[tokio::test]
async fn an_event_id_known_to_the_durable_index_is_flagged() {
    let (_, capturer) = house();
    let known = |id: &str| id.ends_with('7').then_some(Commitment([9; 32]));
    let capturer = capturer.with_event_ids(Box::new(known));
    let both = format!("[{},{}]", event("6", things(1)), event("7", things(1)));
    let captured = capturer.capture(&member(), request(1), both).await.unwrap();
    let flags: Vec<_> = captured.outcomes.iter().map(|o| o.repeated_event_id).collect();
    assert_eq!(flags, [false, true]);
}

#[tokio::test]
async fn the_height_is_asked_once_and_again_only_when_it_proves_too_old() {
    let (ledger, capturer) = house();
    let capturer = capturer.with_window(10);
    for n in 1..=5 {
        capturer.capture(&member(), request(n), event("1", things(1))).await.unwrap();
    }
    assert_eq!(ledger.height_calls.load(Ordering::Relaxed), 1);
    // Others record meanwhile.
    ledger.state.lock().height += 1_000;
    capturer.capture(&member(), request(6), event("1", things(1))).await.unwrap();
    assert_eq!(ledger.height_calls.load(Ordering::Relaxed), 2);
    assert_eq!(ledger.state.lock().height, 1_007);
}

#[tokio::test]
async fn too_many_identifiers_are_refused_and_the_event_named() {
    let (ledger, capturer) = house();
    let most = format!("[{}]", event("1", things(2_048)));
    capturer.capture(&member(), request(1), most).await.unwrap();

    let more = format!("[{},{}]", event("1", things(1)), event("2", things(2_049)));
    let error = capturer.capture(&member(), request(2), more).await.unwrap_err();
    let path = "eventList[1]".to_owned();
    assert_eq!(error, Error::TooManyTags { path, count: 2_049, limit: 2_048 });
    assert_eq!(error.reason(), "TOO_MANY_TAGS");

    let events: Vec<String> = (0..10).map(|n| event(&n.to_string(), things(2_001))).collect();
    let error = capturer
        .capture(&member(), request(3), format!("[{}]", events.join(",")))
        .await
        .unwrap_err();
    let path = "eventList".to_owned();
    assert_eq!(error, Error::TooManyTags { path, count: 20_010, limit: 20_000 });
    assert_eq!(ledger.state.lock().log.len(), 1, "nothing was half taken");
}

#[tokio::test]
async fn a_document_of_ten_thousand_events_is_taken_and_one_more_is_refused() {
    let (ledger, capturer) = house();
    let events = |count: usize| -> String {
        let events: Vec<String> = (0..count).map(|n| event(&n.to_string(), things(1))).collect();
        format!("[{}]", events.join(","))
    };
    let captured = capturer.capture(&member(), request(1), events(10_000)).await.unwrap();
    assert_eq!(captured.outcomes.len(), 10_000);
    let in_order = captured.outcomes.iter().enumerate().all(|(place, outcome)| {
        usize::try_from(outcome.leaf_index.0).unwrap() == place
            && outcome.event_id.as_deref().unwrap().ends_with(&place.to_string())
    });
    assert!(in_order, "many threads keep the document's order");
    let error = capturer.capture(&member(), request(2), events(10_001)).await.unwrap_err();
    assert_eq!(error.reason(), "TOO_MANY_EVENTS");
    assert_eq!(ledger.state.lock().log.len(), 1);
}

#[tokio::test]
async fn a_bad_event_spoils_its_document_with_the_place_named() {
    let (ledger, capturer) = house();
    let bad = event("2", things(1)).replace("eventTime\"", "eventTme\"");
    let document = format!("[{},{bad}]", event("1", things(1)));
    let error = capturer.capture(&member(), request(1), document).await.unwrap_err();
    assert!(matches!(error, Error::Document(_)), "{error}");
    assert!(error.field().unwrap().contains("[1]"), "{:?}", error.field());
    let empty = capturer.capture(&member(), request(1), "[]").await.unwrap_err();
    assert_eq!(empty.reason(), "FIELD_MISSING");
    assert!(ledger.state.lock().log.is_empty());
}

#[tokio::test]
async fn nobody_is_captured_for_whose_keys_are_not_held() {
    let (_, capturer) = house();
    let stranger: MemberId = "stranger".parse().unwrap();
    let error = capturer.capture(&stranger, request(1), "{}").await.unwrap_err();
    assert_eq!(error.reason(), "MEMBER_UNKNOWN");
}

#[tokio::test]
async fn the_small_ledger_keeps_the_contract_of_a_recorder() {
    let (ledger, _) = house();
    crate::suite::holds(ledger.as_ref(), consortium(), member(), keys()).await;
}

#[test]
fn secrets_do_not_show() {
    let shown = format!("{:?}", keys());
    assert!(shown.contains("Keys") && !shown.contains("2, 2, 2"), "{shown}");
    verify(&keys().statement.public(), b"x", &keys().statement.sign(b"x")).unwrap();
}

#[tokio::test]
async fn a_capture_that_no_other_member_could_receive_is_refused() {
    let (ledger, capturer) = house();
    // Sixteen events just below what one event may have.
    let long = "x".repeat(1_000_000);
    let large = event("1", things(1)).replacen('{', &format!(r#"{{"http://x/y": {long:?}, "#), 1);
    let document = |count| format!("[{}]", vec![large.as_str(); count].join(","));
    let refused = capturer.capture(&member(), request(1), document(16)).await.unwrap_err();
    assert_eq!((refused.reason(), refused.field()), ("REQUEST_TOO_LARGE", Some("eventList")));
    assert_eq!(refused.hint(), Some("send fewer events in one capture"));
    assert!(!refused.is_retryable());
    capturer.capture(&member(), request(1), document(15)).await.unwrap();
    assert_eq!(ledger.state.lock().log.len(), 1);
}

#[tokio::test]
async fn an_event_of_more_fields_than_a_commitment_hides_is_refused_by_its_place() {
    let (_, capturer) = house();
    let fields: String = (0..1_024).map(|n| format!(r#""http://x/{n}": 1, "#)).collect();
    let wide = event("1", things(1)).replacen('{', &format!("{{{fields}"), 1);
    let document = format!("[{},{wide}]", event("2", things(1)));
    let refused = capturer.capture(&member(), request(1), document).await.unwrap_err();
    assert_eq!((refused.reason(), refused.field()), ("TOO_MANY_FIELDS", Some("eventList[1]")));
}
