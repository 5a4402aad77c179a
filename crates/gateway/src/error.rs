//! Why a journey could not go on.

use party::MemberId;
use statement::RequestId;

use crate::{JourneyId, Step};

/// Why a journey could not go on, or an entry could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// This gateway does not act for the member.
    #[error("this gateway does not act for member {member}; ask the gateway of its site")]
    MemberUnknown {
        /// In whose name it was called.
        member: MemberId,
    },
    /// A field of the call is malformed.
    #[error("{field}: {why}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// The order cannot become a journey.
    #[error("the order cannot be made: {field}: {why}")]
    OrderInvalid {
        /// Which field: `goods[2].sgtin`.
        field: String,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// This member knows no such journey, or not yet.
    #[error(
        "member {member} knows no journey {journey}; if it was just made, its first event has not \
         been opened here yet: try again shortly"
    )]
    JourneyUnknown {
        /// The journey.
        journey: JourneyId,
        /// Who asked.
        member: MemberId,
    },
    /// The step cannot be taken now.
    #[error("journey {journey}: step {step} cannot be taken now: {why}")]
    StepOutOfOrder {
        /// The journey.
        journey: JourneyId,
        /// The step.
        step: Step,
        /// What stands before it, or that it is done.
        why: String,
    },
    /// The step is another member's.
    #[error("journey {journey}: step {step} is for {whose} to take, not for {member}")]
    StepNotYours {
        /// The journey.
        journey: JourneyId,
        /// The step.
        step: Step,
        /// Whose it is.
        whose: MemberId,
        /// Who asked.
        member: MemberId,
    },
    /// The request id was used for something else.
    #[error("request {request} was another call's; choose a fresh request id")]
    RequestReused {
        /// The id.
        request: RequestId,
    },
    /// A secret came that nobody announced, or that was announced for something else: a decoy.
    #[error("a secret for {item} came that the log does not announce for it; it is not used")]
    SecretNotAnnounced {
        /// For which item it was said to be.
        item: String,
    },
    /// The entry's handle is not the one that it was made with.
    #[error("the entry's handle was exchanged, or leads to another secret")]
    HandleMismatch,
    /// The entry was opened before.
    #[error("the entry was opened before; it changes nothing")]
    EntryReplayed,
    /// The entry is for somebody else.
    #[error("the entry is for {reader}, not for {member}")]
    ReaderNotNamed {
        /// For whom it is.
        reader: MemberId,
        /// Who got it.
        member: MemberId,
    },
    /// The entry contradicts the record, or is not signed by its sealer.
    #[error("the entry is not what its sealer stated: {why}")]
    EntryInvalid {
        /// What is wrong.
        why: String,
    },
    /// Events could not be captured.
    #[error(transparent)]
    Capture(#[from] capture::Error),
    /// A secret could not be drawn or recovered.
    #[error(transparent)]
    Keys(#[from] keys::Error),
    /// The record could not be read.
    #[error(transparent)]
    Trace(#[from] trace::Error),
    /// The post refused entries.
    #[error("the post refused: {message}")]
    PostRefused {
        /// Its `UPPER_SNAKE` reason.
        reason: String,
        /// Its words.
        message: String,
    },
    /// The post could not be reached, or did not answer.
    #[error("the post is not reachable: {message}")]
    PostUnavailable {
        /// What was seen.
        message: String,
    },
    /// What this gateway waits for has not come yet.
    #[error("{what} has not come yet; try again shortly")]
    NotYet {
        /// What.
        what: String,
    },
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
            Self::MemberUnknown { .. } => "MEMBER_UNKNOWN",
            Self::Invalid { .. } => "FIELD_INVALID",
            Self::OrderInvalid { .. } => "ORDER_INVALID",
            Self::JourneyUnknown { .. } => "JOURNEY_UNKNOWN",
            Self::StepOutOfOrder { .. } => "STEP_OUT_OF_ORDER",
            Self::StepNotYours { .. } => "STEP_NOT_YOURS",
            Self::RequestReused { .. } => "REQUEST_ID_REUSED",
            Self::SecretNotAnnounced { .. } => "SECRET_NOT_ANNOUNCED",
            Self::HandleMismatch => "HANDLE_MISMATCH",
            Self::EntryReplayed => "ENTRY_REPLAYED",
            Self::ReaderNotNamed { .. } => "READER_NOT_NAMED",
            Self::EntryInvalid { .. } => "ENTRY_INVALID",
            Self::Capture(error) => error.reason(),
            Self::Keys(error) => error.reason(),
            Self::Trace(error) => error.reason(),
            Self::PostRefused { reason, .. } => reason,
            Self::PostUnavailable { .. } => "LEDGER_UNAVAILABLE",
            Self::NotYet { .. } => "NOT_YET",
            Self::Internal { .. } => "INTERNAL",
        }
    }

    /// Whether the same call may succeed later, unchanged.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Capture(error) => error.is_retryable(),
            Self::Keys(error) => error.is_retryable(),
            Self::Trace(error) => error.is_retryable(),
            Self::PostUnavailable { .. } | Self::NotYet { .. } | Self::JourneyUnknown { .. } => {
                true
            }
            _ => false,
        }
    }

    /// Whether a disk or a promise of this house failed: then nobody else is to blame.
    pub(crate) const fn is_ours(&self) -> bool {
        matches!(
            self,
            Self::Internal { .. }
                | Self::Trace(trace::Error::Index { .. } | trace::Error::Book { .. })
        )
    }

    /// The field at fault, where there is one.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Invalid { field, .. } => Some(field),
            Self::OrderInvalid { field, .. } => Some(field),
            _ => None,
        }
    }

    /// After how many milliseconds to try again, where that helps.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Capture(error) => error.retry_after_ms(),
            Self::Trace(error) => error.retry_after_ms(),
            other => other.is_retryable().then_some(1_000),
        }
    }
}

pub(crate) fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal { message: error.to_string() }
}
