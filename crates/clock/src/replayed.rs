//! A clock that tells what it was told.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::{Clock, TimeMs};

/// A clock that stands still until it is set: for tests, and for telling a run again.
#[derive(Debug)]
pub struct Replayed(AtomicI64);

impl Replayed {
    /// Makes a clock that stands at `time`.
    #[must_use]
    pub const fn at(time: TimeMs) -> Self {
        Self(AtomicI64::new(time.0))
    }

    /// Sets the clock, forwards or back.
    pub fn set(&self, time: TimeMs) {
        self.0.store(time.0, Ordering::SeqCst);
    }

    /// Moves the clock by `ms` milliseconds, which may be negative, and reads it.
    pub fn advance_ms(&self, ms: i64) -> TimeMs {
        // `fetch_add` would wrap at the ends of the range.
        let before = self
            .0
            .try_update(Ordering::SeqCst, Ordering::SeqCst, |now| Some(TimeMs(now).plus_ms(ms).0));
        TimeMs(before.unwrap_or_else(|now| now)).plus_ms(ms)
    }
}

impl Clock for Replayed {
    fn now(&self) -> TimeMs {
        TimeMs(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replayed_clock_keeps_the_contract() {
        crate::suite::holds(&Replayed::at(TimeMs(1_795_167_845_000)));
    }

    #[test]
    fn a_replayed_clock_stands_until_it_is_moved() {
        let clock = Replayed::at(TimeMs(1_000));
        assert_eq!((clock.now(), clock.now()), (TimeMs(1_000), TimeMs(1_000)));
        assert_eq!(clock.advance_ms(5), TimeMs(1_005));
        assert_eq!(clock.advance_ms(-10), TimeMs(995));
        clock.set(TimeMs(7));
        assert_eq!(clock.now(), TimeMs(7));
    }

    #[test]
    fn threads_that_move_one_clock_lose_no_step() {
        let clock = Replayed::at(TimeMs(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1_000).for_each(|_| _ = clock.advance_ms(1)));
            }
        });
        assert_eq!(clock.now(), TimeMs(4_000));
    }
}
