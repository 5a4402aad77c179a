use std::borrow::Cow;

use super::{MAX_VALUES, Members, Node};
use crate::error::quoted;
use crate::{Error, Reason};

/// Reads one JSON document of at most so many levels.
pub(crate) fn parse(bytes: &[u8], max_depth: usize) -> Result<Node<'_>, Error> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Error::new(
            Reason::JsonMalformed,
            format!("not UTF-8 at byte {}", error.valid_up_to()),
            "save the document as UTF-8",
        )
    })?;
    let mut reader = Reader { text, place: 0, values: 0, max_depth };
    let node = reader.value(0)?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.malformed("something follows the document")),
    }
}

struct Reader<'a> {
    text: &'a str,
    /// Next byte to read; always at the boundary of a character.
    place: usize,
    values: usize,
    max_depth: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.place).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.place..).unwrap_or_default()
    }

    fn slice(&self, start: usize) -> &'a str {
        self.text.get(start..self.place).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.place += 1;
        }
    }

    fn malformed(&self, what: &str) -> Error {
        let before = self.text.as_bytes().get(..self.place).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
        Error::new(
            Reason::JsonMalformed,
            format!("{what} at byte {} (line {line}, column {column})", self.place),
            "send valid JSON (RFC 8259)",
        )
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, Error> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Error::new(
                Reason::DocumentTooLarge,
                format!("more than {MAX_VALUES} values"),
                "send the events in several captures",
            ));
        }
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(self.deeper(depth)?),
            Some(b'[') => self.array(self.deeper(depth)?),
            Some(b'"') => self.string().map(Node::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Node::Bool(true)),
            Some(b'f') => self.word("false", Node::Bool(false)),
            Some(b'n') => self.word("null", Node::Null),
            Some(_) => Err(self.malformed("no value begins with this character,")),
            None => Err(self.malformed("the document ends where a value should stand,")),
        }
    }

    fn deeper(&self, depth: usize) -> Result<usize, Error> {
        if depth >= self.max_depth {
            return Err(Error::new(
                Reason::JsonTooDeep,
                format!("more than {} levels deep at byte {}", self.max_depth, self.place),
                format!("flatten the document to at most {} levels", self.max_depth),
            ));
        }
        Ok(depth + 1)
    }

    fn word(&mut self, word: &str, node: Node<'a>) -> Result<Node<'a>, Error> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.malformed("no value begins with this character,"));
        }
        self.place += word.len();
        Ok(node)
    }

    fn array(&mut self, depth: usize) -> Result<Node<'a>, Error> {
        self.place += 1;
        self.skip_space();
        let mut elements = Vec::new();
        if self.peek() == Some(b']') {
            self.place += 1;
            return Ok(Node::Array(elements));
        }
        loop {
            elements.push(self.value(depth).map_err(|error| error.at(elements.len()))?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.place += 1,
                Some(b']') => {
                    self.place += 1;
                    return Ok(Node::Array(elements));
                }
                _ => return Err(self.malformed("expected `,` or `]`")),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node<'a>, Error> {
        self.place += 1;
        self.skip_space();
        let mut members: Members<'a> = Vec::new();
        if self.peek() == Some(b'}') {
            self.place += 1;
            return Ok(Node::Object(members));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.malformed("expected a name in quotes"));
            }
            let name = self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.malformed("expected `:`"));
            }
            self.place += 1;
            match self.value(depth) {
                Ok(value) => members.push((name, value)),
                Err(error) => return Err(error.under(&name)),
            }
            self.skip_space();
            match self.peek() {
                Some(b',') => self.place += 1,
                Some(b'}') => {
                    self.place += 1;
                    break;
                }
                _ => return Err(self.malformed("expected `,` or `}`")),
            }
        }
        match repeated(&members) {
            None => Ok(Node::Object(members)),
            Some(name) => {
                let what = format!("the name `{}` stands twice in the object ending", quoted(name));
                Err(self.malformed(&what))
            }
        }
    }

    fn number(&mut self) -> Result<Node<'a>, Error> {
        let start = self.place;
        if self.peek() == Some(b'-') {
            self.place += 1;
        }
        match self.peek() {
            Some(b'0') => self.place += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.malformed("expected a digit")),
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
        Ok(Node::Number(self.slice(start)))
    }

    /// Reads one digit or more.
    fn digits(&mut self) -> Result<(), Error> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return Err(self.malformed("expected a digit"));
        }
        self.place += count;
        Ok(())
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Error> {
        self.place += 1;
        let start = self.place;
        self.run();
        if self.peek() == Some(b'"') {
            let text = self.slice(start);
            self.place += 1;
            return Ok(Cow::Borrowed(text));
        }
        let mut out = String::from(self.slice(start));
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.place += 1;
                    return Ok(Cow::Owned(out));
                }
                Some(b'\\') => {
                    self.place += 1;
                    out.push(self.escape()?);
                }
                Some(_) => return Err(self.malformed("unescaped control character in a string")),
                None => return Err(self.malformed("the document ends inside a string,")),
            }
            let start = self.place;
            self.run();
            out.push_str(self.slice(start));
        }
    }

    /// Skips what stands for itself in a string.
    fn run(&mut self) {
        let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
        let rest = self.rest();
        self.place += rest.iter().position(special).unwrap_or(rest.len());
    }

    fn escape(&mut self) -> Result<char, Error> {
        let escaped = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.place += 1;
                return self.unicode();
            }
            _ => return Err(self.malformed("no such escape,")),
        };
        self.place += 1;
        Ok(escaped)
    }

    /// Reads `XXXX` or `XXXX\uXXXX`. Half a surrogate pair is no character, and refused.
    fn unicode(&mut self) -> Result<char, Error> {
        let first = self.hex4()?;
        let code = if (0xd800..0xdc00).contains(&first) {
            if !self.rest().starts_with(b"\\u") {
                return Err(self.malformed("half a surrogate pair"));
            }
            self.place += 2;
            let second = self.hex4()?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(self.malformed("half a surrogate pair"));
            }
            0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.malformed("half a surrogate pair"))
    }

    fn hex4(&mut self) -> Result<u32, Error> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.malformed("expected four hexadecimal digits"));
            };
            code = code * 16 + digit;
            self.place += 1;
        }
        Ok(code)
    }
}

/// The first name that stands twice.
fn repeated<'m>(members: &'m Members<'_>) -> Option<&'m str> {
    // Few names: comparing all pairs beats sorting. Many: sorting keeps a hostile object
    // linear-ish.
    if members.len() <= 24 {
        let mut rest = members.iter();
        while let Some((name, _)) = rest.next() {
            if rest.clone().any(|(other, _)| other == name) {
                return Some(name);
            }
        }
        return None;
    }
    let mut names: Vec<&str> = members.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    names.windows(2).find_map(|pair| match pair {
        [first, second] if first == second => Some(*first),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
