//! Name the parties: members, sites, roles, keys.
//!
//! Trust is pinned: whoever verifies anything of a consortium is configured with its [`Members`],
//! one public file, and learns keys from nowhere else. This crate holds the names in that file,
//! and the rules that make it a sound one: no name twice, no key with two uses, validators that
//! are members.
//!
//! # Example
//!
//! ```
//! use party::{MemberId, Role};
//!
//! let id: MemberId = "zj-merchant".parse()?;
//! assert_eq!(id.as_str(), "zj-merchant");
//! assert_eq!("trader".parse::<Role>()?, Role::Trader);
//! assert!("ZJ Merchant".parse::<MemberId>().is_err());
//! # Ok::<(), party::Error>(())
//! ```
//!
//! # What this crate does not do
//!
//! It never signs or verifies, so it takes any 32 bytes for a public key; `statement` says which
//! of them are keys. It holds no secret, reads no file, and knows no certificate.

mod error;
mod id;
mod key;
mod member;
mod members;
mod sealing;

pub use error::Error;
pub use id::{ConsortiumId, MemberId, SiteId};
pub use key::{KeyId, PublicKey};
pub use member::{Country, Member, Role};
pub use members::Members;
pub use sealing::SealingKey;
