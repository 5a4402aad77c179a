//! One connection of a link while it lasts.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use qkd::{Bases, BlockId, Distilled, LineState, Output};
use rpc::link::{FrameReceiver, Frames};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::{Driver, Ended, LOOK_EVERY, Photons, Way, Work, blocking};
use crate::Error;

/// One connection while it lasts.
pub(super) struct Session<'a> {
    driver: &'a mut Driver,
    frames: FrameReceiver,
    pulses: Photons,
    leaving: mpsc::UnboundedSender<Vec<u8>>,
    /// The bases of the block under way, at the receiver.
    bases: Option<Bases>,
    /// Pulses that came and were not measured yet.
    photons: Option<Bytes>,
    /// Nothing is under way.
    idle: bool,
    /// The block under way is for its error rate alone.
    resting: bool,
    last_block: Instant,
    /// When to look next how many keys the pool wants.
    look: Instant,
    /// How many this end has wished.
    wanted: Option<u32>,
}

/// What a session waits for.
enum Event {
    Frame(Option<Bytes>),
    Photons(Option<Bytes>),
    Replaced(Option<Frames>),
    RestoreAsked,
    Look,
}

impl<'a> Session<'a> {
    /// A connection whose two streams have just been opened.
    pub(super) fn new(
        driver: &'a mut Driver,
        frames: FrameReceiver,
        pulses: Photons,
        leaving: mpsc::UnboundedSender<Vec<u8>>,
    ) -> Self {
        Self {
            driver,
            frames,
            pulses,
            leaving,
            bases: None,
            photons: None,
            idle: false,
            resting: false,
            last_block: Instant::now(),
            look: Instant::now(),
            wanted: None,
        }
    }

    /// Greets the far end and does what the end wants done, until the connection is over.
    ///
    /// # Errors
    ///
    /// When the pool or the disk fails.
    pub(super) async fn run(mut self, restores: &mut watch::Receiver<u64>) -> Result<Ended, Error> {
        let pending = self.driver.pool.pending_blocks();
        let released = self.driver.pool.released_blocks();
        let greeting = Work::Connected {
            pending: pending.into_iter().map(BlockId).collect(),
            released: released.into_iter().map(BlockId).collect(),
        };
        let mut work = Some(greeting);
        loop {
            if let Some(work) = work.take()
                && let Some(ended) = self.work(work).await?
            {
                return Ok(ended);
            }
            if let Some(ended) = self.measure().await? {
                return Ok(ended);
            }
            match self.event(restores).await {
                Event::Frame(Some(frame)) => work = Some(Work::Frame(frame)),
                // One block is under way at a time: more would only fill the memory.
                Event::Photons(Some(_)) if self.photons.is_some() => {
                    return Ok(Ended::Lost(
                        "the far end sends pulses that nobody awaits".to_owned(),
                    ));
                }
                Event::Photons(Some(photons)) => self.photons = Some(photons),
                Event::Frame(None) | Event::Photons(None) => {
                    return Ok(Ended::Lost("the far end has left".to_owned()));
                }
                Event::Replaced(next) => {
                    if let Way::Wait { next: place, .. } = &mut self.driver.way {
                        *place = next;
                    }
                    return Ok(Ended::Lost("the far end has dialled anew".to_owned()));
                }
                Event::RestoreAsked => {
                    let outputs = self.driver.restore(true).await?;
                    if let Some(ended) = self.perform(outputs).await? {
                        return Ok(ended);
                    }
                }
                Event::Look => {
                    self.look = Instant::now() + LOOK_EVERY;
                    let wanted = self.driver.wanted();
                    if self.wanted.replace(wanted) != Some(wanted)
                        && let Some(ended) = self.work(Work::Wanted(wanted)).await?
                    {
                        return Ok(ended);
                    }
                    if self.wants_block() {
                        self.idle = false;
                        self.last_block = Instant::now();
                        work = Some(Work::Start);
                    }
                }
            }
        }
    }

    async fn event(&mut self, restores: &mut watch::Receiver<u64>) -> Event {
        let replaced = async {
            match &mut self.driver.way {
                Way::Wait { incoming, .. } => incoming.frames().await,
                Way::Dial(_) => std::future::pending().await,
            }
        };
        let photons = async {
            match &mut self.pulses {
                Photons::Arriving(arriving) => arriving.recv().await,
                Photons::Leaving(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            frame = self.frames.recv() => Event::Frame(frame),
            photons = photons => Event::Photons(photons),
            next = replaced => Event::Replaced(next),
            Ok(()) = restores.changed() => Event::RestoreAsked,
            () = sleep_until(self.look) => Event::Look,
        }
    }

    /// Whether the sender should distil a block now: one of the ends wants keys to draw, or it is
    /// time to see whether somebody listens.
    ///
    /// Keys that wait to be recovered say nothing: some wait for ever, because what was sealed with
    /// them was sealed again.
    fn wants_block(&mut self) -> bool {
        if !matches!(self.pulses, Photons::Leaving(_))
            || !self.idle
            || matches!(self.driver.line.status().state, LineState::ShutDown { .. })
        {
            return false;
        }
        let far_wanted = self.driver.end.lock().far_wanted();
        self.resting = self.wanted.unwrap_or_default() == 0 && far_wanted == 0;
        !self.resting || self.last_block.elapsed() >= self.driver.watch_interval
    }

    /// Has the channel carry the pulses, once both they and the bases are there.
    async fn measure(&mut self) -> Result<Option<Ended>, Error> {
        let Way::Wait { channel, .. } = &self.driver.way else {
            return Ok(None);
        };
        if self.photons.is_none() || self.bases.is_none() {
            return Ok(None);
        }
        let (Some(bases), Some(photons)) = (self.bases.take(), self.photons.take()) else {
            return Ok(None);
        };
        let (channel, fraction) = (Arc::clone(channel), self.driver.line.eavesdropper());
        let carried = blocking(move || {
            let mut channel = channel.lock();
            channel.set_eavesdropper(fraction)?;
            channel.carry(&photons, &bases)
        });
        match carried.await? {
            Ok(clicks) => self.work(Work::Clicks(clicks)).await,
            Err(error) => Ok(Some(Ended::Lost(error.to_string()))),
        }
    }

    /// Gives the end work and does what it wants done.
    async fn work(&mut self, work: Work) -> Result<Option<Ended>, Error> {
        match self.driver.think(work).await? {
            Ok(outputs) => self.perform(outputs).await,
            Err(error) if error.ends_session() => Ok(Some(Ended::Lost(error.to_string()))),
            Err(error) => {
                tracing::debug!(link = self.driver.line.id(), %error, "the end did not do it");
                Ok(None)
            }
        }
    }

    async fn perform(&mut self, outputs: Vec<Output>) -> Result<Option<Ended>, Error> {
        let mut queue = VecDeque::from(outputs);
        while let Some(output) = queue.pop_front() {
            match output {
                Output::Frame(frame) => {
                    if self.leaving.send(frame).is_err() {
                        return Ok(Some(Ended::Lost("the far end has left".to_owned())));
                    }
                }
                Output::Pulses(photons) => {
                    let Photons::Leaving(pulses) = &self.pulses else { continue };
                    if let Err(error) = pulses.send(photons).await {
                        return Ok(Some(Ended::Lost(error.to_string())));
                    }
                }
                Output::Measure { bases, .. } => self.bases = Some(bases),
                Output::Store(distilled) if self.resting => {
                    let report = distilled.report;
                    self.driver.line.distilled(&report, 0);
                    return Ok(Some(Ended::Measured));
                }
                Output::Store(distilled) => match self.store(distilled).await? {
                    Ok(outputs) => queue.extend(outputs),
                    Err(ended) => return Ok(Some(ended)),
                },
                Output::Idle => {
                    self.idle = true;
                    self.driver.line.up();
                    self.driver.tell_pool();
                }
                other => {
                    if let Err(ended) = self.settle(other).await? {
                        return Ok(Some(ended));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Keeps a block's keys, and tells the end only then.
    async fn store(&mut self, distilled: Distilled) -> Result<Result<Vec<Output>, Ended>, Error> {
        let block = match self.driver.keep(distilled).await? {
            Ok(block) => block,
            Err(ended) => return Ok(Err(ended)),
        };
        let answer = self.driver.think(Work::Stored(block)).await?;
        Ok(answer.map_err(|error| Ended::Lost(error.to_string())))
    }

    /// What becomes of keys and of the line.
    async fn settle(&mut self, output: Output) -> Result<Result<(), Ended>, Error> {
        let driver = &mut *self.driver;
        match output {
            Output::Release(block) => {
                if let Err(ended) = driver.with_pool(move |pool| pool.release(block.0)).await? {
                    return Ok(Err(ended));
                }
                if let Some((report, keys)) = driver.unsettled.remove(&block) {
                    driver.line.distilled(&report, keys);
                }
            }
            Output::Destroy(block) => {
                if let Err(ended) = driver.with_pool(move |pool| pool.destroy(block.0)).await? {
                    return Ok(Err(ended));
                }
                if let Some((report, _)) = driver.unsettled.remove(&block) {
                    // It was measured well, though its keys are not to be had.
                    driver.line.distilled(&report, 0);
                }
            }
            Output::Abandoned { block, reason } => {
                driver.line.abandoned();
                tracing::info!(link = driver.line.id(), %block, %reason, "a block gave no key");
            }
            Output::ShutDown { reason, report } => driver.note_shut_down(reason, report)?,
            Output::Restored => driver.note_restored(true)?,
            _ => {}
        }
        Ok(Ok(()))
    }
}
