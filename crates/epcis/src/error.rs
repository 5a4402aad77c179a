use std::fmt;

/// What was wrong, as a word for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The bytes are not JSON: bad syntax, not UTF-8, or a name given twice in one object.
    JsonMalformed,
    /// The JSON nests deeper than the limit.
    JsonTooDeep,
    /// The document, or all its events with their names written out, is larger than the limit.
    DocumentTooLarge,
    /// One event, with its names written out, is larger than the limit.
    EventTooLarge,
    /// More events than the limit.
    TooManyEvents,
    /// A required field is absent.
    FieldMissing,
    /// A field has a value that the standard does not allow there.
    FieldInvalid,
    /// A field that the standard does not know at this place, and whose name is no URI.
    FieldUnknown,
    /// The bytes are an event, but not in canonical form.
    NotCanonical,
}

impl Reason {
    /// The code on the wire, such as `FIELD_MISSING`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JsonMalformed => "JSON_MALFORMED",
            Self::JsonTooDeep => "JSON_TOO_DEEP",
            Self::DocumentTooLarge => "DOCUMENT_TOO_LARGE",
            Self::EventTooLarge => "EVENT_TOO_LARGE",
            Self::TooManyEvents => "TOO_MANY_EVENTS",
            Self::FieldMissing => "FIELD_MISSING",
            Self::FieldInvalid => "FIELD_INVALID",
            Self::FieldUnknown => "FIELD_UNKNOWN",
            Self::NotCanonical => "NOT_CANONICAL",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a document or an event was refused, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Error {
    /// What was wrong, for machines.
    pub reason: Reason,
    /// Where: the JSON path, such as `eventList[3].eventTime`; empty for the document itself.
    pub path: String,
    /// What was wrong, for people: lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// Longest piece of foreign text that we repeat in a message or a path, in characters.
const MAX_QUOTED: usize = 80;

/// Shortens foreign text for a message, and takes out what could disturb a terminal or a log.
pub(crate) fn quoted(text: &str) -> String {
    let mut out: String = text
        .chars()
        .take(MAX_QUOTED)
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if text.chars().nth(MAX_QUOTED).is_some() {
        out.push('…');
    }
    out
}

impl Error {
    pub(crate) fn new(reason: Reason, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { reason, path: String::new(), message: message.into(), hint: hint.into() }
    }

    pub(crate) fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Reason::FieldInvalid, message, hint)
    }

    pub(crate) fn missing(name: &str, why: impl Into<String>) -> Self {
        Self::new(Reason::FieldMissing, why, format!("add `{name}`")).under(name)
    }

    /// The same error, seen from one level further out: inside the member `name`.
    pub(crate) fn under(mut self, name: &str) -> Self {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{}{separator}{}", quoted(name), self.path);
        self
    }

    /// The same error, seen from one level further out: inside the element `index`.
    pub(crate) fn at(mut self, index: usize) -> Self {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("[{index}]{separator}{}", self.path);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_grows_from_the_inside_out() {
        let error = Error::missing("eventTime", "no time").at(3).under("eventList");
        assert_eq!(error.path, "eventList[3].eventTime");
        assert_eq!(error.to_string(), "eventList[3].eventTime: no time");
        assert_eq!(Error::invalid("x", "y").at(1).at(0).under("a").path, "a[0][1]");
    }

    #[test]
    fn foreign_text_is_cut_and_cleaned() {
        assert_eq!(quoted("a\u{1b}[31m"), "a\u{fffd}[31m");
        assert_eq!(quoted(&"x".repeat(100)).chars().count(), 81);
    }
}
