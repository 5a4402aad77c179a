//! What the ledger does not take, and how it says so.

use std::sync::Arc;

use bytes::Bytes;
use consensus::{Application, TimeMs};
use contracts::{Contracts, RetireKey};
use ledger::{Config, Ledger, Refusal, Submission, reason};
use party::ConsortiumId;
use statement::{
    Capture, Content, Genesis, Height, Leaf, LogIndex, OpenBody, SigningKey, Statement,
    body_digest, capture_tree,
};

use crate::cast::{
    House, MAX_WINDOW, capture, commit, config, demo, event, genesis, govern, id, key, members,
    request, seal, sign,
};

#[track_caller]
fn refused(house: &House, submission: Submission, reason: &str) -> Refusal {
    let before = house.ledger.status().unwrap();
    let refusal = house.append(submission).unwrap_err();
    assert_eq!(refusal.reason, reason, "{refusal}");
    assert!(!refusal.message.is_empty());
    assert_eq!(house.ledger.status().unwrap(), before, "a refusal changes nothing");
    refusal
}

/// A capture of one event whose leaf and body `change` has touched, signed as it then is.
fn touched(change: impl FnOnce(&mut Leaf, &mut Bytes)) -> Submission {
    let (mut leaf, mut body) = seal("zj-merchant", &request(1), 0, &event(&[1]));
    change(&mut leaf, &mut body);
    let leaves = vec![Bytes::from(leaf.encode())];
    let root = capture_tree::root(&leaves);
    let capture = Capture { root, count: 1, request_id: request(1), last_height: Height(50) };
    Submission { statement: sign("zj-merchant", &capture), leaves, bodies: vec![body] }
}

#[test]
fn a_stranger_a_wrong_key_and_a_wrong_consortium_are_refused() {
    let house = House::new();
    refused(&house, capture("nobody", 1, 50, &[&[1]]), reason::MEMBER_UNKNOWN);

    let good = capture("zj-merchant", 1, 50, &[&[1]]);
    let payload = Statement::decode(&good.statement).unwrap().payload().to_vec();
    let signed_by = |key: &SigningKey, consortium: &ConsortiumId| {
        let issuer = id("zj-merchant");
        let one = Statement::sign(key, consortium, &issuer, Content::Capture, payload.clone());
        Submission { statement: Bytes::from(one.unwrap().into_bytes()), ..good.clone() }
    };
    refused(&house, signed_by(&key("cn-customs", 0), &demo()), reason::KEY_UNKNOWN);
    // A key serves one use: the receipt key signs no statement.
    refused(&house, signed_by(&key("zj-merchant", 1), &demo()), reason::KEY_UNKNOWN);
    let other = "other".parse().unwrap();
    refused(&house, signed_by(&key("zj-merchant", 0), &other), reason::CONSORTIUM_MISMATCH);

    let mut bytes = good.statement.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let broken = Submission { statement: Bytes::from(bytes), ..good };
    refused(&house, broken, reason::SIGNATURE_INVALID);
}

#[test]
fn a_statement_in_another_encoding_or_of_another_kind_is_refused() {
    let house = House::new();
    let good = capture("zj-merchant", 1, 50, &[&[1]]);
    // Tag 18 in two bytes instead of one: the same value, another encoding.
    let bytes = [&[0xd8, 18], &good.statement[1..]].concat();
    let longer = Submission { statement: Bytes::from(bytes), ..good.clone() };
    refused(&house, longer, reason::ENCODING_NOT_DETERMINISTIC);
    for cut in [0, 1, 40, good.statement.len() - 1] {
        let cut = Submission { statement: good.statement.slice(..cut), ..good.clone() };
        let refusal = house.append(cut).unwrap_err();
        assert_eq!(refusal.field.as_deref(), Some("statement"), "{refusal}");
    }
    let unknown = good.statement.to_vec();
    let at = unknown.windows(12).position(|part| part == b"capture+cbor").unwrap();
    let mut unknown = unknown;
    unknown[at..at + 7].copy_from_slice(b"rapture");
    let unknown = Submission { statement: Bytes::from(unknown), ..good };
    refused(&house, unknown, reason::CONTENT_TYPE_UNKNOWN);

    let again = Submission { statement: genesis(), leaves: vec![], bodies: vec![] };
    refused(&house, again, reason::CONTENT_TYPE_UNKNOWN);
    let large = Bytes::from(vec![0; 65_536]);
    let large = Submission { statement: large, leaves: vec![], bodies: vec![] };
    refused(&house, large, reason::REQUEST_TOO_LARGE);
}

#[test]
fn leaves_and_bodies_must_be_those_that_were_signed() {
    let house = House::new();
    let good = capture("zj-merchant", 1, 50, &[&[1], &[2]]);
    let other = capture("zj-merchant", 2, 50, &[&[3], &[4]]);
    let with = |change: &dyn Fn(&mut Submission)| {
        let mut submission = good.clone();
        change(&mut submission);
        submission
    };
    let cases: [(Submission, &str); 7] = [
        (with(&|one| drop(one.leaves.pop())), reason::LEAVES_MISMATCH),
        (with(&|one| one.leaves.swap(0, 1)), reason::LEAVES_MISMATCH),
        (with(&|one| one.leaves.clone_from(&other.leaves)), reason::LEAVES_MISMATCH),
        (with(&|one| drop(one.bodies.pop())), reason::BODY_MISSING),
        (with(&|one| one.bodies.swap(0, 1)), reason::BODY_DIGEST_MISMATCH),
        (with(&|one| one.bodies[1] = one.bodies[1].slice(..90)), reason::BODY_DIGEST_MISMATCH),
        (with(&|one| one.bodies[0] = Bytes::new()), reason::BODY_DIGEST_MISMATCH),
    ];
    for (submission, reason) in cases {
        refused(&house, submission, reason);
    }
    let act = govern("zj-merchant", 9, 50, RetireKey::NAME, vec![]);
    let act = Submission { leaves: good.leaves.clone(), ..act };
    refused(&house, act, reason::LEAVES_MISMATCH);
    assert_eq!(house.append(good).unwrap().index, LogIndex(1));
}

#[test]
fn an_open_body_is_recomputed_by_who_takes_it() {
    let house = House::new();
    let again = |leaf: &mut Leaf, body: &mut Bytes, change: &dyn Fn(&mut OpenBody)| {
        let mut open = OpenBody::decode(body).unwrap();
        change(&mut open);
        *body = Bytes::from(open.encode());
        leaf.body_digest = body_digest(body);
    };
    let garbage = touched(|leaf, body| {
        *body = Bytes::from_static(b"no body");
        leaf.body_digest = body_digest(body);
    });
    let refusal = refused(&house, garbage, reason::BODY_MALFORMED);
    assert_eq!(refusal.field.as_deref(), Some("bodies[0]"));
    let no_time = touched(|leaf, body| {
        again(leaf, body, &|open| open.json = open.json.replace("eventTime\"", "eventTame\""));
    });
    refused(&house, no_time, reason::BODY_MALFORMED);
    let spaced = touched(|leaf, body| {
        again(leaf, body, &|open| open.json = open.json.replace(',', ", "));
    });
    refused(&house, spaced, reason::BODY_MALFORMED);
    let other = touched(|leaf, body| {
        again(leaf, body, &|open| open.json = open.json.replace("OBSERVE", "DELETE"));
    });
    refused(&house, other, reason::COMMITMENT_MISMATCH);
    let untagged = touched(|leaf, _| leaf.tags.clear());
    refused(&house, untagged, reason::TAGS_MISMATCH);
    let misled = touched(|leaf, _| leaf.tags[0].0.0[0] ^= 1);
    refused(&house, misled, reason::TAGS_MISMATCH);
    assert!(house.append(touched(|_, _| ())).is_ok());
}

#[test]
fn a_statement_has_a_last_height_and_not_too_far_a_one() {
    let house = House::new();
    // The next block has height 2.
    refused(&house, capture("zj-merchant", 1, 1, &[&[1]]), reason::STATEMENT_EXPIRED);
    let far = capture("zj-merchant", 1, 3 + MAX_WINDOW, &[&[1]]);
    refused(&house, far, reason::WINDOW_TOO_LONG);
    assert!(house.append(capture("zj-merchant", 1, 2 + MAX_WINDOW, &[&[1]])).is_ok());
    assert!(house.append(capture("zj-merchant", 2, 3, &[&[1]])).is_ok());
}

#[test]
fn what_expires_while_it_waits_is_told_so() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(directory.path());
    config.limits.block_leaves = 1;
    let ledger = Ledger::open(config, Arc::new(Contracts)).unwrap();
    // Both may come at height 2 at the latest, and its block takes one leaf.
    let first = ledger.submit(capture("zj-merchant", 1, 2, &[&[1]])).unwrap();
    let late = ledger.submit(capture("zj-merchant", 2, 2, &[&[2]])).unwrap();
    assert_eq!(commit(&ledger), 1);
    assert_eq!(first.blocking_recv().unwrap().unwrap().height, Height(2));
    assert_eq!(late.blocking_recv().unwrap().unwrap_err().reason, reason::STATEMENT_EXPIRED);
    assert_eq!(ledger.status().unwrap().pending_bytes, 0);
}

#[test]
fn an_unknown_act_is_refused_and_a_member_may_retire_its_own_key() {
    let house = House::new();
    let unknown = govern("zj-merchant", 1, 50, "crown-me", vec![]);
    refused(&house, unknown, contracts::reason::ACT_UNKNOWN);

    let new_key = SigningKey::from_bytes([77; 32]);
    let retire = RetireKey::sign(&new_key, &demo(), &id("zj-merchant"));
    // Somebody else cannot take the key that was made for the merchant.
    let stolen = govern("cn-customs", 2, 50, RetireKey::NAME, retire.encode());
    refused(&house, stolen, reason::SIGNATURE_INVALID);
    let taken = RetireKey::sign(&key("cn-customs", 2), &demo(), &id("zj-merchant"));
    let taken = govern("zj-merchant", 3, 50, RetireKey::NAME, taken.encode());
    refused(&house, taken, contracts::reason::KEY_IN_USE);

    let members = house.ledger.status().unwrap().header.members;
    // A capture that waits while its key is retired is not taken after it.
    let waiting =
        house.ledger.submit(govern("zj-merchant", 4, 50, RetireKey::NAME, retire.encode()));
    let after = house.ledger.submit(capture("zj-merchant", 5, 50, &[&[1]])).unwrap();
    commit(&house.ledger);
    assert!(waiting.unwrap().blocking_recv().unwrap().is_ok());
    assert_eq!(after.blocking_recv().unwrap().unwrap_err().reason, reason::KEY_UNKNOWN);
    assert_ne!(house.ledger.status().unwrap().header.members, members);

    let refusal = refused(&house, capture("zj-merchant", 6, 50, &[&[1]]), reason::KEY_UNKNOWN);
    assert!(refusal.message.contains("retired this key at height 2"), "{refusal}");
    let good = capture("zj-merchant", 6, 50, &[&[1]]);
    let payload = Statement::decode(&good.statement).unwrap().payload().to_vec();
    let issuer = id("zj-merchant");
    let one = Statement::sign(&new_key, &demo(), &issuer, Content::Capture, payload).unwrap();
    let good = Submission { statement: Bytes::from(one.into_bytes()), ..good };
    assert!(house.append(good).is_ok());
    // The key that it replaced stays its own for ever.
    let back = RetireKey::sign(&key("zj-merchant", 0), &demo(), &id("cn-customs"));
    let back = govern("cn-customs", 7, 50, RetireKey::NAME, back.encode());
    refused(&house, back, contracts::reason::KEY_IN_USE);
}

#[test]
fn too_much_pending_is_refused_with_a_time_to_come_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(directory.path());
    config.limits.pending_bytes = 4_000;
    let ledger = Ledger::open(config, Arc::new(Contracts)).unwrap();
    let mut taken = Vec::new();
    let refusal = loop {
        let number = u64::try_from(taken.len()).unwrap();
        match ledger.submit(capture("zj-merchant", number, 50, &[&[number]])) {
            Ok(answer) => taken.push(answer),
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refusal.reason, reason::OVERLOADED);
    assert!(refusal.is_retryable());
    assert!((2..10).contains(&taken.len()), "{}", taken.len());
    commit(&ledger);
    for answer in taken {
        assert!(answer.blocking_recv().unwrap().is_ok(), "what was taken in is committed");
    }
    assert!(ledger.submit(capture("zj-merchant", 99, 50, &[&[1]])).is_ok());
}

#[test]
fn at_the_end_of_time_there_is_an_error_and_no_panic() {
    let house = House::new();
    drop(house.ledger.submit(capture("zj-merchant", 1, 50, &[&[1]])).unwrap());
    for wrong in [i64::MAX, i64::MIN, house.ledger.tip().time.0] {
        let error = house.ledger.propose(TimeMs(wrong)).unwrap_err();
        assert!(matches!(error, consensus::Error::Failed { .. }), "{error}");
    }
    assert_eq!(commit(&house.ledger), 1);

    let directory = tempfile::tempdir().unwrap();
    for time_ms in [i64::MAX, -1] {
        let content = Genesis { time_ms, members: members(), max_window: 50 }.encode();
        let issuer = id("hz-forwarder");
        let key = key("hz-forwarder", 0);
        let one = Statement::sign(&key, &demo(), &issuer, Content::Genesis, content).unwrap();
        let config = Config { genesis: one.into_bytes().into(), ..config(directory.path()) };
        let error = Ledger::open(config, Arc::new(Contracts)).unwrap_err();
        assert!(matches!(error, ledger::Error::Genesis { .. }), "{error}");
    }
}

#[test]
fn an_entry_that_no_follower_could_receive_is_refused() {
    let house = House::new();
    let mut large = capture("zj-merchant", 1, 50, &[&[1]]);
    large.bodies = vec![Bytes::from(vec![b'x'; statement::MAX_ENTRY_BYTES])];
    let refusal = refused(&house, large, reason::REQUEST_TOO_LARGE);
    assert_eq!(refusal.field.as_deref(), Some("bodies"));
}
