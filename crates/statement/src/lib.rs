//! Sign a statement about goods; verify it with its receipt (COSE, no store, no network).
//!
//! A member signs a [`Statement`] over the root of its capture tree; the log answers with a
//! receipt; a [`Bundle`] carries both with one event, so that a stranger who holds nothing but the
//! members' public keys can check the event offline. Every byte that is hashed or signed is
//! deterministic CBOR, and every decoder refuses what does not re-encode to the bytes it was given.
//!
//! ```text
//!   fields + seed ──▶ Commitment ──▶ Leaf ──▶ capture tree ──▶ Statement ──▶ log ──▶ Receipt
//!                                                                             │
//!                                                     Header ──▶ Checkpoint ──┴──▶ Note
//! ```
//!
//! # Example
//!
//! ```
//! use statement::{Seed, SigningKey, commit, verify};
//!
//! let consortium = "demo".parse()?;
//! let issuer = "zj-merchant".parse()?;
//! let seed = Seed::from_bytes([7; 32]);
//! let fields = [("action", "\"OBSERVE\""), ("type", "\"ObjectEvent\"")];
//! let commitment = commit(&consortium, &issuer, &seed, fields.into_iter())?;
//! let key = SigningKey::from_bytes([1; 32]);
//! assert!(verify(&key.public(), &commitment.0, &key.sign(&commitment.0)).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What this crate does not do
//!
//! It reads no clock, draws no randomness, opens no file and no socket. It does not know what an
//! EPCIS event means: it takes fields as names and canonical JSON values. It never learns a
//! member's key from the bytes it checks: the verifier pins [`party::Members`].

mod act;
mod body;
mod bundle;
mod capture;
pub mod capture_tree;
#[cfg(test)]
mod cast;
mod cbor;
mod checkpoint;
mod commitment;
#[cfg(test)]
mod conformance;
mod content;
mod cose;
mod error;
mod genesis;
pub mod hash;
mod header;
mod history;
mod json;
mod leaf;
mod number;
mod reader_entry;
mod receipt;
mod signature;
mod signed;
mod state;
mod tag;

pub use act::Act;
pub use body::{Body, MAX_PARTS, OpenBody, SealedBody, body_digest};
pub use bundle::{Bundle, Evidence, Verified, verify_bundle};
pub use capture::{Capture, MAX_ENTRY_BYTES, MAX_LEAVES, MAX_TAGS_PER_CAPTURE, entry_bytes};
pub use checkpoint::{Checkpoint, Note, NoteLine};
pub use commitment::{Commitment, Disclosure, MAX_FIELDS, Opened, Salt, Seed, commit, commit_json};
pub use content::Content;
pub use error::{Error, Fault, Part};
pub use genesis::Genesis;
pub use header::{Header, contents_digest, members_digest};
pub use history::{
    HistoryFacts, HistoryProof, HistoryRecord, Position, history_key, position_root,
};
pub use json::top_level_fields;
pub use leaf::{Leaf, MAX_TAGS_PER_LEAF};
pub use merkle::Digest;
pub use number::{Height, LeafIndex, LogIndex, LogSize, RequestId};
pub use reader_entry::{MAX_HANDLE_BYTES, ReaderEntry};
pub use receipt::{Receipt, ReceiptFacts};
pub use signature::{SigningKey, check_key, verify};
pub use signed::{MAX_STATEMENT_BYTES, Statement, Terms};
pub use state::{LeafHash, PositionHash, StateHash, state_key, state_value_digest};
pub use tag::{ItemSecret, Mark, Tag};
