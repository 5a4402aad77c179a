//! Answer where it was, who held it, what it became and what it was made of, each step with its proof.
//!
//! A gateway does not ask the ledger where an item was. It follows the record, verifies every block
//! against the one before and against the members that it pinned, and keeps an index of its own
//! ([`View`]). Then it asks the ledger for one thing only: the proof that there was nothing else. A
//! ledger that hides an event, adds one, shows one past to one member and another to the next, or
//! answers from an old state, is found out by this comparison, and the [`Trace`] says so.
//!
//! The view is for all members of a gateway. What one of them has opened of sealed events lies in its
//! own [`Book`], encrypted at rest; [`View::trace_as`] joins both (decision 0018).
//!
//! ```text
//!   Archive::blocks ──▶ verify ──▶ view: by tag and mark, event id, position; sealed bodies; secrets
//!                                    │ positions             │ ciphertext     (follow)
//!   Archive::history ─▶ verify ──▶ compare                 opened ──▶ Book    (one member's)
//!       count, root, note of a quorum  │                                │
//!                                      └──▶ Trace { steps, completeness, alerts } ◀┘   (trace)
//! ```
//!
//! # Example
//!
//! ```no_run
//! # async fn run(archive: &dyn trace::Archive, members: party::Members) -> Result<(), Box<dyn std::error::Error>> {
//! let view = trace::View::open("data/view".as_ref(), members)?;
//! let stop = tokio_util::sync::CancellationToken::new();
//! let parcel = gs1::Item::parse("urn:epc:id:sgtin:0614141.107346.2018")?;
//! tokio::select! {
//!     followed = view.follow(archive, stop) => followed?,
//!     answer = view.trace(&parcel, archive) => println!("complete: {}", answer?.is_complete()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What this crate does not do
//!
//! It opens no socket: an [`Archive`] brings the blocks. It believes no ledger and signs nothing. It
//! draws and recovers no key: whoever does puts what it opened into a book. What stays closed to a
//! member stays visible as closed, and a container that only a closed step could name, or whose secret
//! the member does not hold, is not followed; the answer then does not claim to be complete. What
//! nobody stated it cannot know: an item that was unloaded without ever being loaded shows no stay. It
//! does not follow what an item became: a transformation is a step of all that went in and all that
//! came out, and names them; their own steps are in their own traces.

mod answer;
mod archive;
pub mod book;
mod bundles;
mod check;
mod cursor;
mod error;
mod index;
mod journey;
mod keyring;
mod life;
mod proof;
mod record;
mod sealed;
mod seen;
#[cfg(test)]
mod small_ledger;
#[cfg(test)]
mod small_seal;
#[cfg(any(test, feature = "suite"))]
pub mod suite;
mod view;

pub use answer::{Alert, Completeness, Gap, Step, StepState, Trace, TraceAlert};
pub use archive::{Archive, Block, Entry, History};
pub use book::Book;
pub use bundles::disclosure_bundle;
pub use error::Error;
pub use sealed::{Announcement, SealedLeaf};
pub use statement::Position;
pub use view::View;
