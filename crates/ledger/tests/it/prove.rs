//! What the ledger proves holds for a stranger who has nothing but the members' keys.

use ledger::Error;
use merkle::{Rfc9162Sha256, verify_consistency};
use statement::{
    Commitment, Error as StatementError, Height, HistoryProof, LogIndex, LogSize, Note, Part,
    Receipt, Statement, verify_bundle,
};

use crate::cast::{House, capture, commit, commitments, genesis, members, tag};

#[test]
fn a_log_begins_with_genesis_alone() {
    let house = House::new();
    let status = house.ledger.status().unwrap();
    assert_eq!(status.header.height, Height(1));
    assert_eq!(status.header.log_size, LogSize(1));
    assert_eq!(house.ledger.statement(LogIndex(0)).unwrap(), genesis());
    assert_eq!(house.ledger.members().unwrap(), members());
    // One entry's path is empty, and no receipt can write it.
    assert!(matches!(house.ledger.receipt(LogIndex(0)), Err(Error::NotFound { .. })));
}

#[test]
fn every_receipt_and_bundle_verifies_against_the_pinned_members() {
    let house = House::new();
    let submissions = [
        capture("zj-merchant", 1, 50, &[&[1, 2], &[3]]),
        capture("cn-customs", 1, 50, &[&[1]]),
        capture("zj-merchant", 2, 50, &[&[4], &[5], &[6], &[1, 4]]),
    ];
    for (submission, index) in submissions.iter().zip(1..) {
        let committed = house.append(submission.clone()).unwrap();
        assert_eq!(committed.index, LogIndex(index));
        assert_eq!(committed.height, Height(index + 1));
        assert_eq!(usize::try_from(committed.leaves).unwrap(), submission.leaves.len());
    }
    for index in (0..4).map(LogIndex) {
        let statement = Statement::decode(&house.ledger.statement(index).unwrap()).unwrap();
        let receipt = house.ledger.receipt(index).unwrap();
        let facts = Receipt::verify(&receipt, &statement, &members()).unwrap();
        assert_eq!((facts.index, facts.size), (index, LogSize(4)));
        assert_eq!(facts.root, house.ledger.status().unwrap().header.log_root);
    }
    for submission in &submissions {
        for (commitment, leaf) in commitments(submission).iter().zip(0..) {
            let bundle = house.ledger.bundle(commitment).unwrap();
            let verified = verify_bundle(&bundle, &members()).unwrap();
            assert_eq!(verified.commitment, *commitment);
            assert_eq!(verified.leaf_index.0, leaf);
            assert!(verified.event_json.unwrap().contains("\"action\":\"OBSERVE\""));
            assert_eq!(verified.published.unwrap().size, LogSize(4));
        }
    }
    let unknown = house.ledger.bundle(&Commitment([9; 32]));
    assert!(matches!(unknown, Err(Error::NotFound { .. })), "{unknown:?}");
}

#[test]
fn a_history_is_complete_or_does_not_verify() {
    let house = House::new();
    house.append(capture("zj-merchant", 1, 50, &[&[1, 2], &[1]])).unwrap();
    house.append(capture("zj-merchant", 2, 50, &[&[2]])).unwrap();
    house.append(capture("cn-customs", 3, 50, &[&[3], &[2, 1]])).unwrap();

    let history = house.ledger.history(&tag(1), 0, u64::MAX).unwrap();
    let places: Vec<_> = history.positions.iter().map(|p| (p.index.0, p.leaf.0)).collect();
    assert_eq!(places, [(1, 0), (1, 1), (3, 1)]);
    assert_eq!(history.count, 3);
    let proof = HistoryProof::decode(&history.proof).unwrap();
    let facts = proof.verify(&members(), &tag(1), &history.positions).unwrap();
    assert_eq!((facts.count, facts.checkpoint.size), (3, LogSize(4)));

    // Whatever is left out, at the end or elsewhere, shows.
    for hidden in 0..3 {
        let mut cut = history.positions.clone();
        cut.remove(hidden);
        let fault = proof.verify(&members(), &tag(1), &cut).unwrap_err();
        assert_eq!(fault.part, Part::Positions, "without {hidden}");
    }
    assert!(proof.verify(&members(), &tag(2), &history.positions).is_err());

    let middle = house.ledger.history(&tag(1), 1, 2).unwrap();
    assert_eq!(middle.positions, history.positions[1..2]);
    assert_eq!((middle.count, middle.root), (3, history.root));

    let never = house.ledger.history(&tag(99), 0, 10).unwrap();
    assert_eq!((never.count, never.positions.len()), (0, 0));
    let proof = HistoryProof::decode(&never.proof).unwrap();
    assert_eq!(proof.verify(&members(), &tag(99), &[]).unwrap().count, 0);
    assert!(house.ledger.history(&tag(1), 2, 1).is_err());
}

#[test]
fn histories_of_many_blocks_stay_provable() {
    let house = House::new();
    for number in 1..=40 {
        let submission = capture("zj-merchant", number, 100, &[&[7, number + 100], &[number]]);
        house.append(submission).unwrap();
        let history = house.ledger.history(&tag(7), 0, u64::MAX).unwrap();
        let proof = HistoryProof::decode(&history.proof).unwrap();
        let facts = proof.verify(&members(), &tag(7), &history.positions).unwrap();
        assert_eq!(facts.count, if number < 7 { number } else { number + 1 });
    }
}

#[test]
fn checkpoints_grow_out_of_one_another() {
    let house = House::new();
    let read = || {
        let note = Note::parse(&house.ledger.checkpoint().unwrap()).unwrap();
        note.verify(&members()).unwrap().clone()
    };
    let mut seen = vec![read()];
    for number in 1..=9 {
        house.append(capture("zj-merchant", number, 50, &[&[number]])).unwrap();
        seen.push(read());
    }
    for old in &seen {
        for new in seen.iter().filter(|new| new.size >= old.size) {
            let path = house.ledger.consistency(old.size, new.size).unwrap();
            verify_consistency::<Rfc9162Sha256>(
                old.size.0,
                &old.log_root,
                new.size.0,
                &new.log_root,
                &path,
            )
            .unwrap();
        }
    }
    assert!(house.ledger.consistency(LogSize(0), LogSize(3)).is_err());
    assert!(house.ledger.consistency(LogSize(4), LogSize(3)).is_err());
    assert!(house.ledger.consistency(LogSize(4), LogSize(11)).is_err());
}

#[test]
fn a_note_by_others_than_the_pinned_validators_is_refused() {
    let house = House::new();
    let note = Note::parse(&house.ledger.checkpoint().unwrap()).unwrap();
    let json = members().to_json().replace(
        &members().get(&"hz-forwarder".parse().unwrap()).unwrap().receipt_key.to_string(),
        &crate::cast::key("somebody", 1).public().to_string(),
    );
    let others = party::Members::from_json(&json).unwrap();
    assert!(matches!(note.verify(&others), Err(StatementError::KeyUnknown { .. })));
}

#[test]
fn a_large_capture_is_taken_whole() {
    let house = House::new();
    let serials: Vec<[u64; 1]> = (0..300).map(|serial| [serial]).collect();
    let events: Vec<&[u64]> = serials.iter().map(|serial| &serial[..]).collect();
    let submission = capture("zj-merchant", 1, 50, &events);
    assert_eq!(house.append(submission.clone()).unwrap().leaves, 300);
    for commitment in commitments(&submission).iter().step_by(37) {
        verify_bundle(&house.ledger.bundle(commitment).unwrap(), &members()).unwrap();
    }
    assert_eq!(commit(&house.ledger), 0, "nothing is left");
}
