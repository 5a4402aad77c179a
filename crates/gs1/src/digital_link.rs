//! GS1 Digital Links: `https://<any domain>/<any stem>/<AI>/<value>[/<AI>/<value>...]`.

use std::borrow::Cow;

use crate::ai::PrimaryKey;
use crate::{Error, Item, charset};

/// The domain at which GS1 keys are canonical.
const CANONICAL: &str = "https://id.gs1.org";

/// Reads a Digital Link. None when the text is a URI of another sort.
pub(crate) fn parse(text: &str) -> Result<Option<Item>, Error> {
    let Some((host, path)) = split(text) else {
        return Ok(None);
    };
    // At GS1's own domain nothing but a key can stand; elsewhere a path may only look like one.
    let at_gs1 = host.eq_ignore_ascii_case("id.gs1.org");
    match find_key(path) {
        Some((key, value, qualifiers)) => {
            let decoded = charset::decode(value);
            let plausible = decoded.as_deref().is_some_and(|value| {
                key.looks_right(value) && (key.is_full_length(value) || key.check(value).is_ok())
            });
            match decoded {
                Some(value) if plausible || at_gs1 => canonical(key, &value, &qualifiers).map(Some),
                None if at_gs1 => {
                    Err(Error::BadKey { key: key.name, why: "its value is not properly encoded" })
                }
                _ => Ok(None),
            }
        }
        None if at_gs1 => Err(Error::NoKey { why: "no known application identifier in its path" }),
        None => Ok(None),
    }
}

/// Host and path of a web address, without query and fragment.
fn split(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    // The standard wants the scheme in one case throughout.
    if !matches!(scheme, "https" | "http" | "HTTPS" | "HTTP") {
        return None;
    }
    let rest = rest.split(['?', '#']).next()?;
    rest.split_once('/').filter(|(host, _)| !host.is_empty())
}

type Found<'a> = (&'static PrimaryKey, &'a str, Vec<(&'a str, &'a str)>);

/// Finds the rightmost primary key, taking the path in pairs from its end: what stands further left
/// is the stem, whatever it looks like.
fn find_key(path: &str) -> Option<Found<'_>> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut qualifiers = Vec::new();
    let mut segments = path.rsplit('/');
    while let (Some(value), Some(ai)) = (segments.next(), segments.next()) {
        if let Some(key) = PrimaryKey::find(ai) {
            qualifiers.reverse();
            return Some((key, value, qualifiers));
        }
        qualifiers.push((ai, value));
    }
    None
}

/// Checks all parts and prints them in canonical form.
fn canonical(
    key: &'static PrimaryKey,
    value: &str,
    qualifiers: &[(&str, &str)],
) -> Result<Item, Error> {
    let value = key.check(value)?;
    let qualifiers = key.qualify(qualifiers)?;
    Ok(Item::new(key.kind(&qualifiers), print(key.ai, &value, &qualifiers)))
}

/// Prints a canonical link.
pub(crate) fn print(ai: &str, value: &str, qualifiers: &[(&'static str, Cow<'_, str>)]) -> String {
    let mut out = String::with_capacity(CANONICAL.len() + 48);
    out.push_str(CANONICAL);
    for (ai, value) in [(ai, value)].into_iter().chain(qualifiers.iter().map(|(ai, v)| (*ai, &**v)))
    {
        out.push('/');
        out.push_str(ai);
        out.push('/');
        charset::encode_into(&mut out, value);
    }
    out
}
