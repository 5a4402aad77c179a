//! A receipt holds for one statement, at one place, by one validator.

use super::*;
use crate::cast::{self, Log, TRADER, VALIDATORS, consortium, id, key, members};

fn receipt() -> (Statement, Vec<u8>) {
    let statement = cast::capture_statement(&cast::leaves(2));
    let receipt = Log::with(&statement, 6).receipt(&statement, VALIDATORS[0]);
    (statement, receipt)
}

#[test]
fn a_receipt_tells_who_promises_what() {
    let (statement, receipt) = receipt();
    let facts = Receipt::verify(&receipt, &statement, &members()).unwrap();
    assert_eq!(facts.member, id(VALIDATORS[0]));
    assert_eq!((facts.index, facts.size), (LogIndex(4), LogSize(6)));
    assert_eq!(facts.root, Log::with(&statement, 6).checkpoint().log_root);
}

#[test]
fn a_receipt_for_another_statement_is_refused() {
    let (_, receipt) = receipt();
    let other = cast::capture_statement(&cast::leaves(3));
    let why = Receipt::verify(&receipt, &other, &members()).unwrap_err();
    assert_eq!(why, Error::Mismatch { part: Part::Receipt, why: "it is for another statement" });
    // The same capture, signed again in another way: the subject agrees, the log's entry does not.
    let twin = Statement::sign(
        &key(VALIDATORS[1], "statement"),
        &consortium(),
        &id(VALIDATORS[1]),
        crate::Content::Capture,
        cast::capture(&cast::leaves(2)).encode(),
    );
    let why = Receipt::verify(&receipt, &twin.unwrap(), &members()).unwrap_err();
    assert_eq!(why, Error::SignatureInvalid);
}

/// Signs a receipt in the name of `member` with the key of that use.
fn signed_by(member: &str, usage: &str) -> Error {
    let (statement, _) = receipt();
    let (key, path) = (key(member, usage), [[1; 32]]);
    let bytes = statement.as_bytes();
    let (index, size) = (LogIndex(1), LogSize(2));
    let receipt = Receipt::sign(&key, &consortium(), &id(member), bytes, index, size, &path);
    Receipt::verify(&receipt.unwrap(), &statement, &members()).unwrap_err()
}

#[test]
fn a_receipt_by_no_validator_is_refused() {
    assert_eq!(signed_by(TRADER, "receipt").reason(), "MEMBER_UNKNOWN");
    assert_eq!(signed_by("nobody", "receipt").reason(), "MEMBER_UNKNOWN");
    assert_eq!(signed_by(VALIDATORS[0], "statement").reason(), "KEY_UNKNOWN");
}

#[test]
fn a_log_of_one_entry_is_never_receipted() {
    let (statement, key) = (cast::genesis(), key(VALIDATORS[0], "receipt"));
    let (bytes, member) = (statement.as_bytes(), id(VALIDATORS[0]));
    let answer = Receipt::sign(&key, &consortium(), &member, bytes, LogIndex(0), LogSize(1), &[]);
    assert!(matches!(answer, Err(Error::Mismatch { part: Part::Receipt, .. })));
}

#[test]
fn a_path_that_does_not_fit_is_not_signed() {
    let (statement, key) = (cast::genesis(), key(VALIDATORS[0], "receipt"));
    let (bytes, member) = (statement.as_bytes(), id(VALIDATORS[0]));
    for (index, size) in [(0, 3), (2, 2), (0, 0), (0, u64::MAX)] {
        let (index, size) = (LogIndex(index), LogSize(size));
        let answer = Receipt::sign(&key, &consortium(), &member, bytes, index, size, &[[0; 32]]);
        assert!(answer.is_err(), "{index} {size}");
    }
}

#[test]
fn a_statement_is_no_receipt() {
    let (statement, _) = receipt();
    let why = Receipt::verify(statement.as_bytes(), &statement, &members()).unwrap_err();
    assert!(matches!(why, Error::Malformed { part: Part::Receipt, .. }));
}
