//! Sealed events, and the reader entries that lie beside the log for them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use contracts::Contracts;
use ledger::{
    EntryKey, Ledger, MAX_ENTRIES_PER_CALL, Notice, POST_CRASH_POINTS, Submission, What, reason,
};
use party::{KeyId, MemberId};
use statement::{
    Capture, Commitment, Height, ItemSecret, Leaf, MAX_HANDLE_BYTES, MAX_PARTS, Mark, ReaderEntry,
    SealedBody, Tag, body_digest, capture_tree, verify_bundle,
};

use store::{Keys, Sync};

use crate::audit::open_store;
use crate::cast::{
    House, capture, check, commit, commitments, demo, event, id, key, members, open, request, seal,
    sign,
};

const SEALER: &str = "zj-merchant";
const READER: &str = "cn-customs";
const OTHER: &str = "hz-forwarder";

fn secret() -> ItemSecret {
    ItemSecret::from_bytes([5; 32])
}

/// A leaf and a body of `parts` sealed parts; what is in them, the ledger cannot tell.
fn sealed(issuer: &str, number: u8, parts: usize) -> (Leaf, Bytes) {
    let body = SealedBody { parts: vec![vec![number; 60]; parts] }.encode();
    let (commitment, tag) = (Commitment([number; 32]), Tag::keyed(&secret(), "an item"));
    let mark = Mark::new(&secret(), &demo(), &id(issuer), &commitment, &tag);
    let leaf = Leaf::new(commitment, body_digest(&body), vec![(tag, Some(mark))]).unwrap();
    (leaf, Bytes::from(body))
}

/// A capture of one leaf and body, as they are given.
fn submission(issuer: &str, number: u64, leaf: &Leaf, body: Bytes) -> Submission {
    let leaves = vec![Bytes::from(leaf.encode())];
    let (root, request_id) = (capture_tree::root(&leaves), request(number));
    let capture = Capture { root, count: 1, request_id, last_height: Height(90) };
    Submission { statement: sign(issuer, &capture), leaves, bodies: vec![body] }
}

fn append(ledger: &Ledger, submission: Submission) {
    let answer = ledger.submit(submission).unwrap();
    commit(ledger);
    answer.blocking_recv().unwrap().unwrap();
}

/// A house with the sealed events `1..=count` of [`SEALER`], of two parts each.
fn house_of(count: u8) -> House {
    let house = House::new();
    for number in 1..=count {
        let (leaf, body) = sealed(SEALER, number, 2);
        append(&house.ledger, submission(SEALER, number.into(), &leaf, body));
    }
    house
}

/// An entry for a part of the event `number`; `salt` makes it another one.
fn entry(number: u8, part: u32, salt: u8) -> ReaderEntry {
    let (leaf, _) = sealed(SEALER, number, 2);
    let entry = ReaderEntry {
        consortium: demo(),
        commitment: leaf.commitment,
        body_digest: leaf.body_digest,
        part,
        sealer: id(SEALER),
        reader: id(READER),
        reader_key: KeyId([1; 16]),
        handle: vec![salt; 100],
        mac: [2; 32],
        wrapped: [3; 48],
        signature: [0; 64],
    };
    entry.sign(&key(SEALER, 0))
}

fn notices(ledger: &Ledger, from: u64, names: &[&str]) -> (Vec<Notice>, u64) {
    let members: BTreeSet<MemberId> = names.iter().map(|name| id(name)).collect();
    ledger.entries(from, 100, &members).unwrap()
}

/// What a member is told, from the beginning: the salts of entries, or who removed one.
fn told(ledger: &Ledger, name: &str) -> Vec<String> {
    let tell = |notice: Notice| match notice.what {
        What::Put(entry) => format!("{} {} {}", entry.commitment.0[0], entry.part, entry.handle[0]),
        What::Removed { key, by, sealer } => {
            assert_eq!(sealer, id(SEALER));
            format!("{} {} by {by}", key.commitment.0[0], key.part)
        }
    };
    notices(ledger, 0, &[name]).0.into_iter().map(tell).collect()
}

#[test]
fn a_sealed_event_is_logged_followed_and_proven_closed_to_all_but_its_readers() {
    let house = House::new();
    let (leaf, body) = sealed(SEALER, 7, 3);
    house.append(submission(SEALER, 1, &leaf, body.clone())).unwrap();
    let blocks = house.ledger.blocks(Height(2), 9).unwrap();
    assert_eq!(blocks[0].statements[0].bodies, [Some(body)]);
    let bundle = house.ledger.bundle(&leaf.commitment).unwrap();
    let verified = verify_bundle(&bundle, &members()).unwrap();
    assert_eq!((verified.event_json, verified.fields.len()), (None, 0));
    assert_eq!(verified.sealed.unwrap().parts.len(), 3);
    let history = house.ledger.history(&leaf.tags[0].0, 0, 9).unwrap();
    assert_eq!(history.count, 1);
    let House { ledger, path, _directory } = house;
    drop(ledger);
    assert_eq!(check(&path, Arc::new(Contracts), &mut |_, _| ()).unwrap().events, 1);
}

#[test]
fn an_event_between_open_and_sealed_is_refused() {
    let house = House::new();
    let refused = |leaf: &Leaf, body: &Bytes, reason: &str| {
        let submission = submission(SEALER, 1, leaf, body.clone());
        assert_eq!(house.append(submission).unwrap_err().reason, reason);
    };
    let with = |leaf: &Leaf, tags| Leaf::new(leaf.commitment, leaf.body_digest, tags).unwrap();
    let (leaf, body) = sealed(SEALER, 1, 1);
    let (tag, mark) = leaf.tags[0];
    // A sealed body in an open history: nobody could hold it against the item.
    refused(&with(&leaf, vec![(Tag::open("x"), None)]), &body, reason::TAGS_MISMATCH);
    let mixed = vec![(tag, mark), (Tag::open("x"), None)];
    refused(&with(&leaf, mixed), &body, reason::TAGS_MISMATCH);
    // An open body whose tags pretend to be keyed, all of them or one.
    let (open, plain) = seal(SEALER, &request(1), 0, &event(&[1, 2]));
    let marked = |most: usize| {
        let tags = open.tags.iter().enumerate();
        tags.map(|(at, (tag, _))| (*tag, (at < most).then_some(Mark([1; 16])))).collect()
    };
    refused(&with(&open, marked(1)), &plain, reason::TAGS_MISMATCH);
    refused(&with(&open, marked(2)), &plain, reason::TAGS_MISMATCH);
    // The version of the one kind over the content of the other.
    for (body, version) in [(&body, 1), (&plain, 2)] {
        let mut bytes = body.to_vec();
        bytes[1] = version;
        let leaf = Leaf { body_digest: body_digest(&bytes), ..leaf.clone() };
        refused(&leaf, &Bytes::from(bytes), reason::BODY_MALFORMED);
    }
    refused(&leaf, &sealed(SEALER, 2, 1).1, reason::BODY_DIGEST_MISMATCH);
    for parts in [0, MAX_PARTS + 1] {
        let (leaf, body) = sealed(SEALER, 1, parts);
        let refusal = house.append(submission(SEALER, 1, &leaf, body)).unwrap_err();
        assert!(refusal.reason == "BODY_MALFORMED", "{parts} parts: {refusal}");
    }
    let (leaf, body) = sealed(SEALER, 1, MAX_PARTS);
    house.append(submission(SEALER, 1, &leaf, body)).unwrap();
}

#[test]
fn an_entry_is_told_to_its_reader_and_its_sealer_and_to_nobody_else() {
    let house = house_of(1);
    let before = house.ledger.status().unwrap();
    house.ledger.put_entries(vec![entry(1, 0, 10), entry(1, 1, 11)]).unwrap();
    for name in [SEALER, READER] {
        assert_eq!(told(&house.ledger, name), ["1 0 10", "1 1 11"]);
    }
    assert!(told(&house.ledger, OTHER).is_empty());
    let (both, _) = notices(&house.ledger, 0, &[SEALER, READER, OTHER]);
    assert_eq!(both.iter().map(|notice| notice.sequence).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(both[0].what, What::Put(Box::new(entry(1, 0, 10))));
    assert_eq!(house.ledger.status().unwrap(), before, "the log does not know of it");
}

#[test]
fn what_was_put_before_changes_nothing_and_what_is_sealed_again_replaces() {
    let house = house_of(1);
    let ledger = &house.ledger;
    let mut watch = ledger.entries_watch();
    assert_eq!(*watch.borrow_and_update(), 1);
    ledger.put_entries(vec![entry(1, 0, 10)]).unwrap();
    assert_eq!(*watch.borrow_and_update(), 2);
    ledger.put_entries(vec![entry(1, 0, 10)]).unwrap();
    assert!(!watch.has_changed().unwrap());

    // Twice in one call: the last one stays.
    ledger.put_entries(vec![entry(1, 0, 11), entry(1, 0, 12)]).unwrap();
    assert_eq!(told(ledger, READER), ["1 0 12"]);
    let (found, next) = notices(ledger, 0, &[READER]);
    assert_eq!((found[0].sequence, next), (2, 3));

    ledger.remove_entries(&id(READER), vec![EntryKey::of(&entry(1, 0, 0)); 3]).unwrap();
    assert_eq!(told(ledger, SEALER), ["1 0 by cn-customs"]);
    let (_, after) = notices(ledger, 0, &[READER]);
    // An answer that was lost is asked for again: neither call undoes the other.
    ledger.remove_entries(&id(READER), vec![EntryKey::of(&entry(1, 0, 0))]).unwrap();
    ledger.remove_entries(&id(SEALER), vec![EntryKey::of(&entry(1, 0, 0))]).unwrap();
    ledger.put_entries(vec![entry(1, 0, 12)]).unwrap();
    assert_eq!(told(ledger, SEALER), ["1 0 by cn-customs"]);
    assert_eq!(notices(ledger, after, &[READER]), (vec![], after));
    // Sealed again, it is a new entry.
    ledger.put_entries(vec![entry(1, 0, 13)]).unwrap();
    assert_eq!(told(ledger, SEALER), ["1 0 13"]);
}

#[test]
fn an_entry_that_does_not_fit_the_log_is_refused_with_all_that_came_with_it() {
    let house = house_of(2);
    // Somebody else logs the same commitment later, with a body of its own.
    let (theirs, body) = sealed(READER, 1, 9);
    append(&house.ledger, submission(READER, 50, &theirs, body));
    let open = capture(SEALER, 60, 90, &[&[1]]);
    let (opened, plain) = (commitments(&open)[0], body_digest(&open.bodies[0]));
    append(&house.ledger, open);

    let merchant = |change: &dyn Fn(&mut ReaderEntry)| {
        let mut entry = entry(1, 0, 10);
        change(&mut entry);
        entry.sign(&key(SEALER, 0))
    };
    let giant = vec![1; MAX_HANDLE_BYTES + 1];
    let cases = [
        (merchant(&|entry| entry.commitment = Commitment([9; 32])), reason::ENTRY_UNKNOWN),
        (merchant(&|entry| entry.body_digest = [9; 32]), reason::ENTRY_MISMATCH),
        (merchant(&|entry| entry.part = 2), reason::ENTRY_MISMATCH),
        (merchant(&|entry| entry.part = 16), "ENTRY_MALFORMED"),
        (merchant(&|entry| entry.handle = giant.clone()), reason::REQUEST_TOO_LARGE),
        (merchant(&|entry| entry.reader = id("nobody")), reason::MEMBER_UNKNOWN),
        (merchant(&|entry| entry.consortium = "other".parse().unwrap()), "CONSORTIUM_MISMATCH"),
        // An open event has no part for anybody.
        (
            merchant(&|entry| (entry.commitment, entry.body_digest) = (opened, plain)),
            reason::ENTRY_MISMATCH,
        ),
        // A member that is not the sealer: under its own name, under another's, for its own copy.
        (
            ReaderEntry { sealer: id(OTHER), ..entry(1, 0, 1) }.sign(&key(OTHER, 0)),
            reason::ENTRY_MISMATCH,
        ),
        (entry(1, 0, 1).sign(&key(OTHER, 0)), reason::SIGNATURE_INVALID),
        (
            ReaderEntry { sealer: id(READER), body_digest: theirs.body_digest, ..entry(1, 0, 1) }
                .sign(&key(READER, 0)),
            reason::ENTRY_MISMATCH,
        ),
        // A key serves one use: the receipt key signs no entry.
        (entry(1, 0, 1).sign(&key(SEALER, 1)), reason::SIGNATURE_INVALID),
    ];
    for (bad, reason) in cases {
        let refusal = house.ledger.put_entries(vec![entry(2, 0, 1), bad]).unwrap_err();
        assert_eq!((refusal.reason, refusal.field.as_deref()), (reason, Some("entries[1]")));
    }
    assert!(told(&house.ledger, SEALER).is_empty(), "nothing is kept");
    let many = vec![entry(1, 0, 1); MAX_ENTRIES_PER_CALL + 1];
    assert_eq!(house.ledger.put_entries(many).unwrap_err().reason, reason::TOO_MANY_ENTRIES);
}

#[test]
fn only_reader_or_sealer_removes_and_the_bytes_are_gone() {
    let house = house_of(1);
    let ledger = &house.ledger;
    ledger.put_entries(vec![entry(1, 0, 10), entry(1, 1, 11)]).unwrap();
    let keys = [0, 1].map(|part| EntryKey::of(&entry(1, part, 0)));
    let absent = EntryKey { commitment: Commitment([9; 32]), ..keys[0].clone() };
    // Whether it is there or not, a stranger hears the same; and with one foreign key all stay.
    let own = EntryKey { reader: id(OTHER), ..keys[0].clone() };
    for foreign in [keys[0].clone(), absent.clone()] {
        let both = vec![own.clone(), foreign];
        let refusal = ledger.remove_entries(&id(OTHER), both).unwrap_err();
        assert_eq!(refusal.reason, reason::ENTRY_NOT_YOURS);
    }
    let many = vec![keys[0].clone(); MAX_ENTRIES_PER_CALL + 1];
    let refusal = ledger.remove_entries(&id(READER), many).unwrap_err();
    assert_eq!(refusal.reason, reason::TOO_MANY_ENTRIES);
    assert_eq!(told(ledger, READER), ["1 0 10", "1 1 11"]);

    ledger.remove_entries(&id(SEALER), vec![keys[0].clone()]).unwrap();
    ledger.remove_entries(&id(READER), vec![keys[1].clone(), absent]).unwrap();
    assert_eq!(told(ledger, READER), ["1 0 by zj-merchant", "1 1 by cn-customs"]);
    assert_eq!(told(ledger, SEALER), told(ledger, READER));
}

#[test]
fn a_follower_that_asks_on_misses_nothing_and_hears_nothing_twice() {
    let house = house_of(5);
    let ledger = &house.ledger;
    let all: Vec<_> = (1..=5).flat_map(|n| [entry(n, 0, 1), entry(n, 1, 1)]).collect();
    ledger.put_entries(all).unwrap();
    let everybody = [SEALER, READER].map(id).into();
    let (mut from, mut heard) = (0, Vec::new());
    loop {
        let (some, next) = ledger.entries(from, 3, &everybody).unwrap();
        assert!(some.len() <= 3);
        if some.is_empty() {
            assert_eq!(next, from);
            break;
        }
        heard.extend(some.into_iter().map(|notice| notice.sequence));
        from = next;
    }
    assert_eq!(heard, (1..=10).collect::<Vec<_>>());
    // What others are told moves the place from which to ask on, too.
    assert_eq!(ledger.entries(0, 3, &[id(OTHER)].into()).unwrap(), (vec![], 11));
    // One that is replaced is told anew, and its old notice no more.
    ledger.put_entries(vec![entry(2, 1, 2)]).unwrap();
    let (some, next) = notices(ledger, from, &[READER]);
    assert_eq!((some[0].sequence, some.len(), next), (11, 1, 12));
    assert_eq!(notices(ledger, 0, &[READER]).0.len(), 10);
    // A follower that was further ahead, of a copy that is gone, is sent back.
    assert_eq!(notices(ledger, 999, &[READER]), (vec![], 12));
    assert_eq!(ledger.entries(4, 0, &everybody).unwrap(), (vec![], 4));
}

#[test]
fn entries_and_removals_and_their_numbers_outlive_the_process() {
    let House { ledger, path, _directory } = house_of(2);
    ledger.put_entries(vec![entry(1, 0, 10), entry(2, 0, 20)]).unwrap();
    ledger.remove_entries(&id(READER), vec![EntryKey::of(&entry(1, 0, 0))]).unwrap();
    drop(ledger);
    let report = check(&path, Arc::new(Contracts), &mut |_, _| ()).unwrap();
    assert_eq!(report.reader_entries, 1);
    let ledger = open(&path).unwrap();
    assert_eq!(told(&ledger, READER), ["2 0 20", "1 0 by cn-customs"]);
    ledger.put_entries(vec![entry(1, 0, 10)]).unwrap();
    ledger.put_entries(vec![entry(1, 1, 30)]).unwrap();
    assert_eq!(notices(&ledger, 4, &[READER]).0[0].sequence, 4, "no number is given twice");
}

/// Given the first row of a family.
type Tamper<'a> = &'a dyn Fn(&mut store::Batch, &[u8], &[u8]);

#[test]
fn a_post_that_was_tampered_with_is_found() {
    let change = |family: &'static str, change: Tamper<'_>| {
        let House { ledger, path, _directory } = house_of(1);
        ledger.put_entries(vec![entry(1, 0, 10), entry(1, 1, 11)]).unwrap();
        drop(ledger);
        let store = open_store(&path);
        let (key, value) = store.scan(family, Keys::All).unwrap().next().unwrap().unwrap();
        let mut batch = store.batch();
        change(&mut batch, &key, &value);
        store.write(batch, Sync::Yes).unwrap();
        drop(store);
        let error = check(&path, Arc::new(Contracts), &mut |_, _| ()).unwrap_err();
        assert!(error.to_string().contains("reader entries"), "{family}: {error}");
    };
    for at in [3, 60, 100] {
        change("readers", &|batch, key, value| {
            let mut value = value.to_vec();
            value[at] ^= 1;
            batch.put("readers", key, &value);
        });
    }
    change("readers", &|batch, key, _| batch.delete("readers", key));
    change("notices", &|batch, key, _| batch.delete("notices", key));
    change("notices", &|batch, key, value| {
        batch.put("notices", &[key, &[1]].concat(), value);
    });
    change("notices", &|batch, _, _| batch.put("meta", b"posted", &1_u64.to_be_bytes()));
}

/// Where the child finds its directory.
const DIRECTORY: &str = "LEDGER_POST_DIRECTORY";

/// The child: not a test of its own, but what the test below starts again and again.
#[test]
#[ignore = "started by its parent"]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let ledger = open(Path::new(&directory)).unwrap();
    let (leaf, body) = sealed(SEALER, 1, 2);
    append(&ledger, submission(SEALER, 1, &leaf, body));
    for salt in 1..=3 {
        ledger.put_entries(vec![entry(1, 0, salt), entry(1, 1, salt)]).unwrap();
        println!("acknowledged {salt}");
    }
    ledger.remove_entries(&id(READER), vec![EntryKey::of(&entry(1, 0, 0))]).unwrap();
    println!("acknowledged removal");
}

#[test]
fn a_crash_loses_no_acknowledged_entry_or_removal_and_leaves_none_half_put() {
    for point in POST_CRASH_POINTS {
        for visit in 1..=4 {
            let directory = tempfile::tempdir().unwrap();
            let output = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "post::child", "--ignored", "--nocapture", "--test-threads=1"])
                .env(DIRECTORY, directory.path())
                .env("QUAYSIDE_CRASH_AT", format!("{point}#{visit}"))
                .stderr(Stdio::null())
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(!output.status.success(), "{point}#{visit} was not passed: {text}");
            let acknowledged = text.matches("acknowledged ").count();
            assert_eq!(acknowledged, visit - 1);
            // Before the write the call has done nothing, after it all.
            let done = if *point == "post-written" { visit } else { visit - 1 };
            let ledger = open(directory.path()).unwrap();
            let expected = match done {
                0 => vec![],
                4 => vec!["1 1 3".to_owned(), "1 0 by cn-customs".to_owned()],
                salt => vec![format!("1 0 {salt}"), format!("1 1 {salt}")],
            };
            assert_eq!(told(&ledger, READER), expected, "{point}#{visit}");
            assert_eq!(told(&ledger, SEALER), expected, "{point}#{visit}");
            drop(ledger);
            check(directory.path(), Arc::new(Contracts), &mut |_, _| ()).unwrap();
        }
    }
}
