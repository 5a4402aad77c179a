//! GS1's own JSON examples, all of them.
//!
//! The files are not ours to copy: they are found through `QUAYSIDE_VECTORS`, or beside the
//! checkout.
#![expect(clippy::panic, reason = "a test reports by panicking")]

use std::io::Write as _;
use std::path::{Path, PathBuf};

use epcis::{Document, Event, Form, Limits, Reason, parse_document, top_level_fields};

fn vectors() -> PathBuf {
    std::env::var_os("QUAYSIDE_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
        PathBuf::from,
    )
}

/// All documents below a folder of the vectors; none, and a loud word, where there is no such
/// folder.
fn documents(folder: &str) -> Vec<(String, Vec<u8>)> {
    let root = vectors().join(folder);
    let mut found = Vec::new();
    collect(&root, &mut found);
    found.sort();
    if found.is_empty() {
        // Straight to the stream, so that the test runner cannot swallow it.
        let mut stderr = std::io::stderr();
        let _ = writeln!(stderr, "SKIPPED: no {}; set QUAYSIDE_VECTORS", root.display());
    }
    found
}

fn collect(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|end| end == "jsonld") {
            found
                .push((path.display().to_string(), std::fs::read(&path).expect("a readable file")));
        }
    }
}

/// The one official example that no careful reader can take: its event has `eventID` twice, with
/// two different values, and which of them counts is left to chance.
const REFUSED: &str = "AssociationEvent-h.jsonld";

fn read(name: &str, bytes: &[u8]) -> Document {
    parse_document(bytes, &Limits::default()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn check(name: &str, event: &Event) {
    let canonical = event.canonical_json();
    let again = Event::from_canonical_json(&canonical)
        .unwrap_or_else(|error| panic!("{name}: {error}\n{canonical}"));
    assert_eq!(again.canonical_json(), canonical, "{name}");
    assert_eq!(again.items(), event.items(), "{name}");
    let fields = event.fields();
    assert!(fields.is_sorted_by(|(first, _), (second, _)| first < second), "{name}");
    let split = top_level_fields(&canonical).unwrap_or_else(|error| panic!("{name}: {error}"));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(split, fields, "{name}");
    // An event stands alone: read as a document of its own, it is the same.
    let alone = read(name, canonical.as_bytes());
    assert_eq!(alone.form, Form::Event);
    assert_eq!(alone.events.first().map(Event::canonical_json), Some(canonical), "{name}");
}

#[test]
fn every_official_example_is_read_and_comes_back() {
    let documents = documents("gs1-epcis/JSON");
    let (mut files, mut events) = (0, 0);
    // FNV-1a over all canonical events: what is committed to must never change unnoticed.
    let mut golden = 0xcbf2_9ce4_8422_2325_u64;
    for (name, bytes) in &documents {
        if name.ends_with(REFUSED) {
            let error = parse_document(bytes, &Limits::default()).expect_err("a name twice");
            assert_eq!(
                (error.reason, error.path.as_str()),
                (Reason::JsonMalformed, "eventList[0]")
            );
            continue;
        }
        files += 1;
        for event in &read(name, bytes).events {
            check(name, event);
            events += 1;
            for byte in event.canonical_json().bytes() {
                golden = (golden ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
            }
        }
    }
    if !documents.is_empty() {
        assert_eq!((documents.len(), files, events), (47, 46, 55));
        assert_eq!(golden, 15_197_636_746_631_063_582, "the canonical form has changed");
    }
}

#[test]
fn every_document_of_the_event_hash_vectors_is_read() {
    for (name, bytes) in documents("event-hash") {
        for event in &read(&name, &bytes).events {
            check(&name, event);
        }
    }
}

#[test]
fn nothing_of_an_official_example_is_lost() {
    for (name, bytes) in documents("gs1-epcis/JSON") {
        if name.ends_with(REFUSED) {
            continue;
        }
        let source: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        let body = &source["epcisBody"];
        let list = if body["eventList"].is_array() {
            &body["eventList"]
        } else {
            &body["queryResults"]["resultsBody"]["eventList"]
        };
        let prefixes = &source["@context"];
        for (event, source) in
            read(&name, &bytes).events.iter().zip(list.as_array().expect("events"))
        {
            let written: serde_json::Value =
                serde_json::from_str(&event.canonical_json()).expect("canonical JSON is JSON");
            let mut expected = source.clone();
            if let Some(members) = expected.as_object_mut() {
                members.remove("recordTime");
            }
            let (expected, written) = (leaves(&expanded(&expected, prefixes)), leaves(&written));
            for (expected, written) in expected.iter().zip(&written) {
                assert_eq!(expected, written, "{name}");
            }
            assert_eq!(expected.len(), written.len(), "{name}");
        }
    }
}

/// A naive second opinion on expansion: every name with a known prefix is replaced, and the typed
/// terms of the one document that has them are left to the eye.
fn expanded(value: &serde_json::Value, context: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, value)| (full(name, context), expanded(value, context)))
                .collect(),
        ),
        Value::Array(values) => values.iter().map(|value| expanded(value, context)).collect(),
        other => other.clone(),
    }
}

fn full(name: &str, context: &serde_json::Value) -> String {
    let Some((prefix, local)) = name.split_once(':') else {
        return name.to_owned();
    };
    let declared =
        context.as_array().into_iter().flatten().find_map(|entry| entry[prefix].as_str());
    let built_in = match prefix {
        "cbvmda" => Some("urn:epcglobal:cbv:mda:"),
        _ => None,
    };
    declared.or(built_in).map_or_else(|| name.to_owned(), |iri| format!("{iri}{local}"))
}

/// Paths and values of all leaves; a value that carries its type counts as itself, and a value that
/// the standard makes a name is compared by its end.
fn leaves(value: &serde_json::Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(value, "", &mut found);
    found.sort();
    found
}

fn walk(value: &serde_json::Value, path: &str, found: &mut Vec<String>) {
    use serde_json::Value;
    match value {
        Value::Object(members) => {
            if let Some(typed) = members.get("@value").or_else(|| members.get("@id")) {
                return walk(typed, path, found);
            }
            for (name, value) in members {
                walk(value, &format!("{path}/{name}"), found);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                walk(value, &format!("{path}[{index}]"), found);
            }
        }
        Value::String(text)
            if ["/type", "/exception", "/component"].iter().any(|end| path.ends_with(end)) =>
        {
            let end = text.rsplit([':', '/']).next().unwrap_or_default();
            let end = end.strip_prefix("epcis").unwrap_or(end);
            found.push(format!("{path}={end}"));
        }
        other => found.push(format!("{path}={other}")),
    }
}
