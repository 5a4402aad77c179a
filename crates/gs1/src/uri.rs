use crate::Error;

/// Longest URI that we keep, in bytes.
const MAX_BYTES: usize = 2_048;

/// Checks that a text is plausibly an absolute URI: a scheme, a colon, something behind it, and no
/// white space, control character or character that RFC 3986 forbids everywhere. Letters outside
/// ASCII are let through, as in an IRI.
///
/// # Errors
///
/// [`Error::NotAUri`], which says what is wrong.
pub fn check(text: &str) -> Result<(), Error> {
    let no = |why| Err(Error::NotAUri { why });
    if text.is_empty() {
        return no("it is empty");
    }
    if text.len() > MAX_BYTES {
        return no("it is longer than 2,048 bytes");
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return no("it has no scheme, such as `urn:` or `https:`");
    };
    let mut letters = scheme.bytes();
    if !letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        || !letters.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    {
        return no("what stands before the first `:` is no scheme");
    }
    if rest.is_empty() {
        return no("nothing follows the scheme");
    }
    if rest.is_ascii() {
        if rest.bytes().any(is_forbidden) {
            return no("it holds a space, a control character or one of < > \" { } | \\ ^ `");
        }
    } else if rest
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || u8::try_from(c).is_ok_and(is_forbidden))
    {
        return no("it holds white space, a control character or one of < > \" { } | \\ ^ `");
    }
    Ok(())
}

fn is_forbidden(byte: u8) -> bool {
    matches!(byte, 0..=b' ' | 0x7f | b'<' | b'>' | b'"' | b'{' | b'}' | b'|' | b'\\' | b'^' | b'`')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_of_every_sort_pass() {
        for text in [
            "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
            "ni:///sha-256;df7b?ver=CBV2.0",
            "https://example.org/a%20b",
            "geo:22.300,-118.44",
            "example:x",
            "https://例え.jp/箱",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_no_uri_is_refused_with_its_reason() {
        for text in [
            "",
            "box 7",
            "box",
            ":x",
            "7up:x",
            "urn:",
            "urn:a b",
            "urn:a\nb",
            "u:\u{85}",
            "u:\u{3000}",
            "u:<x>",
        ] {
            assert!(check(text).is_err(), "{text:?}");
        }
        assert!(check(&format!("urn:{}", "x".repeat(2_045))).is_err());
    }
}
