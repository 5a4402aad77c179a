//! `quayside status`: show whether the nodes serve, and where the record stands.

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use node::{Config, Role};
use party::MemberId;
use rpc::client::LedgerStatus;
use serde::Serialize;
use tokio::time::Instant;

use crate::cli::{GatewayArguments, Global};
use crate::connection;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::link::{self, LinkLine};
use crate::nodes;
use crate::output::{Output, Report, count, lines, pairs, table};
use crate::progress::Progress;

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// What `status` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Wait until every node answers and every gateway's index has caught up.
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
    keys: Option<KeysLine>,
    gateway: Option<GatewayLine>,
    nodes: Vec<NodeLine>,
}

#[derive(Clone, Debug, Serialize)]
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

#[derive(Clone, Debug, Serialize)]
struct KeysLine {
    url: String,
    site: party::SiteId,
    members: Vec<MemberId>,
    links: Vec<LineLine>,
}

#[derive(Clone, Debug, Serialize)]
struct LineLine {
    id: String,
    state: &'static str,
    ready_outgoing: u64,
    ready_incoming: u64,
}

#[derive(Clone, Debug, Serialize)]
struct GatewayLine {
    url: String,
    index_height: u64,
    ledger_height: Option<u64>,
    members: Vec<String>,
}

/// One node of those that run apart.
#[derive(Debug, Serialize)]
struct NodeLine {
    name: String,
    role: &'static str,
    url: String,
    note: String,
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
        ("keys", "the keys, or null when that role was not looked at or several nodes have it"),
        ("keys.url", "where they are"),
        ("keys.site", "the site whose members they serve"),
        ("keys.members", "those members"),
        ("keys.links", "the quantum links that end there"),
        ("keys.links.id", "the link's id"),
        ("keys.links.state", "up, down, or shut-down"),
        ("keys.links.ready_outgoing", "keys that can be drawn there"),
        ("keys.links.ready_incoming", "keys that can be recovered there"),
        (
            "gateway",
            "the gateway, or null when that role was not looked at or several nodes have it",
        ),
        ("gateway.url", "where it is"),
        ("gateway.index_height", "the last block in its own index"),
        ("gateway.ledger_height", "the last block of its ledger; null when it cannot reach it"),
        ("gateway.members", "the members it captures for"),
        ("nodes", "every node, when the nodes run apart (deploy/local/up); else none"),
        ("nodes.name", "its name, as in the folder nodes/"),
        ("nodes.role", "what it does: ledger, keys or gateway"),
        ("nodes.url", "where it is"),
        ("nodes.note", "how it is, for people"),
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
        if let Some(keys) = &self.keys {
            rows.push(("keys", format!("serving at {}", keys.url)));
            rows.push(("  for", keys.note()));
        }
        if let Some(gateway) = &self.gateway {
            rows.extend([
                ("gateway", format!("serving at {}", gateway.url)),
                ("  index", gateway.note()),
                ("  members", gateway.members.join(" ")),
            ]);
        }
        let mut text = pairs(&rows);
        if !self.nodes.is_empty() {
            let mut nodes = table(&["node", "serving at", "how it is"]);
            for node in &self.nodes {
                nodes.add_row([node.name.clone(), node.url.clone(), node.note.clone()]);
            }
            text.push('\n');
            text.push_str(&lines(&nodes));
        }
        text
    }
}

impl KeysLine {
    fn note(&self) -> String {
        let members: Vec<&str> = self.members.iter().map(MemberId::as_str).collect();
        let mut note = members.join(" ");
        for LineLine { id, state, ready_outgoing, .. } in &self.links {
            // Writing to a string cannot fail.
            let _ = write!(note, "; {id} {state}, {} keys to draw", count(*ready_outgoing));
        }
        note
    }
}

impl GatewayLine {
    fn note(&self) -> String {
        let behind = self.ledger_height.map_or_else(
            || "its ledger does not answer".to_owned(),
            |height| match height.saturating_sub(self.index_height) {
                0 => "up to date".to_owned(),
                blocks => format!("{} blocks behind its ledger", count(blocks)),
            },
        );
        format!("block {}, {behind}", count(self.index_height))
    }

    /// Whether the index holds every block.
    fn is_caught_up(&self) -> bool {
        self.ledger_height.is_some_and(|at| self.index_height >= at)
    }
}

/// What was seen, and whether it is all that one waits for.
struct Look {
    report: StatusReport,
    caught_up: bool,
}

/// Runs `status`.
pub(crate) async fn status(
    arguments: Arguments,
    global: &Global,
    output: Output,
) -> Result<Exit, Fault> {
    node::install_tls_provider();
    let deadline = Instant::now() + Duration::from_secs(arguments.timeout);
    let waiting = arguments.wait.then(|| Progress::wait("the nodes", output.json));
    let found = until(&arguments, global, deadline).await;
    drop(waiting);
    let (report, lag) = found?;
    output.show(&report)?;
    lag.map_or(Ok(Exit::Ok), Err)
}

/// Looks until all is as asked, or the deadline has passed: the last report, and what is wrong with
/// it.
async fn until(
    arguments: &Arguments,
    global: &Global,
    deadline: Instant,
) -> Result<(StatusReport, Option<Fault>), Fault> {
    loop {
        match look(arguments, global).await {
            Ok(seen) if !arguments.wait || seen.caught_up => {
                return Ok((seen.report, None));
            }
            Err(fault) if !arguments.wait || fault.exit != Exit::Unreachable => return Err(fault),
            Ok(Look { report, .. }) if Instant::now() >= deadline => {
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

/// Looks at each role of each node once.
async fn look(arguments: &Arguments, global: &Global) -> Result<Look, Fault> {
    let nodes = nodes::all(global)?;
    let apart = nodes.len() > 1;
    let mut seen = Look { report: StatusReport::empty(&nodes)?, caught_up: true };
    for (name, config) in nodes {
        let asked = |role| match arguments.roles.is_empty() {
            true => config.roles.contains(&role),
            false if apart => config.roles.contains(&role) && arguments.roles.contains(&role),
            false => arguments.roles.contains(&role),
        };
        let node = |role: Role, url: &str, note| NodeLine {
            name: name.clone(),
            role: role.as_str(),
            url: url.to_owned(),
            note,
        };
        let report = &mut seen.report;
        if asked(Role::Ledger) {
            let ledger = look_at_ledger(&config, arguments).await?;
            let note =
                format!("block {}, {} entries", count(ledger.height), count(ledger.log_size));
            report.nodes.push(node(Role::Ledger, &ledger.url, note));
            report.ledger = Some(ledger);
        }
        if asked(Role::Keys) {
            let keys = look_at_keys(&config, arguments, apart).await?;
            report.nodes.push(node(Role::Keys, &keys.url, keys.note()));
            report.keys = Some(keys).filter(|_| !apart);
        }
        if asked(Role::Gateway) {
            let gateway = look_at_gateway(&config, arguments, global, apart).await?;
            report.nodes.push(node(Role::Gateway, &gateway.url, gateway.note()));
            seen.caught_up &= gateway.is_caught_up();
            report.gateway = Some(gateway).filter(|_| !apart);
        }
    }
    if !apart {
        seen.report.nodes.clear();
    }
    Ok(seen)
}

impl StatusReport {
    /// A report of nodes that nobody has looked at yet.
    fn empty(nodes: &[(String, Config)]) -> Result<Self, Fault> {
        let Some((_, first)) = nodes.first() else {
            return Err(Fault::new(Exit::Bug, "a state folder without a node"));
        };
        Ok(Self {
            consortium: first.consortium.clone(),
            serving: true,
            ledger: None,
            keys: None,
            gateway: None,
            nodes: Vec::new(),
        })
    }
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

/// The member in whose name to look: when the nodes run apart, each knows one of its own.
fn looker(arguments: &Arguments, apart: bool) -> Option<&MemberId> {
    arguments.gateway.member.as_ref().filter(|_| !apart)
}

async fn look_at_keys(
    config: &Config,
    arguments: &Arguments,
    apart: bool,
) -> Result<KeysLine, Fault> {
    let failed = |error: rpc::client::Error| connection::fault(&error, link::HELP);
    let client = link::client(config, looker(arguments, apart))?;
    let status = client.status().await.map_err(failed)?;
    let links = client.links().await.map_err(failed)?;
    Ok(KeysLine {
        url: connection::url(config, Role::Keys)?,
        site: status.site,
        members: status.members.into_iter().map(|(member, _)| member).collect(),
        links: links.into_iter().map(|link| LineLine::of(&LinkLine::of(link))).collect(),
    })
}

impl LineLine {
    fn of(link: &LinkLine) -> Self {
        Self {
            id: link.id.clone(),
            state: link.state,
            ready_outgoing: link.ready_outgoing,
            ready_incoming: link.ready_incoming,
        }
    }
}

async fn look_at_gateway(
    config: &Config,
    arguments: &Arguments,
    global: &Global,
    apart: bool,
) -> Result<GatewayLine, Fault> {
    let given = arguments.gateway.gateway.as_ref().filter(|_| !apart);
    let url = match given {
        Some(url) => url.clone(),
        None => connection::url(config, Role::Gateway)?,
    };
    let member = connection::member(config, looker(arguments, apart))?;
    let status = connection::at(config, member, url.clone(), global)?.status().await?;
    Ok(GatewayLine {
        url,
        index_height: status.cursor.0,
        ledger_height: status.height.map(|height| height.0),
        members: status.members,
    })
}
