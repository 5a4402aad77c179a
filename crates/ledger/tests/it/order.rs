//! Driven by the solo orderer, from many threads.

use std::sync::Arc;

use consensus::{Application, Orderer, Solo};
use ledger::{Changes, Failure, Ledger, Machine, View};
use party::{KeyId, MemberId, Members, PublicKey};
use statement::{Genesis, Height, Statement, verify_bundle};
use tokio_util::sync::CancellationToken;

use crate::cast::{House, capture, check, commitments, config, key, members};

/// Runs the solo orderer over a ledger while `work` is done.
async fn ordered<T>(ledger: &Arc<Ledger>, work: impl Future<Output = T>) -> T {
    let solo = Arc::new(Solo::new(Arc::new(clock::System)));
    let waker = solo.clone();
    ledger.on_pending(move || waker.wake());
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (solo, stop) = (solo.clone(), stop.clone());
        let application: Arc<dyn Application> = ledger.clone();
        async move { solo.run(application, stop).await }
    });
    let done = work.await;
    stop.cancel();
    running.await.unwrap().unwrap();
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn what_many_submit_at_once_is_committed_in_few_blocks() {
    let house = House::new();
    let mut heights = house.ledger.watch();
    ordered(&house.ledger, async {
        let submitting = (0..200).map(|number| {
            let ledger = house.ledger.clone();
            tokio::task::spawn_blocking(move || {
                ledger.submit(capture("zj-merchant", number, 50, &[&[number], &[7]])).unwrap()
            })
        });
        for one in submitting.collect::<Vec<_>>() {
            let committed = one.await.unwrap().await.unwrap().unwrap();
            let status = house.ledger.status().unwrap();
            assert!(committed.index.0 < status.header.log_size.0, "an answer is durable");
        }
    })
    .await;
    let status = house.ledger.status().unwrap();
    assert_eq!(status.header.log_size.0, 201);
    assert_eq!(*heights.borrow_and_update(), status.header.height);
    for commitment in commitments(&capture("zj-merchant", 42, 50, &[&[42], &[7]])) {
        verify_bundle(&house.ledger.bundle(&commitment).unwrap(), &members()).unwrap();
    }
}

/// A machine that counts statements and lets anyone of the genesis members sign.
#[derive(Debug)]
struct Counter;

impl Machine for Counter {
    fn statement_key(
        &self,
        _: &dyn View,
        issuer: &MemberId,
        _: &KeyId,
    ) -> Result<PublicKey, Failure> {
        Ok(key(issuer.as_str(), 0).public())
    }

    fn apply(
        &self,
        view: &dyn View,
        _: Height,
        _: i64,
        statement: &Statement,
    ) -> Result<Changes, Failure> {
        let count = view.value(b"contract/count")?.map_or(0, |row| row[0]);
        let mut changes = vec![(b"contract/count".to_vec(), Some(vec![count + 1]))];
        if Genesis::decode(statement.payload()).is_ok() {
            changes.push((b"member/all".to_vec(), Some(statement.payload().to_vec())));
        }
        Ok(changes)
    }

    fn members(&self, view: &dyn View) -> Result<Members, Failure> {
        let row = view.values(b"member/")?.remove(0).1;
        Ok(Genesis::decode(&row).map_err(ledger::Error::from)?.members)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_machine_runs_on_the_same_ledger() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(config(directory.path()), Arc::new(Counter)).unwrap();
    let root = ledger.status().unwrap().header.state_root;
    ordered(&ledger, async {
        let answer = ledger.submit(capture("zj-merchant", 1, 50, &[&[1]])).unwrap();
        answer.await.unwrap().unwrap();
    })
    .await;
    assert_ne!(ledger.status().unwrap().header.state_root, root);
    let progress = &mut |_, _| ();
    let report = check(directory.path(), Arc::new(Counter), progress).unwrap();
    assert_eq!(report.statements, 2);
    // Under other rules the same entries come to another state.
    let other = Arc::new(contracts::Contracts);
    assert!(check(directory.path(), other, progress).is_err());
}
