//! Reader entries: a part's content key, wrapped for one reader.

use std::fmt;

use hkdf::Hkdf;
use keys::{Drawn, Handle, Secret};
use party::{ConsortiumId, KeyId, MemberId};
use sha2::Sha256;
use statement::hash::Context;
use statement::{Commitment, Digest, ReaderEntry};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::aead::{self, NONCE_BYTES};
use crate::{ContentKey, Error};

/// The confirmation that both ends hold the same secret for the same entry.
static CONFIRMATION: Context = Context::new("reader entry mac v1");

/// Each wrap key wraps one content key, once: T names the part, and the part has one key.
const NONCE: [u8; NONCE_BYTES] = [0; NONCE_BYTES];

/// Which part of which body an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartRef {
    /// The event's commitment.
    pub commitment: Commitment,
    /// The digest of the body's bytes.
    pub body_digest: Digest,
    /// The place of the part, from 0.
    pub part: u32,
}

/// Who reads, and under which of its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The member.
    pub member: MemberId,
    /// The id of its registered sealing key.
    pub key: KeyId,
}

/// One draw for one reader, ready to wrap the content keys of any number of parts.
///
/// All entries of one wrapper carry the same handle and differ in what they are about; each has a
/// wrap key and a confirmation key of its own. So a capture of many events costs one draw for each
/// reader, and a reader who has recovered the secret once opens them all.
pub struct Wrapper {
    consortium: ConsortiumId,
    sealer: MemberId,
    reader: Reader,
    handle: Vec<u8>,
    extracted: Extracted,
}

impl Wrapper {
    /// Takes what was drawn for `reader` by `sealer`.
    #[must_use]
    pub fn new(
        consortium: &ConsortiumId,
        sealer: &MemberId,
        reader: Reader,
        drawn: &Drawn,
    ) -> Self {
        let handle = drawn.handle.without_mac().encode();
        Self {
            consortium: consortium.clone(),
            sealer: sealer.clone(),
            reader,
            handle,
            extracted: Extracted::of(&drawn.secret),
        }
    }

    /// Wraps a part's content key; the sealer signs the entry.
    ///
    /// # Errors
    ///
    /// As [`ReaderEntry::check`].
    pub fn wrap(&self, about: &PartRef, key: &ContentKey) -> Result<ReaderEntry, Error> {
        let entry = ReaderEntry {
            consortium: self.consortium.clone(),
            commitment: about.commitment,
            body_digest: about.body_digest,
            part: about.part,
            sealer: self.sealer.clone(),
            reader: self.reader.member.clone(),
            reader_key: self.reader.key,
            handle: self.handle.clone(),
            mac: [0; 32],
            wrapped: [0; 48],
            signature: [0; 64],
        };
        entry.check()?;
        let context = entry.context();
        let bound = self.extracted.bind(&context);
        let mut wrapped = Vec::with_capacity(48);
        aead::append_sealed(&bound.wrap, &NONCE, &context, key.as_bytes(), &mut wrapped)
            .ok_or(Error::KeyNotOpened)?;
        let wrapped = wrapped.try_into().map_err(|_| Error::KeyNotOpened)?;
        Ok(ReaderEntry { mac: CONFIRMATION.mac(&bound.mac, &context), wrapped, ..entry })
    }
}

impl fmt::Debug for Wrapper {
    // The secret must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sealer, reader, .. } = self;
        let mut shown = f.debug_struct("Wrapper");
        shown.field("sealer", sealer).field("reader", reader).finish_non_exhaustive()
    }
}

/// The handle by which an entry's reader recovers the secret.
///
/// # Errors
///
/// [`Error::HandleMalformed`] if it is none, or carries a MAC: an entry's stands beside it.
pub fn handle(entry: &ReaderEntry) -> Result<Handle, Error> {
    let handle = Handle::decode(&entry.handle)
        .map_err(|error| Error::HandleMalformed { why: error.to_string() })?;
    if handle.mac.is_some() {
        return Err(Error::HandleMalformed { why: "it carries a MAC of its own".to_owned() });
    }
    Ok(handle)
}

/// Unwraps the content key of an entry, with the secret that its handle led to.
///
/// Whether the entry is the sealer's own, its signature says: [`ReaderEntry::verify`].
///
/// # Errors
///
/// [`Error::NotNamed`] if the entry is for another member, [`Error::OtherKey`] if it is for another
/// key of this one; [`Error::HandleMismatch`] if the secret is not the sealer's or the entry was
/// changed; [`Error::KeyNotOpened`] if only the wrapped key was.
pub fn unwrap(
    entry: &ReaderEntry,
    me: &MemberId,
    my_key: &KeyId,
    secret: &Secret,
) -> Result<ContentKey, Error> {
    if entry.reader != *me {
        return Err(Error::NotNamed { named: entry.reader.clone(), me: me.clone() });
    }
    if entry.reader_key != *my_key {
        return Err(Error::OtherKey { named: entry.reader_key, held: *my_key });
    }
    let context = entry.context();
    let bound = Extracted::of(secret).bind(&context);
    let mac = CONFIRMATION.mac(&bound.mac, &context);
    if !bool::from(mac.ct_eq(&entry.mac)) {
        return Err(Error::HandleMismatch);
    }
    let plain = aead::open(&bound.wrap, &NONCE, &context, &entry.wrapped);
    let plain = plain.ok_or(Error::KeyNotOpened)?;
    let bytes = plain.as_slice().try_into().map_err(|_| Error::KeyNotOpened)?;
    Ok(ContentKey::from_bytes(bytes))
}

/// HKDF-SHA-256 (RFC 5869) after its first step, which is the same for all entries of one secret.
struct Extracted(Zeroizing<[u8; 32]>);

/// The two keys of one entry.
struct Bound {
    wrap: Zeroizing<[u8; 32]>,
    mac: Zeroizing<[u8; 32]>,
}

impl Extracted {
    fn of(secret: &Secret) -> Self {
        let (key, _) = Hkdf::<Sha256>::extract(None, secret.as_bytes());
        Self(Zeroizing::new(key.into()))
    }

    /// Expands to 64 bytes with T as info: wrap key, then confirmation key.
    fn bind(&self, context: &[u8]) -> Bound {
        let mut both = Zeroizing::new([[0_u8; 32]; 2]);
        let expanded = Hkdf::<Sha256>::from_prk(self.0.as_slice())
            .ok()
            .and_then(|hkdf| hkdf.expand(context, both.as_flattened_mut()).ok());
        assert!(expanded.is_some(), "HKDF gives 64 bytes from 32");
        let [wrap, mac] = *both;
        Bound { wrap: Zeroizing::new(wrap), mac: Zeroizing::new(mac) }
    }
}
