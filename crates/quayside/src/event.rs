//! `quayside event`: take events in.

use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::{Args, Subcommand};
use rand::TryRng as _;
use serde::Serialize;
use statement::RequestId;

use crate::cli::{GatewayArguments, Global};
use crate::connection::{self, Gateway};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Output, Report, count, fields, lines, table};
use crate::progress::Progress;

/// What `event` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Capture EPCIS documents: events are committed durably before the command answers.
    ///
    /// Each file is one capture: an EPCIS document, a bare event, or a list of events, as JSON or
    /// JSON-LD. A folder stands for every .json and .jsonld file below it, `-` for stdin. Files that
    /// are refused are reported, the others are captured all the same.
    #[command(after_long_help = fields::<CaptureReport>())]
    Capture(CaptureArguments),
}

/// What `event capture` takes.
#[derive(Debug, Args)]
pub(crate) struct CaptureArguments {
    /// The files to capture.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    gateway: GatewayArguments,
    /// The request id, 32 hexadecimal digits: name it again to repeat a capture whose answer was
    /// lost, and it is not done twice. One file only [default: random].
    #[arg(long, value_name = "HEX", value_parser = request_id)]
    request_id: Option<RequestId>,
}

/// Reads a request id.
pub(crate) fn request_id(text: &str) -> Result<RequestId, String> {
    let mut id = [0; 16];
    hex::decode_to_slice(text, &mut id)
        .map_err(|_| "a request id is 32 hexadecimal digits".to_owned())?;
    Ok(RequestId(id))
}

#[derive(Debug, Serialize)]
pub(crate) struct CaptureReport {
    member: party::MemberId,
    captured: usize,
    refused: usize,
    events: usize,
    files: Vec<FileLine>,
}

#[derive(Debug, Serialize)]
struct FileLine {
    file: PathBuf,
    captured: bool,
    request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repeat: Option<bool>,
    events: Vec<EventLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Fault>,
}

#[derive(Debug, Serialize)]
struct EventLine {
    commitment: String,
    leaf_index: u32,
    event_id: Option<String>,
    repeated_event_id: bool,
}

impl Report for CaptureReport {
    const COMMAND: &'static str = "event capture";
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        ("member", "in whose name the events were captured"),
        ("captured", "how many files were captured"),
        ("refused", "how many files were refused"),
        ("events", "how many events were captured"),
        ("files", "the files, in the order given"),
        ("files.file", "the file's path"),
        ("files.captured", "whether its events are in the log, durably"),
        ("files.request_id", "the request id, 32 hexadecimal digits; repeat the call with it"),
        ("files.index", "the statement's place in the log; when captured"),
        ("files.height", "the block that holds it; when captured"),
        ("files.repeat", "whether the log held it before this call; when captured"),
        ("files.events", "the events, in the document's order"),
        ("files.events.commitment", "the event's identity in the record, 64 hexadecimal digits"),
        ("files.events.leaf_index", "its place in the capture tree"),
        ("files.events.event_id", "the document's own id for it, or null"),
        ("files.events.repeated_event_id", "whether another event bore the same id before"),
        ("files.error", "why the file was refused; when refused (see Errors)"),
    ];

    fn text(&self) -> String {
        let mut files = table(&["file", "events", "log index", "block", "note"]);
        let number = |number: Option<u64>| number.map(count).unwrap_or_default();
        for line in &self.files {
            let flagged = line.events.iter().filter(|event| event.repeated_event_id).count();
            let mut notes = Vec::new();
            if let Some(error) = &line.error {
                let reason = error.reason.as_deref().unwrap_or_else(|| error.exit.name());
                notes.push(format!("refused: {reason}"));
            }
            if line.repeat == Some(true) {
                notes.push("was captured before".to_owned());
            }
            if flagged > 0 {
                notes.push(format!("{flagged} repeated event ids"));
            }
            files.add_row([
                line.file.display().to_string(),
                line.events.len().to_string(),
                number(line.index),
                number(line.height),
                notes.join("; "),
            ]);
        }
        let mut text = lines(&files);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "\n{} files captured, {} refused, {} events, in the name of {}",
            self.captured, self.refused, self.events, self.member
        );
        // With one event, say what to do with it; with many, --json lists them.
        if let [FileLine { events, .. }] = self.files.as_slice()
            && let [event] = events.as_slice()
        {
            let _ = writeln!(text, "commitment {}", event.commitment);
        }
        text
    }
}

/// Runs an `event` verb.
pub(crate) async fn event(verb: Verb, global: &Global, output: Output) -> Result<Exit, Fault> {
    match verb {
        Verb::Capture(arguments) => capture(arguments, global, output).await,
    }
}

async fn capture(
    arguments: CaptureArguments,
    global: &Global,
    output: Output,
) -> Result<Exit, Fault> {
    let files = expand(&arguments.files)?;
    if arguments.request_id.is_some() && files.len() != 1 {
        return Err(Fault::new(
            Exit::Usage,
            format!("--request-id goes with one file, and {} are given", files.len()),
        ));
    }
    let gateway = connection::gateway(&arguments.gateway, global)?;
    let mut report = CaptureReport {
        member: gateway.member().clone(),
        captured: 0,
        refused: 0,
        events: 0,
        files: Vec::with_capacity(files.len()),
    };
    let total = u64::try_from(files.len()).unwrap_or(u64::MAX);
    let progress = Progress::start(total, "files", output.json);
    let mut cut_short = None;
    for (done, file) in (1..).zip(files) {
        let id = match arguments.request_id {
            Some(id) => id,
            None => draw_request_id()?,
        };
        let line = match capture_file(&gateway, file, id).await {
            Ok(line) => line,
            Err(fault) => {
                // What was captured before is told all the same: its commitments are nowhere else.
                cut_short = Some(fault);
                break;
            }
        };
        if line.captured {
            report.captured += 1;
            report.events += line.events.len();
        } else {
            report.refused += 1;
        }
        report.files.push(line);
        progress.at(done, total);
    }
    drop(progress);
    if cut_short.is_none() || !report.files.is_empty() {
        output.show(&report)?;
    }
    for line in &report.files {
        if let Some(error) = &line.error {
            output.say(&format!("\n{}", line.file.display()));
            output.say(error.text().trim_end());
        }
    }
    match cut_short {
        Some(fault) => Err(fault),
        None if report.refused == 0 => Ok(Exit::Ok),
        None => Ok(Exit::Refused),
    }
}

/// Captures one file. Only what would fail every further file too is a fault of the command.
async fn capture_file(gateway: &Gateway, file: PathBuf, id: RequestId) -> Result<FileLine, Fault> {
    let answer = match read(&file) {
        Ok(document) => gateway.capture(id, document).await,
        Err(fault) => Err(fault),
    };
    let request_id = hex::encode(id.0);
    match answer {
        Ok(captured) => Ok(FileLine {
            file,
            captured: true,
            request_id,
            index: Some(captured.index.0),
            height: Some(captured.height.0),
            repeat: Some(captured.repeat),
            events: captured
                .outcomes
                .into_iter()
                .map(|outcome| EventLine {
                    commitment: hex::encode(outcome.commitment.0),
                    leaf_index: outcome.leaf_index.0,
                    event_id: outcome.event_id,
                    repeated_event_id: outcome.repeated_event_id,
                })
                .collect(),
            error: None,
        }),
        Err(fault) if fault.exit == Exit::Unreachable => Err(fault.help(format!(
            "captures before {} are in the log; repeat this one with --request-id {request_id}",
            file.display()
        ))),
        Err(fault) => Ok(FileLine {
            file,
            captured: false,
            request_id,
            index: None,
            height: None,
            repeat: None,
            events: Vec::new(),
            error: Some(fault),
        }),
    }
}

/// Draws a request id that nobody has.
pub(crate) fn draw_request_id() -> Result<RequestId, Fault> {
    let mut id = [0; 16];
    rand::rngs::SysRng
        .try_fill_bytes(&mut id)
        .map_err(|error| Fault::new(Exit::Environment, format!("no randomness: {error}")))?;
    Ok(RequestId(id))
}

fn read(file: &Path) -> Result<Bytes, Fault> {
    let read = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(file)
    };
    read.map(Bytes::from).map_err(|error| Fault::file("read", file, &error))
}

/// Replaces each folder by the JSON files below it, in order of their names.
fn expand(given: &[PathBuf]) -> Result<Vec<PathBuf>, Fault> {
    let mut files = Vec::new();
    for path in given {
        if path.is_dir() {
            let before = files.len();
            walk(path, &mut files)?;
            if files.len() == before {
                return Err(Fault::new(
                    Exit::Usage,
                    format!("{} holds no .json or .jsonld file", path.display()),
                ));
            }
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Fault> {
    let failed = |error: std::io::Error| Fault::file("read", folder, &error);
    let mut paths = fs::read_dir(folder)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json" || extension == "jsonld")
        {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_for_its_documents_in_order() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("b")).unwrap();
        for name in ["b/2.jsonld", "b/1.json", "a.json", "notes.txt"] {
            fs::write(folder.path().join(name), b"{}").unwrap();
        }
        let files = expand(&[folder.path().to_owned(), PathBuf::from("-")]).unwrap();
        let names: Vec<_> = files
            .iter()
            .map(|file| file.strip_prefix(folder.path()).unwrap_or(file).display().to_string())
            .collect();
        assert_eq!(names, ["a.json", "b/1.json", "b/2.jsonld", "-"]);
    }

    #[test]
    fn a_folder_without_documents_is_a_mistake() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(expand(&[folder.path().to_owned()]).unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn a_request_id_is_32_digits() {
        assert!(request_id("00112233445566778899aabbccddeeff").is_ok());
        assert!(request_id("0011").is_err());
    }
}
