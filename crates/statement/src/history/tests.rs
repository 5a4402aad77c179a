//! A history is complete as of a quorum's note, or it is refused.

use std::collections::BTreeMap;

use merkle::map::{Page, Path, prove, update};

use super::*;
use crate::cast::{self, consortium, members};
use crate::{Height, LogSize};

/// A state tree in memory, with a history for each of some items and a note over its root.
struct State {
    pages: BTreeMap<Path, Page>,
    note: Note,
}

fn positions(count: u64) -> Vec<Position> {
    (0..count)
        .map(|n| Position { index: LogIndex(1 + n / 2), leaf: LeafIndex(u32::from(n % 2 == 1)) })
        .collect()
}

fn tag(number: u64) -> Tag {
    Tag::open(&format!("https://id.gs1.org/00/{number:018}"))
}

impl State {
    /// Item n has n leaves.
    fn new(items: u64) -> Self {
        let changes = (1..items)
            .map(|item| {
                let record = HistoryRecord::of(&positions(item)).unwrap();
                (history_key(&tag(item)), Some(state_value_digest(&record.encode())))
            })
            .collect();
        let mut nothing = |_: &Path| Ok::<_, merkle::Error>(None);
        let update = update::<StateHash, _>(&mut nothing, &changes).unwrap();
        let pages = update.pages.into_iter().filter_map(|(path, page)| Some((path, page?)));
        let checkpoint = Checkpoint {
            consortium: consortium(),
            size: LogSize(100),
            log_root: [3; 32],
            height: Height(9),
            time_ms: 1_795_136_400_000,
            state_root: update.root,
        };
        Self { pages: pages.collect(), note: cast::note(&checkpoint, 3) }
    }

    fn proof(&self, item: u64) -> HistoryProof {
        let tag = tag(item);
        let mut read = |path: &Path| Ok::<_, merkle::Error>(self.pages.get(path).cloned());
        let state = prove::<StateHash, _>(&mut read, &history_key(&tag)).unwrap();
        let record = HistoryRecord::of(&positions(item));
        HistoryProof { tag, record, state, note: self.note.clone() }
    }
}

#[test]
fn a_complete_history_is_taken() {
    let state = State::new(40);
    for item in [1, 2, 3, 17, 39] {
        let proof = HistoryProof::decode(&state.proof(item).encode()).unwrap();
        let facts = proof.verify(&members(), &tag(item), &positions(item)).unwrap();
        assert_eq!((facts.count, facts.checkpoint.size), (item, LogSize(100)));
    }
}

#[test]
fn a_tag_that_no_leaf_bears_is_proven_absent() {
    for items in [1, 2, 40] {
        // Item 0 and items beyond the last have no history.
        let proof = State { ..State::new(items) }.proof(0);
        let facts = proof.verify(&members(), &tag(0), &[]).unwrap();
        assert_eq!(facts.count, 0);
        let fault = proof.verify(&members(), &tag(0), &positions(1)).unwrap_err();
        assert_eq!(fault.part, Part::Positions);
    }
}

#[test]
fn a_history_that_hides_adds_or_moves_a_leaf_is_refused() {
    let proof = State::new(40).proof(9);
    let all = positions(9);
    let mut moved = all.clone();
    moved[4].index = LogIndex(77);
    let mut swapped = all.clone();
    swapped.swap(2, 3);
    let mut beyond = all.clone();
    beyond.push(Position { index: LogIndex(100), leaf: LeafIndex(0) });
    for other in [&all[1..], &all[..8], &positions(10), &moved, &swapped, &beyond, &[]] {
        let fault = proof.verify(&members(), &tag(9), other).unwrap_err();
        assert_eq!(fault.part, Part::Positions, "{other:?}");
    }
}

#[test]
fn a_record_that_the_state_does_not_hold_is_refused() {
    let state = State::new(40);
    let refused = |proof: &HistoryProof, count| {
        proof.verify(&members(), &tag(9), &positions(count)).unwrap_err().part
    };
    // A history that hides the last leaf, or all, consistently.
    let record = HistoryRecord::of(&positions(8));
    assert_eq!(refused(&HistoryProof { record, ..state.proof(9) }, 8), Part::HistoryProof);
    let record = None;
    assert_eq!(refused(&HistoryProof { record, ..state.proof(9) }, 0), Part::HistoryProof);
    // The proof of another tag's history, or of its absence.
    assert_eq!(refused(&state.proof(8), 8), Part::HistoryProof);
    assert_eq!(refused(&HistoryProof { tag: tag(9), ..state.proof(0) }, 0), Part::HistoryProof);
}

#[test]
fn a_history_under_no_quorum_is_refused() {
    let state = State::new(40);
    let note = cast::note(state.note.checkpoint(), 2);
    let fault = HistoryProof { note, ..state.proof(9) }.verify(&members(), &tag(9), &positions(9));
    assert_eq!(fault.unwrap_err().part, Part::Note);
}

#[test]
fn no_flip_is_taken_in_a_proof_and_its_positions() {
    let proof = State::new(12).proof(5).encode();
    for at in 0..proof.len() {
        for bit in 0..8 {
            let mut flipped = proof.clone();
            flipped[at] ^= 1 << bit;
            let taken = HistoryProof::decode(&flipped)
                .is_ok_and(|proof| proof.verify(&members(), &tag(5), &positions(5)).is_ok());
            assert!(!taken, "byte {at}, bit {bit}");
        }
    }
}
