//! What is put into a book.

use std::fmt;

use envelope::ContentKey;
use party::MemberId;
use statement::{Commitment, Disclosure, Height, ItemSecret, Position};

use crate::{Alert, Announcement, SealedLeaf};

/// Something that was wanted of a key source and could not be had, so that another came to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// Which source was passed over, such as `qkd:hangzhou-xiaoshan`.
    pub source: String,
    /// Why, in words.
    pub reason: String,
}

/// What a member has opened of one part of a sealed event.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The event.
    pub commitment: Commitment,
    /// Where it stands in the log.
    pub position: Position,
    /// Who sealed it.
    pub issuer: MemberId,
    /// The block that holds it.
    pub height: Height,
    /// When that block was decided, in milliseconds since 1970-01-01 UTC.
    pub block_time_ms: i64,
    /// Which part of the body, from 0.
    pub part: u32,
    /// The key that opens the part.
    pub content_key: ContentKey,
    /// What the part holds.
    pub opened: Opened,
    /// Where the secret came from with which the part was sealed to this member, such as `x-wing`;
    /// empty for what the member has sealed itself.
    pub sealed_with: String,
    /// The sources that the sealer wanted first and could not have.
    pub passed_over: Vec<PassedOver>,
}

/// What a part holds.
#[derive(Clone)]
pub enum Opened {
    /// Fields of the event, with the proof that they are what was committed.
    Fields(Disclosure),
    /// An item secret that is handed over.
    Secret {
        /// The item's canonical name.
        item: String,
        /// Its secret.
        secret: ItemSecret,
        /// By which the secret was made known before.
        announced: Announcement,
    },
}

impl fmt::Debug for Opened {
    // Neither a buyer's name nor a secret must reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fields(_) => "Fields(..)",
            Self::Secret { .. } => "Secret(..)",
        })
    }
}

impl Entry {
    /// What was opened of a part of a sealed leaf, with no word yet of where its secret came from.
    #[must_use]
    pub fn new(leaf: &SealedLeaf, part: u32, content_key: ContentKey, opened: Opened) -> Self {
        Self {
            commitment: leaf.leaf.commitment,
            position: leaf.position,
            issuer: leaf.issuer.clone(),
            height: leaf.height,
            block_time_ms: leaf.block_time_ms,
            part,
            content_key,
            opened,
            sealed_with: String::new(),
            passed_over: Vec::new(),
        }
    }
}

/// Something off about a sealed event that shows only to whoever opens it, with where to find it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where the event stands in the log.
    pub position: Position,
    /// The block that holds it: the evidence.
    pub height: Height,
    /// Who signed it.
    pub issuer: MemberId,
    /// The event.
    pub commitment: Commitment,
    /// What is off.
    pub reason: Alert,
    /// What was seen, in words, without anything that was sealed.
    pub detail: String,
}
