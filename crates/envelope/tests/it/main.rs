//! The public face of the crate, with real sources of secrets.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports by panicking"
)]

mod cast;
mod entries;
mod parts;
mod rows;
