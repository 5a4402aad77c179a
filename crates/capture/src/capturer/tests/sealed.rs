//! Sealed events, and commands.

use std::collections::BTreeSet;

use envelope::{ContentKey, Opened, open, partial_json};
use epcis::Event;
use statement::{Disclosure, ItemSecret, Mark, SealedBody};

use super::*;
use crate::{CapturedSealed, PartPolicy, ToSeal};

const PARCEL: &str = "https://id.gs1.org/00/340123451111111111";
const GOODS: &str = "https://id.gs1.org/01/09506000134352/21/1";
const BUYER: &str = "https://example.com/ns/buyer";

/// The first event of a journey, whose buyer three readers may know.
fn commissioned() -> String {
    format!(
        r#"{{"@context": {{"shop": "https://example.com/ns/"}},
            "type": "ObjectEvent", "eventID": "urn:uuid:0d0bd3d3-4b3f-4a39-9f5e-000000000001",
            "eventTime": "2026-11-20T08:00:00.000Z", "eventTimeZoneOffset": "+08:00",
            "action": "ADD", "epcList": [{PARCEL:?}, {GOODS:?}],
            "shop:buyer": {{"shop:name": "María Ruiz", "shop:telephone": "+34 600 000 000"}}}}"#
    )
}

fn secret(byte: u8) -> ItemSecret {
    ItemSecret::from_bytes([byte; 32])
}

fn secrets() -> BTreeMap<String, ItemSecret> {
    // The pallet is in none of the events: what is not needed may be there.
    let pallet = "https://id.gs1.org/00/340123452222222224";
    [(PARCEL, 5), (GOODS, 5), (pallet, 6)].map(|(item, n)| (item.into(), secret(n))).into()
}

fn fields(names: &[&str]) -> PartPolicy {
    PartPolicy::Fields(names.iter().map(|name| (*name).to_owned()).collect())
}

fn hand_over() -> PartPolicy {
    PartPolicy::Secret { item: PARCEL.into(), secret: secret(5) }
}

fn parts() -> Vec<PartPolicy> {
    vec![PartPolicy::Rest, fields(&[BUYER]), hand_over()]
}

fn to_seal(parts: Vec<PartPolicy>) -> ToSeal {
    ToSeal::parse(commissioned().as_bytes(), parts, secrets()).unwrap()
}

async fn seal(capturer: &Capturer, parts: Vec<PartPolicy>) -> Result<CapturedSealed, Error> {
    capturer.capture_sealed(&member(), request(1), vec![to_seal(parts)]).await
}

/// Opens a part as whoever holds its content key would.
fn open_part(captured: &CapturedSealed, part: u32) -> Opened {
    let event = &captured.sealed[0];
    let key = &event.content_keys[usize::try_from(part).unwrap()];
    let body = SealedBody::decode(&event.body).unwrap();
    open(&consortium(), &member(), &event.commitment, &body, part, key).unwrap()
}

fn disclosed(captured: &CapturedSealed, part: u32) -> Disclosure {
    match open_part(captured, part) {
        Opened::Fields { disclosure } => disclosure,
        Opened::Secret { .. } => panic!("fields were due"),
    }
}

#[tokio::test]
async fn a_sealed_event_shows_its_readers_their_part_and_the_ledger_nothing() {
    let (ledger, capturer) = house();
    let captured = seal(&capturer, parts()).await.unwrap();
    assert_eq!((captured.captured.index, captured.captured.height), (LogIndex(1), Height(2)));

    let rest = disclosed(&captured, 0);
    let pairs = rest.opened.iter().map(|field| (field.name.as_str(), field.value.as_str()));
    let event = Event::from_canonical_json(&partial_json(pairs).unwrap()).unwrap();
    assert_eq!(event.items().len(), 2, "the rest is an event by itself");
    let buyer = disclosed(&captured, 1);
    assert_eq!(buyer.opened[0].name, BUYER);
    assert!(buyer.opened[0].value.contains("María Ruiz"));
    let Opened::Secret { item, secret: handed } = open_part(&captured, 2) else {
        panic!("a secret was due")
    };
    assert_eq!((item.as_str(), handed.id()), (PARCEL, secret(5).id()));

    let state = ledger.state.lock();
    let submission = &state.log[0];
    let sent = [&submission.statement[..], &submission.leaves[0], &submission.bodies[0]].concat();
    let shows = |word: &[u8]| sent.windows(word.len()).any(|window| window == word);
    for word in ["Mar", "+34", "buyer", "ObjectEvent", "340123451111111111", "9506000134352"] {
        assert!(!shows(word.as_bytes()), "{word}");
    }
    assert!(!shows(secret(5).as_bytes()) && !shows(&Tag::open(PARCEL).0));
    assert_eq!(submission.bodies[0], captured.sealed[0].body);
    assert_eq!(body_digest(&submission.bodies[0]), captured.sealed[0].body_digest);
    assert_eq!(captured.sealed[0].part(1).body_digest, captured.sealed[0].body_digest);
}

#[tokio::test]
async fn every_tag_is_keyed_and_marked() {
    let (ledger, capturer) = house();
    let captured = seal(&capturer, parts()).await.unwrap();
    let leaf = Leaf::decode(&ledger.state.lock().log[0].leaves[0]).unwrap();
    assert_eq!(leaf, captured.sealed[0].leaf);
    let expected: BTreeSet<_> = [PARCEL, GOODS]
        .map(|item| {
            let tag = Tag::keyed(&secret(5), item);
            let mark = Mark::new(&secret(5), &consortium(), &member(), &leaf.commitment, &tag);
            (tag, Some(mark))
        })
        .into();
    assert_eq!(leaf.tags.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[tokio::test]
async fn a_sealed_request_sent_again_gives_the_same_bodies_and_keys() {
    let (ledger, capturer) = house();
    ledger.loses_answer.store(true, Ordering::Relaxed);
    assert!(seal(&capturer, parts()).await.unwrap_err().is_retryable());

    let again = seal(&capturer, parts()).await.unwrap();
    assert!(again.captured.repeat);
    assert_eq!(ledger.state.lock().log.len(), 1);
    assert_eq!(ledger.state.lock().log[0].bodies[0], again.sealed[0].body);
    // Also after a restart, which forgets everything but the keys.
    let all = BTreeMap::from([(member(), keys())]);
    let recorder: Arc<dyn Recorder> = Arc::clone(&ledger) as _;
    let third = seal(&Capturer::new(consortium(), all, recorder), parts()).await.unwrap();
    assert_eq!(third.captured, again.captured);
    let bytes = |captured: &CapturedSealed| -> Vec<[u8; 32]> {
        captured.sealed[0].content_keys.iter().map(|key| *key.as_bytes()).collect()
    };
    assert_eq!(bytes(&third), bytes(&again));
    assert_eq!(bytes(&third).into_iter().collect::<BTreeSet<_>>().len(), 3);
}

#[tokio::test]
async fn a_request_id_with_other_parts_or_secrets_is_refused() {
    let (_, capturer) = house();
    seal(&capturer, parts()).await.unwrap();
    let other = seal(&capturer, vec![PartPolicy::Rest]).await.unwrap_err();
    assert_eq!(other.reason(), "REQUEST_ID_REUSED");
    let mut event = to_seal(parts());
    event.secrets.insert(PARCEL.into(), secret(7));
    let other = capturer.capture_sealed(&member(), request(1), vec![event]).await.unwrap_err();
    assert_eq!(other.reason(), "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn an_event_of_an_item_without_a_secret_is_refused_and_the_item_not_told() {
    let (ledger, capturer) = house();
    let good = to_seal(parts());
    let mut bad = good.clone();
    bad.secrets.remove(GOODS);
    let error = capturer.capture_sealed(&member(), request(1), vec![good, bad]).await.unwrap_err();
    assert_eq!(error, Error::SecretMissing { path: "eventList[1]".into(), missing: 1 });
    assert_eq!((error.reason(), error.field()), ("SECRET_MISSING", Some("eventList[1]")));
    assert!(!error.to_string().contains("9506000134352") && !error.is_retryable());
    assert!(ledger.state.lock().log.is_empty(), "nothing was half taken");
}

#[tokio::test]
async fn each_field_is_in_one_part_and_the_rest_is_an_event() {
    let (ledger, capturer) = house();
    let cases: [(Vec<PartPolicy>, &str); 9] = [
        (vec![], "0 parts for the rest"),
        (vec![fields(&[BUYER])], "0 parts for the rest"),
        (vec![PartPolicy::Rest, PartPolicy::Rest], "2 parts for the rest"),
        (vec![PartPolicy::Rest, fields(&[BUYER]), fields(&[BUYER])], "more than one part"),
        (vec![PartPolicy::Rest, fields(&["colour"])], "does not have"),
        (vec![PartPolicy::Rest, fields(&[])], "carries no field"),
        (vec![PartPolicy::Rest, fields(&["eventTime"])], "eventTime"),
        (vec![PartPolicy::Rest, fields(&["epcList"])], "is no event without"),
        (std::iter::once(PartPolicy::Rest).chain(vec![hand_over(); 16]).collect(), "16 parts"),
    ];
    for (parts, words) in cases {
        let error = seal(&capturer, parts).await.unwrap_err();
        assert_eq!((error.reason(), error.field()), ("PARTS_INVALID", Some("eventList[0]")));
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.hint().is_some() && !error.is_retryable());
    }
    assert!(ledger.state.lock().log.is_empty());
    seal(&capturer, vec![PartPolicy::Rest]).await.unwrap();
}

#[tokio::test]
async fn a_reader_of_the_rest_sees_every_item_or_the_event_is_refused() {
    let (_, capturer) = house();
    // With its quantities in another part this is still an event, but of fewer items.
    let document = format!(
        r#"{{"type": "ObjectEvent", "eventTime": "2026-11-20T08:00:00.000Z",
            "eventTimeZoneOffset": "+08:00", "action": "OBSERVE", "epcList": [{GOODS:?}],
            "quantityList": [{{"epcClass": "https://id.gs1.org/01/09506000134352", "quantity": 2}}]}}"#
    );
    let mut secrets = secrets();
    secrets.insert("https://id.gs1.org/01/09506000134352".into(), secret(5));
    let parts = vec![PartPolicy::Rest, fields(&["quantityList"])];
    let event = ToSeal::parse(document.as_bytes(), parts, secrets).unwrap();
    let error = capturer.capture_sealed(&member(), request(1), vec![event]).await.unwrap_err();
    let why = "an identifier is in another part".to_owned();
    assert_eq!(error, Error::RestInvalid { path: "eventList[0]".into(), why });
}

#[tokio::test]
async fn no_events_too_many_and_strangers_are_refused() {
    let (_, capturer) = house();
    let member = member();
    let refused = |events| capturer.capture_sealed(&member, request(2), events);
    assert_eq!(refused(vec![]).await.unwrap_err(), Error::NoEvents);
    let many = vec![to_seal(vec![PartPolicy::Rest]); 10_001];
    let error = refused(many).await.unwrap_err();
    assert_eq!(error, Error::TooManyEvents { count: 10_001, limit: 10_000 });
    assert_eq!(error.reason(), "TOO_MANY_EVENTS");
    let stranger = "stranger".parse().unwrap();
    let error = capturer.capture_sealed(&stranger, request(2), vec![]).await.unwrap_err();
    assert_eq!(error.reason(), "MEMBER_UNKNOWN");
}

#[tokio::test]
async fn many_threads_keep_the_order_of_sealed_events() {
    let (ledger, capturer) = house();
    let events: Vec<ToSeal> = (0..200)
        .map(|n| {
            let item = format!("https://things.example/{n}");
            let secrets = [(item.clone(), secret(n))].into();
            let document = event(&n.to_string(), [item]);
            ToSeal::parse(document.as_bytes(), vec![PartPolicy::Rest], secrets).unwrap()
        })
        .collect();
    let captured = capturer.capture_sealed(&member(), request(1), events).await.unwrap();
    let log = &ledger.state.lock().log;
    for (n, outcome) in (0..200_u8).zip(&captured.sealed) {
        let tag = Tag::keyed(&secret(n), &format!("https://things.example/{n}"));
        assert_eq!(outcome.leaf.tags[0].0, tag);
        assert_eq!(outcome.leaf_index, LeafIndex(n.into()));
        assert_eq!(log[0].bodies[usize::from(n)], outcome.body);
        let told = &captured.captured.outcomes[usize::from(n)];
        assert_eq!((told.commitment, told.leaf_index), (outcome.commitment, outcome.leaf_index));
        assert!(told.event_id.as_deref().unwrap().ends_with(&n.to_string()));
    }
}

#[tokio::test]
async fn equal_events_of_one_capture_have_keys_and_commitments_of_their_own() {
    let (_, capturer) = house();
    let twice = vec![to_seal(parts()), to_seal(parts())];
    let captured = capturer.capture_sealed(&member(), request(1), twice).await.unwrap();
    let [first, second] = &captured.sealed[..] else { panic!("two events") };
    assert_ne!(first.commitment, second.commitment);
    let keys = first.content_keys.iter().chain(&second.content_keys).map(ContentKey::as_bytes);
    assert_eq!(keys.collect::<BTreeSet<_>>().len(), 6);
}

#[tokio::test]
async fn nobody_learns_from_a_flag_that_a_sealed_event_bore_an_id() {
    let (_, capturer) = house();
    seal(&capturer, parts()).await.unwrap();
    let open = event("1", things(1));
    let captured = capturer.capture(&member(), request(2), open).await.unwrap();
    assert!(!captured.outcomes[0].repeated_event_id);
    let sealed = capturer.capture_sealed(&member(), request(3), vec![to_seal(parts())]).await;
    assert!(!sealed.unwrap().captured.outcomes[0].repeated_event_id);
}

#[test]
fn a_document_of_no_event_or_of_two_is_not_sealed_as_one() {
    let parse = |document: &str| ToSeal::parse(document.as_bytes(), parts(), secrets());
    assert_eq!(parse("[]").unwrap_err(), Error::NotOneEvent { count: 0 });
    let two = format!("[{0},{0}]", event("1", things(1)));
    assert_eq!(parse(&two).unwrap_err(), Error::NotOneEvent { count: 2 });
    assert!(matches!(parse("{"), Err(Error::Document(_))));
    let shown = format!("{:?}", to_seal(parts()));
    assert!(!shown.contains("María") && !shown.contains("340123451111111111"), "{shown}");
}

#[tokio::test]
async fn a_command_is_recorded_once_however_often_it_is_sent() {
    let (ledger, capturer) = house();
    let capturer = capturer.with_window(10);
    ledger.loses_answer.store(true, Ordering::Relaxed);
    let member = member();
    let send = |arguments: &[u8]| {
        capturer.command(&member, request(1), "announce-secret", arguments.to_vec())
    };
    assert!(send(&[0x80]).await.unwrap_err().is_retryable());
    // The height has moved meanwhile, so that the statement sent again is another.
    ledger.state.lock().height += 1_000;
    let recorded = send(&[0x80]).await.unwrap();
    assert!(recorded.repeat);
    assert_eq!(send(&[0x80]).await.unwrap(), recorded);
    assert_eq!(send(&[0x81, 0]).await.unwrap_err().reason(), "REQUEST_ID_REUSED");
    let log = &ledger.state.lock().log;
    assert_eq!(log.len(), 1);
    let signed = Statement::decode(&log[0].statement).unwrap();
    assert_eq!(signed.content(), Content::Command);
    let act = statement::Act::decode(signed.payload()).unwrap();
    assert_eq!((act.name.as_str(), act.arguments), ("announce-secret", vec![0x80]));
}

#[tokio::test]
async fn a_command_of_a_stranger_or_without_a_name_is_refused() {
    let (ledger, capturer) = house();
    let stranger = "stranger".parse().unwrap();
    let error = capturer.command(&stranger, request(1), "x", vec![0x80]).await.unwrap_err();
    assert_eq!(error.reason(), "MEMBER_UNKNOWN");
    assert!(capturer.command(&member(), request(1), "", vec![0x80]).await.is_err());
    assert!(ledger.state.lock().log.is_empty());
}
