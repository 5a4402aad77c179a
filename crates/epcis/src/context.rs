//! What the names of a document stand for: the part of JSON-LD that EPCIS uses.
//!
//! An event must stand alone once its document is gone. So each prefixed name is written out as a
//! full IRI, each value whose field holds an IRI likewise, and each value that the context gives a
//! datatype carries it. What a context says beyond that is refused: silently dropped, it would be
//! lost.

mod definitions;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::budget::Budget;
use crate::error::quoted;
use crate::json::Node;
use crate::{Error, Reason};

/// The prefixes and terms in force at one place.
///
/// An event's context lies on top of its document's and does not copy it: ten thousand events over
/// one large context must cost no more than their size.
#[derive(Debug, Default)]
pub(crate) struct Context<'o> {
    outer: Option<&'o Self>,
    terms: BTreeMap<String, Term>,
    vocab: Option<String>,
    /// Whether prefixes that nobody declared are refused. Canonical events have none to declare.
    lenient: bool,
    /// What writing out may still add; without one, nothing is counted.
    budget: Option<&'o Budget>,
}

/// One definition of a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    iri: String,
    coercion: Option<Coercion>,
}

/// What the context says that a term's values are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Coercion {
    /// Names of things.
    Iri,
    /// Literals of this datatype.
    Datatype(String),
}

/// A name, written out.
#[derive(Debug)]
pub(crate) struct Expanded<'c, 'n> {
    pub(crate) name: Cow<'n, str>,
    pub(crate) coercion: Option<&'c Coercion>,
}

/// The prefixes of GS1's EPCIS context, the full and the simple one.
fn built_in(prefix: &str) -> Option<&'static str> {
    Some(match prefix {
        "epcis" => "https://ref.gs1.org/epcis/",
        "cbv" => "https://ref.gs1.org/cbv/",
        "cbvmda" => "urn:epcglobal:cbv:mda:",
        "gs1" => "https://gs1.org/voc/",
        "vtype" => "urn:epcglobal:epcis:vtype:",
        "rdf" => "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "rdfs" => "http://www.w3.org/2000/01/rdf-schema#",
        "owl" => "http://www.w3.org/2002/07/owl#",
        "xsd" => "http://www.w3.org/2001/XMLSchema#",
        "dcterms" => "http://purl.org/dc/terms/",
        _ => return None,
    })
}

/// Whether this opens a URI in its own right, and so can be nobody's prefix.
fn is_scheme(prefix: &str) -> bool {
    matches!(prefix, "http" | "https" | "urn" | "ni" | "tag" | "did" | "geo" | "mailto" | "data")
}

impl<'o> Context<'o> {
    /// The empty context of a document whose events may grow so much.
    pub(crate) fn within(budget: &'o Budget) -> Self {
        Self { budget: Some(budget), ..Self::default() }
    }

    /// The context of events that are canonical already.
    pub(crate) fn canonical() -> Self {
        Self { lenient: true, ..Self::default() }
    }

    /// This context with the definitions of a `@context` on top.
    pub(crate) fn extended(&self, node: Node<'_>) -> Result<Context<'_>, Error> {
        let mut extended = Context {
            outer: Some(self),
            lenient: self.lenient,
            budget: self.budget,
            ..Context::default()
        };
        definitions::add(&mut extended, node).map_err(|error| error.under("@context"))?;
        Ok(extended)
    }

    /// Counts an event that is about to be read, as long as it was written.
    pub(crate) fn begin_event(&self, bytes: usize) -> Result<(), Error> {
        self.budget.map_or(Ok(()), |budget| budget.begin(bytes))
    }

    /// Counts what the event under way gets beyond what was written.
    pub(crate) fn grow(&self, bytes: usize) -> Result<(), Error> {
        self.budget.map_or(Ok(()), |budget| budget.grow(bytes))
    }

    /// Counts a definition, which is kept as long as its context is in force.
    fn grow_definition(&self, term: &Term) -> Result<(), Error> {
        let datatype = match &term.coercion {
            Some(Coercion::Datatype(datatype)) => datatype.len(),
            Some(Coercion::Iri) | None => 0,
        };
        let bytes = term.iri.len().saturating_add(datatype);
        self.budget.map_or(Ok(()), |budget| budget.grow_context(bytes))
    }

    /// Counts the text that stands in an event in place of what was written.
    fn grown(&self, written: &str, text: &str) -> Result<(), Error> {
        self.grow(text.len().saturating_sub(written.len()))
    }

    fn term(&self, name: &str) -> Option<&Term> {
        self.terms.get(name).or_else(|| self.outer?.term(name))
    }

    fn vocab(&self) -> Option<&str> {
        self.vocab.as_deref().or_else(|| self.outer?.vocab())
    }

    fn prefix(&self, prefix: &str) -> Option<&str> {
        self.term(prefix).map(|term| term.iri.as_str()).or_else(|| built_in(prefix))
    }

    /// Writes out `prefix:local`. None when the prefix is not known, or none is meant.
    fn compact(&self, text: &str) -> Option<String> {
        let (prefix, local) = text.split_once(':')?;
        if local.starts_with("//") {
            return None;
        }
        self.prefix(prefix).map(|iri| [iri, local].concat())
    }

    /// Writes out a value that names a thing. What is no known prefix's stays as it is.
    pub(crate) fn value<'v>(&self, text: Cow<'v, str>) -> Result<Cow<'v, str>, Error> {
        // Nearly every identifier: decided without a search.
        if text.starts_with("urn:") || text.starts_with("https:") || text.starts_with("http:") {
            return Ok(text);
        }
        let Some(iri) = self.compact(&text) else { return Ok(text) };
        self.grown(&text, &iri)?;
        Ok(Cow::Owned(iri))
    }

    /// Writes out a bare word that the context defines.
    pub(crate) fn word(&self, word: &str) -> Result<Option<String>, Error> {
        let iri = match self.term(word) {
            Some(term) => Some(term.iri.clone()),
            None => self.vocab().map(|vocab| [vocab, word].concat()),
        };
        if let Some(iri) = &iri {
            self.grown(word, iri)?;
        }
        Ok(iri)
    }

    /// Writes out the name of an extension. None for a bare word that the context does not define.
    pub(crate) fn extension<'n>(&self, name: &'n str) -> Result<Option<Expanded<'_, 'n>>, Error> {
        let expanded = if let Some(term) = self.term(name) {
            Expanded { name: Cow::Owned(term.iri.clone()), coercion: term.coercion.as_ref() }
        } else if let Some(iri) = self.compact(name) {
            Expanded { name: Cow::Owned(iri), coercion: None }
        } else {
            match name.split_once(':') {
                Some((prefix, local)) => {
                    if !self.lenient && !is_scheme(prefix) && !local.starts_with("//") {
                        return Err(undeclared(prefix));
                    }
                    Expanded { name: Cow::Borrowed(name), coercion: None }
                }
                None => match self.vocab() {
                    Some(vocab) => {
                        Expanded { name: Cow::Owned([vocab, name].concat()), coercion: None }
                    }
                    None => return Ok(None),
                },
            }
        };
        self.grown(name, &expanded.name)?;
        // Such a name needs no escape in JSON, so that whoever splits an event can compare bytes.
        gs1::check_uri(&expanded.name).map_err(|error| {
            Error::invalid(
                format!("the name of an extension is {error}"),
                "name extensions by a declared prefix or a full URI",
            )
        })?;
        Ok(Some(expanded))
    }
}

fn undeclared(prefix: &str) -> Error {
    let prefix = quoted(prefix);
    Error::new(
        Reason::FieldUnknown,
        format!("the prefix `{prefix}` is not declared"),
        format!("declare it in `@context`, such as {{\"{prefix}\": \"https://ns.example.com/\"}}"),
    )
}

#[cfg(test)]
mod tests;
