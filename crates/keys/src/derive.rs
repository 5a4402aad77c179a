//! From what a key exchange yields to a secret of the length asked for.

use hkdf::Hkdf;
use party::KeyId;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{Error, Secret};

/// Derives with HKDF-SHA-256 (RFC 5869) from what both sides computed; the label, the reader's
/// key, the length and the public part are bound in, so that no two exchanges share an output.
pub(crate) fn derive(
    label: &str,
    shared: &[u8],
    reader: KeyId,
    public: &[u8],
    length: u16,
) -> Result<Secret, Error> {
    let mut secret = Zeroizing::new(vec![0; usize::from(length)]);
    // Everything before the public part has a fixed length per label, so the parts cannot shift.
    let info = [label.as_bytes(), &reader.0, &length.to_be_bytes(), public];
    Hkdf::<Sha256>::new(None, shared)
        .expand_multi_info(&info, &mut secret)
        .map_err(|_| Error::LengthInvalid { length })?;
    Ok(Secret::new(secret))
}
