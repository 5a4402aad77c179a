//! Run a node of the bench's own, on a temporary state folder.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use node::admin::{Plan, init};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
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
        let mut builder = tempfile::Builder::new();
        builder.prefix("quayside-bench-");
        let state = match folder {
            Some(folder) => builder.tempdir_in(folder),
            None => builder.tempdir(),
        }
        .map_err(|error| Fault::new(Exit::Environment, format!("no temporary folder: {error}")))?;
        let mut plan = Plan::demo();
        plan.first_port = 0;
        init(state.path(), &plan, &clock::System)?;
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            Fault::new(Exit::Environment, format!("{what}: {error}"))
        };
        let program =
            std::env::current_exe().map_err(|error| failed("cannot find this program", &error))?;
        let mut child = Command::new(program)
            .args(["run", "--json", "--state"])
            .arg(state.path())
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed("cannot start a node", &error))?;
        let out = child.stdout.take();
        let own = Self { state, child };
        let Some(out) = out else {
            return Err(Fault::new(Exit::Bug, "the node's output is not piped"));
        };
        // Its one line of output says that it serves.
        let mut lines = BufReader::new(out).lines();
        match timeout(START, lines.next_line()).await {
            Ok(Ok(Some(_))) => Ok(own),
            Ok(_) => Err(Fault::new(Exit::Environment, "the node ended before it served")
                .help("its reasons stand above")),
            Err(_) => Err(Fault::new(
                Exit::Unreachable,
                format!("the node did not serve within {} s", START.as_secs()),
            )),
        }
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
