//! Notes have one form, and hold only with a quorum of valid lines.

use super::*;
use crate::cast::{self, TRADER, VALIDATORS, consortium, id, key, members};

fn checkpoint() -> Checkpoint {
    Checkpoint {
        consortium: consortium(),
        size: LogSize(42),
        log_root: [1; 32],
        height: Height(17),
        time_ms: 1_795_136_400_000,
        state_root: [2; 32],
    }
}

#[test]
fn the_text_is_that_of_a_tlog_checkpoint() {
    let expected = "quayside/demo\n42\nAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n\
        height 17\ntime 1795136400000\nstate AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\n";
    assert_eq!(checkpoint().text(), expected);
    let text = cast::note(&checkpoint(), 1).to_text();
    let (head, line) = text.split_once("\n\n").unwrap();
    assert_eq!(format!("{head}\n"), expected);
    assert!(line.starts_with("\u{2014} quayside/demo/member/be-post "), "{line}");
}

#[test]
fn the_key_hash_is_that_of_signed_notes() {
    // From C2SP's definition, computed with another implementation of SHA-256.
    let key = PublicKey([7; 32]);
    assert_eq!(hex::encode(key_hash("example.com/foo", &key)), "821fdd12");
}

#[test]
fn a_quorum_of_validators_publishes() {
    for (signers, taken) in [(0, false), (2, false), (3, true), (4, true)] {
        let note = cast::note(&checkpoint(), signers);
        assert_eq!(Note::parse(&note.to_text()), Ok(note.clone()));
        let expected = if taken {
            Ok(checkpoint())
        } else {
            Err(Error::NoQuorum { found: signers, needed: 3 })
        };
        assert_eq!(note.verify(&members()).cloned(), expected);
    }
}

#[test]
fn a_line_of_no_validator_spoils_the_note() {
    let mut note = cast::note(&checkpoint(), 4);
    note.add(&id(TRADER), &key(TRADER, "receipt"));
    let why = note.verify(&members()).unwrap_err();
    assert_eq!(why, Error::MemberUnknown { part: Part::Note, member: TRADER.into() });
}

#[test]
fn one_invalid_line_spoils_the_note() {
    let mut note = cast::note(&checkpoint(), 4);
    note.lines[3].signature[10] ^= 1;
    assert_eq!(note.verify(&members()), Err(Error::SignatureInvalid));
    let mut note = cast::note(&checkpoint(), 4);
    note.add(&id(VALIDATORS[0]), &key(VALIDATORS[0], "statement"));
    assert_eq!(note.verify(&members()).unwrap_err().reason(), "KEY_UNKNOWN");
}

#[test]
fn a_note_of_another_consortium_is_refused() {
    let other = Checkpoint { consortium: "other".parse().unwrap(), ..checkpoint() };
    let why = cast::note(&other, 4).verify(&members()).unwrap_err();
    assert_eq!(why.reason(), "CONSORTIUM_MISMATCH");
}

#[test]
fn a_note_in_another_form_is_refused() {
    let text = cast::note(&checkpoint(), 3).to_text();
    let lines = text.lines().collect::<Vec<_>>();
    let swapped = [&lines[..7], &[lines[8], lines[7], lines[9]], &[""]].concat().join("\n");
    let twice = [&lines[..8], &[lines[7], lines[8], lines[9]], &[""]].concat().join("\n");
    for other in [
        swapped,
        twice,
        text.replace("\n42\n", "\n+42\n"),
        text.replace("\n42\n", "\n042\n"),
        text.replace("\n42\n", "\n42\r\n"),
        text.replace("height 17", "height  17"),
        text.replace("height 17\n", "height 17\nmore\n"),
        text.replace("=\nheight", "\nheight"),
        text.replace("AQE=\nheight", "AQF=\nheight"),
        text.replace("\u{2014} ", "- "),
        text.replace("/member/", "/site/"),
        text.replace("quayside/demo\n", "quayside/de mo\n"),
        text.trim_end().to_owned(),
        format!("{text}\n"),
        format!("{text}\u{2014} somebody else\n"),
        String::new(),
    ] {
        assert!(Note::parse(&other).is_err(), "{other}");
    }
}
