//! How fast blocks are executed and committed, synced, on one thread.
//!
//! Captures of 100 events, each of some 500 bytes with two tags, are checked beforehand; measured
//! is what the orderer's thread does. Arguments: captures per block, blocks, things that the tags
//! are of.
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

const EVENTS: u64 = 100;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|one| one.parse::<u64>().unwrap());
    let per_block = arguments.next().unwrap_or(50);
    let blocks = arguments.next().unwrap_or(20);
    let things = arguments.next().unwrap_or(1_000_000);
    let house = House::new();
    let mut times = [0.0; 3];
    for block in 0..blocks {
        let start = Instant::now();
        let answers: Vec<_> = (0..per_block)
            .map(|number| house.ledger.submit(some_capture(block * per_block + number, things)))
            .collect();
        assert!(answers.iter().all(Result::is_ok), "every capture is taken in");
        times[0] += start.elapsed().as_secs_f64();

        let start = Instant::now();
        let time = TimeMs(house.ledger.tip().time.0 + 1);
        let proposed = house.ledger.propose(time).unwrap().unwrap();
        times[1] += start.elapsed().as_secs_f64();

        let start = Instant::now();
        house.ledger.commit(&proposed.hash, &[]).unwrap();
        times[2] += start.elapsed().as_secs_f64();
    }
    let events = u32::try_from(blocks * per_block * EVENTS).unwrap();
    let [check, execute, commit] = times.map(|seconds| seconds * 1e6 / f64::from(events));
    println!("{events} events in {blocks} blocks of {per_block} captures of {EVENTS}");
    println!("make and check  {check:6.2} us/event (before the orderer's thread)");
    println!("execute         {execute:6.2} us/event");
    println!("commit, synced  {commit:6.2} us/event");
    println!("{:.0} events/s on the orderer's thread", 1e6 / (execute + commit));
}

/// A capture of events, each about two things.
fn some_capture(number: u64, things: u64) -> ledger::Submission {
    // Any order that does not repeat soon will do; a large odd factor spreads it.
    let thing = |at: u64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15) % things;
    let pairs: Vec<[u64; 2]> = (0..EVENTS)
        .map(|event| (number * EVENTS + event) * 2)
        .map(|at| [thing(at), thing(at + 1)])
        .collect();
    let events: Vec<&[u64]> = pairs.iter().map(|pair| &pair[..]).collect();
    capture("zj-merchant", number, 50, &events)
}
