//! Rows at rest.

use envelope::{ContentKey, Error, ROW_OVERHEAD_BYTES, StorageKey};

fn key() -> StorageKey {
    StorageKey::from_bytes([1; 32])
}

const PLAIN: &[u8] = b"what was opened";

#[test]
fn a_row_opens_under_its_own_key_context_and_place_only() {
    let row = key().seal_row("event v1", b"place", PLAIN);
    assert_eq!(row.len(), PLAIN.len() + ROW_OVERHEAD_BYTES);
    assert_eq!(key().open_row("event v1", b"place", &row).unwrap().as_slice(), PLAIN);
    let refused = Error::RowNotOpened { context: "event v1".into() };
    let other = StorageKey::from_bytes([2; 32]);
    assert_eq!(other.open_row("event v1", b"place", &row), Err(refused.clone()));
    assert_eq!(key().open_row("event v1", b"other", &row), Err(refused.clone()));
    assert_eq!(refused.reason(), "ROW_NOT_OPENED");
    for (context, place) in [("event v2", &b"place"[..]), ("event v1p", b"lace"), ("", b"")] {
        assert!(key().open_row(context, place, &row).is_err(), "{context}");
    }
}

#[test]
fn the_same_row_sealed_twice_differs() {
    let seal = || key().seal_row("event v1", b"place", PLAIN);
    assert_ne!(seal(), seal());
}

#[test]
fn an_empty_row_is_a_row() {
    let row = key().seal_row("", b"", b"");
    assert_eq!(key().open_row("", b"", &row).unwrap().as_slice(), b"");
}

#[test]
fn a_row_with_any_bit_flipped_or_any_byte_missing_or_added_does_not_open() {
    let row = key().seal_row("event v1", b"place", PLAIN);
    let open = |row: &[u8]| key().open_row("event v1", b"place", row);
    for bit in 0..8 * row.len() {
        let mut flipped = row.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let reason = open(&flipped).unwrap_err().reason();
        assert_eq!(reason, if bit < 8 { "ROW_MALFORMED" } else { "ROW_NOT_OPENED" }, "bit {bit}");
    }
    for length in 0..row.len() {
        let reason = open(&row[..length]).unwrap_err().reason();
        let shortest = ROW_OVERHEAD_BYTES;
        let expected = if length < shortest { "ROW_MALFORMED" } else { "ROW_NOT_OPENED" };
        assert_eq!(reason, expected, "{length} bytes");
    }
    assert!(open(&[row.as_slice(), &[0]].concat()).is_err());
}

#[test]
fn a_content_key_is_kept_and_found_again() {
    let content = ContentKey::from_bytes([7; 32]);
    let row = key().rewrap("content key v1", b"place", &content);
    let found = key().open_key("content key v1", b"place", &row).unwrap();
    assert_eq!(found.as_bytes(), content.as_bytes());
    assert!(key().open_key("content key v1", b"other", &row).is_err());
    let short = key().seal_row("content key v1", b"place", &[7; 31]);
    let refused = key().open_key("content key v1", b"place", &short).unwrap_err();
    assert_eq!(refused.reason(), "ROW_MALFORMED");
    assert!(!format!("{:?}", key()).contains('1'));
}
