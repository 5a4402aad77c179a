//! Why an end of a link stopped.

/// Why an end could not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value of the configuration is out of its range.
    #[error("{name} is out of range: {range}")]
    ParameterInvalid {
        /// Which value.
        name: &'static str,
        /// What it may be.
        range: &'static str,
    },
    /// The frame has more bytes than any frame may have.
    #[error("the frame has {found_bytes} bytes, but at most {limit_bytes} are allowed")]
    FrameTooLarge {
        /// How many it has.
        found_bytes: usize,
        /// How many it may have.
        limit_bytes: usize,
    },
    /// The frame is no frame of this protocol.
    #[error("the far end sent a frame that is malformed: {why}")]
    FrameMalformed {
        /// What is wrong.
        why: &'static str,
    },
    /// The frame is signed by another key than the far end's, or was changed on its way.
    #[error("the signature of the frame does not hold")]
    FrameForged,
    /// The frame is signed well, but belongs elsewhere.
    #[error("the frame belongs elsewhere: another {what}")]
    FrameForeign {
        /// What differs: consortium, link, direction, session, sequence or transcript.
        what: &'static str,
    },
    /// The far end sent what it must not send now, or what does not agree with the block.
    #[error("the far end broke the protocol: {why}")]
    PeerMisbehaved {
        /// How.
        why: &'static str,
    },
    /// The two ends are configured differently, so they cannot agree on a key.
    #[error("the two ends of the link have different parameters")]
    ParametersDiffer,
    /// The line is shut down; only `restore` opens it.
    #[error("the line is shut down: {reason}")]
    LineShutDown {
        /// Why.
        reason: String,
    },
    /// The end is in the middle of something, or not connected.
    #[error("the end is not idle: {what}")]
    NotIdle {
        /// What it is doing.
        what: &'static str,
    },
    /// The call is for the other end of the link.
    #[error("only the {wanted} can do that")]
    WrongEnd {
        /// Which end can.
        wanted: &'static str,
    },
    /// The pulses or the clicks do not belong to the bases.
    #[error("the pulses do not fit: {why}")]
    PulsesInvalid {
        /// What is wrong.
        why: &'static str,
    },
    /// The session has failed before; only a new connection helps.
    #[error("the session has ended; connect again")]
    SessionEnded,
    /// The system gave no randomness.
    #[error("the system gave no randomness")]
    NoRandomness,
}

impl Error {
    /// The reason in upper snake case, as services answer it in `ErrorInfo.reason`.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::ParameterInvalid { .. } => "LINK_PARAMETER_INVALID",
            Self::FrameTooLarge { .. } => "LINK_FRAME_TOO_LARGE",
            Self::FrameMalformed { .. } => "LINK_FRAME_MALFORMED",
            Self::FrameForged => "LINK_FRAME_FORGED",
            Self::FrameForeign { .. } => "LINK_FRAME_FOREIGN",
            Self::PeerMisbehaved { .. } => "LINK_PEER_MISBEHAVED",
            Self::ParametersDiffer => "LINK_PARAMETERS_DIFFER",
            Self::LineShutDown { .. } => "LINE_SHUT_DOWN",
            Self::NotIdle { .. } => "LINK_NOT_IDLE",
            Self::WrongEnd { .. } => "LINK_WRONG_END",
            Self::PulsesInvalid { .. } => "LINK_PULSES_INVALID",
            Self::SessionEnded => "LINK_SESSION_ENDED",
            Self::NoRandomness => "RANDOMNESS_UNAVAILABLE",
        }
    }

    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::NotIdle { .. } | Self::SessionEnded | Self::NoRandomness)
    }

    /// Whether the connection must be dropped; otherwise the end is as it was before the call.
    #[must_use]
    pub const fn ends_session(&self) -> bool {
        !matches!(self, Self::LineShutDown { .. } | Self::NotIdle { .. } | Self::WrongEnd { .. })
    }
}
