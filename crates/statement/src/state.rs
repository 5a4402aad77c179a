//! Keys, values and hashes of the trees that are ours: state, history, capture.

use merkle::TreeHash;
use merkle::map::MapHash;

use crate::Digest;
use crate::cbor::Writer;
use crate::hash::{
    CAPTURE_LEAF, CAPTURE_NODE, Context, HISTORY_LEAF, HISTORY_NODE, STATE_KEY, STATE_LEAF,
    STATE_NODE, STATE_VALUE,
};

/// A key of the state tree: H("state key v1", [namespace, key]).
#[must_use]
pub fn state_key(namespace: &str, key: &[u8]) -> Digest {
    let mut out = Writer::new();
    out.array(2).text(namespace).bytes(key);
    STATE_KEY.hash(out.as_bytes())
}

/// The digest of a state value, which is deterministic CBOR: H("state value v1", value).
#[must_use]
pub fn state_value_digest(value: &[u8]) -> Digest {
    STATE_VALUE.hash(value)
}

/// The hash of the state tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateHash;

impl MapHash for StateHash {
    fn leaf(key: &Digest, value: &Digest) -> Digest {
        STATE_LEAF.hash_pair(key, value)
    }

    fn node(left: &Digest, right: &Digest) -> Digest {
        STATE_NODE.hash_pair(left, right)
    }
}

/// The hash of a history tree, whose leaves are positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PositionHash;

/// The hash of a capture tree, whose leaves are events' leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeafHash;

/// The root of a tree without leaves: a node of nothing, which no node with children can equal.
fn empty(node: &Context) -> Digest {
    node.hash(&[])
}

impl TreeHash for PositionHash {
    fn empty() -> Digest {
        empty(&HISTORY_NODE)
    }

    fn leaf(bytes: &[u8]) -> Digest {
        HISTORY_LEAF.hash(bytes)
    }

    fn node(left: &Digest, right: &Digest) -> Digest {
        HISTORY_NODE.hash_pair(left, right)
    }
}

impl TreeHash for LeafHash {
    fn empty() -> Digest {
        empty(&CAPTURE_NODE)
    }

    fn leaf(bytes: &[u8]) -> Digest {
        CAPTURE_LEAF.hash(bytes)
    }

    fn node(left: &Digest, right: &Digest) -> Digest {
        CAPTURE_NODE.hash_pair(left, right)
    }
}
