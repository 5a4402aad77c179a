//! Refusals on their way out: from the domain's words to a status with `google.rpc` details.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::limits::MAX_MESSAGE_BYTES;
use crate::reason;

/// Whose words the reasons are, in `google.rpc.ErrorInfo.domain`.
pub const DOMAIN: &str = "quayside";

/// When to look for a server that stops, or for another in its place.
const STOP_PAUSE: Duration = Duration::from_secs(1);

/// Why a call is refused, before it becomes a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    reason: Cow<'static, str>,
    message: String,
    field: Option<String>,
    retry_after: Option<Duration>,
    /// What a program at the other side needs to make the same error of it.
    facts: Vec<(&'static str, String)>,
}

impl Refusal {
    /// Refuses with a word of [`crate::reason::REASONS`] and a message for people.
    pub(crate) fn new(reason: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            message: message.into(),
            field: None,
            retry_after: None,
            facts: Vec::new(),
        }
    }

    /// Adds a fact for programs, which travels as metadata of the reason.
    pub(crate) fn with(mut self, name: &'static str, fact: impl ToString) -> Self {
        self.facts.push((name, fact.to_string()));
        self
    }

    /// Blames the field at `path`.
    pub(crate) fn at(mut self, path: impl Into<String>) -> Self {
        self.field = Some(path.into());
        self
    }

    /// Tells the caller when to try again.
    pub(crate) const fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Refuses a field that must be there.
    pub(crate) fn missing(path: &str) -> Self {
        Self::new("FIELD_MISSING", format!("`{path}` is missing")).at(path)
    }

    /// Refuses a field's value.
    pub(crate) fn invalid(path: &str, why: impl std::fmt::Display) -> Self {
        Self::new("FIELD_INVALID", format!("`{path}` {why}")).at(path)
    }

    /// Calls a list by the name that it has in the request.
    pub(crate) fn renamed(mut self, theirs: &str, ours: &str) -> Self {
        if let Some(rest) = self.field.as_deref().and_then(|field| field.strip_prefix(theirs)) {
            self.field = Some(format!("{ours}{rest}"));
        }
        self
    }

    /// Owns up to a fault of ours: the caller learns that there was one, the log learns which.
    pub(crate) fn internal(what: impl std::fmt::Display) -> Self {
        tracing::error!(%what, "internal fault while serving a call");
        Self::new("INTERNAL", "a fault of this service; its log has the particulars")
    }

    /// Says that the service stops; what was under way may or may not have been done.
    pub(crate) fn stopped() -> Self {
        Self::new("SHUTTING_DOWN", "the server is about to stop").retry_after(STOP_PAUSE)
    }

    /// The message for people.
    pub(crate) fn into_message(self) -> String {
        self.message
    }

    /// The word.
    #[cfg(test)]
    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    /// The field at fault.
    #[cfg(test)]
    pub(crate) fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let Refusal { reason, mut message, field, retry_after, facts } = refusal;
        clip(&mut message, MAX_MESSAGE_BYTES);
        let facts: HashMap<String, String> = facts
            .into_iter()
            .map(|(name, mut fact)| {
                clip(&mut fact, MAX_MESSAGE_BYTES);
                (name.to_owned(), fact)
            })
            .collect();
        let mut details = ErrorDetails::with_error_info(&*reason, DOMAIN, facts);
        if let Some(mut field) = field {
            clip(&mut field, MAX_MESSAGE_BYTES / 4);
            details.add_bad_request_violation(field, &message);
        }
        if retry_after.is_some() {
            details.set_retry_info(retry_after);
        }
        Self::with_error_details(reason::code(&reason), message, details)
    }
}

/// Cuts `text` to at most `limit` bytes, between characters.
fn clip(text: &mut String, limit: usize) {
    if text.len() > limit {
        let end = text.floor_char_boundary(limit);
        text.truncate(end);
        text.push('…');
    }
}

impl From<ledger::Refusal> for Refusal {
    fn from(theirs: ledger::Refusal) -> Self {
        Self {
            reason: theirs.reason.into(),
            message: theirs.message,
            field: theirs.field,
            retry_after: theirs.retry_after_ms.map(Duration::from_millis),
            facts: Vec::new(),
        }
    }
}

impl From<ledger::Error> for Refusal {
    fn from(theirs: ledger::Error) -> Self {
        match theirs {
            ledger::Error::NotFound { .. } => Self::new("NOT_FOUND", theirs.to_string()),
            ledger::Error::Invalid { field, why } => Self::invalid(field, why),
            ledger::Error::Stopped { .. } => Self::new("STOPPED", theirs.to_string()),
            ledger::Error::NoReceiptKey { .. } => Self::new("NO_RECEIPT_KEY", theirs.to_string()),
            ledger::Error::NotPublished { .. } => {
                Self::new("NO_QUORUM", theirs.to_string()).retry_after(STOP_PAUSE)
            }
            _ => Self::internal(theirs),
        }
    }
}

impl From<statement::Error> for Refusal {
    fn from(theirs: statement::Error) -> Self {
        Self::new(theirs.reason(), theirs.to_string())
    }
}

impl From<capture::Error> for Refusal {
    fn from(theirs: capture::Error) -> Self {
        if theirs.reason() == "INTERNAL" {
            return Self::internal(theirs);
        }
        Self {
            reason: theirs.reason().to_owned().into(),
            message: theirs.to_string(),
            field: theirs.field().map(str::to_owned),
            retry_after: theirs.retry_after_ms().map(Duration::from_millis),
            facts: Vec::new(),
        }
    }
}

impl From<trace::Error> for Refusal {
    fn from(theirs: trace::Error) -> Self {
        if theirs.reason() == "INTERNAL" {
            return Self::internal(theirs);
        }
        let field = match &theirs {
            trace::Error::Refused { field, .. } => field.clone(),
            _ => None,
        };
        Self {
            reason: theirs.reason().to_owned().into(),
            message: theirs.to_string(),
            field,
            retry_after: theirs.retry_after_ms().map(Duration::from_millis),
            facts: Vec::new(),
        }
    }
}

impl From<gateway::Error> for Refusal {
    fn from(theirs: gateway::Error) -> Self {
        let theirs = match theirs {
            gateway::Error::Capture(error) => return error.into(),
            gateway::Error::Trace(error) => return error.into(),
            gateway::Error::Keys(error) => return error.into(),
            theirs if theirs.reason() == "INTERNAL" => return Self::internal(theirs),
            theirs => theirs,
        };
        let field = match &theirs {
            gateway::Error::RequestReused { .. } => Some("request_id"),
            theirs => theirs.field(),
        };
        Self {
            reason: theirs.reason().to_owned().into(),
            message: theirs.to_string(),
            field: field.map(str::to_owned),
            retry_after: theirs.retry_after_ms().map(Duration::from_millis),
            facts: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[test]
    fn a_refusal_carries_its_details() {
        let refusal = Refusal::invalid("request_id", "has 15 bytes, and must have 16")
            .retry_after(Duration::from_millis(1500));
        let status = Status::from(refusal);
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("FIELD_INVALID", "quayside"));
        let violation = &details.bad_request().unwrap().field_violations[0];
        assert_eq!(violation.field, "request_id");
        let retry = details.retry_info().unwrap().retry_delay;
        assert_eq!(retry, Some(Duration::from_millis(1500)));
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let status = Status::from(Refusal::new("FIELD_INVALID", "ü".repeat(4000)).at("x"));
        assert!(status.message().len() <= MAX_MESSAGE_BYTES + '…'.len_utf8());
        assert!(status.message().ends_with('…'));
    }

    #[test]
    fn a_fault_of_ours_does_not_tell_the_caller_what_it_was() {
        let status = Status::from(Refusal::internal("/var/lib/secret: no space"));
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("secret"), "{}", status.message());
    }
}
