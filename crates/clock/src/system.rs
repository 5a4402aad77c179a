//! The machine's own clock.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Clock, TimeMs};

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct System;

impl Clock for System {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's")]
    fn now(&self) -> TimeMs {
        // A machine set to before 1970 reads as 1970: the contract knows nothing earlier.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        TimeMs(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_keeps_the_contract() {
        crate::suite::holds(&System);
    }

    #[test]
    fn the_system_clock_is_in_this_century() {
        assert!(System.now() > TimeMs(1_700_000_000_000), "{}", System.now());
    }
}
