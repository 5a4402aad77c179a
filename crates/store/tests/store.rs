//! The store from outside: together or not at all, as of one moment, and after a crash.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::fs;
use std::path::Path;

use store::{Access, Error, Family, Keys, Options, Store, Sync, Tuning};

const FAMILIES: [Family; 4] = [
    Family { name: "append", tuning: Tuning::Append },
    Family { name: "points", tuning: Tuning::Points },
    Family { name: "digests", tuning: Tuning::Digests },
    Family { name: "blobs", tuning: Tuning::Blobs },
];

fn open(path: &Path) -> Result<Store, Error> {
    Store::open(path, &FAMILIES, &Options::default())
}

fn put(store: &Store, number: u8) {
    let mut batch = store.batch();
    for family in FAMILIES {
        batch.put(family.name, &[number], &[number; 100]);
    }
    store.write(batch, Sync::Yes).unwrap();
}

#[test]
fn a_batch_changes_all_families_and_lasts() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    for number in 0..10 {
        put(&store, number);
    }
    let mut batch = store.batch();
    batch.delete("points", &[3]);
    batch.put("append", &[3], b"changed");
    assert_eq!(batch.len(), 2);
    store.write(batch, Sync::No).unwrap();
    drop(store);

    let store = open(directory.path()).unwrap();
    for family in FAMILIES {
        let expected = if family.name == "points" { 9 } else { 10 };
        assert_eq!(store.scan(family.name, Keys::All).unwrap().count(), expected);
    }
    assert_eq!(store.value("append", &[3]).unwrap().unwrap(), b"changed");
    let found = store.values("points", &[[2], [3], [99], [4]]).unwrap();
    let found: Vec<bool> = found.iter().map(Option::is_some).collect();
    assert_eq!(found, [true, false, false, true]);
}

#[test]
fn a_scan_yields_the_rows_that_it_was_asked_for_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let mut batch = store.batch();
    for key in ["a", "ab", "abc", "b", "ac", "\u{ff}"] {
        batch.put("points", key.as_bytes(), b"");
    }
    batch.put("points", &[0xff, 0xff], b"");
    store.write(batch, Sync::No).unwrap();
    let keys = |keys: Keys<'_>| -> Vec<Vec<u8>> {
        let rows = store.scan("points", keys).unwrap();
        rows.map(|row| row.unwrap().0.into_vec()).collect()
    };
    assert_eq!(keys(Keys::Prefix(b"ab")), [&b"ab"[..], b"abc"]);
    assert_eq!(keys(Keys::Range(b"ab", b"b")), [&b"ab"[..], b"abc", b"ac"]);
    assert_eq!(keys(Keys::Range(b"b", b"a")), Vec::<Vec<u8>>::new());
    assert_eq!(keys(Keys::Prefix(&[0xff])), [[0xff, 0xff]]);
    assert_eq!(keys(Keys::From(b"b")).len(), 3);
    assert_eq!(keys(Keys::All).len(), 7);
}

#[test]
fn a_snapshot_stays_at_its_moment() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    put(&store, 1);
    let before = store.snapshot();
    put(&store, 2);
    assert_eq!(before.value("points", &[2]).unwrap(), None);
    assert_eq!(before.values("points", &[[1], [2]]).unwrap().iter().flatten().count(), 1);
    assert_eq!(before.scan("blobs", Keys::All).unwrap().count(), 1);
    assert_eq!(store.scan("blobs", Keys::All).unwrap().count(), 2);
}

#[test]
fn a_family_that_is_not_there_is_an_error_and_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let mut batch = store.batch();
    batch.put("points", b"key", b"value");
    batch.put("pionts", b"key", b"value");
    let unknown = Error::UnknownFamily { name: "pionts".to_owned() };
    assert_eq!(store.write(batch, Sync::Yes), Err(unknown.clone()));
    assert_eq!(store.value("points", b"key"), Ok(None));
    assert_eq!(store.value("pionts", b"key"), Err(unknown));
    assert!(store.scan("pionts", Keys::All).is_err());
}

#[test]
fn one_process_writes_and_others_may_read() {
    let directory = tempfile::tempdir().unwrap();
    let reading = Options { access: Access::Read, ..Options::default() };
    assert!(Store::open(directory.path(), &FAMILIES, &reading).is_err(), "reading makes nothing");
    let store = open(directory.path()).unwrap();
    put(&store, 1);
    let error = open(directory.path()).unwrap_err();
    assert!(matches!(error, Error::InUse { .. }) && error.is_retryable(), "{error}");
    let reader = Store::open(directory.path(), &FAMILIES, &reading).unwrap();
    assert!(reader.value("points", &[1]).unwrap().is_some());
    let mut batch = reader.batch();
    batch.put("points", b"key", b"value");
    assert!(reader.write(batch, Sync::Yes).is_err());
}

#[test]
fn a_torn_end_of_the_log_costs_the_torn_batch_in_all_families() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    put(&store, 1);
    put(&store, 2);
    drop(store);
    let logs = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let log = logs.filter(|path| path.extension().is_some_and(|end| end == "log")).max().unwrap();
    let length = fs::metadata(&log).unwrap().len();
    fs::OpenOptions::new().write(true).open(&log).unwrap().set_len(length - 1).unwrap();
    let store = open(directory.path()).unwrap();
    for family in FAMILIES {
        assert!(store.value(family.name, &[1]).unwrap().is_some(), "{}", family.name);
        assert_eq!(store.value(family.name, &[2]).unwrap(), None, "{}", family.name);
    }
}

#[test]
fn a_damaged_file_is_said_to_be_damaged() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    let names = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let is_manifest = |path: &Path| path.display().to_string().contains("MANIFEST");
    let manifest = names.filter(|path| is_manifest(path)).max().unwrap();
    let mut bytes = fs::read(&manifest).unwrap();
    let middle = bytes.len() / 2;
    *bytes.get_mut(middle).unwrap() ^= 0xff;
    fs::write(&manifest, bytes).unwrap();
    let error = open(directory.path()).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
}
