//! Documents: the envelopes in which events travel.

use std::borrow::Cow;

use crate::budget::Budget;
use crate::context::Context;
use crate::error::quoted;
use crate::json::{self, Members, Node};
use crate::time::Time;
use crate::{Error, Event, Kind, Reason};

/// How much a document may ask of the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in the document.
    pub max_bytes: usize,
    /// Levels of objects and arrays inside one another; never more than 120, whatever is set.
    pub max_depth: usize,
    /// Events in the document.
    pub max_events: usize,
    /// Canonical bytes of one event, in which all names and datatypes are written out.
    pub max_event_bytes: usize,
    /// Canonical bytes of all events together.
    pub max_expanded_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 16 << 20,
            max_depth: 64,
            max_events: 10_000,
            max_event_bytes: 1 << 20,
            max_expanded_bytes: 16 << 20,
        }
    }
}

/// In which envelope the events came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An `EPCISDocument`.
    Document,
    /// An `EPCISQueryDocument`.
    QueryDocument,
    /// One event by itself.
    Event,
    /// An array of events.
    Events,
}

/// The events of one capture, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Document {
    /// In which envelope they came.
    pub form: Form,
    /// When the document was made, if it says so.
    pub creation_date: Option<Time>,
    /// The events, in the order of the document.
    pub events: Vec<Event>,
}

/// Deepest document that any limit allows: canonical form adds a level or two to it.
const MAX_DEPTH: usize = 120;

/// Reads an `EPCISDocument`, an `EPCISQueryDocument`, one bare event, or an array of events, as
/// JSON or JSON-LD.
///
/// One bad event refuses the whole document: what is captured together stands or falls together.
///
/// # Errors
///
/// [`Error`] names the first thing that is wrong, where it stands, and what to do.
pub fn parse_document(bytes: &[u8], limits: &Limits) -> Result<Document, Error> {
    if bytes.len() > limits.max_bytes {
        return Err(Error::new(
            Reason::DocumentTooLarge,
            format!("{} bytes, more than {}", bytes.len(), limits.max_bytes),
            "send the events in several captures",
        ));
    }
    let budget = Budget::new(limits);
    let context = Context::within(&budget);
    match json::parse(bytes, limits.max_depth.min(MAX_DEPTH)).map_err(shortened)? {
        Node::Array(nodes) => {
            let events = events(nodes, &context, limits)?;
            Ok(Document { form: Form::Events, creation_date: None, events })
        }
        Node::Object(members) => object(members, &context, limits),
        other => Err(other.unexpected("an EPCIS document or an event")),
    }
}

/// Paths begin at the list of events, whichever envelope is around it.
fn shortened(mut error: Error) -> Error {
    for envelope in ["epcisBody.", "queryResults.", "resultsBody."] {
        if let Some(rest) = error.path.strip_prefix(envelope) {
            error.path = rest.to_owned();
        }
    }
    error
}

fn object(
    mut members: Members<'_>,
    context: &Context<'_>,
    limits: &Limits,
) -> Result<Document, Error> {
    let kind = members.iter().find(|(name, _)| name == "type").map(|(_, node)| node);
    let form = match kind {
        Some(Node::String(kind)) if kind == "EPCISDocument" => Form::Document,
        Some(Node::String(kind)) if kind == "EPCISQueryDocument" => Form::QueryDocument,
        Some(Node::String(kind)) if Kind::named(kind).is_some() => {
            if limits.max_events == 0 {
                return Err(too_many(1, limits));
            }
            let events = vec![Event::read(members, context)?];
            return Ok(Document { form: Form::Event, creation_date: None, events });
        }
        Some(Node::String(kind)) => {
            return Err(Error::invalid(
                format!("`{}` is neither a document nor an event type", quoted(kind)),
                "write `EPCISDocument`, `EPCISQueryDocument` or one of the five event types",
            )
            .under("type"));
        }
        Some(other) => return Err(other.unexpected("a string").under("type")),
        None => return Err(Error::missing("type", "a document needs `type`")),
    };
    let extended = match json::take(&mut members, "@context") {
        Some(node) => Some(context.extended(node)?),
        None => None,
    };
    let context = extended.as_ref().unwrap_or(context);
    let (body, creation_date) = header(members, context)?;
    let list = match form {
        Form::QueryDocument => result_list(body)?,
        _ => member(body, "eventList", &[]).map_err(|error| error.under("epcisBody"))?,
    };
    let events = list
        .into_array()
        .and_then(|nodes| events(nodes, context, limits))
        .map_err(|error| error.under("eventList"))?;
    Ok(Document { form, creation_date, events })
}

/// Checks what stands around the body, and gives the body and the date of creation.
fn header<'a>(
    members: Members<'a>,
    context: &Context<'_>,
) -> Result<(Node<'a>, Option<Time>), Error> {
    let mut body = None;
    let mut creation_date = None;
    for (name, node) in members {
        match &*name {
            "epcisBody" => body = Some(node),
            "creationDate" => {
                let read = node.into_string().map(Cow::into_owned).and_then(Time::parse);
                creation_date = Some(read.map_err(|error| error.under("creationDate"))?);
            }
            "schemaVersion" => {
                check_version(node).map_err(|error| error.under("schemaVersion"))?;
            }
            "type" | "id" | "instanceIdentifier" | "sender" | "receiver" | "epcisHeader"
            | "$schema" => {}
            other => {
                if context.extension(other).map_err(|error| error.under(other))?.is_none() {
                    return Err(unknown(other));
                }
            }
        }
    }
    let body = body.ok_or_else(|| Error::missing("epcisBody", "a document needs `epcisBody`"))?;
    Ok((body, creation_date))
}

fn check_version(node: Node<'_>) -> Result<(), Error> {
    let version = node.into_string()?;
    if version.split('.').next() == Some("2") {
        return Ok(());
    }
    Err(Error::invalid(
        format!("version {} is not read", quoted(&version)),
        "convert the document to EPCIS 2.0",
    ))
}

fn unknown(name: &str) -> Error {
    Error::new(
        Reason::FieldUnknown,
        "the standard knows no such field here",
        "correct the name, or give an extension a declared prefix, as in `example:field`",
    )
    .under(name)
}

/// Takes one member out of an object that may have certain others.
fn member<'a>(node: Node<'a>, wanted: &str, others: &[&str]) -> Result<Node<'a>, Error> {
    let mut found = None;
    for (name, node) in node.into_object()? {
        if name == wanted {
            found = Some(node);
        } else if !others.contains(&&*name) && !name.contains(':') {
            return Err(unknown(&name));
        }
    }
    found.ok_or_else(|| Error::missing(wanted, format!("`{wanted}` is not there")))
}

fn result_list(body: Node<'_>) -> Result<Node<'_>, Error> {
    member(body, "queryResults", &[])
        .and_then(|results| {
            member(results, "resultsBody", &["queryName", "subscriptionID"])
                .and_then(|results| {
                    member(results, "eventList", &["vocabularyList"])
                        .map_err(|error| error.under("resultsBody"))
                })
                .map_err(|error| error.under("queryResults"))
        })
        .map_err(|error| error.under("epcisBody"))
}

fn events(
    nodes: Vec<Node<'_>>,
    context: &Context<'_>,
    limits: &Limits,
) -> Result<Vec<Event>, Error> {
    if nodes.len() > limits.max_events {
        return Err(too_many(nodes.len(), limits));
    }
    let mut events = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.into_iter().enumerate() {
        let event = node.into_object().and_then(|members| Event::read(members, context));
        events.push(event.map_err(|error| error.at(index))?);
    }
    Ok(events)
}

fn too_many(count: usize, limits: &Limits) -> Error {
    Error::new(
        Reason::TooManyEvents,
        format!("{count} events, more than {}", limits.max_events),
        "send the events in several captures",
    )
}
