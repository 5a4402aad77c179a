//! Simulate a quantum link and distil its key: sift, reconcile, verify, amplify, authenticate; relay over a network of sites.
//!
//! Two ends of a link share a photon channel, which an eavesdropper may hold, and a classical
//! channel, which everybody may read. [`End`] is one end of BB84 with single photons and biased
//! bases, without any input or output of its own: it is given what came ([`Input`]) and says what
//! to do ([`Output`]). Every frame it gives is signed and bound to all the frames before it. From
//! one block of pulses it distils keys of 32 bytes, each with one direction, or it says why the
//! line is shut down.
//!
//! ```text
//!   sender                                        receiver            channel (receiver's process)
//!     Hello, State, Resolved  <───────────────────>  Hello, State, Resolved
//!   upon Start: Prepare  ─────────────────────────>  draws its bases
//!                        <─────────────────────────  Ready         Measure ──▶ bases
//!   upon Ready: pulses  ═══════════════════════════════════════════════════▶ carry ──▶ clicks
//!                        <─────────────────────────  Clicked: which pulses, which bases, X bits
//!   Sifted: its bases, its X bits  ───────────────>  both: n, k, Q, mu; is there key at all?
//!   parities             <─── Cascade, batched ───>  asks
//!   Finish: hash, Toeplitz seed, length, ids,
//!           whose to draw each key is  ───────────>  checks all of it; stores the keys, pending
//!   stores the keys      <─────────────────────────  Confirm
//!   releases them: Confirmed  ────────────────────>  releases them
//!                        <── at any time: Wants ───  how many keys it wishes to draw
//! ```
//!
//! # Example
//!
//! ```
//! use qkd::{Bases, BlockId, Channel, Physics, Randomness};
//!
//! // Nobody sent a photon well: pulses that do not belong to the bases are refused.
//! let mut channel = Channel::new(Physics::default(), Randomness::System)?;
//! let bases = Bases::draw(BlockId([7; 16]), 1 << 16, 38, &Randomness::System)?;
//! assert!(channel.carry(b"no pulses", &bases).is_err());
//! # Ok::<(), qkd::Error>(())
//! ```
//!
//! # What this crate does not do
//!
//! It opens no socket, stores no key and reads no clock: whoever drives an [`End`] does. It knows
//! no member and no envelope. It does not model decoy states, dead times or afterpulses, and it
//! relays nothing yet. It believes no byte that the far end sends before it has checked it.

mod bits;
pub mod cascade;
mod cbor;
mod chain;
mod channel;
mod end;
mod error;
pub mod finite;
mod line;
mod message;
mod parameters;
mod physics;
mod randomness;
mod report;
mod sift;
mod toeplitz;

pub use channel::{Bases, Channel, Clicks};
pub use end::{End, Identity, Input, Output};
pub use error::Error;
pub use line::{Line, LineState, LineStatus};
pub use parameters::Parameters;
pub use physics::Physics;
pub use randomness::Randomness;
pub use report::{BlockId, Distilled, DistilledKey, EndKind, Report};
