//! Each of the seven processes falls, by kill -9 and at the worst moments, and nothing is lost:
//! every journey that was begun comes to its end with sixteen steps, opened by all who may read
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use cluster::Apart;
use e2e::parcel::{CUSTODIANS, MEMBERS, PALLET_STEPS, STEPS, order};
use e2e::sites::{self, Link};
use gateway::{Buyer, Good, JourneyId, Order, OrderView, Parties, Step};
use rpc::Revoked;
use rpc::client::{Code, Endpoint, Error, Gateway};
use statement::{Commitment, RequestId};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// How many journeys are under way at once.
const LANES: u32 = 4;
/// How long a call may take, tried again and again.
const PATIENCE: Duration = Duration::from_secs(300);
/// A try that hangs is given up: whoever it was sent to may be gone.
const ONE_TRY: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);
/// How long the processes run between two falls.
const LIFE: Duration = Duration::from_millis(1_500);

const ROUNDS_IN_SOAK: u32 = 10;

/// A journey that came to its end, and what was promised of each step.
struct Delivered {
    journey: JourneyId,
    commitments: BTreeMap<Step, Commitment>,
}

/// The members' clients, each at its own site's gateway.
struct Crew {
    gateways: BTreeMap<&'static str, Gateway>,
    next: AtomicU32,
    stopped: AtomicBool,
}

impl Crew {
    fn of(nodes: &Apart) -> Result<Self> {
        node::install_tls_provider();
        let read = |name: &str| std::fs::read_to_string(nodes.home.file(name));
        let mut gateways = BTreeMap::new();
        for member in MEMBERS {
            let site = match member {
                "zj-merchant" | "hz-forwarder" => "hangzhou",
                "cn-customs" | "sky-air" => "xiaoshan",
                _ => "liege",
            };
            let config = read(&format!("nodes/{site}-gateway/node.toml"))?;
            let listen = config.lines().find_map(|line| line.strip_prefix("listen = "));
            let endpoint = Endpoint {
                url: format!("https://{}", listen.context("listen")?.trim_matches('"')),
                ca_pem: read("authority/ca.pem")?,
                cert_pem: read(&format!("members/{member}/client.pem"))?,
                key_pem: read(&format!("members/{member}/client.key"))?,
                revoked: Revoked::default(),
            };
            gateways.insert(member, Gateway::connect(&endpoint)?);
        }
        Ok(Self { gateways, next: AtomicU32::new(1), stopped: AtomicBool::new(false) })
    }

    fn at(&self, member: &str) -> Result<&Gateway> {
        self.gateways.get(member).context("a member")
    }

    /// Sends an order and sees its parcel to the buyer.
    async fn send(&self, number: u32) -> Result<Delivered> {
        let (wanted, seller) = (ordered(number)?, self.at("zj-merchant")?);
        let id = request(number, 1);
        let made = insist(|| seller.create_order(id, wanted.clone())).await?;
        let journey = made.journey;
        let mut commitments = BTreeMap::new();
        for (taken, (word, member)) in (1..).zip(STEPS) {
            let step: Step = word.parse()?;
            let commitment = if step == Step::Commission {
                made.steps.first().context("the first step")?.commitment
            } else {
                let (id, gateway) = (request(number, taken), self.at(member)?);
                let told = insist(|| gateway.advance(id, &journey, Some(step))).await;
                let told = told.with_context(|| format!("{journey} {step}"))?;
                ensure!(told.step == step, "{step} was asked for: {told:?}");
                told.commitment
            };
            commitments.insert(step, commitment);
        }
        Ok(Delivered { journey, commitments })
    }

    /// Sends one order after the other, until told to stop.
    async fn lane(self: Arc<Self>) -> Result<Vec<Delivered>> {
        let mut delivered = Vec::new();
        while !self.stopped.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            delivered.push(self.send(number).await.with_context(|| format!("order {number}"))?);
        }
        Ok(delivered)
    }

    /// What a member knows of a journey.
    async fn view(&self, member: &str, journey: &JourneyId) -> Result<OrderView> {
        let gateway = self.at(member)?;
        insist(|| gateway.order(journey)).await
    }

    /// Whether everybody knows all that it may know of a journey, once, and nothing else waits.
    async fn check(&self, delivered: &Delivered) -> Result<()> {
        let Delivered { journey, commitments } = delivered;
        let mut parcel = None;
        for member in MEMBERS {
            let until = Instant::now() + PATIENCE;
            let view = loop {
                let view = self.view(member, journey).await?;
                if view.unacknowledged.is_empty() && view.next.is_none() {
                    break view;
                }
                ensure!(Instant::now() < until, "{member} still waits: {view:#?}");
                tokio::time::sleep(PAUSE).await;
            };
            ensure!(view.alerts.is_empty(), "{member}: {:#?}", view.alerts);
            let found: BTreeMap<Step, Commitment> =
                view.steps.iter().map(|done| (done.step, done.commitment)).collect();
            let mut expected = commitments.clone();
            expected.retain(|step, _| {
                CUSTODIANS.contains(&member) || !PALLET_STEPS.contains(&step.as_str())
            });
            ensure!(found == expected, "{member} knows {found:?}, and not {expected:?}");
            parcel = Some(view.parcel);
        }
        let (forwarder, parcel) = (self.at("hz-forwarder")?, parcel.context("a view")?);
        let trace = insist(|| forwarder.trace(&parcel, false)).await?;
        let seen: Vec<Commitment> = trace.steps.iter().map(|step| step.commitment).collect();
        let once: BTreeSet<[u8; 32]> = seen.iter().map(|commitment| commitment.0).collect();
        ensure!((seen.len(), once.len()) == (16, 16), "sixteen steps, each once: {trace:#?}");
        ensure!(trace.completeness == trace::Completeness::Complete, "{:?}", trace.completeness);
        Ok(())
    }
}

/// Asks again and again under the same words, as whoever lost an answer does.
async fn insist<T, F>(call: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T, Error>>,
{
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = timeout(ONE_TRY, call()).await;
        let why = match answer {
            Ok(Ok(told)) => return Ok(told),
            Ok(Err(error)) if !early(&error) => bail!("{:?}: {error}", error.code),
            Ok(Err(error)) => error.to_string(),
            Err(late) => late.to_string(),
        };
        ensure!(Instant::now() < until, "after {} s: {why}", PATIENCE.as_secs());
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether the same call may succeed in a moment.
fn early(error: &Error) -> bool {
    error.is_retryable()
        || matches!(error.code, Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled)
        || matches!(error.reason.as_str(), "STEP_OUT_OF_ORDER" | "JOURNEY_UNKNOWN" | "NOT_YET")
}

/// The request of an order's step, the same each time it is tried.
fn request(number: u32, step: u8) -> RequestId {
    let mut id = [0x5a; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    id[4] = step;
    RequestId(id)
}

fn ordered(number: u32) -> Result<Order> {
    let order = order(number);
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let (parties, buyer) = (&order["parties"], &order["buyer"]);
    let good = |good: &serde_json::Value| Good {
        sgtin: text(&good["sgtin"]),
        description: text(&good["description"]),
    };
    Ok(Order {
        parcel: Some(text(&order["parcel"])),
        goods: order["goods"].as_array().context("goods")?.iter().map(good).collect(),
        parties: Parties {
            forwarder: text(&parties["forwarder"]).parse()?,
            export_customs: text(&parties["export_customs"]).parse()?,
            airline: text(&parties["airline"]).parse()?,
            import_customs: text(&parties["import_customs"]).parse()?,
            last_mile: text(&parties["last_mile"]).parse()?,
        },
        buyer: Buyer {
            name: text(&buyer["name"]),
            address: text(&buyer["address"]),
            telephone: text(&buyer["telephone"]),
            identity_number: text(&buyer["identity_number"]),
        },
    })
}

/// Lanes of orders beside a test that makes processes fall.
struct Load {
    crew: Arc<Crew>,
    lanes: Vec<JoinHandle<Result<Vec<Delivered>>>>,
    runtime: Runtime,
}

impl Load {
    fn start(nodes: &Apart) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let crew = {
            let _inside = runtime.enter();
            Arc::new(Crew::of(nodes)?)
        };
        let lanes = (0..LANES).map(|_| runtime.spawn(Arc::clone(&crew).lane())).collect();
        Ok(Self { crew, lanes, runtime })
    }

    /// Lets what is under way come to its end, and checks all of it.
    fn finish(self) -> Result<usize> {
        let Self { crew, lanes, runtime } = self;
        crew.stopped.store(true, Ordering::Relaxed);
        runtime.block_on(async {
            let mut delivered = Vec::new();
            for lane in lanes {
                delivered.extend(lane.await??);
            }
            for journey in &delivered {
                let checked = crew.check(journey).await;
                checked.with_context(|| format!("journey {}", journey.journey))?;
            }
            Ok(delivered.len())
        })
    }
}

/// The record holds what each journey makes, and nothing twice: sixteen steps and the
/// announcements of two secrets, beside the genesis.
fn check_record(nodes: &mut Apart, journeys: usize) -> Result<()> {
    let status = nodes.home.quayside(["status", "--json"])?.ok()?.json()?;
    let expected = 1 + 18 * u64::try_from(journeys)?;
    assert_eq!(status["ledger"]["log_size"], expected, "{journeys} journeys: {status:#}");
    for name in nodes.names()? {
        nodes.kill(&name)?;
    }
    nodes.home.quayside(["ledger", "check", "--json"])?.ok()?;
    Ok(())
}

fn fall_under_load(rounds: u32) -> Result<()> {
    let mut nodes = sites::up(Link::SHORT)?;
    sites::until(&nodes, "ready")?;
    let load = Load::start(&nodes)?;
    for round in 1..=rounds {
        for name in nodes.names()? {
            sleep(LIFE);
            nodes.kill(&name)?;
            sleep(PAUSE * (round % 8));
            nodes.start(&name)?;
            nodes.wait().with_context(|| format!("{name} in round {round}"))?;
        }
    }
    sleep(LIFE);
    // A panic, so that folder and logs are kept for whoever looks for the cause.
    let journeys = load.finish().expect("every journey comes to its end");
    println!("{} falls, {journeys} journeys of sixteen steps", rounds * 7);
    ensure!(journeys >= 7, "there was load: {journeys} journeys");
    check_record(&mut nodes, journeys)
}

#[test]
fn each_process_falls_under_load_and_every_journey_comes_to_its_end() -> Result<()> {
    fall_under_load(1)
}

#[test]
#[ignore = "soak: seventy falls"]
fn seventy_falls_lose_nothing() -> Result<()> {
    fall_under_load(ROUNDS_IN_SOAK)
}

/// Where a process ends itself, and which one: from the first thought of a step to the last word of
/// its reader.
const MOMENTS: [(&str, &str); 17] = [
    ("hangzhou-gateway", "desk-planned#3"),
    ("hangzhou-gateway", "desk-captured#3"),
    ("xiaoshan-gateway", "desk-captured#2"),
    ("liege-gateway", "desk-planned#2"),
    ("hangzhou-keys", "keys-drawn#3"),
    ("xiaoshan-keys", "keys-drawn#2"),
    ("hz-forwarder-ledger", "post-decided#3"),
    ("hz-forwarder-ledger", "post-written#3"),
    ("hz-forwarder-ledger", "commit-written#4"),
    ("xiaoshan-keys", "keys-recovered#2"),
    ("hangzhou-keys", "keys-recovered#2"),
    ("xiaoshan-gateway", "desk-opened#2"),
    ("liege-gateway", "desk-confirmed#2"),
    ("xiaoshan-keys", "keys-confirmed#3"),
    ("hangzhou-keys", "keys-confirmed#3"),
    ("xiaoshan-keys", "keys-stored"),
    ("hangzhou-keys", "keys-released"),
];

#[test]
fn a_process_that_falls_at_the_worst_moment_loses_nothing() -> Result<()> {
    let mut nodes = sites::up(Link::SHORT)?;
    sites::until(&nodes, "ready")?;
    let load = Load::start(&nodes)?;
    for (name, moment) in MOMENTS {
        nodes.kill(name)?;
        nodes.start_with(name, [("QUAYSIDE_CRASH_AT", moment)])?;
        let ended = nodes.node(name)?.wait(Duration::from_secs(30))?;
        ensure!(ended.is_some(), "{name} never came to {moment}: {}", nodes.node(name)?.log());
        nodes.restart(name).with_context(|| format!("{name} after {moment}"))?;
        sites::until(&nodes, "ready").with_context(|| format!("{name} after {moment}"))?;
    }
    let journeys = load.finish().expect("every journey comes to its end");
    println!("{} moments, {journeys} journeys of sixteen steps", MOMENTS.len());
    check_record(&mut nodes, journeys)
}
