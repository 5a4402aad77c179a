//! Log trees whose leaves are all in memory, such as the capture tree of one statement.

use crate::node::split;
use crate::{Digest, TreeHash};

/// Computes the root over `leaf_hashes` (RFC 9162, section 2.1.1).
#[must_use]
pub fn root<H: TreeHash>(leaf_hashes: &[Digest]) -> Digest {
    match leaf_hashes {
        [] => H::empty(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = halves(leaf_hashes);
            H::node(&root::<H>(left), &root::<H>(right))
        }
    }
}

/// Computes the path of the leaf at `index`, the lowest sibling first (RFC 9162, section 2.1.3.1);
/// `None` when there is no such leaf.
#[must_use]
pub fn inclusion_path<H: TreeHash>(leaf_hashes: &[Digest], index: usize) -> Option<Vec<Digest>> {
    leaf_hashes.get(index)?;
    let (mut leaves, mut index, mut path) = (leaf_hashes, index, Vec::new());
    while leaves.len() > 1 {
        let (left, right) = halves(leaves);
        let sibling;
        (leaves, sibling, index) = match index.checked_sub(left.len()) {
            None => (left, right, index),
            Some(index) => (right, left, index),
        };
        path.push(root::<H>(sibling));
    }
    path.reverse();
    Some(path)
}

/// Splits two or more leaves where RFC 9162 does.
fn halves(leaves: &[Digest]) -> (&[Digest], &[Digest]) {
    leaves.split_at(usize::try_from(split(leaves.len() as u64)).unwrap_or(leaves.len()))
}
