//! Which secrets an item is tagged with, and which events keep silent about it.

use std::collections::{BTreeSet, HashSet};

use statement::{Digest, Height, Position, Tag};

use crate::book::OpenedEvent;
use crate::seen::{Key, Seen, Thing};
use crate::view::Inner;
use crate::{Alert, Book, Error, SealedLeaf, View};

impl View {
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

impl Inner {
    /// An item with the secrets of the book under which its events may be tagged.
    pub(crate) fn thing(&self, item: String, book: &Book) -> Result<Thing, Error> {
        let mut keys: Vec<Key> =
            book.secrets(&item)?.into_iter().map(|(secret, _)| Key::new(secret)).collect();
        if keys.is_empty() {
            // What has no secret of its own is tagged with that of its company: goods with the
            // parcel's that they lie in.
            let consortium = self.members.consortium();
            for event in book.events_naming(&item)? {
                let Some(leaf) = self.leaf_of(&event)? else { continue };
                for other in event.items() {
                    let secrets = book.secrets(&other)?.into_iter().map(|(secret, _)| secret);
                    let fit = secrets.filter(|secret| leaf.bears(secret, &item, consortium));
                    keys.extend(fit.map(Key::new));
                }
            }
        }
        Ok(Thing::new(item, keys))
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
        if book.secrets(item)?.is_empty() {
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
        let secrets = book.secrets(item)?;
        let mut before = secrets.iter().filter(|(_, announced)| *announced <= event.height);
        let bears = |tag: &Tag| leaf.mark_of(tag).is_some();
        if before.clone().any(|(secret, _)| bears(&Tag::keyed(secret, item))) {
            return Ok(false);
        }
        // It may be tagged with a secret that this member does not hold; that one was announced.
        Ok(before.next().is_some() && !self.has_strange_tag(leaf, event, book)?)
    }

    /// Whether a leaf bears an announced tag under none of the secrets that the owner of the book
    /// holds for what the event names.
    fn has_strange_tag(
        &self,
        leaf: &SealedLeaf,
        event: &OpenedEvent,
        book: &Book,
    ) -> Result<bool, Error> {
        let mut held: BTreeSet<Digest> = BTreeSet::new();
        for item in event.items() {
            held.extend(book.secrets(&item)?.iter().map(|(secret, _)| secret.id()));
        }
        let in_time = |height: Height| height <= event.height;
        for (tag, _) in &leaf.leaf.tags {
            let announced = self.index.announced_tag(tag)?;
            if announced.is_some_and(|said| in_time(said.height) && !held.contains(&said.id)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
