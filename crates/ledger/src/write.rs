//! Writing a block: one batch over all families.

use bytes::Bytes;
use statement::{LeafIndex, LogIndex};
use store::{Batch, Store};

use crate::execute::Candidate;
use crate::keys;
use crate::rows::{BlockRow, encode_list, encode_position, peaks, wide};

/// Everything that a block changes, to be written together or not at all.
///
/// `bodies` says whether its bodies are written too.
pub(crate) fn batch(
    store: &Store,
    candidate: &Candidate,
    certificate: &[u8],
    bodies: bool,
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
    for (path, page) in &outcome.pages {
        match page {
            Some(page) => batch.put(keys::PAGES, &path.to_bytes(), &page.encode()),
            None => batch.delete(keys::PAGES, &path.to_bytes()),
        }
    }
}
