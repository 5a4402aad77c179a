//! A key exchange at each of two sites, as the members there and the far site meet it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use keys::{
    Direction, Error, Exchange, KeyPool, KeySource, KeyUuid, LineState, MemberSources, NewKey,
    Peer, PolicyClass, PoolId, PoolSource, Preferred, RequestId, XWing, public_sealing_key, suite,
};
use party::{Members, SiteId};
use qkd::{EndKind, Line};
use rpc::client::{self, Code};
use rpc::link::{Incoming, Port};
use rpc::server::{Keys, Link, Options, Services, Tls, serve};
use rpc::{Revoked, Trust};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::authority::Authority;
use crate::house::{MERCHANT, id, listen, members};
use crate::raw::{bytes_field, call, channel};

pub(crate) const LINK: &str = "hz-xs";

/// More than anything here takes, less than any deadline.
pub(crate) const PROMPT: Duration = Duration::from_secs(5);

const CUSTOMS: &str = "spiffe://demo/member/cn-customs/client";
const OPERATOR: &str = "spiffe://demo/member/hz-forwarder/client";
const HANGZHOU: &str = "spiffe://demo/site/hangzhou/gateway";
const XIAOSHAN: &str = "spiffe://demo/site/xiaoshan/gateway";

/// One site's key exchange behind its port.
pub(crate) struct Site {
    pub(crate) url: String,
    pub(crate) line: Arc<Line>,
    pub(crate) incoming: Incoming,
    pool: Arc<KeyPool>,
    state: watch::Sender<LineState>,
}

/// Both ends of a link.
pub(crate) struct Sites {
    pub(crate) authority: Authority,
    pub(crate) revoked: Revoked,
    pub(crate) stop: CancellationToken,
    pub(crate) hangzhou: Site,
    pub(crate) xiaoshan: Site,
    _directory: tempfile::TempDir,
}

fn site(name: &str) -> SiteId {
    name.parse().unwrap()
}

fn merchant() -> Peer {
    Peer { member: id("zj-merchant"), site: site("hangzhou") }
}

fn customs() -> Peer {
    Peer { member: id("cn-customs"), site: site("xiaoshan") }
}

/// The secret halves of a member's sealing keys.
fn own(name: &str) -> ([u8; 32], [u8; 32]) {
    let first = name.bytes().next().unwrap_or(1);
    ([first; 32], [first.wrapping_add(1); 32])
}

/// The members, the merchant and the customs with sealing keys.
fn sealing_members() -> Arc<Members> {
    let plain = members();
    let with_key = |member: &party::Member| {
        let (x25519, seed) = own(member.id.as_str());
        let sealing_key = Some(public_sealing_key(&x25519, &seed));
        party::Member { sealing_key, ..member.clone() }
    };
    let list = plain.iter().map(with_key).collect();
    let validators = plain.validators().clone();
    Arc::new(Members::new(plain.consortium().clone(), list, validators).unwrap())
}

/// Forty-eight keys and more, each with one direction, the same at both ends.
fn keys_of_a_block(outgoing: Direction) -> Vec<NewKey> {
    let key = |number: u8| NewKey {
        id: KeyUuid([number; 16]),
        direction: match (number.is_multiple_of(2), outgoing) {
            (true, direction) => direction,
            (false, Direction::Outgoing) => Direction::Incoming,
            (false, Direction::Incoming) => Direction::Outgoing,
        },
        secret: Zeroizing::new([number.wrapping_mul(3); 32]),
    };
    (1..=200).map(key).collect()
}

impl Site {
    /// Serves a site's exchange for one of its members.
    async fn start(
        (near, far, end): (&str, &str, EndKind),
        member: &str,
        folder: &std::path::Path,
        (authority, trust, stop): (&Authority, Trust, CancellationToken),
    ) -> Self {
        let members = sealing_members();
        let line = Line::new(LINK.to_owned(), site(near), site(far), end);
        let pool = PoolId { link: LINK.to_owned(), near: site(near), far: site(far) };
        let pool = KeyPool::open(&folder.join(near), &[7; 32], pool).unwrap();
        let (state, watched) = watch::channel(LineState::Up);
        let quantum: Arc<dyn KeySource> =
            Arc::new(PoolSource::new(Arc::clone(&pool), id(member), watched));
        let seed = Zeroizing::new(own(member).1);
        let hybrid: Arc<dyn KeySource> = Arc::new(XWing::new(Some(seed), members));
        let preferred = Preferred::new(vec![Arc::clone(&quantum), Arc::clone(&hybrid)]);
        let by_class = BTreeMap::from([
            (PolicyClass::Preferred, Arc::new(preferred) as Arc<dyn KeySource>),
            (PolicyClass::QuantumOnly, quantum),
            (PolicyClass::HybridOnly, hybrid),
        ]);
        let sources = vec![MemberSources { member: id(member), by_class }];
        let exchange = Arc::new(Exchange::new(site(near), sources));
        let (port, incoming) = Port::new(LINK, site(far));
        let links = vec![Link { line: Arc::clone(&line), pool: Arc::clone(&pool), port }];
        let uri = format!("spiffe://demo/site/{near}/keys");
        let pass = authority.issue(&[&uri], 3);
        let tls = Tls { cert_pem: pass.cert_pem, key_pem: pass.key_pem, ca_pem: authority.pem() };
        let (listener, url) = listen().await;
        let services = Services { keys: Some(Keys { exchange, links }), ..Services::default() };
        tokio::spawn(serve(listener, Options::new(tls, trust, stop), services));
        Self { url, line, incoming, pool, state }
    }

    /// Fills the pool as a distilled block would.
    fn fill(&self, even: Direction) {
        self.pool.store_pending([9; 16], keys_of_a_block(even), false).unwrap();
        self.pool.release([9; 16]).unwrap();
    }
}

impl Sites {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (authority, revoked) = (Authority::new(), Revoked::default());
        let stop = CancellationToken::new();
        let trust = Trust::new(sealing_members(), revoked.clone());
        let of = || (&authority, trust.clone(), stop.clone());
        let near = ("hangzhou", "xiaoshan", EndKind::Sender);
        let hangzhou = Site::start(near, "zj-merchant", directory.path(), of()).await;
        let far = ("xiaoshan", "hangzhou", EndKind::Receiver);
        let xiaoshan = Site::start(far, "cn-customs", directory.path(), of()).await;
        Self { authority, revoked, stop, hangzhou, xiaoshan, _directory: directory }
    }

    /// Starts both with keys in their pools.
    async fn filled() -> Self {
        let sites = Self::start().await;
        sites.hangzhou.fill(Direction::Outgoing);
        sites.xiaoshan.fill(Direction::Incoming);
        sites
    }

    pub(crate) fn endpoint(&self, url: &str, uri: &str) -> client::Endpoint {
        self.authority.issue(&[uri], 100).to(url, &self.authority)
    }

    fn keys(&self, site: &Site, uri: &str) -> client::Keys {
        client::Keys::connect(&self.endpoint(&site.url, uri)).unwrap()
    }

    /// The two sources of one policy class, at the merchant's site and at the customs'.
    fn sources(&self, class: PolicyClass) -> (client::Remote, client::Remote) {
        let near = self.keys(&self.hangzhou, HANGZHOU).source(id("zj-merchant"), class);
        let far = self.keys(&self.xiaoshan, CUSTOMS).source(id("cn-customs"), class);
        (near, far)
    }
}

fn fresh() -> RequestId {
    RequestId::random().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_source_of_stored_keys_keeps_the_contract() {
    let sites = Sites::filled().await;
    let (near, far) = sites.sources(PolicyClass::QuantumOnly);
    suite::holds(&near, &far, &merchant(), &customs()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_source_of_encapsulations_keeps_the_contract() {
    let sites = Sites::start().await;
    let (near, far) = sites.sources(PolicyClass::HybridOnly);
    suite::holds(&near, &far, &merchant(), &customs()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_shut_down_is_passed_over_and_the_handle_says_why() {
    let sites = Sites::filled().await;
    let (near, far) = sites.sources(PolicyClass::Preferred);
    let quantum = near.draw(&fresh(), &customs(), 32).await.unwrap();
    assert_eq!(
        (quantum.handle.source.as_str(), quantum.handle.passed_over.len()),
        ("qkd:hz-xs", 0)
    );

    let why = "QBER 0.250, margin 0.012".to_owned();
    sites.hangzhou.state.send_replace(LineState::ShutDown { reason: why.clone() });
    let drawn = near.draw(&fresh(), &customs(), 32).await.unwrap();
    assert_eq!(drawn.handle.source, "x-wing");
    let over = &drawn.handle.passed_over[0];
    assert_eq!(over.source, "qkd:hz-xs");
    assert!(over.reason.contains("LINE_SHUT_DOWN") && over.reason.contains(&why), "{over:?}");
    assert_eq!(far.recover(&fresh(), &merchant(), &drawn.handle).await.unwrap(), drawn.secret);
    assert_eq!(far.recover(&fresh(), &merchant(), &quantum.handle).await.unwrap(), quantum.secret);

    // Whoever insists on the line gets its own error, facts and all.
    let (insisting, _) = sites.sources(PolicyClass::QuantumOnly);
    let error = insisting.draw(&fresh(), &customs(), 32).await.unwrap_err();
    assert_eq!(error, Error::LineShutDown { link: LINK.to_owned(), why });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_lost_is_had_again_until_it_is_confirmed() {
    let sites = Sites::filled().await;
    let (near, far) = sites.sources(PolicyClass::QuantumOnly);
    let (drawing, recovering) = (fresh(), fresh());
    let drawn = near.draw(&drawing, &customs(), 32).await.unwrap();
    let again = near.draw(&drawing, &customs(), 32).await.unwrap();
    assert_eq!((&again.handle, &again.secret), (&drawn.handle, &drawn.secret));
    for _ in 0..2 {
        let secret = far.recover(&recovering, &merchant(), &drawn.handle).await.unwrap();
        assert_eq!(secret, drawn.secret);
    }
    let other = far.recover(&fresh(), &merchant(), &drawn.handle).await.unwrap_err();
    assert_eq!(other, Error::Spent, "another request gets nothing");
    far.confirm(&recovering).await.unwrap();
    let late = far.recover(&recovering, &merchant(), &drawn.handle).await.unwrap_err();
    assert_eq!(late, Error::Spent);
}

/// What a caller is told that asks the merchant's site for a secret of the merchant.
async fn refused(sites: &Sites, uri: &str, member: &str) -> (String, String, String) {
    let source = sites.keys(&sites.hangzhou, uri).source(id(member), PolicyClass::Preferred);
    let drawn = source.draw(&fresh(), &customs(), 32).await.unwrap_err();
    let handle = XWing::new(None, sealing_members()).draw(&fresh(), &merchant(), 32).await.unwrap();
    let recovered = source.recover(&fresh(), &customs(), &handle.handle).await.unwrap_err();
    let confirmed = source.confirm(&fresh()).await.unwrap_err();
    (drawn.to_string(), recovered.to_string(), confirmed.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_for_the_gateway_of_the_site_and_its_members_and_for_nobody_else() {
    let sites = Sites::filled().await;
    let merchants = "zj-merchant";
    for (uri, member, reason) in [
        (CUSTOMS, merchants, "CALLER_NOT_ISSUER"),
        (CUSTOMS, "cn-customs", "MEMBER_UNKNOWN"),
        (OPERATOR, merchants, "CALLER_NOT_ISSUER"),
        (XIAOSHAN, merchants, "CALLER_NOT_ISSUER"),
        (HANGZHOU, "cn-customs", "MEMBER_UNKNOWN"),
        (HANGZHOU, "hz-forwarder", "MEMBER_UNKNOWN"),
        ("spiffe://demo/site/hangzhou/keys", merchants, "CALLER_NOT_ISSUER"),
        ("spiffe://demo/site/xiaoshan/keys", merchants, "CALLER_NOT_ISSUER"),
        ("spiffe://demo/site/hangzhou/client", merchants, "CALLER_NOT_ISSUER"),
        ("spiffe://demo/member/zj-merchant/ledger", merchants, "CALLER_NOT_ISSUER"),
        ("spiffe://demo/member/nobody/client", merchants, "MEMBER_UNKNOWN"),
    ] {
        let (drawn, recovered, confirmed) = refused(&sites, uri, member).await;
        for told in [drawn, recovered, confirmed] {
            assert!(told.contains(reason), "{uri} for {member}: {told}");
        }
    }
    for uri in [MERCHANT, HANGZHOU, "spiffe://demo/member/zj-merchant/gateway"] {
        let source =
            sites.keys(&sites.hangzhou, uri).source(id("zj-merchant"), PolicyClass::Preferred);
        source.draw(&fresh(), &customs(), 32).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_person_of_the_site_or_an_operator_has_a_say_over_a_link() {
    let sites = Sites::filled().await;
    let site = &sites.xiaoshan;
    for uri in [MERCHANT, HANGZHOU, XIAOSHAN, "spiffe://demo/site/hangzhou/keys"] {
        let keys = sites.keys(site, uri);
        for error in [
            keys.set_eavesdropper(LINK, 1.0).await.unwrap_err(),
            keys.restore_link(LINK).await.unwrap_err(),
        ] {
            assert_eq!(
                (error.code, error.reason.as_str()),
                (Code::PermissionDenied, "ROLE_MISSING")
            );
        }
    }
    for uri in [MERCHANT, HANGZHOU, "spiffe://demo/site/hangzhou/keys"] {
        let error = sites.keys(site, uri).keys(LINK, 0).await.unwrap_err();
        assert_eq!(error.reason, "ROLE_MISSING", "{uri}");
    }
    let restores = site.line.restore_requests();
    for (uri, fraction) in [(CUSTOMS, 1.0), (OPERATOR, 0.25)] {
        let keys = sites.keys(site, uri);
        keys.set_eavesdropper(LINK, fraction).await.unwrap();
        assert_eq!(site.line.eavesdropper(), fraction);
        keys.restore_link(LINK).await.unwrap();
    }
    assert_eq!(*restores.borrow(), 2);

    let keys = sites.keys(site, CUSTOMS);
    for fraction in [-0.1, 1.1, f64::NAN] {
        let error = keys.set_eavesdropper(LINK, fraction).await.unwrap_err();
        assert_eq!(
            (error.reason.as_str(), error.field.as_deref()),
            ("FIELD_INVALID", Some("fraction"))
        );
    }
    assert_eq!(keys.restore_link("no-such").await.unwrap_err().reason, "LINK_UNKNOWN");
    let sender = sites.keys(&sites.hangzhou, MERCHANT);
    let error = sender.set_eavesdropper(LINK, 1.0).await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::FailedPrecondition, "LINK_WRONG_END"));
}

#[tokio::test(flavor = "multi_thread")]
async fn links_and_keys_are_listed_without_secrets_and_watched() {
    let sites = Sites::filled().await;
    let keys = sites.keys(&sites.xiaoshan, CUSTOMS);
    let status = keys.status().await.unwrap();
    assert_eq!((status.site, status.links), (site("xiaoshan"), vec![LINK.to_owned()]));
    let registered = sealing_members().get(&id("cn-customs")).unwrap().sealing_key.clone().unwrap();
    assert_eq!(status.members, [(id("cn-customs"), Some(registered.id()))]);

    let (rows, counts) = keys.keys(LINK, 7).await.unwrap();
    assert_eq!((rows.len(), counts.ready_outgoing, counts.ready_incoming), (7, 100, 100));
    // Which keys wait to be recovered is not for every member of the site.
    for (uri, outgoing, incoming) in [(CUSTOMS, 100, 0), (OPERATOR, 100, 100), (XIAOSHAN, 100, 100)]
    {
        let (rows, _) = sites.keys(&sites.xiaoshan, uri).keys(LINK, 1_000).await.unwrap();
        let of = |direction| rows.iter().filter(|row| row.direction == direction).count();
        let found = (of(Direction::Outgoing), of(Direction::Incoming));
        assert_eq!(found, (outgoing, incoming), "{uri}");
    }
    let error = keys.keys(LINK, 10_001).await.unwrap_err();
    assert_eq!((error.reason.as_str(), error.field.as_deref()), ("FIELD_INVALID", Some("limit")));

    let links = keys.links().await.unwrap();
    assert_eq!((links[0].end, links[0].eavesdropper), (EndKind::Receiver, Some(0.0)));
    assert_eq!(links[0].line.state, qkd::LineState::Down);
    let mut watched = keys.watch_links().await.unwrap();
    let first = timeout(PROMPT, watched.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(first, links[0]);
    sites.xiaoshan.line.shut_down("somebody listens".to_owned(), None);
    let then = timeout(PROMPT, watched.next()).await.unwrap().unwrap().unwrap();
    let reason = "somebody listens".to_owned();
    assert_eq!(then.line.state, qkd::LineState::ShutDown { reason });
    sites.stop.cancel();
    let ended = timeout(PROMPT, watched.next()).await.unwrap().unwrap().unwrap_err();
    assert_eq!(ended.reason, "SHUTTING_DOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_is_refused_at_its_field() {
    let sites = Sites::filled().await;
    let endpoint = sites.endpoint(&sites.hangzhou.url, MERCHANT);
    let send = async |path: &str, message: Vec<u8>| {
        let path = format!("/quayside.keys.v1.KeysService/{path}");
        let status = call(channel(&endpoint).await.unwrap(), &path, message).await.unwrap_err();
        let error = client::Error::from(status);
        (error.reason.clone(), error.field.unwrap_or_default())
    };
    let told = |reason: &str, field: &str| (reason.to_owned(), field.to_owned());
    let with_id = |fields: &[(u8, &[u8])]| {
        let mut message = bytes_field(1, &[1; 16]);
        fields.iter().for_each(|(number, value)| message.extend(bytes_field(*number, value)));
        message
    };
    let peer = [bytes_field(1, b"cn-customs"), bytes_field(2, b"xiaoshan")].concat();
    assert_eq!(send("Draw", vec![]).await, told("FIELD_MISSING", "request_id"));
    assert_eq!(send("Draw", with_id(&[])).await, told("FIELD_MISSING", "peer"));
    assert_eq!(send("Draw", with_id(&[(3, &peer)])).await, told("KEY_LENGTH_INVALID", "length"));
    let handle = vec![0; 65_536];
    let large = with_id(&[(3, &peer), (4, &handle)]);
    assert_eq!(send("Recover", large).await, told("REQUEST_TOO_LARGE", "handle"));
    let bent = with_id(&[(3, &peer), (4, b"\x80")]);
    assert_eq!(send("Recover", bent).await, told("HANDLE_MALFORMED", "handle"));
    assert_eq!(send("Confirm", vec![]).await, told("FIELD_MISSING", "request_ids"));
    let many = bytes_field(2, &[7; 16]).repeat(4_097);
    assert_eq!(send("Confirm", many).await, told("FIELD_INVALID", "request_ids"));
    let short = [bytes_field(2, &[7; 16]), bytes_field(2, &[7; 15])].concat();
    assert_eq!(send("Confirm", short).await, told("FIELD_INVALID", "request_ids[1]"));
    let huge = bytes_field(4, &vec![0; 17 << 20]);
    assert_eq!(send("Recover", huge).await, told("REQUEST_TOO_LARGE", ""));
}
