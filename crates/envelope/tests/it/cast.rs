//! Who seals and who reads in these tests, and what.

use std::collections::BTreeSet;
use std::sync::Arc;

use envelope::{ContentKey, PartPlan, PartRef, Reader, Wrapper, seal};
use keys::{Drawn, KeySource, Peer, Secret, X25519, XWing, public_sealing_key};
use party::{ConsortiumId, KeyId, Member, MemberId, Members, PublicKey, SiteId};
use statement::{Commitment, ItemSecret, RequestId, SealedBody, Seed, body_digest};

pub(crate) const SEALER: &str = "zj-merchant";
pub(crate) const READER: &str = "cn-customs";
pub(crate) const OTHER: &str = "es-post";

pub(crate) fn demo() -> ConsortiumId {
    "demo".parse().unwrap()
}

pub(crate) fn id(member: &str) -> MemberId {
    member.parse().unwrap()
}

fn site(member: &str) -> SiteId {
    if member == SEALER { "hangzhou".parse().unwrap() } else { "liege".parse().unwrap() }
}

/// The secret sealing keys of a member: X25519, then X-Wing.
fn secrets(member: &str) -> ([u8; 32], [u8; 32]) {
    let first = member.as_bytes()[0];
    ([first; 32], [first ^ 0xff; 32])
}

fn members() -> Arc<Members> {
    let member = |name: &str| {
        let (x25519, x_wing) = secrets(name);
        Member {
            id: id(name),
            roles: BTreeSet::new(),
            country: "CN".parse().unwrap(),
            sites: BTreeSet::from([site(name)]),
            statement_key: PublicKey([name.as_bytes()[0]; 32]),
            receipt_key: PublicKey([name.as_bytes()[0] ^ 0x80; 32]),
            vote_key: PublicKey([name.as_bytes()[0] ^ 0xc0; 32]),
            sealing_key: Some(public_sealing_key(&x25519, &x_wing)),
        }
    };
    let all = [SEALER, READER, OTHER].map(member).to_vec();
    Arc::new(Members::new(demo(), all, BTreeSet::from([id(SEALER)])).unwrap())
}

/// The id of a member's sealing key.
pub(crate) fn key_id(member: &str) -> KeyId {
    members().get(&id(member)).unwrap().sealing_key.as_ref().unwrap().id()
}

pub(crate) fn reader(member: &str) -> Reader {
    Reader { member: id(member), key: key_id(member) }
}

/// Both sources that any member has, to draw from and to recover with.
pub(crate) fn sources(member: &str) -> [Box<dyn KeySource>; 2] {
    let (x25519, x_wing) = secrets(member);
    [
        Box::new(XWing::new(Some(x_wing.into()), members())),
        Box::new(X25519::new(Some(x25519.into()), members())),
    ]
}

pub(crate) fn peer(member: &str) -> Peer {
    Peer { member: id(member), site: site(member) }
}

/// A secret of the first source, drawn by the sealer.
pub(crate) async fn draw(reader: &str) -> Drawn {
    let request = keys::RequestId::random().unwrap();
    sources(SEALER)[0].draw(&request, &peer(reader), 32).await.unwrap()
}

/// What `reader` recovers from an entry's handle.
pub(crate) async fn recover(reader: &str, handle: &keys::Handle) -> Secret {
    let request = keys::RequestId::random().unwrap();
    sources(reader)[0].recover(&request, &peer(SEALER), handle).await.unwrap()
}

pub(crate) fn wrapper(reader: &str, drawn: &Drawn) -> Wrapper {
    Wrapper::new(&demo(), &id(SEALER), self::reader(reader), drawn)
}

/// An event of few fields, in the order of their names.
pub(crate) fn fields() -> Vec<(String, String)> {
    [
        ("action", r#""ADD""#),
        ("epcList", r#"["https://id.gs1.org/01/09506000134352/21/1"]"#),
        ("http://x/buyer", r#"{"name":"María Ruiz","telephone":"+34 600 000 000"}"#),
        ("http://x/price", "12900"),
        ("type", r#""ObjectEvent""#),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

pub(crate) fn seed() -> Seed {
    Seed::from_bytes([8; 32])
}

pub(crate) const ITEM: &str = "https://id.gs1.org/00/340123451111111111";

pub(crate) fn secret() -> ItemSecret {
    ItemSecret::from_bytes([0x5e; 32])
}

pub(crate) fn content_keys(count: u32) -> Vec<ContentKey> {
    let key = |part| ContentKey::derive(&[7; 32], &RequestId([1; 16]), 0, part, "{}");
    (0..count).map(key).collect()
}

pub(crate) fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The event in three parts: all but the buyer, the buyer, and an item secret.
pub(crate) fn sealed() -> (Commitment, SealedBody) {
    sealed_as(seed())
}

/// The same from another seed, which makes it another event.
pub(crate) fn sealed_as(seed: Seed) -> (Commitment, SealedBody) {
    let (buyer, secret) = (names(&["http://x/buyer"]), secret());
    let plans = [
        PartPlan::Rest,
        PartPlan::Fields(&buyer),
        PartPlan::Secret { item: ITEM, secret: &secret },
    ];
    seal(&demo(), &id(SEALER), &seed, &fields(), &plans, &content_keys(3)).unwrap()
}

pub(crate) fn about(part: u32) -> PartRef {
    let (commitment, body) = sealed();
    PartRef { commitment, body_digest: body_digest(&body.encode()), part }
}
