//! Take events in: validate, seal, sign, submit, return a receipt.
//!
//! A document goes through states that cannot be skipped: what is not a valid event cannot be
//! committed to, and what is not committed to cannot be signed. Seeds derive from the member's own
//! seed key and the request id, and so do the content keys of sealed parts, so that a request sent
//! again after a lost answer becomes the same statement, and the log holds it once.
//!
//! ```text
//!   bytes ─parse─▶ epcis::Event ─check─▶ Checked ─commit to─▶ leaf + seed ─seal─▶ body, open
//!                                                                │                 or in parts
//!   Captured ◀─ Recorder ◀─submit─ statement ◀─sign─ capture tree┘
//! ```
//!
//! # Example
//!
//! ```
//! use capture::Checked;
//!
//! let json = br#"{"type": "ObjectEvent", "eventTime": "2026-11-20T08:00:00Z",
//!     "eventTimeZoneOffset": "+08:00", "action": "OBSERVE",
//!     "epcList": ["urn:epc:id:sgtin:0614141.107346.2018"]}"#;
//! let document = epcis::parse_document(json, &epcis::Limits::default())?;
//! let checked = Checked::check(&document.events[0], 0)?;
//! assert_eq!(checked.tags().len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What this crate does not do
//!
//! It opens no socket and no file: a [`Recorder`] carries the statement to the log, and a
//! [`FirstBearer`] reads the index of event ids. It does not decide who may call, or who may
//! read a sealed part: it hands the content keys to whoever does.

mod capturer;
mod checked;
mod closed;
mod error;
mod event_ids;
mod recorder;
mod sealed;
mod signed;
#[cfg(any(test, feature = "suite"))]
pub mod suite;
mod to_seal;

pub use capturer::{Captured, Capturer, Keys, Outcome};
pub use checked::Checked;
pub use error::Error;
pub use event_ids::FirstBearer;
pub use recorder::{Recorded, Recorder, Submission};
pub use to_seal::{CapturedSealed, PartPolicy, SealedOutcome, ToSeal};
