//! `quayside ledger`: look after a ledger's data.

use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;

use crate::cli::Global;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Output, Report, count, fields, pairs};
use crate::progress::Progress;
use crate::run::configuration;

/// What `ledger` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Replay the log from its first block and compare everything kept with what it should be.
    ///
    /// Offline: stop the ledger before. Nothing is changed.
    #[command(after_long_help = fields::<CheckReport>())]
    Check,
}

#[derive(Debug, Serialize)]
pub(crate) struct CheckReport {
    sound: bool,
    folder: PathBuf,
    height: u64,
    tip: String,
    log_size: u64,
    log_root: String,
    state_root: String,
    statements: u64,
    events: u64,
    bodies_missing: u64,
}

impl Report for CheckReport {
    const COMMAND: &'static str = "ledger check";
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        ("sound", "true: everything kept is what it should be (what is not is an error, code 5)"),
        ("folder", "the ledger's data"),
        ("height", "the last block"),
        ("tip", "its hash, 64 hexadecimal digits"),
        ("log_size", "entries in the log, genesis included"),
        ("log_root", "the root of the log's tree, 64 hexadecimal digits"),
        ("state_root", "the root of the state tree after replay, 64 hexadecimal digits"),
        ("statements", "statements replayed"),
        ("events", "events in them"),
        ("bodies_missing", "events whose body is not kept here: erased, or not for this member"),
    ];

    fn text(&self) -> String {
        pairs(&[
            ("sound", self.folder.display().to_string()),
            ("block", format!("{}, {}", count(self.height), self.tip)),
            ("log", format!("{} entries, root {}", count(self.log_size), self.log_root)),
            ("state root", self.state_root.clone()),
            (
                "replayed",
                format!("{} statements, {} events", count(self.statements), count(self.events)),
            ),
            ("bodies", format!("{} not kept here", count(self.bodies_missing))),
        ])
    }
}

/// Runs a `ledger` verb.
pub(crate) fn ledger(verb: Verb, global: &Global, output: Output) -> Result<Exit, Fault> {
    let Verb::Check = verb;
    let config = configuration(global)?;
    let progress = Progress::start(0, "blocks", output.json);
    let checked = node::check_ledger(&config, &mut |done, total| progress.at(done.0, total.0));
    drop(progress);
    let found = checked?;
    output.show(&CheckReport {
        sound: true,
        folder: config.ledger.map(|ledger| ledger.data).unwrap_or_default(),
        height: found.height.0,
        tip: hex::encode(found.hash),
        log_size: found.log_size.0,
        log_root: hex::encode(found.log_root),
        state_root: hex::encode(found.state_root),
        statements: found.statements,
        events: found.events,
        bodies_missing: found.bodies_missing,
    })?;
    Ok(Exit::Ok)
}
