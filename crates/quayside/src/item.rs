//! `quayside item`: ask where an item was.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use party::MemberId;
use serde::Serialize;
use serde_json::value::RawValue;
use trace::{Completeness, Gap, Step, StepState, Trace};

use crate::cli::{GatewayArguments, Global};
use crate::connection;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Output, Report, count, fields, lines, pairs, table};

/// What `item` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show every step of an item's life, and whether they are proven to be all.
    #[command(after_long_help = fields::<TraceReport>())]
    Trace(TraceArguments),
}

/// What `item trace` takes.
#[derive(Debug, Args)]
pub(crate) struct TraceArguments {
    /// The item: a GS1 Digital Link, an EPC URN, or a private URI.
    #[arg(value_name = "ID")]
    item: String,
    /// Ask for another member's view, which only that member's own certificate gets.
    #[arg(long, value_name = "MEMBER")]
    view_of: Option<MemberId>,
    /// Write each step's bundle into this folder, as NUMBER.qsb: what `receipt verify` needs. Of a
    /// step that this member has opened it shows the fields that it may show.
    #[arg(long, value_name = "DIR")]
    bundles: Option<PathBuf>,
    #[command(flatten)]
    gateway: GatewayArguments,
}

#[derive(Debug, Serialize)]
pub(crate) struct TraceReport {
    member: MemberId,
    item: String,
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<GapLine>,
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<CheckpointLine>,
    steps: Vec<StepLine>,
    alerts: Vec<AlertLine>,
}

/// A leaf that was left out, or is off.
#[derive(Debug, Serialize)]
struct AlertLine {
    reason: &'static str,
    issuer: MemberId,
    commitment: String,
}

#[derive(Debug, Serialize)]
struct GapLine {
    item: String,
    reason: &'static str,
    detail: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct CheckpointLine {
    pub(crate) height: u64,
    log_size: u64,
    log_root: String,
    state_root: String,
    time: String,
}

#[derive(Debug, Serialize)]
struct StepLine {
    state: &'static str,
    sealed_with: Option<String>,
    time: Option<String>,
    recorded: String,
    issuer: MemberId,
    what: String,
    place: Option<String>,
    via: Option<String>,
    alert: Option<String>,
    commitment: String,
    index: u64,
    leaf_index: u32,
    height: u64,
    event: Option<Box<RawValue>>,
}

impl Report for TraceReport {
    const COMMAND: &'static str = "item trace";
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        ("member", "whose view it is"),
        ("item", "the item's canonical name"),
        ("complete", "whether the steps are proven to be all"),
        ("gap", "why they are not; when not complete"),
        ("gap.item", "whose history is in doubt: the item's, or a container's"),
        ("gap.reason", "the kind of doubt, such as NO_PROOF or INDEX_BEHIND"),
        ("gap.detail", "what was seen"),
        ("count", "how many events ever named the item"),
        ("checkpoint", "the quorum's checkpoint under which the history was proven; when proven"),
        ("checkpoint.height", "its block"),
        ("checkpoint.log_size", "its log size, entries"),
        ("checkpoint.log_root", "its log root, 64 hexadecimal digits"),
        ("checkpoint.state_root", "its state root, 64 hexadecimal digits"),
        ("checkpoint.time", "its time, RFC 3339"),
        ("steps", "the steps, by event time, then by place in the log"),
        ("steps.state", "open to everybody; opened, by this member; closed to it"),
        (
            "steps.sealed_with",
            "where the secret came from with which it was sealed to this member; null unless opened",
        ),
        ("steps.time", "when it happened by the event's word, RFC 3339; null when closed"),
        ("steps.recorded", "when its block was decided, RFC 3339"),
        ("steps.issuer", "who stated it"),
        ("steps.what", "the event's type, action and business step, for people"),
        ("steps.place", "its read point, else its business location; null when it names none"),
        ("steps.via", "the container that the step is about, when not the item's own; else null"),
        ("steps.alert", "what is off about the step, such as TAGS_MISMATCH; else null"),
        ("steps.commitment", "the event's identity in the record, 64 hexadecimal digits"),
        ("steps.index", "the statement's place in the log"),
        ("steps.leaf_index", "the leaf's place in the capture tree"),
        ("steps.height", "the block that holds it"),
        (
            "steps.event",
            "the event, canonical JSON, as far as it is open to this member; null when closed",
        ),
        (
            "alerts",
            "leaves that claim to belong to the history and do not, and others that are off",
        ),
        ("alerts.reason", "what is off, such as MARK_INVALID"),
        ("alerts.issuer", "who signed it"),
        ("alerts.commitment", "its event's identity, 64 hexadecimal digits"),
    ];

    fn text(&self) -> String {
        let mut steps =
            table(&["when", "what", "where", "who", "state", "log index", "commitment", "note"]);
        for step in &self.steps {
            let notes: Vec<String> = [
                step.sealed_with.as_ref().map(|source| format!("by {source}")),
                step.via.as_ref().map(|via| format!("in {via}")),
                step.alert.as_ref().map(|alert| format!("ALERT {alert}")),
            ]
            .into_iter()
            .flatten()
            .collect();
            steps.add_row([
                step.time.clone().unwrap_or_else(|| "-".to_owned()),
                step.what.clone(),
                step.place.clone().unwrap_or_default(),
                step.issuer.to_string(),
                step.state.to_owned(),
                format!("{}.{}", count(step.index), step.leaf_index),
                // Enough digits to name it to `receipt export`.
                step.commitment.clone(),
                notes.join("; "),
            ]);
        }
        let mut text = format!("{}\n\n", self.item);
        text.push_str(&lines(&steps));
        text.push('\n');
        text.push_str(&pairs(&self.summary()));
        text
    }
}

impl TraceReport {
    fn summary(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![("steps", count(u64::try_from(self.steps.len()).unwrap_or(u64::MAX)))];
        rows.push((
            "complete",
            match &self.gap {
                None => "yes: the ledger proved that it hides no step".to_owned(),
                Some(gap) => format!("NOT PROVEN: {} ({}, {})", gap.reason, gap.detail, gap.item),
            },
        ));
        if let Some(point) = &self.checkpoint {
            let (height, size) = (count(point.height), count(point.log_size));
            rows.push(("as of", format!("block {height}, {size} log entries, {}", point.time)));
        }
        rows.extend(self.alerts.iter().map(|alert| {
            ("ALERT", format!("{} by {}, {}", alert.reason, alert.issuer, alert.commitment))
        }));
        rows
    }
}

/// Runs an `item` verb.
pub(crate) async fn item(verb: Verb, global: &Global, output: Output) -> Result<Exit, Fault> {
    let Verb::Trace(arguments) = verb;
    let gateway = connection::gateway(&arguments.gateway, global)?;
    let with_bundles = arguments.bundles.is_some();
    let trace = gateway.trace(&arguments.item, with_bundles, arguments.view_of.as_ref()).await?;
    if let Some(folder) = &arguments.bundles {
        write_bundles(folder, &trace)?;
    }
    let lied = is_lie(&trace.completeness);
    let report = report(gateway.member().clone(), trace)?;
    output.show(&report)?;
    if lied {
        output.say("The ledger's answer contradicts what it proved before: do not rely on it.");
        return Ok(Exit::VerificationFailed);
    }
    if report.steps.is_empty() {
        output.say(match report.complete {
            true => "The record holds nothing about this item, and the ledger proved it.",
            false => "The record holds nothing about this item, as far as this gateway knows.",
        });
        return Ok(Exit::NotFound);
    }
    Ok(Exit::Ok)
}

/// Writes the steps' bundles into a folder, numbered as the steps are shown.
fn write_bundles(folder: &Path, trace: &Trace) -> Result<(), Fault> {
    fs::create_dir_all(folder).map_err(|error| Fault::file("make", folder, &error))?;
    for (number, step) in (1..).zip(&trace.steps) {
        if let Some(bundle) = &step.bundle {
            let file = folder.join(format!("{number:02}.qsb"));
            fs::write(&file, bundle).map_err(|error| Fault::file("write", &file, &error))?;
        }
    }
    Ok(())
}

/// Whether the doubt is about the ledger's honesty, and not only about how much is known yet.
fn is_lie(completeness: &Completeness) -> bool {
    use Gap::{Forked, NoteOld, PositionsDiffer, ProofInvalid};
    match completeness {
        Completeness::Complete => false,
        Completeness::Incomplete { gap, .. } => {
            matches!(gap, ProofInvalid | NoteOld | Forked | PositionsDiffer)
        }
    }
}

fn report(member: MemberId, trace: Trace) -> Result<TraceReport, Fault> {
    let gap = match trace.completeness {
        Completeness::Complete => None,
        Completeness::Incomplete { item, gap, detail } => {
            Some(GapLine { item, reason: gap.reason(), detail })
        }
    };
    let alerts = trace.alerts.into_iter().map(|alert| AlertLine {
        reason: alert.reason.reason(),
        issuer: alert.issuer,
        commitment: hex::encode(alert.commitment.0),
    });
    Ok(TraceReport {
        alerts: alerts.collect(),
        member,
        item: trace.item,
        complete: gap.is_none(),
        gap,
        count: trace.count,
        checkpoint: trace.checkpoint.as_ref().map(CheckpointLine::of),
        steps: trace.steps.into_iter().map(step).collect::<Result<_, _>>()?,
    })
}

impl CheckpointLine {
    /// Shows a checkpoint.
    pub(crate) fn of(checkpoint: &statement::Checkpoint) -> Self {
        Self {
            height: checkpoint.height.0,
            log_size: checkpoint.size.0,
            log_root: hex::encode(checkpoint.log_root),
            state_root: hex::encode(checkpoint.state_root),
            time: clock::TimeMs(checkpoint.time_ms).to_string(),
        }
    }
}

fn step(step: Step) -> Result<StepLine, Fault> {
    let facts = step.event.as_deref().map(Facts::of).unwrap_or_default();
    let event =
        step.event.map(RawValue::from_string).transpose().map_err(|error| {
            Fault::new(Exit::Bug, format!("a step's event is not JSON: {error}"))
        })?;
    Ok(StepLine {
        state: match step.state {
            StepState::Open => "open",
            StepState::Opened => "opened",
            StepState::Closed => "closed",
        },
        sealed_with: step.sealed_with,
        time: step.event_time_ms.map(|ms| clock::TimeMs(ms).to_string()),
        recorded: clock::TimeMs(step.block_time_ms).to_string(),
        issuer: step.issuer,
        what: if event.is_some() { facts.what } else { "-".to_owned() },
        place: facts.place,
        via: step.via,
        alert: step.alert.map(|alert| alert.reason().to_owned()),
        commitment: hex::encode(step.commitment.0),
        index: step.index.0,
        leaf_index: step.leaf.0,
        height: step.height.0,
        event,
    })
}

/// What people want to see of an event.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Type, action and business step.
    pub(crate) what: String,
    /// Its read point, else its business location.
    pub(crate) place: Option<String>,
    /// When it happened, as written.
    pub(crate) time: Option<String>,
}

impl Facts {
    /// Picks them out of an event's canonical JSON.
    pub(crate) fn of(event: &str) -> Self {
        let Ok(event) = serde_json::from_str::<serde_json::Value>(event) else {
            return Self::default();
        };
        let text = |name: &str| event.get(name).and_then(|value| value.as_str());
        let id = |name: &str| event.get(name)?.get("id")?.as_str().map(str::to_owned);
        let words = [
            text("type").map(|kind| kind.trim_end_matches("Event")),
            text("action"),
            // A business step of the standard is a bare word or the last part of a URI.
            text("bizStep").map(|step| step.rsplit(['/', ':', '-']).next().unwrap_or(step)),
        ];
        Self {
            what: words.into_iter().flatten().collect::<Vec<_>>().join(" "),
            place: id("readPoint").or_else(|| id("bizLocation")),
            time: text("eventTime").map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_said_in_a_few_words() {
        let facts = Facts::of(
            r#"{"type":"ObjectEvent","action":"OBSERVE","bizStep":"shipping","readPoint":{"id":"x"}}"#,
        );
        assert_eq!(facts.what, "Object OBSERVE shipping");
        assert_eq!(facts.place.as_deref(), Some("x"));
    }

    #[test]
    fn what_is_no_event_has_no_facts() {
        assert!(Facts::of("[").what.is_empty());
    }
}
