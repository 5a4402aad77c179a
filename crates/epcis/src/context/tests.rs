use super::*;
use crate::json;

fn context(text: &str) -> Result<Context<'static>, Error> {
    let nothing: &'static Context<'_> = Box::leak(Box::default());
    nothing.extended(json::parse(text.as_bytes(), 64).expect("JSON"))
}

fn name(context: &Context<'_>, name: &str) -> String {
    context.extension(name).expect("a good name").expect("a defined name").name.into_owned()
}

#[test]
fn a_context_may_be_a_url_an_object_or_an_array() {
    assert!(context(r#""https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld""#).is_ok());
    assert!(context(r#""https://gs1.github.io/EPCIS/epcis-context-simple.jsonld""#).is_ok());
    let object = context(r#"{"ex":"https://ns.example.com/"}"#).expect("prefixes");
    assert_eq!(name(&object, "ex:a"), "https://ns.example.com/a");
    let array =
        context(r#"["epcis-context.jsonld",{"a":"http://a/"},{"b":"a:b/"}]"#).expect("both");
    assert_eq!(name(&array, "b:c"), "http://a/b/c");
}

#[test]
fn names_are_written_out() {
    let context =
        context(r#"{"ex":"https://ns.example.com/epcis","cbvmda":"http://my/"}"#).expect("ok");
    assert_eq!(name(&context, "ex:field"), "https://ns.example.com/epcisfield");
    assert_eq!(name(&context, "cbvmda:lotNumber"), "http://my/lotNumber", "the document decides");
    assert_eq!(name(&context, "rdfs:comment"), "http://www.w3.org/2000/01/rdf-schema#comment");
    assert_eq!(name(&context, "http://other/x"), "http://other/x");
    assert_eq!(name(&context, "urn:x:y"), "urn:x:y");
    assert_eq!(name(&Context::default(), "cbvmda:lotNumber"), "urn:epcglobal:cbv:mda:lotNumber");
    assert_eq!(context.extension("nope:x").expect_err("undeclared").reason, Reason::FieldUnknown);
    assert!(context.extension("bare").expect("no prefix").is_none());
    assert!(context.extension("ex:a b").is_err());
    assert_eq!(name(&Context::canonical(), "nope:x"), "nope:x");
}

#[test]
fn terms_carry_their_types() {
    let context = context(
        r#"{"rail":"urn:rail:","rail:axles":{"@type":"xsd:integer"},"rail:master":{"@type":"@id"},
            "speed":{"@id":"rail:speed","@container":"@list"}}"#,
    )
    .expect("definitions");
    let axles = context.extension("rail:axles").expect("good").expect("defined");
    assert_eq!(axles.name, "urn:rail:axles");
    let integer = "http://www.w3.org/2001/XMLSchema#integer".to_owned();
    assert_eq!(axles.coercion, Some(&Coercion::Datatype(integer)));
    let master = context.extension("rail:master").expect("good").expect("defined");
    assert_eq!(master.coercion, Some(&Coercion::Iri));
    assert_eq!(name(&context, "speed"), "urn:rail:speed");
}

#[test]
fn a_vocabulary_for_bare_names_is_honoured() {
    let context = context(r#"{"@vocab":"https://v/"}"#).expect("fine");
    assert_eq!(name(&context, "bare"), "https://v/bare");
    assert_eq!(context.word("my_step").unwrap().as_deref(), Some("https://v/my_step"));
}

#[test]
fn what_would_be_lost_is_refused() {
    for text in [
        "null",
        "7",
        r#""https://example.org/my-context.jsonld""#,
        r#"[["nested"]]"#,
        r#"{"@base":"https://b/"}"#,
        r#"{"@language":"en"}"#,
        r#"{"x":null}"#,
        r#"{"x":"no iri"}"#,
        r#"{"x":{"@id":"http://x/","@context":{}}}"#,
        r#"{"x":{"@id":"http://x/","@container":"@language"}}"#,
        r#"{"x":{"@id":"http://x/","@type":"@json"}}"#,
        r#"{"x":{"@reverse":"http://x/"}}"#,
        r#"{"eventTime":"http://x/"}"#,
        r#"{"shipping":"http://x/"}"#,
        r#"{"urn":"http://x/"}"#,
        r#"{"a":"b:x","b":"a:x"}"#,
        r#"{"plain":{"@type":"@id"}}"#,
    ] {
        let error = context(text).expect_err(text);
        assert!(error.path.starts_with("@context"), "{text}: {error}");
    }
}

#[test]
fn values_are_written_out_only_for_known_prefixes() {
    let context = context(r#"{"ex":"http://x/"}"#).expect("fine");
    for (value, expected) in [
        ("ex:y", "http://x/y"),
        ("cbv:BizStep-packing", "https://ref.gs1.org/cbv/BizStep-packing"),
        ("nope:y", "nope:y"),
        ("ex://y", "ex://y"),
        ("urn:ex:y", "urn:ex:y"),
    ] {
        assert_eq!(context.value(value.into()).unwrap(), expected);
    }
}
