//! The right edge of a log tree: all that is needed to grow it.

use std::fmt;
use std::marker::PhantomData;

use crate::{Digest, Error, MAX_SIZE, Node, TreeHash};

/// The size of a log tree and the roots of its complete subtrees, the largest (leftmost) first.
///
/// One peak for each bit set in the size: a tree of a billion leaves has at most thirty.
pub struct Frontier<H> {
    size: u64,
    peaks: Vec<Digest>,
    hash: PhantomData<fn() -> H>,
}

impl<H: TreeHash> Frontier<H> {
    /// Starts a tree without leaves.
    #[must_use]
    pub const fn new() -> Self {
        Self { size: 0, peaks: Vec::new(), hash: PhantomData }
    }

    /// Takes up a tree where it was left.
    ///
    /// # Errors
    ///
    /// When a tree of that size has another number of peaks, or there can be no such tree.
    pub fn from_parts(size: u64, peaks: Vec<Digest>) -> Result<Self, Error> {
        if size > MAX_SIZE {
            return Err(Error::TooLarge { size });
        }
        let expected = size.count_ones();
        if u32::try_from(peaks.len()) != Ok(expected) {
            return Err(Error::PeaksMiscounted { size, expected, found: peaks.len() });
        }
        Ok(Self { size, peaks, hash: PhantomData })
    }

    /// Appends a leaf by its digest, and hands `store` every subtree that this completes, the leaf
    /// itself first: each node of the tree is handed over once in its life.
    ///
    /// # Panics
    ///
    /// When the tree already has [`MAX_SIZE`] leaves, which takes longer than anyone has.
    pub fn push(&mut self, leaf_hash: Digest, store: &mut impl FnMut(Node, Digest)) {
        assert!(self.size < MAX_SIZE, "a log tree stays below 2^62 leaves");
        let mut node = Node { level: 0, index: self.size };
        let mut digest = leaf_hash;
        store(node, digest);
        // An odd index is a right child: its left sibling is the last peak.
        while node.index % 2 == 1
            && let Some(left) = self.peaks.pop()
        {
            digest = H::node(&left, &digest);
            node = Node { level: node.level + 1, index: node.index / 2 };
            store(node, digest);
        }
        self.peaks.push(digest);
        self.size += 1;
    }

    /// Hashes the peaks into the root of the tree (RFC 9162, section 2.1.1).
    #[must_use]
    pub fn root(&self) -> Digest {
        bag::<H>(&self.peaks).unwrap_or_else(H::empty)
    }

    /// Counts the leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Shows the roots of the complete subtrees, the largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Digest] {
        &self.peaks
    }
}

/// Hashes complete subtrees, the largest first, into the root above them all.
pub(crate) fn bag<H: TreeHash>(peaks: &[Digest]) -> Option<Digest> {
    peaks.iter().rev().copied().reduce(|right, left| H::node(&left, &right))
}

impl<H: TreeHash> Default for Frontier<H> {
    fn default() -> Self {
        Self::new()
    }
}

// By hand, because a derive would ask of the hash what nobody needs of it.
impl<H> Clone for Frontier<H> {
    fn clone(&self) -> Self {
        Self { size: self.size, peaks: self.peaks.clone(), hash: PhantomData }
    }
}

impl<H> PartialEq for Frontier<H> {
    fn eq(&self, other: &Self) -> bool {
        self.size == other.size && self.peaks == other.peaks
    }
}

impl<H> Eq for Frontier<H> {}

impl<H> fmt::Debug for Frontier<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frontier").field("size", &self.size).finish_non_exhaustive()
    }
}
