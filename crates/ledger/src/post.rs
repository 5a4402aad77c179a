//! The post: reader entries, kept beside the log until their readers have them.
//!
//! An entry is no part of a block or of the state: it may be added for a new reader and destroyed
//! once read, and no proof changes. What is kept of a removed one is that it was, and who removed
//! it: for the sealer that is the reader's acknowledgement. (decision 0015)

use std::collections::{BTreeMap, BTreeSet};

use merkle::Digest;
use parking_lot::Mutex;
use party::{MemberId, Members};
use rayon::prelude::*;
use statement::{Body, Commitment, Leaf, LogIndex, Position, ReaderEntry, Statement};
use store::{Batch, Keys, Store, Sync, crash_point};
use tokio::sync::watch;

use crate::moment::Moment;
use crate::post_rows::{Now, PostRow, damaged, decode_row_key, notice_key, row_key, sequence_of};
use crate::{Error, Failure, Ledger, Refusal, keys, reason};

/// How many reader entries one call may put or remove, and how many notices one call gives.
pub const MAX_ENTRIES_PER_CALL: usize = 4_096;

/// The points on the way of one change of the post at which a test may make the process die.
///
/// Before the first none of it is on the disk; from the second on all of it is.
pub const POST_CRASH_POINTS: &[&str] = &["post-decided", "post-written"];

/// Which entry: one part of one event, for one reader. There is at most one at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey {
    /// The sealed event.
    pub commitment: Commitment,
    /// Which part of its body.
    pub part: u32,
    /// For whom.
    pub reader: MemberId,
}

impl EntryKey {
    /// The key of an entry.
    #[must_use]
    pub fn of(entry: &ReaderEntry) -> Self {
        let ReaderEntry { commitment, part, reader, .. } = entry;
        Self { commitment: *commitment, part: *part, reader: reader.clone() }
    }
}

/// What happened to an entry last. What happened to it before is told no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its number: notices are numbered from 1 in the order of their coming, with gaps.
    pub sequence: u64,
    /// What happened.
    pub what: What,
}

/// What happened to an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It is there.
    Put(Box<ReaderEntry>),
    /// It was there and is removed; its bytes are gone.
    Removed {
        /// Which one.
        key: EntryKey,
        /// Who removed it: its reader, who has what it carried, or its sealer.
        by: MemberId,
        /// Who had put it.
        sealer: MemberId,
    },
}

/// Where the post stands: the number of the next notice.
#[derive(Debug)]
pub(crate) struct Post {
    /// Held while entries are being written.
    next: Mutex<u64>,
    told: watch::Sender<u64>,
}

impl Post {
    pub(crate) fn open(store: &Store) -> Result<Self, Error> {
        let next = read_next(store.value(keys::META, keys::POSTED)?)?;
        Ok(Self { next: Mutex::new(next), told: watch::channel(next).0 })
    }
}

/// What the log holds of a sealed event.
#[derive(Debug)]
struct Sealed {
    issuer: MemberId,
    body_digest: Digest,
    /// How many parts its body has, if that is held here.
    parts: Option<usize>,
}

impl Ledger {
    /// Keeps reader entries, each in place of an earlier one for the same reader of the same part.
    /// All of them are on the disk when this returns, or none is kept. An entry that was kept
    /// before, even if it has been removed since, changes nothing. The calling thread waits for the
    /// disk. Who calls is not asked: the sealer's signature says whose entry it is.
    ///
    /// # Errors
    ///
    /// `TOO_MANY_ENTRIES` above [`MAX_ENTRIES_PER_CALL`]; `ENTRY_UNKNOWN` when no committed leaf has
    /// the commitment; `ENTRY_MISMATCH` when the first that has it is not the sealer's, is of
    /// another body, or has no such part; `MEMBER_UNKNOWN` when sealer or reader is no member;
    /// `SIGNATURE_INVALID` when the sealer's present statement key did not sign.
    pub fn put_entries(&self, entries: Vec<ReaderEntry>) -> Result<(), Refusal> {
        self.put(entries).map_err(refusal_of)
    }

    fn put(&self, entries: Vec<ReaderEntry>) -> Result<(), Failure> {
        few_enough(entries.len())?;
        {
            let moment = self.moment()?;
            let members = self.members_at(&moment)?;
            let check = |(at, entry): (usize, &ReaderEntry)| {
                self.check_entry(entry, &members).map_err(|refusal| refusal.at(field(at)))
            };
            // All of them, and then the first that is wrong: threads would find any.
            let checked: Vec<Result<(), Refusal>> =
                entries.par_iter().enumerate().map(check).collect();
            checked.into_iter().collect::<Result<(), Refusal>>()?;
            check_sealed(&moment, &entries)?;
        }
        let mut next = self.post.next.lock();
        let mut batch = self.store.batch();
        let mut number = *next;
        // The last of several for one reader of one part is the one that stays.
        let entries: BTreeMap<EntryKey, ReaderEntry> =
            entries.into_iter().map(|entry| (EntryKey::of(&entry), entry)).collect();
        for (key, entry) in entries {
            let (before, id) = (self.post_row(&key)?, entry.id());
            if before.as_ref().is_some_and(|before| before.id == id) {
                continue;
            }
            let sealer = entry.sealer.clone();
            let row = PostRow { sequence: number, sealer, id, now: Now::Put(Box::new(entry)) };
            replace(&mut batch, &key, before.as_ref(), &row);
            number = number.saturating_add(1);
        }
        Ok(self.write_post(batch, &mut next, number)?)
    }

    /// Removes entries whose reader or sealer `caller` is; those that are not there stay away. It
    /// is on the disk when this returns, for all of them or for none.
    ///
    /// # Errors
    ///
    /// `TOO_MANY_ENTRIES` above [`MAX_ENTRIES_PER_CALL`]; `ENTRY_NOT_YOURS` when one is neither's.
    pub fn remove_entries(&self, caller: &MemberId, entries: Vec<EntryKey>) -> Result<(), Refusal> {
        self.remove(caller, entries).map_err(refusal_of)
    }

    fn remove(&self, caller: &MemberId, entries: Vec<EntryKey>) -> Result<(), Failure> {
        few_enough(entries.len())?;
        self.refuse_when_stopped()?;
        let mut next = self.post.next.lock();
        let mut batch = self.store.batch();
        let mut number = *next;
        let mut seen = BTreeSet::new();
        for (at, key) in entries.into_iter().enumerate() {
            let before = self.post_row(&key)?;
            let sealer = before.as_ref().map(|before| &before.sealer);
            // The same words whether another's entry is there or not: they would tell who reads.
            if *caller != key.reader && Some(caller) != sealer {
                let message = format!("{caller} is neither reader nor sealer of such an entry");
                return Err(Refusal::new(reason::ENTRY_NOT_YOURS, message).at(field(at)).into());
            }
            let Some(before) = before else { continue };
            // The store knows nothing yet of what this call has removed.
            if matches!(before.now, Now::Removed { .. }) || !seen.insert(key.clone()) {
                continue;
            }
            let (sealer, now) = (before.sealer.clone(), Now::Removed { by: caller.clone() });
            let row = PostRow { sequence: number, sealer, id: before.id, now };
            replace(&mut batch, &key, Some(&before), &row);
            number = number.saturating_add(1);
        }
        Ok(self.write_post(batch, &mut next, number)?)
    }

    /// At most `max` notices from number `from` on, of entries whose reader or sealer is one of
    /// `for_members`, in order; and the number from which to ask on.
    ///
    /// That number is beyond all notices that there were, of whomever: who asks on from it misses
    /// nothing. When it is smaller than `from`, the post is an older copy, and its notices come anew.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn entries(
        &self,
        from: u64,
        max: usize,
        for_members: &BTreeSet<MemberId>,
    ) -> Result<(Vec<Notice>, u64), Error> {
        self.refuse_when_stopped()?;
        let max = max.min(MAX_ENTRIES_PER_CALL);
        let snapshot = self.store.snapshot();
        let next = read_next(snapshot.value(keys::META, keys::POSTED)?)?;
        let mut found = BTreeMap::new();
        for member in for_members {
            let (first, end) = (notice_key(member, from), notice_key(member, u64::MAX));
            let rows = snapshot.scan(keys::NOTICES, Keys::Range(&first, &end))?;
            for row in rows.take(max) {
                let (notice, key) = row?;
                found.insert(sequence_of(&notice)?, key);
            }
        }
        // Each member's first `max` are found, so the first `max` of all are among them.
        let full = found.len() >= max;
        let mut notices = Vec::with_capacity(found.len().min(max));
        for (sequence, key) in found.into_iter().take(max) {
            let row = snapshot.value(keys::READERS, &key)?;
            let row = row.ok_or_else(|| damaged("a notice tells of no entry"))?;
            let row = PostRow::decode(&row)?;
            if row.sequence != sequence {
                return Err(damaged("a notice tells of what was replaced"));
            }
            notices.push(notice(&key, row)?);
        }
        let last = notices.last().map_or(from, |notice| notice.sequence.saturating_add(1));
        Ok((notices, if full { last } else { next }))
    }

    /// Tells the number from which [`Ledger::entries`] has nothing yet, whenever it grows.
    pub fn entries_watch(&self) -> watch::Receiver<u64> {
        self.post.told.subscribe()
    }

    /// Checks what an entry says of itself.
    fn check_entry(&self, entry: &ReaderEntry, members: &Members) -> Result<(), Refusal> {
        entry.check().map_err(|error| refuse(&error))?;
        if entry.consortium != self.rules.consortium {
            let message = format!("the entry is for consortium {}", entry.consortium);
            return Err(Refusal::new(reason::CONSORTIUM_MISMATCH, message));
        }
        let member = |id: &MemberId| {
            let message = format!("{id} is no member of this consortium");
            members.get(id).ok_or_else(|| Refusal::new(reason::MEMBER_UNKNOWN, message))
        };
        member(&entry.reader)?;
        let sealer = member(&entry.sealer)?;
        entry.verify(&sealer.statement_key).map_err(|error| refuse(&error))
    }

    fn post_row(&self, key: &EntryKey) -> Result<Option<PostRow>, Error> {
        let row = self.store.value(keys::READERS, &row_key(key))?;
        row.map(|row| PostRow::decode(&row)).transpose()
    }

    fn write_post(&self, mut batch: Batch, next: &mut u64, number: u64) -> Result<(), Error> {
        if batch.is_empty() {
            return Ok(());
        }
        batch.put(keys::META, keys::POSTED, &number.to_be_bytes());
        // Even if the write fails: it may have come to the disk, and no number is given twice.
        *next = number;
        crash_point("post-decided");
        self.store.write(batch, Sync::Yes)?;
        crash_point("post-written");
        self.post.told.send_replace(number);
        Ok(())
    }
}

/// Checks that the log holds what the entries are for: each leaf is read once.
pub(crate) fn check_sealed(moment: &Moment<'_>, entries: &[ReaderEntry]) -> Result<(), Failure> {
    let mut wanted: BTreeMap<Commitment, Vec<usize>> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        wanted.entry(entry.commitment).or_default().push(at);
    }
    let mut places = Vec::with_capacity(wanted.len());
    for (commitment, of) in wanted {
        match moment.position_of(&commitment)? {
            Some(position) => places.push((position, of)),
            None => {
                let message = format!("no event with the commitment {commitment} is committed");
                let at = field(of.first().copied().unwrap_or_default());
                return Err(Refusal::new(reason::ENTRY_UNKNOWN, message).at(at).into());
            }
        }
    }
    // In the order of the log, so that the leaves of one capture are read once and let go.
    places.sort_unstable();
    let mut last: Option<(LogIndex, MemberId, Vec<bytes::Bytes>)> = None;
    for (position, of) in places {
        let fresh = match last.take() {
            Some(same) if same.0 == position.index => same,
            _ => capture_at(moment, position.index)?,
        };
        let sealed = sealed_at(moment, &fresh, position)?;
        last = Some(fresh);
        for at in of {
            if let Some(entry) = entries.get(at) {
                matches_log(entry, &sealed).map_err(|refusal| refusal.at(field(at)))?;
            }
        }
    }
    Ok(())
}

fn capture_at(
    moment: &Moment<'_>,
    index: LogIndex,
) -> Result<(LogIndex, MemberId, Vec<bytes::Bytes>), Error> {
    let bytes = moment.entry(index)?.ok_or_else(|| damaged("a commitment's entry is missing"))?;
    let issuer = Statement::decode(&bytes)?.issuer().clone();
    Ok((index, issuer, moment.leaves(index)?))
}

fn sealed_at(
    moment: &Moment<'_>,
    (index, issuer, leaves): &(LogIndex, MemberId, Vec<bytes::Bytes>),
    position: Position,
) -> Result<Sealed, Error> {
    let place = usize::try_from(position.leaf.0).unwrap_or(usize::MAX);
    let leaf = leaves.get(place).ok_or_else(|| damaged("a commitment's leaf is missing"))?;
    let leaf = Leaf::decode(leaf)?;
    let parts = match moment.body(*index, position.leaf)?.map(|body| Body::decode(&body)) {
        Some(Ok(Body::Sealed(body))) => Some(body.parts.len()),
        // An open body has no part that an entry could be for.
        Some(_) => Some(0),
        None => None,
    };
    Ok(Sealed { issuer: issuer.clone(), body_digest: leaf.body_digest, parts })
}

fn matches_log(entry: &ReaderEntry, sealed: &Sealed) -> Result<(), Refusal> {
    let wrong = |message: String| Err(Refusal::new(reason::ENTRY_MISMATCH, message));
    if entry.sealer != sealed.issuer {
        return wrong(format!("the event is not one of {}", entry.sealer));
    }
    if entry.body_digest != sealed.body_digest {
        return wrong("the entry is for another body than the leaf's".to_owned());
    }
    let part = usize::try_from(entry.part).unwrap_or(usize::MAX);
    match sealed.parts {
        Some(parts) if part >= parts => {
            wrong(format!("the entry is for part {part}, of {parts} sealed parts"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Puts a row in place of the one before, with the notices that lead to it.
fn replace(batch: &mut Batch, key: &EntryKey, before: Option<&PostRow>, row: &PostRow) {
    let address = row_key(key);
    if let Some(before) = before {
        for member in [&key.reader, &before.sealer] {
            batch.delete(keys::NOTICES, &notice_key(member, before.sequence));
        }
    }
    for member in [&key.reader, &row.sealer] {
        batch.put(keys::NOTICES, &notice_key(member, row.sequence), &address);
    }
    batch.put(keys::READERS, &address, &row.encode());
}

fn notice(key: &[u8], row: PostRow) -> Result<Notice, Error> {
    let what = match row.now {
        Now::Put(entry) => What::Put(entry),
        Now::Removed { by } => What::Removed { key: decode_row_key(key)?, by, sealer: row.sealer },
    };
    Ok(Notice { sequence: row.sequence, what })
}

pub(crate) fn read_next(row: Option<Vec<u8>>) -> Result<u64, Error> {
    let Some(row) = row else { return Ok(1) };
    row.try_into().map(u64::from_be_bytes).map_err(|_| damaged("the next number is malformed"))
}

fn few_enough(count: usize) -> Result<(), Refusal> {
    if count <= MAX_ENTRIES_PER_CALL {
        return Ok(());
    }
    let message = format!("{count} reader entries, a call has at most {MAX_ENTRIES_PER_CALL}");
    Err(Refusal::new(reason::TOO_MANY_ENTRIES, message).at("entries"))
}

fn field(at: usize) -> String {
    format!("entries[{at}]")
}

fn refuse(error: &statement::Error) -> Refusal {
    Refusal::new(error.reason(), error.to_string())
}

fn refusal_of(failure: Failure) -> Refusal {
    match failure {
        Failure::Refused(refusal) => refusal,
        Failure::Broken(error @ Error::Stopped { .. }) => {
            Refusal::new(reason::STOPPED, error.to_string())
        }
        Failure::Broken(error) => {
            tracing::error!(%error, "reader entries could not be kept or removed");
            Refusal::new(reason::INTERNAL, "the ledger cannot use its store")
        }
    }
}
