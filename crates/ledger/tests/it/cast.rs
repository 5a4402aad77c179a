//! A small consortium with keys that never change, and what its members say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use consensus::{Application, TimeMs};
use contracts::Contracts;
use epcis::{Event, parse_document};
use ledger::{
    Audit, Committed, Config, Error, Ledger, Limits, Machine, Refusal, Report, Submission,
};
use party::{ConsortiumId, Member, MemberId, Members};
use statement::{
    Act, Capture, Commitment, Content, Genesis, Height, Leaf, OpenBody, RequestId, Seed,
    SigningKey, Statement, Tag, body_digest, capture_tree, commit_json,
};

/// When the consortium was founded.
pub(crate) const FOUNDED_MS: i64 = 1_795_000_000_000;
/// How far ahead a statement's last height may lie.
pub(crate) const MAX_WINDOW: u64 = 100;

pub(crate) fn demo() -> ConsortiumId {
    "demo".parse().unwrap()
}

pub(crate) fn id(name: &str) -> MemberId {
    name.parse().unwrap()
}

/// The keys of a member, by use: 0 statements, 1 receipts, 2 votes.
pub(crate) fn key(name: &str, usage: u8) -> SigningKey {
    let mut secret = [usage + 1; 32];
    for (place, byte) in secret.iter_mut().skip(1).zip(name.bytes()) {
        *place = byte;
    }
    SigningKey::from_bytes(secret)
}

pub(crate) fn members() -> Members {
    let member = |name: &str, roles: &[&str]| Member {
        id: id(name),
        roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
        country: "CN".parse().unwrap(),
        sites: BTreeSet::from(["hangzhou".parse().unwrap()]),
        statement_key: key(name, 0).public(),
        receipt_key: key(name, 1).public(),
        vote_key: key(name, 2).public(),
        sealing_key: None,
    };
    let list = vec![
        member("zj-merchant", &["trader"]),
        member("hz-forwarder", &["carrier", "operator"]),
        member("cn-customs", &["customs"]),
    ];
    Members::new(demo(), list, BTreeSet::from([id("hz-forwarder")])).unwrap()
}

pub(crate) fn genesis() -> Bytes {
    let content = Genesis { time_ms: FOUNDED_MS, members: members(), max_window: MAX_WINDOW };
    let operator = "hz-forwarder";
    let (key, payload) = (key(operator, 0), content.encode());
    let statement = Statement::sign(&key, &demo(), &id(operator), Content::Genesis, payload);
    Bytes::from(statement.unwrap().into_bytes())
}

pub(crate) fn config(path: &Path) -> Config {
    Config {
        path: path.to_owned(),
        members: members(),
        genesis: genesis(),
        receipt_key: Some((id("hz-forwarder"), key("hz-forwarder", 1))),
        // So few that some blocks write the pages of the state tree and some do not.
        limits: Limits { cache_bytes: 8 << 20, unwritten_pages: 14, ..Limits::default() },
    }
}

pub(crate) fn open(path: &Path) -> Result<Arc<Ledger>, Error> {
    Ledger::open(config(path), Arc::new(Contracts))
}

/// Checks a ledger offline against the genesis and the members of this consortium.
pub(crate) fn check(
    path: &Path,
    machine: Arc<dyn Machine>,
    progress: &mut dyn FnMut(Height, Height),
) -> Result<Report, Error> {
    let directory = tempfile::tempdir().unwrap();
    let (genesis, members) = (genesis(), members());
    let scratch = &directory.path().join("replay");
    let report = ledger::check(
        &Audit { path, genesis: &genesis, members: &members, scratch },
        machine,
        progress,
    );
    assert!(!scratch.exists(), "nothing is left behind");
    report
}

/// A ledger in a directory of its own.
pub(crate) struct House {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) path: PathBuf,
    pub(crate) _directory: tempfile::TempDir,
}

impl House {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger");
        Self { ledger: open(&path).unwrap(), path, _directory: directory }
    }

    /// Submits, commits, and gives what the submitter is told.
    pub(crate) fn append(&self, submission: Submission) -> Result<Committed, Refusal> {
        let answer = self.ledger.submit(submission)?;
        commit(&self.ledger);
        answer.blocking_recv().unwrap()
    }
}

/// Commits all that is pending, a second after the block before; says how many blocks that made.
pub(crate) fn commit(ledger: &Ledger) -> usize {
    let mut blocks = 0;
    while let Some(block) = ledger.propose(TimeMs(ledger.tip().time.0 + 1_000)).unwrap() {
        ledger.commit(&block.hash, &[]).unwrap();
        blocks += 1;
    }
    blocks
}

pub(crate) fn request(number: u64) -> RequestId {
    RequestId(u128::from(number).to_be_bytes())
}

/// The identifier of a thing, as an event writes it.
pub(crate) fn sgtin(serial: u64) -> String {
    format!("urn:epc:id:sgtin:0614141.107346.{serial}")
}

/// The tag of the same thing.
pub(crate) fn tag(serial: u64) -> Tag {
    Tag::open(gs1::Item::parse(&sgtin(serial)).unwrap().canonical())
}

/// An event about some things, about 500 bytes long.
pub(crate) fn event(serials: &[u64]) -> Event {
    let list = serials.iter().map(|serial| format!("\"{}\"", sgtin(*serial))).collect::<Vec<_>>();
    let json = format!(
        r#"{{"type": "ObjectEvent", "eventTime": "2026-04-03T20:33:31.116-06:00",
        "eventTimeZoneOffset": "-06:00", "epcList": [{}], "action": "OBSERVE",
        "bizStep": "shipping", "disposition": "in_transit",
        "readPoint": {{"id": "urn:epc:id:sgln:0614141.07346.1234"}},
        "bizLocation": {{"id": "urn:epc:id:sgln:0614141.00888.0"}},
        "bizTransactionList": [{{"type": "po",
        "bizTransaction": "http://transaction.acme.com/po/12345678"}}]}}"#,
        list.join(", ")
    );
    let mut document = parse_document(json.as_bytes(), &epcis::Limits::default()).unwrap();
    document.events.remove(0)
}

/// The leaf and the body of an open event.
pub(crate) fn seal(issuer: &str, request: &RequestId, number: u32, event: &Event) -> (Leaf, Bytes) {
    let json = event.canonical_json();
    let seed = Seed::derive(&[7; 32], request, number, &json);
    let commitment = commit_json(&demo(), &id(issuer), &seed, &json).unwrap();
    let tags = event.items().iter().map(|item| (Tag::open(item.canonical()), None)).collect();
    let body = Bytes::from(OpenBody { seed, json }.encode());
    (Leaf::new(commitment, body_digest(&body), tags).unwrap(), body)
}

/// Signs a capture over leaves as they are given.
pub(crate) fn sign(issuer: &str, capture: &Capture) -> Bytes {
    let (key, payload) = (key(issuer, 0), capture.encode());
    let statement = Statement::sign(&key, &demo(), &id(issuer), Content::Capture, payload);
    Bytes::from(statement.unwrap().into_bytes())
}

/// A capture of events, each given by the things that it names.
pub(crate) fn capture(
    issuer: &str,
    number: u64,
    last_height: u64,
    events: &[&[u64]],
) -> Submission {
    let request_id = request(number);
    let sealed = events
        .iter()
        .zip(0..)
        .map(|(serials, number)| seal(issuer, &request_id, number, &event(serials)));
    let (leaves, bodies): (Vec<_>, Vec<_>) =
        sealed.map(|(leaf, body)| (Bytes::from(leaf.encode()), body)).unzip();
    let root = capture_tree::root(&leaves);
    let count = u32::try_from(leaves.len()).unwrap();
    let capture = Capture { root, count, request_id, last_height: Height(last_height) };
    Submission { statement: sign(issuer, &capture), leaves, bodies }
}

/// An act of governance.
pub(crate) fn govern(
    issuer: &str,
    number: u64,
    last_height: u64,
    name: &str,
    arguments: Vec<u8>,
) -> Submission {
    let (request_id, last_height) = (request(number), Height(last_height));
    let act = Act { name: name.to_owned(), arguments, request_id, last_height };
    let (key, payload) = (key(issuer, 0), act.encode());
    let statement = Statement::sign(&key, &demo(), &id(issuer), Content::Governance, payload);
    let statement = Bytes::from(statement.unwrap().into_bytes());
    Submission { statement, leaves: Vec::new(), bodies: Vec::new() }
}

/// The commitments of a submission, in the order of its leaves.
pub(crate) fn commitments(submission: &Submission) -> Vec<Commitment> {
    submission.leaves.iter().map(|leaf| Leaf::decode(leaf).unwrap().commitment).collect()
}
