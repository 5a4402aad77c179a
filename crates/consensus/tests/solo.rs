//! Solo holds the contract of an orderer.

use std::sync::Arc;

use clock::TimeMs;
use consensus::suite::{self, Counter};
use consensus::{Application, Orderer, Solo};
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn solo_holds_the_contract() {
    suite::holds(Arc::new(Solo::new(Arc::new(clock::System)))).await;
}

#[derive(Debug)]
struct Stopped;

impl clock::Clock for Stopped {
    fn now(&self) -> TimeMs {
        TimeMs(1_000)
    }
}

#[tokio::test]
async fn time_grows_though_the_clock_stands_still() {
    let solo = Arc::new(Solo::new(Arc::new(Stopped)));
    let counter = Arc::new(Counter::default());
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (solo, counter, stop) = (solo.clone(), counter.clone(), stop.clone());
        async move { solo.run(counter, stop).await }
    });
    for total in 1..=3 {
        counter.add(1);
        solo.wake();
        while counter.total() < total {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(counter.tip().time, TimeMs(1_002));
}
