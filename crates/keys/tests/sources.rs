//! The sources that store nothing, through the crate's public face.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test reports by panicking")]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use keys::{
    Drawn, Error, Exchange, Handle, KeySource, Kind, MemberSources, Peer, PolicyClass, Preferred,
    RequestId, Secret, X25519, XWing, public_sealing_key, suite,
};
use party::{Member, Members, PublicKey, SealingKey};
use zeroize::Zeroizing;

const SECRETS: [([u8; 32], [u8; 32]); 2] = [([11; 32], [12; 32]), ([21; 32], [22; 32])];

fn peer(member: &str, site: &str) -> Peer {
    Peer { member: member.parse().unwrap(), site: site.parse().unwrap() }
}

fn member(id: &str, n: u8, sealing_key: Option<SealingKey>) -> Member {
    Member {
        id: id.parse().unwrap(),
        roles: BTreeSet::new(),
        country: "CN".parse().unwrap(),
        sites: BTreeSet::new(),
        statement_key: PublicKey([n; 32]),
        receipt_key: PublicKey([n + 1; 32]),
        vote_key: PublicKey([n + 2; 32]),
        sealing_key,
    }
}

/// `a` and `b` with keys, `bare` without, `null` with keys of small order.
fn members() -> Arc<Members> {
    let [a, b] = SECRETS.map(|(x25519, seed)| Some(public_sealing_key(&x25519, &seed)));
    let mut null = a.clone().unwrap();
    null.x25519 = [0; 32];
    null.x_wing[1_184..].fill(0);
    let all = vec![
        member("a", 10, a),
        member("b", 20, b),
        member("bare", 30, None),
        member("null", 40, Some(null)),
    ];
    let voters = BTreeSet::from(["a".parse().unwrap()]);
    Arc::new(Members::new("demo".parse().unwrap(), all, voters).unwrap())
}

fn x25519(own: usize) -> X25519 {
    X25519::new(Some(Zeroizing::new(SECRETS[own].0)), members())
}

fn x_wing(own: usize) -> XWing {
    XWing::new(Some(Zeroizing::new(SECRETS[own].1)), members())
}

/// The same source at both ends, by kind.
fn pairs() -> Vec<[Box<dyn KeySource>; 2]> {
    vec![
        [Box::new(x25519(0)), Box::new(x25519(1))],
        [Box::new(x_wing(0)), Box::new(x_wing(1))],
        [0, 1].map(|own| {
            let both: Vec<Arc<dyn KeySource>> = vec![Arc::new(x_wing(own)), Arc::new(x25519(own))];
            Box::new(Preferred::new(both)) as Box<dyn KeySource>
        }),
    ]
}

#[tokio::test]
async fn every_source_keeps_the_contract() {
    for [near, far] in pairs() {
        suite::holds(&*near, &*far, &peer("a", "hangzhou"), &peer("b", "xiaoshan")).await;
    }
}

#[tokio::test]
async fn a_handle_for_another_reader_leads_to_another_secret() {
    for [near, far] in pairs() {
        let request = RequestId::random().unwrap();
        let drawn = near.draw(&request, &peer("a", "hangzhou"), 32).await.unwrap();
        let secret = far.recover(&request, &peer("a", "hangzhou"), &drawn.handle).await.unwrap();
        assert_ne!(secret, drawn.secret);
    }
}

#[tokio::test]
async fn a_member_without_a_usable_key_is_named() {
    for [near, _] in pairs() {
        let request = RequestId::random().unwrap();
        let error = async |id| near.draw(&request, &peer(id, "liege"), 32).await.unwrap_err();
        assert_eq!(error("nobody").await, Error::PeerUnknown { member: "nobody".parse().unwrap() });
        let (bare, null) = (error("bare").await.to_string(), error("null").await.to_string());
        assert!(bare.contains("NO_SEALING_KEY") || bare.contains("of bare"), "{bare}");
        assert!(null.contains("CONTRIBUT") || null.contains("contributes nothing"), "{null}");
    }
}

#[tokio::test]
async fn a_public_part_of_small_order_is_refused() {
    for [near, far] in pairs() {
        let request = RequestId::random().unwrap();
        let drawn = near.draw(&request, &peer("b", "xiaoshan"), 32).await.unwrap();
        for byte in [0, 1] {
            let mut bent = drawn.handle.clone();
            let x25519_part = bent.public.len() - 32;
            bent.public[x25519_part..].fill(0);
            bent.public[x25519_part] = byte;
            let error = far.recover(&request, &peer("a", "hangzhou"), &bent).await.unwrap_err();
            assert_eq!(error.reason(), "KEY_NON_CONTRIBUTORY");
        }
    }
}

#[tokio::test]
async fn who_has_no_key_of_its_own_draws_and_does_not_recover() {
    let (from, request) = (peer("a", "hangzhou"), RequestId::random().unwrap());
    let stranger = Some(Zeroizing::new([99; 32]));
    let sources: [Box<dyn KeySource>; 4] = [
        Box::new(X25519::new(None, members())),
        Box::new(X25519::new(stranger.clone(), members())),
        Box::new(XWing::new(None, members())),
        Box::new(XWing::new(stranger, members())),
    ];
    for source in sources {
        let handle = source.draw(&request, &peer("b", "xiaoshan"), 32).await.unwrap().handle;
        let error = source.recover(&request, &from, &handle).await.unwrap_err();
        assert_eq!(error.reason(), "NO_SEALING_KEY", "{source:?}");
    }
}

#[tokio::test]
async fn a_handle_of_another_kind_is_refused() {
    let (from, to) = (peer("a", "hangzhou"), peer("b", "xiaoshan"));
    let request = RequestId::random().unwrap();
    let handle = x_wing(0).draw(&request, &to, 32).await.unwrap().handle;
    assert_eq!((handle.kind, handle.source.as_str()), (Kind::XWing, "x-wing"));
    let error = x25519(1).recover(&request, &from, &handle).await.unwrap_err();
    assert_eq!(error.reason(), "KEY_SOURCE_UNKNOWN");
    let mut short = handle.clone();
    short.public.pop();
    let error = x_wing(1).recover(&request, &from, &short).await.unwrap_err();
    assert_eq!(error.reason(), "HANDLE_MALFORMED");
}

/// A source that fails as it is told, and keeps what it was asked.
#[derive(Debug)]
struct Broken {
    error: Error,
    confirmed: Mutex<Vec<RequestId>>,
}

impl Broken {
    fn new(error: Error) -> Arc<Self> {
        Arc::new(Self { error, confirmed: Mutex::default() })
    }
}

#[async_trait]
impl KeySource for Broken {
    fn name(&self) -> &str {
        "qkd:broken"
    }

    async fn draw(&self, _: &RequestId, _: &Peer, _: u16) -> Result<Drawn, Error> {
        Err(self.error.clone())
    }

    async fn recover(&self, _: &RequestId, _: &Peer, _: &Handle) -> Result<Secret, Error> {
        Err(self.error.clone())
    }

    async fn confirm(&self, request: &RequestId) -> Result<(), Error> {
        self.confirmed.lock().unwrap().push(*request);
        Err(self.error.clone())
    }
}

fn shut_down() -> Error {
    Error::LineShutDown { link: "hz-xs".into(), why: "error rate 0.251\nof 0.08".into() }
}

#[tokio::test]
async fn whoever_is_passed_over_stands_in_the_handle_with_the_reason() {
    let (to, request) = (peer("b", "xiaoshan"), RequestId::random().unwrap());
    let not_reached =
        Error::NotReached { source_name: "qkd:far".into(), site: "xiaoshan".parse().unwrap() };
    let source = Preferred::new(vec![
        Broken::new(not_reached),
        Broken::new(shut_down()),
        Broken::new(Error::Store { message: "/var/keys: no space left".into() }),
        Arc::new(x_wing(0)),
    ]);
    let drawn = source.draw(&request, &to, 32).await.unwrap();
    assert_eq!(drawn.handle.source, "x-wing");
    let passed = drawn.handle.passed_over.iter().map(|one| (&*one.source, &*one.reason));
    let expected = [
        ("qkd:broken", "LINE_SHUT_DOWN: error rate 0.251 of 0.08"),
        ("qkd:broken", "KEY_STORE_FAILED"),
    ];
    assert_eq!(passed.collect::<Vec<_>>(), expected);
    assert_eq!(Handle::decode(&drawn.handle.encode()), Ok(drawn.handle));
}

#[tokio::test]
async fn an_error_of_the_question_is_not_passed_over() {
    let (to, request) = (peer("b", "xiaoshan"), RequestId::random().unwrap());
    for error in [Error::Spent, Error::RequestReused { request: request.to_string() }] {
        let source = Preferred::new(vec![Broken::new(error.clone()), Arc::new(x_wing(0))]);
        assert_eq!(source.draw(&request, &to, 32).await.unwrap_err(), error);
    }
}

#[tokio::test]
async fn a_long_reason_is_cut_to_what_a_handle_takes() {
    let (to, request) = (peer("b", "xiaoshan"), RequestId::random().unwrap());
    let error = Error::LineShutDown { link: "hz-xs".into(), why: "ü".repeat(500) };
    let source = Preferred::new(vec![Broken::new(error), Arc::new(x_wing(0))]);
    let handle = source.draw(&request, &to, 32).await.unwrap().handle;
    assert_eq!(Handle::decode(&handle.encode()), Ok(handle));
}

#[tokio::test]
async fn when_no_source_can_each_is_named() {
    let (to, request) = (peer("b", "xiaoshan"), RequestId::random().unwrap());
    let down = Error::LineDown { link: "hz-xs".into() };
    let alone = Preferred::new(vec![Broken::new(down.clone())]);
    assert_eq!(alone.draw(&request, &to, 32).await.unwrap_err(), down);
    let both = Preferred::new(vec![Broken::new(shut_down()), Broken::new(down)]);
    let error = both.draw(&request, &to, 32).await.unwrap_err();
    assert!(
        error.to_string().contains("LINE_SHUT_DOWN") && error.to_string().contains("LINE_DOWN")
    );
    assert!(error.is_retryable(), "the second may be able to later");
    let none = Preferred::new(vec![]).draw(&request, &to, 32).await.unwrap_err();
    assert_eq!(none.reason(), "KEY_SOURCE_UNKNOWN");
}

#[tokio::test]
async fn a_confirmation_reaches_every_source_though_one_fails() {
    let request = RequestId::random().unwrap();
    let [first, second] = [(); 2].map(|()| Broken::new(Error::LineDown { link: "hz-xs".into() }));
    let source = Preferred::new(vec![first.clone(), second.clone()]);
    assert_eq!(source.confirm(&request).await.unwrap_err().reason(), "LINE_DOWN");
    assert_eq!(*first.confirmed.lock().unwrap(), [request]);
    assert_eq!(*second.confirmed.lock().unwrap(), [request]);
}

#[tokio::test]
async fn an_exchange_serves_its_members_by_policy_class() {
    let sources: Arc<dyn KeySource> =
        Arc::new(Preferred::new(vec![Broken::new(shut_down()), Arc::new(x_wing(0))]));
    let own = MemberSources {
        member: "a".parse().unwrap(),
        by_class: [
            (PolicyClass::Preferred, sources),
            (PolicyClass::QuantumOnly, Broken::new(shut_down())),
        ]
        .into(),
    };
    let site = "hangzhou".parse().unwrap();
    let exchange = Exchange::new(site, vec![own]);
    let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
    let (to, request) = (peer("b", "xiaoshan"), RequestId::random().unwrap());
    let draw = async |who, class| exchange.draw(who, &request, &to, 32, class).await;
    let drawn = draw(&a, PolicyClass::Preferred).await.unwrap();
    assert_eq!(drawn.handle.source, "x-wing");
    assert_eq!(draw(&a, PolicyClass::QuantumOnly).await.unwrap_err(), shut_down());
    let missing = draw(&a, PolicyClass::HybridOnly).await.unwrap_err();
    assert_eq!(missing, Error::SourceUnknown { name: "hybrid-only".into() });
    let stranger = draw(&b, PolicyClass::Preferred).await.unwrap_err();
    assert_eq!(stranger, Error::PeerUnknown { member: b });
}
