//! One item's history in the order in which it happened, and the time it spent in containers.

use std::collections::BTreeMap;

use statement::{Checkpoint, Position};

use crate::proof::Doubt;
use crate::record::Bond;
use crate::seen::{Key, Lived, Seen, Thing};

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
}

/// What is known of one item.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) proof: Result<Checkpoint, Doubt>,
    /// By moment. A closed leaf stands at the time of its block, for its own nobody can read.
    pub(crate) leaves: Vec<(Moment, Seen)>,
    /// The last leaf of which nobody here can tell whether it loads or unloads.
    pub(crate) last_closed: Option<Moment>,
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
    /// Puts what is known of `item` in order.
    pub(crate) fn of(item: &str, lived: Lived) -> Self {
        let by_moment = |seen: Seen| {
            let time_ms = seen.event_time_ms.unwrap_or(seen.block_time_ms);
            ((time_ms, seen.position), seen)
        };
        let mut leaves: Vec<(Moment, Seen)> = lived.leaves.into_iter().map(by_moment).collect();
        leaves.sort_unstable_by_key(|(moment, _)| *moment);
        let closed = leaves.iter().rfind(|(_, seen)| seen.hides);
        let emptied = bonds(&leaves).filter(|(_, bond, _)| bond.all && bond.container == item);
        Self {
            last_closed: closed.map(|(moment, _)| *moment),
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

/// The loadings and unloadings among leaves; of a sealed one also the secrets of its container.
fn bonds(leaves: &[(Moment, Seen)]) -> impl Iterator<Item = (Moment, &Bond, Option<&Vec<Key>>)> {
    leaves
        .iter()
        .filter_map(|(moment, seen)| Some((*moment, seen.bond.as_ref()?, seen.keys.as_ref())))
}

/// The stays in containers that the events of `item` tell of, in the order of loading.
fn stays(item: &str, leaves: &[(Moment, Seen)]) -> Vec<Stay> {
    let mut stays: Vec<Stay> = Vec::new();
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for (moment, bond, keys) in bonds(leaves).filter(|(_, bond, _)| bond.container != item) {
        if bond.loads {
            // Loaded once more without an unloading between: the stay goes on.
            let at = *open.entry(&bond.container).or_insert_with(|| {
                let container = Thing::new(bond.container.clone(), Vec::new());
                let span = Span { after: Some(moment), before: None };
                stays.push(Stay { container, span, closed: false });
                stays.len() - 1
            });
            if let Some(keys) = keys
                && let Some(stay) = stays.get_mut(at)
            {
                stay.closed |= keys.is_empty();
                let all = [&stay.container.keys[..], keys].concat();
                stay.container = Thing::new(bond.container.clone(), all);
            }
        } else if let Some(at) = open.remove(bond.container.as_str())
            && let Some(stay) = stays.get_mut(at)
        {
            stay.span.before = Some(moment);
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
        let mut life = Life::of("urn:x:pallet", lived);
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
