//! A fast look at canonical JSON: checks its form and splits it, without building anything.

use super::write_string;
use crate::{Error, Reason};

/// Deepest canonical event: what the reader lets in, and what expansion can add.
pub(crate) const MAX_DEPTH: usize = 128;

/// Splits a canonical JSON object into its names and the texts of their values.
pub(crate) fn top_level(text: &str) -> Result<Vec<(&str, &str)>, Error> {
    let mut scanner = Scanner { text, place: 0 };
    let mut fields = Vec::with_capacity(16);
    scanner.object(0, &mut |name, value| fields.push((name, value)))?;
    if scanner.place != text.len() {
        return Err(scanner.fault("something follows the object"));
    }
    Ok(fields)
}

struct Scanner<'a> {
    text: &'a str,
    place: usize,
}

impl<'a> Scanner<'a> {
    fn fault(&self, what: &str) -> Error {
        Error::new(
            Reason::NotCanonical,
            format!("{what} at byte {}", self.place),
            "send the bytes that `canonical_json` gave",
        )
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.place).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.place..).unwrap_or_default()
    }

    fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    fn expect(&mut self, byte: u8) -> Result<(), Error> {
        if self.peek() != Some(byte) {
            return Err(self.fault(&format!("expected `{}`", char::from(byte))));
        }
        self.place += 1;
        Ok(())
    }

    fn object(
        &mut self,
        depth: usize,
        member: &mut dyn FnMut(&'a str, &'a str),
    ) -> Result<(), Error> {
        if depth >= MAX_DEPTH {
            return Err(self.fault("too many levels"));
        }
        self.expect(b'{')?;
        if self.peek() == Some(b'}') {
            self.place += 1;
            return Ok(());
        }
        let mut last: Option<&'a str> = None;
        loop {
            let name = self.string()?;
            if last.is_some_and(|last| !precedes(last, name)) {
                return Err(self.fault("a name is out of order before"));
            }
            last = Some(name);
            self.expect(b':')?;
            let start = self.place;
            self.value(depth + 1)?;
            member(name, self.slice(start, self.place));
            match self.peek() {
                Some(b',') => self.place += 1,
                _ => return self.expect(b'}'),
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<(), Error> {
        match self.peek() {
            Some(b'{') => self.object(depth, &mut |_, _| {}),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                for word in ["true", "false", "null"] {
                    if self.rest().starts_with(word.as_bytes()) {
                        self.place += word.len();
                        return Ok(());
                    }
                }
                Err(self.fault("expected a value"))
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), Error> {
        if depth >= MAX_DEPTH {
            return Err(self.fault("too many levels"));
        }
        self.expect(b'[')?;
        if self.peek() == Some(b']') {
            self.place += 1;
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            match self.peek() {
                Some(b',') => self.place += 1,
                _ => return self.expect(b']'),
            }
        }
    }

    fn number(&mut self) -> Result<(), Error> {
        if self.peek() == Some(b'-') {
            self.place += 1;
        }
        match self.peek() {
            Some(b'0') => self.place += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.place += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.place += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.place += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Error> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return Err(self.fault("expected a digit"));
        }
        self.place += count;
        Ok(())
    }

    /// Reads a string and gives what stands between its quotes, escapes and all.
    fn string(&mut self) -> Result<&'a str, Error> {
        self.expect(b'"')?;
        let start = self.place;
        loop {
            let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
            let rest = self.rest();
            self.place += rest.iter().position(special).unwrap_or(rest.len());
            match self.peek() {
                Some(b'"') => {
                    self.place += 1;
                    return Ok(self.slice(start, self.place - 1));
                }
                Some(b'\\') => self.place += self.escape()?,
                _ => return Err(self.fault("a string does not end")),
            }
        }
    }

    /// Length of an escape in the shortest form.
    fn escape(&self) -> Result<usize, Error> {
        match self.rest() {
            [b'\\', b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Ok(2),
            [b'\\', b'u', b'0', b'0', high @ (b'0' | b'1'), low, ..] => {
                let code = char::from(*low).to_digit(16).filter(|_| !low.is_ascii_uppercase());
                let character = code
                    .and_then(|low| char::from_u32(u32::from(*high - b'0') * 16 + low))
                    .ok_or_else(|| self.fault("no such escape"))?;
                let mut shortest = String::new();
                write_string(&mut shortest, character.encode_utf8(&mut [0; 4]));
                if shortest.len() == 8 { Ok(6) } else { Err(self.fault("not the shortest escape")) }
            }
            _ => Err(self.fault("not the shortest escape")),
        }
    }
}

/// Whether one name sorts before another by code point, which for UTF-8 is by byte.
fn precedes(first: &str, second: &str) -> bool {
    if first.contains('\\') || second.contains('\\') {
        return unescaped(first) < unescaped(second);
    }
    first < second
}

fn unescaped(raw: &str) -> Option<String> {
    match super::parse(format!("\"{raw}\"").as_bytes(), 1) {
        Ok(super::Node::String(text)) => Some(text.into_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split() {
        let text = r#"{"a":[1,{"b":"}"},-2.5e3],"http://x/":{},"z":"\u0001\n\""}"#;
        let expected =
            vec![("a", r#"[1,{"b":"}"},-2.5e3]"#), ("http://x/", "{}"), ("z", r#""\u0001\n\"""#)];
        assert_eq!(top_level(text), Ok(expected));
        assert_eq!(top_level("{}"), Ok(Vec::new()));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "[]",
            "{",
            r#"{"a":1"#,
            r#"{"a" :1}"#,
            r#"{"a":1} "#,
            r#"{"b":1,"a":1}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a":{"c":1,"b":1}}"#,
            r#"{"a":[1, 2]}"#,
            r#"{"a":"\/"}"#,
            r#"{"a":"\u0041"}"#,
            r#"{"a":"\u000a"}"#,
            r#"{"a":"\u001F"}"#,
            r#"{"a":"\u007f"}"#,
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":tru}"#,
            r#"{"a":"x}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":1}x"#,
        ] {
            assert_eq!(top_level(text).expect_err(text).reason, Reason::NotCanonical, "{text}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(2_000), "]".repeat(2_000));
        assert!(top_level(&deep).is_err());
    }

    #[test]
    fn names_with_escapes_are_ordered_by_what_they_mean() {
        assert!(top_level(r#"{"\n":1,"\"":2,"\\":3,"a":4}"#).is_ok());
        assert!(top_level(r#"{"\\":1,"\"":2}"#).is_err());
    }
}
