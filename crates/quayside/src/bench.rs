//! `quayside bench`: measure.

mod documents;
mod journeys;
mod load;
mod sealing;
mod server;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;

pub(crate) use self::journeys::JourneyReport;
use self::load::Measured;
pub(crate) use self::sealing::SealReport;
use self::server::OwnServer;
use crate::cli::{GatewayArguments, Global};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Output, Report, count, fields, pairs};

/// What `bench` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Measure durable capture over gRPC with mutual TLS.
    ///
    /// Every call carries events never seen before and ends when they are committed and synced to
    /// disk. Without --gateway a node of its own runs on a temporary state folder.
    #[command(after_long_help = fields::<BenchReport>())]
    Capture(CaptureArguments),
    /// Measure sealing on one core: events of 1 KiB for one reader, under X-Wing.
    #[command(after_long_help = fields::<SealReport>())]
    Seal(sealing::SealArguments),
    /// Measure whole journeys: parcels from their order to the buyer's door, through three sites.
    ///
    /// Each takes sixteen events by six members, each sealed to its readers and opened by them before
    /// the next one's turn. Without --here seven nodes of its own run on a temporary state folder.
    #[command(after_long_help = fields::<JourneyReport>())]
    Journey(journeys::JourneyArguments),
}

/// What `bench capture` takes.
#[derive(Debug, Args)]
pub(crate) struct CaptureArguments {
    /// Events in one call.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    events_per_call: u32,
    /// Callers at once, each with a connection of its own and one call under way.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    clients: u32,
    /// How long to measure, in seconds.
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// How long to warm up before, in seconds.
    #[arg(long, value_name = "S", default_value_t = 1)]
    warm_up: u64,
    /// Where the temporary state folder is made; choose the disk that you want to measure [default:
    /// the system's folder for temporary files].
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    gateway: GatewayArguments,
}

#[derive(Debug, Serialize)]
pub(crate) struct BenchReport {
    events_per_call: u32,
    clients: u32,
    seconds: f64,
    bytes_per_event: usize,
    calls: u64,
    events: u64,
    events_per_second: f64,
    calls_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    retries: u64,
}

impl Report for BenchReport {
    const COMMAND: &'static str = "bench capture";
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        ("events_per_call", "events in one call"),
        ("clients", "callers at once"),
        ("seconds", "how long was measured, seconds"),
        ("bytes_per_event", "the size of one event's JSON, bytes"),
        ("calls", "calls that ended in the time measured, all acknowledged as durable"),
        ("events", "events in those calls"),
        ("events_per_second", "events per second"),
        ("calls_per_second", "calls per second"),
        ("p50_ms", "the median time of a call, milliseconds"),
        ("p99_ms", "the time under which 99 of 100 calls stayed, milliseconds"),
        ("max_ms", "the longest call, milliseconds"),
        ("retries", "calls that were told to come back and did"),
    ];

    fn text(&self) -> String {
        let whole = |number: f64| format!("{number:.0}");
        let mut rows = vec![
            (
                "load",
                format!(
                    "{} clients, {} events a call, {} bytes an event, {:.1} s",
                    self.clients, self.events_per_call, self.bytes_per_event, self.seconds
                ),
            ),
            (
                "events",
                format!("{} ({} a second)", count(self.events), whole(self.events_per_second)),
            ),
            ("calls", format!("{} ({} a second)", count(self.calls), whole(self.calls_per_second))),
            ("p50", format!("{:.2} ms", self.p50_ms)),
            ("p99", format!("{:.2} ms", self.p99_ms)),
            ("max", format!("{:.2} ms", self.max_ms)),
        ];
        if self.retries > 0 {
            rows.push(("retries", count(self.retries)));
        }
        pairs(&rows)
    }
}

/// Runs a `bench` verb.
pub(crate) async fn bench(verb: Verb, global: &Global, output: Output) -> Result<Exit, Fault> {
    let arguments = match verb {
        Verb::Capture(arguments) => arguments,
        Verb::Seal(arguments) => return sealing::run(&arguments, output).await,
        Verb::Journey(arguments) => return journeys::run(&arguments, global, output).await,
    };
    let load = load::Load {
        events_per_call: usize::try_from(arguments.events_per_call).unwrap_or(usize::MAX),
        clients: arguments.clients,
        warm_up: Duration::from_secs(arguments.warm_up),
        time: Duration::from_secs(arguments.seconds),
    };
    let measured = if arguments.gateway.gateway.is_some() {
        load::run(&load, &arguments.gateway, global, output).await?
    } else {
        output.say("Starting a node of its own on a temporary state folder.");
        let own = OwnServer::start(arguments.folder.as_deref()).await?;
        let at_own = Global { state: own.state().to_owned(), config: None, json: global.json };
        let gateway = GatewayArguments { gateway: None, member: arguments.gateway.member };
        let measured = load::run(&load, &gateway, &at_own, output).await;
        own.stop().await;
        measured?
    };
    output.show(&report(&arguments_of(&load), &measured))?;
    Ok(Exit::Ok)
}

/// The load as the report names it.
fn arguments_of(load: &load::Load) -> (u32, u32) {
    (u32::try_from(load.events_per_call).unwrap_or(u32::MAX), load.clients)
}

fn report(load: &(u32, u32), measured: &Measured) -> BenchReport {
    let (events_per_call, clients) = *load;
    let seconds = measured.elapsed.as_secs_f64();
    let calls = measured.latencies_us.len();
    let events = calls.saturating_mul(events_per_call.into());
    let ms = |us: u64| Duration::from_micros(us).as_secs_f64() * 1_000.0;
    BenchReport {
        events_per_call,
        clients,
        seconds,
        bytes_per_event: measured.bytes_per_event,
        calls,
        events,
        events_per_second: rate(events, seconds),
        calls_per_second: rate(calls, seconds),
        p50_ms: ms(measured.latencies_us.value_at_quantile(0.50)),
        p99_ms: ms(measured.latencies_us.value_at_quantile(0.99)),
        max_ms: ms(measured.latencies_us.max()),
        retries: measured.retries,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of calls is far below 2^52")]
fn rate(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}
