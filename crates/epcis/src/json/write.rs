/// Appends a JSON string with the shortest escapes: those of two characters where there is one, and
/// `\u00xx` in lower case for other control characters (as RFC 8785 does).
pub(crate) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(place) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        // Such a byte is ASCII, so both cuts are at the boundary of a character.
        let (plain, tail) = rest.split_at(place);
        out.push_str(plain);
        let mut tail = tail.chars();
        if let Some(special) = tail.next() {
            write_escape(out, special);
        }
        rest = tail.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn write_escape(out: &mut String, special: char) {
    match special {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        other => {
            out.push_str(if other < '\u{10}' { "\\u000" } else { "\\u001" });
            out.extend(char::from_digit(u32::from(other) & 15, 16));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_the_shortest() {
        let mut out = String::new();
        write_string(&mut out, "a\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}é\u{2028}");
        assert_eq!(out, "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\u{7f}é\u{2028}\"");
    }
}
