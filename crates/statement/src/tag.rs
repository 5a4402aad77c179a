//! Tags, by which an item's events are found, and marks, which keep strangers out of them.

use std::fmt;
use std::sync::OnceLock;

use party::{ConsortiumId, MemberId};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::cbor::Writer;
use crate::hash::{MARK, SECRET_ID, TAG};
use crate::{Commitment, Digest};

/// 16 bytes that stand for an item in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub [u8; 16]);

/// 16 bytes beside a keyed tag which prove that its submitter holds the item secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(pub [u8; 16]);

/// 32 random bytes that the parties of a journey or a container share; wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ItemSecret([u8; 32]);

impl ItemSecret {
    /// Takes a secret from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes, for whoever seals or stores them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The secret's id, which is logged so that a recipient refuses a decoy.
    #[must_use]
    pub fn id(&self) -> Digest {
        let mut out = Writer::new();
        out.bytes(&self.0);
        let id = SECRET_ID.hash(out.as_bytes());
        out.into_bytes().zeroize();
        id
    }
}

impl fmt::Debug for ItemSecret {
    // The secret must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ItemSecret").finish_non_exhaustive()
    }
}

impl Tag {
    /// The plain tag of an item, given as its canonical Digital Link or private URI.
    #[must_use]
    pub fn open(item: &str) -> Self {
        // The key of all open tags is a constant: derived once per process.
        static KEY: OnceLock<[u8; 32]> = OnceLock::new();
        Self::under(KEY.get_or_init(|| *TAG.keyed(&[0; 32])), item)
    }

    /// The keyed tag of an item.
    #[must_use]
    pub fn keyed(secret: &ItemSecret, item: &str) -> Self {
        Self::under(&TAG.keyed(&secret.0), item)
    }

    /// The tag under a key that was derived already.
    fn under(derived: &[u8; 32], item: &str) -> Self {
        let mut out = Writer::with_capacity(item.len() + 9);
        out.text(item);
        Self(first_half(&blake3::keyed_hash(derived, out.as_bytes()).into()))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl Mark {
    /// The mark of a keyed tag on one event.
    #[must_use]
    pub fn new(
        secret: &ItemSecret,
        consortium: &ConsortiumId,
        issuer: &MemberId,
        commitment: &Commitment,
        tag: &Tag,
    ) -> Self {
        let mut out = Writer::with_capacity(192);
        out.array(4).text(consortium.as_str()).text(issuer.as_str());
        out.bytes(&commitment.0).bytes(&tag.0);
        Self(first_half(&MARK.mac(&secret.0, out.as_bytes())))
    }
}

/// The first 16 bytes of a digest.
fn first_half(digest: &Digest) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
    half
}
