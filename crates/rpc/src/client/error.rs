//! A refusal as a client sees it: the status and its details, decoded.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::time::Duration;

pub use tonic::Code;
use tonic::Status;
use tonic_types::StatusExt as _;

use crate::limits::{CLIENT_TIMEOUT, MAX_REQUEST_BYTES};
use crate::refusal::{DOMAIN, Refusal};

/// What a caller reads when the service it called is not let in where it calls itself.
const UPSTREAM_REFUSED: &str = "UPSTREAM_REFUSED";

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({reason})")]
pub struct Error {
    /// The gRPC code.
    pub code: Code,
    /// The word for it, one of [`crate::REASONS`] unless the server is of another version.
    pub reason: String,
    /// What happened, for people.
    pub message: String,
    /// The path of the field at fault, when one is.
    pub field: Option<String>,
    /// When to try again, when that may help.
    pub retry_after: Option<Duration>,
    /// Facts for programs, by name; not every reason has them.
    pub facts: BTreeMap<String, String>,
}

impl Error {
    /// Whether the same call may succeed later, unchanged.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        self.retry_after.is_some()
    }

    fn local(code: Code, reason: &str, message: String) -> Self {
        let (field, retry_after, facts) = (None, None, BTreeMap::new());
        Self { code, reason: reason.to_owned(), message, field, retry_after, facts }
    }

    /// The endpoint cannot be used as it is.
    pub(super) fn endpoint(url: &str, error: &tonic::transport::Error) -> Self {
        Self::unusable(url, &with_sources(error.to_string(), error.source()))
    }

    /// The endpoint cannot be used, for this reason.
    pub(super) fn unusable(url: &str, what: &str) -> Self {
        let message = format!("the endpoint {url} cannot be used: {what}");
        Self::local(Code::InvalidArgument, "FIELD_INVALID", message)
    }

    /// The address is not of the one scheme.
    pub(super) fn url(url: &str) -> Self {
        let message = format!("`{url}` is no address of a service: it must begin with https://");
        Self::local(Code::InvalidArgument, "FIELD_INVALID", message)
    }

    /// The request is larger than a server reads.
    pub(super) fn too_large(found: usize) -> Self {
        let message =
            format!("the request has {found} bytes, and may have at most {MAX_REQUEST_BYTES}");
        Self::local(Code::ResourceExhausted, "REQUEST_TOO_LARGE", message)
    }

    /// The answer is not what the protos promise.
    pub(super) fn answer(what: impl std::fmt::Display) -> Self {
        let message = format!("the server's answer cannot be used: {what}");
        Self::local(Code::DataLoss, "ANSWER_MALFORMED", message)
    }

    /// A stream without end ended: the server is going, however little it said of that.
    pub(super) fn ended() -> Self {
        let message = "the stream ended, and the server did not say why".to_owned();
        let retry_after = Some(Duration::from_secs(1));
        Self { retry_after, ..Self::local(Code::Unavailable, "UNREACHABLE", message) }
    }

    /// The stream has gone silent.
    pub(super) fn silent(waited: Duration) -> Self {
        let message = format!("the stream showed no sign of life for {} s", waited.as_secs());
        let retry_after = Some(Duration::from_secs(1));
        Self { retry_after, ..Self::local(Code::Unavailable, "UNREACHABLE", message) }
    }

    /// Whether the server refused who calls it, and not what it was asked.
    ///
    /// `CALLER_NOT_ISSUER`, `KEY_UNKNOWN`, and whatever names a field are about the statement.
    fn is_about_the_caller(&self) -> bool {
        let denied = matches!(self.code, Code::Unauthenticated | Code::PermissionDenied);
        denied
            && !matches!(self.reason.as_str(), "CALLER_NOT_ISSUER" | "KEY_UNKNOWN")
            && self.field.is_none()
    }

    /// What a service says of a refusal that its own certificate met at another: its caller's
    /// certificate is in order, and its caller can do nothing.
    pub(crate) fn into_upstream(self) -> Self {
        if !self.is_about_the_caller() {
            return self;
        }
        let Self { reason, message, .. } = self;
        tracing::error!(%reason, %message, "the ledger does not let this service in");
        let message = format!("the ledger does not let this service in: {message} ({reason})");
        Self::local(Code::Internal, UPSTREAM_REFUSED, message)
    }

    /// Whether it is unknown what became of the call: it may have been done.
    pub(crate) fn is_in_doubt(&self) -> bool {
        matches!(self.code, Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled)
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let Some(info) = details.error_info().filter(|info| info.domain == DOMAIN) else {
            return without_details(&status);
        };
        let field = details
            .bad_request()
            .and_then(|bad| bad.field_violations.first())
            .map(|violation| violation.field.clone());
        Self {
            code: status.code(),
            reason: info.reason.clone(),
            message: status.message().to_owned(),
            field,
            retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
            facts: info.metadata.clone().into_iter().collect(),
        }
    }
}

/// Reads a status that no service of ours has made: the connection's, or a stranger's.
fn without_details(status: &Status) -> Error {
    let message = with_sources(status.message().to_owned(), status.source());
    let retry = Some(Duration::from_secs(1));
    if is_timeout(status.source()) {
        let message = format!("no answer came within {} s", CLIENT_TIMEOUT.as_secs());
        let retry_after = retry;
        return Error { retry_after, ..Error::local(Code::DeadlineExceeded, "TIMED_OUT", message) };
    }
    let (code, reason, retry_after) = match status.code() {
        // A size that tonic itself refuses, coming or going.
        Code::OutOfRange => (Code::ResourceExhausted, "REQUEST_TOO_LARGE", None),
        Code::DeadlineExceeded => (Code::DeadlineExceeded, "TIMED_OUT", retry),
        Code::Unimplemented => (Code::Unimplemented, "METHOD_UNKNOWN", None),
        // A status with a source comes from this end: the transport broke.
        Code::Unavailable => (Code::Unavailable, "UNREACHABLE", retry),
        _ if status.source().is_some() => (Code::Unavailable, "UNREACHABLE", retry),
        Code::Cancelled => (Code::Cancelled, "CANCELLED", retry),
        code => (code, "INTERNAL", None),
    };
    Error { retry_after, ..Error::local(code, reason, message) }
}

/// Whether this end gave up waiting: tonic calls that a cancellation.
fn is_timeout(mut source: Option<&(dyn std::error::Error + 'static)>) -> bool {
    while let Some(under) = source {
        if under.is::<tonic::TimeoutExpired>() {
            return true;
        }
        source = under.source();
    }
    false
}

/// An error with what lies under it, in one line; what says nothing new is left out.
fn with_sources(
    mut text: String,
    mut source: Option<&(dyn std::error::Error + 'static)>,
) -> String {
    while let Some(under) = source {
        let more = under.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = under.source();
    }
    text
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::answer(refusal.into_message())
    }
}

impl From<Error> for capture::Error {
    fn from(error: Error) -> Self {
        if error.is_in_doubt() {
            return Self::Unavailable { message: error.message };
        }
        let retry_after_ms = error.retry_after.map(milliseconds);
        let Error { reason, message, field, .. } = error.into_upstream();
        Self::Refused { reason, message, field, retry_after_ms }
    }
}

impl From<Error> for trace::Error {
    fn from(error: Error) -> Self {
        if error.is_in_doubt() {
            return Self::Unavailable { message: error.message };
        }
        if let Some(delay) = error.retry_after {
            let Error { reason, message, .. } = error;
            return Self::Busy { reason, message, retry_after_ms: milliseconds(delay) };
        }
        let Error { reason, message, field, .. } = error.into_upstream();
        if reason == "NOT_FOUND" {
            // Both ends say that it is not there; once is enough.
            let what = message.strip_suffix(" is not in the log").unwrap_or(&message);
            return Self::NotFound { what: what.to_owned() };
        }
        Self::Refused { reason, message, field }
    }
}

impl From<Error> for gateway::Error {
    fn from(error: Error) -> Self {
        if error.is_in_doubt() || error.is_retryable() {
            return Self::PostUnavailable { message: error.to_string() };
        }
        let Error { reason, message, .. } = error.into_upstream();
        Self::PostRefused { reason, message }
    }
}

fn milliseconds(delay: Duration) -> u64 {
    u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_comes_back_as_it_was_made() {
        let refusal = Refusal::invalid("tag", "has 3 bytes, and must have exactly 16")
            .retry_after(Duration::from_millis(250));
        let error = Error::from(Status::from(refusal));
        assert_eq!(error.code, Code::InvalidArgument);
        assert_eq!(error.reason, "FIELD_INVALID");
        assert_eq!(error.field.as_deref(), Some("tag"));
        assert_eq!(error.message, "`tag` has 3 bytes, and must have exactly 16");
        assert_eq!(error.retry_after, Some(Duration::from_millis(250)));
    }

    #[test]
    fn a_broken_connection_leaves_a_capture_in_doubt_and_retryable() {
        let error = Error::from(Status::unavailable("tcp connect error"));
        assert_eq!(error.reason, "UNREACHABLE");
        let error = capture::Error::from(error);
        assert!(error.is_retryable(), "{error:?}");
        assert_eq!(error.reason(), "LEDGER_UNAVAILABLE");
    }

    #[test]
    fn an_overloaded_ledger_passes_its_delay_on() {
        let busy = Refusal::new("OVERLOADED", "256 MiB wait").retry_after(Duration::from_millis(9));
        let error = capture::Error::from(Error::from(Status::from(busy)));
        assert_eq!((error.reason(), error.retry_after_ms()), ("OVERLOADED", Some(9)));
    }

    #[test]
    fn a_refused_capture_keeps_its_reason_and_its_field() {
        let refusal = Refusal::new("REQUEST_ID_REUSED", "used before").at("request_id");
        let error = capture::Error::from(Error::from(Status::from(refusal)));
        assert_eq!((error.reason(), error.field()), ("REQUEST_ID_REUSED", Some("request_id")));
        assert!(!error.is_retryable());
    }

    #[test]
    fn a_wait_that_this_end_gave_up_is_called_so() {
        let status = Status::from_error(Box::new(tonic::TimeoutExpired(())));
        let error = Error::from(status);
        assert_eq!((error.code, error.reason.as_str()), (Code::DeadlineExceeded, "TIMED_OUT"));
        assert!(error.is_retryable() && error.message.contains("70 s"), "{}", error.message);
    }

    #[test]
    fn a_service_that_is_not_let_in_does_not_blame_its_caller() {
        for reason in ["CERTIFICATE_REVOKED", "CERTIFICATE_INVALID", "MEMBER_UNKNOWN"] {
            let refused = || Error::from(Status::from(Refusal::new(reason, "not you")));
            let error = capture::Error::from(refused());
            assert_eq!((error.reason(), error.is_retryable()), ("UPSTREAM_REFUSED", false));
            assert!(error.to_string().contains(reason), "{error}");
            assert_eq!(trace::Error::from(refused()).reason(), "UPSTREAM_REFUSED");
        }
        let theirs = Refusal::new("CALLER_NOT_ISSUER", "not for them").at("statement");
        let error = capture::Error::from(Error::from(Status::from(theirs)));
        assert_eq!(error.reason(), "CALLER_NOT_ISSUER");
    }

    #[test]
    fn a_trace_that_has_to_wait_says_for_what_and_how_long() {
        let busy = Refusal::new("OVERLOADED", "busy").retry_after(Duration::from_millis(9));
        let error = trace::Error::from(Error::from(Status::from(busy)));
        assert!(error.is_retryable());
        let details = Status::from(Refusal::from(error)).get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "OVERLOADED");
        let delay = details.retry_info().unwrap().retry_delay;
        assert_eq!(delay, Some(Duration::from_millis(9)));
    }
}
