//! How fast a map takes a batch: 3,000 random keys at a time over a million in memory, the fastest
//! of twenty.
//!
//! Pages are kept encoded, as a store has them, so each figure includes decoding what is read and
//! encoding what is written. Run it with `cargo run --release --example map_speed`.
#![expect(clippy::print_stdout, reason = "an example that prints figures")]
#![expect(clippy::disallowed_types, reason = "measures a synchronous function; nothing to pause")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use merkle::map::{self, MapHash, Page, Path};
use merkle::{Digest, Error};

const KEYS: u64 = 1_000_000;
const BATCH: u64 = 3_000;
const ROUNDS: u64 = 20;

/// BLAKE3 under two contexts, as the state tree hashes.
struct Hash;

fn keyed(context: u8, one: &Digest, two: &Digest) -> Digest {
    *blake3::Hasher::new_keyed(&[context; 32]).update(one).update(two).finalize().as_bytes()
}

impl MapHash for Hash {
    fn leaf(key: &Digest, value: &Digest) -> Digest {
        keyed(0, key, value)
    }

    fn node(left: &Digest, right: &Digest) -> Digest {
        keyed(1, left, right)
    }
}

/// What a batch costs.
#[derive(Default)]
struct Cost {
    keys: u64,
    pages_read: u64,
    pages_written: u64,
    bytes_written: usize,
    total: Duration,
    reading: Duration,
    writing: Duration,
}

type Pages = BTreeMap<Path, Vec<u8>>;
type Changes = BTreeMap<Digest, Option<Digest>>;

fn apply(pages: &mut Pages, changes: &Changes, cost: &mut Cost) -> Result<(), Error> {
    let start = Instant::now();
    let mut read = |path: &Path| {
        let start = Instant::now();
        let page = pages.get(path).map(|bytes| Page::decode(bytes)).transpose();
        cost.reading += start.elapsed();
        cost.pages_read += 1;
        page
    };
    let update = map::update::<Hash, Error>(&mut read, changes)?;
    let write = Instant::now();
    for (path, page) in update.pages {
        cost.pages_written += 1;
        if let Some(page) = page {
            let bytes = page.encode();
            cost.bytes_written += bytes.len();
            pages.insert(path, bytes);
        } else {
            pages.remove(&path);
        }
    }
    cost.writing += write.elapsed();
    cost.total += start.elapsed();
    cost.keys += changes.len() as u64;
    Ok(())
}

fn key(n: u64) -> Digest {
    *blake3::hash(&n.to_be_bytes()).as_bytes()
}

fn print(what: &str, cost: &Cost) {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let a_key = |part: f64| part / cost.keys as f64;
    let micros = |time: Duration| a_key(time.as_secs_f64() * 1e6);
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let (read, written) = (cost.pages_read as f64, cost.pages_written as f64);
    println!(
        "{what:<22} {:5.2} us a key: update {:5.2}, reading {:5.2}, writing {:5.2}; \
         pages a key: {:.2} read, {:.2} written; {} bytes a page",
        micros(cost.total),
        micros(cost.total.saturating_sub(cost.reading + cost.writing)),
        micros(cost.reading),
        micros(cost.writing),
        a_key(read),
        a_key(written),
        cost.bytes_written as u64 / cost.pages_written.max(1),
    );
}

fn main() -> Result<(), Error> {
    let mut pages = Pages::new();
    let mut cost = Cost::default();
    apply(&mut pages, &(0..KEYS).map(|n| (key(n), Some(key(n + 1)))).collect(), &mut cost)?;
    print("1,000,000 at once", &cost);
    let bytes: usize = pages.values().map(Vec::len).sum();
    println!("{} pages, {} MB", pages.len(), bytes / 1_000_000);

    // A step that is coprime to the number of keys picks each at most once.
    let pick = |round: u64, n: u64| key((round * BATCH + n) * 617_537 % KEYS);
    let mut rounds = |what: &str, batch: &dyn Fn(u64) -> Changes| {
        // The fastest round: the others waited for something that is not ours.
        let mut fastest: Option<Cost> = None;
        for round in 0..ROUNDS {
            let mut cost = Cost::default();
            apply(&mut pages, &batch(round), &mut cost)?;
            if fastest.as_ref().is_none_or(|fastest| cost.total < fastest.total) {
                fastest = Some(cost);
            }
        }
        print(what, &fastest.unwrap_or_default());
        Ok(())
    };
    rounds("3,000 values changed", &|round| {
        (0..BATCH).map(|n| (pick(round, n), Some(key(round)))).collect()
    })?;
    rounds("3,000 keys added", &|round| {
        (0..BATCH).map(|n| (key(KEYS + round * BATCH + n), Some(key(n)))).collect()
    })?;
    rounds("3,000 keys deleted", &|round| {
        (0..BATCH).map(|n| (key(KEYS + round * BATCH + n), None)).collect()
    })
}
