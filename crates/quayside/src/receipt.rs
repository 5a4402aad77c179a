//! `quayside receipt`: export and verify proofs.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use node::State;
use party::Members;
use serde::Serialize;
use serde_json::value::RawValue;
use statement::{Commitment, Verified};

use crate::cli::{GatewayArguments, Global};
use crate::connection;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::item::{CheckpointLine, Facts};
use crate::output::{Output, Report, count, fields, pairs, to_stdout};

/// What `receipt` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Fetch the bundle that proves one event: statement, receipt, tree path, event.
    #[command(after_long_help = fields::<ExportReport>())]
    Export(ExportArguments),
    /// Verify a bundle offline, against nothing but the pinned members.
    #[command(after_long_help = fields::<VerifyReport>())]
    Verify(VerifyArguments),
}

/// What `receipt export` takes.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// The event's commitment, 64 hexadecimal digits, as capture and trace print it.
    #[arg(value_parser = commitment)]
    commitment: Commitment,
    /// Where to write the bundle; `-` for stdout [default: COMMITMENT.qsb in this folder].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    gateway: GatewayArguments,
}

/// What `receipt verify` takes.
#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The bundle.
    file: PathBuf,
    /// The members file that you trust [default: members.json in the state folder].
    #[arg(long, value_name = "FILE")]
    members: Option<PathBuf>,
}

fn commitment(text: &str) -> Result<Commitment, String> {
    let mut digest = [0; 32];
    hex::decode_to_slice(text, &mut digest)
        .map_err(|_| "a commitment is 64 hexadecimal digits".to_owned())?;
    Ok(Commitment(digest))
}

#[derive(Debug, Serialize)]
pub(crate) struct ExportReport {
    commitment: String,
    file: PathBuf,
    size_bytes: usize,
}

impl Report for ExportReport {
    const COMMAND: &'static str = "receipt export";
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        ("commitment", "the event's identity in the record, 64 hexadecimal digits"),
        ("file", "where the bundle was written"),
        ("size_bytes", "its size, bytes"),
    ];

    fn text(&self) -> String {
        pairs(&[
            ("commitment", self.commitment.clone()),
            ("file", self.file.display().to_string()),
            ("size", format!("{} bytes", count(u64::try_from(self.size_bytes).unwrap_or(0)))),
        ])
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct VerifyReport {
    verified: bool,
    file: PathBuf,
    consortium: party::ConsortiumId,
    issuer: party::MemberId,
    receipt_by: party::MemberId,
    commitment: String,
    index: u64,
    leaf_index: u32,
    log_size: u64,
    log_root: String,
    checkpoint: Option<CheckpointLine>,
    fields: Vec<String>,
    sealed_parts: Option<usize>,
    event: Option<Box<RawValue>>,
}

impl Report for VerifyReport {
    const COMMAND: &'static str = "receipt verify";
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        ("verified", "true: everything in the bundle holds (what does not is an error, code 5)"),
        ("file", "the bundle"),
        ("consortium", "the consortium whose members vouch for it"),
        ("issuer", "the member that signed the event"),
        ("receipt_by", "the member that signed the receipt"),
        ("commitment", "the event's identity in the record, 64 hexadecimal digits"),
        ("index", "the statement's place in the log"),
        ("leaf_index", "the event's place in the capture tree"),
        ("log_size", "the log size under which the receipt proves it, entries"),
        ("log_root", "that log's root, 64 hexadecimal digits"),
        ("checkpoint", "the quorum's checkpoint of that size, or null when none is in the bundle"),
        ("checkpoint.height", "its block"),
        ("checkpoint.log_size", "its log size, entries"),
        ("checkpoint.log_root", "its log root, 64 hexadecimal digits"),
        ("checkpoint.state_root", "its state root, 64 hexadecimal digits"),
        ("checkpoint.time", "its time, RFC 3339"),
        ("fields", "the names of the event's fields that the bundle shows"),
        (
            "sealed_parts",
            "how many sealed parts the bundle has of the event; null when it has none",
        ),
        (
            "event",
            "the event, canonical JSON; null when the bundle shows single fields, sealed parts or none",
        ),
    ];

    fn text(&self) -> String {
        let facts = self.event.as_ref().map(|event| Facts::of(event.get())).unwrap_or_default();
        let published = self.checkpoint.as_ref().map_or_else(
            || "no checkpoint in the bundle: committed, not published".to_owned(),
            |point| format!("under the quorum's checkpoint of block {}", count(point.height)),
        );
        let mut rows = vec![
            ("verified", self.file.display().to_string()),
            ("statement", format!("signed by {} of {}", self.issuer, self.consortium)),
            (
                "receipt",
                format!(
                    "signed by {}: entry {} of a log of {}",
                    self.receipt_by,
                    count(self.index),
                    count(self.log_size)
                ),
            ),
            ("leaf", format!("event {} of its capture", count(self.leaf_index.into()))),
            ("published", published),
        ];
        if self.event.is_some() {
            rows.push(("event", facts.what));
            rows.extend(facts.time.map(|time| ("when", time)));
            rows.extend(facts.place.map(|place| ("where", place)));
        } else if let Some(parts) = self.sealed_parts {
            rows.push(("event", format!("sealed in {parts} parts: proven, open to its readers")));
        } else if self.fields.is_empty() {
            rows.push(("event", "closed: proven, not shown".to_owned()));
        } else {
            rows.push(("shown", self.fields.join(" ")));
        }
        rows.push(("commitment", self.commitment.clone()));
        pairs(&rows)
    }
}

/// Runs `receipt export`, or `receipt verify`, which needs no network.
pub(crate) async fn receipt(verb: Verb, global: &Global, output: Output) -> Result<Exit, Fault> {
    match verb {
        Verb::Export(arguments) => export(arguments, global, output).await,
        Verb::Verify(arguments) => verify(&arguments, global, output),
    }
}

async fn export(
    arguments: ExportArguments,
    global: &Global,
    output: Output,
) -> Result<Exit, Fault> {
    let gateway = connection::gateway(&arguments.gateway, global)?;
    let bundle = gateway.bundle(&arguments.commitment).await?;
    let commitment = hex::encode(arguments.commitment.0);
    let file = arguments.out.unwrap_or_else(|| PathBuf::from(format!("{commitment}.qsb")));
    if file == Path::new("-") {
        to_stdout(&bundle)?;
        return Ok(Exit::Ok);
    }
    fs::write(&file, &bundle).map_err(|error| Fault::file("write", &file, &error))?;
    output.show(&ExportReport { commitment, file, size_bytes: bundle.len() })?;
    Ok(Exit::Ok)
}

fn verify(arguments: &VerifyArguments, global: &Global, output: Output) -> Result<Exit, Fault> {
    let bundle =
        fs::read(&arguments.file).map_err(|error| Fault::file("read", &arguments.file, &error))?;
    let default = State::at(&global.state).members();
    let pinned = arguments.members.as_ref().unwrap_or(&default);
    let members = members(pinned)?;
    let verified = statement::verify_bundle(&bundle, &members).map_err(|fault| {
        let mut refused = Fault::new(
            Exit::VerificationFailed,
            format!("{} does not hold: {}", arguments.file.display(), fault.why),
        )
        .help(format!(
            "do not rely on it; if {} is of another consortium, name the right file with --members",
            pinned.display()
        ));
        refused.field = Some(fault.part.to_string());
        refused
    })?;
    output.show(&report(verified, arguments.file.clone(), &members)?)?;
    Ok(Exit::Ok)
}

/// Reads a members file, which is all that is trusted.
pub(crate) fn members(file: &Path) -> Result<Members, Fault> {
    let text = fs::read_to_string(file).map_err(|error| {
        Fault::file("read", file, &error)
            .help("name the members file that you trust with --members")
    })?;
    Members::from_json(&text)
        .map_err(|error| Fault::new(Exit::Usage, format!("{}: {error}", file.display())))
}

fn report(verified: Verified, file: PathBuf, members: &Members) -> Result<VerifyReport, Fault> {
    let event =
        verified.event_json.map(RawValue::from_string).transpose().map_err(|error| {
            Fault::new(Exit::Bug, format!("a verified event is not JSON: {error}"))
        })?;
    Ok(VerifyReport {
        verified: true,
        file,
        consortium: members.consortium().clone(),
        issuer: verified.issuer,
        receipt_by: verified.receipt_by,
        commitment: hex::encode(verified.commitment.0),
        index: verified.index.0,
        leaf_index: verified.leaf_index.0,
        log_size: verified.size.0,
        log_root: hex::encode(verified.root),
        checkpoint: verified.published.as_ref().map(CheckpointLine::of),
        fields: verified.fields.into_iter().map(|(name, _)| name).collect(),
        sealed_parts: verified.sealed.map(|body| body.parts.len()),
        event,
    })
}
