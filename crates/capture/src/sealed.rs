//! From a checked event to what the log is told of it.

use bytes::Bytes;
use party::{ConsortiumId, MemberId};
use statement::{Commitment, Leaf, OpenBody, Seed, body_digest, commit};

use crate::{Checked, Error};

/// An event committed to, with its body, open or sealed.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) event_id: Option<String>,
    pub(crate) commitment: Commitment,
    pub(crate) tags: usize,
    pub(crate) leaf: Bytes,
    pub(crate) body: Bytes,
}

impl Sealed {
    /// Commits to the event under `seed`, and puts both into an open body.
    pub(crate) fn open(
        consortium: &ConsortiumId,
        issuer: &MemberId,
        seed: Seed,
        event: Checked,
    ) -> Result<Self, Error> {
        let fields = event.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let commitment = commit(consortium, issuer, &seed, fields)?;
        let body = OpenBody { seed, json: event.json }.encode();
        let tags = event.tags.len();
        let marked = event.tags.into_iter().map(|tag| (tag, None)).collect();
        let leaf = Leaf::new(commitment, body_digest(&body), marked)?;
        Ok(Self {
            event_id: event.event_id,
            commitment,
            tags,
            leaf: leaf.encode().into(),
            body: body.into(),
        })
    }
}
