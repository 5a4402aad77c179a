//! `quayside status`: show whether the nodes serve, and where the record stands.

use std::time::Duration;

use clap::Args;
use node::{Config, Role};
use rpc::client::LedgerStatus;
use serde::Serialize;
use tokio::time::Instant;

use crate::cli::{GatewayArguments, Global};
use crate::connection;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Output, Report, count, pairs};
use crate::progress::Progress;
use crate::run::configuration;

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// What `status` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Wait until every role answers and the gateway's index has caught up.
    #[arg(long)]
    wait: bool,
    /// How long to wait, in seconds.
    #[arg(long, value_name = "S", default_value_t = 30, requires = "wait")]
    timeout: u64,
    /// The roles to look at [default: those of the configuration].
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
    roles: Vec<Role>,
    /// The ledger's URL [default: the one that the configuration describes].
    #[arg(long, value_name = "URL")]
    ledger: Option<String>,
    #[command(flatten)]
    gateway: GatewayArguments,
}

#[derive(Debug, Serialize)]
pub(crate) struct StatusReport {
    consortium: party::ConsortiumId,
    serving: bool,
    ledger: Option<LedgerLine>,
    gateway: Option<GatewayLine>,
}

#[derive(Debug, Serialize)]
struct LedgerLine {
    url: String,
    height: u64,
    time: String,
    log_size: u64,
    log_root: String,
    state_root: String,
    checkpoint_size: u64,
    pending: u64,
}

#[derive(Debug, Serialize)]
struct GatewayLine {
    url: String,
    index_height: u64,
    ledger_height: Option<u64>,
    members: Vec<String>,
}

impl Report for StatusReport {
    const COMMAND: &'static str = "status";
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        ("consortium", "the consortium's name"),
        ("serving", "true: every role looked at answers (what does not is an error, code 4)"),
        ("ledger", "the ledger, or null when that role was not looked at"),
        ("ledger.url", "where it is"),
        ("ledger.height", "its last block"),
        ("ledger.time", "that block's time, RFC 3339"),
        ("ledger.log_size", "entries in the log, genesis included"),
        ("ledger.log_root", "the root of the log's tree, 64 hexadecimal digits"),
        ("ledger.state_root", "the root of the state tree, 64 hexadecimal digits"),
        ("ledger.checkpoint_size", "entries under the newest published checkpoint"),
        ("ledger.pending", "statements that wait to be committed"),
        ("gateway", "the gateway, or null when that role was not looked at"),
        ("gateway.url", "where it is"),
        ("gateway.index_height", "the last block in its own index"),
        ("gateway.ledger_height", "the last block of its ledger; null when it cannot reach it"),
        ("gateway.members", "the members it captures for"),
    ];

    fn text(&self) -> String {
        let mut rows = vec![("consortium", self.consortium.to_string())];
        if let Some(ledger) = &self.ledger {
            rows.extend([
                ("ledger", format!("serving at {}", ledger.url)),
                ("  block", format!("{}, of {}", count(ledger.height), ledger.time)),
                (
                    "  log",
                    format!(
                        "{} entries, {} published",
                        count(ledger.log_size),
                        count(ledger.checkpoint_size)
                    ),
                ),
                ("  log root", ledger.log_root.clone()),
                ("  state root", ledger.state_root.clone()),
                ("  pending", format!("{} statements", count(ledger.pending))),
            ]);
        }
        if let Some(gateway) = &self.gateway {
            let behind = gateway.ledger_height.map_or_else(
                || "its ledger does not answer".to_owned(),
                |height| match height.saturating_sub(gateway.index_height) {
                    0 => "up to date".to_owned(),
                    blocks => format!("{} blocks behind its ledger", count(blocks)),
                },
            );
            rows.extend([
                ("gateway", format!("serving at {}", gateway.url)),
                ("  index", format!("block {}, {behind}", count(gateway.index_height))),
                ("  members", gateway.members.join(" ")),
            ]);
        }
        pairs(&rows)
    }
}

impl StatusReport {
    /// Whether the gateway's index holds every block.
    fn is_caught_up(&self) -> bool {
        self.gateway.as_ref().is_none_or(|gateway| {
            gateway.ledger_height.is_some_and(|at| gateway.index_height >= at)
        })
    }
}

/// Runs `status`.
pub(crate) async fn status(
    arguments: Arguments,
    global: &Global,
    output: Output,
) -> Result<Exit, Fault> {
    node::install_tls_provider();
    let config = configuration(global)?;
    let deadline = Instant::now() + Duration::from_secs(arguments.timeout);
    let waiting = arguments.wait.then(|| Progress::wait("the nodes", output.json));
    let found = until(&arguments, &config, global, deadline).await;
    drop(waiting);
    let (report, lag) = found?;
    output.show(&report)?;
    lag.map_or(Ok(Exit::Ok), Err)
}

/// Looks until all is as asked, or the deadline has passed: the last report, and what is wrong with
/// it.
async fn until(
    arguments: &Arguments,
    config: &Config,
    global: &Global,
    deadline: Instant,
) -> Result<(StatusReport, Option<Fault>), Fault> {
    loop {
        match look(config, arguments, global).await {
            Ok(report) if !arguments.wait || report.is_caught_up() => {
                return Ok((report, None));
            }
            Err(fault) if !arguments.wait || fault.exit != Exit::Unreachable => return Err(fault),
            Ok(report) if Instant::now() >= deadline => {
                let late = format!("the index had not caught up after {} s", arguments.timeout);
                return Ok((report, Some(Fault::new(Exit::Unreachable, late))));
            }
            Err(fault) if Instant::now() >= deadline => {
                let message = format!("waited {} s: {}", arguments.timeout, fault.message);
                return Err(Fault { message, ..fault });
            }
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Looks at each role once.
async fn look(
    config: &Config,
    arguments: &Arguments,
    global: &Global,
) -> Result<StatusReport, Fault> {
    let asked = |role| {
        if arguments.roles.is_empty() {
            config.roles.contains(&role)
        } else {
            arguments.roles.contains(&role)
        }
    };
    let ledger = match asked(Role::Ledger) {
        true => Some(look_at_ledger(config, arguments).await?),
        false => None,
    };
    let gateway = match asked(Role::Gateway) {
        true => Some(look_at_gateway(config, arguments, global).await?),
        false => None,
    };
    Ok(StatusReport { consortium: config.consortium.clone(), serving: true, ledger, gateway })
}

async fn look_at_ledger(config: &Config, arguments: &Arguments) -> Result<LedgerLine, Fault> {
    let url = match &arguments.ledger {
        Some(url) => url.clone(),
        None => connection::url(config, Role::Ledger)?,
    };
    let member = connection::member(config, arguments.gateway.member.as_ref())?;
    let endpoint = connection::endpoint(config, &member, url.clone())?;
    let help = "start it with: quayside run --role ledger";
    let failed = |error: rpc::client::Error| connection::fault(&error, help);
    let client = rpc::client::Ledger::connect(&endpoint).map_err(failed)?;
    let status: LedgerStatus = client.status().await.map_err(failed)?;
    Ok(LedgerLine {
        url,
        height: status.height.0,
        time: clock::TimeMs(status.time_ms).to_string(),
        log_size: status.log_size.0,
        log_root: hex::encode(status.log_root),
        state_root: hex::encode(status.state_root),
        checkpoint_size: status.checkpoint_size.0,
        pending: status.pending,
    })
}

async fn look_at_gateway(
    config: &Config,
    arguments: &Arguments,
    global: &Global,
) -> Result<GatewayLine, Fault> {
    let gateway = connection::gateway(&arguments.gateway, global)?;
    let status = gateway.status().await?;
    Ok(GatewayLine {
        url: match &arguments.gateway.gateway {
            Some(url) => url.clone(),
            None => connection::url(config, Role::Gateway)?,
        },
        index_height: status.cursor.0,
        ledger_height: status.height.map(|height| height.0),
        members: status.members,
    })
}
