//! A commitment binds every name and value, and opens field by field.

use proptest::prelude::*;

use super::*;
use crate::cast::{TRADER, consortium, disclosure, id};
use crate::top_level_fields;

const FIELDS: [(&str, &str); 3] =
    [("action", "\"ADD\""), ("epcList", "[\"x\"]"), ("https://ext/y", "1.50")];

fn seed() -> Seed {
    Seed::from_bytes([7; 32])
}

fn commit_to(fields: &[(&str, &str)]) -> Result<Commitment, Error> {
    commit(&consortium(), &id(TRADER), &seed(), fields.iter().copied())
}

#[test]
fn a_commitment_is_what_the_formats_say_spelt_out() {
    let text = |text: &str| {
        let mut out = Writer::new();
        out.text(text);
        out.into_bytes()
    };
    let mac = |context: &str, key: &[u8; 32], cbor: &[u8]| -> Digest {
        let key = blake3::derive_key(&format!("quayside 2026-11 {context}"), key);
        blake3::keyed_hash(&key, cbor).into()
    };
    let mut out = Writer::new();
    out.array(4).uint(1).text("demo").text(TRADER).array(3);
    for (name, value) in FIELDS {
        let salt = mac("salt v1", &[7; 32], &text(name));
        out.array(2).text(name).bytes(&mac("value v1", &salt, &text(value)));
    }
    let expected = blake3::derive_key("quayside 2026-11 event v1", out.as_bytes());
    assert_eq!(commit_to(&FIELDS), Ok(Commitment(expected)));
}

#[test]
fn whatever_changes_changes_the_commitment() {
    let commitment = commit_to(&FIELDS).unwrap();
    let [a, b, c] = FIELDS;
    for other in [&[a, b][..], &[a, b, (c.0, "1.5")], &[a, ("epcLisT", b.1), c], &[b, c], &[]] {
        assert_ne!(commit_to(other), Ok(commitment), "{other:?}");
    }
    let fields = || FIELDS.into_iter();
    let (consortium, issuer) = (consortium(), id(TRADER));
    let others = [
        commit(&"other".parse().unwrap(), &issuer, &seed(), fields()),
        commit(&consortium, &id("nobody"), &seed(), fields()),
        commit(&consortium, &issuer, &Seed::from_bytes([8; 32]), fields()),
    ];
    for other in others {
        assert_ne!(other, Ok(commitment));
    }
}

#[test]
fn names_must_be_strictly_increasing() {
    let [a, b, c] = FIELDS;
    for fields in [[b, a, c], [a, a, c], [a, c, b]] {
        assert!(matches!(commit_to(&fields), Err(Error::FieldsOutOfOrder { .. })), "{fields:?}");
    }
}

#[test]
fn more_fields_than_an_event_may_have_are_refused() {
    let names = (0..1_025).map(|n| format!("{n:04}")).collect::<Vec<_>>();
    let fields = names.iter().map(|name| (name.as_str(), "1")).collect::<Vec<_>>();
    assert!(commit_to(&fields[..1_024]).is_ok());
    assert!(matches!(commit_to(&fields), Err(Error::TooMany { limit: 1_024, .. })));
}

#[test]
fn a_disclosure_proves_what_it_opens_and_hides_the_rest() {
    let disclosure = Disclosure::open(&seed(), FIELDS.into_iter(), |name| name == "epcList");
    let disclosure = Disclosure::decode(&disclosure.unwrap().encode()).unwrap();
    assert_eq!(disclosure.opened.len(), 1);
    assert_eq!(disclosure.opened[0].value, "[\"x\"]");
    assert_eq!(disclosure.commitment(&consortium(), &id(TRADER)), commit_to(&FIELDS));
    let bytes = disclosure.encode();
    assert!(!bytes.windows(3).any(|window| window == b"ADD"), "the hidden value shows");
}

#[test]
fn a_disclosure_of_what_was_not_committed_is_refused() {
    let refused = |change: &dyn Fn(&mut Disclosure)| {
        let mut disclosure = disclosure(1);
        change(&mut disclosure);
        disclosure.commitment(&consortium(), &id(TRADER)).unwrap_err()
    };
    let mismatch = "COMMITMENT_MISMATCH";
    assert_eq!(refused(&|it| it.opened[0].value.push(' ')).reason(), mismatch);
    assert_eq!(refused(&|it| it.opened[0].salt = Salt([0; 32])).reason(), mismatch);
    assert_eq!(refused(&|it| it.opened[0].name = "action".into()).reason(), mismatch);
    assert_eq!(refused(&|it| it.opened[0].name = "nothing".into()).reason(), mismatch);
    let twice = refused(&|it| it.opened.push(it.opened[0].clone()));
    assert!(matches!(twice, Error::FieldsOutOfOrder { .. }));
    assert!(matches!(refused(&|it| it.list.swap(0, 1)), Error::FieldsOutOfOrder { .. }));
    let nothing = Disclosure { opened: Vec::new(), ..disclosure(1) };
    assert!(matches!(Disclosure::decode(&nothing.encode()), Err(Error::Malformed { .. })));
}

#[test]
fn a_seed_never_shows() {
    assert_eq!(format!("{:?} {:?}", seed(), seed().salt("x")), "Seed { .. } Salt { .. }");
}

#[test]
fn a_retried_request_has_the_same_seeds() {
    let derive = |key: u8, request: u8, number, json| {
        Seed::derive(&[key; 32], &RequestId([request; 16]), number, json)
    };
    let seed = derive(1, 2, 3, "{}");
    assert_eq!(seed, derive(1, 2, 3, "{}"));
    for other in
        [derive(0, 2, 3, "{}"), derive(1, 0, 3, "{}"), derive(1, 2, 0, "{}"), derive(1, 2, 3, "[]")]
    {
        assert_ne!(seed, other);
    }
    let mut cbor = Writer::new();
    cbor.array(3).bytes(&[2; 16]).uint(3).text("{}");
    assert_eq!(seed, Seed(SEED.mac(&[1; 32], cbor.as_bytes())));
}

proptest! {
    /// Splitting the JSON and giving the fields is the same; so is disclosing any of them.
    #[test]
    fn json_fields_and_disclosures_commit_alike(
        fields in proptest::collection::btree_map("[a-zA-Z:/.]{0,12}", "[0-9]{1,40}", 1..12),
        which in any::<u16>(),
    ) {
        let inside = fields.iter().map(|(name, value)| format!("\"{name}\":\"{value}\""));
        let json = format!("{{{}}}", inside.collect::<Vec<_>>().join(","));
        let (consortium, issuer) = (consortium(), id(TRADER));
        let committed = commit_json(&consortium, &issuer, &seed(), &json).unwrap();
        let split = top_level_fields(&json).unwrap();
        let split = || split.iter().map(|(name, value)| (name.as_ref(), *value));
        prop_assert_eq!(commit(&consortium, &issuer, &seed(), split()), Ok(committed));
        let chosen = fields.keys().nth(usize::from(which) % fields.len()).unwrap();
        let disclosure = Disclosure::open(&seed(), split(), |name| name == chosen).unwrap();
        prop_assert_eq!(disclosure.commitment(&consortium, &issuer), Ok(committed));
        prop_assert_eq!(Disclosure::decode(&disclosure.encode()), Ok(disclosure));
    }
}
