//! The orderer of a consortium with one validator.

use std::sync::Arc;

use async_trait::async_trait;
use clock::{Clock, TimeMs};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{Application, Error, Orderer};

/// Commits what its only member proposes, one block after the other.
///
/// There is no timer: a block starts as soon as something is pending and the block before it is
/// durable. Under load the blocks grow by themselves (group commit), idle there are none.
#[derive(Debug)]
pub struct Solo {
    clock: Arc<dyn Clock>,
    pending: Notify,
}

impl Solo {
    /// Makes an orderer that takes block times from `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, pending: Notify::new() }
    }
}

#[async_trait]
impl Orderer for Solo {
    async fn run(
        &self,
        application: Arc<dyn Application>,
        stop: CancellationToken,
    ) -> Result<(), Error> {
        // What was pending before we ran may have woken nobody.
        self.pending.notify_one();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = self.pending.notified() => {}
            }
            while !stop.is_cancelled() && self.step(&application).await? {}
        }
    }

    fn wake(&self) {
        // Keeps one permit when nobody waits, so that no wake is lost between two waits.
        self.pending.notify_one();
    }
}

impl Solo {
    /// Orders one block; says whether there was one. Runs on a thread that may block.
    async fn step(&self, application: &Arc<dyn Application>) -> Result<bool, Error> {
        let (application, clock) = (application.clone(), self.clock.clone());
        let work = tokio::task::spawn_blocking(move || {
            let after_tip = application.tip().time.0.saturating_add(1);
            let time = TimeMs(clock.now().0.max(after_tip));
            let Some(block) = application.propose(time)? else { return Ok(false) };
            // One validator: its own decision is the certificate, and it has nothing to add.
            application.commit(&block.hash, &[])?;
            Ok(true)
        });
        work.await.map_err(|cut| Error::Aborted { why: cut.to_string() })?
    }
}
