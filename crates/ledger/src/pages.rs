//! Pages of the state tree that are newer than those in the store.
//!
//! Every block changes the pages near the root, and most of what it changes is changed again by the
//! next. So pages stay in memory for some blocks and are written together; what the blocks since
//! then have touched is in the store, and after a crash their pages are made again from it.

use std::collections::{BTreeMap, BTreeSet};

use merkle::Digest;
use merkle::map::{self, Page, Path};
use statement::{
    Height, HistoryRecord, Leaf, LogIndex, StateHash, Tag, history_key, state_value_digest,
};

use crate::execute::Candidate;
use crate::moment::Moment;
use crate::read::lost;
use crate::rows::{History, Tip, wide};
use crate::{Error, keys};

/// After how many blocks the pages are written even if they are few: opening reads what each block
/// since then has touched.
const MAX_UNWRITTEN_BLOCKS: u64 = 1_000;

/// After how many leaves they are: opening reads those too, for their tags.
const MAX_UNWRITTEN_LEAVES: u64 = 200_000;

/// The pages that differ from the store's, as of one block.
#[derive(Debug, Default)]
pub(crate) struct Newer {
    /// The hash of the block as of which they stand.
    pub(crate) tip: Digest,
    /// The last block whose pages are all in the store.
    pub(crate) written: Height,
    /// How many leaves the blocks since then hold.
    pub(crate) leaves: u64,
    /// What stands where in place of the store's; `None` where nothing stands any more.
    pub(crate) pages: BTreeMap<Path, Option<Page>>,
    /// Those that were written last, as the store has them: most will be read again soon.
    pub(crate) kept: BTreeMap<Path, Option<Page>>,
}

impl Newer {
    /// Whether all pages are to be written with `next`, where `most` may stay unwritten.
    pub(crate) fn is_full_with(&self, next: &Candidate, most: usize) -> bool {
        let pages = self.pages.len().saturating_add(next.outcome.pages.len());
        let blocks = next.header.height.0.saturating_sub(self.written.0);
        let leaves = self.leaves.saturating_add(next.leaves());
        pages > most || blocks >= MAX_UNWRITTEN_BLOCKS || leaves >= MAX_UNWRITTEN_LEAVES
    }

    /// Takes in what a block has changed, which is not written.
    pub(crate) fn keep(&mut self, next: &mut Candidate) {
        self.tip = next.hash;
        self.leaves = self.leaves.saturating_add(next.leaves());
        self.pages.extend(std::mem::take(&mut next.outcome.pages));
    }

    /// Takes note that all of it was written, with what the block `next` has changed.
    pub(crate) fn forget(&mut self, next: &mut Candidate) {
        self.keep(next);
        let kept = std::mem::take(&mut self.pages);
        *self = Self { tip: next.hash, written: next.header.height, kept, ..Self::default() };
    }

    /// The page at `path` as far as it is in memory; `Some(None)` where none stands.
    pub(crate) fn page(&self, path: &Path) -> Option<&Option<Page>> {
        self.pages.get(path).or_else(|| self.kept.get(path))
    }

    /// Makes the pages again that were only in memory when the process ended.
    pub(crate) fn recover(moment: &Moment<'_>, tip: &Tip) -> Result<Self, Error> {
        let written = moment.pages_written()?;
        let (changes, leaves) = changes_since(moment, written, tip)?;
        let mut read = |path: &Path| moment.page(path);
        let update = map::update::<StateHash, Error>(&mut read, &changes)?;
        if update.root != tip.state_root {
            return Err(Error::Damaged {
                what: "the state tree has another root than the tip's block".to_owned(),
                place: format!("pages of block {written}, changes up to block {}", tip.height),
            });
        }
        let (pages, kept) = (update.pages, BTreeMap::new());
        Ok(Self { tip: tip.hash, written, leaves, pages, kept })
    }
}

/// The entry of a tag's history in the state tree.
pub(crate) fn history_entry(tag: &Tag, history: &History) -> (Digest, Option<Digest>) {
    let record = HistoryRecord { count: history.size(), root: history.root() };
    (history_key(tag), Some(state_value_digest(&record.encode())))
}

/// The entry of a key in the state tree.
pub(crate) fn state_entry(key: &[u8], value: Option<&[u8]>) -> (Digest, Option<Digest>) {
    (keys::state_digest(key), value.map(state_value_digest))
}

/// Everything in the state tree that the blocks above `written` touched, as it stands now, and how
/// many leaves those blocks hold.
fn changes_since(
    moment: &Moment<'_>,
    written: Height,
    tip: &Tip,
) -> Result<(BTreeMap<Digest, Option<Digest>>, u64), Error> {
    let mut changes = BTreeMap::new();
    let (mut tags, mut leaves) = (BTreeSet::new(), 0_u64);
    for height in (written.0.saturating_add(1)..=tip.height.0).map(Height) {
        for key in moment.touched(height)? {
            let value = moment.state_value(&key)?;
            changes.extend([state_entry(&key, value.as_deref())]);
        }
        let block = moment.block(height)?.ok_or_else(|| lost(height))?;
        let end = block.first.0.saturating_add(block.count);
        for index in (block.first.0..end).map(LogIndex) {
            let more = add_tags(moment, index, &mut tags)?;
            leaves = leaves.saturating_add(more);
        }
    }
    let tags: Vec<Tag> = tags.into_iter().collect();
    for (tag, history) in tags.iter().zip(moment.histories(&tags)?) {
        let history = history.ok_or_else(|| Error::Damaged {
            what: format!("the history of tag {tag} is missing"),
            place: "histories".to_owned(),
        })?;
        changes.extend([history_entry(tag, &history)]);
    }
    Ok((changes, leaves))
}

/// Adds the tags that an entry's leaves bear; gives how many leaves it has.
fn add_tags(moment: &Moment<'_>, index: LogIndex, tags: &mut BTreeSet<Tag>) -> Result<u64, Error> {
    let leaves = moment.leaves(index)?;
    for leaf in &leaves {
        let leaf = Leaf::decode(leaf).map_err(|error| Error::Damaged {
            what: error.to_string(),
            place: format!("leaves of entry {index}"),
        })?;
        tags.extend(leaf.tags.into_iter().map(|(tag, _)| tag));
    }
    Ok(wide(leaves.len()))
}
