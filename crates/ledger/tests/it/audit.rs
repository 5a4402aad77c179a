//! The offline check finds what was tampered with, and where.

use std::path::Path;
use std::sync::Arc;

use contracts::Contracts;
use ledger::{Error, Report};
use store::{Family, Keys, Options, Store, Sync, Tuning};

use crate::cast::{House, capture, members};

fn check(path: &Path) -> Result<Report, Error> {
    ledger::check(path, Arc::new(Contracts), &members(), &mut |_, _| ())
}

fn filled() -> House {
    let house = House::new();
    for number in 1..=6 {
        let submission = capture("zj-merchant", number, number + 3, &[&[number, 1], &[2]]);
        house.append(submission).unwrap();
    }
    house
}

#[test]
fn a_whole_ledger_passes_also_while_it_runs() {
    let house = filled();
    let header = house.ledger.status().unwrap().header;
    let mut steps = Vec::new();
    let mut progress =
        |done: statement::Height, all: statement::Height| steps.push((done.0, all.0));
    let report =
        ledger::check(&house.path, Arc::new(Contracts), &members(), &mut progress).unwrap();
    assert_eq!(report.height, header.height);
    assert_eq!((report.log_root, report.state_root), (header.log_root, header.state_root));
    assert_eq!((report.statements, report.events, report.bodies_missing), (7, 12, 0));
    assert_eq!(steps, (1..=7).map(|height| (height, 7)).collect::<Vec<_>>());
    assert!(!house.path.join("check").exists(), "nothing is left behind");
}

/// Opens the store as the ledger does.
fn open_store(path: &Path) -> Store {
    let names = [
        "blocks",
        "entries",
        "leaves",
        "bodies",
        "tree",
        "pages",
        "state",
        "histories",
        "positions",
        "expiry",
        "commitments",
        "touched",
        "meta",
    ];
    let families = names.map(|name| Family { name, tuning: Tuning::Points });
    Store::open(&path.join("store"), &families, &Options::default()).unwrap()
}

/// Changes one row of the store behind the ledger's back.
fn tamper(path: &Path, family: &'static str, change: impl Fn(&mut Vec<u8>)) {
    let store = open_store(path);
    let (key, value) = store.scan(family, Keys::All).unwrap().last().unwrap().unwrap();
    let mut value = value.into_vec();
    change(&mut value);
    let mut batch = store.batch();
    batch.put(family, &key, &value);
    store.write(batch, Sync::Yes).unwrap();
}

#[test]
fn a_changed_row_of_any_family_is_found() {
    for family in ["entries", "leaves", "bodies", "tree", "state", "histories", "positions"] {
        let House { ledger, path, _directory } = filled();
        drop(ledger);
        tamper(&path, family, |row| *row.last_mut().unwrap() ^= 1);
        let error = check(&path).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{family}: {error}");
    }
    for family in ["blocks", "pages", "meta"] {
        let House { ledger, path, _directory } = filled();
        drop(ledger);
        tamper(&path, family, |row| *row.last_mut().unwrap() ^= 1);
        assert!(check(&path).is_err(), "{family}");
    }
    for family in ["expiry", "commitments"] {
        let House { ledger, path, _directory } = filled();
        drop(ledger);
        tamper(&path, family, |row| row.push(1));
        let error = check(&path).unwrap_err();
        assert!(error.to_string().contains(family), "{family}: {error}");
    }
}

#[test]
fn an_erased_body_is_counted_and_breaks_nothing() {
    let House { ledger, path, _directory } = filled();
    drop(ledger);
    let store = open_store(&path);
    let (key, _) = store.scan("bodies", Keys::All).unwrap().next().unwrap().unwrap();
    let mut batch = store.batch();
    batch.delete("bodies", &key);
    store.write(batch, Sync::Yes).unwrap();
    drop(store);
    assert_eq!(check(&path).unwrap().bodies_missing, 1);
    let ledger = crate::cast::open(&path).unwrap();
    let first = crate::cast::commitments(&capture("zj-merchant", 1, 4, &[&[1, 1], &[2]]));
    let bundle = ledger.bundle(&first[1]).unwrap();
    statement::verify_bundle(&bundle, &members()).unwrap();
}

#[test]
fn a_directory_without_a_ledger_is_said_to_be_none() {
    let directory = tempfile::tempdir().unwrap();
    assert!(check(directory.path()).is_err());
}
