//! Decide membership, custody, title, acceptance and settlement from committed commands: pure functions.
//!
//! [`Contracts`] is the machine that a ledger runs: from the state before a statement, and the
//! statement, it says what changes. So far it decides about membership: genesis puts a record of
//! each member into the state, only a member's present key may sign, and a member may retire its
//! statement key for a new one that it proves to hold. And it keeps which item secrets were
//! announced, by whom, so that a recipient can tell a secret from a decoy.
//!
//! ```text
//!   genesis ─────────▶ member/<id>: roles, country, sites, keys, retired keys
//!   any statement ───▶ is its issuer a member, and its key the present one?
//!   "retire-key" ────▶ the old key joins the retired, from the next statement on the new one signs
//!   "announce-secret" ▶ contract/secret/<id>: who, for which tag, at which height, who came after
//! ```
//!
//! # Example
//!
//! ```
//! use contracts::RetireKey;
//! use statement::SigningKey;
//!
//! let new_key = SigningKey::from_bytes([9; 32]);
//! let (consortium, member) = ("demo".parse()?, "sky-air".parse()?);
//! let act = RetireKey::sign(&new_key, &consortium, &member);
//! let arguments = act.encode(); // For a `statement::Act` named `RetireKey::NAME`.
//! assert_eq!(RetireKey::decode(&arguments)?, act);
//! assert!(act.verify(&consortium, &member).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What this crate does not do
//!
//! It never opens an envelope, keeps nothing between two calls, and reads no clock: what it decides
//! follows from its arguments alone.

mod announce;
mod machine;
mod record;
mod retire;

pub use crate::announce::{AnnounceSecret, Announced};
pub use crate::machine::{Contracts, reason};
pub use crate::record::MemberRecord;
pub use crate::retire::RetireKey;
