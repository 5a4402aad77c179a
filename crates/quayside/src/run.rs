//! `quayside run`: run roles until told to stop.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use node::{Config, Node, Role, Signals, State};
use serde::Serialize;

use crate::cli::Global;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Output, Report, pairs};

/// What `run` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The roles to run: ledger, keys, gateway, several with commas [default: those of the
    /// configuration].
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
    roles: Vec<Role>,
}

/// What is printed once the node serves: one line of JSON, or a few lines for people.
#[derive(Debug, Serialize)]
pub(crate) struct ReadyReport {
    consortium: party::ConsortiumId,
    config: PathBuf,
    ledger: Option<String>,
    keys: Option<String>,
    gateway: Option<String>,
    pid: u32,
}

impl Report for ReadyReport {
    const COMMAND: &'static str = "run";
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        ("consortium", "the consortium that the node belongs to"),
        ("config", "the configuration that it runs by"),
        ("ledger", "the ledger's URL, or null when that role does not run here"),
        ("keys", "the keys node's URL, or null when that role does not run here"),
        ("gateway", "the gateway's URL, or null when that role does not run here"),
        ("pid", "the process id"),
    ];

    fn text(&self) -> String {
        let mut rows = vec![("consortium", self.consortium.to_string())];
        rows.extend(self.ledger.clone().map(|url| ("ledger", url)));
        rows.extend(self.keys.clone().map(|url| ("keys", url)));
        rows.extend(self.gateway.clone().map(|url| ("gateway", url)));
        rows.push(("process", self.pid.to_string()));
        pairs(&rows)
    }
}

/// The configuration that `--config`, else the state folder, names.
pub(crate) fn configuration(global: &Global) -> Result<Config, Fault> {
    if let Some(file) = &global.config {
        return Ok(Config::load(file)?);
    }
    let state = State::at(&global.state);
    state.require()?;
    Ok(Config::load(&state.config())?)
}

/// Runs until a signal or a failure.
pub(crate) async fn run(
    arguments: Arguments,
    global: &Global,
    output: Output,
) -> Result<Exit, Fault> {
    let config = configuration(global)?;
    let roles: BTreeSet<Role> = if arguments.roles.is_empty() {
        config.roles.clone()
    } else {
        arguments.roles.into_iter().collect()
    };
    node::logs::start(&config)?;
    // Before anything is opened, so that an early signal is not missed.
    let mut signals = Signals::listen()?;
    let starting = Node::start(&config, &roles);
    let mut node = tokio::select! {
        started = starting => started?,
        signal = signals.next() => {
            return Err(Fault::new(Exit::Interrupted, format!("{signal} came while starting")));
        }
    };
    let url = |role| node.address(role).map(|address| format!("https://{address}"));
    output.show(&ReadyReport {
        consortium: config.consortium.clone(),
        config: config.path.clone(),
        ledger: url(Role::Ledger),
        keys: url(Role::Keys),
        gateway: url(Role::Gateway),
        pid: std::process::id(),
    })?;
    output.say("Serving; Ctrl-C to stop.");

    let failure = tokio::select! {
        error = node.failed() => Some(error),
        signal = signals.next() => {
            tracing::info!(signal, "stopping; once more to stop at once");
            None
        }
    };
    let stopped = tokio::select! {
        stopped = node.stop() => stopped,
        signal = signals.next() => {
            return Err(Fault::new(
                Exit::Interrupted,
                format!("{signal} came twice: stopped at once"),
            ).help("what was acknowledged is durable"));
        }
    };
    match failure {
        Some(error) => Err(error.into()),
        None => {
            stopped.map_err(|error| Fault::new(Exit::Interrupted, error.to_string()))?;
            tracing::info!("stopped");
            Ok(Exit::Ok)
        }
    }
}
