//! `quayside journey`: take a parcel along, step by step.

use std::fmt::Write as _;
use std::time::Duration;

use clap::{Args, Subcommand};
use gateway::{Advanced, JourneyId, Step};
use party::MemberId;
use serde::Serialize;
use statement::RequestId;
use tokio::time::Instant;

use crate::cli::{GatewayArguments, Global};
use crate::connection;
use crate::crew::{self, Crew};
use crate::event::{draw_request_id, request_id};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::order::journey;
use crate::output::{Output, Report, fields, lines, table};

/// What `journey` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Capture the next step of a journey and seal it to its readers.
    ///
    /// Without --all and --to it is one step, and it must be the caller's. With them the steps are
    /// taken one after the other, each in its own member's name at that member's own gateway; this
    /// machine must hold the certificates of all of them, as one for development does.
    #[command(after_long_help = fields::<AdvanceReport>())]
    Advance(AdvanceArguments),
}

/// What `journey advance` takes.
#[derive(Debug, Args)]
pub(crate) struct AdvanceArguments {
    /// The journey, 16 hexadecimal digits, as `order create` prints it.
    #[arg(value_parser = journey)]
    journey: JourneyId,
    /// Refuse unless this step is the next, such as pick-up.
    #[arg(long, value_name = "STEP", value_parser = step, conflicts_with_all = ["all", "to"])]
    expect: Option<Step>,
    /// Take every step that is left.
    #[arg(long, conflicts_with = "to")]
    all: bool,
    /// Take every step up to this one.
    #[arg(long, value_name = "STEP", value_parser = step)]
    to: Option<Step>,
    /// How long a step may wait for what it needs, in seconds; with --all or --to.
    #[arg(long, value_name = "S", default_value_t = 60)]
    timeout: u64,
    /// The request id, 32 hexadecimal digits: name it again to repeat a step whose answer was lost,
    /// and it is not taken twice. One step only [default: random].
    #[arg(long, value_name = "HEX", value_parser = request_id, conflicts_with_all = ["all", "to"])]
    request_id: Option<RequestId>,
    #[command(flatten)]
    gateway: GatewayArguments,
}

fn step(text: &str) -> Result<Step, String> {
    text.parse().map_err(|error: gateway::Error| error.to_string())
}

#[derive(Debug, Serialize)]
pub(crate) struct AdvanceReport {
    journey: String,
    steps: Vec<StepLine>,
    delivered: bool,
}

#[derive(Debug, Serialize)]
struct StepLine {
    number: u8,
    step: &'static str,
    by: MemberId,
    commitment: String,
    index: u64,
    height: u64,
    seals: Vec<SealLine>,
}

#[derive(Debug, Serialize)]
struct SealLine {
    reader: MemberId,
    part: u32,
    source: String,
    passed_over: Vec<PassedOverLine>,
}

#[derive(Debug, Serialize)]
struct PassedOverLine {
    source: String,
    reason: String,
}

impl Report for AdvanceReport {
    const COMMAND: &'static str = "journey advance";
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        ("journey", "the journey, 16 hexadecimal digits"),
        ("steps", "the steps that were taken, in order"),
        ("steps.number", "the step's place in the journey, 1 to 16"),
        ("steps.step", "its word"),
        ("steps.by", "in whose name it was captured"),
        ("steps.commitment", "the event's identity in the record, 64 hexadecimal digits"),
        ("steps.index", "the statement's place in the log"),
        ("steps.height", "the block that holds it"),
        ("steps.seals", "to whom each part of the event is sealed"),
        ("steps.seals.reader", "the reader"),
        ("steps.seals.part", "the part of the event's body, from 0"),
        ("steps.seals.source", "where the secret came from: x-wing, qkd:LINK, x25519"),
        ("steps.seals.passed_over", "the sources that would have been preferred"),
        ("steps.seals.passed_over.source", "the source"),
        (
            "steps.seals.passed_over.reason",
            "why it gave no secret: LINE_SHUT_DOWN, what was measured",
        ),
        ("delivered", "whether all sixteen steps are taken"),
    ];

    fn text(&self) -> String {
        let mut steps = table(&["step", "what", "who", "log index", "sealed with"]);
        for step in &self.steps {
            steps.add_row([
                step.number.to_string(),
                step.step.to_owned(),
                step.by.to_string(),
                step.index.to_string(),
                step.sealed_with(),
            ]);
        }
        lines(&steps)
    }
}

impl StepLine {
    fn of(by: MemberId, advanced: Advanced) -> Self {
        Self {
            number: advanced.step.number(),
            step: advanced.step.as_str(),
            by,
            commitment: hex::encode(advanced.commitment.0),
            index: advanced.index.0,
            height: advanced.height.0,
            seals: advanced
                .seals
                .into_iter()
                .map(|seal| SealLine {
                    reader: seal.reader,
                    part: seal.part,
                    source: seal.source,
                    passed_over: seal
                        .passed_over
                        .into_iter()
                        .map(|over| PassedOverLine { source: over.source, reason: over.reason })
                        .collect(),
                })
                .collect(),
        }
    }

    /// The sources with their readers, and why a better one was passed over.
    fn sealed_with(&self) -> String {
        let mut sources: Vec<(String, Vec<&str>)> = Vec::new();
        for seal in &self.seals {
            let source = seal.said();
            let reader = seal.reader.as_str();
            match sources.iter_mut().find(|(known, _)| *known == source) {
                Some((_, readers)) if readers.contains(&reader) => {}
                Some((_, readers)) => readers.push(reader),
                None => sources.push((source, vec![reader])),
            }
        }
        let said =
            sources.iter().map(|(source, readers)| format!("{source}: {}", readers.join(" ")));
        said.collect::<Vec<_>>().join("; ")
    }
}

impl SealLine {
    fn said(&self) -> String {
        let mut said = self.source.clone();
        for over in &self.passed_over {
            // Writing to a string cannot fail.
            let reason = over.reason.split(':').next().unwrap_or_default();
            let _ = write!(said, " ({} {reason})", over.source);
        }
        said
    }
}

/// Runs a `journey` verb.
pub(crate) async fn journeys(verb: Verb, global: &Global, output: Output) -> Result<Exit, Fault> {
    let Verb::Advance(arguments) = verb;
    if arguments.all || arguments.to.is_some() {
        return advance_many(&arguments, global, output).await;
    }
    let gateway = connection::gateway(&arguments.gateway, global)?;
    let id = match arguments.request_id {
        Some(id) => id,
        None => draw_request_id()?,
    };
    let advanced = match gateway.advance(id, &arguments.journey, arguments.expect).await {
        Ok(advanced) => advanced,
        Err(fault) if fault.exit == Exit::Unreachable => {
            let id = hex::encode(id.0);
            return Err(fault.help(format!("repeat the same step with --request-id {id}")));
        }
        Err(fault) => return Err(fault),
    };
    let delivered = advanced.step == Step::Deliver;
    let steps = vec![StepLine::of(gateway.member().clone(), advanced)];
    output.show(&AdvanceReport { journey: arguments.journey.to_string(), steps, delivered })?;
    Ok(Exit::Ok)
}

async fn advance_many(
    arguments: &AdvanceArguments,
    global: &Global,
    output: Output,
) -> Result<Exit, Fault> {
    let journey = &arguments.journey;
    let patience = Duration::from_secs(arguments.timeout);
    let view = connection::gateway(&arguments.gateway, global)?.order(journey).await?;
    let crew = Crew::of(crew::parties(&view), global)?;
    let last = arguments.to.unwrap_or(Step::Deliver).number();
    let mut report =
        AdvanceReport { journey: journey.to_string(), steps: Vec::new(), delivered: false };
    let mut cut_short = None;
    for number in crew.taken(journey).await?.saturating_add(1)..=last {
        let Some(step) = Step::at(number) else { break };
        let member = crew::whose(&view, step);
        match crew.take(journey, step, member, Instant::now() + patience).await {
            Ok(advanced) => report.steps.push(StepLine::of(member.clone(), advanced)),
            Err(fault) => {
                // What was taken before is told all the same.
                cut_short = Some(fault);
                break;
            }
        }
    }
    report.delivered = cut_short.is_none() && last == Step::Deliver.number();
    output.show(&report)?;
    cut_short.map_or(Ok(Exit::Ok), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readers_of_one_source_stand_together_and_the_reason_beside_it() {
        let seal = |reader: &str, source: &str, over: &[(&str, &str)]| SealLine {
            reader: reader.parse().unwrap(),
            part: 0,
            source: source.to_owned(),
            passed_over: over
                .iter()
                .map(|(source, reason)| PassedOverLine {
                    source: (*source).to_owned(),
                    reason: (*reason).to_owned(),
                })
                .collect(),
        };
        let line = StepLine {
            number: 1,
            step: "commission",
            by: "zj-merchant".parse().unwrap(),
            commitment: String::new(),
            index: 1,
            height: 1,
            seals: vec![
                seal("sky-air", "x-wing", &[("qkd:a-b", "LINE_SHUT_DOWN: 25 %")]),
                seal("cn-customs", "x-wing", &[("qkd:a-b", "LINE_SHUT_DOWN: 25 %")]),
                seal("cn-customs", "x-wing", &[("qkd:a-b", "LINE_SHUT_DOWN: 25 %")]),
                seal("es-post", "x-wing", &[]),
            ],
        };
        assert_eq!(
            line.sealed_with(),
            "x-wing (qkd:a-b LINE_SHUT_DOWN): sky-air cn-customs; x-wing: es-post"
        );
    }
}
