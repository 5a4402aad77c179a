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

#[cfg(test)]
mod tests {
    use super::*;

    /// The eight points whose order divides 8, in canonical form.
    const SMALL_ORDER: [&str; 8] = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ];

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        hex::decode(hex).unwrap().try_into().unwrap()
    }

    fn key() -> SigningKey {
        SigningKey::from_bytes([1; 32])
    }

    #[test]
    fn the_first_vector_of_rfc_8032_holds() {
        let secret = bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let key = SigningKey::from_bytes(secret);
        let public = bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        assert_eq!(key.public(), PublicKey(public));
        let signature = concat!(
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155",
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        );
        assert_eq!(key.sign(b""), bytes(signature));
        assert_eq!(verify(&key.public(), b"", &bytes(signature)), Ok(()));
    }

    #[test]
    fn a_key_of_small_order_is_refused() {
        for weak in SMALL_ORDER {
            let key = PublicKey(bytes(weak));
            assert_eq!(check_key(&key), Err(Error::KeyWeak), "{weak}");
            assert_eq!(verify(&key, b"any", &[0; 64]), Err(Error::KeyWeak), "{weak}");
        }
    }

    #[test]
    fn a_key_that_is_not_canonical_is_refused() {
        // The encodings of y = p + k for all k that fit, each with both signs.
        for k in 0..19 {
            for top in [0x7f, 0xff] {
                let mut encoding = [0xff; 32];
                encoding[0] = 0xed + k;
                encoding[31] = top;
                assert_eq!(check_key(&PublicKey(encoding)), Err(Error::KeyWeak), "{k} {top}");
            }
        }
    }

    #[test]
    fn a_signature_over_another_message_or_with_a_bit_flipped_is_refused() {
        let signature = key().sign(b"quayside");
        assert_eq!(verify(&key().public(), b"quayside!", &signature), Err(Error::SignatureInvalid));
        for bit in 0..512 {
            let mut flipped = signature;
            flipped[bit / 8] ^= 1 << (bit % 8);
            let answer = verify(&key().public(), b"quayside", &flipped);
            assert_eq!(answer, Err(Error::SignatureInvalid), "bit {bit}");
        }
    }

    #[test]
    fn an_s_that_is_not_below_l_is_refused() {
        let order: [u8; 32] =
            bytes("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
        let mut signature = key().sign(b"quayside");
        let mut carry = 0;
        for (digit, add) in signature[32..].iter_mut().zip(order) {
            let sum = u16::from(*digit) + u16::from(add) + carry;
            *digit = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        assert_eq!(verify(&key().public(), b"quayside", &signature), Err(Error::SignatureInvalid));
    }

    #[test]
    fn an_r_of_small_order_is_refused_though_the_equation_holds() {
        // R is the neutral element and S = k * a, made with the key's own secret.
        let signature = concat!(
            "0100000000000000000000000000000000000000000000000000000000000000",
            "a52e1640af32403b16b9e42e6f497340149833c048ec19ad70733060be708102",
        );
        let answer = verify(&key().public(), b"quayside", &bytes(signature));
        assert_eq!(answer, Err(Error::SignatureInvalid));
    }

    #[test]
    fn what_holds_only_with_the_cofactor_is_refused() {
        // R has a component of order 8: eight times the equation holds, the equation does not.
        let signature = concat!(
            "6a84d583f06569edb3f5ed77df65544b27d6948b4f0b2cb76f33dd8413b20719",
            "154dc7013b13584d3c0269e02d5e59dc3b8f99a6810cfe08abc5c1f79ec22306",
        );
        let answer = verify(&key().public(), b"quayside", &bytes(signature));
        assert_eq!(answer, Err(Error::SignatureInvalid));
    }

    #[test]
    fn a_secret_never_shows() {
        let secret = [0x5a; 32];
        let shown = format!("{:?}", SigningKey::from_bytes(secret));
        assert!(!shown.contains("90, 90") && !shown.contains("5a5a"), "{shown}");
    }
}
