//! Where a complete subtree stands.

/// The most leaves that a log tree may have; far beyond any real one, and clear of overflow.
pub const MAX_SIZE: u64 = 1 << 62;

/// Names a complete subtree: the `index`-th, from the left, of those with 2^`level` leaves.
///
/// Level 0 holds the leaves' own digests. Ordered by level, then from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// Height above the leaves, 0 to 62.
    pub level: u8,
    /// Position from the left among the subtrees of that level.
    pub index: u64,
}

/// The largest power of two below `size`, which is at least 2: where RFC 9162 splits a tree.
pub(crate) const fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}
