use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Node<'_>, Error> {
    parse(text.as_bytes(), 64)
}

fn reason(text: &str) -> Reason {
    read(text).expect_err(text).reason
}

#[test]
fn every_sort_of_value_is_read() {
    let node = read(r#" {"a":[1,-0,2.50,1E400,true,false,null],"b":{},"c":"x"} "#).expect("valid");
    let numbers = ["1", "-0", "2.50", "1E400"].map(Node::Number);
    let mut list = Vec::from(numbers);
    list.extend([Node::Bool(true), Node::Bool(false), Node::Null]);
    assert_eq!(
        node,
        Node::Object(vec![
            ("a".into(), Node::Array(list)),
            ("b".into(), Node::Object(Vec::new())),
            ("c".into(), Node::String("x".into())),
        ])
    );
}

#[test]
fn escapes_become_characters() {
    let text = r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00ä""#;
    assert_eq!(read(text), Ok(Node::String("\"\\/\u{8}\u{c}\n\r\té😀ä".into())));
}

#[test]
fn what_is_no_json_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[",
        "[1,]",
        "{,}",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{a:1}",
        "[1 2]",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "1e+",
        "-",
        "--1",
        "0x1",
        "NaN",
        "Infinity",
        "tru",
        "nul",
        "\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"a\nb\"",
        "1 2",
        "{} {}",
        "'a'",
        "[1]//",
        "\u{feff}{}",
        "1_000",
    ] {
        assert_eq!(reason(text), Reason::JsonMalformed, "{text:?}");
    }
    assert_eq!(parse(b"\"\xff\"", 64).expect_err("not UTF-8").reason, Reason::JsonMalformed);
    assert_eq!(parse(b"\"\xc0\xaf\"", 64).expect_err("overlong").reason, Reason::JsonMalformed);
}

#[test]
fn a_name_that_stands_twice_is_refused() {
    assert_eq!(reason(r#"{"a":1,"a":2}"#), Reason::JsonMalformed);
    assert_eq!(reason(r#"{"a":1,"\u0061":2}"#), Reason::JsonMalformed, "escaped or not");
    let mut many: Vec<String> = (0..100).map(|i| format!("\"n{i}\":0")).collect();
    assert!(read(&format!("{{{}}}", many.join(","))).is_ok());
    many.push("\"n7\":1".to_owned());
    assert_eq!(reason(&format!("{{{}}}", many.join(","))), Reason::JsonMalformed);
}

#[test]
fn two_thousand_levels_are_refused() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(2_000), close.repeat(2_000));
        assert_eq!(reason(&deep), Reason::JsonTooDeep);
        assert_eq!(reason(&open.repeat(1_000_000)), Reason::JsonTooDeep);
        let fits = format!("{}1{}", open.repeat(64), close.repeat(64));
        assert!(read(&fits).is_ok());
        let one_more = format!("{}1{}", open.repeat(65), close.repeat(65));
        assert_eq!(reason(&one_more), Reason::JsonTooDeep);
    }
}

#[test]
fn millions_of_values_are_refused() {
    let zeros = format!("[{}0]", "0,".repeat(MAX_VALUES));
    assert_eq!(reason(&zeros), Reason::DocumentTooLarge);
}

#[test]
fn an_error_names_its_place() {
    let error = read("{\"a\":\n [1, x]}").expect_err("x is no value");
    assert_eq!(error.path, "a[1]");
    assert!(error.message.contains("at byte 11 (line 2, column 6)"), "{}", error.message);
}

proptest! {
    #[test]
    fn it_agrees_with_another_reader(text in r#"[\[\]{}",:0-9a-e\\u +.\-truefalsn]{0,24}"#) {
        // Where both accept, the strict reader accepted less: names twice are the only difference.
        let other = serde_json::from_str::<serde_json::Value>(&text);
        match read(&text) {
            Ok(_) => prop_assert!(other.is_ok() || text.contains(['e', 'E']), "{}", text),
            Err(error) => prop_assert!(
                other.is_err() || error.message.contains("stands twice"), "{} {}", text, error),
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes, 64);
    }
}
