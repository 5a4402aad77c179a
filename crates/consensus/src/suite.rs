//! The contract of [`Orderer`], as tests that every implementation must pass.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use clock::TimeMs;
use tokio_util::sync::CancellationToken;

use crate::{Application, Block, BlockHash, Error, Height, Orderer, Tip};

/// How long the suite waits for what must happen, in milliseconds.
const PATIENCE_MS: u64 = 20_000;

/// An application that counts: a block says how much is added.
///
/// It asserts what the contract of [`Orderer`] promises to an application.
#[derive(Debug, Default)]
pub struct Counter {
    pending: AtomicU64,
    broken: AtomicBool,
    ledger: Mutex<Ledger>,
}

#[derive(Debug)]
struct Ledger {
    tip: Tip,
    total: u64,
    candidates: Vec<(BlockHash, Height, TimeMs, u64)>,
}

impl Default for Ledger {
    fn default() -> Self {
        let tip = Tip { height: Height(0), hash: BlockHash([0; 32]), time: TimeMs(0) };
        Self { tip, total: 0, candidates: Vec::new() }
    }
}

impl Counter {
    /// Makes `amount` pending.
    pub fn add(&self, amount: u64) {
        self.pending.fetch_add(amount, Ordering::SeqCst);
    }

    /// What was committed so far.
    pub fn total(&self) -> u64 {
        self.lock().total
    }

    /// Makes every later call fail, as a full disk would.
    pub fn break_down(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, time: TimeMs, amount: u64) -> Block {
        let mut ledger = self.lock();
        let height = Height(ledger.tip.height.0.saturating_add(1));
        let mut hash = [0; 32];
        for (place, byte) in hash
            .iter_mut()
            .zip([height.0.to_be_bytes(), time.0.to_be_bytes(), amount.to_be_bytes()].concat())
        {
            *place = byte;
        }
        let bytes = [time.0.to_be_bytes(), amount.to_be_bytes()].concat();
        ledger.candidates.push((BlockHash(hash), height, time, amount));
        Block { height, hash: BlockHash(hash), bytes: Bytes::from(bytes) }
    }
}

impl Application for Counter {
    fn tip(&self) -> Tip {
        self.lock().tip
    }

    fn propose(&self, time: TimeMs) -> Result<Option<Block>, Error> {
        let tip = self.tip();
        if self.broken.load(Ordering::SeqCst) {
            return Err(Error::Failed { tip: tip.height, why: "told to break down".to_owned() });
        }
        assert!(time > tip.time, "time: a block is later than the one before it");
        let amount = self.pending.swap(0, Ordering::SeqCst);
        Ok((amount > 0).then(|| self.admit(time, amount)))
    }

    fn check(&self, block: &[u8], _now: Option<TimeMs>) -> Result<BlockHash, Error> {
        let Some((Ok(time), Ok(amount))) =
            block.split_at_checked(8).map(|(time, amount)| (time.try_into(), amount.try_into()))
        else {
            return Err(Error::Refused { why: "a counter's block has 16 bytes".to_owned() });
        };
        Ok(self.admit(TimeMs(i64::from_be_bytes(time)), u64::from_be_bytes(amount)).hash)
    }

    fn commit(&self, hash: &BlockHash, _certificate: &[u8]) -> Result<(), Error> {
        let mut ledger = self.lock();
        if ledger.tip.hash == *hash && ledger.tip.height.0 > 0 {
            return Ok(());
        }
        let known = ledger.candidates.iter().find(|candidate| candidate.0 == *hash).copied();
        let Some((hash, height, time, amount)) = known else {
            return Err(Error::Failed {
                tip: ledger.tip.height,
                why: "agreement: only what was proposed or checked is committed".to_owned(),
            });
        };
        assert!(
            height.0 == ledger.tip.height.0.saturating_add(1),
            "order: a block is committed one above the tip of its moment"
        );
        ledger.tip = Tip { height, hash, time };
        ledger.total = ledger.total.saturating_add(amount);
        ledger.candidates.clear();
        Ok(())
    }
}

/// Runs the contract against an orderer for an application with one validator or behind a harness.
///
/// # Panics
///
/// When the orderer does not hold it.
#[expect(clippy::unwrap_used, reason = "a suite reports by panicking")]
pub async fn holds(orderer: Arc<dyn Orderer>) {
    let counter = Arc::new(Counter::default());
    // Pending before it runs, and woken before it runs.
    counter.add(5);
    orderer.wake();
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (orderer, counter, stop) = (orderer.clone(), counter.clone(), stop.clone());
        async move { orderer.run(counter, stop).await }
    });
    reaches(&counter, 5).await;

    let adding = (0..8).map(|_| {
        let (orderer, counter) = (orderer.clone(), counter.clone());
        tokio::spawn(async move {
            for _ in 0..50 {
                counter.add(1);
                orderer.wake();
                tokio::task::yield_now().await;
            }
        })
    });
    for one in adding.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    reaches(&counter, 405).await;

    stop.cancel();
    tokio::time::timeout(Duration::from_millis(PATIENCE_MS), running)
        .await
        .expect("silence: run ends soon after stop")
        .unwrap()
        .unwrap();
    counter.add(1);
    orderer.wake();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(counter.total(), 405, "silence: nothing is called after run has ended");

    // It can run again, and then an application that fails ends it.
    counter.break_down();
    let ended = tokio::time::timeout(
        Duration::from_millis(PATIENCE_MS),
        orderer.run(counter.clone(), CancellationToken::new()),
    );
    let ended = ended.await.expect("honesty: a failed application ends run");
    assert!(matches!(ended, Err(Error::Failed { .. })), "honesty: with its own error");
}

async fn reaches(counter: &Counter, total: u64) {
    for _ in 0..PATIENCE_MS {
        if counter.total() == total {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(counter.total(), total, "progress: what is pending is committed after a wake");
}
