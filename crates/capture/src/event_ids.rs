//! Which event first bore an event id.

use std::collections::HashMap;
use std::fmt;

use parking_lot::Mutex;
use statement::Commitment;

/// How many ids a generation of the short memory holds: with two generations, some ten megabytes.
const GENERATION: usize = 65_536;

/// Tells which event first bore an event id, from a durable index of all events seen.
///
/// It is asked on a thread that may block.
pub type FirstBearer = dyn Fn(&str) -> Option<Commitment> + Send + Sync;

/// A short memory of what this process captured, before a durable index that lags behind.
#[derive(Default)]
pub(crate) struct EventIds {
    durable: Option<Box<FirstBearer>>,
    recent: Mutex<Recent>,
}

#[derive(Default)]
struct Recent {
    young: HashMap<String, Commitment>,
    old: HashMap<String, Commitment>,
}

impl fmt::Debug for EventIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recent = self.recent.lock();
        f.debug_struct("EventIds")
            .field("durable", &self.durable.is_some())
            .field("recent", &(recent.young.len() + recent.old.len()))
            .finish()
    }
}

impl EventIds {
    pub(crate) fn with_durable(mut self, first_bearer: Box<FirstBearer>) -> Self {
        self.durable = Some(first_bearer);
        self
    }

    /// Whether the durable index knows another event of that id; may block.
    pub(crate) fn borne_before(&self, event_id: &str, own: &Commitment) -> bool {
        // The same event is no repetition: a request may be sent again.
        self.durable.as_ref().and_then(|first| first(event_id)).is_some_and(|first| first != *own)
    }

    /// Notes that an event is recorded, and tells whether another bore its id a short while ago.
    pub(crate) fn note(&self, event_id: &str, own: Commitment) -> bool {
        let mut recent = self.recent.lock();
        let known = recent.young.get(event_id).or_else(|| recent.old.get(event_id)).copied();
        if let Some(first) = known {
            return first != own;
        }
        if recent.young.len() >= GENERATION {
            recent.old = std::mem::take(&mut recent.young);
        }
        recent.young.insert(event_id.to_owned(), own);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Commitment = Commitment([1; 32]);
    const SECOND: Commitment = Commitment([2; 32]);

    #[test]
    fn the_second_bearer_is_flagged_and_the_first_never_is() {
        let ids = EventIds::default();
        assert!(!ids.note("urn:uuid:a", FIRST));
        assert!(ids.note("urn:uuid:a", SECOND));
        assert!(!ids.note("urn:uuid:a", FIRST), "the same request once more");
        assert!(!ids.note("urn:uuid:b", SECOND));
    }

    #[test]
    fn a_durable_index_is_asked_too() {
        let ids = EventIds::default();
        assert!(!ids.borne_before("urn:uuid:a", &SECOND), "nobody to ask");
        let ids = ids.with_durable(Box::new(|id| (id == "urn:uuid:a").then_some(FIRST)));
        assert!(ids.borne_before("urn:uuid:a", &SECOND));
        assert!(!ids.borne_before("urn:uuid:a", &FIRST));
        assert!(!ids.borne_before("urn:uuid:b", &SECOND));
    }

    #[test]
    fn the_short_memory_is_bounded_and_forgets_the_oldest_first() {
        let ids = EventIds::default();
        for n in 0..3 * GENERATION {
            ids.note(&n.to_string(), FIRST);
        }
        let newest = (3 * GENERATION - 1).to_string();
        assert!(ids.note(&newest, SECOND), "still known");
        assert!(!ids.note("0", SECOND), "forgotten");
        let recent = ids.recent.lock();
        assert!(recent.young.len() + recent.old.len() <= 2 * GENERATION);
    }
}
