//! What is said to somebody whose statement is not taken.

use std::fmt;

/// The reasons for which a statement is refused: stable words that other programs may act on.
pub mod reason {
    /// The issuer is no member of the consortium.
    pub const MEMBER_UNKNOWN: &str = "MEMBER_UNKNOWN";
    /// The key that signed is not, or no longer, the issuer's.
    pub const KEY_UNKNOWN: &str = "KEY_UNKNOWN";
    /// The key could sign for others too: small order or not canonical.
    pub const KEY_WEAK: &str = "KEY_WEAK";
    /// The signature does not fit key and statement.
    pub const SIGNATURE_INVALID: &str = "SIGNATURE_INVALID";
    /// The bytes are CBOR, but not the one encoding that is allowed.
    pub const ENCODING_NOT_DETERMINISTIC: &str = "ENCODING_NOT_DETERMINISTIC";
    /// The bytes are not what this field holds.
    pub const ENCODING_INVALID: &str = "ENCODING_INVALID";
    /// The statement is of a kind that this ledger does not take.
    pub const CONTENT_TYPE_UNKNOWN: &str = "CONTENT_TYPE_UNKNOWN";
    /// The statement is for another consortium.
    pub const CONSORTIUM_MISMATCH: &str = "CONSORTIUM_MISMATCH";
    /// The protected header and the payload name different subjects.
    pub const SUBJECT_MISMATCH: &str = "SUBJECT_MISMATCH";
    /// The leaves are not those under the signed root.
    pub const LEAVES_MISMATCH: &str = "LEAVES_MISMATCH";
    /// A body is not the one that its leaf names.
    pub const BODY_DIGEST_MISMATCH: &str = "BODY_DIGEST_MISMATCH";
    /// A body cannot be read.
    pub const BODY_MALFORMED: &str = "BODY_MALFORMED";
    /// A body that this member must hold is not there.
    pub const BODY_MISSING: &str = "BODY_MISSING";
    /// The commitment recomputed from an open body differs from its leaf's.
    pub const COMMITMENT_MISMATCH: &str = "COMMITMENT_MISMATCH";
    /// The tags recomputed from an open body differ from its leaf's.
    pub const TAGS_MISMATCH: &str = "TAGS_MISMATCH";
    /// More events than one capture may hold.
    pub const TOO_MANY_EVENTS: &str = "TOO_MANY_EVENTS";
    /// More tags than one event or one capture may bear.
    pub const TOO_MANY_TAGS: &str = "TOO_MANY_TAGS";
    /// The statement or the whole submission is too large.
    pub const REQUEST_TOO_LARGE: &str = "REQUEST_TOO_LARGE";
    /// The same request id came with other content.
    pub const REQUEST_ID_REUSED: &str = "REQUEST_ID_REUSED";
    /// No committed event has the commitment that a reader entry names.
    pub const ENTRY_UNKNOWN: &str = "ENTRY_UNKNOWN";
    /// A reader entry does not fit the event that it names: another sealer, body or part.
    pub const ENTRY_MISMATCH: &str = "ENTRY_MISMATCH";
    /// Who wants a reader entry removed is neither its reader nor its sealer.
    pub const ENTRY_NOT_YOURS: &str = "ENTRY_NOT_YOURS";
    /// More reader entries than one call may put or remove.
    pub const TOO_MANY_ENTRIES: &str = "TOO_MANY_ENTRIES";
    /// The statement's last height has passed.
    pub const STATEMENT_EXPIRED: &str = "STATEMENT_EXPIRED";
    /// The statement's last height is too far ahead.
    pub const WINDOW_TOO_LONG: &str = "WINDOW_TOO_LONG";
    /// Executing a block gives another header than the block has.
    pub const HEADER_MISMATCH: &str = "HEADER_MISMATCH";
    /// A field of a payload has a value that it may not have.
    pub const FIELD_INVALID: &str = "FIELD_INVALID";
    /// Too much is pending; try again later.
    pub const OVERLOADED: &str = "OVERLOADED";
    /// The ledger stopped while the statement was pending; it may or may not be committed.
    pub const STOPPED: &str = "STOPPED";
    /// The ledger itself could not do it: not the caller's fault.
    pub const INTERNAL: &str = "INTERNAL";
}

/// Why a statement is not taken: what, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// One of the words in [`reason`], or a word of the machine's.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
    /// The path of the part that is wrong, such as `leaves[3].tags`.
    pub field: Option<String>,
    /// When trying again may help: after how many milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    /// Makes a refusal for `reason`.
    pub fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), field: None, retry_after_ms: None }
    }

    /// Names the part that is wrong.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says after how many milliseconds to try again.
    #[must_use]
    pub fn retry_after(mut self, retry_after_ms: u64) -> Self {
        self.retry_after_ms = Some(retry_after_ms);
        self
    }

    /// Whether the same submission may be taken later.
    pub fn is_retryable(&self) -> bool {
        self.retry_after_ms.is_some()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)?;
        match &self.field {
            Some(field) => write!(f, " (in {field})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}
