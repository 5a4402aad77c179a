//! Why events could not be taken in.

use party::MemberId;

/// Why a capture failed, in the caller's terms.
///
/// Each error names its [`reason`](Self::reason): the `UPPER_SNAKE` word that every face of the house
/// shows unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The document is not EPCIS that this house takes: theirs to correct.
    #[error(transparent)]
    Document(#[from] epcis::Error),
    /// An event bears more tags than one leaf may hold.
    #[error("{path} names {count} identifiers, and one event may name at most {limit}")]
    TooManyTags {
        /// Where in the document: `eventList[3]`, or `eventList` for the sum over the capture.
        path: String,
        /// How many distinct identifiers it names.
        count: usize,
        /// How many it may name.
        limit: usize,
    },
    /// An event has more top-level fields than one commitment may hide.
    #[error("{path} has {count} top-level fields, and one event may have at most {limit}")]
    TooManyFields {
        /// Where in the document: `eventList[3]`.
        path: String,
        /// How many it has.
        count: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The statement, leaves and bodies together are more than one entry of the log may be.
    #[error("the capture makes an entry of {bytes} bytes, and one may have at most {limit}")]
    TooLarge {
        /// How many bytes it has.
        bytes: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The document holds no event, so there is nothing to state.
    #[error("the document holds no event")]
    NoEvents,
    /// More events than one capture may have.
    #[error("the capture has {count} events, and one may have at most {limit}")]
    TooManyEvents {
        /// How many it has.
        count: usize,
        /// How many it may have.
        limit: usize,
    },
    /// One event was due.
    #[error("one event was due, and the document holds {count}")]
    NotOneEvent {
        /// How many it holds.
        count: usize,
    },
    /// An event that is to be sealed names items whose secrets were not given.
    #[error("{path} names {missing} identifiers for which no item secret was given")]
    SecretMissing {
        /// Where among the events: `eventList[3]`.
        path: String,
        /// For how many identifiers there is none.
        missing: usize,
    },
    /// An event needs exactly one part that carries what no other part names.
    #[error("{path} has {count} parts for the rest of its fields, and needs exactly one")]
    RestCount {
        /// Where among the events: `eventList[3]`.
        path: String,
        /// How many it has.
        count: usize,
    },
    /// What the part with the rest carries is not by itself an event that its readers can check.
    #[error("{path} is no event without the fields that its other parts name: {why}")]
    RestInvalid {
        /// Where among the events: `eventList[3]`.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// The parts of an event cannot be sealed as they were asked for.
    #[error("{path} cannot be sealed: {why}")]
    Envelope {
        /// Where among the events: `eventList[3]`.
        path: String,
        /// Why not.
        why: envelope::Error,
    },
    /// This gateway holds no signing key of the member.
    #[error("this gateway does not capture for member {member}")]
    MemberUnknown {
        /// In whose name the events came.
        member: MemberId,
    },
    /// The ledger said no, and why.
    #[error("the ledger refused the capture: {message}")]
    Refused {
        /// Its `UPPER_SNAKE` reason, such as `REQUEST_ID_REUSED`.
        reason: String,
        /// Its words.
        message: String,
        /// The field at fault, where there is one.
        field: Option<String>,
        /// After how many milliseconds to try again, where that helps.
        retry_after_ms: Option<u64>,
    },
    /// The ledger could not be reached, or did not answer; a retry with the same request id is safe.
    #[error("the ledger is not reachable: {message}")]
    Unavailable {
        /// What was seen.
        message: String,
    },
    /// A statement could not be made from good events: ours to correct.
    #[error(transparent)]
    Statement(#[from] statement::Error),
    /// A promise of this house was broken: ours to correct.
    #[error("internal fault: {message}")]
    Internal {
        /// What was seen.
        message: String,
    },
}

impl Error {
    /// The `UPPER_SNAKE` reason that travels to the caller.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Document(error) => error.reason.as_str(),
            Self::TooManyTags { .. } => "TOO_MANY_TAGS",
            Self::TooManyFields { .. } => "TOO_MANY_FIELDS",
            Self::TooLarge { .. } => "REQUEST_TOO_LARGE",
            Self::NoEvents => "FIELD_MISSING",
            Self::TooManyEvents { .. } => "TOO_MANY_EVENTS",
            Self::NotOneEvent { .. } => "FIELD_INVALID",
            Self::SecretMissing { .. } => "SECRET_MISSING",
            Self::RestCount { .. } | Self::RestInvalid { .. } => "PARTS_INVALID",
            Self::Envelope { why, .. } => why.reason(),
            Self::MemberUnknown { .. } => "MEMBER_UNKNOWN",
            Self::Refused { reason, .. } => reason,
            Self::Unavailable { .. } => "LEDGER_UNAVAILABLE",
            Self::Statement(_) | Self::Internal { .. } => "INTERNAL",
        }
    }

    /// The field of the document or request at fault, where there is one.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Document(error) => Some(&error.path),
            Self::TooManyTags { path, .. }
            | Self::TooManyFields { path, .. }
            | Self::SecretMissing { path, .. }
            | Self::RestCount { path, .. }
            | Self::RestInvalid { path, .. }
            | Self::Envelope { path, .. } => Some(path),
            Self::TooLarge { .. }
            | Self::NoEvents
            | Self::TooManyEvents { .. }
            | Self::NotOneEvent { .. } => Some("eventList"),
            Self::Refused { field, .. } => field.as_deref(),
            _ => None,
        }
    }

    /// What the caller can do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Document(error) if !error.hint.is_empty() => Some(&error.hint),
            Self::TooManyTags { .. } => Some("split the capture, or the event"),
            Self::TooManyFields { .. } => {
                Some("put extensions that belong together under one name")
            }
            Self::TooManyEvents { .. } => Some("split the capture"),
            Self::NotOneEvent { .. } => Some("send one event for each that is to be sealed"),
            Self::SecretMissing { .. } => Some("give an item secret for each item of the event"),
            Self::RestCount { .. } | Self::RestInvalid { .. } | Self::Envelope { .. } => {
                Some("let each field be in one part, and leave a whole event to the rest")
            }
            Self::TooLarge { .. } => Some("send fewer events in one capture"),
            Self::NoEvents => Some("send at least one event in epcisBody.eventList"),
            Self::Unavailable { .. } => Some("retry with the same request id"),
            _ => None,
        }
    }

    /// After how many milliseconds a retry makes sense, where one does.
    #[must_use]
    pub const fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Refused { retry_after_ms, .. } => *retry_after_ms,
            Self::Unavailable { .. } => Some(1_000),
            _ => None,
        }
    }

    /// Whether the same call may succeed later, unchanged.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        self.retry_after_ms().is_some()
    }
}
