//! A state folder of its own, and every command as a person would type it.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::{Answer, Node};

/// Finds the `quayside` program: `QUAYSIDE_BIN`, else beside the running test's build folder.
///
/// # Errors
///
/// When there is none; the message says how to build it.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("QUAYSIDE_BIN") {
        let path = PathBuf::from(path);
        ensure!(path.is_file(), "QUAYSIDE_BIN names no file: {}", path.display());
        return Ok(path);
    }
    let test = std::env::current_exe()?;
    let folder = test.ancestors().find(|folder| folder.join("quayside").is_file());
    let folder = folder.context("no `quayside` found: run `cargo build --release -p quayside`")?;
    Ok(folder.join("quayside"))
}

/// Finds a port from which on `count` ports are free at this moment.
///
/// # Errors
///
/// When there are none.
pub fn free_ports(count: u16) -> Result<u16> {
    for _ in 0..100 {
        let first = TcpListener::bind("127.0.0.1:0")?;
        let port = first.local_addr()?.port();
        let rest = (1..count)
            .map(|at| TcpListener::bind(("127.0.0.1", port.checked_add(at).unwrap_or(0))));
        if port < u16::MAX - count && rest.collect::<Result<Vec<_>, _>>().is_ok() {
            return Ok(port);
        }
    }
    anyhow::bail!("no {count} free ports in a row")
}

/// A fresh state folder with ports chosen by the system.
#[derive(Debug)]
pub struct Home {
    folder: Option<TempDir>,
    path: PathBuf,
    binary: PathBuf,
}

impl Home {
    /// Makes a folder and fills it by `quayside admin init` with the cast of the first journey.
    ///
    /// # Errors
    ///
    /// When the program is missing or fails.
    pub fn new() -> Result<Self> {
        Self::at_port(0)
    }

    /// Makes a folder whose nodes listen on ports from `first` on, so that they keep their
    /// addresses when they are started again; 0 lets the system choose at every start.
    ///
    /// # Errors
    ///
    /// When the program is missing or fails.
    pub fn at_port(first: u16) -> Result<Self> {
        let home = Self::empty()?;
        home.quayside(["admin", "init", "--first-port", &first.to_string()])?.ok()?;
        Ok(home)
    }

    /// Makes a folder without a state in it.
    ///
    /// # Errors
    ///
    /// When the program is missing or the folder cannot be made.
    pub fn empty() -> Result<Self> {
        let binary = binary()?;
        let folder = tempfile::Builder::new().prefix("quayside-").tempdir()?;
        let path = folder.path().to_owned();
        Ok(Self { folder: Some(folder), path, binary })
    }

    /// Returns the state folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of a file in the state folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Prepares a command on this state, to be run by the caller.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.env("QUAYSIDE_STATE", &self.path).env("NO_COLOR", "1").env_remove("RUST_LOG");
        command.current_dir(&self.path);
        command
    }

    /// Runs one command to its end.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn quayside<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Result<Answer> {
        let mut command = self.command();
        command.args(words);
        let typed = format!("{command:?}");
        let output = command.output().with_context(|| typed.clone())?;
        Ok(Answer::of(typed, &output))
    }

    /// Starts a node with every role and waits until it answers.
    ///
    /// # Errors
    ///
    /// When it does not answer; the message holds the end of its log.
    pub fn start(&self) -> Result<Node> {
        self.start_with([])
    }

    /// Starts a node on a state that a command made below this folder, and waits until it answers.
    ///
    /// # Errors
    ///
    /// When it does not answer; the message holds the end of its log.
    pub fn start_in(&self, folder: &str) -> Result<Node> {
        let state = self.file(folder).display().to_string();
        let node = self.spawn(["--state", &state], [])?;
        self.wait_for(node, ["--wait", "--state", &state])
    }

    /// Starts a node with every role and more environment variables, and waits until it answers.
    ///
    /// # Errors
    ///
    /// When it does not answer; the message holds the end of its log.
    pub fn start_with<'a>(
        &self,
        environment: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Node> {
        let node = self.spawn([], environment)?;
        self.wait_for(node, ["--wait"])
    }

    /// Waits until a node answers, as `quayside status` with these words says.
    ///
    /// # Errors
    ///
    /// When it does not answer; the message holds the end of its log.
    pub fn wait_for<'a>(
        &self,
        mut node: Node,
        words: impl IntoIterator<Item = &'a str>,
    ) -> Result<Node> {
        let answer = self.quayside(["status", "--json"].into_iter().chain(words))?;
        if answer.code != Some(0) {
            let ended = node.ended()?;
            anyhow::bail!("the node does not answer ({ended:?}): {answer:#?}\n{}", node.log());
        }
        Ok(node)
    }

    /// Starts a node by `quayside run` and more words, and does not wait: it may be meant to fail.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn spawn<'a>(
        &self,
        words: impl IntoIterator<Item = &'a str>,
        environment: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Node> {
        let mut command = self.command();
        command.arg("run").args(words).envs(environment);
        Node::spawn(command, self.file("node.log"))
    }
}

impl Drop for Home {
    // Whoever looks for the cause of a failure wants the logs and the data.
    fn drop(&mut self) {
        let wanted = std::thread::panicking() || std::env::var_os("QUAYSIDE_KEEP").is_some();
        if wanted && let Some(folder) = self.folder.take() {
            let note = format!("kept for inspection: {}\n", folder.keep().display());
            // Nothing can be done when stderr is closed.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes());
        }
    }
}
