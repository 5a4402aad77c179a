//! What users add to an event: fields outside the standard, under names that are full IRIs.

use crate::Error;
use crate::context::{Coercion, Context};
use crate::json::{Members, Node, write_string};
use crate::record::Canonical;

/// What canonical JSON puts around a value that names a thing: `{"@id":}`.
const IRI_FRAME_BYTES: usize = 8;

/// What it puts around a value and its datatype: `{"@type":"","@value":}`.
const DATATYPE_FRAME_BYTES: usize = 22;

/// A JSON value of an extension. Numbers are kept as they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// The token of a number.
    Number(String),
    /// A string.
    String(String),
    /// An array, in its order.
    Array(Vec<Self>),
    /// An object: names strictly increasing.
    Object(Vec<(String, Self)>),
}

/// The extensions at one place of an event: names (full IRIs) strictly increasing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions(Vec<(String, Value)>);

impl Extensions {
    /// Goes through them in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Finds one by its name, a full IRI.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_slice(&self) -> &[(String, Value)] {
        &self.0
    }

    /// Adds a member that the standard does not know at its place.
    pub(crate) fn add(
        &mut self,
        name: &str,
        node: Node<'_>,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        let Some(expanded) = context.extension(name)? else {
            return Err(Error::new(
                crate::Reason::FieldUnknown,
                "the standard knows no such field here",
                "correct the name, or give an extension a declared prefix, as in `example:field`",
            ));
        };
        let value = value(node, context, expanded.coercion)?;
        self.0.push((expanded.name.into_owned(), value));
        Ok(())
    }

    /// Puts them in order once all are there.
    pub(crate) fn sort(&mut self) -> Result<(), Error> {
        sort(&mut self.0)
    }
}

/// Reads an object that consists of nothing but extensions.
pub(crate) fn extensions(node: Node<'_>, context: &Context<'_>) -> Result<Extensions, Error> {
    let mut extensions = Extensions::default();
    for (name, node) in node.into_object()? {
        extensions.add(&name, node, context).map_err(|error| error.under(&name))?;
    }
    extensions.sort()?;
    Ok(extensions)
}

fn sort(members: &mut [(String, Value)]) -> Result<(), Error> {
    members.sort_unstable_by(|(first, _), (second, _)| first.cmp(second));
    let twice = members.windows(2).find_map(|pair| match pair {
        [(first, _), (second, _)] if first == second => Some(first),
        _ => None,
    });
    match twice {
        None => Ok(()),
        Some(name) => Err(Error::invalid(
            format!("`{}` is given twice, under two names", crate::error::quoted(name)),
            "keep one of the two",
        )),
    }
}

fn value(
    node: Node<'_>,
    context: &Context<'_>,
    coercion: Option<&Coercion>,
) -> Result<Value, Error> {
    let plain = match node {
        Node::Null => return Ok(Value::Null),
        Node::Array(elements) => {
            let mut values = Vec::with_capacity(elements.len());
            for (index, element) in elements.into_iter().enumerate() {
                values.push(value(element, context, coercion).map_err(|error| error.at(index))?);
            }
            return Ok(Value::Array(values));
        }
        Node::Object(members) => return object(members, context),
        Node::Bool(value) => Value::Bool(value),
        Node::Number(token) => Value::Number(token.to_owned()),
        Node::String(text) if coercion == Some(&Coercion::Iri) => {
            let iri = context.value(text)?.into_owned();
            context.grow(IRI_FRAME_BYTES)?;
            return Ok(Value::Object(vec![("@id".to_owned(), Value::String(iri))]));
        }
        Node::String(text) => Value::String(text.into_owned()),
    };
    // The type stands in the document's context; the event alone must say it too.
    let Some(Coercion::Datatype(datatype)) = coercion else { return Ok(plain) };
    context.grow(datatype.len().saturating_add(DATATYPE_FRAME_BYTES))?;
    Ok(Value::Object(vec![
        ("@type".to_owned(), Value::String(datatype.clone())),
        ("@value".to_owned(), plain),
    ]))
}

fn object(members: Members<'_>, context: &Context<'_>) -> Result<Value, Error> {
    let mut read = Vec::with_capacity(members.len());
    for (name, node) in members {
        let member = member(&name, node, context).map_err(|error| error.under(&name))?;
        read.push(member);
    }
    sort(&mut read)?;
    Ok(Value::Object(read))
}

fn member(name: &str, node: Node<'_>, context: &Context<'_>) -> Result<(String, Value), Error> {
    if name == "@context" {
        return Err(Error::invalid(
            "a context inside an extension is not supported",
            "declare the prefixes at the event or at the document",
        ));
    }
    if matches!(name, "@id" | "@type" | "id" | "type") {
        return Ok((name.to_owned(), names_of_things(node, context)?));
    }
    if is_name(name)
        && let Some(expanded) = context.extension(name)?
    {
        let value = value(node, context, expanded.coercion)?;
        return Ok((expanded.name.into_owned(), value));
    }
    Ok((name.to_owned(), value(node, context, None)?))
}

/// Whether a member's name can be an IRI at all. Within an extension it may be anything: `12:30`.
fn is_name(name: &str) -> bool {
    !name.starts_with('@') && (!name.contains(':') || gs1::check_uri(name).is_ok())
}

/// A value that names things: a string or an array of strings, written out.
fn names_of_things(node: Node<'_>, context: &Context<'_>) -> Result<Value, Error> {
    match node {
        Node::String(text) => Ok(Value::String(context.value(text)?.into_owned())),
        Node::Array(elements) => elements
            .into_iter()
            .map(|element| names_of_things(element, context))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        other => value(other, context, None),
    }
}

impl Canonical for Value {
    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => value.write(out),
            Self::Number(token) => out.push_str(token),
            Self::String(text) => write_string(out, text),
            Self::Array(values) => values.write(out),
            Self::Object(members) => write_members(out, members),
        }
    }
}

impl Canonical for Extensions {
    fn write(&self, out: &mut String) {
        write_members(out, &self.0);
    }
}

fn write_members(out: &mut String, members: &[(String, Value)]) {
    out.push('{');
    for (index, (name, value)) in members.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(out, name);
        out.push(':');
        value.write(out);
    }
    out.push('}');
}
