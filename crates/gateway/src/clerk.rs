//! Who works at a desk: one member's side of the gateway.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use keys::KeySource;
use parking_lot::Mutex;
use party::{KeyId, MemberId};
use statement::SigningKey;
use trace::Book;

use crate::error::internal;
use crate::house::House;
use crate::inbox::Inbox;
use crate::known::Known;
use crate::outbox::Outbox;
use crate::shelf::Shelf;
use crate::{Desk, Error, JourneyId};

/// Into how many journeys at once one member can step; some more wait for each other.
const TURNS: u16 = 1_024;

/// One member's side of the gateway.
pub(crate) struct Clerk {
    pub(crate) house: Arc<House>,
    pub(crate) member: MemberId,
    /// The member's own sealing key, as the others know it.
    pub(crate) sealing_key: KeyId,
    pub(crate) statement_key: SigningKey,
    pub(crate) keys: Arc<dyn KeySource>,
    pub(crate) shelf: Shelf,
    pub(crate) book: Book,
    pub(crate) outbox: Outbox,
    pub(crate) inbox: Inbox,
    /// Requests and items for which a plan is being written.
    planning: Mutex<BTreeSet<Vec<u8>>>,
    /// By the first bytes of a journey's name, or of an order's request.
    turns: Vec<tokio::sync::Mutex<()>>,
}

impl fmt::Debug for Clerk {
    // The secrets must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clerk").field("member", &self.member).finish_non_exhaustive()
    }
}

impl Clerk {
    /// Opens a desk and the book on it; it blocks.
    pub(crate) fn open(house: Arc<House>, desk: Desk) -> Result<Self, Error> {
        let Desk { member, site, statement_key, storage_key, keys, folder } = desk;
        let known = house.members.get(&member);
        let known = known.ok_or_else(|| internal(format!("{member} is no member")))?;
        let sealing_key = known.sealing_key.as_ref();
        let sealing_key = sealing_key
            .ok_or_else(|| internal(format!("{member} has registered no sealing key")))?
            .id();
        // The others' keys for this member are drawn for its first site, and for no other.
        if known.sites.first() != Some(&site) {
            let why = format!("{member} reads its post at its first site, which is not {site}");
            return Err(internal(why));
        }
        let book = Book::open(&folder.join("book"), &storage_key, member.clone())?;
        let shelf = Shelf::open(&folder.join("desk"), storage_key, &member)?;
        let outbox = Outbox::of(shelf.all_outgoing()?, &house.options);
        let inbox = Inbox::of(shelf.all_incoming()?);
        let turns = (0..TURNS).map(|_| tokio::sync::Mutex::new(())).collect();
        let planning = Mutex::default();
        Ok(Self {
            house,
            member,
            sealing_key,
            statement_key,
            keys,
            shelf,
            book,
            outbox,
            inbox,
            planning,
            turns,
        })
    }

    /// Waits for the member's turn at the journey, or the order, whose name begins so.
    pub(crate) async fn turn(&self, name: &[u8]) -> Result<tokio::sync::MutexGuard<'_, ()>, Error> {
        let first = name.first_chunk().map_or(0, |first| u16::from_be_bytes(*first));
        let turn = self.turns.get(usize::from(first % TURNS));
        Ok(turn.ok_or_else(|| internal("a remainder is less than its divisor"))?.lock().await)
    }

    /// Keeps a request, or an item, from others while a plan with it is being written; `None` when
    /// somebody else is about it.
    pub(crate) fn reserve(&self, name: &[u8]) -> Option<Reserved<'_>> {
        let new = self.planning.lock().insert(name.to_vec());
        new.then(|| Reserved { planning: &self.planning, name: name.to_vec() })
    }

    /// Reads or writes the disk off the asynchronous threads.
    pub(crate) async fn on_disk<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let clerk = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&clerk)).await.map_err(internal)?
    }

    /// What the member knows of a journey; it blocks.
    pub(crate) fn known(&self, journey: &JourneyId) -> Result<Known, Error> {
        Known::gather(&self.house, &self.shelf, &self.book, journey)
    }
}

/// A name that is kept from others until this is dropped.
pub(crate) struct Reserved<'a> {
    planning: &'a Mutex<BTreeSet<Vec<u8>>>,
    name: Vec<u8>,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.planning.lock().remove(&self.name);
    }
}
