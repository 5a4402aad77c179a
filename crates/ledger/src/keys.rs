//! Where things lie in the store: families and keys.
//!
//! Rows whose whole value is a digest, a position or foreign bytes have no version of their own;
//! the row `format` of [`META`] is theirs.

use merkle::{Digest, Node};
use party::MemberId;
use statement::{Commitment, Height, LeafIndex, LogIndex, RequestId, Tag};
use store::{Family, Tuning};

/// Height -> header, certificate, and which entries the block holds.
pub(crate) const BLOCKS: &str = "blocks";
/// Log index -> statement.
pub(crate) const ENTRIES: &str = "entries";
/// Log index -> the leaves of a capture.
pub(crate) const LEAVES: &str = "leaves";
/// Log index, leaf index -> body. Apart, because bodies may be erased.
pub(crate) const BODIES: &str = "bodies";
/// Level, index -> digest of a complete subtree of the log.
pub(crate) const TREE: &str = "tree";
/// Path -> page of the state tree.
pub(crate) const PAGES: &str = "pages";
/// State key -> value; all of the state but histories.
pub(crate) const STATE: &str = "state";
/// Tag -> count and peaks of its history.
pub(crate) const HISTORIES: &str = "histories";
/// Tag, number -> position.
pub(crate) const POSITIONS: &str = "positions";
/// Last height, state key -> nothing: what leaves the state when.
pub(crate) const EXPIRY: &str = "expiry";
/// Commitment, log index, leaf index -> nothing.
pub(crate) const COMMITMENTS: &str = "commitments";
/// Height -> the state keys that the block touched, histories aside, until its pages are written.
pub(crate) const TOUCHED: &str = "touched";
/// Commitment, part, reader -> reader entry, or who removed it. No part of any block.
pub(crate) const READERS: &str = "readers";
/// Member, number -> the key in [`READERS`] of what that notice tells.
pub(crate) const NOTICES: &str = "notices";
/// The tip, the format of all this, and the last block whose pages are all written.
pub(crate) const META: &str = "meta";

/// The row of [`META`] that holds the tip.
pub(crate) const TIP: &[u8] = b"tip";
/// The row of [`META`] that holds the last height whose pages are all written.
pub(crate) const WRITTEN: &[u8] = b"written";
/// The row of [`META`] that holds the number of the next notice of the post.
pub(crate) const POSTED: &[u8] = b"posted";
/// The row of [`META`] that holds the format's number.
pub(crate) const FORMAT: &[u8] = b"format";
/// The format that this program writes and reads.
pub(crate) const FORMAT_NUMBER: &[u8] = b"3";

/// Every family of the store.
pub(crate) const FAMILIES: [Family; 15] = [
    Family { name: BLOCKS, tuning: Tuning::Append },
    Family { name: ENTRIES, tuning: Tuning::Append },
    Family { name: LEAVES, tuning: Tuning::Append },
    Family { name: BODIES, tuning: Tuning::Blobs },
    Family { name: TREE, tuning: Tuning::Digests },
    Family { name: PAGES, tuning: Tuning::Digests },
    Family { name: STATE, tuning: Tuning::Points },
    Family { name: HISTORIES, tuning: Tuning::Points },
    Family { name: POSITIONS, tuning: Tuning::Points },
    Family { name: EXPIRY, tuning: Tuning::Append },
    Family { name: COMMITMENTS, tuning: Tuning::Digests },
    Family { name: TOUCHED, tuning: Tuning::Append },
    Family { name: READERS, tuning: Tuning::Points },
    Family { name: NOTICES, tuning: Tuning::Append },
    Family { name: META, tuning: Tuning::Points },
];

pub(crate) fn height(height: Height) -> [u8; 8] {
    height.0.to_be_bytes()
}

pub(crate) fn entry(index: LogIndex) -> [u8; 8] {
    index.0.to_be_bytes()
}

pub(crate) fn body(index: LogIndex, leaf: LeafIndex) -> Vec<u8> {
    [&index.0.to_be_bytes()[..], &leaf.0.to_be_bytes()].concat()
}

pub(crate) fn node(node: Node) -> Vec<u8> {
    [&[node.level][..], &node.index.to_be_bytes()].concat()
}

pub(crate) fn position(tag: &Tag, number: u64) -> Vec<u8> {
    [&tag.0[..], &number.to_be_bytes()].concat()
}

pub(crate) fn commitment(commitment: &Commitment, index: LogIndex, leaf: LeafIndex) -> Vec<u8> {
    [&commitment.0[..], &index.0.to_be_bytes(), &leaf.0.to_be_bytes()].concat()
}

pub(crate) fn expiry(last_height: Height, state_key: &[u8]) -> Vec<u8> {
    [&last_height.0.to_be_bytes()[..], state_key].concat()
}

/// The state key under which a committed request is remembered until its last height.
pub(crate) fn request(issuer: &MemberId, request_id: &RequestId) -> Vec<u8> {
    [b"request/", issuer.as_str().as_bytes(), b"/", &request_id.0].concat()
}

/// The key in the state tree: the part before the first slash is the namespace.
pub(crate) fn state_digest(key: &[u8]) -> Digest {
    let slash = key.iter().position(|byte| *byte == b'/');
    let (namespace, rest) = key.split_at(slash.unwrap_or(key.len()));
    // The ledger and the machine write namespaces in ASCII; the assertion in `execute` sees to it.
    let namespace = String::from_utf8_lossy(namespace);
    statement::state_key(&namespace, rest.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_their_numbers_do() {
        assert!(entry(LogIndex(255)) < entry(LogIndex(256)));
        assert!(body(LogIndex(1), LeafIndex(9_999)) < body(LogIndex(2), LeafIndex(0)));
        let tag = Tag([7; 16]);
        assert!(position(&tag, 255) < position(&tag, 256));
        assert!(expiry(Height(9), b"request/z") < expiry(Height(10), b"request/a"));
    }

    #[test]
    fn a_state_key_is_hashed_under_its_namespace() {
        assert_eq!(state_digest(b"member/sky-air"), statement::state_key("member", b"sky-air"));
        assert_eq!(state_digest(b"request/a/b/c"), statement::state_key("request", b"a/b/c"));
        assert_eq!(state_digest(b"bare"), statement::state_key("bare", b""));
    }
}
