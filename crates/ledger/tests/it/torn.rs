//! What a crash may leave of the write-ahead log, and what it may not.

use std::fs;
use std::path::{Path, PathBuf};

use ledger::Error;
use statement::{Header, Height};

use crate::cast::{House, capture, config, open};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file of a directory with what is in it, but for what the engine says of itself.
fn contents(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let telling = |path: &Path| path.file_name().unwrap().to_string_lossy().starts_with("LOG");
    let mut files: Vec<_> = files
        .filter(|path| !telling(path))
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

/// The write-ahead log that is written now.
fn last_log(ledger: &Path) -> PathBuf {
    let logs = fs::read_dir(ledger.join("store")).unwrap().map(|entry| entry.unwrap().path());
    let mut logs: Vec<_> =
        logs.filter(|path| path.extension().is_some_and(|end| end == "log")).collect();
    logs.sort();
    logs.pop().unwrap()
}

fn cut(path: &Path, length: u64) {
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}

/// A ledger with some blocks; the headers of all of them, and the log's length before the last.
fn filled() -> (House, Vec<Header>, u64) {
    let house = House::new();
    let mut headers = vec![house.ledger.status().unwrap().header];
    let mut before_last = 0;
    for number in 1..=5 {
        before_last = fs::metadata(last_log(&house.path)).unwrap().len();
        house.append(capture("zj-merchant", number, 50, &[&[number, 1], &[2]])).unwrap();
        headers.push(house.ledger.status().unwrap().header);
    }
    (house, headers, before_last)
}

#[test]
fn a_torn_tail_gives_the_block_before_or_the_block_and_nothing_between() {
    let (house, headers, start) = filled();
    let log = last_log(&house.path);
    let end = fs::metadata(&log).unwrap().len();
    assert!(end > start + 1_000, "the last record is there: {start} to {end}");
    let name = log.strip_prefix(&house.path).unwrap();
    let step = usize::try_from((end - start) / 40).unwrap().max(1);
    let lengths = (start..start + 12).chain((start..end).step_by(step)).chain(end - 12..=end);
    let (mut before, mut whole) = (0, 0);
    for length in lengths {
        let directory = tempfile::tempdir().unwrap();
        copy(&house.path, directory.path());
        cut(&directory.path().join(name), length);
        // The kill came before the last block was acknowledged.
        fs::remove_file(directory.path().join("acknowledged")).unwrap();
        let ledger = open(directory.path()).unwrap();
        let header = ledger.status().unwrap().header;
        if length == end {
            assert_eq!(header, headers[5], "a whole record is recovered");
            whole += 1;
        } else {
            assert_eq!(header, headers[4], "cut at {length} of {start}..{end}");
            before += 1;
        }
        assert_eq!(ledger.blocks(Height(1), 99).unwrap().len() as u64, header.height.0);
        // It goes on from there.
        let answer = ledger.submit(capture("zj-merchant", 9, 50, &[&[9]])).unwrap();
        crate::cast::commit(&ledger);
        assert!(answer.blocking_recv().unwrap().is_ok());
    }
    assert!(before > 40 && whole == 1, "{before} {whole}");
}

#[test]
fn garbage_after_the_tail_is_cut_off() {
    let (house, headers, _) = filled();
    let name = last_log(&house.path).strip_prefix(&house.path).unwrap().to_owned();
    for garbage in [vec![0; 4_096], vec![0xff; 700], b"torn".to_vec()] {
        let directory = tempfile::tempdir().unwrap();
        copy(&house.path, directory.path());
        let log = directory.path().join(&name);
        let bytes = [fs::read(&log).unwrap(), garbage].concat();
        fs::write(&log, bytes).unwrap();
        assert_eq!(open(directory.path()).unwrap().status().unwrap().header, headers[5]);
    }
}

#[test]
fn losing_what_was_acknowledged_keeps_the_node_down_and_says_what_and_where() {
    let (house, _, start) = filled();
    let directory = tempfile::tempdir().unwrap();
    copy(&house.path, directory.path());
    let log = last_log(directory.path());
    cut(&log, start + 100);
    let left = contents(&directory.path().join("store"));
    let error = open(directory.path()).unwrap_err();
    let expected = Error::LostAcknowledged {
        path: directory.path().display().to_string(),
        recovered: Height(5),
        acknowledged: Height(6),
    };
    assert_eq!(error, expected);
    let text = error.to_string();
    assert!(text.contains("height 5") && text.contains("height 6 was acknowledged"), "{text}");
    // Trying again does not wear it down.
    assert_eq!(open(directory.path()).unwrap_err(), expected);
    assert_eq!(contents(&directory.path().join("store")), left, "what is left stays as it was");

    // All of the log gone is no fresh start either.
    let directory = tempfile::tempdir().unwrap();
    copy(&house.path, directory.path());
    fs::remove_dir_all(directory.path().join("store")).unwrap();
    assert!(matches!(
        open(directory.path()),
        Err(Error::LostAcknowledged { recovered: Height(0), .. })
    ));
}

#[test]
fn damage_in_the_middle_of_the_log_is_not_taken_for_a_torn_tail() {
    let (house, _, start) = filled();
    let directory = tempfile::tempdir().unwrap();
    copy(&house.path, directory.path());
    let log = last_log(directory.path());
    let mut bytes = fs::read(&log).unwrap();
    let at = usize::try_from(start / 2).unwrap();
    bytes[at] ^= 0x40;
    fs::write(&log, bytes).unwrap();
    let error = open(directory.path()).unwrap_err();
    assert!(matches!(error, Error::LostAcknowledged { .. } | Error::Store(_)), "{error}");
}

#[test]
fn another_genesis_or_a_wrong_receipt_key_is_refused() {
    let (house, _, _) = filled();
    let House { ledger, path, _directory } = house;
    drop(ledger);
    let mut other = config(&path);
    let content = statement::Genesis { time_ms: 1, members: crate::cast::members(), max_window: 5 };
    let key = crate::cast::key("hz-forwarder", 0);
    let one = statement::Statement::sign(
        &key,
        &crate::cast::demo(),
        &crate::cast::id("hz-forwarder"),
        statement::Content::Genesis,
        content.encode(),
    );
    other.genesis = one.unwrap().into_bytes().into();
    let machine = || std::sync::Arc::new(contracts::Contracts);
    let error = ledger::Ledger::open(other, machine()).unwrap_err();
    assert!(matches!(error, Error::OtherGenesis { .. }), "{error}");

    let mut other = config(&path);
    other.receipt_key = Some((crate::cast::id("zj-merchant"), crate::cast::key("zj-merchant", 1)));
    let error = ledger::Ledger::open(other, machine()).unwrap_err();
    assert!(matches!(error, Error::NoReceiptKey { .. }), "{error}");

    let open_twice = open(&path).unwrap();
    let error = open(&path).unwrap_err();
    assert!(error.to_string().contains("in use by another process"), "{error}");
    drop(open_twice);
    assert!(open(&path).is_ok());
}
