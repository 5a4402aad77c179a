use super::*;
use crate::{Limits, parse_document};

/// Members that every event needs, and the end of an event.
const WHEN: &str = r#""eventTime":"2026-11-20T08:51:00Z","eventTimeZoneOffset":"+08:00""#;

fn read(text: &str) -> Result<Event, Error> {
    let document = parse_document(text.as_bytes(), &Limits::default())?;
    Ok(document.events.into_iter().next().expect("one event"))
}

fn event(kind: &str, rest: &str) -> Result<Event, Error> {
    read(&format!(r#"{{"type":"{kind}",{WHEN},{rest}}}"#))
}

fn object(rest: &str) -> Result<Event, Error> {
    event("ObjectEvent", &format!(r#""action":"OBSERVE","epcList":[],{rest}"#))
}

/// Reason and path of a refusal.
fn refusal(read: Result<Event, Error>) -> (Reason, String) {
    let error = read.expect_err("it should be refused");
    assert!(!error.message.is_empty() && !error.hint.is_empty(), "{error:?}");
    (error.reason, error.path)
}

#[test]
fn names_of_every_record_are_in_canonical_order() {
    for names in [
        Fields::NAMES,
        Place::NAMES,
        Quantity::NAMES,
        BizTransaction::NAMES,
        Source::NAMES,
        Destination::NAMES,
        PersistentDisposition::NAMES,
        ErrorDeclaration::NAMES,
        SensorElement::NAMES,
        SensorMetadata::NAMES,
        SensorReport::NAMES,
    ] {
        assert!(names.is_sorted_by(|first, second| first < second), "{names:?}");
    }
}

#[test]
fn the_canonical_form_is_sorted_bare_and_verbatim() {
    let event = read(
        r#" { "type" : "ObjectEvent", "rdfs:comment":"\u00e9\/\u0007", "eventTime":"2026-11-20T08:51:00.500Z",
          "@context": {"ex":"http://x/"}, "quantityList":[{"uom":"KGM","quantity":2.50,"epcClass":"urn:a:b"}],
          "ex:m":{"z":1e5,"ex:a":[null,true]}, "bizStep":"ex:step","action":"ADD","recordTime":"2026-11-20T09:00:00Z",
          "eventTimeZoneOffset":"+08:00","ilmd":{"cbvmda:lotNumber":"7"} } "#,
    )
    .expect("a valid event");
    let canonical = concat!(
        r#"{"action":"ADD","bizStep":"http://x/step","eventTime":"2026-11-20T08:51:00.500Z","#,
        r#""eventTimeZoneOffset":"+08:00","http://www.w3.org/2000/01/rdf-schema#comment":"é/\u0007","#,
        r#""http://x/m":{"http://x/a":[null,true],"z":1e5},"ilmd":{"urn:epcglobal:cbv:mda:lotNumber":"7"},"#,
        r#""quantityList":[{"epcClass":"urn:a:b","quantity":2.50,"uom":"KGM"}],"type":"ObjectEvent"}"#,
    );
    assert_eq!(event.canonical_json(), canonical);
    assert_eq!(event.record_time().map(Time::as_str), Some("2026-11-20T09:00:00Z"));
    let again = Event::from_canonical_json(canonical).expect("canonical");
    assert_eq!(again.canonical_json(), canonical);
    assert_eq!(again.record_time(), None);
    let joined: Vec<String> =
        again.fields().iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    assert_eq!(format!("{{{}}}", joined.join(",")), canonical);
}

#[test]
fn other_bytes_than_the_canonical_are_refused() {
    let canonical = object(r#""readPoint":{"id":"urn:a:b"}"#).expect("valid").canonical_json();
    assert!(Event::from_canonical_json(&canonical).is_ok());
    for (from, to) in [
        (":", ": "),
        ("{\"action\":\"OBSERVE\",", "{"),
        ("urn:a:b", "urn:a:\\u0062"),
        (
            "\"type\":\"ObjectEvent\"}",
            "\"recordTime\":\"2026-11-20T09:00:00Z\",\"type\":\"ObjectEvent\"}",
        ),
        ("\"type\":\"ObjectEvent\"}", "\"type\":\"ObjectEvent\"} "),
        ("{\"action\"", "{\"@context\":[],\"action\""),
        ("\"type\"", "\"cbv:x\":1,\"type\""),
        ("urn:a:b", "cbv:b"),
        ("\"action\":\"OBSERVE\",\"epcList\":[]", "\"epcList\":[],\"action\":\"OBSERVE\""),
    ] {
        let other = canonical.replacen(from, to, 1);
        assert_ne!(other, canonical, "{from}");
        assert!(Event::from_canonical_json(&other).is_err(), "{other}");
    }
}

#[test]
fn types_of_a_context_travel_with_the_event() {
    let event = object(
        r#""@context":{"r":"urn:r:","r:axles":{"@type":"xsd:integer"},"r:of":{"@type":"@id"}},
           "r:axles":["4",5],"r:of":"r:wagon","r:n":{"r:axles":"6","@type":"r:Wagon"}"#,
    )
    .expect("valid");
    let expected = concat!(
        r#""urn:r:axles":[{"@type":"http://www.w3.org/2001/XMLSchema#integer","@value":"4"},"#,
        r#"{"@type":"http://www.w3.org/2001/XMLSchema#integer","@value":5}],"#,
        r#""urn:r:n":{"@type":"urn:r:Wagon","#,
        r#""urn:r:axles":{"@type":"http://www.w3.org/2001/XMLSchema#integer","@value":"6"}},"#,
        r#""urn:r:of":{"@id":"urn:r:wagon"}}"#,
    );
    let canonical = event.canonical_json();
    assert!(canonical.ends_with(expected), "{canonical}");
    assert_eq!(Event::from_canonical_json(&canonical).map(|e| e.canonical_json()), Ok(canonical));
}

#[test]
fn an_event_may_add_to_the_context_of_its_document() {
    let document = format!(
        r#"{{"epcisBody":{{"eventList":[{{"type":"ObjectEvent",{WHEN},"action":"ADD","epcList":[],
             "@context":[{{"b":"a:b/"}}],"a:x":1,"b:y":2}}]}},"type":"EPCISDocument",
             "@context":["https://ref.gs1.org/standards/epcis/epcis-context.jsonld",{{"a":"http://a/"}}]}}"#
    );
    let event = read(&document).expect("valid");
    let names: Vec<&str> = event.extensions().iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["http://a/b/y", "http://a/x"]);
}

#[test]
fn items_are_what_the_event_names_each_once() {
    let event = event(
        "AggregationEvent",
        r#""action":"ADD","parentID":"urn:epc:id:sscc:4012345.3111111111",
           "childEPCs":["https://b.example/01/04012345111118/10/L/21/7","urn:epc:id:sgtin:4012345.011111.7","urn:x:1"],
           "childQuantityList":[{"epcClass":"urn:epc:class:lgtin:4012345.012345.L"},
                                {"epcClass":"urn:epc:idpat:sgtin:4012345.012345.*"}],
           "readPoint":{"id":"urn:epc:id:sgln:4012345.00001.0"}"#,
    )
    .expect("valid");
    let items: Vec<&str> = event.items().iter().map(Item::canonical).collect();
    assert_eq!(
        items,
        [
            "https://id.gs1.org/00/340123451111111111",
            "https://id.gs1.org/01/04012345111118/21/7",
            "https://id.gs1.org/01/04012345123456",
            "https://id.gs1.org/01/04012345123456/10/L",
            "urn:x:1",
        ]
    );
}

#[test]
fn required_fields_are_required() {
    use Reason::{FieldInvalid, FieldMissing};
    let bond = r#""childEPCs":["urn:a:b"]"#;
    let parent = r#""parentID":"urn:a:p""#;
    for (text, reason, path) in [
        (r#"{"type":"ObjectEvent","action":"ADD","epcList":[],"eventTimeZoneOffset":"+08:00"}"#.to_owned(), FieldMissing, "eventTime"),
        (r#"{"type":"ObjectEvent","action":"ADD","epcList":[],"eventTime":"2026-11-20T08:51:00Z"}"#.to_owned(), FieldMissing, "eventTimeZoneOffset"),
        (format!(r#"{{{WHEN},"action":"ADD","epcList":[]}}"#), FieldMissing, "type"),
        (format!(r#"{{"type":"ObjectEvent",{WHEN},"epcList":[]}}"#), FieldMissing, "action"),
        (format!(r#"{{"type":"ObjectEvent",{WHEN},"action":"ADD"}}"#), FieldMissing, "epcList"),
        (format!(r#"{{"type":"ObjectEvent",{WHEN},"action":"ADD","quantityList":[]}}"#), FieldMissing, "epcList"),
        (format!(r#"{{"type":"ObjectEvent",{WHEN},"action":"OBSERVE","epcList":[],"ilmd":{{}}}}"#), FieldInvalid, "ilmd"),
        (format!(r#"{{"type":"AggregationEvent",{WHEN},"action":"ADD",{bond}}}"#), FieldMissing, "parentID"),
        (format!(r#"{{"type":"AggregationEvent",{WHEN},"action":"DELETE",{bond}}}"#), FieldMissing, "parentID"),
        (format!(r#"{{"type":"AggregationEvent",{WHEN},"action":"ADD",{parent}}}"#), FieldMissing, "childEPCs"),
        (format!(r#"{{"type":"AssociationEvent",{WHEN},"action":"OBSERVE",{bond}}}"#), FieldMissing, "parentID"),
        (format!(r#"{{"type":"AssociationEvent",{WHEN},"action":"OBSERVE",{parent}}}"#), FieldMissing, "childEPCs"),
        (format!(r#"{{"type":"TransactionEvent",{WHEN},"action":"ADD","epcList":[]}}"#), FieldMissing, "bizTransactionList"),
        (format!(r#"{{"type":"TransactionEvent",{WHEN},"action":"ADD","bizTransactionList":[{{"bizTransaction":"urn:a:b"}}]}}"#), FieldMissing, "epcList"),
        (format!(r#"{{"type":"TransformationEvent",{WHEN}}}"#), FieldMissing, "inputEPCList"),
        (format!(r#"{{"type":"TransformationEvent",{WHEN},"inputEPCList":["urn:a:b"]}}"#), FieldMissing, "outputEPCList"),
        (format!(r#"{{"type":"TransformationEvent",{WHEN},"action":"ADD","transformationID":"urn:a:b","inputEPCList":["urn:a:b"]}}"#), FieldInvalid, "action"),
        (format!(r#"{{"type":"ObjectEvent",{WHEN},"action":"ADD","epcList":[],"parentID":"urn:a:b"}}"#), FieldInvalid, "parentID"),
    ] {
        assert_eq!(refusal(read(&text)), (reason, path.to_owned()), "{text}");
    }
}

#[test]
fn what_may_lack_may_lack() {
    let bond = r#""childEPCs":["urn:a:b"]"#;
    let parent = r#""parentID":"urn:a:p""#;
    for (kind, rest) in [
        ("ObjectEvent", r#""action":"OBSERVE","readPoint":{"id":"urn:a:r"},"sensorElementList":[{"sensorReport":[{"exception":"ALARM_CONDITION"}]}]"#.to_owned()),
        ("AggregationEvent", format!(r#""action":"OBSERVE",{bond}"#)),
        ("AggregationEvent", format!(r#""action":"DELETE",{parent}"#)),
        ("AssociationEvent", format!(r#""action":"DELETE",{parent}"#)),
        ("TransactionEvent", r#""action":"DELETE","bizTransactionList":[{"bizTransaction":"urn:a:b"}]"#.to_owned()),
        ("TransformationEvent", r#""transformationID":"urn:a:t","outputEPCList":["urn:a:b"]"#.to_owned()),
    ] {
        assert_eq!(event(kind, &rest).map(|_| ()), Ok(()), "{kind} {rest}");
    }
}

#[test]
fn wrong_values_are_refused_where_they_stand() {
    use Reason::{FieldInvalid, FieldMissing, FieldUnknown};
    for (rest, reason, path) in [
        (r#""evenTime":"x""#, FieldUnknown, "evenTime"),
        (r#""nope:x":1"#, FieldUnknown, "nope:x"),
        (r#""bizStep":"shiping""#, FieldInvalid, "bizStep"),
        (r#""bizStep":7"#, FieldInvalid, "bizStep"),
        (r#""bizStep":null"#, FieldInvalid, "bizStep"),
        (r#""disposition":"a b:c""#, FieldInvalid, "disposition"),
        (r#""eventID":"7""#, FieldInvalid, "eventID"),
        (r#""recordTime":"yesterday""#, FieldInvalid, "recordTime"),
        (r#""readPoint":"urn:a:b""#, FieldInvalid, "readPoint"),
        (r#""readPoint":{}"#, FieldMissing, "readPoint.id"),
        (r#""readPoint":{"id":"urn:a:b","name":"x"}"#, FieldUnknown, "readPoint.name"),
        (r#""certificationInfo":["urn:a:b",""]"#, FieldInvalid, "certificationInfo[1]"),
        (r#""quantityList":[{"quantity":1}]"#, FieldMissing, "quantityList[0].epcClass"),
        (
            r#""quantityList":[{"epcClass":"urn:a:b","quantity":"1"}]"#,
            FieldInvalid,
            "quantityList[0].quantity",
        ),
        (
            r#""quantityList":[{"epcClass":"urn:a:b","uom":"kg"}]"#,
            FieldInvalid,
            "quantityList[0].uom",
        ),
        (
            r#""quantityList":[{"epcClass":"urn:epc:class:lgtin:4012345.012345"}]"#,
            FieldInvalid,
            "quantityList[0].epcClass",
        ),
        (r#""sourceList":[{"source":"urn:a:b"}]"#, FieldMissing, "sourceList[0].type"),
        (
            r#""destinationList":[{"type":"location"}]"#,
            FieldMissing,
            "destinationList[0].destination",
        ),
        (
            r#""bizTransactionList":[{"type":"po"}]"#,
            FieldMissing,
            "bizTransactionList[0].bizTransaction",
        ),
        (r#""persistentDisposition":{}"#, FieldMissing, "persistentDisposition.set"),
        (r#""persistentDisposition":{"set":[]}"#, FieldInvalid, "persistentDisposition.set"),
        (
            r#""errorDeclaration":{"reason":"incorrect_data"}"#,
            FieldMissing,
            "errorDeclaration.declarationTime",
        ),
        (r#""sensorElementList":[{}]"#, FieldMissing, "sensorElementList[0].sensorReport"),
        (
            r#""sensorElementList":[{"sensorReport":[{"value":1}]}]"#,
            FieldMissing,
            "sensorElementList[0].sensorReport[0].type",
        ),
        (
            r#""sensorElementList":[{"sensorReport":[{"type":"Mass","hexBinaryValue":"0g"}]}]"#,
            FieldInvalid,
            "sensorElementList[0].sensorReport[0].hexBinaryValue",
        ),
        (r#""@context":{"ex":"http://x/"},"ex:a":1,"http://x/a":2"#, FieldInvalid, ""),
        (r#""cbv:a":{"@context":{}}"#, FieldInvalid, "cbv:a.@context"),
        (r#""cbv:a":[{"nope:x":1}]"#, FieldUnknown, "cbv:a[0].nope:x"),
    ] {
        assert_eq!(refusal(object(rest)), (reason, path.to_owned()), "{rest}");
    }
    let swapped = r#""action":"ADD","epcList":["urn:x:1","https://id.gs1.org/01/04012345111119"]"#;
    assert_eq!(refusal(event("ObjectEvent", swapped)), (FieldInvalid, "epcList[1]".to_owned()));
    assert_eq!(refusal(event("ObjectEvent", r#""action":"add","epcList":[]"#)).1, "action");
    assert_eq!(refusal(event("QuantityEvent", r#""action":"ADD""#)).1, "type");
}

#[test]
fn numbers_are_kept_as_they_were_written() {
    let huge = "9".repeat(5_000);
    let event = object(&format!(
        r#""cbv:a":[1.0,-0,1E400,9007199254740993,{huge}],"quantityList":[{{"epcClass":"urn:a:b","quantity":1e-7}}]"#
    ))
    .expect("valid");
    let canonical = event.canonical_json();
    assert!(canonical.contains(&format!("[1.0,-0,1E400,9007199254740993,{huge}]")));
    assert!(canonical.contains("\"quantity\":1e-7"));
}
