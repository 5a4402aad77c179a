//! A page: sixteen slots, and the nodes between them and the page's own root.
#![expect(
    clippy::indexing_slicing,
    reason = "places are below 32, slots below 16: `Place` and the loops over 0..16 bound them"
)]

use std::fmt;

use super::{EMPTY, MapHash, Path};
use crate::{Digest, Error};

/// The version of the encoding, its first byte.
const VERSION: u8 = 1;

/// Bytes before the slots: version and two sets of slots.
const HEAD_LEN_BYTES: usize = 5;

/// What stands beneath one nibble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// No entry.
    Empty,
    /// One entry.
    Entry { key: Digest, value: Digest },
    /// More entries, in a page of their own with that digest.
    Child(Digest),
}

impl Slot {
    pub(super) fn digest<H: MapHash>(&self) -> Digest {
        match self {
            Self::Empty => EMPTY,
            Self::Entry { key, value } => H::leaf(key, value),
            Self::Child(digest) => *digest,
        }
    }
}

/// A place in the binary tree inside a page, numbered as in a heap: 1 is the page's root, those
/// beneath `n` are `2n` and `2n + 1`, and 16 to 31 are the slots.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(usize);

impl Place {
    pub(super) const ROOT: Self = Self(1);

    /// Takes the step towards `slot`, of which this place's level is the next bit to go by.
    pub(super) const fn towards(self, slot: usize) -> Self {
        let level = self.0.ilog2();
        Self(self.0 << 1 | slot >> (3 - level) & 1)
    }

    pub(super) const fn sibling(self) -> Self {
        Self(self.0 ^ 1)
    }

    /// Yields the two places beneath, left and right.
    const fn beneath(self) -> (Self, Self) {
        (Self(self.0 << 1), Self(self.0 << 1 | 1))
    }

    /// Yields the slot that this place is, if it is one.
    const fn slot(self) -> Option<usize> {
        self.0.checked_sub(16)
    }

    /// Yields the set of slots beneath this place, one bit each.
    const fn span(self) -> u16 {
        let level = self.0.ilog2();
        let width = 16 >> level;
        let first = (self.0 - (1 << level)) * width;
        (u16::MAX >> (16 - width)) << first
    }
}

/// One page of a map: what stands beneath each of sixteen nibbles.
///
/// Only [`update`](super::update) makes and changes pages; who stores them need only write what
/// [`Page::encode`] yields and read it back.
#[derive(Clone, PartialEq, Eq)]
pub struct Page(Box<Body>);

/// Boxed, so that a map of pages moves pointers.
#[derive(Clone, PartialEq, Eq)]
struct Body {
    slots: [Slot; 16],
    /// Which slots hold an entry, and which a page; one bit each.
    entries: u16,
    children: u16,
    /// Digests of places 2 to 15 that have two entries or more beneath; the others stay zero.
    /// Kept so that a change costs one hash a level, not one a place.
    nodes: [Digest; 16],
}

impl Page {
    pub(super) fn new() -> Self {
        Self(Box::new(Body {
            slots: [Slot::Empty; 16],
            entries: 0,
            children: 0,
            nodes: [EMPTY; 16],
        }))
    }

    pub(super) fn slot(&self, slot: usize) -> Slot {
        self.0.slots[slot]
    }

    /// Fills a slot; the digests above it are stale until [`Page::rehash`].
    pub(super) fn put(&mut self, slot: usize, content: Slot) {
        let bit = 1 << slot;
        self.0.entries &= !bit;
        self.0.children &= !bit;
        match content {
            Slot::Empty => (),
            Slot::Entry { .. } => self.0.entries |= bit,
            Slot::Child(_) => self.0.children |= bit,
        }
        self.0.slots[slot] = content;
    }

    /// Yields what the place has beneath, when that is less than two entries.
    pub(super) fn lone(&self, place: Place) -> Option<Slot> {
        if self.is_node(place) {
            return None;
        }
        let entry = self.0.entries & place.span();
        Some(if entry == 0 { Slot::Empty } else { self.slot(entry.trailing_zeros() as usize) })
    }

    /// Tells whether the place has two entries or more beneath.
    const fn is_node(&self, place: Place) -> bool {
        let span = place.span();
        self.0.children & span != 0 || (self.0.entries & span).count_ones() > 1
    }

    /// Yields the digest of a place.
    pub(super) fn digest<H: MapHash>(&self, place: Place) -> Digest {
        match (self.lone(place), place.slot()) {
            (Some(lone), _) => lone.digest::<H>(),
            (None, Some(slot)) => self.slot(slot).digest::<H>(),
            (None, None) if place.0 == Place::ROOT.0 => self.hash::<H>(place),
            (None, None) => self.0.nodes[place.0],
        }
    }

    fn hash<H: MapHash>(&self, place: Place) -> Digest {
        let (left, right) = place.beneath();
        H::node(&self.digest::<H>(left), &self.digest::<H>(right))
    }

    /// Hashes anew the nodes above the `changed` slots, the lowest first.
    pub(super) fn rehash<H: MapHash>(&mut self, changed: u16) {
        for place in (2..16).rev().map(Place) {
            if place.span() & changed != 0 {
                self.0.nodes[place.0] =
                    if self.is_node(place) { self.hash::<H>(place) } else { EMPTY };
            }
        }
    }

    /// Refuses a page that cannot stand at `path`.
    pub(super) fn check_at(&self, path: &Path) -> Result<(), Error> {
        let misplaced = |what| Err(Error::PageMisplaced { path: *path, what });
        if *path != Path::ROOT && self.lone(Place::ROOT).is_some() {
            return misplaced("a single entry");
        }
        for (nibble, slot) in self.0.slots.iter().enumerate() {
            match slot {
                Slot::Entry { key, .. } if !path.leads_to(nibble, key) => {
                    return misplaced("an entry of another page");
                }
                Slot::Child(_) if path.child(nibble).is_none() => {
                    return misplaced("a page below the last nibble");
                }
                _ => (),
            }
        }
        Ok(())
    }

    /// Writes the page: a version byte (1), the sets of slots that hold entries and that hold
    /// pages (16 bits each, big-endian, slot 0 the lowest bit), then slot by slot key and value of
    /// an entry or digest of a page, then the digests of the nodes above that have two entries or
    /// more beneath, top down and left to right. At most 1,477 bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len_bytes());
        bytes.push(VERSION);
        bytes.extend(self.0.entries.to_be_bytes());
        bytes.extend(self.0.children.to_be_bytes());
        for slot in &self.0.slots {
            match slot {
                Slot::Empty => (),
                Slot::Entry { key, value } => {
                    bytes.extend(key);
                    bytes.extend(value);
                }
                Slot::Child(digest) => bytes.extend(digest),
            }
        }
        for place in self.nodes() {
            bytes.extend_from_slice(&self.0.nodes[place.0]);
        }
        bytes
    }

    /// Reads a page.
    ///
    /// # Errors
    ///
    /// When the bytes are not those that [`Page::encode`] writes for some page. The digests are
    /// taken as they are.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let malformed = |why| Error::PageMalformed { why };
        let (head, rest) = bytes
            .split_first_chunk::<HEAD_LEN_BYTES>()
            .ok_or_else(|| malformed("it is shorter than its head"))?;
        let [version, e0, e1, c0, c1] = *head;
        if version != VERSION {
            return Err(malformed("its version is unknown; this is 1"));
        }
        let mut page = Self::new();
        page.0.entries = u16::from_be_bytes([e0, e1]);
        page.0.children = u16::from_be_bytes([c0, c1]);
        let (entries, children) = (page.0.entries, page.0.children);
        if entries & children != 0 {
            return Err(malformed("a slot holds both an entry and a page"));
        }
        if entries | children == 0 {
            return Err(malformed("it holds nothing"));
        }
        if bytes.len() != page.len_bytes() {
            return Err(malformed("its length is not the one that its slots make"));
        }
        let mut digests = rest.as_chunks::<32>().0.iter().copied();
        // The length is right, so there is a digest wherever one is asked for.
        let mut next = || digests.next().unwrap_or(EMPTY);
        for slot in 0..16 {
            if entries >> slot & 1 == 1 {
                page.0.slots[slot] = Slot::Entry { key: next(), value: next() };
            } else if children >> slot & 1 == 1 {
                page.0.slots[slot] = Slot::Child(next());
            }
        }
        for place in (2..16).map(Place) {
            if page.is_node(place) {
                page.0.nodes[place.0] = next();
            }
        }
        Ok(page)
    }

    /// Walks over the places whose digests are kept.
    fn nodes(&self) -> impl Iterator<Item = Place> {
        (2..16).map(Place).filter(|place| self.is_node(*place))
    }

    /// Computes the length of the encoding from the sets of slots alone.
    fn len_bytes(&self) -> usize {
        let digests = 2 * self.0.entries.count_ones() + self.0.children.count_ones();
        HEAD_LEN_BYTES + 32 * (digests as usize + self.nodes().count())
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("entries", &format_args!("{:016b}", self.0.entries))
            .field("children", &format_args!("{:016b}", self.0.children))
            .finish_non_exhaustive()
    }
}
