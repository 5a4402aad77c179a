//! The services as their clients meet them: real servers on loopback, with mutual TLS.
#![expect(clippy::unwrap_used, reason = "the house that tests share fails by panicking")]

mod authority;
mod exchange;
mod faces;
mod house;
mod identity;
mod journey;
mod link;
mod load;
mod post;
mod raw;
mod record;
mod refusals;
mod shutdown;
