//! Which secrets an item is tagged with, and which events keep silent about it.

use std::collections::{BTreeSet, HashSet};

use party::MemberId;
use statement::{Digest, Position, Tag};

use crate::book::{OpenedEvent, Secret};
use crate::seen::{Key, MAX_ALERTS, Seen, Thing};
use crate::view::Inner;
use crate::{Alert, Announcement, Book, Error, SealedLeaf, TraceAlert, View};

/// How often a secret may have been taken over since the last that a member holds.
const MAX_SUCCESSORS: usize = 1_024;

impl View {
    /// Whether a secret that a book holds for an item is not the item's own: somebody else announced
    /// it, or it takes over from none that is; it may block.
    ///
    /// It is used in no trace, and one of the item shows who handed it over.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] and [`Error::Book`] when either cannot be read.
    pub fn is_foreign(&self, book: &Book, item: &str, secret_id: &Digest) -> Result<bool, Error> {
        let foreign = self.inner.ring(item, book)?.foreign;
        Ok(foreign.iter().any(|held| held.announced.id == *secret_id))
    }

    /// Whether a leaf lacks the tag of an item that its event names, as far as the owner of the book
    /// can tell; it may block.
    ///
    /// It lacks none when it bears the tag under some secret that the book holds for the item, nor
    /// can the owner tell when it bears an announced tag whose secret the book does not hold.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] and [`Error::Book`] when either cannot be read.
    pub fn lacks_tag(
        &self,
        book: &Book,
        leaf: &SealedLeaf,
        event: &OpenedEvent,
        item: &str,
    ) -> Result<bool, Error> {
        self.inner.misses(leaf, event, item, book)
    }
}

/// The secrets of an item that a member holds.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    /// The item's own, the first announced first.
    pub(crate) own: Vec<Secret>,
    /// What others handed over for it; used for nothing.
    pub(crate) foreign: Vec<Secret>,
}

impl Inner {
    /// The secrets of an item that the owner of a book holds.
    ///
    /// The first announced decides whose the item is, or the first that the owner announced itself.
    /// Any other counts only if it takes over from that one, announced by the same member.
    pub(crate) fn ring(&self, item: &str, book: &Book) -> Result<Ring, Error> {
        let held = book.held(item)?;
        let mine = held.iter().find(|held| held.announced.issuer == *book.member());
        let Some(first) = mine.or_else(|| held.first()).map(|first| first.announced.clone()) else {
            return Ok(Ring::default());
        };
        let mut ring = Ring::default();
        let mut good = BTreeSet::from([first.id]);
        for secret in held {
            let counts = self.takes_over(&secret.announced, &first, &good)?;
            if counts {
                good.insert(secret.announced.id);
            }
            let side = if counts { &mut ring.own } else { &mut ring.foreign };
            side.push(secret);
        }
        Ok(ring)
    }

    /// Whether an announcement is one of the good, or takes over from one of them, step by step and
    /// all by the member who announced the first.
    fn takes_over(
        &self,
        said: &Announcement,
        first: &Announcement,
        good: &BTreeSet<Digest>,
    ) -> Result<bool, Error> {
        let mut said = said.clone();
        for _ in 0..MAX_SUCCESSORS {
            if said.issuer != first.issuer {
                return Ok(false);
            }
            if good.contains(&said.id) {
                return Ok(true);
            }
            let Some(before) = said.predecessor else { return Ok(false) };
            let Some(before) = self.index.announced(&before)? else { return Ok(false) };
            said = before;
        }
        Ok(false)
    }

    /// An item with the secrets of the book under which its events may be tagged.
    pub(crate) fn thing(&self, item: String, book: &Book) -> Result<Thing, Error> {
        let mut keys: Vec<Key> = self.ring(&item, book)?.own.iter().map(Key::of).collect();
        if keys.is_empty() {
            // What has no secret of its own is tagged with that of its company: goods with the
            // parcel's that they lie in. Whose secret it was first tagged with, decides.
            let consortium = self.members.consortium();
            let mut whose: Option<MemberId> = None;
            for event in book.events_naming(&item)? {
                let Some(leaf) = self.leaf_of(&event)? else { continue };
                for other in event.items() {
                    for held in self.ring(&other, book)?.own {
                        let by = &held.announced.issuer;
                        if leaf.bears(&held.secret, &item, consortium)
                            && whose.get_or_insert_with(|| by.clone()) == by
                        {
                            keys.push(Key::of(&held));
                        }
                    }
                }
            }
        }
        Ok(Thing::new(item, keys))
    }

    /// Who handed over secrets for an item that are not its own.
    pub(crate) fn strangers(&self, item: &str, book: &Book) -> Result<Vec<TraceAlert>, Error> {
        let foreign = self.ring(item, book)?.foreign.into_iter().take(MAX_ALERTS);
        let handed = foreign.filter_map(|secret| secret.handed);
        Ok(handed
            .map(|(issuer, commitment)| TraceAlert {
                issuer,
                commitment,
                reason: Alert::SecretForeign,
            })
            .collect())
    }

    /// The opened events that name an item, beyond those known under its tags, and whose leaves bear
    /// none of them.
    pub(crate) fn untagged(
        &self,
        item: &str,
        known: &HashSet<Position>,
        book: &Book,
    ) -> Result<Vec<Seen>, Error> {
        let mut untagged = Vec::new();
        if book.held(item)?.is_empty() {
            return Ok(untagged);
        }
        for event in book.events_naming(item)? {
            let Some(leaf) = self.leaf_of(&event)? else { continue };
            if !known.contains(&leaf.position) && self.misses(&leaf, &event, item, book)? {
                let mut seen = self.opened(leaf.position, &event, item, book)?;
                seen.alert = Some(Alert::TagMissing);
                untagged.push(seen);
            }
        }
        Ok(untagged)
    }

    /// Whether a leaf lacks the tag of an item that its event names, as far as the owner of the book
    /// can tell.
    pub(crate) fn misses(
        &self,
        leaf: &SealedLeaf,
        event: &OpenedEvent,
        item: &str,
        book: &Book,
    ) -> Result<bool, Error> {
        let own = self.ring(item, book)?.own;
        let mut before = own.iter().filter(|held| held.announced.height <= event.height);
        if before.clone().any(|held| leaf.mark_of(&Tag::keyed(&held.secret, item)).is_some()) {
            return Ok(false);
        }
        // It may be tagged with a secret that this member does not hold; that one was announced.
        Ok(before.next().is_some() && !self.has_strange_tag(leaf, event, book)?)
    }

    /// Whether a leaf bears an announced tag that is under none of the secrets that the owner of the
    /// book holds of what the event names.
    fn has_strange_tag(
        &self,
        leaf: &SealedLeaf,
        event: &OpenedEvent,
        book: &Book,
    ) -> Result<bool, Error> {
        let mut own: BTreeSet<Tag> = BTreeSet::new();
        for item in event.items() {
            let secrets = self.ring(&item, book)?.own;
            own.extend(secrets.iter().map(|held| Tag::keyed(&held.secret, &item)));
        }
        for (tag, _) in leaf.leaf.tags.iter().filter(|(tag, _)| !own.contains(tag)) {
            let announced = self.index.announced_tag(tag)?;
            if announced.is_some_and(|said| said.height <= event.height) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
