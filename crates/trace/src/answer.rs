//! What a trace answers.

use bytes::Bytes;
use party::MemberId;
use statement::{Checkpoint, Commitment, Height, LeafIndex, LogIndex};

/// Where an item was, step by step, and whether that is all.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The item's canonical name.
    pub item: String,
    /// Whether the steps are proven to be all.
    pub completeness: Completeness,
    /// How many events ever named the item, as the index holds them.
    pub count: u64,
    /// The steps, by event time, then by place in the log.
    pub steps: Vec<Step>,
    /// The quorum's checkpoint under which the item's own history was proven, if it was.
    ///
    /// No other history of the trace was proven under an older one, so the trace is complete as of
    /// its time.
    pub checkpoint: Option<Checkpoint>,
    /// What is off, with its issuer: leaves that were left out, and steps that are shown all the
    /// same.
    pub alerts: Vec<TraceAlert>,
}

impl Trace {
    /// Whether the steps are proven to be all.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        matches!(self.completeness, Completeness::Complete)
    }
}

/// Whether a trace is proven to hide nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// A quorum's note covers the history of the item, and of each container while it held the item.
    Complete,
    /// It may not be all, and this is why.
    Incomplete {
        /// Whose history is in doubt: the item's, or a container's.
        item: String,
        /// The kind of doubt.
        gap: Gap,
        /// What was seen, in words.
        detail: String,
    },
}

/// Why a history is not proven complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Gap {
    /// The ledger gave no proof: it did not answer.
    NoProof,
    /// The proof does not hold.
    ProofInvalid,
    /// The quorum's note is older than what this gateway has already seen.
    NoteOld,
    /// The quorum's note contradicts the blocks that this gateway followed: two histories were shown.
    Forked,
    /// The ledger's positions differ from those in the blocks that it had shown.
    PositionsDiffer,
    /// This gateway's index has not yet reached the proof's height.
    IndexBehind,
    /// A step's body is not here, or closed to this member, so what it says of containers is not
    /// known.
    StepClosed,
    /// The item lay in a container whose secret this member does not hold.
    ContainerClosed,
    /// Containers are nested deeper than a trace follows.
    TooDeep,
    /// There are more containers, stays or steps than a trace follows.
    TooWide,
}

impl Gap {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::NoProof,
        Self::ProofInvalid,
        Self::NoteOld,
        Self::Forked,
        Self::PositionsDiffer,
        Self::IndexBehind,
        Self::StepClosed,
        Self::ContainerClosed,
        Self::TooDeep,
        Self::TooWide,
    ];

    /// The `UPPER_SNAKE` reason that travels to the caller.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoProof => "NO_PROOF",
            Self::ProofInvalid => "PROOF_INVALID",
            Self::NoteOld => "NOTE_OLD",
            Self::Forked => "LEDGER_FORKED",
            Self::PositionsDiffer => "POSITIONS_DIFFER",
            Self::IndexBehind => "INDEX_BEHIND",
            Self::StepClosed => "STEP_CLOSED",
            Self::ContainerClosed => "CONTAINER_CLOSED",
            Self::TooDeep => "TOO_DEEP",
            Self::TooWide => "TOO_WIDE",
        }
    }
}

/// How much of a step this reader sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepState {
    /// Its body is open to everybody.
    Open,
    /// It is sealed, and the member whose view this is has opened what was sealed to it.
    Opened,
    /// It is sealed to others, erased, or not what it claims to be.
    Closed,
}

/// One event in an item's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How much of it shows.
    pub state: StepState,
    /// The event as canonical JSON, of an opened step with the fields that were sealed to this
    /// member; `None` for a step that stays closed.
    pub event: Option<String>,
    /// Where the secrets came from with which an opened step was sealed to this member, such as
    /// `x-wing`; several are separated by a comma and a space.
    pub sealed_with: Option<String>,
    /// When it happened, in milliseconds since 1970-01-01 UTC, by the event's own word; `None` for a
    /// closed step.
    pub event_time_ms: Option<i64>,
    /// When its block was decided, in milliseconds since 1970-01-01 UTC.
    pub block_time_ms: i64,
    /// Who stated it.
    pub issuer: MemberId,
    /// The event's identity in the record.
    pub commitment: Commitment,
    /// The statement's place in the log.
    pub index: LogIndex,
    /// The leaf's place in the capture tree.
    pub leaf: LeafIndex,
    /// The block that holds it.
    pub height: Height,
    /// The container in which the item lay, for a step that is the container's; `None` for the
    /// item's own.
    pub via: Option<String>,
    /// What is off about the step: evidence to raise, not a reason to hide it.
    pub alert: Option<Alert>,
    /// The event's bundle for an offline verifier, where it was asked for.
    pub bundle: Option<Bytes>,
}

/// Something off in an item's history, with whoever signed it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TraceAlert {
    /// Who signed it.
    pub issuer: MemberId,
    /// The commitment of its event.
    pub commitment: Commitment,
    /// What is off.
    pub reason: Alert,
}

/// What is off about an event that the record holds all the same.
///
/// Its issuer signed it and a quorum let it pass: the block is the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Alert {
    /// The leaf's tags are not those of the items that the event names.
    TagsMismatch,
    /// The body is not what the leaf commits to; the step stays closed.
    CommitmentMismatch,
    /// The body holds no EPCIS event in canonical form; the step stays closed.
    BodyMalformed,
    /// The mark beside a keyed tag was not made by a holder of the secret: a copied tag, which
    /// counts for nothing.
    MarkInvalid,
    /// The leaf bears the keyed tag of an item that its event, once opened, does not name.
    TagForeign,
    /// The event, once opened, names an item whose keyed tag its leaf does not bear.
    TagMissing,
    /// An item secret was handed over that nobody had announced for that item: a decoy, refused.
    SecretDecoy,
    /// An open event loads or unloads what this member follows under a secret: it changes nothing.
    OpenBond,
    /// An item secret was handed over that does not take over from the item's first: it was
    /// announced by whoever wanted to, and is used for nothing.
    SecretForeign,
    /// A loading or unloading is dated later than the block that holds it: it counts from that
    /// block's time on.
    TimeAhead,
}

impl Alert {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::TagsMismatch,
        Self::CommitmentMismatch,
        Self::BodyMalformed,
        Self::MarkInvalid,
        Self::TagForeign,
        Self::TagMissing,
        Self::SecretDecoy,
        Self::OpenBond,
        Self::SecretForeign,
        Self::TimeAhead,
    ];

    /// The `UPPER_SNAKE` reason that travels to the caller.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TagsMismatch => "TAGS_MISMATCH",
            Self::CommitmentMismatch => "COMMITMENT_MISMATCH",
            Self::BodyMalformed => "BODY_MALFORMED",
            Self::MarkInvalid => "MARK_INVALID",
            Self::TagForeign => "TAG_FOREIGN",
            Self::TagMissing => "TAG_MISSING",
            Self::SecretDecoy => "SECRET_DECOY",
            Self::OpenBond => "OPEN_BOND",
            Self::SecretForeign => "SECRET_FOREIGN",
            Self::TimeAhead => "TIME_AHEAD",
        }
    }
}
