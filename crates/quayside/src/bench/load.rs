//! Put load on a gateway and take the times.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use rand::TryRng as _;
use statement::RequestId;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::documents::Template;
use crate::cli::{GatewayArguments, Global};
use crate::connection::{self, Gateway};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::Output;
use crate::progress::Progress;

/// How often a call that is told to come back comes back.
const RETRIES: u32 = 50;

/// How often the progress bar moves.
const TICK: Duration = Duration::from_millis(200);

/// What is put on the gateway.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// Events in one call.
    pub(crate) events_per_call: usize,
    /// Callers at once.
    pub(crate) clients: u32,
    /// Calls before this time do not count.
    pub(crate) warm_up: Duration,
    /// For how long calls count.
    pub(crate) time: Duration,
}

/// What was seen.
#[derive(Debug)]
pub(crate) struct Measured {
    /// The time of each call that counts, microseconds.
    pub(crate) latencies_us: Histogram<u64>,
    /// For how long calls counted.
    pub(crate) elapsed: Duration,
    /// Calls that were told to come back and did.
    pub(crate) retries: u64,
    /// The size of one event's JSON.
    pub(crate) bytes_per_event: usize,
}

/// What all callers share.
#[derive(Debug)]
struct Shared {
    template: Template,
    next_serial: AtomicU64,
    retries: AtomicU64,
    counts_from: Instant,
    ends_at: Instant,
}

/// Runs the load and takes the times.
pub(crate) async fn run(
    load: &Load,
    gateway: &GatewayArguments,
    global: &Global,
    output: Output,
) -> Result<Measured, Fault> {
    let template = Template::render(load.events_per_call);
    let bytes_per_event = template.bytes_per_event();
    let mut gateways = Vec::new();
    for _ in 0..load.clients {
        gateways.push(connection::gateway(gateway, global)?);
    }
    let counts_from = Instant::now() + load.warm_up;
    let shared = Arc::new(Shared {
        template,
        // A run's items differ from every other run's: a gateway that is measured twice has seen
        // none of them.
        next_serial: AtomicU64::new(random_serial()?),
        retries: AtomicU64::new(0),
        counts_from,
        ends_at: counts_from + load.time,
    });
    let mut callers = JoinSet::new();
    for gateway in gateways {
        callers.spawn(call_on(gateway, Arc::clone(&shared)));
    }
    let latencies_us = gather(callers, &shared, load, output).await?;
    Ok(Measured {
        elapsed: load.time,
        latencies_us,
        retries: shared.retries.load(Ordering::Relaxed),
        bytes_per_event,
    })
}

/// Waits for the callers, showing how far they are; the first fault ends the run.
async fn gather(
    mut callers: JoinSet<Result<Histogram<u64>, Fault>>,
    shared: &Shared,
    load: &Load,
    output: Output,
) -> Result<Histogram<u64>, Fault> {
    let total = (load.warm_up + load.time).as_secs();
    let progress = Progress::start(total, "seconds", output.json);
    let mut all = histogram()?;
    let started = Instant::now();
    loop {
        tokio::select! {
            ended = callers.join_next() => {
                let Some(ended) = ended else { break };
                let times = ended.map_err(|error| Fault::new(Exit::Bug, error.to_string()))??;
                all.add(times).map_err(|error| Fault::new(Exit::Bug, error.to_string()))?;
            }
            () = tokio::time::sleep(TICK) => {
                progress.at(started.elapsed().as_secs().min(total), total);
            }
        }
    }
    drop(progress);
    if all.is_empty() {
        return Err(Fault::new(
            Exit::Unreachable,
            format!("no call ended within {} s", (shared.ends_at - shared.counts_from).as_secs()),
        ));
    }
    Ok(all)
}

/// One caller: the next call starts when the one before has ended.
async fn call_on(gateway: Gateway, shared: Arc<Shared>) -> Result<Histogram<u64>, Fault> {
    let mut times = histogram()?;
    loop {
        let first = shared.next_serial.fetch_add(shared.template.serials(), Ordering::Relaxed);
        let document = bytes::Bytes::from(shared.template.fresh(first));
        let id = request_id(first);
        let start = Instant::now();
        if start >= shared.ends_at {
            return Ok(times);
        }
        let mut tries = 0;
        loop {
            match gateway.capture(id, document.clone()).await {
                Ok(_) => break,
                Err(fault) => match fault.retry_after_ms {
                    Some(ms) if tries < RETRIES => {
                        tries += 1;
                        shared.retries.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(Duration::from_millis(ms)).await;
                    }
                    _ => return Err(fault),
                },
            }
        }
        let ended = Instant::now();
        // A call counts when it ends in the time measured: those under way at its start stand for
        // those under way at its end.
        if ended >= shared.counts_from && ended <= shared.ends_at {
            let us = u64::try_from((ended - start).as_micros()).unwrap_or(u64::MAX);
            times.saturating_record(us.max(1));
        }
    }
}

/// Times from a microsecond to ten minutes, to three digits.
pub(super) fn histogram() -> Result<Histogram<u64>, Fault> {
    Histogram::new_with_bounds(1, 600_000_000, 3)
        .map_err(|error| Fault::new(Exit::Bug, error.to_string()))
}

/// A request id that no other call of this run, nor likely of another, has: the run's random start
/// and the call's own serial number.
fn request_id(serial: u64) -> RequestId {
    RequestId(u128::from(serial).to_be_bytes())
}

/// Where the serial numbers of a run begin.
pub(super) fn random_serial() -> Result<u64, Fault> {
    rand::rngs::SysRng
        .try_next_u64()
        .map(|number| number >> 1)
        .map_err(|error| Fault::new(Exit::Environment, format!("no randomness: {error}")))
}
