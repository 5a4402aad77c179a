//! How much processor time a block takes: `cargo test --release -p quayside-trace -- --ignored
//! --nocapture measure`. Linux only, for it asks the scheduler, so that other work on the machine
//! does not count.

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

#[test]
#[ignore = "it measures, and proves nothing"]
fn measure_what_an_event_costs() {
    const CAPTURES: usize = 100;
    const EVENTS: usize = 100;
    let ledger = SmallLedger::new();
    let captures = (0..CAPTURES).map(|n| {
        let events: Vec<String> = (n * EVENTS..(n + 1) * EVENTS).map(event).collect();
        capture(u64::try_from(n).unwrap(), &events)
    });
    ledger.add(captures.collect());
    let start = check(&Cursor::start(&members(), Height(0)), &ledger.block(1)).unwrap().cursor;
    let block = ledger.block(2);
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(folder.path()).unwrap();
    let (mut check_ns, mut take_ns, mut events) = (0, 0, 0);
    for _ in 0..5 {
        let before = cpu_ns();
        let checked = check(&start, &block).unwrap();
        let between = cpu_ns();
        index.take(&checked).unwrap();
        take_ns += cpu_ns() - between;
        check_ns += between - before;
        events += u64::try_from(checked.leaves.len()).unwrap();
    }
    println!("check {} ns, index {} ns an event", check_ns / events, take_ns / events);
}
