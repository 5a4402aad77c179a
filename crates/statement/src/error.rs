//! What can be wrong with bytes that claim to be part of the record, and with which part.

use std::fmt;

/// Which piece of the record an [`Error`] or a [`Fault`] speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The frame of a bundle: its version and the number of its elements.
    Bundle,
    /// The signed statement.
    Statement,
    /// The payload of a capture statement.
    Capture,
    /// The payload of a command or governance statement.
    Act,
    /// The payload of the genesis statement.
    Genesis,
    /// The log's receipt.
    Receipt,
    /// An event's leaf.
    Leaf,
    /// The place of the leaf in its capture.
    LeafIndex,
    /// The path from the leaf to the capture's root.
    LeafPath,
    /// The body, open or sealed.
    Body,
    /// A reader's entry for a part of a sealed body.
    ReaderEntry,
    /// The disclosed fields.
    Disclosure,
    /// The signed checkpoint.
    Note,
    /// A block's header.
    Header,
    /// A tag's record in the state tree.
    HistoryRecord,
    /// The proof of a tag's history.
    HistoryProof,
    /// The positions that a history claims.
    Positions,
}

impl Part {
    /// The part's name in plain words, as people read it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::Statement => "statement",
            Self::Capture => "capture payload",
            Self::Act => "act payload",
            Self::Genesis => "genesis payload",
            Self::Receipt => "receipt",
            Self::Leaf => "leaf",
            Self::LeafIndex => "leaf index",
            Self::LeafPath => "leaf path",
            Self::Body => "body",
            Self::ReaderEntry => "reader entry",
            Self::Disclosure => "disclosure",
            Self::Note => "note",
            Self::Header => "header",
            Self::HistoryRecord => "history record",
            Self::HistoryProof => "history proof",
            Self::Positions => "positions",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why bytes are not an honest part of the record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes do not have the shape of the part.
    #[error("the {part} is malformed: {why}")]
    Malformed {
        /// Which part.
        part: Part,
        /// What is wrong.
        why: &'static str,
    },
    /// The bytes mean something, but are not the one deterministic encoding of it.
    #[error("the {part} is not deterministic CBOR: it does not re-encode to the same bytes")]
    NotDeterministic {
        /// Which part.
        part: Part,
    },
    /// The format has another version than this crate knows.
    #[error("the {part} has version {found}, which is not known here")]
    Version {
        /// Which part.
        part: Part,
        /// The version found.
        found: u64,
    },
    /// More bytes than the part may have.
    #[error("the {part} has {found_bytes} bytes, but at most {limit_bytes} are allowed")]
    TooLarge {
        /// Which part.
        part: Part,
        /// How many bytes it has.
        found_bytes: usize,
        /// How many it may have.
        limit_bytes: usize,
    },
    /// More elements than the part may have.
    #[error("the {part} has {found} {what}, but at most {limit} are allowed")]
    TooMany {
        /// Which part.
        part: Part,
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many there may be.
        limit: u64,
    },
    /// A content type that is none of ours.
    #[error("the content type `{found}` is unknown")]
    ContentTypeUnknown {
        /// The content type found.
        found: String,
    },
    /// The key re-encodes to other bytes, is no point of the curve, or has a small order.
    #[error("the Ed25519 key is weak: not canonical, not on the curve, or of small order")]
    KeyWeak,
    /// The signature does not hold under the strict rules.
    #[error("the signature does not hold")]
    SignatureInvalid,
    /// The key that signed is not the one the verifier pinned.
    #[error("the {part} names a key that is not the pinned key of {member}")]
    KeyUnknown {
        /// Which part.
        part: Part,
        /// Whose key it should be.
        member: String,
    },
    /// The member is not among those the verifier pinned.
    #[error("the {part} names {member}, who is no known member")]
    MemberUnknown {
        /// Which part.
        part: Part,
        /// The name found.
        member: String,
    },
    /// The part belongs to another consortium.
    #[error("the {part} belongs to consortium `{found}`, not to `{expected}`")]
    ConsortiumMismatch {
        /// Which part.
        part: Part,
        /// The consortium found.
        found: String,
        /// The consortium wanted.
        expected: String,
    },
    /// Two pieces that must agree do not.
    #[error("the {part} does not match: {why}")]
    Mismatch {
        /// Which part.
        part: Part,
        /// What does not agree with what.
        why: &'static str,
    },
    /// The names of the fields are not strictly increasing.
    #[error("the field `{name}` is out of order: names must be strictly increasing")]
    FieldsOutOfOrder {
        /// The first name that is not above the one before it.
        name: String,
    },
    /// Too few validators signed.
    #[error("the note bears {found} valid lines, but a quorum needs {needed}")]
    NoQuorum {
        /// How many lines there are.
        found: usize,
        /// How many a quorum needs.
        needed: usize,
    },
}

impl Error {
    /// The part that the error speaks of, if it names one.
    #[must_use]
    pub const fn part(&self) -> Option<Part> {
        match self {
            Self::Malformed { part, .. }
            | Self::NotDeterministic { part }
            | Self::Version { part, .. }
            | Self::TooLarge { part, .. }
            | Self::TooMany { part, .. }
            | Self::KeyUnknown { part, .. }
            | Self::MemberUnknown { part, .. }
            | Self::ConsortiumMismatch { part, .. }
            | Self::Mismatch { part, .. } => Some(*part),
            Self::NoQuorum { .. } => Some(Part::Note),
            Self::FieldsOutOfOrder { .. }
            | Self::ContentTypeUnknown { .. }
            | Self::KeyWeak
            | Self::SignatureInvalid => None,
        }
    }

    /// The reason in upper snake case, as services answer it in `ErrorInfo.reason`.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed { part, .. } => match part {
                Part::Body => "BODY_MALFORMED",
                Part::Leaf => "LEAVES_MISMATCH",
                Part::ReaderEntry => "ENTRY_MALFORMED",
                Part::Statement | Part::Capture | Part::Act | Part::Genesis => {
                    "STATEMENT_MALFORMED"
                }
                _ => "PROOF_INVALID",
            },
            Self::NotDeterministic { .. } => "ENCODING_NOT_DETERMINISTIC",
            Self::Version { .. } => "VERSION_UNKNOWN",
            Self::TooLarge { .. } => "REQUEST_TOO_LARGE",
            Self::TooMany { part, .. } => match part {
                Part::Capture => "TOO_MANY_EVENTS",
                Part::Leaf => "TOO_MANY_TAGS",
                Part::Body | Part::Disclosure => "TOO_MANY_FIELDS",
                Part::Genesis => "STATEMENT_MALFORMED",
                // Siblings and levels: no honest proof has so many.
                _ => "PROOF_INVALID",
            },
            Self::ContentTypeUnknown { .. } => "CONTENT_TYPE_UNKNOWN",
            Self::KeyWeak => "KEY_WEAK",
            Self::SignatureInvalid => "SIGNATURE_INVALID",
            Self::KeyUnknown { .. } => "KEY_UNKNOWN",
            Self::MemberUnknown { .. } => "MEMBER_UNKNOWN",
            Self::ConsortiumMismatch { .. } => "CONSORTIUM_MISMATCH",
            Self::Mismatch { part: Part::Body, .. } => "BODY_DIGEST_MISMATCH",
            Self::Mismatch { part: Part::Disclosure, .. } => "COMMITMENT_MISMATCH",
            Self::Mismatch { part: Part::ReaderEntry, .. } => "ENTRY_MISMATCH",
            Self::Mismatch { .. } => "PROOF_INVALID",
            Self::FieldsOutOfOrder { .. } => "BODY_MALFORMED",
            Self::NoQuorum { .. } => "NO_QUORUM",
        }
    }
}

/// Why a bundle or a history is refused, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The part that does not hold.
    pub part: Part,
    /// Why it does not.
    pub why: Error,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, why } = self;
        // Most errors name their part themselves.
        if why.part() == Some(*part) {
            write!(f, "refused: {why}")
        } else {
            write!(f, "refused at the {part}: {why}")
        }
    }
}

impl std::error::Error for Fault {}

impl Fault {
    /// Blames `part` for an error.
    pub(crate) fn at(part: Part) -> impl Fn(Error) -> Self {
        move |why| Self { part, why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_of_each_has_its_own_reason() {
        let reason = |part| Error::TooMany { part, what: "parts", found: 2, limit: 1 }.reason();
        assert_eq!(reason(Part::Capture), "TOO_MANY_EVENTS");
        assert_eq!(reason(Part::Leaf), "TOO_MANY_TAGS");
        assert_eq!(reason(Part::Body), "TOO_MANY_FIELDS");
        assert_eq!(reason(Part::Disclosure), "TOO_MANY_FIELDS");
        assert_eq!(reason(Part::Genesis), "STATEMENT_MALFORMED");
        for part in [Part::LeafPath, Part::Receipt, Part::HistoryProof] {
            assert_eq!(reason(part), "PROOF_INVALID", "{part}");
        }
    }
}
