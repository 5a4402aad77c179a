//! The ledger from outside: what it takes, refuses, proves, survives.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test reports by panicking")]

mod audit;
mod cast;
mod crash;
mod follow;
mod order;
mod pages;
mod post;
mod prove;
mod refuse;
mod repeat;
mod torn;
