//! The stories, one per file: each has its own folder, ports and processes.

#![expect(clippy::indexing_slicing, reason = "a story reports by panicking")]
#![expect(clippy::print_stdout, reason = "the figures of a story stand in its output")]

mod bad_turns;
mod canaries;
mod eavesdropper;
mod falls;
mod guide;
mod independent;
mod journey;
mod lifetime;
mod official_examples;
mod one_parcel;
mod power_cut;
mod refusals;
mod roles_apart;
mod stranger;
mod tour;
mod up_and_down;
