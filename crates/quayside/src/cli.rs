//! Say which words the program understands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::output::fields;

/// Trace goods between parties that do not trust one another: capture events, prove them, verify
/// the proof.
#[derive(Debug, Parser)]
#[command(name = "quayside", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = crate::exit::help())]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) noun: Noun,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// The state folder: consortium, keys, data.
    #[arg(long, global = true, env = "QUAYSIDE_STATE", default_value = node::State::DEFAULT_FOLDER, value_name = "DIR")]
    pub(crate) state: PathBuf,
    /// The configuration file [default: quayside.toml in the state folder].
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON, one object with stable fields, instead of a table.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The first word.
#[derive(Debug, Subcommand)]
pub(crate) enum Noun {
    /// Run the ledger, the keys, the gateway, or all of them, until told to stop.
    #[command(after_long_help = fields::<crate::run::ReadyReport>())]
    Run(crate::run::Arguments),
    /// Make a consortium; take certificates back.
    Admin {
        #[command(subcommand)]
        verb: crate::admin::Verb,
    },
    /// Take events in.
    Event {
        #[command(subcommand)]
        verb: crate::event::Verb,
    },
    /// Ask where an item was.
    Item {
        #[command(subcommand)]
        verb: crate::item::Verb,
    },
    /// Make an order; show how far its journey is.
    Order {
        #[command(subcommand)]
        verb: crate::order::Verb,
    },
    /// Take a parcel along, step by step.
    Journey {
        #[command(subcommand)]
        verb: crate::journey::Verb,
    },
    /// Watch quantum links, listen in on them, restore them.
    Link {
        #[command(subcommand)]
        verb: crate::link::Verb,
    },
    /// Look at the keys of a quantum link.
    Key {
        #[command(subcommand)]
        verb: crate::key::Verb,
    },
    /// Export and verify proofs.
    Receipt {
        #[command(subcommand)]
        verb: crate::receipt::Verb,
    },
    /// Show whether the nodes serve, and where the record stands.
    #[command(after_long_help = fields::<crate::status::StatusReport>())]
    Status(crate::status::Arguments),
    /// Look after a ledger's data.
    Ledger {
        #[command(subcommand)]
        verb: crate::ledger_check::Verb,
    },
    /// Look after a gateway's own index.
    Index {
        #[command(subcommand)]
        verb: crate::index::Verb,
    },
    /// Measure.
    Bench {
        #[command(subcommand)]
        verb: crate::bench::Verb,
    },
}

/// How to reach a gateway, and as whom.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct GatewayArguments {
    /// The gateway's URL [default: that of the member's own site, as the state folder has it].
    #[arg(long, value_name = "URL", env = "QUAYSIDE_GATEWAY")]
    pub(crate) gateway: Option<String>,
    /// The member in whose name to call [default: client.member of the configuration].
    #[arg(long = "as", value_name = "MEMBER", env = "QUAYSIDE_MEMBER")]
    pub(crate) member: Option<party::MemberId>,
}
