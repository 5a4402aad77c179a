//! A leaf as the reader of a trace sees it: open to all, opened by one member, or closed.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use futures_util::{StreamExt, TryStreamExt, stream};
use party::MemberId;
use statement::{Checkpoint, Commitment, Digest, Height, ItemSecret, Mark, Position, Tag};

use crate::book::{OpenedEvent, Secret};
use crate::check::bond_of;
use crate::proof::{Doubt, Known};
use crate::record::{Bond, Found};
use crate::view::Inner;
use crate::{Alert, Archive, Book, Error, SealedLeaf, StepState, TraceAlert, View};

/// How many histories are asked for at once.
const HISTORIES_AT_ONCE: usize = 8;

/// How many alerts one history raises: a stranger may copy a tag as often as he pays for it.
pub(crate) const MAX_ALERTS: usize = 1_000;

/// An item secret, told apart from others by its id.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: Digest,
    /// When it was announced: what takes over from another comes after it.
    announced: Height,
    pub(crate) secret: ItemSecret,
}

/// What a trace is about: an item, and the secrets under whose tags it is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Thing {
    pub(crate) item: String,
    /// By id, each once.
    pub(crate) keys: Vec<Key>,
}

/// A leaf as this reader sees it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) position: Position,
    pub(crate) issuer: MemberId,
    pub(crate) commitment: Commitment,
    pub(crate) height: Height,
    pub(crate) block_time_ms: i64,
    pub(crate) state: StepState,
    pub(crate) json: Option<String>,
    pub(crate) event_time_ms: Option<i64>,
    pub(crate) sealed_with: Option<String>,
    pub(crate) alert: Option<Alert>,
    pub(crate) bond: Option<Bond>,
    /// Of a bond that was sealed: the secrets of its container whose tags stand in its own leaf.
    pub(crate) keys: Option<Vec<Key>>,
    /// Whether it may load or unload what nobody here can tell.
    pub(crate) hides: bool,
    /// When the latest of those secrets of the item was announced whose tags stand in the leaf, with
    /// good marks; `None` for a leaf that is not in a keyed history.
    pub(crate) under: Option<Height>,
}

/// All leaves of a thing, and whether they are proven to be all.
#[derive(Debug)]
pub(crate) struct Lived {
    pub(crate) leaves: Vec<Seen>,
    pub(crate) proof: Result<Checkpoint, Doubt>,
    pub(crate) alerts: BTreeSet<TraceAlert>,
}

impl Key {
    pub(crate) fn of(held: &Secret) -> Self {
        let Secret { secret, announced, .. } = held;
        Self { id: announced.id, announced: announced.height, secret: secret.clone() }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl Thing {
    pub(crate) fn new(item: String, mut keys: Vec<Key>) -> Self {
        keys.sort_by_key(|key| key.id);
        keys.dedup();
        Self { item, keys }
    }
}

impl View {
    /// Reads and proves every history of a thing: the open one, and one under each secret.
    pub(crate) async fn lived(
        &self,
        thing: &Thing,
        book: Option<&Book>,
        archive: &dyn Archive,
    ) -> Result<Lived, Error> {
        let open = std::iter::once((Tag::open(&thing.item), None));
        let keyed =
            thing.keys.iter().map(|key| (Tag::keyed(&key.secret, &thing.item), Some(key.clone())));
        let asked = open.chain(keyed).map(|(tag, key)| async move {
            Ok::<_, Error>((tag, key, self.known(tag, archive).await?))
        });
        // The futures and not the closure that makes them: else this future is not Send.
        let asked: Vec<_> = asked.collect();
        let histories: Vec<(Tag, Option<Key>, Known)> =
            stream::iter(asked).buffered(HISTORIES_AT_ONCE).try_collect().await?;
        let proof = proven(histories.iter().map(|(_, _, known)| &known.proof));
        let (item, book) = (thing.item.clone(), book.cloned());
        self.on_index(move |inner| {
            let mut alerts = BTreeSet::new();
            let found = inner.genuine(histories, &mut alerts);
            let leaves = found
                .into_values()
                .map(|(found, under)| {
                    let seen = inner.see(found, &item, book.as_ref())?;
                    Ok(Seen { under, ..seen })
                })
                .collect::<Result<_, Error>>()?;
            Ok(Lived { leaves, proof, alerts })
        })
        .await
    }
}

/// The oldest checkpoint, if every history is proven; else the first doubt.
fn proven<'a>(
    proofs: impl Iterator<Item = &'a Result<Checkpoint, Doubt>>,
) -> Result<Checkpoint, Doubt> {
    let mut oldest: Option<&Checkpoint> = None;
    for proof in proofs {
        let checkpoint = proof.as_ref().map_err(Clone::clone)?;
        if oldest.is_none_or(|oldest| checkpoint.height < oldest.height) {
            oldest = Some(checkpoint);
        }
    }
    oldest.cloned().ok_or_else(|| Doubt::new(crate::Gap::NoProof, "nothing was asked"))
}

impl Inner {
    /// The leaves of some histories, each once, with when the latest of the secrets was announced
    /// under which it is found, and without those whose mark is not what a holder of the
    /// history's secret makes: whoever copies a tag onto a leaf of his own pollutes nothing.
    fn genuine(
        &self,
        histories: Vec<(Tag, Option<Key>, Known)>,
        alerts: &mut BTreeSet<TraceAlert>,
    ) -> BTreeMap<Position, (Found, Option<Height>)> {
        let mut genuine = BTreeMap::new();
        for (tag, key, known) in histories {
            for found in known.leaves {
                let expected = key.as_ref().map(|key| {
                    let record = &found.record;
                    let consortium = self.members.consortium();
                    Mark::new(&key.secret, consortium, &record.issuer, &record.commitment, &tag)
                });
                if found.mark == expected {
                    let announced = key.as_ref().map(|key| key.announced);
                    let (_, under) = genuine.entry(found.position).or_insert((found, None));
                    *under = announced.max(*under);
                } else if alerts.len() < MAX_ALERTS {
                    alerts.insert(TraceAlert {
                        issuer: found.record.issuer,
                        commitment: found.record.commitment,
                        reason: Alert::MarkInvalid,
                    });
                }
            }
        }
        genuine
    }

    /// Sees a leaf of an item with the eyes of whoever has the book.
    fn see(&self, found: Found, item: &str, book: Option<&Book>) -> Result<Seen, Error> {
        if found.record.told.is_none()
            && let Some(book) = book
            && let Some(event) = book.event(&found.record.commitment)?
            // A stranger's copy of a sealed leaf is not the event that was opened.
            && event.issuer == found.record.issuer
            && event.disclosure.is_some()
        {
            return self.opened(found.position, &event, item, book);
        }
        let Found { position, record, .. } = found;
        let (state, hides) = match &record.told {
            Some(_) => (StepState::Open, false),
            None => (StepState::Closed, true),
        };
        let (mut seen, told) = (Seen::blank(position, &record), record.told);
        (seen.state, seen.hides, seen.alert) = (state, hides, record.alert);
        if let Some(told) = told {
            (seen.event_time_ms, seen.bond) = (Some(told.event_time_ms), told.bond);
            seen.json = Some(told.json);
        }
        Ok(seen)
    }

    /// Sees a leaf that the owner of the book has opened.
    pub(crate) fn opened(
        &self,
        position: Position,
        event: &OpenedEvent,
        item: &str,
        book: &Book,
    ) -> Result<Seen, Error> {
        let mut seen = Seen {
            position,
            issuer: event.issuer.clone(),
            commitment: event.commitment,
            height: event.height,
            block_time_ms: event.block_time_ms,
            state: StepState::Opened,
            json: event.json(),
            event_time_ms: None,
            sealed_with: event.sealed_with(),
            alert: None,
            bond: None,
            keys: None,
            hides: true,
            under: None,
        };
        if event.shows_items() && !event.items().contains(item) {
            (seen.alert, seen.hides) = (Some(Alert::TagForeign), false);
        }
        let Some(told) = event.event() else {
            if event.closed_fields().next().is_none() {
                seen.alert = Some(Alert::BodyMalformed);
            }
            return Ok(seen);
        };
        seen.event_time_ms = Some(told.event_time_unix_ms());
        if seen.alert.is_none() && event.shows_bond() {
            seen.hides = false;
            seen.bond = bond_of(&told);
        }
        if let Some(bond) = &seen.bond {
            seen.keys = Some(match self.leaf_of(event)? {
                Some(leaf) => self.keys_in(&leaf, &bond.container, book)?,
                None => Vec::new(),
            });
        }
        Ok(seen)
    }

    /// The sealed leaf of an opened event.
    pub(crate) fn leaf_of(&self, event: &OpenedEvent) -> Result<Option<SealedLeaf>, Error> {
        let leaves = self.index.sealed(&event.commitment)?;
        Ok(leaves.into_iter().find(|leaf| leaf.issuer == event.issuer))
    }

    /// The secrets of an item that the owner of the book holds and a leaf is tagged with: of those
    /// that are not the item's own only such as the leaf's issuer announced. A pallet is used again
    /// and again, and whoever makes it up makes its secret.
    pub(crate) fn keys_in(
        &self,
        leaf: &SealedLeaf,
        item: &str,
        book: &Book,
    ) -> Result<Vec<Key>, Error> {
        let consortium = self.members.consortium();
        let ring = self.ring(item, book)?;
        let others = ring.foreign.iter().filter(|held| held.announced.issuer == leaf.issuer);
        let secrets = ring.own.iter().chain(others);
        let borne = secrets.filter(|held| leaf.bears(&held.secret, item, consortium));
        Ok(borne.map(Key::of).collect())
    }
}

impl Seen {
    fn blank(position: Position, record: &crate::record::Record) -> Self {
        Self {
            position,
            issuer: record.issuer.clone(),
            commitment: record.commitment,
            height: record.height,
            block_time_ms: record.block_time_ms,
            state: StepState::Closed,
            json: None,
            event_time_ms: None,
            sealed_with: None,
            alert: None,
            bond: None,
            keys: None,
            hides: true,
            under: None,
        }
    }
}

#[cfg(test)]
mod tests;
