//! From an item's own events to its journey: also what befell the containers while it lay in them.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use gs1::Item;
use statement::Position;

use crate::life::{Life, Moment, Span, Stay};
use crate::proof::Doubt;
use crate::seen::{Seen, Thing};
use crate::{Archive, Book, Completeness, Error, Gap, Step, Trace, TraceAlert, View};

/// How deep containers in containers are followed: parcel, carton, pallet, unit load, hold, vessel,
/// and some to spare.
const MAX_DEPTH: usize = 8;

/// How many containers one trace follows.
const MAX_CONTAINERS: usize = 256;

/// How many stays one trace follows, in all containers together.
const MAX_STAYS: usize = 4_096;

/// How many steps one trace shows.
const MAX_STEPS: usize = 100_000;

/// Gathers the steps of one trace.
struct Gathering<'a> {
    view: &'a View,
    /// What the reader has opened, and its secrets; none for a stranger.
    book: Option<&'a Book>,
    archive: &'a dyn Archive,
    lives: HashMap<Thing, Life>,
    /// The stays to follow, nearest first: each is followed at its least depth.
    open: VecDeque<(Stay, usize)>,
    /// How many stays were ever put there.
    stays: usize,
    taken: BTreeSet<Position>,
    steps: Vec<(Moment, Step)>,
    alerts: BTreeSet<TraceAlert>,
    doubt: Option<(String, Doubt)>,
}

impl View {
    /// Traces an item as a stranger sees it, and proves that the trace is complete where the ledger
    /// can.
    ///
    /// The item's own steps come with those of each container between loading and unloading. Only
    /// the item's open history is asked for: events under keyed tags are for those who hold the
    /// secret.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] when the index cannot be read. What the ledger fails to prove is no error:
    /// the answer says so.
    pub async fn trace(&self, item: &Item, archive: &dyn Archive) -> Result<Trace, Error> {
        self.gather(Thing::new(item.canonical().to_owned(), Vec::new()), None, archive).await
    }

    /// Traces an item as the owner of a book sees it: its open history, and one under each of its
    /// secrets that the book holds.
    ///
    /// What the member has opened shows; the rest stays closed. A container is followed under the
    /// secrets whose tags stand in the leaf of the loading, and no other.
    ///
    /// # Errors
    ///
    /// As [`View::trace`], and [`Error::Book`] when the book cannot be read.
    pub async fn trace_as(
        &self,
        book: &Book,
        item: &Item,
        archive: &dyn Archive,
    ) -> Result<Trace, Error> {
        let (owned, item) = (book.clone(), item.canonical().to_owned());
        let thing = self.on_index(move |inner| inner.thing(item, &owned)).await?;
        self.gather(thing, Some(book), archive).await
    }

    async fn gather(
        &self,
        thing: Thing,
        book: Option<&Book>,
        archive: &dyn Archive,
    ) -> Result<Trace, Error> {
        let mut gathering = Gathering {
            view: self,
            book,
            archive,
            lives: HashMap::new(),
            open: VecDeque::new(),
            stays: 0,
            taken: BTreeSet::new(),
            steps: Vec::new(),
            alerts: BTreeSet::new(),
            doubt: None,
        };
        let (container, span) = (thing.clone(), Span::ALWAYS);
        let always = Stay { container, span, closed: false, under: None };
        gathering.enter(always, 0).await?;
        while let Some((stay, depth)) = gathering.open.pop_front() {
            gathering.follow(&stay, depth).await?;
            // What others put on the record decides how long this takes: let other tasks in.
            tokio::task::yield_now().await;
        }
        gathering.add_findings().await?;
        let Gathering { lives, mut steps, doubt, alerts, .. } = gathering;
        steps.sort_by_key(|(moment, _)| *moment);
        let own = lives.get(&thing);
        Ok(Trace {
            count: own.map_or(0, |life| u64::try_from(life.leaves.len()).unwrap_or(u64::MAX)),
            checkpoint: own.and_then(|life| life.proof.clone().ok()),
            steps: steps.into_iter().map(|(_, step)| step).collect(),
            completeness: doubt.map_or(Completeness::Complete, |(item, doubt)| {
                Completeness::Incomplete { item, gap: doubt.gap, detail: doubt.detail }
            }),
            alerts: alerts.into_iter().collect(),
            item: thing.item,
        })
    }
}

impl Gathering<'_> {
    /// Puts a stay down to be followed, unless a stay that covers it was put down before.
    ///
    /// So containers that contain each other come to an end: on the way around, the time in common
    /// only shrinks.
    async fn enter(&mut self, stay: Stay, depth: usize) -> Result<(), Error> {
        self.learn(&stay.container, depth).await?;
        let Some(life) = self.lives.get_mut(&stay.container) else { return Ok(()) };
        if life.covers(stay.span) {
            return Ok(());
        }
        let item = &stay.container.item;
        if depth > MAX_DEPTH {
            self.doubt(item, Doubt::new(Gap::TooDeep, "containers in containers"));
        } else if self.stays >= MAX_STAYS {
            self.doubt(item, Doubt::new(Gap::TooWide, "more stays than are followed"));
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
        let item = &stay.container.item;
        let mut doubt = None;
        for (moment, seen) in life.during(stay.span) {
            if self.steps.len() >= MAX_STEPS {
                doubt = Some(Doubt::new(Gap::TooWide, "more steps than a trace shows"));
                break;
            }
            if self.taken.insert(moment.1) {
                let via = (depth > 0).then(|| item.clone());
                self.steps.push((*moment, step(seen, via)));
                self.alerts.extend(seen.alert.map(|reason| TraceAlert {
                    issuer: seen.issuer.clone(),
                    commitment: seen.commitment,
                    reason,
                }));
            }
        }
        // When it happened nobody can read; if within the stay, it was recorded after the loading,
        // and perhaps long after the unloading.
        if let Some(position) = life.closed_after(stay.span) {
            let detail = format!("the event at log index {} is closed", position.index);
            doubt = Some(Doubt::new(Gap::StepClosed, detail));
        }
        let inner: Vec<Stay> = life.stays_within(stay.span).cloned().collect();
        if let Some(doubt) = doubt {
            self.doubt(item, doubt);
        }
        for mut next in inner {
            self.learn(&next.container, depth + 1).await?;
            if let Some(container) = self.lives.get(&next.container)
                // Of a container whose secret is not held, nobody here knows who may empty it.
                && (container.keyed || next.under.is_none())
            {
                next.span.before = container.emptied_within(next.span).or(next.span.before);
            }
            let Some(span) = next.span.within(stay.span) else { continue };
            if next.closed {
                let detail = "this member holds no secret of it that stands in the loading's leaf";
                self.doubt(&next.container.item, Doubt::new(Gap::ContainerClosed, detail));
            }
            self.enter(Stay { span, ..next }, depth + 1).await?;
        }
        Ok(())
    }

    /// Reads and proves the histories of a thing, once.
    async fn learn(&mut self, thing: &Thing, depth: usize) -> Result<(), Error> {
        if self.lives.contains_key(thing) {
            return Ok(());
        }
        if self.lives.len() > MAX_CONTAINERS {
            let doubt = Doubt::new(Gap::TooWide, "more containers than a trace follows");
            self.doubt(&thing.item, doubt);
            return Ok(());
        }
        let mut lived = self.view.lived(thing, self.book, self.archive).await?;
        if let Err(doubt) = &lived.proof {
            self.doubt(&thing.item, doubt.clone());
        }
        if let Some(book) = self.book.filter(|_| depth == 0) {
            let known = lived.leaves.iter().map(|seen| seen.position).collect();
            let (item, book) = (thing.item.clone(), book.clone());
            let found = self.view.on_index(move |inner| {
                Ok((inner.untagged(&item, &known, &book)?, inner.strangers(&item, &book)?))
            });
            let (untagged, strangers) = found.await?;
            lived.leaves.extend(untagged);
            self.alerts.extend(strangers);
        }
        self.alerts.append(&mut lived.alerts);
        self.lives.insert(thing.clone(), Life::of(thing, lived));
        Ok(())
    }

    /// Adds what the reader found off about the events of the trace when it opened them.
    async fn add_findings(&mut self) -> Result<(), Error> {
        let Some(book) = self.book.cloned() else { return Ok(()) };
        let findings = self.view.on_index(move |_| book.alerts()).await?;
        let shown: HashSet<_> = self.steps.iter().map(|(_, step)| step.commitment).collect();
        let of_these = findings.into_iter().filter(|finding| shown.contains(&finding.commitment));
        self.alerts.extend(of_these.map(|finding| TraceAlert {
            issuer: finding.issuer,
            commitment: finding.commitment,
            reason: finding.reason,
        }));
        Ok(())
    }

    /// Keeps the first doubt: the rest follows from it more often than not.
    fn doubt(&mut self, item: &str, doubt: Doubt) {
        self.doubt.get_or_insert_with(|| (item.to_owned(), doubt));
    }
}

fn step(seen: &Seen, via: Option<String>) -> Step {
    Step {
        state: seen.state,
        event: seen.json.clone(),
        sealed_with: seen.sealed_with.clone(),
        event_time_ms: seen.event_time_ms,
        block_time_ms: seen.block_time_ms,
        issuer: seen.issuer.clone(),
        commitment: seen.commitment,
        index: seen.position.index,
        leaf: seen.position.leaf,
        height: seen.height,
        via,
        alert: seen.alert,
        bundle: None,
    }
}

#[cfg(test)]
pub(crate) mod tests;
