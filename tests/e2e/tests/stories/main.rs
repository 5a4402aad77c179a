//! The stories, one per file: each has its own folder, ports and processes.

#![expect(clippy::indexing_slicing, reason = "a story reports by panicking")]
#![expect(clippy::print_stdout, reason = "the figures of a story stand in its output")]

mod guide;
mod independent;
mod journey;
mod lifetime;
mod official_examples;
mod power_cut;
mod refusals;
mod roles_apart;
mod stranger;
