//! From an item's own events to its journey: also what befell the containers while it lay in them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use gs1::Item;
use statement::{Position, Tag};

use crate::proof::{Doubt, Known};
use crate::record::Record;
use crate::{Archive, Completeness, Error, Gap, Step, Trace, View};

/// How deep containers in containers are followed: parcel, carton, pallet, unit load, hold, vessel,
/// and some to spare.
const MAX_DEPTH: usize = 8;

/// How many containers one trace follows.
const MAX_CONTAINERS: usize = 256;

/// How many bundles are fetched at once.
const BUNDLES_AT_ONCE: usize = 8;

/// When a leaf happened: by the event's own word, then by its place in the log.
type Moment = (i64, Position);

/// The time between two moments; the events that open and close it lie outside.
#[derive(Clone, Copy, Debug)]
struct Span {
    after: Option<Moment>,
    before: Option<Moment>,
}

/// A stay in a container.
#[derive(Debug)]
struct Stay {
    container: String,
    span: Span,
}

/// Gathers the steps of one trace.
struct Gathering<'a> {
    view: &'a View,
    archive: &'a dyn Archive,
    known: BTreeMap<String, Known>,
    taken: BTreeSet<Position>,
    steps: Vec<(Moment, Step)>,
    doubt: Option<(String, Doubt)>,
}

impl View {
    /// Traces an item, and proves that the trace is complete where the ledger can.
    ///
    /// The item's own steps come with those of each container between loading and unloading.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] when the index cannot be read. What the ledger fails to prove is no error:
    /// the answer says so.
    pub async fn trace(&self, item: &Item, archive: &dyn Archive) -> Result<Trace, Error> {
        let item = item.canonical().to_owned();
        let mut gathering = Gathering {
            view: self,
            archive,
            known: BTreeMap::new(),
            taken: BTreeSet::new(),
            steps: Vec::new(),
            doubt: None,
        };
        let always = Span { after: None, before: None };
        let mut open = vec![(Stay { container: item.clone(), span: always }, 0)];
        while let Some((stay, depth)) = open.pop() {
            let inner = gathering.follow(&stay, depth).await?;
            open.extend(inner.into_iter().map(|stay| (stay, depth + 1)));
        }
        let Gathering { known, mut steps, doubt, .. } = gathering;
        steps.sort_by_key(|(moment, _)| *moment);
        let own = known.get(&item);
        Ok(Trace {
            count: own.map_or(0, |known| u64::try_from(known.leaves.len()).unwrap_or(u64::MAX)),
            checkpoint: own.and_then(|known| known.proof.clone().ok()),
            steps: steps.into_iter().map(|(_, step)| step).collect(),
            completeness: doubt.map_or(Completeness::Complete, |(item, doubt)| {
                Completeness::Incomplete { item, gap: doubt.gap, detail: doubt.detail }
            }),
            item,
        })
    }

    /// Fetches the bundle of every step, verified, into the steps.
    ///
    /// # Errors
    ///
    /// As [`View::bundle`]. A closed step may have none: then it stays `None`.
    pub async fn attach_bundles(
        &self,
        trace: &mut Trace,
        archive: &dyn Archive,
    ) -> Result<(), Error> {
        let fetch = trace.steps.iter().map(|step| {
            let (commitment, closed) = (step.commitment, step.event.is_none());
            async move {
                match self.bundle(&commitment, archive).await {
                    Err(Error::NotFound { .. }) if closed => Ok(None),
                    other => other.map(Some),
                }
            }
        });
        let bundles: Vec<Option<Bytes>> =
            stream::iter(fetch).buffered(BUNDLES_AT_ONCE).try_collect().await?;
        for (step, bundle) in trace.steps.iter_mut().zip(bundles) {
            step.bundle = bundle;
        }
        Ok(())
    }
}

impl Gathering<'_> {
    /// Takes the steps of what `stay` names within its span, and returns the stays in other
    /// containers that these steps open.
    async fn follow(&mut self, stay: &Stay, depth: usize) -> Result<Vec<Stay>, Error> {
        self.learn(&stay.container).await?;
        let Some(known) = self.known.get(&stay.container) else { return Ok(Vec::new()) };
        let mut closed = None;
        for (position, record) in &known.leaves {
            let moment = moment(*position, record);
            if stay.span.holds(moment) && self.taken.insert(*position) {
                let via = (depth > 0).then(|| stay.container.clone());
                self.steps.push((moment, step(*position, record, via)));
            }
            if record.told.is_none() && stay.span.holds(moment) {
                closed = Some(format!("the event at log index {} is closed", position.index));
            }
        }
        let stays = stays(&stay.container, known);
        if let Some(detail) = closed {
            self.doubt(&stay.container, Doubt::new(Gap::StepClosed, detail));
        }
        let mut inner = Vec::new();
        for mut next in stays {
            if depth + 1 > MAX_DEPTH {
                self.doubt(&stay.container, Doubt::new(Gap::TooDeep, "containers in containers"));
                break;
            }
            self.learn(&next.container).await?;
            self.close(&mut next);
            if let Some(span) = next.span.within(stay.span) {
                inner.push(Stay { span, ..next });
            }
        }
        Ok(inner)
    }

    /// Ends a stay at the first unloading of the whole container, which does not name what was in it.
    fn close(&self, stay: &mut Stay) {
        let Some(known) = self.known.get(&stay.container) else { return };
        let emptied = known
            .leaves
            .iter()
            .filter(|(_, record)| {
                let bond = record.told.as_ref().and_then(|told| told.bond.as_ref());
                bond.is_some_and(|bond| bond.all && bond.container == stay.container)
            })
            .map(|(position, record)| moment(*position, record))
            .filter(|moment| stay.span.holds(*moment))
            .min();
        stay.span.before = emptied.or(stay.span.before);
    }

    /// Reads and proves the history of an item, once.
    async fn learn(&mut self, item: &str) -> Result<(), Error> {
        if self.known.contains_key(item) {
            return Ok(());
        }
        if self.known.len() > MAX_CONTAINERS {
            self.doubt(item, Doubt::new(Gap::TooDeep, "more containers than a trace follows"));
            return Ok(());
        }
        let known = self.view.known(Tag::open(item), self.archive).await?;
        if let Err(doubt) = &known.proof {
            self.doubt(item, doubt.clone());
        }
        self.known.insert(item.to_owned(), known);
        Ok(())
    }

    /// Keeps the first doubt: the rest follows from it more often than not.
    fn doubt(&mut self, item: &str, doubt: Doubt) {
        self.doubt.get_or_insert_with(|| (item.to_owned(), doubt));
    }
}

impl Span {
    fn holds(&self, moment: Moment) -> bool {
        self.after.is_none_or(|after| after < moment)
            && self.before.is_none_or(|before| moment < before)
    }

    /// What two spans share, if anything.
    fn within(self, outer: Self) -> Option<Self> {
        let after = self.after.max(outer.after);
        let before = match (self.before, outer.before) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let empty = after.zip(before).is_some_and(|(after, before)| after >= before);
        (!empty).then_some(Self { after, before })
    }
}

/// The stays in containers that the events of `item` tell of, in the order of loading.
fn stays(item: &str, known: &Known) -> Vec<Stay> {
    let mut bonds: Vec<_> = known
        .leaves
        .iter()
        .filter_map(|(position, record)| {
            let bond = record.told.as_ref()?.bond.as_ref()?;
            (bond.container != item).then_some((moment(*position, record), bond))
        })
        .collect();
    bonds.sort_by_key(|(moment, _)| *moment);
    let mut stays: Vec<Stay> = Vec::new();
    for (moment, bond) in bonds {
        let open = stays
            .iter_mut()
            .find(|stay| stay.container == bond.container && stay.span.before.is_none());
        match open {
            Some(stay) if !bond.loads => stay.span.before = Some(moment),
            // Loaded once more without an unloading between: the stay goes on.
            Some(_) => {}
            None if bond.loads => {
                let span = Span { after: Some(moment), before: None };
                stays.push(Stay { container: bond.container.clone(), span });
            }
            // Unloaded from where it was never loaded: since when it lay there nobody logged, and the
            // container's whole past is not the item's.
            None => {}
        }
    }
    stays
}

fn moment(position: Position, record: &Record) -> Moment {
    (record.told.as_ref().map_or(record.block_time_ms, |told| told.event_time_ms), position)
}

fn step(position: Position, record: &Record, via: Option<String>) -> Step {
    Step {
        event: record.told.as_ref().map(|told| told.json.clone()),
        event_time_ms: record.told.as_ref().map(|told| told.event_time_ms),
        block_time_ms: record.block_time_ms,
        issuer: record.issuer.clone(),
        commitment: record.commitment,
        index: position.index,
        leaf: position.leaf,
        height: record.height,
        via,
        alert: record.alert,
        bundle: None,
    }
}

#[cfg(test)]
mod tests;
