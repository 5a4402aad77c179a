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
const MAX_VALUES: usize = 2_000_000;

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

/// Takes the member `name` out of an object.
pub(crate) fn take<'a>(members: &mut Members<'a>, name: &str) -> Option<Node<'a>> {
    let place = members.iter().position(|(found, _)| found == name)?;
    Some(members.remove(place).1)
}
