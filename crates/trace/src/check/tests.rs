//! Large blocks, and how much processor time an event takes: `cargo test --release -p
//! quayside-trace -- --ignored --nocapture measure`. Linux only, for it asks the scheduler, so that
//! other work on the machine does not count.

use envelope::PartPlan;

use super::*;
use crate::index::Index;
use crate::small_ledger::{SmallLedger, announce, capture, issuer, members};
use crate::small_seal::{seal, secret};

/// Processor time of this thread so far, in nanoseconds.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

/// An event of 490 bytes with ten fields and two items.
fn event(number: usize) -> String {
    format!(
        r#"{{"eventID":"urn:uuid:374d95fc-9457-4a51-bd6a-{number:012}","type":"ObjectEvent","action":"OBSERVE","bizStep":"shipping","disposition":"in_transit","epcList":["urn:epc:id:sgtin:0614141.107346.{number}","urn:epc:id:sscc:0614141.1234567890"],"eventTime":"2026-11-20T08:51:00.{:03}+08:00","eventTimeZoneOffset":"+08:00","readPoint":{{"id":"urn:epc:id:sgln:0614141.07346.1234"}},"bizTransactionList":[{{"type":"po","bizTransaction":"http://transaction.acme.com/po/12345678"}}]}}"#,
        number % 1_000
    )
}

/// A ledger with a block of that many captures of a hundred events each.
fn ledger_of(captures: usize) -> SmallLedger {
    let ledger = SmallLedger::new();
    let captures = (0..captures).map(|n| {
        let events: Vec<String> = (n * 100..(n + 1) * 100).map(event).collect();
        capture(u64::try_from(n).unwrap(), &events)
    });
    ledger.add(captures.collect());
    ledger
}

fn after_genesis(ledger: &SmallLedger) -> Cursor {
    check(&Cursor::start(&members(), Height(0)), &ledger.block(1), Vetting::Here).unwrap().cursor
}

#[test]
fn a_block_that_several_threads_read_is_read_as_by_one() {
    let ledger = ledger_of(11);
    let start = after_genesis(&ledger);
    let checked = check(&start, &ledger.block(2), Vetting::Here).unwrap();
    assert_eq!(checked.leaves.len(), 1_100);
    assert!(checked.leaves.is_sorted_by(|a, b| a.position < b.position), "in log order");
    assert!(checked.leaves.iter().all(|leaf| leaf.record.told.is_some() && leaf.tags.len() == 2));
    ledger.tamper(2, |block| block.entries[10].bodies.swap(3, 4));
    let error = check(&start, &ledger.block(2), Vetting::Here).unwrap_err();
    assert!(error.to_string().contains("not the one of its leaf"), "{error}");
}

#[test]
fn what_the_same_process_vouches_for_gives_the_same_index_and_the_chain_is_checked_still() {
    let ledger = ledger_of(2);
    let start = after_genesis(&ledger);
    let here = check(&start, &ledger.block(2), Vetting::Here).unwrap();
    let vouched = check(&start, &ledger.block(2), Vetting::SameProcess).unwrap();
    assert_eq!(format!("{:?}", vouched.leaves), format!("{:?}", here.leaves));
    assert_eq!(vouched.cursor, here.cursor);
    ledger.tamper(2, |block| block.entries.swap(0, 1));
    let error = check(&start, &ledger.block(2), Vetting::SameProcess).unwrap_err();
    assert!(error.to_string().contains("contents"), "{error}");
}

#[test]
fn a_sealed_event_is_kept_as_it_is_whoever_vouches_for_it() {
    let (item, journey) = ("https://things.example/1", secret(1));
    let event = format!(
        r#"{{"type":"ObjectEvent","action":"OBSERVE","epcList":["{item}"],"eventTime":"2026-11-20T08:51:00.000Z","eventTimeZoneOffset":"+08:00"}}"#
    );
    let sealed = seal(&issuer(), 7, &event, &[(item, &journey)], &[PartPlan::Rest]);
    let ledger = SmallLedger::new();
    ledger.add(vec![announce(&issuer(), &journey, item), sealed.entry()]);
    let start = after_genesis(&ledger);
    let read = |vetting| check(&start, &ledger.block(2), vetting);
    let here = read(Vetting::Here).unwrap();
    let vouched = read(Vetting::SameProcess).unwrap();
    assert_eq!(format!("{:?}", vouched.leaves), format!("{:?}", here.leaves));
    assert_eq!(vouched.announced, here.announced);
    let leaf = &here.leaves[0];
    assert_eq!((&leaf.record.told, leaf.record.alert, &leaf.event_id), (&None, None, &None));
    assert_eq!(leaf.tags, sealed.leaf.tags, "not corrected by what nobody can read");
    let kept = leaf.sealed.as_ref().unwrap();
    assert_eq!((&kept.leaf, kept.body.as_deref()), (&sealed.leaf, Some(&*sealed.body.encode())));
    assert!(here.announced[0].fits(&journey, item));

    // Another body in its place is the ledger's lie; a tag without a mark is the issuer's.
    ledger.tamper(2, |block| block.entries[1].bodies[0] = Some(Bytes::from_static(b"\x82\x02")));
    let error = read(Vetting::Here).unwrap_err();
    assert!(error.to_string().contains("not the one of its leaf"), "{error}");
    let unmarked = sealed.tagged(vec![(Tag::open(item), None)]);
    let ledger = SmallLedger::new();
    ledger.add(vec![unmarked.entry()]);
    let checked = check(&after_genesis(&ledger), &ledger.block(2), Vetting::Here).unwrap();
    assert_eq!(checked.leaves[0].record.alert, Some(Alert::TagsMismatch));
}

#[test]
#[ignore = "it measures, and proves nothing"]
fn measure_what_an_event_costs() {
    // Below the size from which several threads work.
    let ledger = ledger_of(9);
    let start = after_genesis(&ledger);
    let block = ledger.block(2);
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(folder.path()).unwrap();
    let (mut check_ns, mut take_ns, mut events) = (0, 0, 0);
    for _ in 0..50 {
        let before = cpu_ns();
        let checked = check(&start, &block, Vetting::Here).unwrap();
        let between = cpu_ns();
        index.take(&checked).unwrap();
        take_ns += cpu_ns() - between;
        check_ns += between - before;
        events += u64::try_from(checked.leaves.len()).unwrap();
    }
    println!("check {} ns, index {} ns an event", check_ns / events, take_ns / events);
}
