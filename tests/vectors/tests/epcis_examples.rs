//! GS1's own JSON examples, with an eye to what must never change or break.
//!
//! That they are read, come back and lose nothing is tested in `epcis` itself.

use epcis::{Event, Limits, parse_document};
use merkle::{Rfc9162Sha256, TreeHash};

/// The root over the canonical forms of all events, in order of the files' paths: a change of the
/// canonical form changes every commitment, and must be meant.
const CANONICAL_FORMS: &str = "46827727b4250d1c0543972f55abdd17ac574f0baa53d83e629a0826a9065a9c";
/// Gives `eventID` twice with two values, so two readers would see two events: it is refused.
const AMBIGUOUS: &str = "AssociationEvent-h.jsonld";

#[test]
fn the_canonical_form_of_the_official_examples_has_not_changed() {
    let Some(folder) = vectors::official("gs1-epcis/JSON") else {
        println!("SKIPPED: the official vectors are not at hand");
        return;
    };
    let files = vectors::files(&folder, "jsonld").unwrap();
    assert_eq!(files.len(), 47);
    let mut leaves = Vec::new();
    for file in files.iter().filter(|file| !file.ends_with(AMBIGUOUS)) {
        let bytes = std::fs::read(file).unwrap();
        let document = parse_document(&bytes, &Limits::default())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for event in &document.events {
            leaves.push(Rfc9162Sha256::leaf(event.canonical_json().as_bytes()));
        }
    }
    assert_eq!(leaves.len(), 55, "events of 46 documents");
    let root = hex::encode(merkle::root::<Rfc9162Sha256>(&leaves));
    assert_eq!(root, CANONICAL_FORMS, "the canonical form of some event has changed");
}

#[test]
fn every_official_example_cut_anywhere_is_refused_without_a_panic() {
    let Some(folder) = vectors::official("gs1-epcis/JSON") else {
        println!("SKIPPED: the official vectors are not at hand");
        return;
    };
    for file in &vectors::files(&folder, "jsonld").unwrap() {
        let bytes = std::fs::read(file).unwrap();
        let whole = bytes.iter().rposition(|byte| !byte.is_ascii_whitespace()).unwrap();
        for end in 0..=whole {
            let cut = bytes.get(..end).unwrap();
            let error = parse_document(cut, &Limits::default());
            assert!(error.is_err(), "{} cut at {end}", file.display());
        }
    }
}

#[test]
#[ignore = "soak"]
fn no_changed_byte_of_an_official_example_panics_or_breaks_the_canonical_form() {
    let Some(folder) = vectors::official("gs1-epcis/JSON") else {
        println!("SKIPPED: the official vectors are not at hand");
        return;
    };
    for file in &vectors::files(&folder, "jsonld").unwrap() {
        let bytes = std::fs::read(file).unwrap();
        for at in 0..bytes.len() {
            for value in [1, 2, 4, 8, 16, 32, 64, 128, b'"' ^ b'{', 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= value;
                let Ok(document) = parse_document(&changed, &Limits::default()) else { continue };
                for event in &document.events {
                    let canonical = event.canonical_json();
                    let again = Event::from_canonical_json(&canonical).map(|e| e.canonical_json());
                    assert_eq!(again.as_ref(), Ok(&canonical), "{} at {at}", file.display());
                }
            }
        }
    }
}
