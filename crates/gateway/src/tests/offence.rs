//! What members do who do not keep to the rules, and what comes of it: an alert, and nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use capture::{PartPolicy, SealedOutcome, ToSeal};
use envelope::{ContentKey, Reader, Wrapper};
use keys::{KeySource, Peer, XWing};
use party::KeyId;
use statement::{ItemSecret, ReaderEntry};

use super::world::{SELLER, World, consortium, id, key, request};
use crate::{AlertView, Notice, OrderView, Post, Step, What};

const VICTIM: &str = "es-post";
const OFFENDER: &str = "hz-forwarder";

/// Waits until a member has an alert of that reason.
async fn alerted(world: &World, member: &str, reason: &str) -> AlertView {
    for _ in 0..200 {
        let alerts = world.gateway(member).alerts(&id(member)).await.unwrap();
        if let Some(alert) = alerts.into_iter().find(|alert| alert.reason == reason) {
            return alert;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{member} is not alerted of {reason}");
}

/// An entry by `sealer` for a part of its event, with a secret drawn for the reader.
async fn entry_for(
    world: &World,
    sealer: &str,
    reader: &str,
    outcome: &SealedOutcome,
    part: u32,
    content_key: &ContentKey,
) -> ReaderEntry {
    let source = XWing::new(None, world.members.clone());
    let member = world.members.get(&id(reader)).unwrap();
    let site = member.sites.first().unwrap().clone();
    let peer = Peer { member: id(reader), site };
    let drawn = source.draw(&keys::RequestId::random().unwrap(), &peer, 32).await.unwrap();
    let key_id = member.sealing_key.as_ref().unwrap().id();
    let named = Reader { member: id(reader), key: key_id };
    let wrapper = Wrapper::new(&consortium(), &id(sealer), named, &drawn);
    wrapper.wrap(&outcome.part(part), content_key).unwrap().sign(&key(sealer, 1))
}

async fn sealed_by_offender(world: &World, item: &str, secret: &ItemSecret) -> SealedOutcome {
    sealed_by(world, OFFENDER, item, secret).await
}

/// An event of three parts about an item; two of them hand over its secret.
pub(crate) async fn sealed_by(
    world: &World,
    sealer: &str,
    item: &str,
    secret: &ItemSecret,
) -> SealedOutcome {
    let json = format!(
        r#"{{"type": "ObjectEvent", "eventTime": "2026-11-20T08:00:00.000Z",
            "eventTimeZoneOffset": "+08:00", "action": "OBSERVE", "epcList": ["{item}"]}}"#
    );
    let hand_over = PartPolicy::Secret { item: item.into(), secret: secret.clone() };
    let secrets = BTreeMap::from([(item.to_owned(), secret.clone())]);
    let parts = vec![PartPolicy::Rest, hand_over.clone(), hand_over];
    let event = ToSeal::parse(json.as_bytes(), parts, secrets).unwrap();
    let capturer = world.capturer(&[sealer]);
    let captured = capturer.capture_sealed(&id(sealer), request(77), vec![event]).await;
    captured.unwrap().sealed.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decoy_secret_is_refused_and_the_true_one_stays() {
    let world = World::new().await;
    let order = world.order(1).await;
    world.until(VICTIM, &order.journey, |view| view.steps.len() == 1).await;
    let book = world.gateway(VICTIM).book(&id(VICTIM)).unwrap().clone();
    assert_eq!(book.secrets(&order.parcel).unwrap().len(), 1);

    let decoy = ItemSecret::from_bytes([9; 32]);
    let outcome = sealed_by_offender(&world, &order.parcel, &decoy).await;
    let content_key = &outcome.content_keys[1];
    let entry = entry_for(&world, OFFENDER, VICTIM, &outcome, 1, content_key).await;
    world.site("liege").local.put(vec![entry]).await.unwrap();
    let alert = alerted(&world, VICTIM, "SECRET_NOT_ANNOUNCED").await;
    assert_eq!((alert.issuer, alert.commitment), (id(OFFENDER), outcome.commitment));
    assert_eq!(book.secrets(&order.parcel).unwrap().len(), 1, "the decoy is not kept");
    assert!(!book.has(&outcome.commitment, 1).unwrap());
    // And nothing of it stands in the way of what is right.
    world.travel(&order.journey, Step::Pack, Step::Aggregate).await;
    world.until(VICTIM, &order.journey, |view| view.steps.len() == 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swapped_handle_is_found_out_and_spoils_no_other_entry() {
    let world = World::new().await;
    let order = world.order(1).await;
    let item = "https://swap.example/1";
    let outcome = sealed_by_offender(&world, item, &ItemSecret::from_bytes([9; 32])).await;
    let (first, second) = (&outcome.content_keys[0], &outcome.content_keys[1]);
    let good = entry_for(&world, OFFENDER, VICTIM, &outcome, 0, first).await;
    let other = entry_for(&world, OFFENDER, VICTIM, &outcome, 1, second).await;
    // The handle of the one with all else of the other, signed by who wants it so.
    let swapped = ReaderEntry { handle: good.handle.clone(), ..other }.sign(&key(OFFENDER, 1));
    world.site("liege").local.put(vec![swapped, good]).await.unwrap();
    let alert = alerted(&world, VICTIM, "HANDLE_MISMATCH").await;
    assert_eq!(alert.issuer, id(OFFENDER));
    let book = world.gateway(VICTIM).book(&id(VICTIM)).unwrap();
    assert!(book.has(&outcome.commitment, 0).unwrap(), "the good one is opened");
    assert!(!book.has(&outcome.commitment, 1).unwrap());
    world.until(VICTIM, &order.journey, |view| view.steps.len() == 1).await;
}

/// Lets the post of a site tell what is not so.
fn lie(world: &World, site: &str, entry: ReaderEntry) {
    let what = What::Put(Box::new(entry));
    world.site(site).local.lies.send(Notice { sequence: 0, what }).unwrap();
}

/// The entries of the first event as the post had them for a reader.
fn entries_of(world: &World, reader: &str) -> Vec<ReaderEntry> {
    let ledger = &world.site("liege").local.ledger;
    let (told, _) = ledger.entries(0, 99, &[id(reader)].into()).unwrap();
    let put = told.into_iter().filter_map(|notice| match notice.what {
        ledger::What::Put(entry) => Some(*entry),
        ledger::What::Removed { .. } => None,
    });
    put.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_for_another_or_with_a_broken_signature_is_refused() {
    let world = World::new().await;
    let spoilt = &world.site("liege").weather.recover;
    spoilt.store(true, std::sync::atomic::Ordering::SeqCst);
    let order = world.order(1).await;
    let mut entries = entries_of(&world, VICTIM);
    let entry = entries.pop().unwrap();
    lie(&world, "liege", ReaderEntry { signature: [7; 64], ..entry.clone() });
    let foreign = ReaderEntry { consortium: "other".parse().unwrap(), ..entry.clone() };
    lie(&world, "liege", foreign.sign(&key(SELLER, 1)));
    lie(&world, "liege", ReaderEntry { sealer: id("nobody"), ..entry.clone() });
    let other = KeyId([9; 16]);
    lie(&world, "liege", ReaderEntry { reader_key: other, ..entry }.sign(&key(SELLER, 1)));
    // The post tells every member of the site of every lie: to one of them it is another's.
    alerted(&world, "be-customs", "READER_NOT_NAMED").await;
    let mut missing = vec!["signature", "consortium other", "nobody is no", "another sealing key"];
    for _ in 0..200 {
        let alerts = world.gateway(VICTIM).alerts(&id(VICTIM)).await.unwrap();
        let told = |text: &str| alerts.iter().any(|alert| alert.detail.contains(text));
        missing.retain(|text| !told(text));
        if missing.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(missing, [""; 0]);
    spoilt.store(false, std::sync::atomic::Ordering::SeqCst);
    for name in [VICTIM, "be-customs"] {
        world.until(name, &order.journey, |view| view.buyer.is_some()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_not_named_is_told_so() {
    let world = World::new().await;
    world.order(1).await;
    let entry = {
        let item = "https://named.example/1";
        let outcome = sealed_by_offender(&world, item, &ItemSecret::from_bytes([9; 32])).await;
        let content_key = &outcome.content_keys[0];
        entry_for(&world, OFFENDER, "be-customs", &outcome, 0, content_key).await
    };
    let refused = world.gateway(VICTIM).try_open(&id(VICTIM), entry).await.unwrap_err();
    assert_eq!(refused.reason(), "READER_NOT_NAMED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_entry_changes_nothing_and_is_reported() {
    let world = World::new().await;
    let spoilt = &world.site("liege").weather.recover;
    spoilt.store(true, std::sync::atomic::Ordering::SeqCst);
    let order = world.order(1).await;
    let entries = entries_of(&world, VICTIM);
    assert_eq!(entries.len(), 3, "fields, buyer, secret");
    spoilt.store(false, std::sync::atomic::Ordering::SeqCst);
    let known = |view: &OrderView| view.buyer.is_some();
    let before = world.until(VICTIM, &order.journey, known).await;
    world.until(SELLER, &order.journey, |view| view.unacknowledged.is_empty()).await;
    for entry in entries {
        let replayed = world.gateway(VICTIM).try_open(&id(VICTIM), entry.clone()).await;
        assert_eq!(replayed.unwrap_err().reason(), "ENTRY_REPLAYED");
        lie(&world, "liege", entry);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.known(VICTIM, &order.journey).await.unwrap(), before);
    assert_eq!(world.once.unconfirmed(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_takes_no_step_of_another_by_saying_so() {
    let world = World::new().await;
    let order = world.order(1).await;
    // The forwarder, who holds the journey's secret, states the seller's next step.
    world.until(OFFENDER, &order.journey, |view| view.steps.len() == 1).await;
    let book = world.gateway(OFFENDER).book(&id(OFFENDER)).unwrap();
    let (secret, _) = book.secrets(&order.parcel).unwrap().remove(0);
    let json = format!(
        r#"{{"@context": {{"quayside": "https://quayside.example/vocabulary/"}},
            "type": "ObjectEvent", "eventTime": "2026-11-20T08:00:00.000Z",
            "eventTimeZoneOffset": "+08:00", "action": "OBSERVE", "epcList": ["{}"],
            "quayside:journey": "{}", "quayside:step": "pack"}}"#,
        order.parcel, order.journey
    );
    let secrets = BTreeMap::from([(order.parcel.clone(), secret)]);
    let event = ToSeal::parse(json.as_bytes(), vec![PartPolicy::Rest], secrets).unwrap();
    let capturer = world.capturer(&[OFFENDER]);
    let captured = capturer.capture_sealed(&id(OFFENDER), request(78), vec![event]).await;
    let outcome = captured.unwrap().sealed.remove(0);
    let content_key = &outcome.content_keys[0];
    let entry = entry_for(&world, OFFENDER, VICTIM, &outcome, 0, content_key).await;
    world.site("liege").local.put(vec![entry]).await.unwrap();
    let book = world.gateway(VICTIM).book(&id(VICTIM)).unwrap();
    for _ in 0..100 {
        if book.has(&outcome.commitment, 0).unwrap() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(book.has(&outcome.commitment, 0).unwrap());
    let view = world.known(VICTIM, &order.journey).await.unwrap();
    assert_eq!(view.next.unwrap().step, Step::Pack, "it is still the seller's to take");
}
