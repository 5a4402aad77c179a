//! Reads the definitions of a `@context`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Coercion, Context, Term, is_scheme};
use crate::error::quoted;
use crate::json::{Members, Node};
use crate::{Error, event, vocabulary};

/// Most definitions that may lean on one another in a row.
const MAX_STEPS: usize = 8;

/// Adds the definitions of a context: a URL, an object, or an array of both.
pub(super) fn add(context: &mut Context<'_>, node: Node<'_>) -> Result<(), Error> {
    match node {
        Node::Array(elements) => {
            for (index, element) in elements.into_iter().enumerate() {
                add_one(context, element).map_err(|error| error.at(index))?;
            }
            Ok(())
        }
        other => add_one(context, other),
    }
}

fn add_one(context: &mut Context<'_>, node: Node<'_>) -> Result<(), Error> {
    match node {
        Node::String(url) => check_remote(&url),
        Node::Object(members) => add_object(context, members),
        other => Err(other.unexpected("a URL or an object of prefixes")),
    }
}

/// GS1's own contexts are built in; nothing is ever fetched.
fn check_remote(url: &str) -> Result<(), Error> {
    let file = url.rsplit('/').next().unwrap_or_default();
    if matches!(
        file,
        "epcis-context.jsonld" | "epcis-context-simple.jsonld" | "epcis-context-root.jsonld"
    ) {
        return Ok(());
    }
    Err(Error::invalid(
        format!("the context `{}` is not GS1's, and contexts are never fetched", quoted(url)),
        "copy the definitions that you use into `@context`, as an object",
    ))
}

fn add_object(context: &mut Context<'_>, members: Members<'_>) -> Result<(), Error> {
    let mut raw = BTreeMap::new();
    for (name, node) in members {
        let definition = definition(context, &name, node).map_err(|error| error.under(&name))?;
        if let Some(definition) = definition {
            raw.insert(name.into_owned(), definition);
        }
    }
    for name in raw.keys() {
        let term = resolve(context, &raw, name).map_err(|error| error.under(name))?;
        // One prefix may be as long as a URI may be, and lend its length to every term.
        context.grow_definition(&term).map_err(|error| error.under(name))?;
        context.terms.insert(name.clone(), term);
    }
    Ok(())
}

/// A definition as it is written, with compact IRIs still in it.
struct Raw {
    iri: Option<String>,
    kind: Option<String>,
}

fn unsupported(what: &str) -> Error {
    Error::invalid(
        format!("{what} is not supported in a context"),
        "define prefixes, and terms with `@id` and `@type`; write the rest out",
    )
}

fn definition(context: &mut Context<'_>, name: &str, node: Node<'_>) -> Result<Option<Raw>, Error> {
    match name {
        "@version" | "@protected" => return Ok(None),
        "@vocab" => {
            let vocab = node.into_string()?;
            check_iri(&vocab)?;
            context.vocab = Some(vocab.into_owned());
            return Ok(None);
        }
        _ => {}
    }
    if name.starts_with('@') || name.is_empty() {
        return Err(unsupported(&format!("`{}`", quoted(name))));
    }
    if is_scheme(name) || event::is_standard_name(name) || vocabulary::is_word(name) {
        return Err(Error::invalid(
            format!("`{}` has a fixed meaning already", quoted(name)),
            "choose another word",
        ));
    }
    match node {
        Node::String(iri) => Ok(Some(Raw { iri: Some(iri.into_owned()), kind: None })),
        Node::Object(members) => object_definition(members).map(Some),
        other => Err(other.unexpected("an IRI or an object with `@id` and `@type`")),
    }
}

fn object_definition(members: Members<'_>) -> Result<Raw, Error> {
    let mut raw = Raw { iri: None, kind: None };
    for (name, node) in members {
        match &*name {
            "@id" => raw.iri = Some(node.into_string()?.into_owned()),
            "@type" => raw.kind = Some(node.into_string()?.into_owned()),
            "@prefix" | "@protected" => {}
            // Order and number of an array's elements are kept anyway.
            "@container" => match node.into_string()? {
                Cow::Borrowed("@set" | "@list") => {}
                other => return Err(unsupported(&format!("the container `{}`", quoted(&other)))),
            },
            other => return Err(unsupported(&format!("`{}`", quoted(other)))),
        }
    }
    Ok(raw)
}

fn resolve(context: &Context<'_>, raw: &BTreeMap<String, Raw>, name: &str) -> Result<Term, Error> {
    let definition = raw.get(name).and_then(|raw| raw.iri.as_deref());
    let iri = expand(context, raw, definition.unwrap_or(name), MAX_STEPS)?;
    check_iri(&iri)?;
    let coercion = match raw.get(name).and_then(|raw| raw.kind.as_deref()) {
        None | Some("@none") => None,
        Some("@id" | "@vocab") => Some(Coercion::Iri),
        Some(keyword) if keyword.starts_with('@') => {
            return Err(unsupported(&format!("the type `{}`", quoted(keyword))));
        }
        Some(datatype) => {
            let datatype = expand(context, raw, datatype, MAX_STEPS)?;
            check_iri(&datatype)?;
            Some(Coercion::Datatype(datatype))
        }
    };
    Ok(Term { iri, coercion })
}

/// Writes out a compact IRI; its prefix may be defined in the same object, before or after.
fn expand(
    context: &Context<'_>,
    raw: &BTreeMap<String, Raw>,
    text: &str,
    steps: usize,
) -> Result<String, Error> {
    let Some((prefix, local)) = text.split_once(':').filter(|(_, local)| !local.starts_with("//"))
    else {
        return Ok(text.to_owned());
    };
    if let Some(iri) = raw.get(prefix).and_then(|raw| raw.iri.as_deref()) {
        let steps = steps
            .checked_sub(1)
            .ok_or_else(|| unsupported("a chain of definitions that long, or a circle,"))?;
        return Ok([&expand(context, raw, iri, steps)?, local].concat());
    }
    Ok(context.prefix(prefix).map_or_else(|| text.to_owned(), |iri| [iri, local].concat()))
}

fn check_iri(iri: &str) -> Result<(), Error> {
    gs1::check_uri(iri).or_else(|error| {
        // A namespace such as `urn:` or `example:` may end where the local name begins.
        if iri.ends_with(':') && gs1::check_uri(&format!("{iri}x")).is_ok() {
            return Ok(());
        }
        Err(Error::invalid(
            format!("`{}` is {error}", quoted(iri)),
            "map each prefix to an absolute IRI, such as `https://ns.example.com/`",
        ))
    })
}
