//! Measures how fast events become canonical: `cargo run --release --example parse_speed
//! [FILE...]`.
//!
//! Prints, for documents of several sizes, the processor time of an event on one core: from bytes
//! to checked event, canonical JSON and items; and back from canonical JSON. Linux only, for it
//! asks the scheduler, so that other work on the machine does not count.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

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

/// Processor time of this process so far, in nanoseconds.
fn cpu_ns() -> Result<u64, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    Ok(text.split_whitespace().next().ok_or("schedstat is empty")?.parse()?)
}

fn measure(name: &str, bytes: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    let (mut there_ns, mut back_ns, mut events) = (0, 0, 0);
    while there_ns < 400_000_000 {
        // Small documents by the dozen, so that asking the scheduler costs next to nothing.
        let rounds = 1 + 1_000_000 / bytes.len();
        let start = cpu_ns()?;
        let mut texts = Vec::new();
        for _ in 0..rounds {
            let document = parse_document(bytes, &Limits::default())?;
            texts.extend(document.events.iter().map(Event::canonical_json));
        }
        let middle = cpu_ns()?;
        for text in &texts {
            std::hint::black_box(Event::from_canonical_json(text)?.items());
        }
        there_ns += middle - start;
        back_ns += cpu_ns()? - middle;
        events += u64::try_from(texts.len())?;
    }
    println!(
        "{name}: {} ns per event to canonical, {} ns back",
        there_ns / events,
        back_ns / events
    );
    Ok(())
}
