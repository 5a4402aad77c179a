//! Opening what was sealed to a member, and judging it, in one step that leads into its book.

use envelope::ContentKey;
use party::MemberId;
use statement::{Commitment, SealedBody, body_digest};

use crate::book::{Entry, Finding, Opened, OpenedEvent, PassedOver};
use crate::{Alert, Book, Error, SealedLeaf, View};

/// The key of a part of a sealed event, as a member came by it.
#[derive(Clone, Debug)]
pub struct Received {
    /// Who sealed the event.
    pub sealer: MemberId,
    /// The event.
    pub commitment: Commitment,
    /// Which part of its body, from 0.
    pub part: u32,
    /// The key that opens the part.
    pub content_key: ContentKey,
    /// Where the secret came from with which the key was wrapped, such as `x-wing`; empty for what
    /// the member has sealed itself.
    pub sealed_with: String,
    /// The sources that the sealer wanted first and could not have.
    pub passed_over: Vec<PassedOver>,
}

impl View {
    /// Opens a part of a sealed event and keeps it in the member's book, durably when it returns; it
    /// may block. The same part may be received again.
    ///
    /// What is off is kept in the book as a finding: a part that is not what its leaf commits to, a
    /// decoy of a secret, and a leaf that bears no tag of an item that its event names.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the index has no such event yet; [`Error::BodyErased`];
    /// [`Error::Envelope`] when the part does not open, or to something else than was committed to;
    /// [`Error::SecretDecoy`] for a secret that nobody announced for its item before the event;
    /// [`Error::Book`] and [`Error::Index`].
    pub fn receive(&self, book: &Book, received: &Received) -> Result<OpenedEvent, Error> {
        let Received { sealer, commitment, part, .. } = received;
        let missing = || Error::NotFound { what: format!("event {commitment} of {sealer}") };
        let leaf = self.sealed_by(sealer, commitment)?.ok_or_else(missing)?;
        if !book.has(commitment, *part)? {
            let opened = self.open_part(book, &leaf, received)?;
            let mut entry = Entry::new(&leaf, *part, received.content_key.clone(), opened);
            entry.sealed_with.clone_from(&received.sealed_with);
            entry.passed_over.clone_from(&received.passed_over);
            book.put(entry)?;
        }
        let event = book.event(&leaf.leaf.commitment)?.ok_or_else(missing)?;
        for item in event.items() {
            if self.inner.misses(&leaf, &event, &item, book)? {
                let detail = "an item that the event names is not among the leaf's tags";
                book.alert(&finding(&leaf, Alert::TagMissing, detail))?;
            }
        }
        Ok(event)
    }

    fn open_part(
        &self,
        book: &Book,
        leaf: &SealedLeaf,
        received: &Received,
    ) -> Result<Opened, Error> {
        let Received { sealer, commitment, part, content_key, .. } = received;
        let erased = || Error::BodyErased { commitment: commitment.to_string() };
        let body = leaf.body.as_ref().ok_or_else(erased)?;
        if body_digest(body) != leaf.leaf.body_digest {
            return Err(envelope::Error::BodyMismatch.into());
        }
        let body = SealedBody::decode(body).map_err(envelope::Error::from)?;
        let consortium = self.members().consortium();
        let opened = envelope::open(consortium, sealer, commitment, &body, *part, content_key);
        match opened {
            Ok(envelope::Opened::Fields { disclosure }) => Ok(Opened::Fields(disclosure)),
            Ok(envelope::Opened::Secret { item, secret }) => {
                let announced = self.announced(&secret.id())?;
                let in_time = |height| height <= leaf.height;
                match announced.filter(|said| said.fits(&secret, &item) && in_time(said.height)) {
                    Some(announced) => Ok(Opened::Secret { item, secret, announced }),
                    None => {
                        let why = "nobody announced it for the item before the event";
                        book.alert(&finding(leaf, Alert::SecretDecoy, why))?;
                        Err(Error::SecretDecoy { sealer: sealer.to_string(), why })
                    }
                }
            }
            Err(error) => {
                if matches!(error, envelope::Error::CommitmentMismatch { .. }) {
                    let what = error.to_string();
                    book.alert(&finding(leaf, Alert::CommitmentMismatch, &what))?;
                }
                Err(error.into())
            }
        }
    }
}

fn finding(leaf: &SealedLeaf, reason: Alert, detail: &str) -> Finding {
    Finding {
        position: leaf.position,
        height: leaf.height,
        issuer: leaf.issuer.clone(),
        commitment: leaf.leaf.commitment,
        reason,
        detail: detail.to_owned(),
    }
}
