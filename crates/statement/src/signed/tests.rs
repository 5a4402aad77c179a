//! A statement has one encoding, and says what its payload says.

use super::*;
use crate::cast::{self, TRADER, act, capture, capture_statement, consortium, id, key, leaves};

#[test]
fn a_statement_reads_as_it_was_signed() {
    let statement = capture_statement(&leaves(2));
    let read = Statement::decode(statement.as_bytes()).unwrap();
    assert_eq!(read, statement);
    assert_eq!(read.issuer(), &id(TRADER));
    assert_eq!(read.content(), Content::Capture);
    assert_eq!(*read.subject(), capture(&leaves(2)).root);
    let terms = Terms { request_id: RequestId([3; 16]), last_height: Height(100_000) };
    assert_eq!(read.terms(), Some(terms));
    assert_eq!(read.verify(&key(TRADER, "statement").public()), Ok(()));
    assert_eq!(cast::genesis().terms(), None);
}

#[test]
fn the_bytes_are_those_of_the_standard() {
    let statement = capture_statement(&leaves(1));
    let bytes = statement.as_bytes();
    // Tag 18, array of 4, then a protected header of 165 bytes: a map of 4 that begins with
    // alg -8 and a content type of 37 bytes.
    assert_eq!(hex::encode(&bytes[..9]), "d28458a5a401270378");
    let issuer = "quayside:demo/member/zj-merchant";
    assert!(bytes.windows(issuer.len()).any(|window| window == issuer.as_bytes()));
    let subject = hex::encode(statement.subject());
    assert!(bytes.windows(64).any(|window| window == subject.as_bytes()));
    // After it an empty unprotected header and the payload, with the signature last.
    assert_eq!(bytes[4 + 165], 0xa0);
    assert_eq!(bytes[bytes.len() - 66..bytes.len() - 64], [0x58, 0x40]);
}

#[test]
fn a_wrong_key_or_signature_is_refused() {
    let statement = capture_statement(&leaves(1));
    let why = statement.verify(&key("nobody", "statement").public()).unwrap_err();
    assert_eq!(why.reason(), "KEY_UNKNOWN");
    let mut bytes = statement.into_bytes();
    *bytes.last_mut().unwrap() ^= 1;
    let forged = Statement::decode(&bytes).unwrap();
    assert_eq!(forged.verify(&key(TRADER, "statement").public()), Err(Error::SignatureInvalid));
}

#[test]
fn another_encoding_of_the_same_statement_is_refused() {
    let statement = capture_statement(&leaves(1)).into_bytes();
    let not_deterministic = Error::NotDeterministic { part: Part::Statement };
    let replaced = |at: usize, old: &[u8], new: &[u8]| {
        assert_eq!(statement[at..at + old.len()], *old);
        [&statement[..at], new, &statement[at + old.len()..]].concat()
    };
    let protected = 4 + 165;
    for other in [
        // The tag, the array, the header's length, the signature's length: one byte too wide.
        replaced(0, &[0xd2], &[0xd8, 18]),
        replaced(1, &[0x84], &[0x98, 4]),
        replaced(2, &[0x58, 165], &[0x59, 0, 165]),
        replaced(statement.len() - 66, &[0x58, 64], &[0x59, 0, 64]),
        // Maps and arrays without a length.
        replaced(protected, &[0xa0], &[0xbf, 0xff]),
        [&replaced(1, &[0x84], &[0x9f])[..], &[0xff]].concat(),
        // Something in the header that nobody signs.
        replaced(protected, &[0xa0], &[0xa1, 0x18, 99, 0]),
    ] {
        assert_eq!(Statement::decode(&other), Err(not_deterministic.clone()), "{other:02x?}");
    }
    assert!(Statement::decode(&[&statement[..], &[0]].concat()).is_err());
    // Without the tag it may be the same to COSE, but not to us.
    assert!(Statement::decode(&statement[1..]).is_err());
    for length in 0..statement.len() {
        assert!(Statement::decode(&statement[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn an_unknown_content_type_is_refused_by_name() {
    let statement = capture_statement(&leaves(1)).into_bytes();
    let text = String::from_utf8_lossy(&statement).into_owned();
    let at = text
        .find("capture+cbor")
        .map(|_| statement.windows(12).position(|window| window == b"capture+cbor").unwrap());
    let mut other = statement;
    other[at.unwrap()] = b'r';
    let found = "application/vnd.quayside.rapture+cbor".to_owned();
    assert_eq!(Statement::decode(&other), Err(Error::ContentTypeUnknown { found }));
}

#[test]
fn a_subject_that_is_not_the_payloads_is_refused() {
    let statement = capture_statement(&leaves(1));
    let subject = hex::encode(statement.subject()).into_bytes();
    let mut bytes = statement.into_bytes();
    let at = bytes.windows(64).position(|window| window == subject).unwrap();
    bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
    assert!(matches!(Statement::decode(&bytes), Err(Error::Mismatch { .. })));
    // Hex in capitals says the same, and is not the same.
    let mut bytes = capture_statement(&leaves(1)).into_bytes();
    bytes[at..at + 64].make_ascii_uppercase();
    assert_eq!(Statement::decode(&bytes), Err(Error::NotDeterministic { part: Part::Statement }));
}

#[test]
fn a_payload_that_is_not_what_its_type_says_is_not_signed() {
    let (key, consortium, issuer) = (key(TRADER, "statement"), consortium(), id(TRADER));
    for content in Content::ALL {
        let answer = Statement::sign(&key, &consortium, &issuer, content, vec![0x80]);
        assert!(answer.is_err(), "{content:?}");
    }
    let act = act().encode();
    assert!(Statement::sign(&key, &consortium, &issuer, Content::Capture, act).is_err());
}

#[test]
fn a_command_sent_again_with_another_last_height_is_the_same_command() {
    let subject = |act: Act| *cast::sign(TRADER, Content::Command, act.encode()).subject();
    let first = subject(act());
    assert_eq!(subject(Act { last_height: Height(act().last_height.0 + 1), ..act() }), first);
    assert_ne!(subject(Act { arguments: vec![9], ..act() }), first);
    assert_ne!(subject(Act { name: "other".into(), ..act() }), first);
    assert_ne!(subject(Act { request_id: RequestId([9; 16]), ..act() }), first);
}

#[test]
fn a_statement_that_is_too_large_is_refused() {
    let (key, consortium, issuer) = (key(TRADER, "statement"), consortium(), id(TRADER));
    let sign = |length| {
        let payload = Act { arguments: vec![0; length], ..act() }.encode();
        Statement::sign(&key, &consortium, &issuer, Content::Command, payload)
    };
    let largest = (65_000..65_535).rev().find_map(|length| sign(length).ok()).unwrap();
    assert_eq!(largest.as_bytes().len(), MAX_STATEMENT_BYTES);
    assert_eq!(sign(65_535).unwrap_err().reason(), "REQUEST_TOO_LARGE");
    let why = Statement::decode(&vec![0xd2; 65_536]).unwrap_err();
    assert_eq!(why.reason(), "REQUEST_TOO_LARGE");
}

#[test]
fn no_byte_string_makes_the_reader_panic() {
    let mut bytes = [0; 96];
    for round in 0..20_000_u32 {
        blake3::Hasher::new().update(&round.to_be_bytes()).finalize_xof().fill(&mut bytes);
        // Begin like a statement, so that the reader gets further.
        bytes[..3].copy_from_slice(&[0xd2, 0x84, 0x58]);
        assert!(Statement::decode(&bytes).is_err());
    }
}

#[test]
fn a_promise_of_more_than_there_is_costs_nothing() {
    // Nested as deeply as fits, and lengths of 2^60 bytes and elements.
    let deep = [&[0xd2][..], &[0x81; 65_000]].concat();
    let long = [&[0xd2, 0x84, 0x5b, 0x10][..], &[0; 7], b"bytes"].concat();
    let many = [&[0xd2, 0x9b, 0x10][..], &[0; 7], &[0x80; 9]].concat();
    for bytes in [deep, long, many] {
        assert!(matches!(Statement::decode(&bytes), Err(Error::Malformed { .. })));
    }
}
