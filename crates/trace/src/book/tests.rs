//! What a book keeps, refuses, and shows to nobody.

use std::path::Path;

use statement::{Disclosure, LeafIndex, LogIndex, Mark, Opened as Field, Salt, Seed, Tag};

use super::*;
use crate::{Alert, SealedLeaf};

const PARCEL: &str = "https://things.example/parcel";
/// What the issue names: found with its reader, and in no file.
const CANARIES: [&str; 4] =
    ["Canary Buyer Fernandez", "Calle de la Canaria 7", "+34 600 123 987", "ID-88112233-Q"];

fn storage_key(n: u8) -> StorageKey {
    StorageKey::from_bytes([n; 32])
}

fn member(name: &str) -> MemberId {
    name.parse().unwrap()
}

fn open(path: &Path) -> Book {
    Book::open(path, &storage_key(1), member("es-post")).unwrap()
}

fn announced(secret: &ItemSecret, item: &str, height: u64) -> Announcement {
    Announcement {
        id: secret.id(),
        issuer: member("zj-merchant"),
        tag: Tag::keyed(secret, item),
        height: Height(height),
        predecessor: None,
    }
}

/// An event of four fields, of which some are opened.
fn disclosure(choose: &[&str]) -> Disclosure {
    let buyer = format!(r#"{{"all":"{}"}}"#, CANARIES.join("|"));
    let list = format!(r#"["{PARCEL}"]"#);
    let fields = [
        ("action", r#""ADD""#),
        ("epcList", &list),
        ("https://ns.example/buyer", &buyer),
        ("type", r#""ObjectEvent""#),
    ];
    let seed = Seed::from_bytes([6; 32]);
    Disclosure::open(&seed, fields.into_iter(), |name| choose.contains(&name)).unwrap()
}

fn entry(event: u8, part: u32, opened: Opened) -> Entry {
    Entry {
        commitment: Commitment([event; 32]),
        position: Position { index: LogIndex(event.into()), leaf: LeafIndex(0) },
        issuer: member("zj-merchant"),
        height: Height(event.into()),
        block_time_ms: 5,
        part,
        content_key: ContentKey::from_bytes([part.to_le_bytes()[0] + 100; 32]),
        opened,
        sealed_with: "x-wing".into(),
        passed_over: vec![PassedOver {
            source: "qkd:hz-xs".into(),
            reason: "line shut down".into(),
        }],
    }
}

fn fields(event: u8, part: u32, choose: &[&str]) -> Entry {
    entry(event, part, Opened::Fields(disclosure(choose)))
}

fn handed(event: u8, part: u32, secret: &ItemSecret, height: u64) -> Entry {
    let announced = announced(secret, PARCEL, height);
    entry(event, part, Opened::Secret { item: PARCEL.into(), secret: secret.clone(), announced })
}

fn finding(n: u64) -> Finding {
    Finding {
        position: Position { index: LogIndex(n), leaf: LeafIndex(0) },
        height: Height(n),
        issuer: member("sky-air"),
        commitment: Commitment([7; 32]),
        reason: Alert::SecretDecoy,
        detail: "nobody announced it".into(),
    }
}

#[test]
fn what_was_put_comes_back_after_a_restart_with_its_parts_joined() {
    let folder = tempfile::tempdir().unwrap();
    let secret = ItemSecret::from_bytes([3; 32]);
    let book = open(folder.path());
    book.put(fields(9, 0, &["action", "epcList", "type"])).unwrap();
    book.put_all(vec![fields(9, 1, &["https://ns.example/buyer"]), handed(9, 2, &secret, 4)])
        .unwrap();
    book.put(fields(5, 0, &["type"])).unwrap();
    book.alert(&finding(8)).unwrap();
    book.alert(&finding(2)).unwrap();
    book.alert(&finding(8)).unwrap();
    drop(book);

    let book = open(folder.path());
    let commitment = Commitment([9; 32]);
    assert!(book.has(&commitment, 1).unwrap() && !book.has(&commitment, 3).unwrap());
    assert!(!book.has(&Commitment([1; 32]), 0).unwrap());
    let key = book.content_key(&commitment, 2).unwrap().unwrap();
    assert_eq!(key.as_bytes(), &[102; 32]);
    let event = book.event(&commitment).unwrap().unwrap();
    assert_eq!(event.parts.len(), 3);
    assert_eq!(event.parts[1].passed_over[0].reason, "line shut down");
    assert_eq!(event.sealed_with().as_deref(), Some("x-wing"));
    assert_eq!(event.secrets_of, [PARCEL]);
    assert_eq!(event.items().into_iter().collect::<Vec<_>>(), [PARCEL]);
    assert_eq!(event.closed_fields().count(), 0);
    let json = event.json().unwrap();
    assert!(json.starts_with(r#"{"action":"ADD","epcList":["#), "{json}");
    assert!(CANARIES.iter().all(|canary| json.contains(canary)), "its reader finds them");
    let positions = |events: Vec<OpenedEvent>| -> Vec<u64> {
        events.iter().map(|event| event.position.index.0).collect()
    };
    assert_eq!(positions(book.events_since(None, 10).unwrap()), [5, 9]);
    assert_eq!(positions(book.events_since(None, 1).unwrap()), [5]);
    let after = Some(Position { index: LogIndex(5), leaf: LeafIndex(0) });
    assert_eq!(positions(book.events_since(after, 10).unwrap()), [9]);
    assert_eq!(positions(book.events_naming(PARCEL).unwrap()), [9]);
    let secrets = book.secrets(PARCEL).unwrap();
    assert_eq!((secrets.len(), secrets[0].1), (1, Height(4)));
    assert_eq!(secrets[0].0.as_bytes(), secret.as_bytes());
    assert!(book.secrets("https://things.example/other").unwrap().is_empty());
    assert_eq!(book.alerts().unwrap(), [finding(2), finding(8)]);
}

#[test]
fn what_is_there_already_is_put_once_and_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let book = open(folder.path());
    book.put(fields(9, 0, &["type"])).unwrap();
    let mut again = fields(9, 0, &["type"]);
    again.sealed_with = "qkd:other".into();
    // A second capture of the same event stands elsewhere.
    again.position.index = LogIndex(70);
    book.put(again).unwrap();
    let mut more = fields(9, 1, &["action"]);
    more.position.index = LogIndex(70);
    book.put(more).unwrap();
    let events = book.events_since(None, 10).unwrap();
    assert_eq!((events.len(), events[0].parts.len()), (1, 2));
    assert_eq!(events[0].sealed_with().as_deref(), Some("x-wing"));
}

#[test]
fn secrets_come_in_the_order_in_which_they_were_announced() {
    let folder = tempfile::tempdir().unwrap();
    let book = open(folder.path());
    for (n, height) in [(1, 8), (2, 3), (3, 6)] {
        book.put(handed(9, n.into(), &ItemSecret::from_bytes([n; 32]), height)).unwrap();
    }
    let secrets = book.secrets(PARCEL).unwrap();
    assert_eq!(secrets.iter().map(|(_, height)| height.0).collect::<Vec<_>>(), [3, 6, 8]);
}

#[test]
fn a_decoy_secret_is_refused_and_nothing_of_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let book = open(folder.path());
    let (secret, decoy) = (ItemSecret::from_bytes([3; 32]), ItemSecret::from_bytes([4; 32]));
    let hand = |secret: &ItemSecret, announced| {
        let (item, secret) = (PARCEL.to_owned(), secret.clone());
        book.put_all(vec![
            fields(9, 0, &["type"]),
            entry(9, 1, Opened::Secret { item, secret, announced }),
        ])
    };
    let refused = [
        hand(&decoy, announced(&secret, PARCEL, 4)),
        hand(&secret, announced(&secret, "https://things.example/other", 4)),
        hand(&secret, announced(&secret, PARCEL, 10)),
    ];
    for error in refused.map(Result::unwrap_err) {
        assert_eq!(error.reason(), "SECRET_DECOY", "{error}");
    }
    assert!(book.secrets(PARCEL).unwrap().is_empty());
    assert!(!book.has(&Commitment([9; 32]), 0).unwrap(), "all or nothing");
    hand(&secret, announced(&secret, PARCEL, 9)).unwrap();
}

#[test]
fn another_storage_key_and_another_member_are_told_apart_at_once() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let error = Book::open(folder.path(), &storage_key(2), member("es-post")).unwrap_err();
    assert!(matches!(error, Error::WrongStorageKey { .. }), "{error}");
    assert!(error.to_string().contains("storage key"), "{error}");
    let error = Book::open(folder.path(), &storage_key(1), member("sky-air")).unwrap_err();
    assert!(matches!(error, Error::WrongBook { .. }), "{error}");
    assert!(error.to_string().contains("es-post"), "{error}");
    open(folder.path());
}

#[test]
fn no_file_of_a_book_shows_what_was_opened_or_of_what() {
    let folder = tempfile::tempdir().unwrap();
    let secret = ItemSecret::from_bytes(*b"a secret of thirty-two bytes....");
    let all = ["action", "epcList", "https://ns.example/buyer", "type"];
    let book = open(folder.path());
    book.put_all(vec![fields(9, 0, &all), handed(9, 1, &secret, 4)]).unwrap();
    book.alert(&finding(8)).unwrap();
    drop(book);
    // Once more, so that the log is replayed into sorted files.
    drop(open(folder.path()));
    let (mut files, mut bytes) = (0, 0);
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let contents = std::fs::read(file.unwrap().path()).unwrap();
        let mut plain: Vec<&[u8]> = CANARIES.iter().map(|canary| canary.as_bytes()).collect();
        let named: [&[u8]; 6] =
            [PARCEL.as_bytes(), b"epcList", b"es-post", b"zj-merchant", b"x-wing", b"nobody"];
        plain.extend(named);
        let keys: [&[u8]; 3] = [secret.as_bytes(), &[100; 32], &[9; 32]];
        plain.extend(keys);
        for canary in plain {
            let found = contents.windows(canary.len()).any(|window| window == canary);
            assert!(!found, "{:?} is in a file", String::from_utf8_lossy(canary));
        }
        (files, bytes) = (files + 1, bytes + contents.len());
    }
    assert!(files > 3 && bytes > 1_000, "{files} files of {bytes} bytes were looked through");
}

#[test]
fn torn_and_foreign_rows_are_errors_and_not_facts() {
    let row = Row { entry: fields(9, 0, &["type"]) }.encode();
    for end in 0..row.len() {
        assert!(Row::decode(&row[..end]).is_err(), "cut at {end}");
    }
    let mut later = row.to_vec();
    later[1] = 2;
    assert!(Row::decode(&later).is_err(), "a later version");
    let finding = finding(3);
    assert_eq!(Finding::decode(&finding.encode()).unwrap(), finding);
    assert!(Finding::decode(&row).is_err());
}

#[test]
fn neither_an_entry_nor_an_event_shows_in_a_log_what_it_holds() {
    let entry = fields(9, 0, &["https://ns.example/buyer"]);
    let shown = format!("{entry:?} {:?}", OpenedEvent::of(entry.clone()));
    assert!(CANARIES.iter().all(|canary| !shown.contains(canary)), "{shown}");
}

#[test]
fn items_are_named_in_lists_parents_and_quantities_and_nowhere_else() {
    let field = |name: &str, value: &str| Field {
        name: name.into(),
        salt: Salt::from_bytes([0; 32]),
        value: value.into(),
    };
    let opened = vec![
        field("bizTransactionList", r#"["https://things.example/no"]"#),
        field("childQuantityList", r#"[{"epcClass":"https://things.example/3","quantity":2}]"#),
        field("epcList", r#"["https://things.example/1"]"#),
        field("parentID", r#""urn:epc:id:sscc:0614141.1234567890""#),
    ];
    let named = event::named(&Disclosure { list: Vec::new(), opened });
    let expected = [
        "https://id.gs1.org/00/106141412345678908",
        "https://things.example/1",
        "https://things.example/3",
    ];
    assert_eq!(named.into_iter().collect::<Vec<_>>(), expected);
}

/// Keeps the constructor of marks honest: a leaf bears a tag only with the mark of its holder.
#[test]
fn a_leaf_bears_an_item_only_with_the_mark_of_a_holder() {
    let (secret, consortium) = (ItemSecret::from_bytes([3; 32]), "demo".parse().unwrap());
    let (tag, commitment) = (Tag::keyed(&secret, PARCEL), Commitment([1; 32]));
    let issuer = member("sky-air");
    let mark = Mark::new(&secret, &consortium, &issuer, &commitment, &tag);
    let leaf = |issuer: &str, mark| SealedLeaf {
        position: Position { index: LogIndex(1), leaf: LeafIndex(0) },
        issuer: member(issuer),
        height: Height(1),
        block_time_ms: 1,
        leaf: statement::Leaf::new(commitment, [0; 32], vec![(tag, Some(mark))]).unwrap(),
        body: None,
    };
    assert!(leaf("sky-air", mark).bears(&secret, PARCEL, &consortium));
    assert!(!leaf("es-post", mark).bears(&secret, PARCEL, &consortium), "copied by another");
    assert!(!leaf("sky-air", Mark([0; 16])).bears(&secret, PARCEL, &consortium));
    assert!(!leaf("sky-air", mark).bears(&secret, "https://things.example/2", &consortium));
}
