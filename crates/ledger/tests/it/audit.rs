//! The offline check finds what was tampered with, and where.

use std::path::Path;
use std::sync::Arc;

use contracts::Contracts;
use ledger::{Audit, Error, Ledger, Report};
use party::Members;
use statement::{Content, Genesis, Statement};
use store::{Family, Keys, Options, Store, Sync, Tuning};

use crate::cast::{self, House, capture, genesis, members};

fn check(path: &Path) -> Result<Report, Error> {
    cast::check(path, Arc::new(Contracts), &mut |_, _| ())
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
    let report = cast::check(&house.path, Arc::new(Contracts), &mut progress).unwrap();
    assert_eq!(report.height, header.height);
    assert_eq!((report.log_root, report.state_root), (header.log_root, header.state_root));
    assert_eq!((report.statements, report.events, report.bodies_missing), (7, 12, 0));
    assert_eq!(steps, (1..=7).map(|height| (height, 7)).collect::<Vec<_>>());
}

/// Opens the store as the ledger does.
pub(crate) fn open_store(path: &Path) -> Store {
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
        "readers",
        "notices",
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
    let ledger = cast::open(&path).unwrap();
    let first = cast::commitments(&capture("zj-merchant", 1, 4, &[&[1, 1], &[2]]));
    let bundle = ledger.bundle(&first[1]).unwrap();
    statement::verify_bundle(&bundle, &members()).unwrap();
}

#[test]
fn a_directory_without_a_ledger_is_said_to_be_none() {
    let directory = tempfile::tempdir().unwrap();
    assert!(check(directory.path()).is_err());
}

#[test]
fn a_ledger_that_somebody_made_up_is_not_taken_for_the_consortiums() {
    // Of the same name and with the same members, founded at another time by one of them.
    let directory = tempfile::tempdir().unwrap();
    let (key, issuer) = (cast::key("zj-merchant", 0), cast::id("zj-merchant"));
    let content = Genesis { time_ms: 1, members: members(), max_window: 50 };
    let content = (Content::Genesis, content.encode());
    let other = Statement::sign(&key, &cast::demo(), &issuer, content.0, content.1).unwrap();
    let mut config = cast::config(directory.path());
    config.genesis = other.into_bytes().into();
    drop(Ledger::open(config, Arc::new(Contracts)).unwrap());
    let error = check(directory.path()).unwrap_err();
    assert!(matches!(error, Error::OtherGenesis { .. }), "{error}");
}

#[test]
fn the_pinned_members_are_those_of_genesis_or_of_the_last_block() {
    let House { ledger, path, _directory } = filled();
    drop(ledger);
    let all: Vec<_> = members().iter().cloned().collect();
    let fewer = Members::new(cast::demo(), all[..2].to_vec(), members().validators().clone());
    let scratch = tempfile::tempdir().unwrap();
    let (genesis, fewer) = (genesis(), fewer.unwrap());
    let replay = &scratch.path().join("replay");
    let audit = Audit { path: &path, genesis: &genesis, members: &fewer, scratch: replay };
    let error = ledger::check(&audit, Arc::new(Contracts), &mut |_, _| ()).unwrap_err();
    assert!(matches!(error, Error::Genesis { .. }), "{error}");
    // Nor is a ledger replayed within itself.
    let (members, inside) = (members(), path.join("replay"));
    let audit = Audit { members: &members, scratch: &inside, ..audit };
    let error = ledger::check(&audit, Arc::new(Contracts), &mut |_, _| ()).unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error}");
    assert!(!inside.exists());
}

#[test]
fn a_block_that_was_marked_and_is_another_or_gone_is_found() {
    let House { ledger, path, _directory } = filled();
    drop(ledger);
    let mark = path.join("acknowledged");
    let good = std::fs::read_to_string(&mark).unwrap();
    let damaged = |path: &Path| {
        for error in [check(path).unwrap_err(), cast::open(path).unwrap_err()] {
            assert!(matches!(error, Error::Damaged { .. }), "{error}");
        }
    };
    let other = good[..good.len() - 5].to_owned() + "beef\n";
    std::fs::write(&mark, other).unwrap();
    damaged(&path);
    std::fs::write(&mark, good.replace("07 ", "03 ")).unwrap();
    let store = open_store(&path);
    let mut batch = store.batch();
    batch.delete("blocks", &3_u64.to_be_bytes());
    store.write(batch, Sync::Yes).unwrap();
    drop(store);
    damaged(&path);
}
