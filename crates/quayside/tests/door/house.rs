//! A state folder, the compiled program, and a node that runs on it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// What a command printed and how it ended.
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) data: String,
    pub(crate) talk: String,
}

impl Answer {
    /// The data as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// The error that `--json` prints to stderr, after what else stands there.
    pub(crate) fn error(&self) -> Value {
        let line = self.talk.lines().last().unwrap_or_default();
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {self}"))
            ["error"]
            .take()
    }

    /// The answer, if the command went well.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self}");
        self
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "code {}\nstdout: {}\nstderr: {}", self.code, self.data, self.talk)
    }
}

/// A state folder of a test's own.
pub(crate) struct House {
    pub(crate) folder: TempDir,
}

impl House {
    /// A folder without a consortium.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A folder with the default cast, on free ports.
    pub(crate) fn new() -> Self {
        let house = Self::empty();
        house.run(&["admin", "init", "--first-port", "0"]).ok();
        house
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quayside"));
        command.args(words).current_dir(self.folder.path()).env("NO_COLOR", "1");
        command.env("QUAYSIDE_STATE", self.folder.path());
        command.env_remove("RUST_LOG").env_remove("QUAYSIDE_GATEWAY").env_remove("QUAYSIDE_MEMBER");
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Answer {
        let output = self.command(words).stdin(Stdio::null()).output().unwrap();
        Answer {
            code: output.status.code().unwrap_or(-1),
            data: String::from_utf8(output.stdout).unwrap(),
            talk: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts a node and waits until it serves.
    pub(crate) fn start(&self, words: &[&str]) -> Node {
        let mut child = self
            .command(&[&["run", "--json"], words].concat())
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Node { child, ready }
    }
}

/// A running node; it dies with the test.
pub(crate) struct Node {
    child: Child,
    /// What it printed once it served.
    pub(crate) ready: Value,
}

impl Node {
    /// Sends a signal, by its name without SIG.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end; the exit code, or nothing when a signal killed it.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes an event of a trade item and returns the file's name.
pub(crate) fn write_event(folder: &Path, serial: &str) -> String {
    let name = format!("{serial}.json");
    let event = format!(
        r#"{{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
"type":"EPCISDocument","schemaVersion":"2.0","creationDate":"2026-11-20T08:00:00Z",
"epcisBody":{{"eventList":[{{"type":"ObjectEvent","eventTime":"2026-11-20T08:00:00Z",
"eventTimeZoneOffset":"+08:00","epcList":["{}"],"action":"OBSERVE","bizStep":"shipping",
"readPoint":{{"id":"https://id.gs1.org/414/9521321000018"}}}}]}}}}"#,
        item(serial)
    );
    std::fs::write(folder.join(&name), event).unwrap();
    name
}

/// The item that [`write_event`] names.
pub(crate) fn item(serial: &str) -> String {
    format!("https://id.gs1.org/01/09521321000018/21/{serial}")
}
