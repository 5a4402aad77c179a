//! Tell the time, or replay it.
//!
//! Who needs the time takes a [`Clock`]; nobody reads the machine's. So a test sets the hour that
//! it is about, and a run can be told again with the times it had. Time here is the civil one, in
//! whole milliseconds; to measure how long something took, use a monotonic clock instead.
//!
//! # Example
//!
//! ```
//! use clock::{Clock, Replayed, TimeMs};
//!
//! let clock = Replayed::at(TimeMs(1_795_167_845_000));
//! clock.advance_ms(250);
//! assert_eq!(clock.now().to_string(), "2026-11-20T09:44:05.250Z");
//! ```
//!
//! # What this crate does not do
//!
//! It never sleeps, sets no timer, and knows no time zone but UTC. It keeps no order: a machine's
//! clock may be set back, so what must increase (the time of blocks) is made to by its owner.

mod replayed;
#[cfg(any(test, feature = "suite"))]
pub mod suite;
mod system;
mod time_ms;

use std::fmt;

pub use replayed::Replayed;
pub use system::System;
pub use time_ms::TimeMs;

/// Tells the time.
///
/// # Contract
///
/// - Civil: milliseconds since 1970-01-01 UTC, without leap seconds, between the years 1970 and
///   9999.
/// - Free: a reading neither blocks nor fails, from any thread.
/// - Not steady: a later reading may be smaller, for machines' clocks get corrected.
///
/// `suite::holds` (feature `suite`) checks an implementation against this contract.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Reads the clock.
    fn now(&self) -> TimeMs;
}
