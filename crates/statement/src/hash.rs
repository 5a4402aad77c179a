//! The two hashes of the record, H and M, each use under a context of its own.
//!
//! H(c, x) is BLAKE3 `derive_key` with context `"quayside 2026-11 <c>"` over the CBOR of x.
//! M(c, k, x) is BLAKE3's keyed hash, under `derive_key(context c, k)`, over the CBOR of x.

use std::sync::OnceLock;

use blake3::Hasher;
use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};
use merkle::Digest;
use zeroize::Zeroizing;

/// One use of BLAKE3, separated from every other use by its name.
#[derive(Debug)]
pub struct Context {
    name: &'static str,
    // Hashing the context string costs as much as hashing a field: do it once per process.
    key: OnceLock<ContextKey>,
}

impl Context {
    /// Names a use; `name` ends in its version, for example `"event v1"`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, key: OnceLock::new() }
    }

    /// The short name, without the common prefix.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    fn key(&self) -> &ContextKey {
        self.key.get_or_init(|| hash_derive_key_context(&format!("quayside 2026-11 {}", self.name)))
    }

    /// Starts H(c, ..) for input that comes in pieces.
    #[must_use]
    pub fn hasher(&self) -> Hasher {
        Hasher::new_from_context_key(self.key())
    }

    /// H(c, x), where `cbor` is the deterministic CBOR of x.
    #[must_use]
    pub fn hash(&self, cbor: &[u8]) -> Digest {
        self.hash_pair(cbor, &[])
    }

    /// H(c, x), where the CBOR of x is `left` followed by `right`.
    #[must_use]
    pub fn hash_pair(&self, left: &[u8], right: &[u8]) -> Digest {
        let mut hasher = self.hasher();
        hasher.update(left).update(right);
        hasher.finalize().into()
    }

    /// The key of M(c, k, ..): derived once, then used for many inputs.
    #[must_use]
    pub fn keyed(&self, key: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.hash(key))
    }

    /// M(c, k, x), where `cbor` is the deterministic CBOR of x.
    #[must_use]
    pub fn mac(&self, key: &[u8; 32], cbor: &[u8]) -> Digest {
        blake3::keyed_hash(&self.keyed(key), cbor).into()
    }
}

/// Salt of a field, from the event's seed.
pub static SALT: Context = Context::new("salt v1");
/// A field's value, hidden under its salt.
pub static VALUE: Context = Context::new("value v1");
/// An event's commitment.
pub static EVENT: Context = Context::new("event v1");
/// An event's seed, from its member's seed key.
pub static SEED: Context = Context::new("seed v1");
/// An item's tag.
pub static TAG: Context = Context::new("tag v1");
/// The mark beside a keyed tag.
pub static MARK: Context = Context::new("mark v1");
/// The id of an item secret.
pub static SECRET_ID: Context = Context::new("secret id v1");
/// A body's digest.
pub static BODY: Context = Context::new("body v1");
/// A reader entry's id.
pub static READER_ENTRY: Context = Context::new("reader entry id v1");
/// A leaf of a capture tree.
pub static CAPTURE_LEAF: Context = Context::new("capture leaf v1");
/// A node of a capture tree.
pub static CAPTURE_NODE: Context = Context::new("capture node v1");
/// A command's digest.
pub static COMMAND: Context = Context::new("command v1");
/// A governance act's digest.
pub static GOVERNANCE: Context = Context::new("governance v1");
/// The genesis' digest.
pub static GENESIS: Context = Context::new("genesis v1");
/// A block's header.
pub static HEADER: Context = Context::new("header v1");
/// What a block holds.
pub static CONTENTS: Context = Context::new("contents v1");
/// The set of members.
pub static MEMBERS: Context = Context::new("members v1");
/// A leaf of a history tree: one position.
pub static HISTORY_LEAF: Context = Context::new("history leaf v1");
/// A node of a history tree.
pub static HISTORY_NODE: Context = Context::new("history node v1");
/// A key of the state tree.
pub static STATE_KEY: Context = Context::new("state key v1");
/// A value of the state tree.
pub static STATE_VALUE: Context = Context::new("state value v1");
/// A leaf of the state tree.
pub static STATE_LEAF: Context = Context::new("state leaf v1");
/// A node of the state tree.
pub static STATE_NODE: Context = Context::new("state node v1");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cached_context_key_gives_what_derive_key_gives() {
        let expected = blake3::derive_key("quayside 2026-11 event v1", b"some cbor");
        assert_eq!(EVENT.hash(b"some cbor"), expected);
        assert_eq!(EVENT.hash_pair(b"some", b" cbor"), expected);
    }

    #[test]
    fn the_keyed_hash_is_under_the_derived_key() {
        let key = blake3::derive_key("quayside 2026-11 tag v1", &[0; 32]);
        assert_eq!(TAG.mac(&[0; 32], b"x"), *blake3::keyed_hash(&key, b"x").as_bytes());
    }
}
