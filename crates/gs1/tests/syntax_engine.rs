//! The Digital Link cases of GS1's own syntax engine.
//!
//! The file is not ours to copy: it is found through `QUAYSIDE_VECTORS`, or beside the checkout.

use std::io::Write as _;
use std::path::PathBuf;

use gs1::{Item, Kind};

fn vectors() -> PathBuf {
    std::env::var_os("QUAYSIDE_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
        PathBuf::from,
    )
}

#[test]
fn links_of_the_syntax_engine_are_read_as_it_reads_them() {
    let path = vectors().join("digital-link/uri-vectors.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        // Straight to the stream, so that the test runner cannot swallow it.
        let mut stderr = std::io::stderr();
        let _ = writeln!(stderr, "SKIPPED: no {}; set QUAYSIDE_VECTORS", path.display());
        return;
    };
    let all: serde_json::Value = serde_json::from_str(&text).expect("the file is JSON");
    let cases = all["test_dl_parseDLuri"].as_array().expect("a list of cases");
    let mut compared = 0;
    for case in cases {
        let [valid, uri, elements] = [0, 1, 2].map(|i| case["args"][i].as_str().expect("text"));
        // We read older words such as `gtin`, and drop the query string unread.
        if uri.contains("/gtin/") || (valid == "false" && uri.contains('?')) {
            continue;
        }
        compared += 1;
        let found = Item::parse(uri).ok().filter(|item| item.kind() != Kind::Private);
        if valid == "false" {
            assert_eq!(found, None, "{uri}");
            continue;
        }
        let item = found.unwrap_or_else(|| panic!("{uri} is a Digital Link"));
        let key: String = item.canonical().split('/').skip(3).take(2).collect();
        assert!(elements.starts_with(&format!("^{key}")), "{uri}: {item} is not {elements}");
    }
    assert!(compared > 45, "only {compared} cases were compared");
}
