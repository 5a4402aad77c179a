//! Six members and a stranger at three sites, over one ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use capture::{Capturer, Keys};
use consensus::{Application, Orderer, Solo};
use contracts::{Contracts, RetireKey};
use envelope::StorageKey;
use keys::{KeySource, Preferred, X25519, XWing, public_sealing_key};
use ledger::{Config, Ledger, Limits};
use party::{ConsortiumId, Member, MemberId, Members, SiteId};
use statement::{Act, Content, Genesis, Height, RequestId, SigningKey, Statement};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use trace::View;
use zeroize::Zeroizing;

use super::joints::{Exposed, Local, Once, Weather};
use crate::{
    Buyer, Desk, Error, Gateway, Good, JourneyId, Options, Order, OrderView, Parties, Parts, Step,
};

/// The members: name, role, site.
pub(crate) const CAST: [(&str, &str, &str); 7] = [
    ("zj-merchant", "trader", "hangzhou"),
    ("hz-forwarder", "carrier", "hangzhou"),
    ("cn-customs", "customs", "xiaoshan"),
    ("sky-air", "carrier", "xiaoshan"),
    ("be-customs", "customs", "liege"),
    ("es-post", "carrier", "liege"),
    // Takes no part in any journey.
    ("nosy-bank", "carrier", "liege"),
];

pub(crate) const SELLER: &str = "zj-merchant";

pub(crate) fn id(name: &str) -> MemberId {
    name.parse().unwrap()
}

pub(crate) fn consortium() -> ConsortiumId {
    "demo".parse().unwrap()
}

fn bytes(name: &str, usage: u8) -> [u8; 32] {
    let mut bytes = [usage; 32];
    bytes.iter_mut().skip(1).zip(name.bytes()).for_each(|(to, from)| *to = from);
    bytes
}

pub(crate) fn key(name: &str, usage: u8) -> SigningKey {
    SigningKey::from_bytes(bytes(name, usage))
}

fn members() -> Members {
    let member = |(name, role, site): (&str, &str, &str)| Member {
        id: id(name),
        roles: [role.parse().unwrap(), "operator".parse().unwrap()].into(),
        country: "CN".parse().unwrap(),
        sites: [site.parse().unwrap()].into(),
        statement_key: key(name, 1).public(),
        receipt_key: key(name, 2).public(),
        vote_key: key(name, 3).public(),
        sealing_key: Some(public_sealing_key(&bytes(name, 4), &bytes(name, 5))),
    };
    let validators = BTreeSet::from([id("hz-forwarder")]);
    Members::new(consortium(), CAST.map(member).to_vec(), validators).unwrap()
}

/// A gateway that runs.
struct Open {
    gateway: Gateway,
    stop: CancellationToken,
    run: JoinHandle<Result<(), Error>>,
}

/// A site: its gateway, while it is open, and what stays when it is not.
pub(crate) struct Site {
    pub(crate) local: Local,
    pub(crate) weather: Arc<Weather>,
    view: View,
    folder: PathBuf,
    open: Option<Open>,
}

pub(crate) struct World {
    pub(crate) members: Arc<Members>,
    pub(crate) once: Arc<Once>,
    pub(crate) sites: BTreeMap<SiteId, Site>,
    /// Who signs statements with which of its keys, but for those who use their first.
    renewed: BTreeMap<String, u8>,
    options: Options,
    stop: CancellationToken,
    pub(crate) directory: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let options = Options {
            retry_after: Duration::from_millis(20),
            patience: Duration::from_secs(10),
            ..Options::default()
        };
        Self::with(options.with_reseal_after(Duration::from_secs(60))).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let members = Arc::new(members());
        let stop = CancellationToken::new();
        let ledger = found(&directory.path().join("ledger"), &members, &stop);
        let mut world = Self {
            members,
            once: Arc::default(),
            sites: BTreeMap::new(),
            renewed: BTreeMap::new(),
            options,
            stop,
            directory,
        };
        for site in ["hangzhou", "xiaoshan", "liege"] {
            world.build(site, &ledger);
            world.open(site).await;
        }
        world
    }

    fn build(&mut self, name: &str, ledger: &Arc<Ledger>) {
        let weather = Arc::<Weather>::default();
        let lies = broadcast::channel(16).0;
        let local = Local { ledger: Arc::clone(ledger), weather: Arc::clone(&weather), lies };
        let folder = self.directory.path().join(name);
        let view = View::open(&folder.join("view"), (*self.members).clone()).unwrap();
        let (archive, follower, stop) = (local.clone(), view.clone(), self.stop.clone());
        tokio::spawn(async move { follower.follow(&archive, stop).await.unwrap() });
        let site = Site { local, weather, view, folder, open: None };
        self.sites.insert(name.parse().unwrap(), site);
    }

    pub(crate) fn site(&self, name: &str) -> &Site {
        &self.sites[&name.parse().unwrap()]
    }

    /// The site of a member.
    pub(crate) fn site_of(&self, member: &str) -> &Site {
        self.site(CAST.iter().find(|(name, ..)| *name == member).unwrap().2)
    }

    pub(crate) fn gateway(&self, member: &str) -> &Gateway {
        &self.site_of(member).open.as_ref().unwrap().gateway
    }

    pub(crate) fn view(&self, member: &str) -> &View {
        &self.site_of(member).view
    }

    /// Where a member's secrets come from: keys that are delivered once, else X-Wing.
    fn source(&self, name: &str, weather: &Arc<Weather>) -> Arc<dyn KeySource> {
        let (own, seed) = (Zeroizing::new(bytes(name, 4)), Zeroizing::new(bytes(name, 5)));
        let once: Arc<dyn KeySource> = self.once.clone();
        let inner = Arc::new(Preferred::new(vec![
            once,
            Arc::new(XWing::new(Some(seed), Arc::clone(&self.members))),
            Arc::new(X25519::new(Some(own), Arc::clone(&self.members))),
        ]));
        Arc::new(Exposed { inner, weather: Arc::clone(weather) })
    }

    /// What captures in the name of a member, as its gateway does.
    pub(crate) fn capturer(&self, names: &[&str]) -> Capturer {
        let local = self.site_of(names[0]).local.clone();
        let keys = names.iter().map(|name| {
            let seed = Zeroizing::new(bytes(name, 6));
            (id(name), Keys { statement: self.statement_key(name), seed })
        });
        Capturer::new(consortium(), keys.collect(), Arc::new(local)).with_window(1_000)
    }

    fn statement_key(&self, name: &str) -> SigningKey {
        key(name, self.renewed.get(name).copied().unwrap_or(1))
    }

    /// Gives a member a new statement key, in the record; its gateway has it when it is opened next.
    pub(crate) async fn renew(&mut self, name: &str) {
        let (usage, member) = (9, id(name));
        let act = Act {
            name: RetireKey::NAME.into(),
            arguments: RetireKey::sign(&key(name, usage), &consortium(), &member).encode(),
            request_id: request(99),
            last_height: Height(1_000),
        };
        let signer = self.statement_key(name);
        let content = Content::Governance;
        let act = Statement::sign(&signer, &consortium(), &member, content, act.encode()).unwrap();
        let (statement, leaves, bodies) = (act.into_bytes().into(), Vec::new(), Vec::new());
        let given = ledger::Submission { statement, leaves, bodies };
        let answer = self.site_of(name).local.ledger.submit(given).unwrap();
        answer.await.unwrap().unwrap();
        self.renewed.insert(name.into(), usage);
    }

    /// Opens a site's gateway and lets it run.
    pub(crate) async fn open(&mut self, name: &str) {
        let site_id: SiteId = name.parse().unwrap();
        let of_site = CAST.iter().filter(|(_, _, site)| *site == name).map(|(name, ..)| *name);
        let names: Vec<&str> = of_site.collect();
        let parts = || {
            let site = &self.sites[&site_id];
            let desk = |name: &&str| Desk {
                member: id(name),
                site: site_id.clone(),
                statement_key: self.statement_key(name),
                storage_key: StorageKey::from_bytes(bytes(name, 7)),
                keys: self.source(name, &site.weather),
                folder: site.folder.join(name),
            };
            Parts {
                consortium: consortium(),
                members: Arc::clone(&self.members),
                capturer: Arc::new(self.capturer(&names)),
                view: site.view.clone(),
                archive: Arc::new(site.local.clone()),
                post: Arc::new(site.local.clone()),
                clock: Arc::new(clock::System),
                desks: names.iter().map(desk).collect(),
                options: self.options,
            }
        };
        // What worked on the disk when the last one was closed may still hold its folders.
        let mut opened = Gateway::new(parts());
        for _ in 0..100 {
            if opened.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            opened = Gateway::new(parts());
        }
        let gateway = opened.unwrap();
        let (runner, stop) = (gateway.clone(), CancellationToken::new());
        let run = tokio::spawn({
            let stop = stop.clone();
            async move { runner.run(stop).await }
        });
        self.sites.get_mut(&site_id).unwrap().open = Some(Open { gateway, stop, run });
    }

    /// Closes a site's gateway, wherever it is at work.
    pub(crate) async fn close(&mut self, name: &str) {
        let site = self.sites.get_mut(&name.parse::<SiteId>().unwrap()).unwrap();
        let Open { gateway, stop, run } = site.open.take().unwrap();
        stop.cancel();
        run.await.unwrap().unwrap();
        drop(gateway);
    }

    pub(crate) async fn reopen(&mut self, name: &str) {
        self.close(name).await;
        self.open(name).await;
    }

    pub(crate) async fn order(&self, number: u8) -> OrderView {
        let seller = id(SELLER);
        let made = self.gateway(SELLER).create_order(&seller, request(number), order(number));
        made.await.unwrap()
    }

    pub(crate) async fn known(&self, member: &str, journey: &JourneyId) -> Option<OrderView> {
        self.gateway(member).order(&id(member), journey).await.ok()
    }

    /// Waits until a member sees what is asked of its view of a journey.
    pub(crate) async fn until(
        &self,
        member: &str,
        journey: &JourneyId,
        what: impl Fn(&OrderView) -> bool,
    ) -> OrderView {
        let mut last = None;
        for _ in 0..600 {
            last = self.known(member, journey).await;
            if let Some(view) = last.as_ref().filter(|view| what(view)) {
                return view.clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{member} does not come to see it; it sees {last:#?}");
    }

    /// Takes a step as soon as its taker sees that it is due.
    pub(crate) async fn step(&self, journey: &JourneyId, step: Step) {
        let taker = taker(step);
        let due = |view: &OrderView| view.next.as_ref().is_some_and(|next| next.step == step);
        self.until(taker, journey, due).await;
        let request = request_of(journey, step);
        let taken = self.gateway(taker).advance(&id(taker), request, journey, Some(step)).await;
        assert_eq!(taken.unwrap().step, step);
    }

    /// Takes all steps up to and with one.
    pub(crate) async fn travel(&self, journey: &JourneyId, from: Step, to: Step) {
        for step in Step::ALL.into_iter().filter(|step| (from..=to).contains(step)) {
            self.step(journey, step).await;
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
        for open in self.sites.values().filter_map(|site| site.open.as_ref()) {
            open.stop.cancel();
        }
    }
}

/// Founds a ledger and orders its blocks until told to stop.
fn found(path: &Path, members: &Members, stop: &CancellationToken) -> Arc<Ledger> {
    let operator = "hz-forwarder";
    let genesis =
        Genesis { time_ms: 1_795_000_000_000, members: members.clone(), max_window: 10_000 };
    let (signer, payload) = (key(operator, 1), genesis.encode());
    let genesis =
        Statement::sign(&signer, &consortium(), &id(operator), Content::Genesis, payload).unwrap();
    let config = Config {
        path: path.to_owned(),
        members: members.clone(),
        genesis: genesis.into_bytes().into(),
        receipt_key: Some((id(operator), key(operator, 2))),
        limits: Limits { cache_bytes: 8 << 20, ..Limits::default() },
    };
    let ledger = Ledger::open(config, Arc::new(Contracts)).unwrap();
    let solo = Arc::new(Solo::new(Arc::new(clock::System)));
    let waker = Arc::clone(&solo);
    ledger.on_pending(move || waker.wake());
    let (application, stop): (Arc<dyn Application>, _) = (ledger.clone(), stop.clone());
    tokio::spawn(async move { solo.run(application, stop).await });
    ledger
}

pub(crate) fn request(number: u8) -> RequestId {
    RequestId([number; 16])
}

fn request_of(journey: &JourneyId, step: Step) -> RequestId {
    let mut id = [step.number(); 16];
    id.iter_mut().zip(journey.as_bytes()).for_each(|(to, from)| *to = *from);
    RequestId(id)
}

pub(crate) fn taker(step: Step) -> &'static str {
    match step.party() {
        crate::Party::Seller => SELLER,
        crate::Party::Forwarder => "hz-forwarder",
        crate::Party::ExportCustoms => "cn-customs",
        crate::Party::Airline => "sky-air",
        crate::Party::ImportCustoms => "be-customs",
        crate::Party::LastMile => "es-post",
    }
}

pub(crate) fn order(number: u8) -> Order {
    Order {
        parcel: None,
        goods: vec![
            Good {
                sgtin: format!("urn:epc:id:sgtin:9521001.012345.{number}1"),
                description: "a cup".into(),
            },
            Good {
                sgtin: format!("urn:epc:id:sgtin:9521001.012345.{number}2"),
                description: "another cup".into(),
            },
        ],
        parties: Parties {
            forwarder: id("hz-forwarder"),
            export_customs: id("cn-customs"),
            airline: id("sky-air"),
            import_customs: id("be-customs"),
            last_mile: id("es-post"),
        },
        buyer: Buyer {
            name: "Dulcinea Lorenzo".into(),
            address: "Calle Mayor 1, El Toboso".into(),
            telephone: "+34 600 700 800".into(),
            identity_number: "12345678Z".into(),
        },
    }
}
