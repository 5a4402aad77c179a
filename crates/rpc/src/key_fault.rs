//! The errors of key sources on their way over a connection: out as refusals with their facts, and
//! back as what they were.
//!
//! Whoever draws from a service decides as if the source were here: it passes a line over that is
//! shut down, and writes into the handle why. So an error must come back as itself.

use std::collections::BTreeMap;
use std::time::Duration;

use keys::{Error, PassedOver};

use crate::client;
use crate::refusal::Refusal;

/// When to ask again for what passes by itself.
const PAUSE: Duration = Duration::from_secs(1);

/// The algorithms that an error may name.
const ALGORITHMS: [&str; 4] = ["X25519", "X-Wing", "x25519", "x-wing"];

impl From<Error> for Refusal {
    fn from(theirs: Error) -> Self {
        let (reason, retryable) = (theirs.reason(), theirs.is_retryable());
        let refusal = match &theirs {
            // What a disk says is for the log here and for nobody else.
            Error::Store { .. } => {
                tracing::error!(error = %theirs, "the key store failed while serving a call");
                Self::new(
                    reason,
                    "the key store failed; the log of its service has the particulars",
                )
            }
            Error::BlockUnknown { .. }
            | Error::BlockState { .. }
            | Error::StorageKeyWrong { .. }
            | Error::PoolForeign { .. }
            | Error::PoolDamaged { .. } => return Self::internal(theirs),
            told => with_facts(Self::new(reason, told.to_string()), told),
        };
        if retryable { refusal.retry_after(PAUSE) } else { refusal }
    }
}

/// Adds what an error says beside its reason, and the field that it is about.
fn with_facts(refusal: Refusal, error: &Error) -> Refusal {
    match error {
        Error::Exhausted { link, needed, available } => {
            refusal.with("link", link).with("needed", needed).with("available", available)
        }
        Error::LineShutDown { link, why } => refusal.with("link", link).with("why", why),
        Error::LineDown { link } | Error::NotReleased { link } => refusal.with("link", link),
        Error::WrongDirection { link } => refusal.with("link", link).at("handle"),
        Error::HandleMismatch => refusal.at("handle"),
        Error::UnknownHandle { source_name } => refusal.with("source", source_name).at("handle"),
        Error::Seeded { source_name } => refusal.with("source", source_name).at("handle"),
        Error::PeerUnknown { member } => refusal.with("member", member).at("peer.member"),
        Error::NotReached { source_name, site } => {
            refusal.with("source", source_name).with("site", site).at("peer.site")
        }
        Error::NoSealingKey { algorithm, whose } => {
            refusal.with("algorithm", algorithm).with("whose", whose)
        }
        Error::LengthInvalid { length } => refusal.with("length", length).at("length"),
        Error::NonContributory { algorithm } => refusal.with("algorithm", algorithm).at("handle"),
        Error::SourceUnknown { name } => refusal.with("source", name),
        Error::RequestReused { request } => refusal.with("request", request).at("request_id"),
        Error::NoSource { passed_over, retryable } => {
            refusal.with("retryable", retryable).with("passed_over", lines(passed_over))
        }
        Error::Unavailable { message } => refusal.with("message", message),
        Error::Malformed { why } => refusal.with("why", why).at("handle"),
        _ => refusal,
    }
}

/// One line for each source: its name, a tab, and why it could not.
fn lines(passed_over: &[PassedOver]) -> String {
    let line = |one: &PassedOver| format!("{}\t{}", one.source, one.reason.replace('\n', " "));
    passed_over.iter().map(line).collect::<Vec<String>>().join("\n")
}

fn passed_over(lines: &str) -> Vec<PassedOver> {
    let read = |line: &str| {
        let (source, reason) = line.split_once('\t')?;
        Some(PassedOver { source: source.to_owned(), reason: reason.to_owned() })
    };
    lines.lines().filter_map(read).collect()
}

/// What came with a refusal.
struct Facts(BTreeMap<String, String>);

impl Facts {
    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.0.get(name)?.parse().ok()
    }

    fn algorithm(&self) -> Option<&'static str> {
        let named = self.0.get("algorithm")?;
        ALGORITHMS.into_iter().find(|known| known == named)
    }
}

impl From<client::Error> for Error {
    fn from(error: client::Error) -> Self {
        let facts = Facts(error.facts.clone());
        read(&error, &facts).unwrap_or_else(|| Self::remote(&error.reason, error.to_string()))
    }
}

/// The error of a key source that a refusal carries, when it carries one.
fn read(error: &client::Error, facts: &Facts) -> Option<Error> {
    let link = || facts.text("link");
    let source_name = || facts.text("source");
    Some(match error.reason.as_str() {
        "KEYS_EXHAUSTED" => Error::Exhausted {
            link: link()?,
            needed: facts.number("needed")?,
            available: facts.number("available")?,
        },
        "LINE_SHUT_DOWN" => Error::LineShutDown { link: link()?, why: facts.text("why")? },
        "LINE_DOWN" => Error::LineDown { link: link()? },
        "HANDLE_UNKNOWN" => Error::UnknownHandle { source_name: source_name()? },
        "HANDLE_MISMATCH" => Error::HandleMismatch,
        "KEY_NOT_RELEASED" => Error::NotReleased { link: link()? },
        "KEY_SPENT" => Error::Spent,
        "KEY_WRONG_DIRECTION" => Error::WrongDirection { link: link()? },
        "PEER_UNKNOWN" => Error::PeerUnknown { member: facts.number("member")? },
        "PEER_NOT_REACHED" => {
            Error::NotReached { source_name: source_name()?, site: facts.number("site")? }
        }
        "NO_SEALING_KEY" => {
            Error::NoSealingKey { algorithm: facts.algorithm()?, whose: facts.text("whose")? }
        }
        "KEY_LENGTH_INVALID" => Error::LengthInvalid { length: facts.number("length")? },
        "KEY_NON_CONTRIBUTORY" => Error::NonContributory { algorithm: facts.algorithm()? },
        "KEY_SOURCE_UNKNOWN" => Error::SourceUnknown { name: source_name()? },
        "KEY_SEEDED" => Error::Seeded { source_name: source_name()? },
        "REQUEST_ID_REUSED" => Error::RequestReused { request: facts.text("request")? },
        "NO_KEY_SOURCE" => Error::NoSource {
            passed_over: passed_over(&facts.text("passed_over")?),
            retryable: facts.number("retryable")?,
        },
        "KEYS_UNAVAILABLE" => Error::Unavailable { message: facts.text("message")? },
        "HANDLE_MALFORMED" => Error::Malformed { why: facts.text("why")? },
        "KEY_STORE_FAILED" => Error::Store { message: error.message.clone() },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;

    fn over_the_wire(error: Error) -> Error {
        client::Error::from(Status::from(Refusal::from(error))).into()
    }

    fn told() -> Vec<Error> {
        let link = || "hz-xs".to_owned();
        let source_name = || "qkd:hz-xs".to_owned();
        let reason = "LINE_SHUT_DOWN: QBER 0.25".to_owned();
        let over = PassedOver { source: source_name(), reason };
        vec![
            Error::Exhausted { link: link(), needed: 2, available: 1 },
            Error::LineShutDown { link: link(), why: "Q = 0.25, \u{3bc} = 0.01".to_owned() },
            Error::LineDown { link: link() },
            Error::UnknownHandle { source_name: source_name() },
            Error::HandleMismatch,
            Error::NotReleased { link: link() },
            Error::Spent,
            Error::WrongDirection { link: link() },
            Error::PeerUnknown { member: "nobody".parse().unwrap() },
            Error::NotReached { source_name: source_name(), site: "liege".parse().unwrap() },
            Error::NoSealingKey { algorithm: "X-Wing", whose: "es-post".to_owned() },
            Error::LengthInvalid { length: 1_025 },
            Error::NonContributory { algorithm: "X25519" },
            Error::SourceUnknown { name: "quantum-only".to_owned() },
            Error::Seeded { source_name: source_name() },
            Error::RequestReused { request: "ab".repeat(16) },
            Error::NoSource { passed_over: vec![over.clone(), over], retryable: true },
            Error::Unavailable { message: "no randomness".to_owned() },
            Error::Malformed { why: "the handle is no CBOR".to_owned() },
        ]
    }

    #[test]
    fn an_error_of_a_source_comes_back_as_itself() {
        for error in told() {
            assert_eq!(over_the_wire(error.clone()), error);
        }
    }

    #[test]
    fn what_the_disk_said_stays_where_it_was_said() {
        let back = over_the_wire(Error::Store { message: "/srv/keys is full".to_owned() });
        assert_eq!((back.reason(), back.is_retryable()), ("KEY_STORE_FAILED", true));
        assert!(!back.to_string().contains("/srv"), "{back}");
        let back = over_the_wire(Error::PoolDamaged { why: "/srv/keys has a hole".to_owned() });
        assert!(!back.to_string().contains("/srv"), "{back}");
    }

    #[test]
    fn a_service_that_cannot_be_reached_is_unavailable_and_nothing_else() {
        let error = Error::from(client::Error::from(Status::unavailable("no route")));
        assert_eq!((error.reason(), error.is_retryable()), ("KEYS_UNAVAILABLE", true));
    }

    #[test]
    fn a_refusal_without_its_facts_is_still_an_error() {
        let bare = Refusal::new("LINE_SHUT_DOWN", "shut down");
        let error = Error::from(client::Error::from(Status::from(bare)));
        assert_eq!((error.reason(), error.is_retryable()), ("LINE_SHUT_DOWN", false));
        let stranger = Refusal::new("CALLER_NOT_ISSUER", "not for you");
        let error = Error::from(client::Error::from(Status::from(stranger)));
        assert_eq!(error.reason(), "KEYS_UNAVAILABLE");
        assert!(error.to_string().contains("CALLER_NOT_ISSUER"), "{error}");
    }
}
