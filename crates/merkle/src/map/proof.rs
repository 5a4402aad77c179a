//! Prove what a key maps to, or that it maps to nothing.

use super::page::{Place, Slot};
use super::update::{load, root_slot};
use super::{EMPTY, MapHash, Page, Path};
use crate::{Digest, Error};

/// How many bits a key has, and so how many siblings a way can.
const KEY_LEN_BITS: usize = 256;

/// What stands where the way of the wanted key ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// The entry of the wanted key itself; its value is for the verifier to know.
    Entry,
    /// Nothing: no key begins so.
    Empty,
    /// The entry of another key, the only one that begins so.
    Other {
        /// The other key.
        key: Digest,
        /// What it maps to.
        value: Digest,
    },
}

/// Proves what a key maps to, or that it maps to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The siblings along the way, the lowest first; [`EMPTY`] for one without keys. At most 256.
    pub siblings: Vec<Digest>,
    /// What stands at the end of the way.
    pub terminal: Terminal,
}

impl Proof {
    /// Verifies that `key` maps to `value` (or, for `None`, to nothing) in the map of that root.
    ///
    /// # Errors
    ///
    /// When the proof shows something else, or leads to another root.
    pub fn verify<H: MapHash>(
        &self,
        root: &Digest,
        key: &Digest,
        value: Option<&Digest>,
    ) -> Result<(), Error> {
        let depth = self.siblings.len();
        if depth > KEY_LEN_BITS {
            return Err(Error::PathLength { expected: KEY_LEN_BITS, found: depth });
        }
        let end = match (&self.terminal, value) {
            (Terminal::Entry, Some(value)) => H::leaf(key, value),
            (Terminal::Empty, None) => EMPTY,
            (Terminal::Other { key: other, value }, None) if other != key => {
                if common_bits(other, key) < depth {
                    return Err(Error::TerminalElsewhere { depth });
                }
                H::leaf(other, value)
            }
            (Terminal::Other { key: other, .. }, _) if other == key => {
                return Err(Error::TerminalIsKey);
            }
            (Terminal::Entry, None) => return Err(Error::EntryProved),
            (Terminal::Empty | Terminal::Other { .. }, _) => return Err(Error::AbsenceProved),
        };
        let found =
            self.siblings.iter().zip((0..depth).rev()).fold(end, |digest, (sibling, at)| {
                if bit(key, at) { H::node(sibling, &digest) } else { H::node(&digest, sibling) }
            });
        if found == *root { Ok(()) } else { Err(Error::RootMismatch) }
    }
}

/// Tells whether the `at`-th bit of `key` is set, counted from the most significant.
fn bit(key: &Digest, at: usize) -> bool {
    key.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1)
}

/// Counts the leading bits that two keys share.
fn common_bits(one: &Digest, two: &Digest) -> usize {
    let whole = one.iter().zip(two).take_while(|(a, b)| a == b).count();
    let rest = one.iter().zip(two).nth(whole).map_or(0, |(a, b)| (a ^ b).leading_zeros());
    whole * 8 + rest as usize
}

/// Proves what `key` maps to in the map whose pages `read` yields, or that it maps to nothing.
///
/// # Errors
///
/// What `read` fails with, and when a page is missing, misplaced or stale: the store is damaged.
pub fn prove<H: MapHash, E: From<Error>>(
    read: &mut impl FnMut(&Path) -> Result<Option<Page>, E>,
    key: &Digest,
) -> Result<Proof, E> {
    let mut siblings = Vec::new();
    let mut slot = root_slot::<H, E>(read)?;
    let mut way = Some(Path::ROOT);
    while let (Slot::Child(digest), Some(path)) = (slot, way) {
        let page = load::<H, E>(read, path, &digest)?;
        let nibble = path.slot_of(key);
        slot = descend::<H>(&page, nibble, &mut siblings);
        way = path.child(nibble);
    }
    siblings.reverse();
    let terminal = match slot {
        Slot::Entry { key: found, .. } if found == *key => Terminal::Entry,
        Slot::Entry { key, value } => Terminal::Other { key, value },
        Slot::Empty | Slot::Child(_) => Terminal::Empty,
    };
    Ok(Proof { siblings, terminal })
}

/// Goes down inside a page, collecting siblings, to where fewer than two entries are left, or to
/// the slot; yields what is there.
fn descend<H: MapHash>(page: &Page, nibble: usize, siblings: &mut Vec<Digest>) -> Slot {
    let mut place = Place::ROOT;
    for _level in 0..4 {
        if let Some(end) = page.lone(place) {
            return end;
        }
        place = place.towards(nibble);
        siblings.push(page.digest::<H>(place.sibling()));
    }
    page.slot(nibble)
}
