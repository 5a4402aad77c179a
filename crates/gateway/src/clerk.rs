//! Who works at a desk: one member's side of the gateway.

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

/// Into how many journeys at once one member can step; more wait for each other.
const LOCKS: usize = 256;

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
    /// Held from looking for a plan to having written one; never across a wait.
    pub(crate) planning: Mutex<()>,
    /// By the first byte of a journey's name, or of an order's request.
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
        let turns = (0..LOCKS).map(|_| tokio::sync::Mutex::new(())).collect();
        let planning = Mutex::new(());
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

    /// Waits for the member's turn at whatever begins with this byte.
    pub(crate) async fn turn(&self, first: u8) -> Result<tokio::sync::MutexGuard<'_, ()>, Error> {
        let turn = self.turns.get(usize::from(first));
        Ok(turn.ok_or_else(|| internal("a byte has 256 values"))?.lock().await)
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
