//! Measures how fast events become canonical: `cargo run --release --example parse_speed`.
//!
//! Prints, for documents of several sizes, the CPU-bound time an event takes on one core from bytes to
//! checked event, canonical JSON and items. Reads the vectors' mixed document too if it is there.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]
#![expect(clippy::disallowed_types, reason = "it measures this machine, not a test's clock")]

use std::time::Instant;

use epcis::{Event, Limits, parse_document};

fn event(index: usize) -> String {
    format!(
        r#"{{"eventID":"urn:uuid:374d95fc-9457-4a51-bd6a-{index:012}","type":"ObjectEvent","action":"OBSERVE","bizStep":"shipping","disposition":"in_transit","epcList":["urn:epc:id:sgtin:0614141.107346.{index}","urn:epc:id:sscc:0614141.1234567890"],"eventTime":"2026-11-20T08:51:00.{:03}+08:00","eventTimeZoneOffset":"+08:00","readPoint":{{"id":"urn:epc:id:sgln:0614141.07346.1234"}},"bizTransactionList":[{{"type":"po","bizTransaction":"http://transaction.acme.com/po/12345678"}}],"example:note":"gate 7"}}"#,
        index % 1_000
    )
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for count in [1, 10, 100, 1_000, 10_000] {
        let events: Vec<String> = (0..count).map(event).collect();
        let document = format!(
            r#"{{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",{{"example":"https://ns.example.com/"}}],"type":"EPCISDocument","schemaVersion":"2.0","creationDate":"2026-11-20T08:51:00Z","epcisBody":{{"eventList":[{}]}}}}"#,
            events.join(",")
        );
        measure(&format!("{count} x {} bytes", document.len() / count), document.as_bytes())?;
    }
    for path in std::env::args().skip(1) {
        measure(&path, &std::fs::read(&path)?)?;
    }
    Ok(())
}

/// Runs for about half a second and prints the best of the rounds, which noise cannot flatter.
fn measure(name: &str, bytes: &[u8]) -> Result<(), epcis::Error> {
    let (mut best_us, mut inverse_us) = (f64::MAX, f64::MAX);
    let begin = Instant::now();
    while begin.elapsed().as_millis() < 500 {
        let start = Instant::now();
        let document = parse_document(bytes, &Limits::default())?;
        let texts: Vec<String> = document.events.iter().map(Event::canonical_json).collect();
        let items: usize = document.events.iter().map(|event| event.items().len()).sum();
        let middle = start.elapsed();
        for text in &texts {
            std::hint::black_box(Event::from_canonical_json(text)?);
        }
        let end = start.elapsed();
        std::hint::black_box(items);
        let per_event = |time: std::time::Duration| time.as_secs_f64() * 1e6 / texts.len() as f64;
        best_us = best_us.min(per_event(middle));
        inverse_us = inverse_us.min(per_event(end) - per_event(middle));
    }
    println!("{name}: {best_us:.2} us per event to canonical, {inverse_us:.2} us back");
    Ok(())
}
