//! What the gateway answers.

use keys::PassedOver;
use party::MemberId;
use statement::{Commitment, Height, LogIndex};

use crate::{Buyer, Good, JourneyId, Parties, Step};

/// What became of an advance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advanced {
    /// The step that was taken.
    pub step: Step,
    /// The event's identity in the record.
    pub commitment: Commitment,
    /// The statement's place in the log.
    pub index: LogIndex,
    /// The block that holds it.
    pub height: Height,
    /// For whom it was sealed, and with what.
    pub seals: Vec<Seal>,
}

/// One part of an event sealed for one reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// For whom.
    pub reader: MemberId,
    /// The part of the body, from 0.
    pub part: u32,
    /// Where the secret came from: `x25519`, `x-wing`, `qkd:<link>`.
    pub source: String,
    /// Which better sources were passed over, and why.
    pub passed_over: Vec<PassedOver>,
}

/// A journey as one member knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderView {
    /// Its name.
    pub journey: JourneyId,
    /// The parcel's canonical Digital Link.
    pub parcel: String,
    /// The pallet's, once this member knows it.
    pub pallet: Option<String>,
    /// Who sells.
    pub seller: MemberId,
    /// Who else takes part.
    pub parties: Parties,
    /// What is in the parcel.
    pub goods: Vec<Good>,
    /// The steps that this member has captured or opened, in order.
    pub steps: Vec<DoneStep>,
    /// The next step as far as this member can see; `None` when all are done.
    pub next: Option<NextStep>,
    /// Who gets the parcel, for those who may know.
    pub buyer: Option<Buyer>,
    /// Entries that this member has sealed and that their readers have not acknowledged.
    pub unacknowledged: Vec<Unacknowledged>,
    /// What is off with this journey's events, as this member sees it.
    pub alerts: Vec<AlertView>,
}

/// A step that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoneStep {
    /// Which.
    pub step: Step,
    /// By whom.
    pub by: MemberId,
    /// When, by the event's own word, in milliseconds since 1970-01-01 UTC.
    pub event_time_ms: i64,
    /// The event's identity in the record.
    pub commitment: Commitment,
    /// The statement's place in the log.
    pub index: LogIndex,
    /// The block that holds it.
    pub height: Height,
}

/// The step that comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextStep {
    /// Which.
    pub step: Step,
    /// Whose it is.
    pub by: MemberId,
}

/// An entry that its reader has not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unacknowledged {
    /// Of which step's event.
    pub step: Step,
    /// That event's identity in the record.
    pub commitment: Commitment,
    /// For whom.
    pub reader: MemberId,
    /// The part of the body, from 0.
    pub part: u32,
    /// Where the secret came from.
    pub source: String,
    /// How often it was sealed.
    pub times: u32,
}

/// Something off about an event, with where to find the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertView {
    /// The `UPPER_SNAKE` reason.
    pub reason: String,
    /// Who is named as its issuer, or as the entry's sealer.
    pub issuer: MemberId,
    /// The event.
    pub commitment: Commitment,
    /// What was seen, in words.
    pub detail: String,
}
