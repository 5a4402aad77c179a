//! The pool from outside: what it takes, gives once, and finds again after a crash.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test reports by panicking")]

mod blocks;
mod cast;
mod crash;
mod deliver;
mod disk;
mod model;
