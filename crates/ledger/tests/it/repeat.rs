//! The same request is taken once and answered alike.

use ledger::{Committed, reason};
use statement::{Height, LogIndex};

use crate::cast::{House, capture, commit, open};

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
