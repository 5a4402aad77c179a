//! Announced secrets, decided over a state that is a map in memory.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::collections::BTreeMap;

use contracts::{AnnounceSecret, Announced, Contracts, reason};
use ledger::{Error, Failure, Machine, Rows, View};
use party::{ConsortiumId, MemberId};
use statement::{Act, Content, Height, ItemSecret, RequestId, SigningKey, Statement, Tag};

#[derive(Default)]
struct State(BTreeMap<Vec<u8>, Vec<u8>>);

impl View for State {
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.get(key).cloned())
    }

    fn values(&self, prefix: &[u8]) -> Result<Rows, Error> {
        let rows = self.0.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(rows.map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}

impl State {
    fn command(&mut self, height: u64, by: &str, arguments: Vec<u8>) -> Result<(), Failure> {
        let statement = command(by, Content::Command, arguments);
        let changes = Contracts.apply(self, Height(height), 0, &statement)?;
        // Pure: asking again gives the same answer.
        assert_eq!(Contracts.apply(self, Height(height), 0, &statement), Ok(changes.clone()));
        self.0.extend(changes.into_iter().map(|(key, value)| (key, value.unwrap())));
        Ok(())
    }

    fn announce(&mut self, height: u64, by: &str, what: &AnnounceSecret) -> Result<(), Failure> {
        self.command(height, by, what.encode())
    }

    fn announced(&self, what: &AnnounceSecret) -> Option<Announced> {
        let row = self.0.get(&Announced::key(&what.secret_id))?;
        Some(Announced::decode(row).unwrap())
    }
}

fn command(by: &str, content: Content, arguments: Vec<u8>) -> Statement {
    let (request_id, last_height) = (RequestId([1; 16]), Height(99));
    let act = Act { name: AnnounceSecret::NAME.to_owned(), arguments, request_id, last_height };
    let (demo, by): (ConsortiumId, MemberId) = ("demo".parse().unwrap(), by.parse().unwrap());
    Statement::sign(&SigningKey::from_bytes([1; 32]), &demo, &by, content, act.encode()).unwrap()
}

fn announce(secret: u8, predecessor: Option<u8>) -> AnnounceSecret {
    let of = |byte| ItemSecret::from_bytes([byte; 32]);
    let tag = Tag::keyed(&of(secret), "https://id.gs1.org/00/340123450000000000");
    let predecessor = predecessor.map(|byte| of(byte).id());
    AnnounceSecret { secret_id: of(secret).id(), tag, predecessor }
}

#[track_caller]
fn refused(result: Result<(), Failure>, reason: &str, field: &str) {
    match result.unwrap_err() {
        Failure::Refused(refusal) => {
            assert_eq!(refusal.reason, reason, "{refusal}");
            assert_eq!(refusal.field.as_deref(), Some(field));
        }
        Failure::Broken(error) => assert_eq!(error.to_string(), reason),
    }
}

#[test]
fn an_announced_secret_is_known_by_who_announced_it_and_when_and_for_which_tag() {
    let mut state = State::default();
    let first = announce(1, None);
    assert_eq!(state.announced(&first), None);
    state.announce(7, "zj-merchant", &first).unwrap();
    let expected = Announced {
        issuer: "zj-merchant".parse().unwrap(),
        tag: first.tag,
        height: Height(7),
        successor: None,
    };
    assert_eq!(state.announced(&first), Some(expected));
}

#[test]
fn a_secret_is_announced_once_by_whomever() {
    let mut state = State::default();
    state.announce(7, "zj-merchant", &announce(1, None)).unwrap();
    let before = state.0.clone();
    let field = "arguments.secret_id";
    refused(state.announce(8, "zj-merchant", &announce(1, None)), reason::SECRET_KNOWN, field);
    refused(state.announce(8, "sky-air", &announce(1, None)), reason::SECRET_KNOWN, field);
    // Nor does it succeed itself.
    refused(state.announce(8, "zj-merchant", &announce(1, Some(1))), reason::SECRET_KNOWN, field);
    assert_eq!(state.0, before);
}

#[test]
fn a_successor_follows_one_that_is_its_announcers_and_has_none_yet() {
    let mut state = State::default();
    let field = "arguments.predecessor";
    let orphan = announce(2, Some(1));
    refused(state.announce(6, "zj-merchant", &orphan), reason::SECRET_UNKNOWN, field);
    let itself = announce(1, Some(1));
    refused(state.announce(6, "zj-merchant", &itself), reason::SECRET_UNKNOWN, field);
    state.announce(7, "zj-merchant", &announce(1, None)).unwrap();
    refused(state.announce(8, "sky-air", &orphan), reason::SECRET_NOT_YOURS, field);
    assert_eq!(state.announced(&announce(1, None)).unwrap().successor, None);

    state.announce(9, "zj-merchant", &orphan).unwrap();
    let first = state.announced(&announce(1, None)).unwrap();
    assert_eq!((first.successor, first.height), (Some(orphan.secret_id), Height(7)));
    let fork = announce(3, Some(1));
    refused(state.announce(9, "zj-merchant", &fork), reason::SECRET_SUCCEEDED, field);
    assert_eq!(state.announced(&fork), None);
    // The chain goes on at its end.
    state.announce(10, "zj-merchant", &announce(3, Some(2))).unwrap();
}

#[test]
fn malformed_arguments_and_a_governance_act_of_that_name_are_refused() {
    let mut state = State::default();
    refused(state.command(1, "sky-air", vec![0x80]), "FIELD_INVALID", "arguments");
    let longer = [announce(1, None).encode(), vec![0]].concat();
    refused(state.command(1, "sky-air", longer), "ENCODING_NOT_DETERMINISTIC", "arguments");
    let act = command("sky-air", Content::Governance, announce(1, None).encode());
    let refusal = Contracts.apply(&state, Height(1), 0, &act).map(drop);
    refused(refusal, reason::ACT_UNKNOWN, "statement.name");
}
