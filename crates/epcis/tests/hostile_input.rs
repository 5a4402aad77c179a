//! Bytes that mean harm, or nothing: they are refused in bounded time, and nothing panics.

use epcis::{Event, Limits, Reason, parse_document, top_level_fields};
use proptest::prelude::*;

const SEED: &str = r#"{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",{"ex":"http://x/","ex:n":{"@type":"xsd:integer"}}],
"type":"EPCISDocument","schemaVersion":"2.0","creationDate":"2026-11-20T08:51:00Z","epcisBody":{"eventList":[
{"type":"ObjectEvent","eventTime":"2026-11-20T08:51:00.5+08:00","eventTimeZoneOffset":"+08:00","action":"ADD","bizStep":"packing",
"epcList":["urn:epc:id:sgtin:4012345.011111.987","https://id.gs1.org/00/340123451111111111"],"readPoint":{"id":"urn:epc:id:sgln:4012345.00001.0","ex:a":1},
"quantityList":[{"epcClass":"urn:epc:class:lgtin:4012345.012345.L\u0031","quantity":2.50,"uom":"KGM"}],"ilmd":{"ex:n":"7","cbvmda:lotNumber":"x"},
"sensorElementList":[{"sensorMetadata":{"time":"2026-11-20T08:51:00Z"},"sensorReport":[{"type":"Temperature","value":-1e2,"uom":"CEL"}]}],
"ex:deep":{"ex:n":[1,{"a":null}],"@id":"ex:y"}}]}}"#;

fn refused(bytes: &[u8]) -> (Reason, String) {
    let error = parse_document(bytes, &Limits::default()).expect_err("it should be refused");
    (error.reason, error.path)
}

/// Reads a document if it can, and holds whatever it accepts to the promises of the crate.
fn holds(bytes: &[u8]) {
    let Ok(document) = parse_document(bytes, &Limits::default()) else {
        return;
    };
    for event in &document.events {
        let canonical = event.canonical_json();
        let again = Event::from_canonical_json(&canonical);
        assert_eq!(again.as_ref().map(Event::canonical_json), Ok(canonical.clone()));
        assert_eq!(again.as_ref().map(Event::items), Ok(event.items()));
        let fields = top_level_fields(&canonical).expect("canonical JSON");
        assert_eq!(fields.len(), event.fields().len());
    }
}

#[test]
fn the_seed_is_a_document() {
    assert!(parse_document(SEED.as_bytes(), &Limits::default()).is_ok());
    holds(SEED.as_bytes());
}

#[test]
fn two_thousand_levels_are_refused() {
    let deep = format!("{}1{}", "{\"ex:a\":[".repeat(1_000), "]}".repeat(1_000));
    let inside = SEED.replace("\"7\"", &deep);
    assert_eq!(refused(inside.as_bytes()).0, Reason::JsonTooDeep);
    assert_eq!(refused(deep.as_bytes()).0, Reason::JsonTooDeep);
    assert!(Event::from_canonical_json(&deep).is_err());
    assert!(top_level_fields(&deep).is_err());
    // However high the limit, the stack is safe.
    let limits = Limits { max_depth: usize::MAX, ..Limits::default() };
    assert!(parse_document("[".repeat(5_000_000).as_bytes(), &limits).is_err());
}

#[test]
fn the_deepest_event_that_is_let_in_comes_back() {
    // The bare event is one level; a value with a datatype adds one in canonical form.
    let nested = format!("{}\"7\"{}", "[".repeat(63), "]".repeat(63));
    let event = format!(
        r#"{{"type":"ObjectEvent","eventTime":"2026-11-20T08:51:00Z","eventTimeZoneOffset":"+08:00","action":"ADD","epcList":[],
            "@context":{{"ex":"http://x/","ex:n":{{"@type":"xsd:integer"}}}},"ex:n":{nested}}}"#
    );
    assert!(parse_document(event.as_bytes(), &Limits::default()).is_ok());
    holds(event.as_bytes());
}

#[test]
fn limits_are_kept() {
    let event = r#"{"type":"ObjectEvent","eventTime":"2026-11-20T08:51:00Z","eventTimeZoneOffset":"+08:00","action":"ADD","epcList":[]}"#;
    let two = format!("[{event},{event}]");
    let limits = |max_events, max_bytes| Limits { max_events, max_bytes, ..Limits::default() };
    assert!(parse_document(two.as_bytes(), &limits(2, two.len())).is_ok());
    let reason = |limits| parse_document(two.as_bytes(), &limits).expect_err("over a limit").reason;
    assert_eq!(reason(limits(1, 1_000)), Reason::TooManyEvents);
    assert_eq!(reason(limits(2, two.len() - 1)), Reason::DocumentTooLarge);
    assert!(parse_document(event.as_bytes(), &limits(0, 1_000)).is_err());
}

/// An event of extensions, whose context stands for `context`.
fn extended(context: &str, members: &str) -> String {
    format!(
        r#"{{"type":"ObjectEvent","eventTime":"2026-11-20T08:51:00Z","eventTimeZoneOffset":"+08:00","action":"ADD","epcList":[],"@context":{context},{members}}}"#
    )
}

#[test]
fn a_context_cannot_blow_an_event_up() {
    let long = format!("http://x/{}", "a".repeat(2_000));
    let ones = vec!["1"; 12_000].join(",");
    let names: Vec<String> = (0..2_000).map(|n| format!(r#""e:{n}":1"#)).collect();
    let words: Vec<String> = (0..2_000).map(|_| "\"e:x\"".to_owned()).collect();
    for (context, members, path) in [
        (
            format!(r#"{{"e":"http://x/","e:e":{{"@type":"{long}"}}}}"#),
            format!(r#""e:e":[{ones}]"#),
            "e:e[",
        ),
        (format!(r#"{{"e":"{long}"}}"#), names.join(","), "e:"),
        (
            format!(r#"{{"e":"{long}","e:e":{{"@type":"@id"}}}}"#),
            format!(r#""e:e":[{}]"#, words.join(",")),
            "e:e[",
        ),
    ] {
        let event = extended(&context, &members);
        assert!(event.len() < 40_000);
        let (reason, at) = refused(event.as_bytes());
        assert_eq!(reason, Reason::EventTooLarge, "{at}");
        assert!(at.starts_with(path), "{at}");
    }
}

#[test]
fn a_context_cannot_blow_a_document_up() {
    let long = format!("http://x/{}", "a".repeat(2_000));
    let names: Vec<String> = (0..400).map(|n| format!(r#""e:{n}":1"#)).collect();
    let event = extended("{}", &names.join(","));
    let events = vec![event; 30].join(",");
    let document = format!(
        r#"{{"@context":{{"e":"{long}"}},"type":"EPCISDocument","epcisBody":{{"eventList":[{events}]}}}}"#
    );
    let (reason, at) = refused(document.as_bytes());
    assert_eq!(reason, Reason::DocumentTooLarge, "{at}");
    assert!(at.starts_with("eventList[20].e:"), "{at}");

    // Nor can definitions that lend one another their length.
    let terms: Vec<String> = (0..20_000).map(|n| format!(r#""t{n}":"e:{n}""#)).collect();
    let context = format!(r#"{{"e":"{long}",{}}}"#, terms.join(","));
    let (reason, at) = refused(extended(&context, r#""e:a":1"#).as_bytes());
    assert_eq!(reason, Reason::DocumentTooLarge, "{at}");
    assert!(at.starts_with("@context"), "{at}");
}

#[test]
fn the_size_of_an_event_is_that_of_its_canonical_form() {
    let document = parse_document(SEED.as_bytes(), &Limits::default()).expect("valid");
    let bytes = document.events[0].canonical_json().len();
    let within = |max_event_bytes| {
        let limits = Limits { max_event_bytes, ..Limits::default() };
        parse_document(SEED.as_bytes(), &limits).map_err(|error| error.reason)
    };
    assert!(within(bytes).is_ok());
    assert_eq!(within(bytes - 1), Err(Reason::EventTooLarge));
}

#[test]
fn ten_thousand_events_of_forty_values_are_read_and_a_million_zeros_are_not() {
    let members: Vec<String> = (0..34).map(|n| format!(r#""e:{n}":{n}"#)).collect();
    let event = extended("{}", &members.join(",")).replace(r#""@context":{},"#, "");
    let events = vec![event; 10_000].join(",");
    let document = format!(
        r#"{{"@context":{{"e":"http://x/"}},"type":"EPCISDocument","epcisBody":{{"eventList":[{events}]}}}}"#
    );
    let read = parse_document(document.as_bytes(), &Limits::default()).expect("valid");
    assert_eq!(read.events.len(), 10_000);
    let zeros = format!("[{}]", vec!["0"; 1_000_000].join(","));
    assert_eq!(refused(zeros.as_bytes()).0, Reason::DocumentTooLarge);
}

#[test]
fn documents_of_the_wrong_shape_are_refused() {
    for (text, reason, path) in [
        ("", Reason::JsonMalformed, ""),
        ("null", Reason::FieldInvalid, ""),
        ("[7]", Reason::FieldInvalid, "[0]"),
        ("{}", Reason::FieldMissing, "type"),
        (r#"{"type":7}"#, Reason::FieldInvalid, "type"),
        (r#"{"type":"MasterDataDocument"}"#, Reason::FieldInvalid, "type"),
        (r#"{"type":"EPCISDocument"}"#, Reason::FieldMissing, "epcisBody"),
        (r#"{"type":"EPCISDocument","epcisBody":{}}"#, Reason::FieldMissing, "epcisBody.eventList"),
        (
            r#"{"type":"EPCISDocument","epcisBody":{"eventList":7}}"#,
            Reason::FieldInvalid,
            "eventList",
        ),
        (
            r#"{"type":"EPCISDocument","epcisBody":{"eventList":[]},"schemaVersion":"1.2"}"#,
            Reason::FieldInvalid,
            "schemaVersion",
        ),
        (
            r#"{"type":"EPCISDocument","epcisBody":{"eventList":[]},"creationDate":"x"}"#,
            Reason::FieldInvalid,
            "creationDate",
        ),
        (
            r#"{"type":"EPCISDocument","epcisBody":{"eventList":[]},"extra":1}"#,
            Reason::FieldUnknown,
            "extra",
        ),
        (
            r#"{"type":"EPCISQueryDocument","epcisBody":{"queryResults":{}}}"#,
            Reason::FieldMissing,
            "epcisBody.queryResults.resultsBody",
        ),
        (
            r#"{"type":"EPCISDocument","epcisBody":{"eventList":[{"type":"ObjectEvent","type":"ObjectEvent"}]}}"#,
            Reason::JsonMalformed,
            "eventList[0]",
        ),
    ] {
        assert_eq!(refused(text.as_bytes()), (reason, path.to_owned()), "{text}");
    }
    assert_eq!(refused(b"{\"type\":\"\xff\"}").0, Reason::JsonMalformed);
}

#[test]
fn the_fourth_event_is_named_when_it_is_the_fourth() {
    let good = r#"{"type":"ObjectEvent","eventTime":"2026-11-20T08:51:00Z","eventTimeZoneOffset":"+08:00","action":"ADD","epcList":[]}"#;
    let bad = good.replace(r#""eventTime":"2026-11-20T08:51:00Z","#, "");
    let document = format!(
        r#"{{"type":"EPCISDocument","epcisBody":{{"eventList":[{good},{good},{good},{bad}]}}}}"#
    );
    assert_eq!(
        refused(document.as_bytes()),
        (Reason::FieldMissing, "eventList[3].eventTime".to_owned())
    );
}

#[test]
fn a_large_context_under_many_events_costs_no_more_than_its_size() {
    let terms: Vec<String> = (0..20_000).map(|i| format!("\"p{i}\":\"http://x/{i}/\"")).collect();
    let event = r#"{"@context":{},"type":"ObjectEvent","eventTime":"2026-11-20T08:51:00Z","eventTimeZoneOffset":"+08:00","action":"ADD","epcList":[],"p7:a":1}"#;
    let document = format!(
        r#"{{"@context":{{{}}},"type":"EPCISDocument","epcisBody":{{"eventList":[{}]}}}}"#,
        terms.join(","),
        vec![event; 10_000].join(",")
    );
    // Copying the context for every event would take minutes and gigabytes.
    let read = parse_document(document.as_bytes(), &Limits::default()).expect("valid");
    assert_eq!(read.events.len(), 10_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        holds(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = Event::from_canonical_json(&text);
        let _ = top_level_fields(&text);
    }

    #[test]
    fn no_change_of_a_byte_makes_it_panic(place in 0..SEED.len(), byte in any::<u8>()) {
        let mut bytes = SEED.as_bytes().to_vec();
        bytes[place] = byte;
        holds(&bytes);
    }

    #[test]
    fn no_cut_and_paste_makes_it_panic(from in 0..SEED.len(), len in 0_usize..60, to in 0..SEED.len()) {
        let mut bytes = SEED.as_bytes().to_vec();
        let piece: Vec<u8> = bytes.iter().copied().skip(from).take(len).collect();
        bytes.splice(to..to, piece);
        holds(&bytes);
        bytes.drain(from..(from + len).min(bytes.len()));
        holds(&bytes);
    }

    #[test]
    fn any_extension_value_survives(json in "[a-z:\\\\/\"{}\\[\\],0-9\u{0}-\u{1f}é]{0,40}") {
        let text = serde_json::to_string(&json).expect("a string");
        holds(SEED.replace("\"7\"", &text).as_bytes());
        holds(SEED.replace("\"7\"", &json).as_bytes());
        let named = SEED.replace("\"a\":null", &format!("{text}:null"));
        holds(named.as_bytes());
    }

    #[test]
    fn a_voter_and_the_model_agree_on_what_is_canonical(place in 0_usize..2_000, byte in any::<u8>()) {
        let document = parse_document(SEED.as_bytes(), &Limits::default()).expect("valid");
        let mut bytes = document.events[0].canonical_json().into_bytes();
        let place = place % bytes.len();
        bytes[place] = byte;
        if let Ok(text) = String::from_utf8(bytes)
            && let Ok(event) = Event::from_canonical_json(&text)
        {
            let fields = event.fields();
            let split = top_level_fields(&text).expect("what the model accepts is canonical");
            prop_assert!(fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).eq(split));
        }
    }
}
