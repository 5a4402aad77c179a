//! Change a map in batches.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use super::page::{Place, Slot};
use super::{MapHash, Page, Path};
use crate::{Digest, Error};

/// What a batch of changes does to a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The root after the changes.
    pub root: Digest,
    /// The pages to write (`Some`) and to delete (`None`); no page that stays as it is.
    pub pages: BTreeMap<Path, Option<Page>>,
}

/// Applies `changes` (a value to set, `None` to delete) to the map whose pages `read` yields.
///
/// Setting what is set, or deleting what is not there, is no change. No page is read twice, but
/// for that at the root.
///
/// # Errors
///
/// What `read` fails with, and when a page is missing, misplaced or stale: the store is damaged.
pub fn update<H: MapHash, E: From<Error>>(
    read: &mut impl FnMut(&Path) -> Result<Option<Page>, E>,
    changes: &BTreeMap<Digest, Option<Digest>>,
) -> Result<Update, E> {
    let before = root_slot::<H, E>(read)?;
    let changes: Vec<Change<'_>> = changes.iter().collect();
    let mut pass = Pass { read, pages: BTreeMap::new(), hash: PhantomData::<fn() -> H> };
    let after = pass.change(Some(Path::ROOT), before, &changes)?;
    let mut pages = pass.pages;
    if let Slot::Entry { key, .. } = after
        && after != before
    {
        // There is no slot above the root page to hold the last entry, so the page does.
        let mut page = Page::new();
        page.put(Path::ROOT.slot_of(&key), after);
        pages.insert(Path::ROOT, Some(page));
    } else if after == Slot::Empty && before != Slot::Empty {
        pages.insert(Path::ROOT, None);
    }
    Ok(Update { root: after.digest::<H>(), pages })
}

/// Computes the root of the map whose pages `read` yields.
///
/// # Errors
///
/// What `read` fails with, and when the root page cannot be one.
pub fn root<H: MapHash, E: From<Error>>(
    read: &mut impl FnMut(&Path) -> Result<Option<Page>, E>,
) -> Result<Digest, E> {
    Ok(root_slot::<H, E>(read)?.digest::<H>())
}

/// Yields what would stand in a slot above the root page.
pub(super) fn root_slot<H: MapHash, E: From<Error>>(
    read: &mut impl FnMut(&Path) -> Result<Option<Page>, E>,
) -> Result<Slot, E> {
    let Some(page) = read(&Path::ROOT)? else { return Ok(Slot::Empty) };
    page.check_at(&Path::ROOT)?;
    Ok(page.lone(Place::ROOT).unwrap_or_else(|| Slot::Child(page.digest::<H>(Place::ROOT))))
}

/// Reads the page that its parent, or the root, says has that digest.
pub(super) fn load<H: MapHash, E: From<Error>>(
    read: &mut impl FnMut(&Path) -> Result<Option<Page>, E>,
    path: Path,
    digest: &Digest,
) -> Result<Page, E> {
    let page = read(&path)?.ok_or(Error::PageMissing { path })?;
    page.check_at(&path)?;
    // A page of another time would go unnoticed until members disagree on the root.
    if page.digest::<H>(Place::ROOT) != *digest {
        return Err(Error::PageStale { path }.into());
    }
    Ok(page)
}

/// A key, and its new value or none.
type Change<'a> = (&'a Digest, &'a Option<Digest>);

/// One walk over the pages that a batch touches.
struct Pass<'a, H, R> {
    read: &'a mut R,
    pages: BTreeMap<Path, Option<Page>>,
    hash: PhantomData<fn() -> H>,
}

impl<H: MapHash, R> Pass<'_, H, R> {
    /// Applies `changes`, all of them beneath one slot, to what stands in it; yields what stands
    /// there then. `path` is where the slot's page is or would be, if keys go on that far.
    fn change<E>(
        &mut self,
        path: Option<Path>,
        slot: Slot,
        changes: &[Change<'_>],
    ) -> Result<Slot, E>
    where
        E: From<Error>,
        R: FnMut(&Path) -> Result<Option<Page>, E>,
    {
        let kept = match (slot, path) {
            (Slot::Child(digest), Some(path)) => {
                let page = load::<H, E>(self.read, path, &digest)?;
                return Ok(self.change_page(path, page, changes)?.unwrap_or(slot));
            }
            (Slot::Child(_), None) => {
                let why = "it points to a page below the last nibble";
                return Err(Error::PageMalformed { why }.into());
            }
            (Slot::Entry { key, value }, _) if changes.iter().all(|change| *change.0 != key) => {
                Some((key, value))
            }
            _ => None,
        };
        let mut entries: Vec<_> =
            changes.iter().filter_map(|(key, value)| Some((**key, (**value)?))).collect();
        if let Some(kept) = kept {
            entries.insert(entries.partition_point(|entry| entry.0 < kept.0), kept);
        }
        Ok(self.build(path, &entries))
    }

    /// Applies `changes` to a page; yields what its parent's slot holds then, `None` when nothing
    /// has changed.
    fn change_page<E>(
        &mut self,
        path: Path,
        mut page: Page,
        changes: &[Change<'_>],
    ) -> Result<Option<Slot>, E>
    where
        E: From<Error>,
        R: FnMut(&Path) -> Result<Option<Page>, E>,
    {
        let mut changed = 0;
        for group in changes.chunk_by(|one, two| path.slot_of(one.0) == path.slot_of(two.0)) {
            let Some((key, _)) = group.first() else { continue };
            let nibble = path.slot_of(key);
            let before = page.slot(nibble);
            let after = self.change(path.child(nibble), before, group)?;
            if after != before {
                page.put(nibble, after);
                changed |= 1 << nibble;
            }
        }
        if changed == 0 {
            return Ok(None);
        }
        // Fewer than two entries do not make a page: what is left moves up.
        if let Some(lone) = page.lone(Place::ROOT) {
            self.pages.insert(path, None);
            return Ok(Some(lone));
        }
        Ok(Some(self.keep(path, page, changed)))
    }

    /// Makes the subtree of `entries`, which ascend, where no page has been.
    fn build(&mut self, path: Option<Path>, entries: &[(Digest, Digest)]) -> Slot {
        match (entries, path) {
            ([], _) => Slot::Empty,
            // Below the last nibble two entries would have one key.
            ([(key, value)], _) | ([(key, value), ..], None) => {
                Slot::Entry { key: *key, value: *value }
            }
            (_, Some(path)) => {
                let mut page = Page::new();
                for group in entries.chunk_by(|a, b| path.slot_of(&a.0) == path.slot_of(&b.0)) {
                    let Some((key, _)) = group.first() else { continue };
                    let nibble = path.slot_of(key);
                    let slot = self.build(path.child(nibble), group);
                    page.put(nibble, slot);
                }
                self.keep(path, page, u16::MAX)
            }
        }
    }

    /// Hashes a page anew, takes it among those to write, and yields its parent's slot.
    fn keep(&mut self, path: Path, mut page: Page, changed: u16) -> Slot {
        page.rehash::<H>(changed);
        let digest = page.digest::<H>(Place::ROOT);
        self.pages.insert(path, Some(page));
        Slot::Child(digest)
    }
}
