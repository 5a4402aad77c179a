//! Seal bytes for their readers.
//!
//! A sealed body is a list of parts, each closed under a content key of its own; a reader entry
//! hands one content key to one reader, wrapped under a secret that both can reach. So readers of
//! different fields each get what is theirs, and can be added or forgotten without touching what
//! the log holds. Whoever opens a part with fields recomputes the event's commitment from it.
//!
//! ```text
//!   fields + seed --seal--> Commitment, SealedBody [part, part, ..]       (to everybody)
//!                                          ^
//!   content key of each part --------------+
//!        |                                           open --> fields | item secret
//!        +--Wrapper::wrap--> ReaderEntry --unwrap--> content key --rewrap--> row at rest
//!               ^            (to one reader)  ^
//!        Drawn {handle, secret}             secret recovered from the handle
//! ```
//!
//! # Example
//!
//! ```
//! # use std::collections::BTreeSet;
//! use envelope::{ContentKey, Opened, PartPlan, open, seal};
//! use statement::{RequestId, Seed};
//!
//! let (demo, seller) = ("demo".parse()?, "zj-merchant".parse()?);
//! let fields = [("action", "\"ADD\""), ("buyer", "{}")].map(|(n, v)| (n.into(), v.into()));
//! let names = BTreeSet::from(["buyer".to_owned()]);
//! let keys = [0, 1].map(|part| ContentKey::derive(&[7; 32], &RequestId([1; 16]), 0, part, "{}"));
//! let plans = [PartPlan::Rest, PartPlan::Fields(&names)];
//! let seed = Seed::from_bytes([8; 32]);
//! let (commitment, body) = seal(&demo, &seller, &seed, &fields, &plans, &keys)?;
//! let opened = open(&demo, &seller, &commitment, &body, 1, &keys[1])?;
//! assert!(matches!(opened, Opened::Fields { disclosure } if disclosure.opened[0].name == "buyer"));
//! assert!(open(&demo, &seller, &commitment, &body, 1, &keys[0]).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What this crate does not do
//!
//! It draws no secret and recovers none: a `keys::KeySource` does. It opens no file and no socket,
//! and does not know who may read what. It does not check an entry's signature, an event's tags, or
//! whether an item secret was announced: whoever holds the members and the log does. It hides
//! neither how long a part is nor the names of an event's fields from those who read some of them.

mod aead;
mod body;
mod cbor;
#[cfg(test)]
mod conformance;
mod entry;
mod error;
mod json;
mod key;
mod part;

pub use body::{Opened, PartPlan, open, open_entry, seal};
pub use entry::{PartRef, Reader, Wrapper, handle, unwrap};
pub use error::Error;
pub use json::partial_json;
pub use key::{ContentKey, ROW_OVERHEAD_BYTES, StorageKey};
