//! The same request is taken once and answered alike.

use std::sync::Arc;

use consensus::{Application, TimeMs};
use contracts::Contracts;
use ledger::{Committed, reason};
use statement::{Height, LogIndex};
use store::Keys;

use crate::audit::open_store;
use crate::cast::{House, capture, check, commit, govern, open};

#[test]
fn a_committed_request_is_answered_as_before_also_after_a_restart() {
    let house = House::new();
    let submission = capture("zj-merchant", 1, 50, &[&[1], &[2]]);
    let first = house.append(submission.clone()).unwrap();
    let expected = Committed { index: LogIndex(1), height: Height(2), leaves: 2, repeat: false };
    assert_eq!(first, expected);
    house.append(capture("zj-merchant", 2, 50, &[&[1]])).unwrap();
    let again = Committed { repeat: true, ..expected };
    assert_eq!(house.append(submission.clone()), Ok(again));

    let House { ledger, path, _directory } = house;
    drop(ledger);
    let ledger = open(&path).unwrap();
    let answer = ledger.submit(submission).unwrap().blocking_recv().unwrap();
    assert_eq!(answer, Ok(again));
    assert_eq!(commit(&ledger), 0);
}

#[test]
fn a_pending_request_is_joined_by_who_sends_it_again() {
    let house = House::new();
    let submission = capture("zj-merchant", 1, 50, &[&[1]]);
    let first = house.ledger.submit(submission.clone()).unwrap();
    let second = house.ledger.submit(submission).unwrap();
    let other = house.ledger.submit(capture("zj-merchant", 1, 50, &[&[2]])).unwrap_err();
    assert_eq!(other.reason, reason::REQUEST_ID_REUSED);
    // The same id of another member is another request.
    let third = house.ledger.submit(capture("cn-customs", 1, 50, &[&[1]])).unwrap();
    commit(&house.ledger);
    let first = first.blocking_recv().unwrap().unwrap();
    let second = second.blocking_recv().unwrap().unwrap();
    assert_eq!(second, Committed { repeat: true, ..first });
    assert!(!first.repeat);
    assert_eq!(third.blocking_recv().unwrap().unwrap().index, LogIndex(2));
    assert_eq!(house.ledger.status().unwrap().header.log_size.0, 3);
}

#[test]
fn a_request_id_is_not_reused_before_it_expires_and_can_be_after() {
    let house = House::new();
    let first = capture("zj-merchant", 1, 4, &[&[1]]);
    house.append(first.clone()).unwrap();
    let other = capture("zj-merchant", 1, 90, &[&[2]]);
    assert_eq!(house.append(other.clone()).unwrap_err().reason, reason::REQUEST_ID_REUSED);
    let root = house.ledger.status().unwrap().header.state_root;
    for number in 2..=4 {
        house.append(capture("zj-merchant", number, 90, &[&[number]])).unwrap();
    }
    // The tip is at height 5, above the request's last height 4: it has left the state.
    assert_ne!(house.ledger.status().unwrap().header.state_root, root);
    assert_eq!(house.append(first).unwrap_err().reason, reason::STATEMENT_EXPIRED);
    assert_eq!(house.append(other).unwrap().index, LogIndex(5));
}

#[test]
fn a_dropped_submitter_changes_nothing() {
    let house = House::new();
    drop(house.ledger.submit(capture("zj-merchant", 1, 50, &[&[1]])).unwrap());
    assert_eq!(commit(&house.ledger), 1);
    let again = house.append(capture("zj-merchant", 1, 50, &[&[1]])).unwrap();
    assert!(again.repeat);
}

#[test]
fn a_request_that_came_again_after_a_refusal_is_answered_only_once_it_is_durable() {
    let house = House::new();
    let propose = || house.ledger.propose(TimeMs(house.ledger.tip().time.0 + 1_000)).unwrap();
    let first = house.ledger.submit(capture("zj-merchant", 1, 50, &[&[1]])).unwrap();
    // Refused and gone, while the one before it still waits.
    let refused = house.ledger.submit(govern("zj-merchant", 2, 50, "crown-me", vec![])).unwrap();
    let block = propose().unwrap();
    assert!(refused.blocking_recv().unwrap().is_err());
    let mut again = house.ledger.submit(capture("zj-merchant", 2, 50, &[&[2]])).unwrap();
    house.ledger.commit(&block.hash, &[]).unwrap();
    assert!(first.blocking_recv().unwrap().is_ok());

    let block = propose().unwrap();
    assert!(again.try_recv().is_err(), "nothing of it is written yet");
    house.ledger.commit(&block.hash, &[]).unwrap();
    let committed = again.try_recv().unwrap().unwrap();
    assert_eq!((committed.height, committed.repeat), (Height(3), false));
}

#[test]
fn of_one_content_signed_twice_the_later_statement_is_logged_and_both_are_answered() {
    let house = House::new();
    let first = capture("zj-merchant", 1, 50, &[&[1]]);
    let later = capture("zj-merchant", 1, 60, &[&[1]]);
    let answers = [first, later.clone()].map(|one| house.ledger.submit(one).unwrap());
    commit(&house.ledger);
    let committed = answers.map(|answer| answer.blocking_recv().unwrap().unwrap());
    assert_eq!(
        committed.map(|one| (one.index, one.repeat)),
        [(LogIndex(1), false), (LogIndex(1), true)]
    );
    assert_eq!(house.ledger.statement(LogIndex(1)), Ok(later.statement));
    assert_eq!(house.ledger.status().unwrap().pending_bytes, 0);
}

#[test]
fn only_so_many_wait_for_one_request() {
    let house = House::new();
    let submission = capture("zj-merchant", 1, 50, &[&[1]]);
    let mut answers = Vec::new();
    let refusal = loop {
        match house.ledger.submit(submission.clone()) {
            Ok(answer) => answers.push(answer),
            Err(refusal) => break refusal,
        }
    };
    assert_eq!((refusal.reason, answers.len()), (reason::OVERLOADED, 16));
    // Whoever hung up makes room.
    answers.pop();
    answers.push(house.ledger.submit(submission).unwrap());
    commit(&house.ledger);
    for answer in answers {
        assert!(answer.blocking_recv().unwrap().is_ok());
    }
}

#[test]
fn a_closed_ledger_answers_who_waits_and_who_comes() {
    let house = House::new();
    let waiting = house.ledger.submit(capture("zj-merchant", 1, 50, &[&[1]])).unwrap();
    house.ledger.close();
    assert_eq!(waiting.blocking_recv().unwrap().unwrap_err().reason, reason::STOPPED);
    let late = house.ledger.submit(capture("zj-merchant", 2, 50, &[&[1]])).unwrap_err();
    assert_eq!(late.reason, reason::STOPPED);
    assert_eq!(commit(&house.ledger), 0);
}

#[test]
fn many_requests_that_expire_at_once_are_cleared_away_by_several_blocks() {
    const MANY: u64 = 4_500;
    let house = House::new();
    let answers: Vec<_> = (0..MANY)
        .map(|number| house.ledger.submit(capture("zj-merchant", number, 3, &[&[1]])).unwrap())
        .collect();
    assert_eq!(commit(&house.ledger), 2, "a block holds 4,000 statements at most");
    for answer in answers {
        assert!(answer.blocking_recv().unwrap().is_ok());
    }
    // The block at height 4 leaves the last of them in the state, where it counts for nothing.
    let expired = capture("zj-merchant", MANY - 1, 3, &[&[1]]);
    let again = capture("zj-merchant", MANY - 1, 90, &[&[2]]);
    let committed = house.append(again.clone()).unwrap();
    assert_eq!((committed.height, committed.repeat), (Height(4), false));
    assert_eq!(house.append(expired).unwrap_err().reason, reason::REQUEST_ID_REUSED);
    // The next one clears the rest away, but not what took the place of one of them.
    house.append(capture("zj-merchant", MANY, 90, &[&[3]])).unwrap();
    assert_eq!(house.append(again).unwrap(), Committed { repeat: true, ..committed });

    let House { ledger, path, _directory } = house;
    drop(ledger);
    let store = open_store(&path);
    for family in ["expiry", "state"] {
        let rows = store.scan(family, Keys::All).unwrap().map(Result::unwrap);
        let requests = rows.filter(|(key, _)| key.windows(8).any(|part| part == b"request/"));
        assert_eq!(requests.count(), 2, "{family}");
    }
    drop(store);
    check(&path, Arc::new(Contracts), &mut |_, _| ()).unwrap();
}
