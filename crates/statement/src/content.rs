//! What a statement holds.

use crate::{Digest, Error, hash};

/// The kind of a statement's payload, written as its content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Content {
    /// Events taken in together: [`crate::Capture`].
    Capture,
    /// An instruction to a contract: [`crate::Act`].
    Command,
    /// An act of the consortium about itself: [`crate::Act`].
    Governance,
    /// The first entry of a log: [`crate::Genesis`].
    Genesis,
}

impl Content {
    /// Every kind there is.
    pub const ALL: [Self; 4] = [Self::Capture, Self::Command, Self::Governance, Self::Genesis];

    /// The content type, as the protected header carries it.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Capture => "application/vnd.quayside.capture+cbor",
            Self::Command => "application/vnd.quayside.command+cbor",
            Self::Governance => "application/vnd.quayside.governance+cbor",
            Self::Genesis => "application/vnd.quayside.genesis+cbor",
        }
    }

    /// Reads a content type.
    ///
    /// # Errors
    ///
    /// [`Error::ContentTypeUnknown`] if it is none of ours.
    pub fn from_media_type(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|content| content.media_type() == text)
            .ok_or_else(|| Error::ContentTypeUnknown { found: text.chars().take(80).collect() })
    }

    /// The digest that identifies a payload: the capture's root, a command's digest, or the hash of
    /// the rest. In the first two the last height has no part, so that a request sent again with a
    /// fresh one is the same request.
    ///
    /// # Errors
    ///
    /// As [`crate::Capture::decode`].
    pub fn subject_of(self, payload: &[u8]) -> Result<Digest, Error> {
        Ok(match self {
            Self::Capture => crate::Capture::decode(payload)?.root,
            Self::Command => crate::Act::decode(payload)?.command_digest(),
            Self::Governance => hash::GOVERNANCE.hash(payload),
            Self::Genesis => hash::GENESIS.hash(payload),
        })
    }
}
