//! What was sealed and not yet acknowledged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use envelope::{ContentKey, PartRef, Reader, Wrapper};
use futures_util::future::try_join_all;
use futures_util::{StreamExt, stream};
use keys::PassedOver;
use parking_lot::{Mutex, MutexGuard};
use party::MemberId;
use statement::hash::Context;
use statement::{Commitment, ReaderEntry};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clerk::Clerk;
use crate::error::internal;
use crate::row::Outgoing;
use crate::{EntryKey, Error, Options};

/// How many bytes a wrapping secret has.
const SECRET_BYTES: u16 = 32;

/// For how many readers entries are sealed again at once.
const AT_ONCE: usize = 8;

/// How many entries go to the post in one call.
const ENTRIES_A_CALL: usize = 1_024;

/// A draw's request, so that the same one is made again after a crash.
static DRAW: Context = Context::new("gateway draw v1");

/// An entry that waits for its acknowledgement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    /// How often it was sealed, from 1.
    times: u32,
    /// When to put it, or to seal it again.
    due: Instant,
    /// How often that failed on end.
    failures: u32,
}

/// What waits, by entry; the rows on the shelf are changed only under its lock.
#[derive(Debug)]
pub(crate) struct Outbox {
    waiting: Mutex<BTreeMap<EntryKey, Waiting>>,
    pub(crate) stirred: Notify,
}

/// What one draw sealed for one reader.
pub(crate) struct Sealed {
    pub(crate) entries: Vec<ReaderEntry>,
    pub(crate) source: String,
    pub(crate) passed_over: Vec<PassedOver>,
}

/// How long what failed waits at first, and at most, until it is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(30);

/// For how long whoever sealed an entry is left to put it by itself.
const OWN_PUT: Duration = Duration::from_secs(2);

impl Waiting {
    fn new(times: u32, posted: bool, options: &Options) -> Self {
        let pause = if posted { reseal_after(times, options) } else { OWN_PUT };
        Self { times, due: Instant::now() + pause, failures: 0 }
    }
}

/// How long to wait for the acknowledgement of what was sealed so often.
fn reseal_after(times: u32, options: &Options) -> Duration {
    let doubled = 2_u32.saturating_pow(times.saturating_sub(1).min(16));
    options.reseal_after.saturating_mul(doubled).min(options.reseal_at_most)
}

/// How long what has failed so often before waits.
fn pause_after(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures.min(16))).min(LAST_PAUSE)
}

impl Outbox {
    /// Takes up what was there before a restart.
    pub(crate) fn of(rows: Vec<Outgoing>, options: &Options) -> Self {
        let waiting = rows.into_iter().map(|row| {
            let mut waiting = Waiting::new(row.times, row.posted, options);
            if !row.posted {
                waiting.due = Instant::now();
            }
            (EntryKey::of(&row.entry), waiting)
        });
        Self { waiting: Mutex::new(waiting.collect()), stirred: Notify::new() }
    }

    /// Holds the outbox still while rows on the shelf change.
    pub(crate) fn hold(&self) -> MutexGuard<'_, BTreeMap<EntryKey, Waiting>> {
        self.waiting.lock()
    }

    /// What is due, by event and reader, and when the next one is.
    fn due(&self, now: Instant) -> (BTreeMap<(Commitment, MemberId), Vec<EntryKey>>, Instant) {
        let mut due: BTreeMap<_, Vec<EntryKey>> = BTreeMap::new();
        let mut next = now + Duration::from_secs(60);
        for (key, waiting) in self.waiting.lock().iter() {
            if waiting.due <= now {
                due.entry((key.commitment, key.reader.clone())).or_default().push(key.clone());
            } else {
                next = next.min(waiting.due);
            }
        }
        (due, next)
    }
}

impl Clerk {
    /// Draws once for a reader, and wraps and signs an entry for each of its parts.
    pub(crate) async fn seal_for(
        &self,
        reader: &MemberId,
        times: u32,
        parts: &[(PartRef, ContentKey)],
    ) -> Result<Sealed, Error> {
        let house = &self.house;
        let Some((first, _)) = parts.first() else {
            return Err(internal(format!("nothing is to be sealed for {reader}")));
        };
        let known = house.members.get(reader).and_then(|member| member.sealing_key.as_ref());
        let key = known.ok_or_else(|| internal(format!("{reader} has no sealing key")))?.id();
        let request = draw_request(&first.commitment, reader, times);
        let drawn = self.keys.draw(&request, &house.peer(reader)?, SECRET_BYTES).await?;
        let named = Reader { member: reader.clone(), key };
        let wrapper = Wrapper::new(&house.consortium, &self.member, named, &drawn);
        let wrap = |(about, key): &(PartRef, ContentKey)| {
            Ok(wrapper.wrap(about, key).map_err(internal)?.sign(&self.statement_key))
        };
        let entries = parts.iter().map(wrap).collect::<Result<_, Error>>()?;
        let keys::Handle { source, passed_over, .. } = drawn.handle;
        Ok(Sealed { entries, source, passed_over })
    }

    /// Puts entries down as waiting; the caller holds the outbox and writes the rows.
    pub(crate) fn waits(
        &self,
        held: &mut MutexGuard<'_, BTreeMap<EntryKey, Waiting>>,
        row: &Outgoing,
    ) {
        let waiting = Waiting::new(row.times, row.posted, &self.house.options);
        held.insert(EntryKey::of(&row.entry), waiting);
        self.outbox.stirred.notify_one();
    }

    /// Keeps the post filled, and seals again what is not acknowledged, until `stop`.
    pub(crate) async fn keep_posting(
        self: Arc<Self>,
        stop: CancellationToken,
    ) -> Result<(), Error> {
        loop {
            let (due, next) = self.outbox.due(Instant::now());
            if due.is_empty() {
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = tokio::time::sleep_until(next) => {}
                    // Not at once: an event makes many entries, and none of them is due so soon.
                    () = self.outbox.stirred.notified() => {
                        tokio::time::sleep(self.house.options.retry_after).await;
                    }
                }
                continue;
            }
            let rounds = stream::iter(due).map(|((_, reader), keys)| {
                let clerk = Arc::clone(&self);
                async move {
                    let failed = clerk.post_or_reseal(&reader, &keys).await.err()?;
                    clerk.put_off(&keys);
                    Some((reader, failed))
                }
            });
            let rounds = rounds.buffer_unordered(AT_ONCE).filter_map(std::future::ready);
            let failed: Vec<(MemberId, Error)> = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                failed = rounds.collect() => failed,
            };
            // One line a round: a ledger that is away for a night is not news ten thousand times.
            if let Some((reader, error)) = failed.first() {
                let (member, reason, count) = (&self.member, error.reason(), failed.len());
                tracing::warn!(%member, %reader, reason, %error, count, "sealing waits");
            }
        }
    }

    /// Tries entries again later, and later each time.
    fn put_off(&self, keys: &[EntryKey]) {
        let (now, mut held) = (Instant::now(), self.outbox.hold());
        for key in keys {
            if let Some(waiting) = held.get_mut(key) {
                waiting.due = now + pause_after(waiting.failures);
                waiting.failures = waiting.failures.saturating_add(1);
            }
        }
    }

    /// Puts what the post does not have, and seals again what it had for too long.
    async fn post_or_reseal(
        self: &Arc<Self>,
        reader: &MemberId,
        keys: &[EntryKey],
    ) -> Result<(), Error> {
        let wanted = keys.to_vec();
        let rows: Vec<Outgoing> = self
            .on_disk(move |clerk| {
                wanted.iter().filter_map(|key| clerk.shelf.outgoing(key).transpose()).collect()
            })
            .await?;
        let (mut stale, fresh): (Vec<Outgoing>, Vec<Outgoing>) =
            rows.into_iter().partition(|row| row.posted);
        if !fresh.is_empty() {
            match self.post(fresh.clone()).await {
                // Signed before the member renewed its key, perhaps: what is sealed now may do.
                Err(Error::PostRefused { reason, message }) => {
                    tracing::warn!(member = %self.member, %reader, reason, message, "sealing again");
                    stale.extend(fresh);
                }
                other => other?,
            }
        }
        if !stale.is_empty() {
            let again = self.reseal(reader, stale).await?;
            self.post(again).await?;
        }
        Ok(())
    }

    /// Seals entries of one event for one reader again, with a fresh draw.
    async fn reseal(
        self: &Arc<Self>,
        reader: &MemberId,
        rows: Vec<Outgoing>,
    ) -> Result<Vec<Outgoing>, Error> {
        let times = rows.iter().map(|row| row.times).max().unwrap_or(0).saturating_add(1);
        let parts: Vec<(PartRef, ContentKey)> = rows
            .iter()
            .map(|Outgoing { entry, content_key, .. }| {
                let (commitment, body_digest) = (entry.commitment, entry.body_digest);
                let part = entry.part;
                (PartRef { commitment, body_digest, part }, content_key.clone())
            })
            .collect();
        let sealed = self.seal_for(reader, times, &parts).await?;
        tracing::info!(member = %self.member, %reader, times, source = sealed.source, "sealed again");
        let source = sealed.source;
        let again = rows.into_iter().zip(sealed.entries).map(|(row, entry)| Outgoing {
            entry,
            source: source.clone(),
            times,
            posted: false,
            ..row
        });
        self.keep(again.collect()).await
    }

    /// Replaces the rows of entries that still wait, durably; gives back those.
    async fn keep(self: &Arc<Self>, rows: Vec<Outgoing>) -> Result<Vec<Outgoing>, Error> {
        self.on_disk(move |clerk| {
            let mut held = clerk.outbox.hold();
            let mut changes = clerk.shelf.changes();
            // What was acknowledged meanwhile is done with.
            let rows: Vec<Outgoing> = rows
                .into_iter()
                .filter(|row| held.contains_key(&EntryKey::of(&row.entry)))
                .collect();
            for row in &rows {
                changes.outgoing(row);
                clerk.waits(&mut held, row);
            }
            changes.write()?;
            Ok(rows)
        })
        .await
    }

    /// Confirms the draws of entries that are safe in the outbox, then gives them to the post.
    pub(crate) async fn post(self: &Arc<Self>, mut rows: Vec<Outgoing>) -> Result<(), Error> {
        let mut draws: Vec<keys::RequestId> = rows
            .iter()
            .map(|row| draw_request(&row.entry.commitment, &row.entry.reader, row.times))
            .collect();
        draws.sort_unstable();
        draws.dedup();
        // Before they are put, so that a row that is not posted tells of a draw to be confirmed.
        try_join_all(draws.iter().map(|draw| self.keys.confirm(draw))).await?;
        for some in rows.chunks(ENTRIES_A_CALL) {
            self.house.post.put(some.iter().map(|row| row.entry.clone()).collect()).await?;
        }
        self.on_disk(move |clerk| {
            let mut held = clerk.outbox.hold();
            let mut changes = clerk.shelf.changes();
            for row in &mut rows {
                row.posted = true;
                // It may have been acknowledged already, or sealed again.
                let key = EntryKey::of(&row.entry);
                if held.get(&key).is_some_and(|waiting| waiting.times == row.times) {
                    changes.outgoing(row);
                    clerk.waits(&mut held, row);
                }
            }
            changes.write_loosely()
        })
        .await
    }
}

/// The request of the draw for a reader: the same one after a crash, another one each time.
fn draw_request(commitment: &Commitment, reader: &MemberId, times: u32) -> keys::RequestId {
    let named = [&commitment.0[..], &times.to_be_bytes(), reader.as_str().as_bytes()].concat();
    let digest = DRAW.hash(&named);
    let mut id = [0; 16];
    id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    keys::RequestId(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_its_limit() {
        let options = Options::default();
        let pauses = [1, 2, 3, 20, u32::MAX].map(|times| reseal_after(times, &options).as_secs());
        assert_eq!(pauses, [30, 60, 120, 3_600, 3_600]);
    }

    #[test]
    fn what_fails_all_night_is_tried_twice_a_minute() {
        let pauses = [0, 1, 2, 5, 6, u32::MAX].map(|failures| pause_after(failures).as_millis());
        assert_eq!(pauses, [500, 1_000, 2_000, 16_000, 30_000, 30_000]);
    }

    #[test]
    fn each_sealing_draws_under_a_request_of_its_own() {
        let (reader, other) = ("sky-air".parse().unwrap(), "es-post".parse().unwrap());
        let first = draw_request(&Commitment([1; 32]), &reader, 1);
        assert_eq!(draw_request(&Commitment([1; 32]), &reader, 1), first);
        for (commitment, reader, times) in [(2, &reader, 1), (1, &other, 1), (1, &reader, 2)] {
            assert_ne!(draw_request(&Commitment([commitment; 32]), reader, times), first);
        }
    }
}
