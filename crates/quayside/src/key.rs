//! `quayside key`: look at the keys of a quantum link, never at their secrets.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use keys::{Direction, KeyState};
use party::MemberId;
use serde::Serialize;

use crate::cli::Global;
use crate::connection::fault;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::link::{HELP, client};
use crate::nodes;
use crate::output::{Output, Report, count, fields, lines, table};

/// What `key` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the keys of a link's pools, at each end that can be asked.
    #[command(after_long_help = fields::<KeysReport>())]
    List(ListArguments),
}

/// What `key list` takes.
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// The link.
    #[arg(value_name = "LINK")]
    link: String,
    /// The most keys to list at each end.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// The member in whose name to call [default: client.member of each node's configuration].
    #[arg(long = "as", value_name = "MEMBER", env = "QUAYSIDE_MEMBER")]
    member: Option<MemberId>,
}

#[derive(Debug, Serialize)]
pub(crate) struct KeysReport {
    link: String,
    pools: Vec<PoolLine>,
}

#[derive(Debug, Serialize)]
struct PoolLine {
    site: party::SiteId,
    ready_outgoing: u64,
    ready_incoming: u64,
    pending: u64,
    delivered: u64,
    keys: Vec<KeyLine>,
}

#[derive(Debug, Serialize)]
struct KeyLine {
    id: String,
    direction: &'static str,
    state: &'static str,
    block: String,
}

impl Report for KeysReport {
    const COMMAND: &'static str = "key list";
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        ("link", "the link's id"),
        ("pools", "the pools of its two ends, as far as they can be asked"),
        ("pools.site", "the site whose pool it is"),
        ("pools.ready_outgoing", "keys that can be drawn there"),
        ("pools.ready_incoming", "keys that can be recovered there"),
        ("pools.pending", "keys that the far end has not confirmed yet"),
        ("pools.delivered", "keys that were delivered"),
        (
            "pools.keys",
            "some of the keys, in the order of their ids; those that wait to be recovered only for \
             operators",
        ),
        ("pools.keys.id", "the key's id, 32 hexadecimal digits, the same at both ends"),
        ("pools.keys.direction", "outgoing: drawn there; incoming: recovered there"),
        ("pools.keys.state", "pending, quarantined, ready, delivered or spent"),
        ("pools.keys.block", "the block it was distilled from, 32 hexadecimal digits"),
    ];

    fn text(&self) -> String {
        let mut keys = table(&["at", "key", "direction", "state", "block"]);
        for pool in &self.pools {
            for key in &pool.keys {
                keys.add_row([
                    pool.site.to_string(),
                    key.id.clone(),
                    key.direction.to_owned(),
                    key.state.to_owned(),
                    key.block.clone(),
                ]);
            }
        }
        let mut text = lines(&keys);
        text.push('\n');
        for pool in &self.pools {
            let PoolLine { site, ready_outgoing, ready_incoming, pending, delivered, .. } = pool;
            let [draw, recover, wait, gone] =
                [ready_outgoing, ready_incoming, pending, delivered].map(|number| count(*number));
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{site}: {draw} to draw, {recover} to recover, {wait} pending, {gone} delivered"
            );
        }
        text
    }
}

/// Runs a `key` verb.
pub(crate) async fn key(verb: Verb, global: &Global, output: Output) -> Result<Exit, Fault> {
    let Verb::List(arguments) = verb;
    let mut pools = Vec::new();
    for config in nodes::with_keys(global)? {
        let ends = config.keys.iter().flat_map(|keys| &keys.links);
        if !ends.clone().any(|end| end.id == arguments.link) {
            continue;
        }
        let Some(site) = config.keys.as_ref().map(|keys| keys.site.clone()) else { continue };
        let (rows, counts) = client(&config, arguments.member.as_ref())?
            .keys(&arguments.link, arguments.limit)
            .await
            .map_err(|error| fault(&error, HELP))?;
        pools.push(PoolLine {
            site,
            ready_outgoing: counts.ready_outgoing,
            ready_incoming: counts.ready_incoming,
            pending: counts.pending,
            delivered: counts.delivered,
            keys: rows
                .into_iter()
                .map(|row| KeyLine {
                    id: hex::encode(row.id.0),
                    direction: match row.direction {
                        Direction::Outgoing => "outgoing",
                        Direction::Incoming => "incoming",
                    },
                    state: match row.state {
                        KeyState::Pending => "pending",
                        KeyState::Quarantined => "quarantined",
                        KeyState::Ready => "ready",
                        KeyState::Delivered => "delivered",
                        KeyState::Spent => "spent",
                    },
                    block: hex::encode(row.block),
                })
                .collect(),
        });
    }
    if pools.is_empty() {
        let link = &arguments.link;
        return Err(Fault::new(Exit::NotFound, format!("no link {link} ends at these nodes"))
            .help("list the links with: quayside link list"));
    }
    output.show(&KeysReport { link: arguments.link, pools })?;
    Ok(Exit::Ok)
}
