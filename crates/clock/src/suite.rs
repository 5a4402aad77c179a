//! The contract of [`Clock`], as tests that every implementation must pass.

use crate::{Clock, TimeMs};

/// The last millisecond of the year 9999.
const END: TimeMs = TimeMs(253_402_300_799_999);

/// Reads `clock` from this thread and others, and checks what it tells.
///
/// # Panics
///
/// When the clock breaks its contract.
pub fn holds(clock: &dyn Clock) {
    let told = || (TimeMs(0)..=END).contains(&clock.now());
    assert!(told(), "civil: between the years 1970 and 9999");
    std::thread::scope(|scope| {
        let readers = [(); 2].map(|()| scope.spawn(|| (0..100).all(|_| told())));
        for reader in readers {
            assert!(reader.join().is_ok_and(|told| told), "free: from any thread");
        }
    });
}
