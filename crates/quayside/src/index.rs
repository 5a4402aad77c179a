//! `quayside index`: look after a gateway's own index.

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::{GatewayArguments, Global};
use crate::connection;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Output, Report, count, fields, pairs};

/// What `index` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Empty the gateway's index and build it again from the first block.
    ///
    /// Traces are incomplete, and say so, until it has caught up. Nothing in the record is lost.
    #[command(after_long_help = fields::<RebuildReport>())]
    Rebuild(RebuildArguments),
}

/// What `index rebuild` takes.
#[derive(Debug, Args)]
pub(crate) struct RebuildArguments {
    #[command(flatten)]
    gateway: GatewayArguments,
    /// Do it without asking.
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct RebuildReport {
    height: u64,
}

impl Report for RebuildReport {
    const COMMAND: &'static str = "index rebuild";
    const FIELDS: &'static [(&'static str, &'static str)] =
        &[("height", "the ledger's height, up to which the index is being built again")];

    fn text(&self) -> String {
        pairs(&[("rebuilding", format!("{} blocks", count(self.height)))])
    }
}

/// Runs an `index` verb.
pub(crate) async fn index(verb: Verb, global: &Global, output: Output) -> Result<Exit, Fault> {
    let Verb::Rebuild(arguments) = verb;
    if !arguments.yes {
        return Err(Fault::new(
            Exit::Usage,
            "rebuilding makes traces incomplete for a while, and nothing was done yet",
        )
        .help("add --yes to go through with it"));
    }
    let gateway = connection::gateway(&arguments.gateway, global)?;
    output.show(&RebuildReport { height: gateway.rebuild().await? })?;
    Ok(Exit::Ok)
}
