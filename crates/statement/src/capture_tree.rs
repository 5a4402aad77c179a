//! The capture tree: the leaves of one capture under one signed root.
//!
//! It has the shape of RFC 9162, with BLAKE3 under separate contexts for leaves and nodes.

use merkle::TreeHash;

use crate::{Digest, Error, Fault, LeafHash, LeafIndex, Part};

/// The root over the leaves' bytes, in order.
#[must_use]
pub fn root<L: AsRef<[u8]>>(leaves: &[L]) -> Digest {
    merkle::root::<LeafHash>(&hashes(leaves))
}

/// The path from one leaf to the root; `None` if there is no such leaf.
#[must_use]
pub fn path<L: AsRef<[u8]>>(leaves: &[L], index: LeafIndex) -> Option<Vec<Digest>> {
    merkle::inclusion_path::<LeafHash>(&hashes(leaves), usize::try_from(index.0).ok()?)
}

/// Checks that a leaf stands at `index` under a root over `count` leaves.
///
/// # Errors
///
/// A [`Fault`] that names the leaf, its index or its path.
pub fn verify(
    leaf: &[u8],
    index: LeafIndex,
    count: u32,
    path: &[Digest],
    root: &Digest,
) -> Result<(), Fault> {
    check_length(index, count, path.len())?;
    let hash = LeafHash::leaf(leaf);
    let why = "the leaf, at its index, does not lead to the signed root";
    // Without a path, only the leaf can be wrong.
    let part = if path.is_empty() { Part::Leaf } else { Part::LeafPath };
    merkle::verify_inclusion::<LeafHash>(&hash, index.0.into(), count.into(), path, root)
        .map_err(|_| mismatch(part, why))
}

/// Checks that there is such a leaf, and that its path has the one length that the tree's shape
/// demands.
pub(crate) fn check_length(index: LeafIndex, count: u32, length: usize) -> Result<(), Fault> {
    if index.0 >= count {
        return Err(mismatch(Part::LeafIndex, "the capture has no such leaf"));
    }
    // The path's digests do not matter for its length.
    let path = vec![[0; 32]; length];
    merkle::root_from_inclusion::<LeafHash>(&[0; 32], index.0.into(), count.into(), &path)
        .map(drop)
        .map_err(|_| mismatch(Part::LeafPath, "it has the wrong length for the leaf's index"))
}

const fn mismatch(part: Part, why: &'static str) -> Fault {
    Fault { part, why: Error::Mismatch { part, why } }
}

fn hashes<L: AsRef<[u8]>>(leaves: &[L]) -> Vec<Digest> {
    leaves.iter().map(|leaf| LeafHash::leaf(leaf.as_ref())).collect()
}
