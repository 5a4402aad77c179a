//! Grow an authenticated log, prove it, and verify the proof: arithmetic only, generic over the hash.
//!
//! Two trees. The *log tree* has the shape of RFC 9162: it only grows, a [`Frontier`] of one digest
//! per complete subtree is enough to grow it, and two kinds of path prove it: that a leaf is in it
//! (inclusion), and that it once was another tree (consistency). The *map* ([`map`]) is a compact
//! sparse Merkle tree from keys to values: it changes in batches, and proves what a key maps to,
//! or that it maps to nothing. Both take the hash as a type, so that each tree of the house hashes
//! under its own contexts.
//!
//! ```text
//!              root of 7 leaves
//!             /                \
//!         (2,0)                 *           (level, index) names a complete subtree: written once,
//!        /     \             /     \        never changed. The frontier of 7 is (2,0) (1,2) (0,6);
//!    (1,0)     (1,1)     (1,2)     (0,6)    what stands above, the stars, is hashed when asked for.
//!    /   \     /   \     /   \
//!   0     1   2     3   4     5      6
//! ```
//!
//! # Example
//!
//! ```
//! use merkle::{Frontier, Rfc9162Sha256 as H, TreeHash, inclusion_path, verify_inclusion};
//!
//! let leaves = ["a", "b", "c"].map(|entry| H::leaf(entry.as_bytes()));
//! let mut log = Frontier::<H>::new();
//! for leaf in &leaves {
//!     log.push(*leaf, &mut |_node, _digest| ());
//! }
//! let path = inclusion_path::<H>(&leaves, 1).unwrap_or_default();
//! verify_inclusion::<H>(&leaves[1], 1, 3, &path, &log.root())?;
//! # Ok::<(), merkle::Error>(())
//! ```
//!
//! # What this crate does not do
//!
//! It stores nothing and reads through what its caller hands it; it knows no format but that of a
//! map's page; it signs nothing, so a proof is worth what the root is worth that it leads to.

mod error;
mod frontier;
mod hash;
pub mod map;
mod memory;
mod node;
mod stored;
mod verify;

pub use error::Error;
pub use frontier::Frontier;
pub use hash::{Rfc9162Sha256, TreeHash};
pub use memory::{inclusion_path, root};
pub use node::{MAX_SIZE, Node};
pub use stored::{consistency_path_from, inclusion_path_from};
pub use verify::{root_from_inclusion, verify_consistency, verify_inclusion};

/// What a hash yields, and what names a key or a value of a map.
pub type Digest = [u8; 32];
