//! A parcel's whole journey over the wire: a ledger, and a key exchange and a gateway at each of
//! three sites, all of them real servers; six members, each by its own client.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use capture::Capturer;
use consensus::{Application, Orderer, Solo};
use contracts::Contracts;
use envelope::StorageKey;
use gateway::{Buyer, Desk, Good, JourneyId, Order, OrderView, Parties, Parts, Step};
use keys::{Exchange, KeySource, MemberSources, PolicyClass, XWing, public_sealing_key};
use ledger::{Config, Ledger, Limits};
use party::{Member, Members, SiteId};
use rpc::client::{self, Code};
use rpc::server::{Gateway, Keys, Options, Services, Tls, serve};
use rpc::{Revoked, Trust};
use statement::{Content, Genesis, RequestId, Statement};
use tokio_util::sync::CancellationToken;
use trace::{Completeness, Gap, StepState, View};
use zeroize::Zeroizing;

use crate::authority::Authority;
use crate::house::{demo, id, key, keys, listen};

/// The members: name, role, site.
const CAST: [(&str, &str, &str); 6] = [
    ("zj-merchant", "trader", "hangzhou"),
    ("hz-forwarder", "carrier", "hangzhou"),
    ("cn-customs", "customs", "xiaoshan"),
    ("sky-air", "carrier", "xiaoshan"),
    ("be-customs", "customs", "liege"),
    ("es-post", "carrier", "liege"),
];

const SITES: [&str; 3] = ["hangzhou", "xiaoshan", "liege"];

const BUYER: &str = "Dulcinea Lorenzo";

/// A member's secret bytes, by use.
fn secret(name: &str, usage: u8) -> [u8; 32] {
    let mut bytes = [usage; 32];
    bytes.iter_mut().skip(1).zip(name.bytes()).for_each(|(to, from)| *to = from);
    bytes
}

fn members() -> Members {
    let member = |(name, role, site): (&str, &str, &str)| Member {
        id: id(name),
        roles: [role.parse().unwrap(), "operator".parse().unwrap()].into(),
        country: "CN".parse().unwrap(),
        sites: [site.parse().unwrap()].into(),
        statement_key: key(name, 0).public(),
        receipt_key: key(name, 1).public(),
        vote_key: key(name, 2).public(),
        sealing_key: Some(public_sealing_key(&secret(name, 14), &secret(name, 15))),
    };
    let validators = BTreeSet::from([id("hz-forwarder")]);
    Members::new(demo(), CAST.map(member).to_vec(), validators).unwrap()
}

/// All servers of the consortium.
struct Consortium {
    authority: Authority,
    members: Arc<Members>,
    stop: CancellationToken,
    ledger: String,
    gateways: BTreeMap<&'static str, String>,
    _directory: tempfile::TempDir,
}

impl Drop for Consortium {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Founds a ledger and orders its blocks.
fn found(path: &Path, members: &Members) -> Arc<Ledger> {
    let operator = "hz-forwarder";
    let genesis =
        Genesis { time_ms: 1_795_000_000_000, members: members.clone(), max_window: 100_000 };
    let (signer, payload) = (key(operator, 0), genesis.encode());
    let genesis =
        Statement::sign(&signer, &demo(), &id(operator), Content::Genesis, payload).unwrap();
    let config = Config {
        path: path.to_owned(),
        members: members.clone(),
        genesis: Bytes::from(genesis.into_bytes()),
        receipt_key: Some((id(operator), key(operator, 1))),
        limits: Limits { cache_bytes: 8 << 20, ..Limits::default() },
    };
    let ledger = Ledger::open(config, Arc::new(Contracts)).unwrap();
    let solo = Arc::new(Solo::new(Arc::new(clock::System)));
    let wake = Arc::clone(&solo);
    ledger.on_pending(move || wake.wake());
    let application = Arc::clone(&ledger) as Arc<dyn Application>;
    tokio::spawn(async move { solo.run(application, CancellationToken::new()).await });
    ledger
}

impl Consortium {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let members = Arc::new(members());
        let ledger = found(&directory.path().join("ledger"), &members);
        let mut this = Self {
            authority: Authority::new(),
            members,
            stop: CancellationToken::new(),
            ledger: String::new(),
            gateways: BTreeMap::new(),
            _directory: directory,
        };
        let services = Services { ledger: Some(ledger), ..Services::default() };
        this.ledger = this.serve("spiffe://demo/member/hz-forwarder/ledger", services).await;
        for site in SITES {
            let url = this.open(site).await;
            this.gateways.insert(site, url);
        }
        this
    }

    /// Serves something under this name, and gives its address.
    async fn serve(&self, uri: &str, services: Services) -> String {
        let pass = self.authority.issue(&[uri], 1);
        let ca_pem = self.authority.pem();
        let tls = Tls { cert_pem: pass.cert_pem, key_pem: pass.key_pem, ca_pem };
        let trust = Trust::new(Arc::clone(&self.members), Revoked::default());
        let (listener, url) = listen().await;
        let options = Options::new(tls, trust, self.stop.clone());
        tokio::spawn(serve(listener, options, services));
        url
    }

    fn endpoint(&self, url: &str, uri: &str) -> client::Endpoint {
        self.authority.issue(&[uri], 100).to(url, &self.authority)
    }

    /// Opens a site's key exchange, and its gateway over clients of the ledger and the exchange.
    async fn open(&self, site: &'static str) -> String {
        let site_id: SiteId = site.parse().unwrap();
        let served: Vec<&str> =
            CAST.iter().filter(|(_, _, at)| *at == site).map(|(name, ..)| *name).collect();
        let sources = served.iter().map(|name| {
            let seed = Zeroizing::new(secret(name, 15));
            let hybrid = XWing::new(Some(seed), Arc::clone(&self.members));
            let by_class = [(PolicyClass::Preferred, Arc::new(hybrid) as Arc<dyn KeySource>)];
            MemberSources { member: id(name), by_class: by_class.into() }
        });
        let exchange = Arc::new(Exchange::new(site_id.clone(), sources.collect()));
        let services =
            Services { keys: Some(Keys { exchange, links: Vec::new() }), ..Services::default() };
        let keys_url = self.serve(&format!("spiffe://demo/site/{site}/keys"), services).await;

        let uri = format!("spiffe://demo/site/{site}/gateway");
        let exchange = client::Keys::connect(&self.endpoint(&keys_url, &uri)).unwrap();
        let ledger = client::Ledger::connect(&self.endpoint(&self.ledger, &uri)).unwrap();
        let ledger = Arc::new(ledger);
        let signers = served.iter().map(|name| (id(name), keys(name))).collect();
        let capturer = Arc::new(Capturer::new(demo(), signers, ledger.clone()));
        let folder = self._directory.path().join(site);
        let view = View::open(&folder.join("view"), (*self.members).clone()).unwrap();
        let (follower, archive, until) = (view.clone(), ledger.clone(), self.stop.clone());
        tokio::spawn(async move { follower.follow(archive.as_ref(), until).await });
        let desk = |name: &&str| Desk {
            member: id(name),
            site: site_id.clone(),
            statement_key: key(name, 0),
            storage_key: StorageKey::from_bytes(secret(name, 16)),
            keys: Arc::new(exchange.source(id(name), PolicyClass::Preferred)),
            folder: folder.join(name),
        };
        let journeys = gateway::Gateway::new(Parts {
            consortium: demo(),
            members: Arc::clone(&self.members),
            capturer: Arc::clone(&capturer),
            view: view.clone(),
            archive: ledger.clone(),
            post: ledger.clone(),
            clock: Arc::new(clock::System),
            desks: served.iter().map(desk).collect(),
            options: gateway::Options::default(),
        })
        .unwrap();
        let (runner, until) = (journeys.clone(), self.stop.clone());
        tokio::spawn(async move { runner.run(until).await });
        let face = Gateway { capturer, view, archive: ledger, journeys: Some(journeys) };
        self.serve(&uri, Services { gateway: Some(face), ..Services::default() }).await
    }

    /// A member's client at the gateway of its site.
    fn client(&self, name: &str) -> client::Gateway {
        let (_, _, site) = CAST.iter().find(|(member, ..)| *member == name).unwrap();
        let uri = format!("spiffe://demo/member/{name}/client");
        client::Gateway::connect(&self.endpoint(self.gateways.get(site).unwrap(), &uri)).unwrap()
    }

    /// Waits until a member sees what is asked of its view of a journey.
    async fn until(
        &self,
        name: &str,
        journey: &JourneyId,
        what: impl Fn(&OrderView) -> bool,
    ) -> OrderView {
        let client = self.client(name);
        let mut asked = 0;
        loop {
            let seen = client.order(journey).await;
            if let Ok(view) = &seen
                && what(view)
            {
                return view.clone();
            }
            asked += 1;
            assert!(asked < 600, "{name} does not come to see it, but {seen:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn request(number: u8) -> RequestId {
    RequestId([number; 16])
}

fn order() -> Order {
    Order {
        parcel: None,
        goods: vec![Good {
            sgtin: "urn:epc:id:sgtin:9521001.012345.1".to_owned(),
            description: "a cup".to_owned(),
        }],
        parties: Parties {
            forwarder: id("hz-forwarder"),
            export_customs: id("cn-customs"),
            airline: id("sky-air"),
            import_customs: id("be-customs"),
            last_mile: id("es-post"),
        },
        buyer: Buyer {
            name: BUYER.to_owned(),
            address: "Plaza Mayor 1, El Toboso".to_owned(),
            telephone: "+34 600 700 800".to_owned(),
            identity_number: "12345678Z".to_owned(),
        },
    }
}

fn taker(step: Step) -> &'static str {
    match step {
        Step::Commission | Step::Pack => "zj-merchant",
        Step::PickUp | Step::Receive | Step::Aggregate => "hz-forwarder",
        Step::Load | Step::Depart | Step::Arrive => "sky-air",
        Step::InspectExport | Step::ReleaseExport => "cn-customs",
        Step::InspectImport | Step::ReleaseImport => "be-customs",
        Step::Disaggregate | Step::Ship | Step::OutForDelivery | Step::Deliver => "es-post",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_goes_its_whole_way_and_each_member_sees_what_is_its_own() {
    let all = Consortium::start().await;
    let merchant = all.client("zj-merchant");
    let made = merchant.create_order(request(1), order()).await.unwrap();
    let again = merchant.create_order(request(1), order()).await.unwrap();
    assert_eq!((made.journey, &made.steps), (again.journey, &again.steps), "answered as before");
    assert_eq!(merchant.orders(0).await.unwrap(), [made.journey]);
    let journey = made.journey;

    for step in Step::ALL.into_iter().skip(1) {
        let name = taker(step);
        let due = |view: &OrderView| view.next.as_ref().is_some_and(|next| next.step == step);
        all.until(name, &journey, due).await;
        let taken = all.client(name).advance(request(step.number()), &journey, Some(step)).await;
        let taken = taken.unwrap();
        assert_eq!(taken.step, step);
        assert!(taken.seals.iter().all(|seal| seal.source == "x-wing"), "{:?}", taken.seals);
    }
    for (name, ..) in CAST {
        // All see thirteen steps, and those that hold the pallet's secret the other three too.
        let done = |view: &OrderView| view.steps.iter().any(|done| done.step == Step::Deliver);
        let view = all.until(name, &journey, done).await;
        let reads = matches!(name, "cn-customs" | "be-customs" | "es-post" | "zj-merchant");
        assert_eq!(view.buyer.is_some(), reads, "{name}");
        assert_eq!(view.alerts, [], "{name}");
        let trace = all.client(name).trace_as(&made.parcel, true, Some(&id(name))).await.unwrap();
        let opened = trace.steps.iter().filter(|step| step.state == StepState::Opened).count();
        let shows_buyer = trace
            .steps
            .iter()
            .any(|step| step.event.as_ref().is_some_and(|event| event.contains(BUYER)));
        assert_eq!(shows_buyer, reads, "{name}");
        assert!(trace.steps.iter().all(|step| step.bundle.is_some()), "{name}");
        let theirs = trace.steps.iter().filter(|step| step.issuer != id(name));
        let sealed = theirs.filter(|step| step.state == StepState::Opened);
        assert!(sealed.into_iter().all(|step| step.sealed_with.as_deref() == Some("x-wing")));
        match name {
            "zj-merchant" | "be-customs" => {
                let Completeness::Incomplete { gap, .. } = trace.completeness else {
                    panic!("{name} holds no secret of the pallet");
                };
                assert_eq!((gap, opened), (Gap::ContainerClosed, 13), "{name}");
            }
            _ => assert_eq!((trace.completeness, opened), (Completeness::Complete, 16), "{name}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_the_view_of_another_nor_takes_its_step() {
    let all = Consortium::start().await;
    let merchant = all.client("zj-merchant");
    let made = merchant.create_order(request(1), order()).await.unwrap();
    let journey = made.journey;

    // Both act by one gateway, and still each sees its own alone.
    let error =
        merchant.trace_as(&made.parcel, false, Some(&id("hz-forwarder"))).await.unwrap_err();
    let told = (error.code, error.reason.as_str(), error.field.as_deref());
    assert_eq!(told, (Code::PermissionDenied, "VIEW_NOT_YOURS", Some("view_of")));

    let foreign = client::Gateway::connect(
        &all.endpoint(&all.gateways["hangzhou"], "spiffe://demo/member/cn-customs/client"),
    );
    let foreign = foreign.unwrap();
    let site = client::Gateway::connect(
        &all.endpoint(&all.gateways["hangzhou"], "spiffe://demo/site/hangzhou/gateway"),
    );
    for (who, reason) in [(foreign, "MEMBER_UNKNOWN"), (site.unwrap(), "CALLER_NOT_ISSUER")] {
        for error in [
            who.create_order(request(2), order()).await.unwrap_err(),
            who.advance(request(3), &journey, None).await.unwrap_err(),
            who.order(&journey).await.unwrap_err(),
            who.orders(0).await.unwrap_err(),
            who.trace(&made.parcel, false).await.unwrap_err(),
        ] {
            assert_eq!((error.code, error.reason.as_str()), (Code::PermissionDenied, reason));
        }
    }

    let seen = |view: &OrderView| !view.steps.is_empty();
    all.until("hz-forwarder", &journey, seen).await;
    let forwarder = all.client("hz-forwarder");
    let error = forwarder.advance(request(4), &journey, None).await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::PermissionDenied, "STEP_NOT_YOURS"));
    let error = merchant.advance(request(5), &journey, Some(Step::Commission)).await.unwrap_err();
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::FailedPrecondition, "STEP_OUT_OF_ORDER")
    );
    let nowhere = "0123456789abcdef".parse().unwrap();
    let error = merchant.order(&nowhere).await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::NotFound, "JOURNEY_UNKNOWN"));
    let other = Order { parcel: Some("no sscc".to_owned()), ..order() };
    let error = merchant.create_order(request(6), other).await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::InvalidArgument, "ORDER_INVALID"));
    let error = merchant.create_order(request(7), Order { goods: vec![], ..order() }).await;
    assert_eq!(error.unwrap_err().field.as_deref(), Some("goods"));
}
