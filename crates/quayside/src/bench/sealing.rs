//! `quayside bench seal`: how fast one core seals events of 1 KiB for one reader.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use envelope::{ContentKey, PartPlan, PartRef, Reader, Wrapper, seal};
use keys::{KeySource as _, Peer, XWing, public_sealing_key};
use party::{ConsortiumId, Member, MemberId, Members};
use rand::TryRng as _;
use rand::rngs::SysRng;
use serde::Serialize;
use statement::{RequestId, Seed, SigningKey, body_digest};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Output, Report, pairs};

/// How many bytes the fields of an event have, and how many fields there are.
const EVENT_BYTES: usize = 1_024;
const FIELDS: usize = 10;

/// What `bench seal` takes.
#[derive(Debug, Args)]
pub(crate) struct SealArguments {
    /// How long to measure each of the two, in seconds.
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Over how many events a draw is spread when it is amortised.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    events_per_draw: u32,
}

#[derive(Debug, Serialize)]
pub(crate) struct SealReport {
    bytes_per_event: usize,
    fresh_per_second: f64,
    fresh_us: f64,
    events_per_draw: u32,
    amortised_per_second: f64,
    amortised_us: f64,
}

impl Report for SealReport {
    const COMMAND: &'static str = "bench seal";
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        ("bytes_per_event", "the size of one event's fields, bytes"),
        ("fresh_per_second", "events sealed in a second on one core, with an X-Wing draw for each"),
        ("fresh_us", "the time of one of them, microseconds"),
        ("events_per_draw", "over how many events a draw was spread when amortised"),
        ("amortised_per_second", "events sealed in a second on one core, a draw for many"),
        ("amortised_us", "the time of one of them, microseconds"),
    ];

    fn text(&self) -> String {
        let rate = |rate: f64, us: f64| format!("{rate:.0} a second, {us:.1} us each");
        pairs(&[
            (
                "event",
                format!(
                    "{} bytes; committed to, sealed, its key wrapped and signed for one reader",
                    self.bytes_per_event
                ),
            ),
            ("a draw each", rate(self.fresh_per_second, self.fresh_us)),
            (
                "amortised",
                format!(
                    "{}, {} events a draw",
                    rate(self.amortised_per_second, self.amortised_us),
                    self.events_per_draw
                ),
            ),
        ])
    }
}

/// Runs `bench seal`.
pub(crate) async fn run(arguments: &SealArguments, output: Output) -> Result<Exit, Fault> {
    let stage = Stage::new()?;
    let time = Duration::from_secs(arguments.seconds);
    let fresh = stage.measure(1, time).await?;
    let amortised = stage.measure(arguments.events_per_draw, time).await?;
    output.show(&SealReport {
        bytes_per_event: EVENT_BYTES,
        fresh_per_second: fresh.recip(),
        fresh_us: fresh * 1e6,
        events_per_draw: arguments.events_per_draw,
        amortised_per_second: amortised.recip(),
        amortised_us: amortised * 1e6,
    })?;
    Ok(Exit::Ok)
}

/// A sealer, a reader, and an event.
struct Stage {
    consortium: ConsortiumId,
    sealer: MemberId,
    signing: SigningKey,
    reader: Reader,
    source: XWing,
    peer: Peer,
    seed_key: Zeroizing<[u8; 32]>,
    fields: Vec<(String, String)>,
}

impl Stage {
    fn new() -> Result<Self, Fault> {
        let signing = SigningKey::from_bytes(*draw()?);
        let key = public_sealing_key(&*draw()?, &*draw()?);
        let id = |error: party::Error| Fault::new(Exit::Bug, error.to_string());
        let member: MemberId = "reader".parse().map_err(id)?;
        let reader = Reader { member: member.clone(), key: key.id() };
        let registered = Member {
            id: member.clone(),
            roles: BTreeSet::new(),
            country: "CN".parse().map_err(id)?,
            sites: BTreeSet::new(),
            statement_key: signing.public(),
            receipt_key: SigningKey::from_bytes(*draw()?).public(),
            vote_key: SigningKey::from_bytes(*draw()?).public(),
            sealing_key: Some(key),
        };
        let consortium: ConsortiumId = "bench".parse().map_err(id)?;
        let validators = BTreeSet::from([member.clone()]);
        let members = Members::new(consortium.clone(), vec![registered], validators).map_err(id)?;
        let value = format!("\"{}\"", "x".repeat(EVENT_BYTES / FIELDS - 12));
        Ok(Self {
            consortium,
            sealer: "sealer".parse().map_err(id)?,
            signing,
            reader,
            source: XWing::new(None, Arc::new(members)),
            peer: Peer { member, site: "site".parse().map_err(id)? },
            seed_key: draw()?,
            fields: (0..FIELDS).map(|at| (format!("x:field{at:03}"), value.clone())).collect(),
        })
    }

    /// Seals batches of `events` under a draw each for `time`; seconds for one event.
    async fn measure(&self, events: u32, time: Duration) -> Result<f64, Fault> {
        self.batch(events).await?;
        let (start, mut sealed) = (Instant::now(), 0_u32);
        while start.elapsed() < time {
            self.batch(events).await?;
            sealed = sealed.saturating_add(events);
        }
        Ok(start.elapsed().as_secs_f64() / f64::from(sealed.max(1)))
    }

    /// Events for the reader, all under one fresh draw.
    async fn batch(&self, events: u32) -> Result<(), Fault> {
        let bug = |error: &dyn std::fmt::Display| Fault::new(Exit::Bug, error.to_string());
        let request = keys::RequestId::random().map_err(|error| bug(&error))?;
        let drawn =
            self.source.draw(&request, &self.peer, 32).await.map_err(|error| bug(&error))?;
        let wrapper = Wrapper::new(&self.consortium, &self.sealer, self.reader.clone(), &drawn);
        let request = RequestId(request.0);
        for number in 0..events {
            let seed = Seed::derive(&self.seed_key, &request, number, "{}");
            let keys = [ContentKey::derive(&self.seed_key, &request, number, 0, "{}")];
            let (commitment, body) =
                seal(&self.consortium, &self.sealer, &seed, &self.fields, &[PartPlan::Rest], &keys)
                    .map_err(|error| bug(&error))?;
            let body_digest = body_digest(&body.encode());
            let about = PartRef { commitment, body_digest, part: 0 };
            let [key] = keys;
            let entry = wrapper.wrap(&about, &key).map_err(|error| bug(&error))?;
            std::hint::black_box(entry.sign(&self.signing));
        }
        Ok(())
    }
}

fn draw() -> Result<Zeroizing<[u8; 32]>, Fault> {
    let mut bytes = Zeroizing::new([0; 32]);
    SysRng
        .try_fill_bytes(&mut *bytes)
        .map_err(|error| Fault::new(Exit::Environment, format!("no randomness: {error}")))?;
    Ok(bytes)
}
