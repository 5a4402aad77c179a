//! Points at which a test makes the process die.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The variable that names the point, and which visit of it: `name` or `name#3`.
const VARIABLE: &str = "QUAYSIDE_CRASH_AT";

/// Where to die, and how many visits of that point are left until then.
struct Doom {
    name: String,
    visits_left: AtomicU64,
}

/// Aborts the process, as a power cut would, when `QUAYSIDE_CRASH_AT` names this point.
///
/// The variable is `name`, or `name#n` for the n-th visit. It is read once; without it this costs
/// one load.
pub fn crash_point(name: &'static str) {
    static DOOM: OnceLock<Option<Doom>> = OnceLock::new();
    let doom = DOOM.get_or_init(|| parse(&std::env::var(VARIABLE).ok()?));
    let Some(doom) = doom else { return };
    if doom.name == name && doom.visits_left.fetch_sub(1, Ordering::Relaxed) == 1 {
        // No unwinding, no destructors, nothing flushed: what a kill leaves behind.
        std::process::abort();
    }
}

/// Reads `name` or `name#n`; a broken number never dies.
fn parse(text: &str) -> Option<Doom> {
    let (name, visit) = match text.split_once('#') {
        Some((name, visit)) => (name, visit.parse().ok().filter(|visit| *visit > 0)?),
        None => (text, 1),
    };
    Some(Doom { name: name.to_owned(), visits_left: AtomicU64::new(visit) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_named_alone_or_with_its_visit() {
        let doom = parse("commit-written").unwrap();
        assert_eq!((doom.name.as_str(), doom.visits_left.into_inner()), ("commit-written", 1));
        let doom = parse("commit-written#7").unwrap();
        assert_eq!((doom.name.as_str(), doom.visits_left.into_inner()), ("commit-written", 7));
        assert!(parse("commit-written#zero").is_none());
        assert!(parse("commit-written#0").is_none());
    }

    #[test]
    fn nothing_happens_without_the_variable() {
        crash_point("a-point-of-this-test");
    }
}
