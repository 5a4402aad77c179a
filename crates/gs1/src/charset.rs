//! The characters that GS1 allows in a value, and how a link escapes them.

use std::borrow::Cow;

/// What a value may consist of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    /// Digits.
    Digits,
    /// GS1's set 39: `#`, `-`, `/`, digits and capitals.
    Set39,
    /// GS1's set 82: what a serial number or a lot may hold.
    Set82,
}

impl Charset {
    pub(crate) fn holds(self, text: &str) -> bool {
        text.bytes().all(|byte| match self {
            Self::Digits => byte.is_ascii_digit(),
            Self::Set39 => {
                matches!(byte, b'#' | b'-' | b'/' | b'0'..=b'9' | b'A'..=b'Z')
            }
            Self::Set82 => is_82(byte),
        })
    }
}

fn is_82(byte: u8) -> bool {
    matches!(byte, b'!' | b'"' | b'%'..=b'?' | b'A'..=b'Z' | b'_' | b'a'..=b'z')
}

/// The place of a character in set 82, counted from 0 in the order of ASCII.
pub(crate) fn value_82(byte: u8) -> Option<u32> {
    let place = match byte {
        b'!' | b'"' => byte - b'!',
        b'%'..=b'?' => byte - b'%' + 2,
        b'A'..=b'Z' => byte - b'A' + 29,
        b'_' => 55,
        b'a'..=b'z' => byte - b'a' + 56,
        _ => return None,
    };
    Some(u32::from(place))
}

/// Undoes percent-encoding. None for a `%` without two hexadecimal digits, or for what is not
/// ASCII: no GS1 value is.
pub(crate) fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            u8::try_from(high * 16 + low).ok()?
        } else {
            byte
        };
        if !byte.is_ascii() {
            return None;
        }
        out.push(char::from(byte));
    }
    Some(Cow::Owned(out))
}

/// Appends `text`, percent-encoding what table 7-1 of the Digital Link standard wants encoded (as
/// the event hash of CBV does: `'`, `;` and `=` stay) and what no URI may hold.
pub(crate) fn encode_into(out: &mut String, text: &str) {
    const HEX: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in text.bytes() {
        let plain = matches!(byte, b'-' | b'.' | b'_' | b'~' | b'\'' | b';' | b'=');
        if plain || byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 15] {
                out.extend(HEX.get(usize::from(nibble)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_82_has_82_characters_in_order() {
        let values: Vec<u32> = (0..=255).filter_map(value_82).collect();
        assert_eq!(values, (0..82).collect::<Vec<u32>>());
        assert!((0..=255).all(|byte| is_82(byte) == value_82(byte).is_some()));
    }

    #[test]
    fn encoding_is_undone_by_decoding() {
        let every: String = (0..=255).filter(|byte| is_82(*byte)).map(char::from).collect();
        let mut encoded = String::new();
        encode_into(&mut encoded, &every);
        assert_eq!(decode(&encoded).as_deref(), Some(every.as_str()));
        assert!(encoded.starts_with("%21%22%25%26'%28%29%2A%2B%2C-.%2F0"));
    }

    #[test]
    fn a_broken_escape_is_no_text() {
        for text in ["%", "%4", "%4G", "%G4", "a%", "%FF", "%c3%a4"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
