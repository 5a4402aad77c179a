//! Ed25519, strict: the one place where the house signs and verifies.
//!
//! Refused are: S not below L, a key or an R that does not re-encode to itself, a key or an R of
//! small order, and whatever the cofactorless equation refuses. So every member, `WebCrypto` and
//! other tools agree on every signature, hostile ones too.

use std::fmt;

use ed25519_dalek::{Signature, Signer, VerifyingKey};
use party::{KeyId, PublicKey};
use zeroize::Zeroizing;

use crate::Error;

/// A secret Ed25519 key; wiped when dropped, and never shown.
pub struct SigningKey {
    // Boxed, so that moving the key leaves no copy of it on the stack.
    key: Box<ed25519_dalek::SigningKey>,
}

impl SigningKey {
    /// Takes a key from its 32 secret bytes.
    #[must_use]
    pub fn from_bytes(secret: [u8; 32]) -> Self {
        let secret = Zeroizing::new(secret);
        Self { key: Box::new(ed25519_dalek::SigningKey::from_bytes(&secret)) }
    }

    /// The 32 secret bytes, for whoever writes the key file.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.to_bytes())
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.key.verifying_key().to_bytes())
    }

    /// The id of the public key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.public())
    }

    /// Signs a message (RFC 8032, deterministic).
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    // The secret must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// Checks that a public key is canonical, on the curve, and not of small order.
///
/// # Errors
///
/// [`Error::KeyWeak`] if it is not.
pub fn check_key(key: &PublicKey) -> Result<(), Error> {
    strict_key(key).map(drop)
}

/// Verifies a signature under the strict rules.
///
/// # Errors
///
/// [`Error::KeyWeak`] if [`check_key`] refuses the key, [`Error::SignatureInvalid`] if the
/// signature does not hold.
pub fn verify(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> Result<(), Error> {
    let key = strict_key(key)?;
    // `verify_strict` refuses S not below L and R of small order, and compares R as bytes, so that
    // an R which is not canonical cannot equal the recomputed one.
    key.verify_strict(message, &Signature::from_bytes(signature))
        .map_err(|_| Error::SignatureInvalid)
}

fn strict_key(key: &PublicKey) -> Result<VerifyingKey, Error> {
    let point = VerifyingKey::from_bytes(&key.0).map_err(|_| Error::KeyWeak)?;
    // `from_bytes` takes 24 encodings that are not canonical, and keeps the bytes it was given.
    let canonical = point.to_edwards().compress().to_bytes();
    if canonical != key.0 || point.is_weak() { Err(Error::KeyWeak) } else { Ok(point) }
}
