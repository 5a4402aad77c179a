//! One item's history in the order in which it happened, and the time it spent in containers.

use std::collections::BTreeMap;

use statement::{Checkpoint, Height, Position};

use crate::proof::Doubt;
use crate::record::Bond;
use crate::seen::{Lived, Seen, Thing};
use crate::{Alert, StepState};

/// How far ahead of its block's time a loading may be dated: clocks differ.
const TOLERANCE_MS: i64 = 10 * 60 * 1_000;

/// When a leaf happened: by the event's own word, then by its place in the log.
pub(crate) type Moment = (i64, Position);

/// The time between two moments; the events that open and close it lie outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) after: Option<Moment>,
    pub(crate) before: Option<Moment>,
}

/// A stay in a container.
#[derive(Clone, Debug)]
pub(crate) struct Stay {
    /// The container, and the secrets whose tags stand in the leaf of the loading.
    pub(crate) container: Thing,
    pub(crate) span: Span,
    /// Whether it was loaded under a secret of the container that this reader does not hold.
    pub(crate) closed: bool,
    /// When the latest of the item's secrets was announced under which it was loaded; `None` for
    /// what is followed by its open tag alone.
    pub(crate) under: Option<Height>,
}

/// What is known of one item.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) proof: Result<Checkpoint, Doubt>,
    /// By moment. A closed leaf stands at the time of its block, for its own nobody can read.
    pub(crate) leaves: Vec<(Moment, Seen)>,
    /// The last leaf of which nobody here can tell whether it loads or unloads.
    last_closed: Option<Moment>,
    /// The last in the log of those whose own time nobody here can tell either.
    last_timeless: Option<Position>,
    /// Whether it is followed under a secret: then what is open, or lacks its tag, moves nothing.
    pub(crate) keyed: bool,
    /// When all that was in it was unloaded, in that order.
    emptied: Vec<Moment>,
    /// Its own stays in containers, in the order of loading.
    stays: Vec<Stay>,
    /// What of it is followed already: spans without common moments.
    covered: Vec<Span>,
}

impl Span {
    pub(crate) const ALWAYS: Self = Self { after: None, before: None };

    /// Whether a moment comes after the span has begun.
    pub(crate) fn follows(self, moment: Moment) -> bool {
        self.after.is_none_or(|after| after < moment)
    }

    /// What two spans share, if anything.
    pub(crate) fn within(self, outer: Self) -> Option<Self> {
        let after = self.after.max(outer.after);
        let before = match (self.before, outer.before) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let empty = after.zip(before).is_some_and(|(after, before)| after >= before);
        (!empty).then_some(Self { after, before })
    }

    /// The span from the first begin to the last end.
    fn hull(self, other: Self) -> Self {
        let before = self.before.zip(other.before).map(|(a, b)| a.max(b));
        Self { after: self.after.min(other.after), before }
    }
}

impl Life {
    /// Puts what is known of a thing in order.
    pub(crate) fn of(thing: &Thing, lived: Lived) -> Self {
        let (item, keyed) = (&thing.item[..], !thing.keys.is_empty());
        let by_moment = |mut seen: Seen| {
            let time_ms = weigh(&mut seen, keyed);
            ((time_ms, seen.position), seen)
        };
        let mut leaves: Vec<(Moment, Seen)> = lived.leaves.into_iter().map(by_moment).collect();
        leaves.sort_unstable_by_key(|(moment, _)| *moment);
        let closed = leaves.iter().filter(|(_, seen)| seen.hides);
        let timeless = closed.clone().filter(|(_, seen)| seen.event_time_ms.is_none());
        let emptied = bonds(&leaves).filter(|(_, bond, _)| bond.all && bond.container == item);
        Self {
            last_closed: closed.map(|(moment, _)| *moment).max(),
            last_timeless: timeless.map(|(_, seen)| seen.position).max(),
            keyed,
            emptied: emptied.map(|(moment, ..)| moment).collect(),
            stays: stays(item, &leaves),
            covered: Vec::new(),
            proof: lived.proof,
            leaves,
        }
    }

    /// The leaves within a span.
    pub(crate) fn during(&self, span: Span) -> &[(Moment, Seen)] {
        let from = span.after.map_or(0, |after| self.leaves.partition_point(|(m, _)| *m <= after));
        let to = span.before.map_or(self.leaves.len(), |before| {
            self.leaves.partition_point(|(moment, _)| *moment < before)
        });
        self.leaves.get(from..to).unwrap_or_default()
    }

    /// The stays in other containers that a span touches.
    pub(crate) fn stays_within(&self, span: Span) -> impl Iterator<Item = &Stay> {
        self.stays.iter().filter(move |stay| stay.span.within(span).is_some())
    }

    /// When all that was in it was first unloaded within a span, which names nothing of it.
    pub(crate) fn emptied_within(&self, span: Span) -> Option<Moment> {
        let next = self.emptied.partition_point(|moment| !span.follows(*moment));
        let first = self.emptied.get(next).copied()?;
        span.before.is_none_or(|before| first < before).then_some(first)
    }

    /// A closed leaf that may lie within a span: its block came after the time that the event claims
    /// which opens the span, or it was recorded after that event, whatever that claims.
    pub(crate) fn closed_after(&self, span: Span) -> Option<Position> {
        let recorded_after = |at: &Position| span.after.is_none_or(|(_, after)| after < *at);
        let closed = self.last_closed.filter(|closed| span.follows(*closed));
        closed.map(|(_, at)| at).or_else(|| self.last_timeless.filter(recorded_after))
    }

    /// Whether all of a span is followed already.
    pub(crate) fn covers(&self, span: Span) -> bool {
        self.covered.iter().any(|covered| span.within(*covered) == Some(span))
    }

    /// Notes that a span is followed.
    pub(crate) fn cover(&mut self, span: Span) {
        let mut hull = span;
        // Each that is joined may bring the next within reach.
        while let Some(at) = self.covered.iter().position(|one| one.within(hull).is_some()) {
            hull = hull.hull(self.covered.swap_remove(at));
        }
        self.covered.push(hull);
    }
}

/// When a leaf counts as having happened, and what of it counts at all.
fn weigh(seen: &mut Seen, keyed: bool) -> i64 {
    // What is followed under secrets, no leaf moves that stands under none of them.
    let counts = !keyed || seen.under.is_some();
    seen.hides &= counts;
    if !counts && seen.bond.take().is_some() && seen.state == StepState::Open {
        seen.alert.get_or_insert(Alert::OpenBond);
    }
    let Some(time_ms) = seen.event_time_ms else { return seen.block_time_ms };
    if seen.bond.is_some() && time_ms > seen.block_time_ms.saturating_add(TOLERANCE_MS) {
        seen.alert.get_or_insert(Alert::TimeAhead);
        return seen.block_time_ms;
    }
    time_ms
}

/// The loadings and unloadings among leaves.
fn bonds(leaves: &[(Moment, Seen)]) -> impl Iterator<Item = (Moment, &Bond, &Seen)> {
    leaves.iter().filter_map(|(moment, seen)| Some((*moment, seen.bond.as_ref()?, seen)))
}

/// The stays in containers that the events of `item` tell of, in the order of loading.
fn stays(item: &str, leaves: &[(Moment, Seen)]) -> Vec<Stay> {
    let mut stays: Vec<Stay> = Vec::new();
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for (moment, bond, seen) in bonds(leaves).filter(|(_, bond, _)| bond.container != item) {
        if bond.loads {
            // Loaded once more without an unloading between: the stay goes on.
            let at = *open.entry(&bond.container).or_insert_with(|| {
                let container = Thing::new(bond.container.clone(), Vec::new());
                let span = Span { after: Some(moment), before: None };
                stays.push(Stay { container, span, closed: false, under: None });
                stays.len() - 1
            });
            let Some(stay) = stays.get_mut(at) else { continue };
            stay.under = stay.under.max(seen.under);
            if let Some(keys) = &seen.keys {
                stay.closed |= keys.is_empty();
                let all = [&stay.container.keys[..], keys].concat();
                stay.container = Thing::new(bond.container.clone(), all);
            }
        } else if let Some(at) = open.get(bond.container.as_str())
            && let Some(stay) = stays.get_mut(*at)
            // Who holds none but an earlier secret of the item no longer speaks for it.
            && seen.under >= stay.under
        {
            stay.span.before = Some(moment);
            open.remove(bond.container.as_str());
        }
        // Unloaded from where it was never loaded: since when it lay there nobody logged, and the
        // container's whole past is not the item's.
    }
    stays
}

#[cfg(test)]
mod tests {
    use statement::{LeafIndex, LogIndex};

    use super::*;

    fn at(time_ms: i64) -> Moment {
        (time_ms, Position { index: LogIndex(1), leaf: LeafIndex(0) })
    }

    fn span(after: i64, before: i64) -> Span {
        Span { after: Some(at(after)), before: Some(at(before)) }
    }

    #[test]
    fn what_is_covered_grows_together() {
        let proof = Err(Doubt::new(crate::Gap::NoProof, ""));
        let lived = Lived { leaves: Vec::new(), proof, alerts: std::collections::BTreeSet::new() };
        let mut life = Life::of(&Thing::new("urn:x:pallet".into(), Vec::new()), lived);
        assert!(!life.covers(span(1, 3)));
        life.cover(span(1, 3));
        life.cover(span(5, 7));
        assert!(life.covers(span(1, 2)) && life.covers(span(5, 7)));
        assert!(!life.covers(span(2, 6)), "there is a hole in it");
        life.cover(span(2, 6));
        assert!(life.covers(span(1, 7)));
        assert!(!life.covers(Span { after: Some(at(2)), before: None }));
        life.cover(Span::ALWAYS);
        assert_eq!(life.covered, [Span::ALWAYS]);
    }
}
