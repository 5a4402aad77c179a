//! A member's own book: what it has opened of sealed events, and the item secrets it holds.
//!
//! The [`View`](crate::View) is public to all members of a gateway; a book belongs to one. Every
//! value in it is encrypted under the member's storage key, and items and commitments are looked up
//! by keyed hashes, so that its files tell nobody what the member may read. Keys that must sort are
//! positions in the log, which are public.

mod entry;
mod event;
mod row;

use std::path::Path;
use std::sync::Arc;

use envelope::{ContentKey, StorageKey};
use parking_lot::Mutex;
use party::MemberId;
use statement::hash::Context;
use statement::{Commitment, Height, ItemSecret, Position};
use store::{Access, Batch, Family, Keys, Options, Store, Sync, Tuning};
use zeroize::Zeroizing;

pub use entry::{Entry, Finding, Opened, PassedOver};
pub use event::{OpenedEvent, OpenedPart};

use crate::record::{position_key, position_of};
use crate::{Announcement, Error};
pub(crate) use row::Secret;
use row::{Head, Row};

/// Whose book it is, and the key of its lookups.
const META: &str = "meta";
/// Position and part to what was opened.
const PARTS: &str = "parts";
/// Hash of a commitment to position.
const EVENTS: &str = "events";
/// Hash of an item, and position of an event that names it, to nothing.
const NAMED: &str = "named";
/// Hash of an item and hash of a secret's id to the secret.
const SECRETS: &str = "secrets";
/// Hash of a finding to the finding.
const FINDINGS: &str = "findings";

const FAMILIES: [Family; 6] = [
    Family { name: META, tuning: Tuning::Points },
    // What is encrypted does not compress.
    Family { name: PARTS, tuning: Tuning::Digests },
    Family { name: EVENTS, tuning: Tuning::Digests },
    Family { name: NAMED, tuning: Tuning::Digests },
    Family { name: SECRETS, tuning: Tuning::Digests },
    Family { name: FINDINGS, tuning: Tuning::Digests },
];

/// A gateway has a book for each of its members: none needs much memory.
const OPTIONS: Options =
    Options { access: Access::Write, cache_bytes: 4 << 20, buffer_bytes: 16 << 20 };

const HEAD: &[u8] = b"head";

static BOOK_EVENT: Context = Context::new("book event v1");
static BOOK_ITEM: Context = Context::new("book item v1");
static BOOK_SECRET: Context = Context::new("book secret v1");
static BOOK_FINDING: Context = Context::new("book finding v1");

/// A member's own durable book, encrypted at rest.
///
/// Cheap to clone: all clones are one book. Every call may block.
#[derive(Clone, Debug)]
pub struct Book {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    key: StorageKey,
    lookup: Zeroizing<[u8; 32]>,
    member: MemberId,
    /// Held from looking what is there to writing what is not.
    writing: Mutex<()>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("member", &self.member).finish_non_exhaustive()
    }
}

impl Book {
    /// Opens the book of `member` in folder `path`, or makes one.
    ///
    /// # Errors
    ///
    /// [`Error::WrongStorageKey`] when the book was made with another key; [`Error::WrongBook`] when
    /// it is another member's; [`Error::Book`] when it cannot be read.
    pub fn open(path: &Path, key: &StorageKey, member: MemberId) -> Result<Self, Error> {
        let store = Store::open(path, &FAMILIES, &OPTIONS).map_err(failed)?;
        let place = || path.display().to_string();
        let head = match store.value(META, HEAD).map_err(failed)? {
            Some(row) => {
                let plain = key
                    .open_row(META, HEAD, &row)
                    .map_err(|_| Error::WrongStorageKey { path: place() })?;
                Head::decode(&plain).map_err(|_| Error::WrongBook {
                    path: place(),
                    why: "another edition of this program wrote it".into(),
                })?
            }
            None => {
                let head = Head::new(member.clone());
                let mut batch = store.batch();
                batch.put(META, HEAD, &key.seal_row(META, HEAD, &head.encode()));
                store.write(batch, Sync::Yes).map_err(failed)?;
                head
            }
        };
        if head.member != member {
            let why = format!("it is the book of {}", head.member);
            return Err(Error::WrongBook { path: place(), why });
        }
        let (key, writing) = (key.clone(), Mutex::new(()));
        let inner = Inner { store, key, lookup: head.lookup, member, writing };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whose book it is.
    #[must_use]
    pub fn member(&self) -> &MemberId {
        &self.inner.member
    }

    /// Keeps what was opened; on the disk when it returns. What is there already stays as it is.
    ///
    /// # Errors
    ///
    /// As [`Self::put_all`].
    pub fn put(&self, entry: Entry) -> Result<(), Error> {
        self.put_all(vec![entry])
    }

    /// Keeps all of what was opened, or none of it; on the disk when it returns.
    ///
    /// # Errors
    ///
    /// [`Error::SecretDecoy`] when a secret is not the one that was announced for its item before
    /// the event that hands it over; [`Error::Book`] when the book cannot be written.
    pub fn put_all(&self, entries: Vec<Entry>) -> Result<(), Error> {
        let inner = &*self.inner;
        let _writing = inner.writing.lock();
        let mut batch = inner.store.batch();
        for entry in entries {
            inner.add(&mut batch, entry)?;
        }
        if batch.is_empty() {
            return Ok(());
        }
        // The key that opened it is spent and will not be given again.
        inner.store.write(batch, Sync::Yes).map_err(failed)
    }

    /// Whether a part of an event has been opened.
    ///
    /// # Errors
    ///
    /// [`Error::Book`] when the book cannot be read.
    pub fn has(&self, commitment: &Commitment, part: u32) -> Result<bool, Error> {
        Ok(self.inner.row(commitment, part)?.is_some())
    }

    /// The key that opens a part, for sealing it to its readers again.
    ///
    /// # Errors
    ///
    /// [`Error::Book`] when the book cannot be read.
    pub fn content_key(
        &self,
        commitment: &Commitment,
        part: u32,
    ) -> Result<Option<ContentKey>, Error> {
        Ok(self.inner.row(commitment, part)?.map(|row| row.entry.content_key))
    }

    /// All that has been opened of an event.
    ///
    /// # Errors
    ///
    /// [`Error::Book`] when the book cannot be read.
    pub fn event(&self, commitment: &Commitment) -> Result<Option<OpenedEvent>, Error> {
        let inner = &*self.inner;
        let Some(position) = inner.position(commitment)? else { return Ok(None) };
        inner.event_at(position)
    }

    /// All secrets that were handed over for an item, the first announced first.
    ///
    /// Anybody may announce a secret for an item, and hand it over: which of these are the item's
    /// own, [`View::is_foreign`](crate::View::is_foreign) tells.
    ///
    /// # Errors
    ///
    /// [`Error::Book`] when the book cannot be read.
    pub fn secrets(&self, item: &str) -> Result<Vec<(ItemSecret, Height)>, Error> {
        let held = self.held(item)?.into_iter();
        Ok(held.map(|held| (held.secret, held.announced.height)).collect())
    }

    /// As [`Self::secrets`], with who announced each, and who handed it over first.
    pub(crate) fn held(&self, item: &str) -> Result<Vec<Secret>, Error> {
        let inner = &*self.inner;
        let prefix = inner.item_hash(item);
        let mut held = Vec::new();
        for row in inner.store.scan(SECRETS, Keys::Prefix(&prefix)).map_err(failed)? {
            let (key, value) = row.map_err(failed)?;
            held.push(Secret::decode(&inner.open(SECRETS, &key, &value)?)?);
        }
        held.sort_by_key(|held| (held.announced.height, held.announced.id));
        Ok(held)
    }

    /// The opened events after a position, in the order of the log; from the first on without one.
    ///
    /// An event that was opened late has its place among those opened before.
    ///
    /// # Errors
    ///
    /// [`Error::Book`] when the book cannot be read.
    pub fn events_since(
        &self,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<OpenedEvent>, Error> {
        let inner = &*self.inner;
        // The least key above all parts of the event there.
        let from = after.map(|position| [&position_key(position)[..], &[0xff; 5]].concat());
        let keys = from.as_deref().map_or(Keys::All, Keys::From);
        let mut events: Vec<OpenedEvent> = Vec::new();
        for row in inner.store.scan(PARTS, keys).map_err(failed)? {
            let (key, value) = row.map_err(failed)?;
            let entry = Row::decode(&inner.open(PARTS, &key, &value)?)?.entry;
            let full = events.len() >= limit;
            match events.last_mut() {
                Some(last) if last.position == entry.position => last.merge(entry),
                _ if full => break,
                _ => events.push(OpenedEvent::of(entry)),
            }
        }
        Ok(events)
    }

    /// The opened events that name an item, in the order of the log.
    ///
    /// # Errors
    ///
    /// [`Error::Book`] when the book cannot be read.
    pub fn events_naming(&self, item: &str) -> Result<Vec<OpenedEvent>, Error> {
        let inner = &*self.inner;
        let prefix = inner.item_hash(item);
        let mut events = Vec::new();
        for row in inner.store.scan(NAMED, Keys::Prefix(&prefix)).map_err(failed)? {
            let (key, _) = row.map_err(failed)?;
            let position = position_of(key.get(prefix.len()..).ok_or_else(garbled)?)?;
            events.extend(inner.event_at(position)?);
        }
        Ok(events)
    }

    /// Keeps a finding; on the disk when it returns. The same one is kept once.
    ///
    /// # Errors
    ///
    /// [`Error::Book`] when the book cannot be written.
    pub fn alert(&self, finding: &Finding) -> Result<(), Error> {
        let inner = &*self.inner;
        let plain = finding.encode();
        let key = BOOK_FINDING.mac(&inner.lookup, &plain);
        let _writing = inner.writing.lock();
        if inner.store.value(FINDINGS, &key).map_err(failed)?.is_some() {
            return Ok(());
        }
        let mut batch = inner.store.batch();
        inner.put(&mut batch, FINDINGS, &key, &plain);
        inner.store.write(batch, Sync::Yes).map_err(failed)
    }

    /// All findings, in the order of the log.
    ///
    /// # Errors
    ///
    /// [`Error::Book`] when the book cannot be read.
    pub fn alerts(&self) -> Result<Vec<Finding>, Error> {
        let inner = &*self.inner;
        let mut findings = Vec::new();
        for row in inner.store.scan(FINDINGS, Keys::All).map_err(failed)? {
            let (key, value) = row.map_err(failed)?;
            findings.push(Finding::decode(&inner.open(FINDINGS, &key, &value)?)?);
        }
        findings.sort_unstable();
        Ok(findings)
    }
}

impl Inner {
    /// Adds the rows of what was opened, unless it is there.
    fn add(&self, batch: &mut Batch, mut entry: Entry) -> Result<(), Error> {
        let event = self.event_hash(&entry.commitment);
        // The place where it was first found stays its place.
        if let Some(position) = self.position(&entry.commitment)? {
            entry.position = position;
        }
        let position = position_key(entry.position);
        let part = part_key(entry.position, entry.part);
        if self.store.value(PARTS, &part).map_err(failed)?.is_some() {
            return Ok(());
        }
        match &entry.opened {
            Opened::Fields(disclosure) => {
                for item in event::named(disclosure) {
                    let key = [&self.item_hash(&item)[..], &position].concat();
                    batch.put(NAMED, &key, &[]);
                }
            }
            Opened::Secret { item, secret, announced } => {
                demand_announced(&entry, item, secret, announced)?;
                let id = BOOK_SECRET.mac(&self.lookup, &announced.id);
                let key = [&self.item_hash(item)[..], &id].concat();
                if self.store.value(SECRETS, &key).map_err(failed)?.is_none() {
                    let handed = Some((entry.issuer.clone(), entry.commitment));
                    let (secret, announced) = (secret.clone(), announced.clone());
                    let row = Secret { secret, announced, handed };
                    self.put(batch, SECRETS, &key, &row.encode());
                }
            }
        }
        self.put(batch, EVENTS, &event, &position);
        let row = Row { entry };
        self.put(batch, PARTS, &part, &row.encode());
        Ok(())
    }

    fn put(&self, batch: &mut Batch, family: &str, key: &[u8], plain: &[u8]) {
        batch.put(family, key, &self.key.seal_row(family, key, plain));
    }

    fn open(&self, family: &str, key: &[u8], row: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.key
            .open_row(family, key, row)
            .map_err(|error| Error::Book { message: format!("a row of {family}: {error}") })
    }

    fn value(&self, family: &str, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let row = self.store.value(family, key).map_err(failed)?;
        row.map(|row| self.open(family, key, &row)).transpose()
    }

    fn position(&self, commitment: &Commitment) -> Result<Option<Position>, Error> {
        let value = self.value(EVENTS, &self.event_hash(commitment))?;
        Ok(value.map(|bytes| position_of(&bytes)).transpose()?)
    }

    fn row(&self, commitment: &Commitment, part: u32) -> Result<Option<Row>, Error> {
        let Some(position) = self.position(commitment)? else { return Ok(None) };
        let value = self.value(PARTS, &part_key(position, part))?;
        Ok(value.map(|bytes| Row::decode(&bytes)).transpose()?)
    }

    fn event_at(&self, position: Position) -> Result<Option<OpenedEvent>, Error> {
        let prefix = position_key(position);
        let mut event: Option<OpenedEvent> = None;
        for row in self.store.scan(PARTS, Keys::Prefix(&prefix)).map_err(failed)? {
            let (key, value) = row.map_err(failed)?;
            let entry = Row::decode(&self.open(PARTS, &key, &value)?)?.entry;
            match &mut event {
                Some(event) => event.merge(entry),
                None => event = Some(OpenedEvent::of(entry)),
            }
        }
        Ok(event)
    }

    fn event_hash(&self, commitment: &Commitment) -> [u8; 32] {
        BOOK_EVENT.mac(&self.lookup, &commitment.0)
    }

    fn item_hash(&self, item: &str) -> [u8; 32] {
        BOOK_ITEM.mac(&self.lookup, item.as_bytes())
    }
}

/// Refuses a secret that is not the one announced for its item, or was announced too late.
fn demand_announced(
    entry: &Entry,
    item: &str,
    secret: &ItemSecret,
    announced: &Announcement,
) -> Result<(), Error> {
    let why = if !announced.fits(secret, item) {
        "it is not the one that was announced for the item"
    } else if announced.height > entry.height {
        "it was announced after the event that hands it over"
    } else {
        return Ok(());
    };
    Err(Error::SecretDecoy { sealer: entry.issuer.to_string(), why })
}

fn part_key(position: Position, part: u32) -> Vec<u8> {
    [&position_key(position)[..], &part.to_be_bytes()].concat()
}

fn failed(error: store::Error) -> Error {
    Error::Book { message: error.to_string() }
}

fn garbled() -> Error {
    Error::Book { message: "it holds what this program did not write".into() }
}

#[cfg(test)]
mod tests;
