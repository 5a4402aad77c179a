//! What comes in to be sealed, and what goes out: events with their parts and secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use envelope::{ContentKey, PartRef};
use epcis::{Event, Limits};
use statement::{Commitment, Digest, ItemSecret, Leaf, LeafIndex};

use crate::{Captured, Error};

/// What one part of an event is to carry.
#[derive(Clone, Debug)]
pub enum PartPolicy {
    /// The top-level fields of these names, extensions by their full IRI.
    Fields(BTreeSet<String>),
    /// The fields that no other part names: for its readers it is a valid event by itself, which
    /// names every item. Each event has exactly one such part.
    Rest,
    /// An item secret, handed to the item's parties. Announce it first: readers refuse what the
    /// record does not know.
    Secret {
        /// The item, as canonical Digital Link or private URI.
        item: String,
        /// Its secret.
        secret: ItemSecret,
    },
}

/// An event to be captured sealed.
#[derive(Clone)]
pub struct ToSeal {
    /// The event.
    pub event: Event,
    /// What each part carries: each field in exactly one.
    pub parts: Vec<PartPolicy>,
    /// The secret of every item that the event names, by the item's canonical text; others may be
    /// there and are not used.
    pub secrets: BTreeMap<String, ItemSecret>,
}

impl ToSeal {
    /// Reads the one event of a document.
    ///
    /// # Errors
    ///
    /// [`Error::Document`] if it is no EPCIS that this house takes, [`Error::NotOneEvent`] if it
    /// holds none or several.
    pub fn parse(
        document: &[u8],
        parts: Vec<PartPolicy>,
        secrets: BTreeMap<String, ItemSecret>,
    ) -> Result<Self, Error> {
        let mut events = epcis::parse_document(document, &Limits::default())?.events;
        match (events.pop(), events.len()) {
            (Some(event), 0) => Ok(Self { event, parts, secrets }),
            (last, others) => {
                Err(Error::NotOneEvent { count: others + usize::from(last.is_some()) })
            }
        }
    }
}

impl fmt::Debug for ToSeal {
    // What is to be sealed must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ToSeal");
        shown.field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}

/// What became of events that were captured sealed.
#[derive(Clone, Debug)]
pub struct CapturedSealed {
    /// Where they are, as of any capture; of sealed events repeated ids are not flagged, for that
    /// would tell one member of another's.
    pub captured: Captured,
    /// One outcome for each event, in order.
    pub sealed: Vec<SealedOutcome>,
}

/// What became of one sealed event: all that its sealer needs to hand it to readers.
#[derive(Clone, Debug)]
pub struct SealedOutcome {
    /// The event's identity in the record.
    pub commitment: Commitment,
    /// Its place in the capture tree.
    pub leaf_index: LeafIndex,
    /// The sealed body, as it travels.
    pub body: Bytes,
    /// The digest of the body.
    pub body_digest: Digest,
    /// The content key of each part, in order.
    pub content_keys: Vec<ContentKey>,
    /// The event's leaf, with its marks.
    pub leaf: Leaf,
}

impl SealedOutcome {
    /// Names a part, for the entries that wrap its key.
    #[must_use]
    pub const fn part(&self, part: u32) -> PartRef {
        PartRef { commitment: self.commitment, body_digest: self.body_digest, part }
    }
}
