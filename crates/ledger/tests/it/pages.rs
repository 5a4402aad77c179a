//! The state tree's pages stay in memory for some blocks, and nobody can tell.

use std::sync::Arc;

use contracts::Contracts;
use ledger::Ledger;
use statement::HistoryProof;

use crate::cast::{capture, check, commit, config, members, tag};

/// Runs the same statements with a limit, opening the ledger anew where told to; gives the roots.
fn run(unwritten_pages: usize, reopen_every: u64) -> Vec<[u8; 32]> {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let mut config = config(directory.path());
        config.limits.unwritten_pages = unwritten_pages;
        Ledger::open(config, Arc::new(Contracts)).unwrap()
    };
    let mut ledger = open();
    let mut roots = Vec::new();
    for number in 1..=24 {
        // Requests expire on the way, so that pages shrink as well as grow.
        let things = [number * 3, number * 3 + 1];
        let submission = capture("zj-merchant", number, number + 4, &[&things, &[number % 5]]);
        let answer = ledger.submit(submission).unwrap();
        commit(&ledger);
        answer.blocking_recv().unwrap().unwrap();
        roots.push(ledger.status().unwrap().header.state_root);
        let history = ledger.history(&tag(number % 5), 0, u64::MAX).unwrap();
        let proof = HistoryProof::decode(&history.proof).unwrap();
        proof.verify(&members(), &tag(number % 5), &history.positions).unwrap();
        if number % reopen_every == 0 {
            drop(ledger);
            ledger = open();
        }
    }
    drop(ledger);
    check(directory.path(), Arc::new(Contracts), &mut |_, _| ()).unwrap();
    roots
}

#[test]
fn roots_and_proofs_are_the_same_whenever_pages_are_written() {
    let always = run(0, 100);
    for (unwritten_pages, reopen_every) in [(10_000, 100), (10_000, 1), (10_000, 7), (40, 3)] {
        assert_eq!(run(unwritten_pages, reopen_every), always, "{unwritten_pages} {reopen_every}");
    }
}
