//! Just enough of canonical JSON to split an event into its top-level fields.
//!
//! The full rules (what an event may say, how it becomes canonical) are in `epcis`. Here only what
//! the commitment needs: every reader must split the same text into the same fields, so white
//! space, keys out of order and text that is no JSON are refused.

use std::borrow::Cow;

use crate::{Error, Part};

/// How deeply values may nest; deeper text is refused, not followed.
const MAX_DEPTH: u32 = 128;

/// Splits a canonical JSON object into its fields: name (unescaped) and value (as written).
///
/// # Errors
///
/// [`Error::Malformed`] if the text is no object in canonical form; [`Error::FieldsOutOfOrder`] if
/// its names are not strictly increasing.
pub fn top_level_fields(json: &str) -> Result<Vec<(Cow<'_, str>, &str)>, Error> {
    let mut scan = Scan { text: json, at: 0 };
    let mut fields: Vec<(Cow<'_, str>, &str)> = Vec::with_capacity(16);
    scan.expect(b'{')?;
    if !scan.skip(b'}') {
        loop {
            let name = unescape(scan.string()?)?;
            if fields.last().is_some_and(|(last, _)| *last >= name) {
                return Err(Error::FieldsOutOfOrder { name: name.into_owned() });
            }
            scan.expect(b':')?;
            let start = scan.at;
            scan.value(0)?;
            let value = json.get(start..scan.at).ok_or_else(|| bad("it is no JSON"))?;
            fields.push((name, value));
            if scan.skip(b'}') {
                break;
            }
            scan.expect(b',')?;
        }
    }
    if scan.at == json.len() { Ok(fields) } else { Err(bad("text follows the event")) }
}

const fn bad(why: &'static str) -> Error {
    Error::Malformed { part: Part::Body, why }
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), Error> {
        if self.skip(byte) { Ok(()) } else { Err(bad("it is no JSON without white space")) }
    }

    /// Reads a string and returns what stands between its quotes, still escaped.
    fn string(&mut self) -> Result<&'a str, Error> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                Some(0..=0x1f) | None => return Err(bad("a string is not closed")),
                Some(_) => self.at += 1,
            }
        }
        let inside = self.text.get(start..self.at).ok_or_else(|| bad("a string is not closed"))?;
        self.at += 1;
        Ok(inside)
    }

    /// Reads what follows a backslash.
    fn escape(&mut self) -> Result<(), Error> {
        let next = self.peek();
        self.at += 1;
        match next {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(()),
            Some(b'u') => {
                let digits = self.text.as_bytes().get(self.at..self.at + 4);
                self.at += 4;
                let is_hex = digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
                if is_hex { Ok(()) } else { Err(bad("an escape is wrong")) }
            }
            _ => Err(bad("an escape is unknown")),
        }
    }

    /// Reads a number token, which is kept as written: no number is ever computed with here.
    fn number(&mut self) -> Result<(), Error> {
        self.skip(b'-');
        if !self.skip(b'0') {
            self.digits()?;
        }
        if self.skip(b'.') {
            self.digits()?;
        }
        if self.skip(b'e') || self.skip(b'E') {
            if !self.skip(b'+') {
                self.skip(b'-');
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Error> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(bad("a number is no JSON")) }
    }

    fn value(&mut self, depth: u32) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(bad("it nests too deeply"));
        }
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => self.sequence(b'{', b'}', |scan| {
                scan.string()?;
                scan.expect(b':')?;
                scan.value(depth + 1)
            }),
            Some(b'[') => self.sequence(b'[', b']', |scan| scan.value(depth + 1)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<(), Error> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let word = ["true", "false", "null"].into_iter().find(|word| rest.starts_with(word));
        self.at += word.ok_or_else(|| bad("a value is no JSON"))?.len();
        Ok(())
    }

    fn sequence(
        &mut self,
        open: u8,
        close: u8,
        mut element: impl FnMut(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.expect(open)?;
        if self.skip(close) {
            return Ok(());
        }
        loop {
            element(self)?;
            if self.skip(close) {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }
}

/// Resolves the escapes of a name.
fn unescape(inside: &str) -> Result<Cow<'_, str>, Error> {
    if !inside.contains('\\') {
        return Ok(Cow::Borrowed(inside));
    }
    let mut out = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(next) = chars.next() {
        if next != '\\' {
            out.push(next);
            continue;
        }
        out.push(match chars.next() {
            Some(same @ ('"' | '\\')) => same,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                // Canonical JSON escapes only what must be: control characters.
                let digits = chars.as_str().get(..4).ok_or_else(|| bad("an escape is cut"))?;
                let code =
                    u32::from_str_radix(digits, 16).map_err(|_| bad("an escape is wrong"))?;
                chars = chars.as_str().get(4..).unwrap_or_default().chars();
                match char::from_u32(code) {
                    Some(control) if control < ' ' => control,
                    _ => return Err(bad("a name has an escape that it does not need")),
                }
            }
            _ => return Err(bad("an escape is unknown")),
        });
    }
    Ok(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split_and_values_kept_as_written() {
        let fields = top_level_fields(r#"{"a":1.50,"b\"\u0001":{"x":["}",null]},"c":"\\"}"#);
        let fields = fields.unwrap();
        assert_eq!(fields[0], (Cow::Borrowed("a"), "1.50"));
        assert_eq!(fields[1].0, "b\"\u{1}");
        assert_eq!(fields[1].1, r#"{"x":["}",null]}"#);
        assert_eq!(fields[2].1, r#""\\""#);
        assert!(top_level_fields("{}").unwrap().is_empty());
    }

    #[test]
    fn every_form_of_number_and_escape_is_read() {
        let json = r#"{"a":[0,-0,10,-1.05,1e9,2.5E-3,0e+1],"b":"\"\\\/\b\f\n\r\t\u001f"}"#;
        assert_eq!(top_level_fields(json).unwrap().len(), 2);
    }

    #[test]
    fn what_is_not_canonical_is_refused() {
        for bad in [
            "",
            "[]",
            "{",
            "{\"a\":1",
            "{\"a\":1}x",
            "{\"a\": 1}",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\"}",
            "{\"a\":tru}",
            "{\"a\":\"}",
            "{\"a\":\"\\",
            "{\"\\u0041\":1}",
            "{\"\\u00zz\":1}",
            "{\"\\u00\":1}",
            "{\"a\":[1 ,2]}",
            "{\"a\":}",
            "{\"a\":-}",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":1e}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\u12g4\"}",
            "{\"a\":\"\\\u{e9}\"}",
            "{\"a\":\"\n\"}",
        ] {
            assert!(top_level_fields(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_out_of_order_or_twice_are_refused() {
        for bad in ["{\"b\":1,\"a\":2}", "{\"a\":1,\"a\":2}"] {
            let fault = top_level_fields(bad).unwrap_err();
            assert_eq!(fault, Error::FieldsOutOfOrder { name: "a".into() });
        }
    }

    #[test]
    fn deep_nesting_is_refused_not_followed() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(top_level_fields(&deep), Err(bad("it nests too deeply")));
    }
}
