//! `quayside bench journey`: how long parcels take from the order to the buyer's door.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Args;
use gateway::{Buyer, Good, Order, Parties, Seal, Step};
use hdrhistogram::Histogram;
use party::MemberId;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::load::{histogram, random_serial};
use super::server::OwnNodes;
use crate::cli::Global;
use crate::crew::{self, Crew};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Output, Report, count, lines, pairs, table};
use crate::progress::Progress;

/// How long one step may wait for what it needs.
const PATIENCE: Duration = Duration::from_secs(120);

/// What `bench journey` takes.
#[derive(Debug, Args)]
pub(crate) struct JourneyArguments {
    /// How many parcels are sent.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    parcels: u32,
    /// How many of them are on their way at once.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    at_once: u32,
    /// Send them through the nodes that run over the state folder, rather than through seven of the
    /// bench's own.
    #[arg(long, conflicts_with = "folder")]
    here: bool,
    /// Where the temporary state folder of the bench's own nodes is made [default: the system's
    /// folder for temporary files].
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
pub(crate) struct JourneyReport {
    parcels: u32,
    at_once: u32,
    seconds: f64,
    parcels_per_second: f64,
    order_to_delivered: Spread,
    steps: Vec<StepLine>,
    sources: Vec<SourceLine>,
}

/// How long something took.
#[derive(Debug, Serialize)]
struct Spread {
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

#[derive(Debug, Serialize)]
struct StepLine {
    number: u8,
    step: &'static str,
    mean_ms: f64,
    p50_ms: f64,
    p99_ms: f64,
}

#[derive(Debug, Serialize)]
struct SourceLine {
    source: String,
    seals: u64,
}

impl Report for JourneyReport {
    const COMMAND: &'static str = "bench journey";
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        ("parcels", "parcels sent, all delivered: sixteen events each, at three sites"),
        ("at_once", "how many were on their way at once"),
        ("seconds", "from the first order to the last delivery, seconds"),
        ("parcels_per_second", "parcels delivered in a second"),
        ("order_to_delivered", "how long one parcel took from its order to its delivery"),
        ("order_to_delivered.p50_ms", "half of them took less, milliseconds"),
        ("order_to_delivered.p99_ms", "99 of 100 took less, milliseconds"),
        ("order_to_delivered.max_ms", "the slowest, milliseconds"),
        ("steps", "the time of each step, from the end of the one before to its own end"),
        ("steps.number", "the step's place in the journey, 1 to 16"),
        ("steps.step", "its word"),
        ("steps.mean_ms", "the mean, milliseconds; together they are the mean of a parcel"),
        ("steps.p50_ms", "half of them took less, milliseconds"),
        ("steps.p99_ms", "99 of 100 took less, milliseconds"),
        ("sources", "where the secrets of the steps after the order came from"),
        ("sources.source", "x-wing, qkd:LINK or x25519"),
        ("sources.seals", "how many parts were sealed with it to a reader"),
    ];

    fn text(&self) -> String {
        let spread = &self.order_to_delivered;
        let mut rows = vec![
            ("parcels", format!("{}, {} at once", count(self.parcels.into()), self.at_once)),
            (
                "in all",
                format!("{:.1} s, {:.1} parcels a second", self.seconds, self.parcels_per_second),
            ),
            (
                "one parcel",
                format!(
                    "{:.2} s from order to delivered (p99 {:.2} s, max {:.2} s)",
                    spread.p50_ms / 1e3,
                    spread.p99_ms / 1e3,
                    spread.max_ms / 1e3
                ),
            ),
        ];
        rows.extend(
            self.sources
                .iter()
                .map(|line| ("seals", format!("{} by {}", count(line.seals), line.source))),
        );
        let mut steps = table(&["step", "what", "mean", "p50", "p99"]);
        for step in &self.steps {
            let ms = |ms: f64| format!("{ms:.1} ms");
            steps.add_row([
                step.number.to_string(),
                step.step.to_owned(),
                ms(step.mean_ms),
                ms(step.p50_ms),
                ms(step.p99_ms),
            ]);
        }
        format!("{}\n{}", pairs(&rows), lines(&steps))
    }
}

/// What all parcels share.
#[derive(Debug)]
struct Road {
    crew: Crew,
    seller: MemberId,
    parties: Parties,
    next_parcel: AtomicU64,
    /// Where the serial numbers of this run's goods begin.
    first_serial: u64,
    parcels: u64,
}

/// What was seen.
struct Seen {
    /// Microseconds from order to delivered.
    whole: Histogram<u64>,
    /// Microseconds of each step, in order.
    steps: Vec<Histogram<u64>>,
    sources: BTreeMap<String, u64>,
}

impl Seen {
    fn new() -> Result<Self, Fault> {
        let steps = Step::ALL.iter().map(|_| histogram()).collect::<Result<_, _>>()?;
        Ok(Self { whole: histogram()?, steps, sources: BTreeMap::new() })
    }

    fn add(&mut self, other: &Self) -> Result<(), Fault> {
        let bug = |error: hdrhistogram::AdditionError| Fault::new(Exit::Bug, error.to_string());
        self.whole.add(&other.whole).map_err(bug)?;
        for (mine, theirs) in self.steps.iter_mut().zip(&other.steps) {
            mine.add(theirs).map_err(bug)?;
        }
        for (source, seals) in &other.sources {
            *self.sources.entry(source.clone()).or_default() += seals;
        }
        Ok(())
    }
}

/// Runs `bench journey`.
pub(crate) async fn run(
    arguments: &JourneyArguments,
    global: &Global,
    output: Output,
) -> Result<Exit, Fault> {
    let report = if arguments.here {
        measure(arguments, global, output).await?
    } else {
        output.say("Starting seven nodes of its own on a temporary state folder.");
        let own = OwnNodes::start(arguments.folder.as_deref()).await?;
        let at_own = Global { state: own.state().to_owned(), config: None, json: global.json };
        let measured = measure(arguments, &at_own, output).await;
        own.stop().await;
        measured?
    };
    output.show(&report)?;
    Ok(Exit::Ok)
}

async fn measure(
    arguments: &JourneyArguments,
    global: &Global,
    output: Output,
) -> Result<JourneyReport, Fault> {
    let id = |text: &str| {
        text.parse::<MemberId>().map_err(|error| Fault::new(Exit::Bug, error.to_string()))
    };
    let seller = id("zj-merchant")?;
    let parties = Parties {
        forwarder: id("hz-forwarder")?,
        export_customs: id("cn-customs")?,
        airline: id("sky-air")?,
        import_customs: id("be-customs")?,
        last_mile: id("es-post")?,
    };
    let Parties { forwarder, export_customs, airline, import_customs, last_mile } = parties.clone();
    let all = [seller.clone(), forwarder, export_customs, airline, import_customs, last_mile];
    let road = Arc::new(Road {
        crew: Crew::of(all, global)?,
        seller,
        parties,
        next_parcel: AtomicU64::new(0),
        first_serial: random_serial()? >> 16,
        parcels: arguments.parcels.into(),
    });
    let started = Instant::now();
    let mut carriers = JoinSet::new();
    for _ in 0..arguments.at_once.min(arguments.parcels) {
        carriers.spawn(carry(Arc::clone(&road)));
    }
    let progress = Progress::start(road.parcels, "parcels", output.json);
    let mut seen = Seen::new()?;
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            ended = carriers.join_next() => {
                let Some(ended) = ended else { break };
                seen.add(&ended.map_err(|error| Fault::new(Exit::Bug, error.to_string()))??)?;
            }
            _ = tick.tick() => {
                let begun = road.next_parcel.load(Ordering::Relaxed).min(road.parcels);
                progress.at(begun, road.parcels);
            }
        }
    }
    drop(progress);
    Ok(report(arguments, started.elapsed(), &seen))
}

/// Takes one parcel after the other from its order to its delivery.
async fn carry(road: Arc<Road>) -> Result<Seen, Fault> {
    let mut seen = Seen::new()?;
    loop {
        let number = road.next_parcel.fetch_add(1, Ordering::Relaxed);
        if number >= road.parcels {
            return Ok(seen);
        }
        let ordered = Instant::now();
        let wanted = order(&road, number);
        let view = road.crew.order(&road.seller, &wanted, ordered + PATIENCE).await?;
        let mut before = Instant::now();
        let us = |span: Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX).max(1);
        for (step, times) in Step::ALL.into_iter().zip(&mut seen.steps) {
            if step == Step::Commission {
                times.saturating_record(us(before - ordered));
                continue;
            }
            let whose = crew::whose(&view, step);
            let deadline = Instant::now() + PATIENCE;
            let advanced = road.crew.take(&view.journey, step, whose, deadline).await?;
            let now = Instant::now();
            times.saturating_record(us(now - before));
            before = now;
            for Seal { source, .. } in advanced.seals {
                *seen.sources.entry(source).or_default() += 1;
            }
        }
        seen.whole.saturating_record(us(before - ordered));
    }
}

/// The order of one parcel; its buyer does not exist.
fn order(road: &Road, number: u64) -> Order {
    let serial = road.first_serial.saturating_add(number);
    Order {
        parcel: None,
        goods: vec![Good {
            sgtin: format!("urn:epc:id:sgtin:9521001.000201.{serial}"),
            description: "Celadon tea cup".to_owned(),
        }],
        parties: road.parties.clone(),
        buyer: Buyer {
            name: format!("Buyer {number}"),
            address: format!("Calle de la Muestra {number}, Madrid"),
            telephone: format!("+34 910 {number:06}"),
            identity_number: format!("{number:08}T"),
        },
    }
}

fn report(arguments: &JourneyArguments, elapsed: Duration, seen: &Seen) -> JourneyReport {
    let ms = |us: u64| Duration::from_micros(us).as_secs_f64() * 1e3;
    let seconds = elapsed.as_secs_f64();
    JourneyReport {
        parcels: arguments.parcels,
        at_once: arguments.at_once,
        seconds,
        parcels_per_second: f64::from(arguments.parcels) / seconds,
        order_to_delivered: Spread {
            p50_ms: ms(seen.whole.value_at_quantile(0.50)),
            p99_ms: ms(seen.whole.value_at_quantile(0.99)),
            max_ms: ms(seen.whole.max()),
        },
        steps: Step::ALL
            .into_iter()
            .zip(&seen.steps)
            .map(|(step, times)| StepLine {
                number: step.number(),
                step: step.as_str(),
                mean_ms: times.mean() / 1e3,
                p50_ms: ms(times.value_at_quantile(0.50)),
                p99_ms: ms(times.value_at_quantile(0.99)),
            })
            .collect(),
        sources: seen
            .sources
            .iter()
            .map(|(source, seals)| SourceLine { source: source.clone(), seals: *seals })
            .collect(),
    }
}
