//! A bundle is refused whatever byte of it is touched, and the part that was touched is named.

use std::ops::Range;

use super::*;
use crate::cast::{self, Shown, TRADER, body, bundle, consortium, id, key, members};
use crate::{Mark, OpenBody, SigningKey};

#[test]
fn a_true_bundle_shows_the_event_and_where_it_stands() {
    let verified = verify_bundle(&bundle(Shown::Body, 5, true).encode(), &members()).unwrap();
    assert_eq!(verified.issuer, id(TRADER));
    assert_eq!(verified.receipt_by, id("cn-port"));
    assert_eq!((verified.index, verified.size), (LogIndex(4), LogSize(6)));
    assert_eq!(verified.leaf_index, LeafIndex(2));
    assert_eq!(verified.event_json, Some(body(2).json));
    let names = verified.fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    assert_eq!(names, ["action", "epcList", "x"]);
    let published = verified.published.unwrap();
    assert_eq!((published.size, published.log_root), (verified.size, verified.root));
    assert_eq!(verified.tags.len(), 2);
}

#[test]
fn a_bundle_without_body_or_note_proves_that_there_is_an_event() {
    let verified = verify_bundle(&bundle(Shown::Nothing, 1, false).encode(), &members()).unwrap();
    assert_eq!((verified.event_json, verified.published), (None, None));
    assert!(verified.fields.is_empty());
    assert_eq!(verified.commitment, cast::leaf(0).commitment);
}

#[test]
fn a_bundle_with_disclosed_fields_shows_these_alone() {
    let verified = verify_bundle(&bundle(Shown::Fields, 3, true).encode(), &members()).unwrap();
    assert_eq!(verified.fields.len(), 1);
    assert_eq!(verified.fields[0].0, "epcList");
    assert_eq!(verified.event_json, None);
}

#[test]
fn a_bundle_decodes_to_what_was_encoded() {
    for shown in [Shown::Nothing, Shown::Body, Shown::Fields] {
        let bundle = bundle(shown, 4, true);
        assert_eq!(Bundle::decode(&bundle.encode()), Ok(bundle));
    }
}

/// Where each element of a bundle lies, its head included, and which part may be blamed for it.
fn regions(bundle: &Bundle, bytes: &[u8]) -> Vec<(Range<usize>, Vec<Part>)> {
    let mut at = 2;
    let mut regions = vec![(0..at, vec![Part::Bundle])];
    let mut region = |encode: &dyn Fn(&mut Writer), parts: &[Part]| {
        let mut out = Writer::new();
        encode(&mut out);
        assert_eq!(bytes[at..at + out.len()], *out.as_bytes());
        regions.push((at..at + out.len(), parts.to_vec()));
        at += out.len();
    };
    region(
        &|out| {
            out.bytes(&bundle.statement);
        },
        &[Part::Statement],
    );
    region(
        &|out| {
            out.bytes(&bundle.receipt);
        },
        &[Part::Receipt],
    );
    // A leaf whose tag is another still reads as a leaf: its path tells.
    region(
        &|out| {
            out.bytes(&bundle.leaf);
        },
        &[Part::Leaf, Part::LeafPath],
    );
    let index = &[Part::LeafIndex, Part::LeafPath];
    region(
        &|out| {
            out.uint(bundle.leaf_index.0.into());
        },
        index,
    );
    let path = |out: &mut Writer| {
        out.array(bundle.leaf_path.len());
        bundle.leaf_path.iter().for_each(|digest| {
            out.bytes(digest);
        });
    };
    region(&path, &[Part::LeafPath]);
    match &bundle.evidence {
        Evidence::Closed => region(
            &|out| {
                out.null();
            },
            &[Part::Body],
        ),
        Evidence::Body(body) => region(
            &|out| {
                out.bytes(body);
            },
            &[Part::Body],
        ),
        Evidence::Fields(disclosure) => {
            // When its first byte no longer says array, it is taken for a body.
            let parts = &[Part::Disclosure, Part::Body];
            region(
                &|out| {
                    out.array(1).bytes(&disclosure.encode());
                },
                parts,
            );
        }
    }
    match &bundle.note {
        Some(note) => region(
            &|out| {
                out.text(note);
            },
            &[Part::Note],
        ),
        None => region(
            &|out| {
                out.null();
            },
            &[Part::Note],
        ),
    }
    assert_eq!(at, bytes.len());
    regions
}

/// Flips every bit of every byte.
fn no_flip_is_taken(shown: Shown, leaf_count: u8, published: bool) {
    let (bundle, members) = (bundle(shown, leaf_count, published), members());
    let mut bytes = bundle.encode();
    verify_bundle(&bytes, &members).unwrap();
    for (region, parts) in regions(&bundle, &bytes) {
        for at in region {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                let fault = verify_bundle(&bytes, &members).expect_err("a flip was taken");
                assert!(parts.contains(&fault.part), "byte {at}, bit {bit}, {parts:?}: {fault}");
                bytes[at] ^= 1 << bit;
            }
        }
    }
}

#[test]
fn no_flip_is_taken_in_a_published_bundle_with_a_body() {
    no_flip_is_taken(Shown::Body, 5, true);
}

#[test]
fn no_flip_is_taken_in_a_bundle_with_a_body_and_no_note() {
    no_flip_is_taken(Shown::Body, 2, false);
}

#[test]
fn no_flip_is_taken_in_a_bundle_with_disclosed_fields() {
    no_flip_is_taken(Shown::Fields, 3, true);
}

#[test]
fn no_flip_is_taken_in_a_closed_bundle_of_a_single_leaf() {
    no_flip_is_taken(Shown::Nothing, 1, true);
}

#[test]
fn a_truncated_bundle_is_refused_at_the_part_that_is_cut() {
    for published in [true, false] {
        let (bundle, members) = (bundle(Shown::Body, 5, published), members());
        let bytes = bundle.encode();
        for (region, mut parts) in regions(&bundle, &bytes) {
            // Cut within the path, it may look like a path that is too short.
            parts.push(Part::LeafIndex);
            for length in region {
                let fault = verify_bundle(&bytes[..length], &members).expect_err("cut");
                assert!(parts.contains(&fault.part), "{length} bytes, {parts:?}: {fault}");
            }
        }
    }
}

#[test]
fn an_extended_bundle_is_refused() {
    let mut bytes = bundle(Shown::Body, 5, true).encode();
    for extra in 0..=255 {
        bytes.push(extra);
        assert_eq!(verify_bundle(&bytes, &members()).unwrap_err().part, Part::Bundle);
        bytes.pop();
    }
}

#[test]
fn an_inserted_or_removed_byte_is_refused() {
    let (bytes, members) = (bundle(Shown::Body, 5, true).encode(), members());
    for at in 0..bytes.len() {
        let mut longer = bytes.clone();
        longer.insert(at, bytes[at] ^ 0x55);
        assert!(verify_bundle(&longer, &members).is_err(), "inserted at {at}");
        let mut shorter = bytes.clone();
        shorter.remove(at);
        assert!(verify_bundle(&shorter, &members).is_err(), "removed at {at}");
    }
}

#[test]
fn a_bundle_in_another_encoding_of_the_same_meaning_is_refused() {
    let bundle = bundle(Shown::Body, 5, false).encode();
    // The array's head with a length byte that it does not need.
    let wasteful = [&[0x98, 0x08], &bundle[1..]].concat();
    let endless = [&[0x9f], &bundle[1..], &[0xff]].concat();
    for bytes in [wasteful, endless] {
        let why = Error::NotDeterministic { part: Part::Bundle };
        assert_eq!(verify_bundle(&bytes, &members()), Err(Fault { part: Part::Bundle, why }));
    }
}

/// Changes a true bundle and returns where it is refused.
fn refused(change: impl FnOnce(&mut Bundle)) -> Fault {
    let mut bundle = bundle(Shown::Body, 5, true);
    change(&mut bundle);
    verify_bundle(&bundle.encode(), &members()).unwrap_err()
}

#[test]
fn a_part_of_another_bundle_is_refused() {
    let other = bundle(Shown::Body, 4, true);
    let part = |change: &dyn Fn(&mut Bundle)| refused(change).part;
    assert_eq!(part(&|bundle| bundle.receipt = other.receipt.clone()), Part::Receipt);
    assert_eq!(part(&|bundle| bundle.note = other.note.clone()), Part::Note);
    assert_eq!(part(&|bundle| bundle.evidence = Evidence::Body(body(3).encode())), Part::Body);
    let fields = Evidence::Fields(cast::disclosure(3));
    assert_eq!(part(&|bundle| bundle.evidence = fields.clone()), Part::Disclosure);
    assert_eq!(part(&|bundle| bundle.leaf_index = LeafIndex(5)), Part::LeafIndex);
    assert_eq!(part(&|bundle| bundle.leaf_index = LeafIndex(3)), Part::LeafPath);
}

#[test]
fn a_statement_by_another_than_its_issuer_is_refused() {
    let leaves = cast::leaves(5);
    let payload = cast::capture(&leaves).encode();
    let forge = |key: &SigningKey, issuer: &str| {
        let (consortium, issuer) = (consortium(), id(issuer));
        let content = Content::Capture;
        Statement::sign(key, &consortium, &issuer, content, payload.clone()).unwrap().into_bytes()
    };
    let stranger = SigningKey::from_bytes([77; 32]);
    let fault = refused(|bundle| bundle.statement = forge(&stranger, TRADER));
    assert_eq!(fault.why.reason(), "KEY_UNKNOWN");
    let fault = refused(|bundle| bundle.statement = forge(&stranger, "nobody"));
    assert_eq!(fault.why.reason(), "MEMBER_UNKNOWN");
    // A member's receipt key signs no statements.
    let fault = refused(|bundle| bundle.statement = forge(&key(TRADER, "receipt"), TRADER));
    assert_eq!(fault.why.reason(), "KEY_UNKNOWN");
}

#[test]
fn a_statement_that_is_no_capture_is_refused() {
    let command = cast::sign(TRADER, Content::Command, cast::act().encode());
    let fault = refused(|bundle| bundle.statement = command.into_bytes());
    assert_eq!(fault.part, Part::Statement);
}

#[test]
fn a_note_without_a_quorum_is_refused() {
    let statement = cast::capture_statement(&cast::leaves(5));
    let checkpoint = cast::Log::with(&statement, 6).checkpoint();
    let text = cast::note(&checkpoint, 2).to_text();
    let fault = refused(|bundle| bundle.note = Some(text));
    assert_eq!(fault.why, Error::NoQuorum { found: 2, needed: 3 });
}

/// A bundle by an issuer who signs a leaf of its own making, and shows `shown` for it.
fn dishonest(leaf: &Leaf, shown: &OpenBody) -> Result<Verified, Fault> {
    verify_bundle(&of_one(leaf, Evidence::Body(shown.encode())).encode(), &members())
}

/// A bundle of one leaf, whatever it says.
fn of_one(leaf: &Leaf, evidence: Evidence) -> Bundle {
    let leaves = [leaf.encode()];
    let statement = cast::capture_statement(&leaves);
    let log = cast::Log::with(&statement, 6);
    Bundle {
        receipt: log.receipt(&statement, "cn-port"),
        statement: statement.into_bytes(),
        leaf: leaf.encode(),
        leaf_index: LeafIndex(0),
        leaf_path: Vec::new(),
        evidence,
        note: None,
    }
}

/// The body of a sealed event and its leaf, with a marked tag.
fn sealed() -> (Vec<u8>, Leaf) {
    let body = SealedBody { parts: vec![vec![1; 40], vec![2; 50]] }.encode();
    let tags = vec![(Tag([3; 16]), Some(Mark([4; 16])))];
    let leaf = Leaf::new(Commitment([5; 32]), body_digest(&body), tags).unwrap();
    (body, leaf)
}

#[test]
fn a_bundle_of_a_sealed_event_shows_its_parts_and_nothing_in_them() {
    let (body, leaf) = sealed();
    let bundle = of_one(&leaf, Evidence::Body(body.clone())).encode();
    let verified = verify_bundle(&bundle, &members()).unwrap();
    assert_eq!((verified.event_json, verified.fields.len()), (None, 0));
    assert_eq!(verified.sealed.unwrap().encode(), body);
    assert_eq!(verified.commitment, leaf.commitment);
    // Erased, or held back, it is a closed event as any other.
    let closed = of_one(&leaf, Evidence::Closed).encode();
    assert_eq!(verify_bundle(&closed, &members()).unwrap().sealed, None);
    // No bit of the body may be another.
    let start = bundle.windows(body.len()).position(|window| window == body).unwrap();
    for at in start..start + body.len() {
        let mut flipped = bundle.clone();
        flipped[at] ^= 1;
        assert_eq!(verify_bundle(&flipped, &members()).unwrap_err().part, Part::Body, "{at}");
    }
}

#[test]
fn a_body_whose_kind_its_leaf_denies_is_refused() {
    let (body, leaf) = sealed();
    let refused = |leaf: &Leaf, body: Vec<u8>| {
        verify_bundle(&of_one(leaf, Evidence::Body(body)).encode(), &members()).unwrap_err().why
    };
    let part = Part::Leaf;
    let unmarked = Leaf { tags: vec![(Tag([3; 16]), None)], ..leaf };
    let why = "a tag of a sealed event bears no mark";
    assert_eq!(refused(&unmarked, body), Error::Malformed { part, why });
    let open = cast::leaf(1);
    let marked = Leaf { tags: leaf.tags, ..open };
    let why = "a tag of an open event bears a mark";
    assert_eq!(refused(&marked, cast::body(1).encode()), Error::Malformed { part, why });
}

#[test]
fn a_leaf_whose_commitment_and_digest_are_of_two_bodies_is_refused_with_either() {
    let (one, two) = (cast::leaf(1), cast::leaf(2));
    dishonest(&one, &body(1)).unwrap();
    let split = Leaf { commitment: one.commitment, ..two };
    let fault = dishonest(&split, &body(1)).unwrap_err();
    let why = "its digest is not the one in the leaf";
    assert_eq!(fault.why, Error::Mismatch { part: Part::Body, why });
    let fault = dishonest(&split, &body(2)).unwrap_err();
    let why = "it does not lead to the leaf's commitment";
    assert_eq!(fault.why, Error::Mismatch { part: Part::Body, why });
}
