//! How the fields of a record are read: one function per sort of value.

use std::borrow::Cow;

use crate::context::Context;
use crate::error::quoted;
use crate::json::Node;
use crate::record::Canonical;
use crate::time::{self, Time};
use crate::vocabulary::Vocabulary;
use crate::{Action, Error, Kind};

/// A number as it was written: never a float, so that nothing of it is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(String);

impl Number {
    /// The token as written, such as `2.50` or `1E400`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Canonical for Number {
    fn write(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

impl Canonical for Time {
    fn write(&self, out: &mut String) {
        self.as_str().write(out);
    }
}

/// One URI or several: `certificationInfo` may be either, and stays what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OneOrMany {
    /// A string.
    One(String),
    /// An array of strings.
    Many(Vec<String>),
}

impl OneOrMany {
    /// The URIs.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(uri) => std::slice::from_ref(uri),
            Self::Many(uris) => uris,
        }
    }
}

impl Canonical for OneOrMany {
    fn write(&self, out: &mut String) {
        match self {
            Self::One(uri) => uri.write(out),
            Self::Many(uris) => uris.write(out),
        }
    }
}

pub(crate) fn text(node: Node<'_>, _: &Context<'_>) -> Result<String, Error> {
    node.into_string().map(Cow::into_owned)
}

pub(crate) fn number(node: Node<'_>, _: &Context<'_>) -> Result<Number, Error> {
    match node {
        Node::Number(token) => Ok(Number(token.to_owned())),
        other => Err(other.unexpected("a number")),
    }
}

pub(crate) fn boolean(node: Node<'_>, _: &Context<'_>) -> Result<bool, Error> {
    match node {
        Node::Bool(value) => Ok(value),
        other => Err(other.unexpected("a boolean")),
    }
}

pub(crate) fn time(node: Node<'_>, context: &Context<'_>) -> Result<Time, Error> {
    Time::parse(text(node, context)?)
}

pub(crate) fn offset(node: Node<'_>, context: &Context<'_>) -> Result<String, Error> {
    let text = text(node, context)?;
    time::check_offset(&text)?;
    Ok(text)
}

pub(crate) fn uri(node: Node<'_>, context: &Context<'_>) -> Result<String, Error> {
    let text = context.value(node.into_string()?)?;
    check_uri(&text)?;
    Ok(text.into_owned())
}

fn check_uri(text: &str) -> Result<(), Error> {
    gs1::check_uri(text)
        .map_err(|error| Error::invalid(format!("`{}` is {error}", quoted(text)), error.hint()))
}

pub(crate) fn uris(node: Node<'_>, context: &Context<'_>) -> Result<Vec<String>, Error> {
    list(node, context, uri)
}

pub(crate) fn one_or_many(node: Node<'_>, context: &Context<'_>) -> Result<OneOrMany, Error> {
    match node {
        Node::Array(_) => uris(node, context).map(OneOrMany::Many),
        other => uri(other, context).map(OneOrMany::One),
    }
}

pub(crate) fn list<T>(
    node: Node<'_>,
    context: &Context<'_>,
    element: impl Fn(Node<'_>, &Context<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let nodes = node.into_array()?;
    let mut read = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.into_iter().enumerate() {
        read.push(element(node, context).map_err(|error| error.at(index))?);
    }
    Ok(read)
}

/// A word of the vocabulary, or a URI of the user's own.
pub(crate) fn word(
    node: Node<'_>,
    context: &Context<'_>,
    vocabulary: &Vocabulary,
) -> Result<String, Error> {
    let text = node.into_string()?;
    if vocabulary.has(&text) {
        return Ok(text.into_owned());
    }
    if text.contains(':') {
        let text = context.value(text)?;
        check_uri(&text)?;
        return Ok(text.into_owned());
    }
    if let Some(iri) = context.word(&text)? {
        check_uri(&iri)?;
        return Ok(iri);
    }
    Err(Error::invalid(
        format!("`{}` is no {} of CBV 2.0", quoted(&text), vocabulary.what),
        "take a word of the Core Business Vocabulary, or a full URI of your own",
    ))
}

pub(crate) fn hex(node: Node<'_>, context: &Context<'_>) -> Result<String, Error> {
    let text = text(node, context)?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Error::invalid("not hexadecimal", "write pairs of digits 0-9 and a-f"));
    }
    Ok(text)
}

/// A unit of measure: a code of UN/CEFACT Recommendation 20.
pub(crate) fn unit(node: Node<'_>, context: &Context<'_>) -> Result<String, Error> {
    let text = text(node, context)?;
    let is_code = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if !(2..=3).contains(&text.len()) || !is_code {
        return Err(Error::invalid(
            format!("`{}` is no unit code", quoted(&text)),
            "take a code of UN/CEFACT Recommendation 20, such as `KGM`",
        ));
    }
    Ok(text)
}

pub(crate) fn action(node: Node<'_>, context: &Context<'_>) -> Result<Action, Error> {
    let text = text(node, context)?;
    match text.as_str() {
        "ADD" => Ok(Action::Add),
        "OBSERVE" => Ok(Action::Observe),
        "DELETE" => Ok(Action::Delete),
        _ => Err(Error::invalid(
            format!("`{}` is no action", quoted(&text)),
            "write `ADD`, `OBSERVE` or `DELETE`",
        )),
    }
}

impl Canonical for Action {
    fn write(&self, out: &mut String) {
        self.as_str().write(out);
    }
}

pub(crate) fn kind(node: Node<'_>, context: &Context<'_>) -> Result<Kind, Error> {
    let text = text(node, context)?;
    Kind::named(&text).ok_or_else(|| {
        Error::invalid(
            format!("`{}` is no event type", quoted(&text)),
            "write `ObjectEvent`, `AggregationEvent`, `TransactionEvent`, `TransformationEvent` or \
             `AssociationEvent`",
        )
    })
}

impl Canonical for Kind {
    fn write(&self, out: &mut String) {
        self.as_str().write(out);
    }
}
