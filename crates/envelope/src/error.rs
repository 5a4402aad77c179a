//! Why something could not be sealed, or would not open.

use party::{KeyId, MemberId};

/// Why an envelope could not be made or read.
///
/// Each error names its [`reason`](Self::reason): the `UPPER_SNAKE` word that every face of the
/// house shows unchanged. No error holds anything secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A body has one part at least, and not too many.
    #[error("a sealed body has 1 to {limit} parts, not {found}")]
    PartCount {
        /// How many parts were planned.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// There must be one content key for each part.
    #[error("{parts} parts cannot be sealed under {keys} content keys")]
    KeyCount {
        /// How many parts were planned.
        parts: usize,
        /// How many keys were given.
        keys: usize,
    },
    /// No part carries the field: it would be sealed away from everybody.
    #[error("no part carries the field `{name}`")]
    FieldUncovered {
        /// The field's name.
        name: String,
    },
    /// Two parts carry the field, or one names it twice.
    #[error("the field `{name}` is in more than one part, or twice in one")]
    FieldTwice {
        /// The field's name.
        name: String,
    },
    /// A part names a field that the event does not have.
    #[error("part {part} names the field `{name}`, which the event does not have")]
    FieldUnknown {
        /// The place of the part, from 0.
        part: u32,
        /// The field's name.
        name: String,
    },
    /// More than one part takes what the others leave.
    #[error("more than one part takes the fields that the others leave")]
    RestTwice,
    /// A part carries no field.
    #[error("part {part} carries no field")]
    PartEmpty {
        /// The place of the part, from 0.
        part: u32,
    },
    /// Fields do not join to one JSON object.
    #[error("the fields are not names in order with one canonical JSON value each")]
    FieldsMalformed,
    /// The entry is for another reader.
    #[error("the entry names {named} as its reader, not {me}")]
    NotNamed {
        /// For whom the entry is.
        named: MemberId,
        /// Who tried to read it.
        me: MemberId,
    },
    /// The entry was made for another key of this reader.
    #[error("the entry was made for the sealing key {}, but {} is held", hex(named), hex(held))]
    OtherKey {
        /// For which key the entry is.
        named: KeyId,
        /// Which key the reader holds.
        held: KeyId,
    },
    /// The entry's handle cannot be read.
    #[error("the entry's handle is malformed: {why}")]
    HandleMalformed {
        /// What is wrong.
        why: String,
    },
    /// The handle leads to another secret than the sealer's, or the entry was changed.
    #[error("the entry's confirmation does not hold: its handle leads to another secret")]
    HandleMismatch,
    /// The confirmation holds, but the wrapped content key does not open.
    #[error("the entry's content key does not open")]
    KeyNotOpened,
    /// The body is not the one that the entry or the leaf is about.
    #[error("the body is not the one that was stated: its digest is another")]
    BodyMismatch,
    /// The body has no part at this place.
    #[error("the body has {parts} parts and no part {part}")]
    PartUnknown {
        /// The place asked for, from 0.
        part: u32,
        /// How many parts the body has.
        parts: usize,
    },
    /// The part is no `COSE_Encrypt0` of ours, or what it holds is no plaintext of ours.
    #[error("part {part} is malformed: {why}")]
    PartMalformed {
        /// The place of the part, from 0.
        part: u32,
        /// What is wrong.
        why: &'static str,
    },
    /// The part means something, but is not the one deterministic encoding of it.
    #[error("part {part} is not deterministic CBOR: it does not re-encode to the same bytes")]
    NotDeterministic {
        /// The place of the part, from 0.
        part: u32,
    },
    /// The content key is not the part's, or the part belongs elsewhere or was changed.
    #[error("part {part} does not open: it was changed, or belongs to another body or place")]
    PartNotOpened {
        /// The place of the part, from 0.
        part: u32,
    },
    /// The part opens, and what it holds is not what was committed to.
    #[error("part {part} opens to something else than what was committed to")]
    CommitmentMismatch {
        /// The place of the part, from 0.
        part: u32,
    },
    /// A row at rest is no sealed row.
    #[error("a row of `{context}` is malformed: {why}")]
    RowMalformed {
        /// What kind of row it is.
        context: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A row at rest was sealed under another key or for another place, or was changed.
    #[error("a row of `{context}` does not open: another storage key, another place, or changed")]
    RowNotOpened {
        /// What kind of row it is.
        context: String,
    },
    /// What was to be sealed, or what was opened, is no part of the record.
    #[error(transparent)]
    Statement(#[from] statement::Error),
}

fn hex(key: &KeyId) -> String {
    key.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Error {
    /// The `UPPER_SNAKE` reason that travels to the caller.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::PartCount { .. }
            | Self::KeyCount { .. }
            | Self::FieldUncovered { .. }
            | Self::FieldTwice { .. }
            | Self::FieldUnknown { .. }
            | Self::RestTwice
            | Self::PartEmpty { .. } => "PARTS_INVALID",
            Self::FieldsMalformed => "BODY_MALFORMED",
            Self::NotNamed { .. } => "READER_NOT_NAMED",
            Self::OtherKey { .. } => "READER_KEY_UNKNOWN",
            Self::HandleMalformed { .. } => "HANDLE_MALFORMED",
            Self::HandleMismatch => "HANDLE_MISMATCH",
            Self::KeyNotOpened => "ENTRY_NOT_OPENED",
            Self::BodyMismatch => "BODY_DIGEST_MISMATCH",
            Self::PartUnknown { .. } => "PART_UNKNOWN",
            Self::PartMalformed { .. } => "PART_MALFORMED",
            Self::NotDeterministic { .. } => "ENCODING_NOT_DETERMINISTIC",
            Self::PartNotOpened { .. } => "PART_NOT_OPENED",
            Self::CommitmentMismatch { .. } => "COMMITMENT_MISMATCH",
            Self::RowMalformed { .. } => "ROW_MALFORMED",
            Self::RowNotOpened { .. } => "ROW_NOT_OPENED",
            Self::Statement(error) => error.reason(),
        }
    }

    /// Whether the same call may succeed later, unchanged: never, for nothing here waits for
    /// anything.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        false
    }
}
