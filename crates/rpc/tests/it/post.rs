//! Reader entries over the wire: the post's contract, and who may touch which entry.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use bytes::Bytes;
use capture::Recorder as _;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use gateway::suite::{self, Scene};
use gateway::{EntryKey, Notice, Post};
use party::{KeyId, MemberId};
use rpc::client::{Code, Ledger};
use statement::{
    Capture, Commitment, Content, Height, ItemSecret, Leaf, Mark, ReaderEntry, RequestId,
    SealedBody, Statement, Tag, body_digest, capture_tree,
};
use tokio::time::timeout;

use crate::exchange::PROMPT;
use crate::house::{House, MERCHANT, demo, id, key};

const SEALER: &str = "zj-merchant";
const READER: &str = "cn-customs";
const STRANGER: &str = "hz-forwarder";

/// A leaf and a body of two sealed parts; what is in them, the ledger cannot tell.
fn sealed(number: u8) -> (Leaf, Bytes) {
    let secret = ItemSecret::from_bytes([5; 32]);
    let body = SealedBody { parts: vec![vec![number; 60]; 2] }.encode();
    let (commitment, tag) = (Commitment([number; 32]), Tag::keyed(&secret, "an item"));
    let mark = Mark::new(&secret, &demo(), &id(SEALER), &commitment, &tag);
    let leaf = Leaf::new(commitment, body_digest(&body), vec![(tag, Some(mark))]).unwrap();
    (leaf, Bytes::from(body))
}

/// Appends the sealed event `number` of the sealer.
async fn append(house: &House, number: u8) {
    let (leaf, body) = sealed(number);
    let leaves = vec![Bytes::from(leaf.encode())];
    let (root, request_id) = (capture_tree::root(&leaves), RequestId([number; 16]));
    let capture = Capture { root, count: 1, request_id, last_height: Height(90) };
    let (member, payload) = (id(SEALER), capture.encode());
    let statement =
        Statement::sign(&key(SEALER, 0), &demo(), &member, Content::Capture, payload).unwrap();
    let statement = Bytes::from(statement.into_bytes());
    let submission = capture::Submission { request_id, statement, leaves, bodies: vec![body] };
    house.ledger(MERCHANT).record(submission).await.unwrap();
}

/// An entry for a part of the event `number`; `salt` makes it another one.
fn entry(number: u8, part: u32, salt: u8) -> ReaderEntry {
    let (leaf, _) = sealed(number);
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

/// A post as all members' clients together see it, each with its own credential.
#[derive(Debug)]
struct ByMember(BTreeMap<MemberId, Ledger>);

impl ByMember {
    fn new(house: &House) -> Self {
        let client =
            |name: &str| (id(name), house.ledger(&format!("spiffe://demo/member/{name}/client")));
        Self([SEALER, READER, STRANGER].map(client).into())
    }

    fn of(&self, member: Option<&MemberId>) -> &Ledger {
        member.and_then(|member| self.0.get(member)).unwrap()
    }
}

#[async_trait]
impl Post for ByMember {
    async fn put(&self, entries: Vec<ReaderEntry>) -> Result<(), gateway::Error> {
        self.of(entries.first().map(|entry| &entry.sealer)).put(entries).await
    }

    async fn remove(&self, by: &MemberId, keys: Vec<EntryKey>) -> Result<(), gateway::Error> {
        self.of(Some(by)).remove(by, keys).await
    }

    async fn follow(
        &self,
        members: BTreeSet<MemberId>,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Notice, gateway::Error>>, gateway::Error> {
        Post::follow(self.of(members.first()), members, from).await
    }
}

async fn house() -> House {
    let house = House::start().await;
    append(&house, 1).await;
    append(&house, 2).await;
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_elsewhere_keeps_the_contract_of_a_post() {
    let house = house().await;
    let mut forged = entry(2, 1, 9);
    forged.wrapped[0] ^= 1;
    let scene = Scene {
        entries: [entry(1, 0, 1), entry(1, 1, 1), entry(2, 0, 1)],
        newer: entry(1, 0, 2),
        forged,
        stranger: id(STRANGER),
    };
    suite::holds(&ByMember::new(&house), scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_put_by_its_sealer_or_the_gateway_of_a_site_of_its_sealer() {
    let house = house().await;
    for uri in [
        "spiffe://demo/member/cn-customs/client",
        "spiffe://demo/member/hz-forwarder/client",
        "spiffe://demo/site/xiaoshan/gateway",
        "spiffe://demo/site/hangzhou/keys",
    ] {
        let error = house.ledger(uri).put_entries(vec![entry(1, 0, 1)]).await.unwrap_err();
        let told = (error.code, error.reason.as_str(), error.field.as_deref());
        assert_eq!(
            told,
            (Code::PermissionDenied, "CALLER_NOT_ISSUER", Some("entries[0]")),
            "{uri}"
        );
    }
    for (uri, salt) in [(MERCHANT, 1), ("spiffe://demo/site/hangzhou/gateway", 2)] {
        house.ledger(uri).put_entries(vec![entry(1, 0, salt)]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_removed_in_no_name_but_the_callers() {
    let house = house().await;
    house.ledger(MERCHANT).put_entries(vec![entry(1, 0, 1)]).await.unwrap();
    let keys = [EntryKey::of(&entry(1, 0, 1))];
    for uri in ["spiffe://demo/member/hz-forwarder/client", "spiffe://demo/site/hangzhou/gateway"] {
        let error = house.ledger(uri).remove_entries(&id(READER), &keys).await.unwrap_err();
        assert_eq!(
            (error.reason.as_str(), error.field.as_deref()),
            ("CALLER_NOT_ISSUER", Some("member"))
        );
    }
    let stranger = house.ledger("spiffe://demo/member/hz-forwarder/client");
    let error = stranger.remove_entries(&id(STRANGER), &keys).await.unwrap_err();
    let told = (error.code, error.reason.as_str(), error.field.as_deref());
    assert_eq!(told, (Code::PermissionDenied, "ENTRY_NOT_YOURS", Some("keys[0]")));
    let site = house.ledger("spiffe://demo/site/xiaoshan/gateway");
    site.remove_entries(&id(READER), &keys).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_follows_the_members_of_its_site_and_no_others() {
    let house = house().await;
    house.ledger(MERCHANT).put_entries(vec![entry(1, 0, 1), entry(2, 1, 1)]).await.unwrap();
    let site = house.ledger("spiffe://demo/site/hangzhou/gateway");
    let strange = BTreeSet::from([id(SEALER), id(READER)]);
    let Err(error) = site.follow_entries(&strange, 0).await else { panic!("it was let in") };
    let told = (error.code, error.reason.as_str(), error.field.as_deref());
    assert_eq!(told, (Code::PermissionDenied, "CALLER_NOT_ISSUER", Some("members[0]")));
    let keys = house.ledger("spiffe://demo/site/xiaoshan/keys");
    let Err(error) = keys.follow_entries(&BTreeSet::new(), 0).await else {
        panic!("it was let in")
    };
    assert_eq!(error.reason, "CALLER_NOT_ISSUER");

    // None named means all for whom it speaks, here the sealer among them.
    let mut notices = site.follow_entries(&BTreeSet::new(), 0).await.unwrap();
    for _ in 0..2 {
        timeout(PROMPT, notices.next()).await.unwrap().unwrap().unwrap();
    }
    house.stop.cancel();
    let ended = timeout(PROMPT, notices.next()).await.unwrap().unwrap().unwrap_err();
    assert_eq!(ended.reason, "SHUTTING_DOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_are_none_or_too_many_are_refused() {
    let house = house().await;
    let ledger = house.ledger(MERCHANT);
    let error = ledger.put_entries(Vec::new()).await.unwrap_err();
    assert_eq!((error.reason.as_str(), error.field.as_deref()), ("FIELD_MISSING", Some("entries")));
    let many = vec![entry(1, 0, 1); 4_097];
    let error = ledger.put_entries(many).await.unwrap_err();
    assert_eq!((error.reason.as_str(), error.field.as_deref()), ("FIELD_INVALID", Some("entries")));
    let error = ledger.put_entries(vec![entry(1, 0, 1), entry(9, 0, 1)]).await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::NotFound, "ENTRY_UNKNOWN"));
    assert_eq!(error.field.as_deref(), Some("entries[1]"));
    let nobody = ledger.remove_entries(&id(SEALER), &[]).await.unwrap_err();
    assert_eq!(nobody.field.as_deref(), Some("keys"));
}
