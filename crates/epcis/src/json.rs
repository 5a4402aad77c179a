//! JSON, read strictly: UTF-8 only, no name twice in an object, numbers kept as they were written.
//!
//! Numbers never become floats, because two different texts must not become one value; and text
//! without escapes is borrowed from the input, because most of it is.

mod reader;
mod scan;
mod write;

use std::borrow::Cow;

pub(crate) use reader::parse;
pub(crate) use scan::{MAX_DEPTH as MAX_CANONICAL_DEPTH, top_level};
pub(crate) use write::write_string;

use crate::Error;

/// Most values in one document. It bounds memory: sixteen million bytes can be eight million zeros.
/// Ten thousand events of fifty values are honest.
const MAX_VALUES: usize = 500_000;

/// A JSON value of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node<'a> {
    Null,
    Bool(bool),
    /// The token as written.
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<Self>),
    /// The members in the order of the document, no name twice.
    Object(Members<'a>),
}

/// The members of an object.
pub(crate) type Members<'a> = Vec<(Cow<'a, str>, Node<'a>)>;

impl<'a> Node<'a> {
    /// What the value is, for messages.
    pub(crate) fn sort(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// How long the value is in canonical JSON, as long as no name in it is written out.
    fn canonical_len(&self) -> usize {
        match self {
            Self::Null | Self::Bool(true) => 4,
            Self::Bool(false) => 5,
            Self::Number(token) => token.len(),
            Self::String(text) => string_len(text),
            Self::Array(elements) => {
                1 + elements.iter().map(|element| element.canonical_len() + 1).sum::<usize>().max(1)
            }
            Self::Object(members) => members_len(members),
        }
    }

    /// The error for a value of another sort than `wanted`.
    pub(crate) fn unexpected(&self, wanted: &str) -> Error {
        Error::invalid(
            format!("expected {wanted}, found {}", self.sort()),
            format!("write {wanted} here"),
        )
    }

    pub(crate) fn into_object(self) -> Result<Members<'a>, Error> {
        match self {
            Self::Object(members) => Ok(members),
            other => Err(other.unexpected("an object")),
        }
    }

    pub(crate) fn into_array(self) -> Result<Vec<Self>, Error> {
        match self {
            Self::Array(elements) => Ok(elements),
            other => Err(other.unexpected("an array")),
        }
    }

    pub(crate) fn into_string(self) -> Result<Cow<'a, str>, Error> {
        match self {
            Self::String(text) => Ok(text),
            other => Err(other.unexpected("a string")),
        }
    }
}

/// How long an object of these members is in canonical JSON, as long as no name is written out.
pub(crate) fn members_len(members: &Members<'_>) -> usize {
    let member =
        |(name, node): &(Cow<'_, str>, Node<'_>)| string_len(name) + node.canonical_len() + 2;
    1 + members.iter().map(member).sum::<usize>().max(1)
}

#[expect(clippy::ptr_arg, reason = "whether it was borrowed is half of what it says")]
fn string_len(text: &Cow<'_, str>) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | 0x8 | 0xc | b'\n' | b'\r' | b'\t' => 2,
        0..=0x1f => 6,
        _ => 1,
    };
    2 + match text {
        // Borrowed from the input, so there was nothing to unescape.
        Cow::Borrowed(text) => text.len(),
        Cow::Owned(text) => text.bytes().map(escaped).sum(),
    }
}

/// Takes the member `name` out of an object.
pub(crate) fn take<'a>(members: &mut Members<'a>, name: &str) -> Option<Node<'a>> {
    let place = members.iter().position(|(found, _)| found == name)?;
    Some(members.remove(place).1)
}
