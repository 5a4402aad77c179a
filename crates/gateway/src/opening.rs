//! From entries to what they open, checked and in the book.

use std::sync::Arc;
use std::time::Duration;

use envelope::ContentKey;
use statement::{Commitment, Digest, ReaderEntry};
use trace::book::{Entry, Finding, Opened, PassedOver};
use trace::{Alert, SealedLeaf};

use crate::Error;
use crate::clerk::Clerk;
use crate::error::internal;
use crate::inbox::Group;
use crate::known::found;

/// How long an opening waits for the event before it makes room for others.
const LEAF_PATIENCE: Duration = Duration::from_secs(2);

/// What became of an entry.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is in the book.
    Opened,
    /// It was in the book before: harmless.
    Replayed,
    /// It will never open: theirs.
    Refused(Error),
}

impl Clerk {
    /// Opens vetted entries that one draw wrapped, into the book; one verdict for each, in order.
    ///
    /// # Errors
    ///
    /// What keeps all of them from being opened, for now or for ever.
    pub(crate) async fn open_entries(
        self: &Arc<Self>,
        group: &Group,
        entries: Vec<ReaderEntry>,
    ) -> Result<Vec<Verdict>, Error> {
        let wanted: Vec<_> = entries.iter().map(|entry| (entry.commitment, entry.part)).collect();
        let mut verdicts: Vec<Option<Verdict>> = self
            .on_disk(move |clerk| {
                let had = |(commitment, part)| {
                    Ok(clerk.book.has(&commitment, part)?.then_some(Verdict::Replayed))
                };
                wanted.into_iter().map(had).collect()
            })
            .await?;
        let unread = entries.iter().zip(&verdicts).find(|(_, verdict)| verdict.is_none());
        let handle = unread.map(|(entry, _)| envelope::handle(entry));
        // None is left that is not settled: then there is nothing to recover.
        let Some(handle) = handle else { return Ok(verdicts.into_iter().flatten().collect()) };
        let handle = match handle {
            Ok(handle) => handle,
            Err(error) => return Ok(refuse_rest(verdicts, &invalid(error))),
        };
        let commitment = entries.first().map_or(Commitment([0; 32]), |entry| entry.commitment);
        // Before the key is consumed, so that a secret never waits for the record.
        let leaf = self.house.leaf(&group.sealer, &commitment, LEAF_PATIENCE).await?;
        let peer = self.house.peer(&group.sealer)?;
        let secret = self.keys.recover(&group.request, &peer, &handle).await?;
        self.on_disk(move |clerk| {
            let sealed_with = (handle.source, passed_over(handle.passed_over));
            let mut drafts = Vec::new();
            for (entry, verdict) in entries.iter().zip(&mut verdicts) {
                if verdict.is_some() {
                    continue;
                }
                match clerk.draft(entry, &leaf, &secret, &sealed_with) {
                    Ok(draft) => drafts.push(draft),
                    Err(error) if is_theirs(&error) => *verdict = Some(Verdict::Refused(error)),
                    Err(error) => return Err(error),
                }
            }
            clerk.enter(&leaf, drafts)?;
            Ok(verdicts.into_iter().map(|verdict| verdict.unwrap_or(Verdict::Opened)).collect())
        })
        .await
    }

    /// Checks what can be checked of an entry by itself.
    ///
    /// # Errors
    ///
    /// [`Error::ReaderNotNamed`] when it is for another member, [`Error::EntryInvalid`] when it is
    /// not what its sealer signed, or for another key than the member's.
    pub(crate) fn vet(&self, entry: &ReaderEntry) -> Result<(), Error> {
        if entry.reader != self.member {
            let (reader, member) = (entry.reader.clone(), self.member.clone());
            return Err(Error::ReaderNotNamed { reader, member });
        }
        if entry.consortium != self.house.consortium {
            return Err(invalid(format!("it is of consortium {}", entry.consortium)));
        }
        // The newest edition first, for most entries are new; but one may have lain for long.
        let editions = self.house.view.editions();
        let keys = editions.iter().rev().filter_map(|members| members.get(&entry.sealer));
        let mut keys = keys.map(|sealer| &sealer.statement_key);
        let newest = keys.next();
        let newest = newest.ok_or_else(|| invalid(format!("{} is no member", entry.sealer)))?;
        let verified = entry.verify(newest);
        if verified.is_err() && !keys.any(|key| entry.verify(key).is_ok()) {
            return verified.map_err(invalid);
        }
        if entry.reader_key != self.sealing_key {
            return Err(invalid("it is for another sealing key of this member"));
        }
        Ok(())
    }

    /// Opens one entry into what the book keeps; it blocks.
    fn draft(
        &self,
        entry: &ReaderEntry,
        leaf: &SealedLeaf,
        secret: &keys::Secret,
        (source, passed_over): &(String, Vec<PassedOver>),
    ) -> Result<Entry, Error> {
        if leaf.leaf.body_digest != entry.body_digest {
            return Err(invalid("it is about another body than the event's"));
        }
        let body = leaf.body.as_ref().ok_or_else(|| invalid("the event's body was erased"))?;
        let key: ContentKey = envelope::unwrap(entry, &self.member, &self.sealing_key, secret)
            .map_err(|error| match error {
                envelope::Error::HandleMismatch => Error::HandleMismatch,
                other => invalid(other),
            })?;
        let opened = match envelope::open_entry(entry, body, &key).map_err(invalid)? {
            envelope::Opened::Fields { disclosure } => Opened::Fields(disclosure),
            envelope::Opened::Secret { item, secret } => {
                let announced = self.announcement(&secret, &item, leaf);
                if let Err(Error::SecretNotAnnounced { .. }) = &announced {
                    let detail = format!("part {} hands over a secret never announced", entry.part);
                    self.book.alert(&finding(leaf, Alert::SecretDecoy, detail))?;
                }
                Opened::Secret { item, secret, announced: announced? }
            }
        };
        let mut draft = Entry::new(leaf, entry.part, key, opened);
        draft.sealed_with.clone_from(source);
        draft.passed_over.clone_from(passed_over);
        Ok(draft)
    }

    /// Writes what was opened into the book, then checks the tags it can and notes a new journey;
    /// it blocks.
    fn enter(&self, leaf: &SealedLeaf, drafts: Vec<Entry>) -> Result<(), Error> {
        if drafts.is_empty() {
            return Ok(());
        }
        let shows_fields = drafts.iter().any(|draft| matches!(draft.opened, Opened::Fields(_)));
        let handed: Vec<_> = drafts.iter().filter_map(handed_over).collect();
        self.book.put_all(drafts)?;
        for (item, id) in handed {
            if self.house.view.is_foreign(&self.book, &item, &id)? {
                let detail = "a secret is handed over that is not the item's own; it is kept aside";
                self.book.alert(&finding(leaf, Alert::SecretForeign, detail.to_owned()))?;
            }
        }
        if !shows_fields {
            return Ok(());
        }
        let event = self.book.event(&leaf.leaf.commitment)?;
        let event = event.ok_or_else(|| internal("the book has lost what was just put"))?;
        for item in event.items() {
            // Without a secret nobody can tell; who gets it later sees it in the trace.
            if self.house.view.lacks_tag(&self.book, leaf, &event, &item)? {
                let detail = "the event names an item whose marked tag its leaf does not bear";
                self.book.alert(&finding(leaf, Alert::TagMissing, detail.to_owned()))?;
            }
        }
        self.note_journey(&leaf.leaf.commitment)
    }

    /// Notes where a journey begins, if this is its first event; it blocks.
    pub(crate) fn note_journey(&self, commitment: &Commitment) -> Result<(), Error> {
        let event = self.book.event(commitment)?;
        if let Some(found) = event.as_ref().and_then(found) {
            let mut changes = self.shelf.changes();
            changes.found(&found);
            // Synced: the entry that would tell it once more is about to be removed.
            changes.write()?;
        }
        Ok(())
    }
}

/// Whether the fault is the entry's own, so that no other try and no other secret would help.
const fn is_theirs(error: &Error) -> bool {
    matches!(
        error,
        Error::ReaderNotNamed { .. }
            | Error::EntryInvalid { .. }
            | Error::HandleMismatch
            | Error::SecretNotAnnounced { .. }
    )
}

fn refuse_rest(verdicts: Vec<Option<Verdict>>, error: &Error) -> Vec<Verdict> {
    let refused =
        |verdict: Option<Verdict>| verdict.unwrap_or_else(|| Verdict::Refused(error.clone()));
    verdicts.into_iter().map(refused).collect()
}

/// The item of a secret that is handed over, and the secret's id.
fn handed_over(draft: &Entry) -> Option<(String, Digest)> {
    match &draft.opened {
        Opened::Secret { item, announced, .. } => Some((item.clone(), announced.id)),
        Opened::Fields(_) => None,
    }
}

fn invalid(why: impl std::fmt::Display) -> Error {
    Error::EntryInvalid { why: why.to_string() }
}

fn passed_over(sources: Vec<keys::PassedOver>) -> Vec<PassedOver> {
    let told = |keys::PassedOver { source, reason }| PassedOver { source, reason };
    sources.into_iter().map(told).collect()
}

fn finding(leaf: &SealedLeaf, reason: Alert, detail: String) -> Finding {
    Finding {
        position: leaf.position,
        height: leaf.height,
        issuer: leaf.issuer.clone(),
        commitment: leaf.leaf.commitment,
        reason,
        detail,
    }
}
