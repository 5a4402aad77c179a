//! How a member reads its post: takes in, opens, confirms, removes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use statement::ReaderEntry;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clerk::Clerk;
use crate::inbox::{Entries, Group, LAST_WAIT};
use crate::opening::Verdict;
use crate::row::{Complaint, Incoming};
use crate::{EntryKey, Error, Notice, What};

/// How many notices are taken in one go.
const NOTICES_AT_ONCE: usize = 256;

/// How many openings are under way at once.
const OPENINGS_AT_ONCE: usize = 32;

impl Clerk {
    /// Takes in what the post tells, in order, until `stop`, and comes back after an interruption.
    pub(crate) async fn follow_post(self: Arc<Self>, stop: CancellationToken) -> Result<(), Error> {
        let first = self.house.options.retry_after;
        let mut wait = first;
        loop {
            let from = self.on_disk(|clerk| clerk.shelf.cursor()).await?;
            let round = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                round = self.follow_from(from, &mut wait) => round,
            };
            match round {
                Ok(()) => {}
                // Nowhere to keep what comes: another try does not change that.
                Err(error) if error.is_ours() => return Err(error),
                Err(error) => {
                    let (member, reason) = (&self.member, error.reason());
                    tracing::warn!(%member, reason, %error, "following the post was interrupted");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
            }
            wait = wait.saturating_mul(2).min(LAST_WAIT).max(first);
        }
    }

    async fn follow_from(self: &Arc<Self>, from: u64, wait: &mut Duration) -> Result<(), Error> {
        let members = BTreeSet::from([self.member.clone()]);
        let stream = self.house.post.follow(members, from).await?;
        let mut chunks = stream.ready_chunks(NOTICES_AT_ONCE);
        while let Some(chunk) = chunks.next().await {
            let notices = chunk.into_iter().collect::<Result<Vec<Notice>, Error>>()?;
            *wait = self.house.options.retry_after;
            self.on_disk(move |clerk| clerk.take_in(notices)).await?;
        }
        Ok(())
    }

    /// Writes down what the post told, and that it told it, together; it blocks.
    fn take_in(&self, notices: Vec<Notice>) -> Result<(), Error> {
        let Some(last) = notices.last() else { return Ok(()) };
        // The outbox's rows change under its lock, lest a row come back that was acknowledged.
        let mut held = self.outbox.hold();
        let mut changes = self.shelf.changes();
        changes.cursor(last.sequence.saturating_add(1));
        let (mut taken, mut gone) = (Vec::new(), Vec::new());
        for notice in &notices {
            match &notice.what {
                // What one has put oneself is told too.
                What::Put(entry) if entry.sealer == self.member => {}
                What::Put(entry) => match self.vet(entry) {
                    Ok(()) => {
                        changes.incoming(&Incoming { entry: entry.as_ref().clone() });
                        taken.push(entry.as_ref().clone());
                    }
                    Err(error) => {
                        let complaint = complaint(entry, &error);
                        self.warn(&complaint);
                        changes.complaint(&complaint);
                    }
                },
                What::Removed { key, by, sealer } => {
                    // Only the reader's own removal says that it has it, and that on the post's word.
                    if *sealer == self.member && *by == key.reader {
                        tracing::debug!(commitment = %key.commitment, %by, "acknowledged");
                        held.remove(key);
                        changes.acknowledged(key);
                    }
                    if key.reader == self.member {
                        changes.settled(&key.commitment, key.part);
                        taken.retain(|entry| EntryKey::of(entry) != *key);
                        gone.push(key.clone());
                    }
                }
            }
        }
        // Not synced: what a power cut takes is told once more, for the cursor goes with it.
        changes.write_loosely()?;
        drop(held);
        for key in gone {
            self.inbox.remove(&key);
        }
        for entry in taken {
            self.inbox.add(entry);
        }
        Ok(())
    }

    fn warn(&self, complaint: &Complaint) {
        let Complaint { reason, sealer, commitment, part, detail } = complaint;
        let member = &self.member;
        tracing::warn!(%member, %sealer, %commitment, part, reason, detail, "an entry is refused");
    }

    /// Opens what came, many at once, until `stop`; one that waits keeps no other waiting.
    pub(crate) async fn keep_opening(
        self: Arc<Self>,
        stop: CancellationToken,
    ) -> Result<(), Error> {
        let mut under_way: JoinSet<Result<(), Error>> = JoinSet::new();
        loop {
            let room = OPENINGS_AT_ONCE.saturating_sub(under_way.len());
            let (due, next) = self.inbox.take_due(room);
            for (group, tries) in due {
                let clerk = Arc::clone(&self);
                under_way.spawn(async move { clerk.see_to(group, tries).await });
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.inbox.stirred.notified(), if room > 0 => {}
                () = tokio::time::sleep_until(next), if room > 0 => {}
                Some(done) = under_way.join_next() => match done {
                    Ok(seen_to) => seen_to?,
                    Err(error) => return Err(crate::error::internal(error)),
                },
            }
        }
    }

    /// Sees to a group of entries: opens, confirms, removes. What fails for now is put back.
    async fn see_to(self: Arc<Self>, group: Group, tries: u32) -> Result<(), Error> {
        let mut seen = Entries::new();
        let round = self.see_to_all(&group, &mut seen).await;
        let Err(error) = round else { return Ok(()) };
        let (member, sealer, reason) = (&self.member, &group.sealer, error.reason());
        if error.is_ours() {
            return Err(error);
        }
        if error.is_retryable() {
            tracing::debug!(%member, %sealer, reason, %error, tries, "an entry waits");
            self.inbox.put_back(&group, seen, tries, self.house.options.retry_after);
            return Ok(());
        }
        // Not removed, so that the sealer seals again, with another secret.
        tracing::warn!(%member, %sealer, reason, %error, "an entry's secret cannot be had");
        let mut left = self.inbox.rest(&group, &seen);
        while !left.is_empty() {
            seen.extend(left.into_iter().map(|entry| (entry.part, entry)));
            left = self.inbox.rest(&group, &seen);
        }
        self.settle(seen.into_values().collect(), Vec::new()).await
    }

    async fn see_to_all(self: &Arc<Self>, group: &Group, seen: &mut Entries) -> Result<(), Error> {
        let (mut opened, mut complaints, mut confirm) = (Vec::new(), Vec::new(), false);
        loop {
            let entries = self.inbox.rest(group, seen);
            if entries.is_empty() {
                break;
            }
            let verdicts = self.open_entries(group, entries.clone()).await;
            seen.extend(entries.iter().map(|entry| (entry.part, entry.clone())));
            for (entry, verdict) in entries.iter().zip(verdicts?) {
                match verdict {
                    Verdict::Opened => {
                        confirm = true;
                        opened.push(EntryKey::of(entry));
                    }
                    Verdict::Replayed => {
                        let (member, sealer) = (&self.member, &entry.sealer);
                        let (commitment, part) = (&entry.commitment, entry.part);
                        let reason = Error::EntryReplayed.reason();
                        tracing::info!(%member, %sealer, %commitment, part, reason, "opened before");
                        let commitment = *commitment;
                        self.on_disk(move |clerk| clerk.note_journey(&commitment)).await?;
                        confirm = true;
                        opened.push(EntryKey::of(entry));
                    }
                    Verdict::Refused(error) => complaints.push(complaint(entry, &error)),
                }
            }
        }
        // Every entry of this draw that was seen is in the book: only now its key may go.
        if confirm {
            store::crash_point("desk-opened");
            self.keys.confirm(&group.request).await?;
            store::crash_point("desk-confirmed");
            self.house.post.remove(&self.member, opened).await?;
        }
        self.settle(seen.values().cloned().collect(), complaints).await
    }

    /// Forgets entries that were seen to, and keeps what was off about them.
    async fn settle(
        self: &Arc<Self>,
        seen: Vec<ReaderEntry>,
        complaints: Vec<Complaint>,
    ) -> Result<(), Error> {
        complaints.iter().for_each(|complaint| self.warn(complaint));
        self.on_disk(move |clerk| {
            let mut changes = clerk.shelf.changes();
            for entry in &seen {
                changes.settled(&entry.commitment, entry.part);
            }
            for complaint in &complaints {
                changes.complaint(complaint);
            }
            changes.write_loosely()
        })
        .await
    }
}

fn complaint(entry: &ReaderEntry, error: &Error) -> Complaint {
    Complaint {
        reason: error.reason().to_owned(),
        sealer: entry.sealer.clone(),
        commitment: entry.commitment,
        part: entry.part,
        detail: error.to_string(),
    }
}
