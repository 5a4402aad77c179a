//! Arguments in, text and exit codes out.

mod admin;
mod bench;
mod cli;
mod connection;
mod crew;
mod event;
mod exit;
mod fault;
mod index;
mod item;
mod journey;
mod key;
mod ledger_check;
mod link;
mod nodes;
mod order;
mod output;
mod progress;
mod receipt;
#[cfg(test)]
mod reference;
mod run;
mod status;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Arguments, Noun};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::Output;

/// Events are many small values, allocated on one thread and freed on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output { json: arguments.global.json };
    let exit = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let outcome = runtime.block_on(command(arguments, output));
            // A second signal ends the process without waiting for what still runs.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(Fault::new(Exit::Environment, format!("no threads to run on: {error}"))),
    };
    match exit {
        Ok(exit) => exit.into(),
        Err(fault) => {
            output.fail(&fault);
            fault.exit.into()
        }
    }
}

async fn command(arguments: Arguments, output: Output) -> Result<Exit, Fault> {
    let Arguments { global, noun } = arguments;
    match noun {
        Noun::Run(arguments) => run::run(arguments, &global, output).await,
        Noun::Admin { verb } => admin::admin(verb, &global, output),
        Noun::Event { verb } => event::event(verb, &global, output).await,
        Noun::Item { verb } => item::item(verb, &global, output).await,
        Noun::Order { verb } => order::order(verb, &global, output).await,
        Noun::Journey { verb } => journey::journeys(verb, &global, output).await,
        Noun::Link { verb } => link::link(verb, &global, output).await,
        Noun::Key { verb } => key::key(verb, &global, output).await,
        Noun::Receipt { verb } => receipt::receipt(verb, &global, output).await,
        Noun::Status(arguments) => status::status(arguments, &global, output).await,
        Noun::Ledger { verb } => ledger_check::ledger(verb, &global, output),
        Noun::Index { verb } => index::index(verb, &global, output).await,
        Noun::Bench { verb } => bench::bench(verb, &global, output).await,
    }
}
