//! The process dies at each point of a commit, and what it leaves is whole.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use contracts::Contracts;
use ledger::CRASH_POINTS;

use crate::cast::{capture, check, commit, commitments, members, open};

/// Where the child finds its directory.
const DIRECTORY: &str = "LEDGER_CRASH_DIRECTORY";
/// How many statements the child appends, a block each, if nothing stops it.
const STATEMENTS: u64 = 6;

/// The child: not a test of its own, but what the test below starts again and again.
#[test]
#[ignore = "started by its parent"]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let ledger = open(Path::new(&directory)).unwrap();
    for number in 1..=STATEMENTS {
        let answer = ledger.submit(capture("zj-merchant", number, 90, &[&[number], &[1]])).unwrap();
        commit(&ledger);
        answer.blocking_recv().unwrap().unwrap();
        println!("acknowledged {number}");
    }
}

/// Starts the child, to die at `point`; gives how many statements were acknowledged before.
fn run_child(directory: &Path, point: &str) -> u64 {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, directory)
        .env("QUAYSIDE_CRASH_AT", point)
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{point} was not passed: {text}");
    u64::try_from(text.matches("acknowledged ").count()).unwrap()
}

#[test]
fn a_crash_at_any_point_of_a_commit_loses_nothing_acknowledged_and_leaves_no_half_block() {
    for point in CRASH_POINTS {
        for visit in [1, 2, 4] {
            let directory = tempfile::tempdir().unwrap();
            let acknowledged = run_child(directory.path(), &format!("{point}#{visit}"));
            let ledger = open(directory.path()).unwrap();
            let status = ledger.status().unwrap();
            let held = status.header.log_size.0 - 1;
            assert!(held >= acknowledged, "{point}#{visit}: {held} of {acknowledged}");
            assert!(held <= acknowledged + 1, "{point}#{visit}: at most the one that was written");
            for number in 1..=acknowledged {
                let submission = capture("zj-merchant", number, 90, &[&[number], &[1]]);
                for commitment in commitments(&submission) {
                    if status.header.log_size.0 > 1 {
                        let bundle = ledger.bundle(&commitment).unwrap();
                        statement::verify_bundle(&bundle, &members()).unwrap();
                    }
                }
                let again = ledger.submit(submission).unwrap().blocking_recv().unwrap().unwrap();
                assert!(again.repeat, "{point}#{visit}: {number} is remembered");
            }
            drop(ledger);
            let report = check(directory.path(), Arc::new(Contracts), &mut |_, _| ());
            assert_eq!(report.unwrap().statements, held + 1, "{point}#{visit}");
        }
    }
}
