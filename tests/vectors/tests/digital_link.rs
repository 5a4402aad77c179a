//! The GS1 syntax engine's own Digital Link cases, as far as they are about naming an item.

use gs1::{Item, Kind};
use serde_json::Value;

#[test]
fn a_digital_link_of_the_syntax_engine_names_the_item_that_it_says() {
    let Some(path) = vectors::official("digital-link/uri-vectors.json") else {
        println!("SKIPPED: the official vectors are not at hand");
        return;
    };
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (mut named, mut other) = (0, 0);
    for case in file["test_dl_parseDLuri"].as_array().unwrap() {
        let word = |at: usize| case["args"][at].as_str().unwrap();
        let (succeeds, uri, elements) = (word(0) == "true", word(1), word(2));
        let item = Item::parse(uri);
        if !succeeds {
            // What the engine refuses may still be a private URI; it must not panic.
            other += 1;
            continue;
        }
        // The primary key is the first element: two to four digits and a value.
        let Ok(item) = item else { panic!("{uri}: {item:?}") };
        if item.kind() == Kind::Private {
            println!("taken as a private URI: {uri}");
            other += 1;
            continue;
        }
        let first = elements.trim_start_matches('^').split('^').next().unwrap();
        let path: String =
            item.canonical().trim_start_matches("https://id.gs1.org/").replace('/', "");
        let written = first.replace('/', "%2F");
        assert!(path.starts_with(&written), "{uri}: {} is not {first}", item.canonical());
        named += 1;
    }
    println!("{named} named a GS1 key, {other} did not");
    assert!(named >= 10, "{named}");
}
