//! Paths out of a log tree whose complete subtrees are stored.

use crate::frontier::bag;
use crate::node::split;
use crate::{Digest, Error, MAX_SIZE, Node, TreeHash};

/// Computes the path of the leaf at `index` in the tree of the first `size` leaves, the lowest
/// sibling first (RFC 9162, section 2.1.3.1).
///
/// `read` yields what [`Frontier::push`](crate::Frontier::push) handed over; a tree of a billion
/// leaves costs about sixty reads at most.
///
/// # Errors
///
/// When there is no such leaf, and what `read` fails with.
pub fn inclusion_path_from<H: TreeHash, E: From<Error>>(
    size: u64,
    index: u64,
    read: &mut impl FnMut(Node) -> Result<Digest, E>,
) -> Result<Vec<Digest>, E> {
    check_size(size)?;
    if index >= size {
        return Err(Error::IndexOutside { index, size }.into());
    }
    let (mut start, mut end, mut path) = (0, size, Vec::new());
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(range_root::<H, E>(middle, end, read)?);
            end = middle;
        } else {
            path.push(range_root::<H, E>(start, middle, read)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Computes the path that shows that the tree of the first `new_size` leaves has grown out of that
/// of the first `old_size` (RFC 9162, section 2.1.4.1); empty when one of them is trivial: no
/// leaves at first, or as many as now.
///
/// # Errors
///
/// When the older tree is the larger one, and what `read` fails with.
pub fn consistency_path_from<H: TreeHash, E: From<Error>>(
    old_size: u64,
    new_size: u64,
    read: &mut impl FnMut(Node) -> Result<Digest, E>,
) -> Result<Vec<Digest>, E> {
    check_size(new_size)?;
    if old_size > new_size {
        return Err(Error::Shrunk { old: old_size, new: new_size }.into());
    }
    if old_size == 0 || old_size == new_size {
        return Ok(Vec::new());
    }
    let (mut start, mut end, mut path) = (0, new_size, Vec::new());
    // Descend to the subtree at whose right edge the older tree ended.
    while old_size < end {
        let middle = start + split(end - start);
        if old_size <= middle {
            path.push(range_root::<H, E>(middle, end, read)?);
            end = middle;
        } else {
            path.push(range_root::<H, E>(start, middle, read)?);
            start = middle;
        }
    }
    // The verifier has the older root; it needs this subtree only when that is not it.
    if start > 0 {
        path.push(range_root::<H, E>(start, end, read)?);
    }
    path.reverse();
    Ok(path)
}

/// Computes the root over the leaves from `start` up to `end`, as RFC 9162 splits them: `start` is
/// a multiple of a power of two that is no smaller than the range.
fn range_root<H: TreeHash, E>(
    start: u64,
    end: u64,
    read: &mut impl FnMut(Node) -> Result<Digest, E>,
) -> Result<Digest, E> {
    let (mut start, mut peaks) = (start, Vec::new());
    while start < end {
        let level = (end - start).ilog2();
        peaks.push(read(Node { level: level_of(level), index: start >> level })?);
        start += 1 << level;
    }
    Ok(bag::<H>(&peaks).unwrap_or_else(H::empty))
}

/// Narrows a logarithm of a `u64`, which is at most 63.
fn level_of(log: u32) -> u8 {
    u8::try_from(log).unwrap_or(u8::MAX)
}

fn check_size(size: u64) -> Result<(), Error> {
    if size > MAX_SIZE { Err(Error::TooLarge { size }) } else { Ok(()) }
}
