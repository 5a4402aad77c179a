//! The log tree against RFC 9162's own words: its definitions as they stand there, written out
//! without a thought for speed, for every size up to 200.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test reports by panicking")]

use std::collections::BTreeMap;

use merkle::{
    Digest, Error, Frontier, MAX_SIZE, Node, Rfc9162Sha256 as H, TreeHash, consistency_path_from,
    inclusion_path, inclusion_path_from, root, root_from_inclusion, verify_consistency,
    verify_inclusion,
};
use proptest::prelude::*;

const SIZES: usize = 200;

/// Section 2.1.1: `MTH(D_n)`.
fn mth(leaves: &[Digest]) -> Digest {
    match leaves.len() {
        0 => H::empty(),
        1 => leaves[0],
        n => H::node(&mth(&leaves[..k_below(n)]), &mth(&leaves[k_below(n)..])),
    }
}

/// Section 2.1.3.1: `PATH(m, D_n)`.
fn path(m: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(k_below(leaves.len()));
    if m < left.len() {
        [path(m, left), vec![mth(right)]].concat()
    } else {
        [path(m - left.len(), right), vec![mth(left)]].concat()
    }
}

/// Section 2.1.4.1: `SUBPROOF(m, D_n, b)`.
fn subproof(m: usize, leaves: &[Digest], b: bool) -> Vec<Digest> {
    if m == leaves.len() {
        return if b { Vec::new() } else { vec![mth(leaves)] };
    }
    let (left, right) = leaves.split_at(k_below(leaves.len()));
    if m <= left.len() {
        [subproof(m, left, b), vec![mth(right)]].concat()
    } else {
        [subproof(m - left.len(), right, false), vec![mth(left)]].concat()
    }
}

/// The largest power of two below `n`.
fn k_below(n: usize) -> usize {
    (0..).map(|i| 1 << i).take_while(|k| *k < n).last().unwrap()
}

/// Section 2.1.4.2, step by step.
fn rfc_verifies_consistency(
    (first, first_hash): (u64, Digest),
    (second, second_hash): (u64, Digest),
    path: &[Digest],
) -> bool {
    let mut path = path.to_vec();
    if path.is_empty() {
        return false;
    }
    if first.is_power_of_two() {
        path.insert(0, first_hash);
    }
    let (mut fn_, mut sn) = (first - 1, second - 1);
    while fn_ & 1 == 1 {
        (fn_, sn) = (fn_ >> 1, sn >> 1);
    }
    let (mut fr, mut sr) = (path[0], path[0]);
    for c in &path[1..] {
        if sn == 0 {
            return false;
        }
        if fn_ & 1 == 1 || fn_ == sn {
            (fr, sr) = (H::node(c, &fr), H::node(c, &sr));
            while fn_ & 1 == 0 && fn_ != 0 {
                (fn_, sn) = (fn_ >> 1, sn >> 1);
            }
        } else {
            sr = H::node(&sr, c);
        }
        (fn_, sn) = (fn_ >> 1, sn >> 1);
    }
    fr == first_hash && sr == second_hash && sn == 0
}

fn leaves(count: usize) -> Vec<Digest> {
    (0..count).map(|i| H::leaf(format!("entry {i}").as_bytes())).collect()
}

/// A log of `leaves`, with every complete subtree as it was handed over.
fn grow(leaves: &[Digest]) -> (Frontier<H>, BTreeMap<Node, Digest>) {
    let (mut log, mut nodes) = (Frontier::new(), BTreeMap::new());
    for leaf in leaves {
        log.push(*leaf, &mut |node, digest| {
            assert_eq!(nodes.insert(node, digest), None, "each node is handed over once");
        });
    }
    (log, nodes)
}

/// Reads a complete subtree; one that the log never had is an error, whatever it says.
fn reader(nodes: &BTreeMap<Node, Digest>) -> impl FnMut(Node) -> Result<Digest, Error> {
    |node| nodes.get(&node).copied().ok_or(Error::RootMismatch)
}

/// Every way to spoil a path in one place.
fn spoiled(path: &[Digest]) -> Vec<Vec<Digest>> {
    let mut all = Vec::new();
    for i in 0..path.len() {
        let mut flipped = path.to_vec();
        flipped[i][31] ^= 1;
        all.push(flipped);
        let mut dropped = path.to_vec();
        dropped.remove(i);
        all.push(dropped);
        for j in 0..i {
            let mut swapped = path.to_vec();
            swapped.swap(i, j);
            all.push(swapped);
        }
    }
    for i in 0..=path.len() {
        for added in [[0; 32], path.get(i).copied().unwrap_or([1; 32])] {
            let mut longer = path.to_vec();
            longer.insert(i, added);
            all.push(longer);
        }
    }
    all
}

#[test]
fn the_known_roots_of_certificate_transparency_come_out() {
    let entries = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let bytes = |hex: &str| -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
    };
    let leaves: Vec<Digest> = entries.iter().map(|entry| H::leaf(&bytes(entry))).collect();
    for (size, expected) in roots.iter().enumerate() {
        assert_eq!(root::<H>(&leaves[..size])[..], bytes(expected), "{size} leaves");
        assert_eq!(grow(&leaves[..size]).0.root()[..], bytes(expected), "{size} leaves");
    }
}

#[test]
fn roots_and_paths_of_every_size_are_those_of_the_rfc() {
    let leaves = leaves(SIZES);
    let (_, nodes) = grow(&leaves);
    for size in 1..=SIZES {
        let tree = &leaves[..size];
        let expected = mth(tree);
        assert_eq!(grow(tree).0.root(), expected);
        assert_eq!(root::<H>(tree), expected);
        for index in 0..size {
            let path = path(index, tree);
            assert_eq!(inclusion_path::<H>(tree, index), Some(path.clone()), "{index} of {size}");
            let (size, index) = (size as u64, index as u64);
            let stored = inclusion_path_from::<H, _>(size, index, &mut reader(&nodes));
            assert_eq!(stored, Ok(path.clone()), "{index} of {size}");
            let leaf = &tree[usize::try_from(index).unwrap()];
            assert_eq!(root_from_inclusion::<H>(leaf, index, size, &path), Ok(expected));
            assert_eq!(verify_inclusion::<H>(leaf, index, size, &path, &expected), Ok(()));
        }
        assert_eq!(inclusion_path::<H>(tree, size), None);
    }
}

#[test]
fn growth_from_every_size_to_every_other_is_proved_as_in_the_rfc() {
    let leaves = leaves(SIZES);
    let (_, nodes) = grow(&leaves);
    let roots: Vec<Digest> = (0..=SIZES).map(|size| mth(&leaves[..size])).collect();
    for new in 0..=SIZES {
        for old in 0..=new {
            let (old_root, new_root) = (roots[old], roots[new]);
            let trivial = old == 0 || old == new;
            let expected = if trivial { Vec::new() } else { subproof(old, &leaves[..new], true) };
            let (old, new) = (old as u64, new as u64);
            let path = consistency_path_from::<H, _>(old, new, &mut reader(&nodes)).unwrap();
            assert_eq!(path, expected, "{old} to {new}");
            assert_eq!(verify_consistency::<H>(old, &old_root, new, &new_root, &path), Ok(()));
            assert!(trivial || rfc_verifies_consistency((old, old_root), (new, new_root), &path));
        }
    }
}

#[test]
fn an_inclusion_proof_spoiled_in_any_one_place_is_refused() {
    for size in 1..=40 {
        let tree = leaves(size);
        let root = mth(&tree);
        for (index, leaf) in tree.iter().enumerate() {
            let path = path(index, &tree);
            let (at, size) = (index as u64, size as u64);
            for bad in spoiled(&path) {
                let verdict = verify_inclusion::<H>(leaf, at, size, &bad, &root);
                assert!(verdict.is_err(), "{at} of {size}: {verdict:?}");
            }
            for other in (0..=size).filter(|other| *other != at) {
                assert!(verify_inclusion::<H>(leaf, other, size, &path, &root).is_err());
            }
            let (other_leaf, other_root) = (H::leaf(b"other"), H::leaf(b"root"));
            let refused = Err(Error::RootMismatch);
            assert_eq!(verify_inclusion::<H>(&other_leaf, at, size, &path, &root), refused);
            assert_eq!(verify_inclusion::<H>(leaf, at, size, &path, &other_root), refused);
        }
    }
}

#[test]
fn a_consistency_proof_spoiled_in_any_one_place_is_refused() {
    let leaves = leaves(40);
    let (_, nodes) = grow(&leaves);
    for new in 0..=40 {
        for old in 0..=new {
            let (old_root, new_root) = (mth(&leaves[..old]), mth(&leaves[..new]));
            let (old, new) = (old as u64, new as u64);
            let path = consistency_path_from::<H, _>(old, new, &mut reader(&nodes)).unwrap();
            for bad in spoiled(&path) {
                let verdict = verify_consistency::<H>(old, &old_root, new, &new_root, &bad);
                assert!(verdict.is_err(), "{old} to {new}: {verdict:?}");
            }
            let other = H::leaf(b"other");
            assert!(verify_consistency::<H>(old, &other, new, &new_root, &path).is_err());
            if old > 0 {
                // Out of nothing grows anything: for size 0 there is nothing to check.
                assert!(verify_consistency::<H>(old, &old_root, new, &other, &path).is_err());
            }
        }
    }
}

#[test]
fn a_rewritten_log_cannot_be_passed_off_as_grown() {
    let honest = leaves(9);
    let mut rewritten = leaves(20);
    rewritten[4] = H::leaf(b"rewritten");
    let (log, nodes) = grow(&rewritten);
    let path = consistency_path_from::<H, _>(9, 20, &mut reader(&nodes)).unwrap();
    assert_eq!(
        verify_consistency::<H>(9, &mth(&honest), 20, &log.root(), &path),
        Err(Error::OldRootMismatch)
    );
}

#[test]
fn what_no_tree_has_is_refused_by_name() {
    let (log, nodes) = grow(&leaves(5));
    let root = log.root();
    let outside = Error::IndexOutside { index: 5, size: 5 };
    let read = &mut reader(&nodes);
    assert_eq!(inclusion_path_from::<H, _>(5, 5, read), Err(outside.clone()));
    assert_eq!(verify_inclusion::<H>(&root, 5, 5, &[], &root), Err(outside));
    let none = Error::IndexOutside { index: 0, size: 0 };
    assert_eq!(verify_inclusion::<H>(&root, 0, 0, &[], &root), Err(none));

    let shrunk = Error::Shrunk { old: 6, new: 5 };
    assert_eq!(consistency_path_from::<H, _>(6, 5, read), Err(shrunk.clone()));
    assert_eq!(verify_consistency::<H>(6, &root, 5, &root, &[]), Err(shrunk));

    let size = MAX_SIZE + 1;
    let large = Error::TooLarge { size };
    assert_eq!(inclusion_path_from::<H, _>(size, 0, read), Err(large.clone()));
    assert_eq!(consistency_path_from::<H, _>(0, size, read), Err(large.clone()));
    assert_eq!(verify_inclusion::<H>(&root, 0, size, &[], &root), Err(large.clone()));
    assert_eq!(verify_consistency::<H>(1, &root, u64::MAX, &root, &[]).map_err(|_| ()), Err(()));
    assert_eq!(Frontier::<H>::from_parts(size, vec![root; 2]), Err(large));

    let miscounted = Error::PeaksMiscounted { size: 5, expected: 2, found: 1 };
    assert_eq!(Frontier::<H>::from_parts(5, vec![root]), Err(miscounted));
    let length = Error::PathLength { expected: 3, found: 0 };
    assert_eq!(verify_inclusion::<H>(&root, 0, 5, &[], &root), Err(length));
    let length = Error::PathLength { expected: 4, found: 0 };
    assert_eq!(verify_consistency::<H>(3, &root, 5, &root, &[]), Err(length));
}

#[test]
fn the_largest_sizes_are_verified_without_overflow() {
    let leaf = H::leaf(b"last");
    for (index, size, length) in [
        (MAX_SIZE - 1, MAX_SIZE, 62),
        (0, MAX_SIZE, 62),
        (MAX_SIZE - 2, MAX_SIZE - 1, 61),
        (MAX_SIZE / 2, MAX_SIZE / 2 + 1, 1),
    ] {
        let path = vec![[7; 32]; length];
        assert!(root_from_inclusion::<H>(&leaf, index, size, &path).is_ok(), "{index} {size}");
    }
    // Invented, so the roots differ; what counts is that the walk reaches them.
    let path = vec![[7; 32]; 62];
    let verdict = verify_consistency::<H>(MAX_SIZE / 2 - 1, &leaf, MAX_SIZE, &leaf, &path);
    assert!(matches!(verdict, Err(Error::OldRootMismatch | Error::PathLength { .. })));
}

#[test]
fn a_log_is_taken_up_where_it_was_left() {
    let leaves = leaves(77);
    let (log, _) = grow(&leaves[..51]);
    let mut again = Frontier::<H>::from_parts(log.size(), log.peaks().to_vec()).unwrap();
    for leaf in &leaves[51..] {
        again.push(*leaf, &mut |_, _| ());
    }
    assert_eq!(again, grow(&leaves).0);
    assert_eq!(again.root(), mth(&leaves));
}

#[test]
fn an_error_of_the_store_comes_through_as_it_is() {
    let torn = |_| Err(Error::RootMismatch);
    assert_eq!(inclusion_path_from::<H, _>(7, 3, &mut { torn }), Err(Error::RootMismatch));
    assert_eq!(consistency_path_from::<H, _>(3, 7, &mut { torn }), Err(Error::RootMismatch));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_entries_of_any_length_are_proved(
        entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..300),
        pick in any::<prop::sample::Index>(),
    ) {
        let leaves: Vec<Digest> = entries.iter().map(|entry| H::leaf(entry)).collect();
        let (log, nodes) = grow(&leaves);
        prop_assert_eq!(log.root(), mth(&leaves));
        let (index, size) = (pick.index(leaves.len()), leaves.len() as u64);
        let path = inclusion_path_from::<H, _>(size, index as u64, &mut reader(&nodes)).unwrap();
        let leaf = &leaves[index];
        prop_assert!(verify_inclusion::<H>(leaf, index as u64, size, &path, &log.root()).is_ok());
    }
}
