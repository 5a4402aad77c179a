//! How fast blocks are executed and committed, synced, on one thread.
//!
//! Captures, of 100 events unless told otherwise, each of some 500 bytes with two tags, are checked
//! beforehand; measured is what the orderer's thread does. Arguments: captures per block, blocks,
//! things that the tags are of, events per capture.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "an example reports to people, and stops at the first fault"
)]

#[path = "../tests/it/cast.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod cast;

use consensus::{Application, TimeMs};
use tokio::time::Instant;

use cast::{House, capture};

/// Seconds on the wall, and of this thread on a processor: they differ on a busy machine, and
/// while the disk syncs.
struct Watch {
    wall: Instant,
    cpu: f64,
}

impl Watch {
    fn start() -> Self {
        Self { wall: Instant::now(), cpu: cpu_seconds() }
    }

    fn add_to(&self, sum: &mut [f64; 2]) {
        sum[0] += self.wall.elapsed().as_secs_f64();
        sum[1] += cpu_seconds() - self.cpu;
    }
}

/// What Linux has counted for this thread; nothing elsewhere.
fn cpu_seconds() -> f64 {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    counted.split(' ').next().and_then(|one| one.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|one| one.parse::<u64>().unwrap());
    let per_block = arguments.next().unwrap_or(50);
    let blocks = arguments.next().unwrap_or(20);
    let things = arguments.next().unwrap_or(1_000_000);
    let events = arguments.next().unwrap_or(100);
    let house = House::new();
    let mut times = [[0.0; 2]; 3];
    for block in 0..blocks {
        let watch = Watch::start();
        let numbers = (0..per_block).map(|number| block * per_block + number);
        let answers: Vec<_> = numbers
            .map(|number| house.ledger.submit(some_capture(number, [events, things], block + 50)))
            .collect();
        assert!(answers.iter().all(Result::is_ok), "every capture is taken in");
        watch.add_to(&mut times[0]);

        let watch = Watch::start();
        let time = TimeMs(house.ledger.tip().time.0 + 1);
        let proposed = house.ledger.propose(time).unwrap().unwrap();
        watch.add_to(&mut times[1]);

        let watch = Watch::start();
        house.ledger.commit(&proposed.hash, &[]).unwrap();
        watch.add_to(&mut times[2]);
    }
    println!("{blocks} blocks of {per_block} captures of {events} events");
    let events = f64::from(u32::try_from(blocks * per_block * events).unwrap());
    println!("microseconds per event    wall     cpu");
    for (what, [wall, cpu]) in ["make and check", "execute", "commit, synced"].iter().zip(times) {
        println!("{what:20} {:9.2} {:7.2}", wall * 1e6 / events, cpu * 1e6 / events);
    }
    let [wall, cpu] = [0, 1].map(|at| events / (times[1][at] + times[2][at]));
    println!("events per second {wall:12.0} {cpu:7.0} on the orderer's thread");
}

/// A capture of events, each about two things.
fn some_capture(number: u64, [events, things]: [u64; 2], last_height: u64) -> ledger::Submission {
    // Any order that does not repeat soon will do; a large odd factor spreads it.
    let thing = |at: u64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15) % things;
    let pairs: Vec<[u64; 2]> = (0..events)
        .map(|event| (number * events + event) * 2)
        .map(|at| [thing(at), thing(at + 1)])
        .collect();
    let events: Vec<&[u64]> = pairs.iter().map(|pair| &pair[..]).collect();
    capture("zj-merchant", number, last_height, &events)
}
