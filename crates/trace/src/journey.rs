//! From an item's own events to its journey: also what befell the containers while it lay in them.

use std::collections::{BTreeSet, HashMap, VecDeque};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use gs1::Item;
use statement::{Position, Tag};

use crate::life::{Life, Moment, Span, Stay};
use crate::proof::Doubt;
use crate::record::Record;
use crate::{Archive, Completeness, Error, Gap, Step, Trace, View};

/// How deep containers in containers are followed: parcel, carton, pallet, unit load, hold, vessel,
/// and some to spare.
const MAX_DEPTH: usize = 8;

/// How many containers one trace follows.
const MAX_CONTAINERS: usize = 256;

/// How many stays one trace follows, in all containers together.
const MAX_STAYS: usize = 4_096;

/// How many steps one trace shows.
const MAX_STEPS: usize = 100_000;

/// How many bundles are fetched at once.
const BUNDLES_AT_ONCE: usize = 8;

/// Gathers the steps of one trace.
struct Gathering<'a> {
    view: &'a View,
    archive: &'a dyn Archive,
    lives: HashMap<String, Life>,
    /// The stays to follow, nearest first: each is followed at its least depth.
    open: VecDeque<(Stay, usize)>,
    /// How many stays were ever put there.
    stays: usize,
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
            lives: HashMap::new(),
            open: VecDeque::new(),
            stays: 0,
            taken: BTreeSet::new(),
            steps: Vec::new(),
            doubt: None,
        };
        gathering.enter(Stay { container: item.clone(), span: Span::ALWAYS }, 0).await?;
        while let Some((stay, depth)) = gathering.open.pop_front() {
            gathering.follow(&stay, depth).await?;
            // What others put on the record decides how long this takes: let other tasks in.
            tokio::task::yield_now().await;
        }
        let Gathering { lives, mut steps, doubt, .. } = gathering;
        steps.sort_by_key(|(moment, _)| *moment);
        let own = lives.get(&item);
        Ok(Trace {
            count: own.map_or(0, |life| u64::try_from(life.leaves.len()).unwrap_or(u64::MAX)),
            checkpoint: own.and_then(|life| life.proof.clone().ok()),
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
    /// Puts a stay down to be followed, unless a stay that covers it was put down before.
    ///
    /// So containers that contain each other come to an end: on the way around, the time in common
    /// only shrinks.
    async fn enter(&mut self, stay: Stay, depth: usize) -> Result<(), Error> {
        self.learn(&stay.container).await?;
        let Some(life) = self.lives.get_mut(&stay.container) else { return Ok(()) };
        if life.covers(stay.span) {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            self.doubt(&stay.container, Doubt::new(Gap::TooDeep, "containers in containers"));
        } else if self.stays >= MAX_STAYS {
            self.doubt(&stay.container, Doubt::new(Gap::TooWide, "more stays than are followed"));
        } else {
            life.cover(stay.span);
            self.stays += 1;
            self.open.push_back((stay, depth));
        }
        Ok(())
    }

    /// Takes the steps of what `stay` names within its span, and enters the stays in other
    /// containers that these steps open.
    async fn follow(&mut self, stay: &Stay, depth: usize) -> Result<(), Error> {
        let Some(life) = self.lives.get(&stay.container) else { return Ok(()) };
        let mut doubt = None;
        for (moment, record) in life.during(stay.span) {
            if self.steps.len() >= MAX_STEPS {
                doubt = Some(Doubt::new(Gap::TooWide, "more steps than a trace shows"));
                break;
            }
            if self.taken.insert(moment.1) {
                let via = (depth > 0).then(|| stay.container.clone());
                self.steps.push((*moment, step(moment.1, record, via)));
            }
        }
        // When it happened nobody can read; if within the stay, it was recorded after the loading,
        // and perhaps long after the unloading.
        if let Some((_, position)) = life.last_closed.filter(|closed| stay.span.follows(*closed)) {
            let detail = format!("the event at log index {} is closed", position.index);
            doubt = Some(Doubt::new(Gap::StepClosed, detail));
        }
        let inner: Vec<Stay> = life.stays_within(stay.span).cloned().collect();
        if let Some(doubt) = doubt {
            self.doubt(&stay.container, doubt);
        }
        for mut next in inner {
            self.learn(&next.container).await?;
            if let Some(container) = self.lives.get(&next.container) {
                next.span.before = container.emptied_within(next.span).or(next.span.before);
            }
            if let Some(span) = next.span.within(stay.span) {
                self.enter(Stay { span, ..next }, depth + 1).await?;
            }
        }
        Ok(())
    }

    /// Reads and proves the history of an item, once.
    async fn learn(&mut self, item: &str) -> Result<(), Error> {
        if self.lives.contains_key(item) {
            return Ok(());
        }
        if self.lives.len() > MAX_CONTAINERS {
            self.doubt(item, Doubt::new(Gap::TooWide, "more containers than a trace follows"));
            return Ok(());
        }
        let known = self.view.known(Tag::open(item), self.archive).await?;
        if let Err(doubt) = &known.proof {
            self.doubt(item, doubt.clone());
        }
        self.lives.insert(item.to_owned(), Life::of(item, known));
        Ok(())
    }

    /// Keeps the first doubt: the rest follows from it more often than not.
    fn doubt(&mut self, item: &str, doubt: Doubt) {
        self.doubt.get_or_insert_with(|| (item.to_owned(), doubt));
    }
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
