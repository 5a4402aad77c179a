//! Run a node of the bench's own, on a temporary state folder.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use node::State;
use node::admin::{Plan, init};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::exit::Exit;
use crate::fault::Fault;

/// How long the node may take until it serves.
const START: Duration = Duration::from_secs(30);

/// A node that lives as long as the bench.
#[derive(Debug)]
pub(crate) struct OwnServer {
    state: TempDir,
    child: Child,
}

impl OwnServer {
    /// Makes a consortium in a temporary folder and starts `quayside run` on it, on free ports, in a
    /// process of its own: as it would run in earnest.
    pub(crate) async fn start(folder: Option<&Path>) -> Result<Self, Fault> {
        let state = temporary(folder)?;
        let mut plan = Plan::demo();
        plan.first_port = 0;
        init(state.path(), &plan, &clock::System)?;
        let mut child = spawn(&["--state".as_ref(), state.path().as_os_str()])?;
        let out = child.stdout.take();
        let own = Self { state, child };
        let Some(out) = out else {
            return Err(Fault::new(Exit::Bug, "the node's output is not piped"));
        };
        serves(out).await?;
        Ok(own)
    }

    /// Its state folder.
    pub(crate) fn state(&self) -> &Path {
        self.state.path()
    }

    /// Ends the node; its folder goes with it.
    pub(crate) async fn stop(mut self) {
        // Nobody will read its state again, so it need not end gracefully.
        let _ = self.child.kill().await;
    }
}

/// The seven nodes of the built-in topology, which live as long as the bench.
#[derive(Debug)]
pub(crate) struct OwnNodes {
    state: TempDir,
    children: Vec<Child>,
}

impl OwnNodes {
    /// Makes a consortium in a temporary folder and starts each of its nodes in a process of its
    /// own, the ledger first.
    pub(crate) async fn start(folder: Option<&Path>) -> Result<Self, Fault> {
        let state = temporary(folder)?;
        // Free ports: each node finds the others by the addresses that they write down.
        let made = init(state.path(), &Plan { first_port: 0, ..Plan::demo() }, &clock::System)?;
        let mut names: Vec<String> = made
            .nodes
            .iter()
            .filter_map(|node| Some(node.parent()?.file_name()?.to_str()?.to_owned()))
            .collect();
        let kinds = ["-ledger", "-keys", "-gateway"];
        names.sort_by_key(|name| kinds.iter().position(|kind| name.ends_with(kind)));
        let folder = State::at(state.path());
        let mut own = Self { state, children: Vec::new() };
        for name in names {
            let config = folder.node_config(&name);
            let mut child = spawn(&["--config".as_ref(), config.as_os_str()])?;
            let (out, id) = (child.stdout.take(), child.id());
            own.children.push(child);
            let Some(out) = out else {
                return Err(Fault::new(Exit::Bug, "the node's output is not piped"));
            };
            serves(out).await?;
            let file = folder.pid_file(&name);
            let parent = file.parent().unwrap_or_else(|| folder.folder());
            std::fs::create_dir_all(parent)
                .and_then(|()| std::fs::write(&file, format!("{}\n", id.unwrap_or_default())))
                .map_err(|error| Fault::file("write", &file, &error))?;
        }
        Ok(own)
    }

    /// Their state folder.
    pub(crate) fn state(&self) -> &Path {
        self.state.path()
    }

    /// Ends the nodes; their folder goes with them.
    pub(crate) async fn stop(mut self) {
        // Nobody will read their state again, so they need not end gracefully; those that call others
        // end before those that they call.
        for child in self.children.iter_mut().rev() {
            let _ = child.kill().await;
        }
    }
}

fn temporary(folder: Option<&Path>) -> Result<TempDir, Fault> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("quayside-bench-");
    match folder {
        Some(folder) => builder.tempdir_in(folder),
        None => builder.tempdir(),
    }
    .map_err(|error| Fault::new(Exit::Environment, format!("no temporary folder: {error}")))
}

/// Starts `quayside run` with these words, in a process of its own: as it would run in earnest.
fn spawn(words: &[&OsStr]) -> Result<Child, Fault> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        Fault::new(Exit::Environment, format!("{what}: {error}"))
    };
    let program =
        std::env::current_exe().map_err(|error| failed("cannot find this program", &error))?;
    Command::new(program)
        .args(["run", "--json"])
        .args(words)
        // A key that is used up is no news to a bench.
        .env("RUST_LOG", "error")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed("cannot start a node", &error))
}

/// Waits until a node serves: its one line of output says so.
async fn serves(out: ChildStdout) -> Result<(), Fault> {
    let mut lines = BufReader::new(out).lines();
    match timeout(START, lines.next_line()).await {
        Ok(Ok(Some(_))) => Ok(()),
        Ok(_) => Err(Fault::new(Exit::Environment, "the node ended before it served")
            .help("its reasons stand above")),
        Err(_) => Err(Fault::new(
            Exit::Unreachable,
            format!("the node did not serve within {} s", START.as_secs()),
        )),
    }
}
