//! ChaCha20-Poly1305 (RFC 8439) over buffers that are wiped.

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit};
use zeroize::Zeroizing;

pub(crate) const NONCE_BYTES: usize = 12;
pub(crate) const TAG_BYTES: usize = 16;

/// Appends ciphertext and tag; nothing if the plaintext is longer than the cipher takes.
pub(crate) fn append_sealed(
    key: &[u8; 32],
    nonce: &[u8; NONCE_BYTES],
    bound: &[u8],
    plain: &[u8],
    out: &mut Vec<u8>,
) -> Option<()> {
    // Room first: a buffer that grows would leave a copy of the plaintext behind.
    out.reserve_exact(plain.len() + TAG_BYTES);
    let start = out.len();
    out.extend_from_slice(plain);
    let cipher = ChaCha20Poly1305::new(key.into());
    let text = InOutBuf::from(out.get_mut(start..)?);
    let tag = cipher.encrypt_inout_detached(&(*nonce).into(), bound, text).ok()?;
    out.extend_from_slice(&tag);
    Some(())
}

/// Opens ciphertext and tag; nothing if they do not belong to key, nonce and what they are bound
/// to. The tag is compared in constant time, before anything is decrypted.
pub(crate) fn open(
    key: &[u8; 32],
    nonce: &[u8; NONCE_BYTES],
    bound: &[u8],
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (text, tag) = sealed.split_last_chunk::<TAG_BYTES>()?;
    let mut plain = Zeroizing::new(text.to_vec());
    let cipher = ChaCha20Poly1305::new(key.into());
    let buffer = InOutBuf::from(plain.as_mut_slice());
    cipher.decrypt_inout_detached(&(*nonce).into(), bound, buffer, &(*tag).into()).ok()?;
    Some(plain)
}
