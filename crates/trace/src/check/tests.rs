//! Large blocks, and how much processor time an event takes: `cargo test --release -p
//! quayside-trace -- --ignored --nocapture measure`. Linux only, for it asks the scheduler, so that
//! other work on the machine does not count.

use super::*;
use crate::index::Index;
use crate::small_ledger::{SmallLedger, capture, members};

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
