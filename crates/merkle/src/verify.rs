//! Verify what a log tree proves.

use crate::{Digest, Error, MAX_SIZE, TreeHash};

/// Computes the root to which `path` leads from the leaf at `index` in a tree of `size` leaves
/// (RFC 9162, section 2.1.3.2).
///
/// # Errors
///
/// When there is no such leaf, or the path does not have the one length that the shape demands.
pub fn root_from_inclusion<H: TreeHash>(
    leaf_hash: &Digest,
    index: u64,
    size: u64,
    path: &[Digest],
) -> Result<Digest, Error> {
    if size > MAX_SIZE {
        return Err(Error::TooLarge { size });
    }
    if index >= size {
        return Err(Error::IndexOutside { index, size });
    }
    let Shape { inner, border } = Shape::of(index, size);
    let (inside, edge) = cut(path, inner, border)?;
    let digest = inside.iter().enumerate().fold(*leaf_hash, |digest, (level, sibling)| {
        if is_right(index, level) { H::node(sibling, &digest) } else { H::node(&digest, sibling) }
    });
    Ok(along_the_edge::<H>(digest, edge))
}

/// Verifies that the leaf stands at `index` in the tree of `size` leaves with that root.
///
/// # Errors
///
/// When the path has the wrong length, or leads to another root.
pub fn verify_inclusion<H: TreeHash>(
    leaf_hash: &Digest,
    index: u64,
    size: u64,
    path: &[Digest],
    root: &Digest,
) -> Result<(), Error> {
    if root_from_inclusion::<H>(leaf_hash, index, size, path)? == *root {
        Ok(())
    } else {
        Err(Error::RootMismatch)
    }
}

/// Verifies that the tree of `new_size` leaves has grown out of that of `old_size`: nothing of it
/// was changed or taken out (RFC 9162, section 2.1.4.2).
///
/// Every tree has grown out of the one without leaves, and out of itself; the path is then empty.
///
/// # Errors
///
/// When the older tree is the larger one, the path has the wrong length, or it leads to another
/// root of either tree.
pub fn verify_consistency<H: TreeHash>(
    old_size: u64,
    old_root: &Digest,
    new_size: u64,
    new_root: &Digest,
    path: &[Digest],
) -> Result<(), Error> {
    if new_size > MAX_SIZE {
        return Err(Error::TooLarge { size: new_size });
    }
    if old_size > new_size {
        return Err(Error::Shrunk { old: old_size, new: new_size });
    }
    if old_size == 0 || old_size == new_size {
        cut(path, 0, 0)?;
        // Of two equal sizes both roots are given; of size 0 there is only one.
        let known = if old_size == 0 { H::empty() } else { *new_root };
        return if *old_root == known { Ok(()) } else { Err(Error::OldRootMismatch) };
    }

    // The path of the older tree's last leaf, but for the levels at which that leaf is the right
    // edge of a complete subtree: there the older tree begins, and the path with it.
    let last = old_size - 1;
    let complete = old_size.trailing_zeros();
    let shape = Shape::of(last, new_size);
    let inner = shape.inner - complete;
    let (start, rest) = if old_size.is_power_of_two() {
        (*old_root, path)
    } else {
        // One more, where the older root alone does not say what that subtree was.
        let expected = length(inner, shape.border) + 1;
        let too_short = Error::PathLength { expected, found: path.len() };
        let (start, rest) = path.split_first().ok_or(too_short)?;
        (*start, rest)
    };
    let (inside, edge) = cut(rest, inner, shape.border).map_err(|error| match error {
        Error::PathLength { expected, .. } => {
            let extra = path.len() - rest.len();
            Error::PathLength { expected: expected + extra, found: path.len() }
        }
        other => other,
    })?;

    let (mut old, mut new) = (start, start);
    for (level, sibling) in inside.iter().enumerate() {
        if is_right(last >> complete, level) {
            old = H::node(sibling, &old);
            new = H::node(sibling, &new);
        } else {
            // What stands to the right was not yet there.
            new = H::node(&new, sibling);
        }
    }
    if along_the_edge::<H>(old, edge) != *old_root {
        return Err(Error::OldRootMismatch);
    }
    if along_the_edge::<H>(new, edge) != *new_root {
        return Err(Error::RootMismatch);
    }
    Ok(())
}

/// How many siblings the path of a leaf has.
struct Shape {
    /// Up to where the way joins that of the last leaf: one at every level, on either side.
    inner: u32,
    /// From there on, along the right edge of the tree: on the left only, where there is one.
    border: u32,
}

impl Shape {
    /// Tells the shape for the leaf at `index` of `size`; `index` is below `size`.
    const fn of(index: u64, size: u64) -> Self {
        let inner = u64::BITS - (index ^ (size - 1)).leading_zeros();
        Self { inner, border: (index >> inner).count_ones() }
    }
}

/// Tells whether the way at that level above the leaf at `index` comes from the right.
const fn is_right(index: u64, level: usize) -> bool {
    index >> level & 1 == 1
}

/// Adds up the two parts of a path.
const fn length(inner: u32, border: u32) -> usize {
    // Both are at most 62.
    inner as usize + border as usize
}

/// Cuts a path where it reaches the right edge of the tree; refuses one of the wrong length.
fn cut(path: &[Digest], inner: u32, border: u32) -> Result<(&[Digest], &[Digest]), Error> {
    let expected = length(inner, border);
    if path.len() == expected {
        Ok(path.split_at(length(inner, 0)))
    } else {
        Err(Error::PathLength { expected, found: path.len() })
    }
}

/// Goes on upwards along the right edge, where every sibling stands to the left.
fn along_the_edge<H: TreeHash>(start: Digest, edge: &[Digest]) -> Digest {
    edge.iter().fold(start, |digest, sibling| H::node(sibling, &digest))
}
