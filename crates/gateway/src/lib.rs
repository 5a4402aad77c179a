//! Turn an order into a parcel's journey: plan, dispatch, clear customs, settle, flag what is off.
//!
//! An order becomes a journey of sixteen steps by six members ([`Step`]). Each member's gateway
//! captures its own steps, sealed: what may be read goes in parts, each part to its readers, each
//! reader by a secret drawn from that member's [`keys::KeySource`]. The entries that carry the
//! wrapped content keys travel by the [`Post`]; a reader opens them, keeps what they say in its own
//! [`trace::Book`], and only then takes them out of the post, which is its acknowledgement. Until
//! then the sealer seals again.
//!
//! ```text
//!   create_order, advance                              run
//!        │ plan (durable)                       post ──notice──▶ inbox ─ recover ─ open ─▶ book
//!        ▼                                       ▲ ▲                        confirm, remove ─┐
//!   announce ─▶ capture ─▶ draw ─▶ outbox ──put──┘ └────────────────────────────────────────┘
//!                                  (durable)  ◀── removal: acknowledged, else seal again
//! ```
//!
//! # Example
//!
//! ```
//! use gateway::Step;
//!
//! assert_eq!(Step::ALL.len(), 16);
//! let step: Step = "inspect-export".parse()?;
//! assert_eq!((step.number(), step.to_string().as_str()), (7, "inspect-export"));
//! # Ok::<(), gateway::Error>(())
//! ```
//!
//! # What this crate does not do
//!
//! It opens no socket: a [`Post`] carries the entries, a [`capture::Recorder`] the statements. It
//! decides not who may call. It plans no route yet: the itinerary is fixed, and one parcel travels
//! on one pallet. It settles nothing yet.

mod answer;
mod clerk;
mod dispatch;
mod error;
mod event;
mod gateway;
mod house;
mod inbox;
mod itinerary;
mod journey_id;
mod known;
mod opening;
mod order;
mod outbox;
mod parts;
mod planning;
mod post;
mod reading;
mod row;
mod shelf;
mod step;
#[cfg(any(test, feature = "suite"))]
pub mod suite;
#[cfg(test)]
mod tests;

/// The points of a desk's work at which a test may make the process die.
///
/// Before `desk-planned` nothing is known of a call; between `desk-captured` and the answer the event
/// is in the log and not sealed to anybody; `desk-opened` lies between book and confirmation,
/// `desk-confirmed` between confirmation and removal.
pub const CRASH_POINTS: &[&str] =
    &["desk-planned", "desk-captured", "desk-opened", "desk-confirmed"];

pub use answer::{Advanced, AlertView, DoneStep, NextStep, OrderView, Seal, Unacknowledged};
pub use error::Error;
pub use gateway::Gateway;
pub use itinerary::Party;
pub use journey_id::JourneyId;
pub use order::{Buyer, Good, Order, Parties};
pub use parts::{Desk, Options, Parts};
pub use post::{EntryKey, Notice, Post, What};
pub use step::Step;
