//! What stands on the disk: nothing in the clear, nothing that another key opens, and no half.

use std::fs;
use std::path::Path;

use keys::{KeyPool, KeySource};

use crate::cast::{
    End, STORAGE_KEY, filled, handle, id, key_id, keys, open, peer, request, secret,
};

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

/// Copies a store as a power cut would leave it.
fn copied(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for (path, bytes) in files(from) {
        fs::write(to.path().join(path.file_name().unwrap()), bytes).unwrap();
    }
    to
}

#[tokio::test]
async fn no_file_of_the_pool_shows_a_key() {
    let [near, _] = filled(40);
    near.pool.store_pending([2; 16], keys(0, 2, 4), false).unwrap();
    near.source.draw(&request(1), &peer(1), 32).await.unwrap();
    // While it is open: the log of writes holds every row, and does not compress.
    let all = files(near.folder.path());
    let shows = |wanted: &[u8]| {
        all.iter().any(|(_, bytes)| bytes.windows(wanted.len()).any(|window| window == wanted))
    };
    assert!(shows(&key_id(1, 7).0), "the files hold the rows");
    for (block, number) in [(1, 0), (1, 7), (2, 1)] {
        assert!(!shows(&secret(block, number)[..12]), "key {number} of block {block}");
    }
}

#[test]
fn another_storage_key_is_told_at_open() {
    let end = End::new(0);
    end.fill(0, 1, 4);
    let folder = end.folder;
    drop((end.pool, end.source));
    let error = KeyPool::open(folder.path(), &[1; 32], id(0)).unwrap_err();
    assert_eq!(error.reason(), "STORAGE_KEY_WRONG");
    assert!(error.to_string().contains("sealed with another storage key"), "{error}");
    assert!(open(folder.path(), 0).is_ok(), "and nothing was changed by it");
}

#[test]
fn the_pool_of_another_end_or_link_is_told_at_open() {
    let end = End::new(0);
    let folder = end.folder;
    drop((end.pool, end.source));
    let mut other_link = id(0);
    other_link.link = "other".into();
    for wanted in [id(1), other_link] {
        let error = KeyPool::open(folder.path(), &STORAGE_KEY, wanted).unwrap_err();
        assert_eq!(error.reason(), "KEY_POOL_FOREIGN");
        assert!(error.to_string().contains("link hz-xs at hangzhou"), "{error}");
    }
    let mut bad = id(0);
    bad.link = "Hz Xs".into();
    assert!(KeyPool::open(folder.path(), &STORAGE_KEY, bad).is_err());
}

#[test]
fn a_pool_that_is_open_elsewhere_is_told() {
    let end = End::new(0);
    let error = open(end.folder.path(), 0).unwrap_err();
    assert!(error.to_string().contains("in use"), "{error}");
}

#[tokio::test]
async fn a_torn_write_leaves_each_block_and_each_delivery_whole_or_absent() {
    let end = End::new(1);
    end.fill(1, 1, 8);
    let wanted = handle(vec![key_id(1, 0), key_id(1, 2)], 64);
    end.source.recover(&request(1), &peer(0), &wanted).await.unwrap();
    let log = files(end.folder.path())
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|e| e == "log"));
    let (path, bytes) = log.max_by_key(|(path, _)| path.clone()).unwrap();
    let mut outcomes = [0; 4];
    for kept in (0..=bytes.len()).rev().step_by(bytes.len() / 60) {
        let copy = copied(end.folder.path());
        fs::write(copy.path().join(path.file_name().unwrap()), &bytes[..kept]).unwrap();
        let torn = End::at(copy, 1);
        let counts = torn.pool.counts();
        let outcome = match (counts.pending, counts.ready_incoming, counts.unconfirmed) {
            (0, 0, 0) => 0,
            (8, 0, 0) => 1,
            (0, 4, 0) => 2,
            (0, 2, 2) => 3,
            half => panic!("{kept} of {} bytes leave {half:?}", bytes.len()),
        };
        outcomes[outcome] += 1;
        let again = torn.source.recover(&request(1), &peer(0), &wanted).await;
        assert_eq!(again.is_ok(), outcome >= 2, "{kept} bytes: {again:?}");
    }
    assert!(outcomes.iter().all(|seen| *seen > 0), "every moment was met: {outcomes:?}");
}
