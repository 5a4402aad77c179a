//! The two keys of this crate: one seals a part, the other what a member keeps on its own disk.

use std::fmt;

use statement::RequestId;
use statement::hash::Context;
use zeroize::Zeroizing;

use crate::Error;
use crate::aead::{self, NONCE_BYTES, TAG_BYTES};
use crate::cbor::{Out, room};

/// A part's content key, from its member's seed key.
static CONTENT_KEY: Context = Context::new("content key v1");
/// The key of one row, from the storage key.
static ROW: Context = Context::new("storage row v1");

/// The version with which a sealed row begins.
const ROW_VERSION: u8 = 1;

/// How many bytes sealing adds to a row: version, nonce, tag.
pub const ROW_OVERHEAD_BYTES: usize = 1 + NONCE_BYTES + TAG_BYTES;

/// The 32 bytes under which one part of one body is sealed; wiped when dropped, never shown.
#[derive(Clone)]
pub struct ContentKey(Box<Zeroizing<[u8; 32]>>);

impl ContentKey {
    /// Derives the key of part `part` of event `number` of a request, so that a retried request
    /// gives the same body: M("content key v1", seed key, [request id, number, part, canonical
    /// JSON]).
    #[must_use]
    pub fn derive(
        seed_key: &[u8; 32],
        request_id: &RequestId,
        number: u32,
        part: u32,
        json: &str,
    ) -> Self {
        let mut buffer = Zeroizing::new(Vec::with_capacity(room(json.len()) + 32));
        let mut out = Out::new(&mut buffer);
        out.array(4).bytes(&request_id.0).uint(number.into()).uint(part.into()).text(json);
        Self(Box::new(Zeroizing::new(CONTENT_KEY.mac(seed_key, &buffer))))
    }

    /// Takes a key from its bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Box::new(Zeroizing::new(bytes)))
    }

    /// The key's bytes, for whoever wraps it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ContentKey {
    // The secret must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentKey").finish_non_exhaustive()
    }
}

/// The 32 bytes under which a member keeps its rows at rest; wiped when dropped, never shown.
///
/// Each row is sealed under a key of its own, derived from the storage key, the row's context and
/// its key, with a random nonce: version, nonce, ciphertext, tag. So a row neither opens under
/// another context nor at another place, and nonces need to differ only among one row's versions.
#[derive(Clone)]
pub struct StorageKey(Box<Zeroizing<[u8; 32]>>);

impl StorageKey {
    /// Takes a key from its bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Box::new(Zeroizing::new(bytes)))
    }

    /// Seals a row, which then opens only with the same `context` and `row_key`.
    ///
    /// # Panics
    ///
    /// When the row has more than 256 GiB, the cipher's own limit.
    #[must_use]
    pub fn seal_row(&self, context: &str, row_key: &[u8], plain: &[u8]) -> Vec<u8> {
        let (key, bound) = self.row(context, row_key);
        let mut nonce = [0; NONCE_BYTES];
        rand::Rng::fill_bytes(&mut rand::rng(), &mut nonce);
        let mut row = Vec::with_capacity(plain.len() + ROW_OVERHEAD_BYTES);
        row.push(ROW_VERSION);
        row.extend_from_slice(&nonce);
        let sealed = aead::append_sealed(&key, &nonce, &bound, plain, &mut row);
        assert!(sealed.is_some(), "a row of 256 GiB does not fit in memory");
        row
    }

    /// Opens a row.
    ///
    /// # Errors
    ///
    /// [`Error::RowMalformed`] if it is no sealed row, [`Error::RowNotOpened`] if it was sealed
    /// under another storage key, context or row key, or was changed.
    pub fn open_row(
        &self,
        context: &str,
        row_key: &[u8],
        row: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let malformed = |why| Error::RowMalformed { context: context.to_owned(), why };
        let (version, rest) = row.split_first().ok_or_else(|| malformed("it is empty"))?;
        if *version != ROW_VERSION {
            return Err(malformed("its version is unknown"));
        }
        let (nonce, sealed) =
            rest.split_first_chunk::<NONCE_BYTES>().ok_or_else(|| malformed("it ends early"))?;
        if sealed.len() < TAG_BYTES {
            return Err(malformed("it ends early"));
        }
        let (key, bound) = self.row(context, row_key);
        aead::open(&key, nonce, &bound, sealed)
            .ok_or_else(|| Error::RowNotOpened { context: context.to_owned() })
    }

    /// Seals a content key as a row: the re-wrapping by which a reader keeps what it has opened.
    #[must_use]
    pub fn rewrap(&self, context: &str, row_key: &[u8], key: &ContentKey) -> Vec<u8> {
        self.seal_row(context, row_key, key.as_bytes())
    }

    /// Opens a content key that [`Self::rewrap`] sealed.
    ///
    /// # Errors
    ///
    /// As [`Self::open_row`], and [`Error::RowMalformed`] if the row is no content key.
    pub fn open_key(&self, context: &str, row_key: &[u8], row: &[u8]) -> Result<ContentKey, Error> {
        let plain = self.open_row(context, row_key, row)?;
        let bytes = plain.as_slice().try_into().map_err(|_| Error::RowMalformed {
            context: context.to_owned(),
            why: "a content key has 32 bytes",
        })?;
        Ok(ContentKey::from_bytes(bytes))
    }

    /// The key of one row, and what its seal is bound to: CBOR [1, context, row key].
    fn row(&self, context: &str, row_key: &[u8]) -> (Zeroizing<[u8; 32]>, Vec<u8>) {
        let mut bound = Vec::with_capacity(context.len() + row_key.len() + 20);
        Out::new(&mut bound).array(3).uint(1).text(context).bytes(row_key);
        (Zeroizing::new(ROW.mac(&self.0, &bound)), bound)
    }
}

impl fmt::Debug for StorageKey {
    // The secret must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorageKey").finish_non_exhaustive()
    }
}
