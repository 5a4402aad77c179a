//! Translate between gRPC and the domain (the only crate that knows protobuf).
//!
//! The one idea: generated types stop here. A message becomes a domain value once, in one
//! validation layer that names the field it refuses; a refusal of the domain becomes a status with
//! `google.rpc` details, and on the other side an error with the same words. Who calls is read from
//! the client certificate before a byte of the message is.
//!
//! ```text
//!   client ──mTLS──▶ connection ──▶ guard: identity, load, time, panics ──▶ service ──▶ domain
//!                                     │                                       │
//!   client::Error ◀── details ◀── Status ◀────────────── Refusal ◀────────────┘
//! ```
//!
//! # Example
//!
//! ```
//! # let (ca_pem, cert_pem, key_pem) = (String::new(), String::new(), String::new());
//! # let revoked = rpc::Revoked::default();
//! let plain = String::from("http://127.0.0.1:7401");
//! let endpoint = rpc::client::Endpoint { url: plain, ca_pem, cert_pem, key_pem, revoked };
//! // Every port speaks mutual TLS: an address without it is refused before anything is sent.
//! let error = rpc::client::Ledger::connect(&endpoint).unwrap_err();
//! assert_eq!(error.reason, "FIELD_INVALID");
//! ```
//!
//! # What this crate does not do
//!
//! It decides nothing about goods, keeps nothing on disk, reads no file, and learns no member's key
//! from the wire: certificates, members and revocations are given to it.

mod caller;
pub mod client;
mod convert;
mod field;
mod key_fault;
mod limits;
pub mod link;
mod pb;
mod reason;
mod refusal;
pub mod server;

pub use crate::caller::{Caller, Principal, RevocationError, Revoked, Serial, ServiceRole, Trust};
pub use crate::limits::{DRAIN_DEADLINE, MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES};
pub use crate::reason::{REASONS, Reason, code, reason};
pub use crate::refusal::DOMAIN;
