//! The one validation layer: fields of a message become domain values here, or a refusal that
//! names the field.

use bytes::Bytes;
use party::{MemberId, SiteId};
use statement::{Commitment, RequestId, Tag};

use crate::refusal::Refusal;

/// Exactly `N` bytes.
pub(crate) fn array<const N: usize>(path: &str, bytes: &[u8]) -> Result<[u8; N], Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::missing(path));
    }
    bytes.try_into().map_err(|_| {
        let found = bytes.len();
        Refusal::invalid(path, format_args!("has {found} bytes, and must have exactly {N}"))
    })
}

/// A request id: 16 bytes, and not all zero, for that is what a caller sends who drew none.
pub(crate) fn request_id(path: &str, bytes: &[u8]) -> Result<RequestId, Refusal> {
    let id = array::<16>(path, bytes)?;
    if id == [0; 16] {
        return Err(Refusal::invalid(path, "is all zeros, and must be drawn at random"));
    }
    Ok(RequestId(id))
}

/// A commitment.
pub(crate) fn commitment(path: &str, bytes: &[u8]) -> Result<Commitment, Refusal> {
    array(path, bytes).map(Commitment)
}

/// A tag.
pub(crate) fn tag(path: &str, bytes: &[u8]) -> Result<Tag, Refusal> {
    array(path, bytes).map(Tag)
}

/// A member's id.
pub(crate) fn member_id(path: &str, text: &str) -> Result<MemberId, Refusal> {
    if text.is_empty() {
        return Err(Refusal::missing(path));
    }
    text.parse().map_err(|error| Refusal::invalid(path, format_args!("is no member id: {error}")))
}

/// A site's id.
pub(crate) fn site_id(path: &str, text: &str) -> Result<SiteId, Refusal> {
    if text.is_empty() {
        return Err(Refusal::missing(path));
    }
    text.parse().map_err(|error| Refusal::invalid(path, format_args!("is no site id: {error}")))
}

/// Bytes that must be there, and at most `limit` of them.
pub(crate) fn bytes(path: &str, bytes: Bytes, limit: usize) -> Result<Bytes, Refusal> {
    match bytes.len() {
        0 => Err(Refusal::missing(path)),
        found if found > limit => {
            let why = format!("`{path}` has {found} bytes, and may have at most {limit}");
            Err(Refusal::new("REQUEST_TOO_LARGE", why).at(path))
        }
        _ => Ok(bytes),
    }
}

/// Text that must be there, and at most `limit` bytes of it.
pub(crate) fn text(path: &str, text: String, limit: usize) -> Result<String, Refusal> {
    match text.len() {
        0 => Err(Refusal::missing(path)),
        found if found > limit => {
            Err(Refusal::invalid(path, format_args!("has {found} bytes, more than {limit}")))
        }
        _ => Ok(text),
    }
}

/// A list that must not be empty, and has at most `limit` items.
pub(crate) fn count(path: &str, found: usize, limit: usize) -> Result<(), Refusal> {
    match found {
        0 => Err(Refusal::missing(path)),
        found if found > limit => {
            Err(Refusal::invalid(path, format_args!("has {found} items, more than {limit}")))
        }
        _ => Ok(()),
    }
}

/// How many things to list: `usual` for 0, and at most `limit`.
pub(crate) fn limit(path: &str, asked: u32, usual: usize, limit: usize) -> Result<usize, Refusal> {
    match usize::try_from(asked).unwrap_or(usize::MAX) {
        0 => Ok(usual),
        asked if asked > limit => {
            Err(Refusal::invalid(path, format_args!("is {asked}, more than {limit}")))
        }
        asked => Ok(asked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_the_wrong_length_is_named() {
        assert_eq!(array::<4>("tag", &[1, 2, 3, 4]), Ok([1, 2, 3, 4]));
        let refusal = array::<4>("tag", &[1, 2, 3]).unwrap_err();
        assert_eq!((refusal.reason(), refusal.field()), ("FIELD_INVALID", Some("tag")));
        let refusal = array::<4>("tag", &[]).unwrap_err();
        assert_eq!((refusal.reason(), refusal.field()), ("FIELD_MISSING", Some("tag")));
    }

    #[test]
    fn a_request_id_that_nobody_drew_is_refused() {
        assert_eq!(request_id("request_id", &[7; 16]), Ok(RequestId([7; 16])));
        assert_eq!(request_id("request_id", &[0; 16]).unwrap_err().reason(), "FIELD_INVALID");
        assert_eq!(request_id("request_id", &[7; 17]).unwrap_err().reason(), "FIELD_INVALID");
    }

    #[test]
    fn a_field_that_is_too_long_is_refused_with_its_own_word() {
        let statement = Bytes::from(vec![0; 65_536]);
        let refusal = bytes("statement", statement, 65_535).unwrap_err();
        assert_eq!((refusal.reason(), refusal.field()), ("REQUEST_TOO_LARGE", Some("statement")));
    }
}
