//! GS1's own JSON examples are captured, whole tree, and a stranger verifies every event of them.

use std::collections::BTreeMap;

use anyhow::Result;
use cluster::Home;
use e2e::official_examples;

/// Gives `eventID` twice in one object, with two values: two readers would see two events.
const AMBIGUOUS: &str = "AssociationEvent-h.jsonld";

#[test]
fn official_examples_are_captured_and_their_bundles_verify() -> Result<()> {
    let Some(files) = official_examples()? else {
        println!("SKIPPED: QUAYSIDE_VECTORS is not set, so GS1's examples are not at hand");
        return Ok(());
    };
    assert_eq!(files.len(), 47, "the whole tree");
    let home = Home::new()?;
    let _node = home.start()?;
    let mut words = vec!["event".to_owned(), "capture".to_owned(), "--json".to_owned()];
    words.extend(files.iter().map(|file| file.display().to_string()));
    let report = home.quayside(words)?.json()?;
    let lines = report["files"].as_array().expect("a line for each file");
    assert_eq!(lines.len(), files.len(), "reported file by file");
    let refused: Vec<_> = lines.iter().filter(|line| line["captured"] != true).collect();
    let [refused] = refused.as_slice() else { panic!("all but one: {refused:#?}") };
    assert!(refused["file"].as_str().is_some_and(|file| file.ends_with(AMBIGUOUS)), "{refused:#}");
    assert_eq!(refused["error"]["reason"], "JSON_MALFORMED", "{refused:#}");
    assert_eq!(report["captured"], 46);

    let mut ids = BTreeMap::<String, u32>::new();
    let mut flagged = 0;
    let mut commitments = Vec::new();
    for event in lines.iter().flat_map(|line| line["events"].as_array().expect("events")) {
        commitments.push(event["commitment"].as_str().expect("a commitment").to_owned());
        if let Some(id) = event["event_id"].as_str() {
            *ids.entry(id.to_owned()).or_default() += 1;
        }
        flagged += u32::from(event["repeated_event_id"] == true);
    }
    let reused: Vec<_> = ids.iter().filter(|(_, times)| **times > 1).collect();
    assert_eq!(reused.len(), 5, "event ids that the examples reuse: {reused:?}");
    let repeats: u32 = reused.iter().map(|(_, times)| **times - 1).sum();
    assert_eq!(flagged, repeats, "each repetition is captured and flagged");

    let stranger = tempfile::tempdir()?;
    let members = stranger.path().join("members.json");
    std::fs::copy(home.file("members.json"), &members)?;
    let mut bundles = Vec::new();
    for commitment in &commitments {
        let bundle = stranger.path().join(format!("{commitment}.qsb"));
        super::stranger::export(&home, commitment, &bundle)?;
        bundles.push(bundle.display().to_string());
    }
    let verified = super::stranger::verify_all(stranger.path(), &members, &bundles)?;
    assert_eq!((commitments.len(), verified), (55, 55), "every event of 46 documents");

    let mut words = vec![members.display().to_string()];
    words.extend(bundles);
    let told = e2e::python("receipts.py", words)?;
    assert_eq!(told["faults"], serde_json::json!([]), "by scitt-cose");
    assert_eq!((&told["verified"], &told["forged"]), (&commitments.len().into(), &0.into()));
    Ok(())
}
