//! Writing a block: one batch over all families.

use bytes::Bytes;
use statement::{Height, LeafIndex, LogIndex};
use store::{Batch, Store};

use crate::execute::Candidate;
use crate::keys;
use crate::pages::Newer;
use crate::rows::{BlockRow, encode_list, encode_position, peaks, wide};

/// Everything that a block changes, to be written together or not at all.
///
/// `bodies` says whether its bodies are written too; `newer` is given when its pages are, with all
/// that were kept in memory before it.
pub(crate) fn batch(
    store: &Store,
    candidate: &Candidate,
    certificate: &[u8],
    bodies: bool,
    newer: Option<&Newer>,
) -> Batch {
    let mut batch = store.batch();
    let block = BlockRow {
        header: candidate.header.clone(),
        certificate: Bytes::copy_from_slice(certificate),
        first: candidate.first,
        count: wide(candidate.entries.len()),
    };
    batch.put(keys::BLOCKS, &keys::height(candidate.header.height), &block.encode());
    batch.put(keys::META, keys::TIP, &candidate.tip.encode());
    batch.put(keys::META, keys::FORMAT, keys::FORMAT_NUMBER);
    entries(&mut batch, candidate, bodies);
    outcome(&mut batch, candidate);
    match newer {
        Some(newer) => pages(&mut batch, candidate, newer),
        None => touched(&mut batch, candidate),
    }
    batch
}

fn entries(batch: &mut Batch, candidate: &Candidate, bodies: bool) {
    for (admitted, index) in candidate.entries.iter().zip(candidate.first.0..) {
        let index = LogIndex(index);
        batch.put(keys::ENTRIES, &keys::entry(index), &admitted.bytes);
        if !admitted.leaves.is_empty() {
            batch.put(keys::LEAVES, &keys::entry(index), &encode_list(&admitted.leaves));
        }
        for (leaf, number) in admitted.decoded.iter().zip(0..) {
            let key = keys::commitment(&leaf.commitment, index, LeafIndex(number));
            batch.put(keys::COMMITMENTS, &key, &[]);
        }
        for (body, number) in admitted.bodies.iter().zip(0..) {
            if let (Some(body), true) = (body, bodies) {
                batch.put(keys::BODIES, &keys::body(index, LeafIndex(number)), body);
            }
        }
    }
}

fn outcome(batch: &mut Batch, candidate: &Candidate) {
    let outcome = &candidate.outcome;
    for (node, digest) in &outcome.tree {
        batch.put(keys::TREE, &keys::node(*node), digest);
    }
    for (key, value) in &outcome.state {
        match value {
            Some(value) => batch.put(keys::STATE, key, value),
            None => batch.delete(keys::STATE, key),
        }
    }
    for (tag, history) in &outcome.histories {
        batch.put(keys::HISTORIES, &tag.0, &peaks(history.size(), history.peaks()));
    }
    for (tag, number, position) in &outcome.positions {
        let key = keys::position(tag, *number);
        batch.put(keys::POSITIONS, &key, &encode_position(position));
    }
    for (last_height, state_key) in &outcome.expiring {
        batch.put(keys::EXPIRY, &keys::expiry(*last_height, state_key), &[]);
    }
    for row in &outcome.expired {
        batch.delete(keys::EXPIRY, row);
    }
}

/// Writes the pages that were kept in memory, and the block's own.
fn pages(batch: &mut Batch, candidate: &Candidate, newer: &Newer) {
    let (height, own) = (candidate.header.height, &candidate.outcome.pages);
    let older = newer.pages.iter().filter(|(path, _)| !own.contains_key(path));
    for (path, page) in older.chain(own) {
        match page {
            Some(page) => batch.put(keys::PAGES, &path.to_bytes(), &page.encode()),
            None => batch.delete(keys::PAGES, &path.to_bytes()),
        }
    }
    batch.put(keys::META, keys::WRITTEN, &keys::height(height));
    for earlier in (newer.written.0.saturating_add(1)..height.0).map(Height) {
        batch.delete(keys::TOUCHED, &keys::height(earlier));
    }
}

/// Writes what the pages can be made from again.
fn touched(batch: &mut Batch, candidate: &Candidate) {
    let touched = candidate.outcome.state.keys();
    let touched: Vec<Bytes> = touched.map(|key| Bytes::copy_from_slice(key)).collect();
    let height = keys::height(candidate.header.height);
    batch.put(keys::TOUCHED, &height, &encode_list(&touched));
}
