//! Keep a map from keys to values under one root, and prove what a key maps to, or that it maps to
//! nothing.
//!
//! A key's bits are the way to its entry. Each entry stands at the shallowest place that it shares
//! with no other, so the tree, and with it the root, follows from the entries alone: not from the
//! order in which they came, nor from what was there and is gone.
//!
//! ```text
//!   root(no entry)      = 32 zero bytes
//!   root(one entry)     = leaf(key, value)                        wherever that is
//!   root(more entries)  = node(root(next bit is 0), root(next bit is 1))
//! ```
//!
//! The tree is kept in pages of four levels, sixteen slots each, named by their [`Path`]. A slot
//! holds nothing, one entry, or the digest of the page beneath, which then holds two entries at
//! least. Only the root page may hold a single entry, for want of a slot to hold it.
//!
//! ```text
//!   page /        [ . | entry | page 2 | . | ...            | . ]
//!                                  |
//!   page 2                     [ . | . | entry | ... | entry | . ]      keys 22.. and 2e..
//! ```
//!
//! [`update`] takes a batch, visits each page at most once, and hashes only between what changed
//! and the root. Keys are expected to be hashes: whoever could choose them freely could make the
//! tree deep, though never wrong.

mod page;
mod path;
mod proof;
#[cfg(test)]
mod tests;
mod update;

pub use page::Page;
pub use path::Path;
pub use proof::{Proof, Terminal, prove};
pub use update::{Update, root, update};

use crate::Digest;

/// How a map hashes. The subtree without keys is [`EMPTY`].
///
/// Leaves and nodes must be hashed apart (by a prefix or a context), or a node could pass for a
/// leaf.
pub trait MapHash {
    /// Hashes one entry.
    fn leaf(key: &Digest, value: &Digest) -> Digest;
    /// Hashes two subtrees, left and right, of which one may be empty.
    fn node(left: &Digest, right: &Digest) -> Digest;
}

/// The digest of a subtree without keys, and the root of a map without keys.
pub const EMPTY: Digest = [0; 32];
