//! Drive one end of a quantum link: its connections, its channel, its pool.
//!
//! What the end computes and what the pool syncs runs on threads that may block. The order of the
//! end's outputs is kept, so that the keys of a block are released only after both pools hold them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use keys::{KeyPool, KeyUuid, NewKey};
use parking_lot::Mutex;
use qkd::{
    Bases, BlockId, Channel, Clicks, Distilled, End, EndKind, Input, Line, LineState, Output,
    Report,
};
use rpc::link::{Arriving, FrameReceiver, Frames, Incoming, Pulses};
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::verdict::Verdict;
use crate::Error;

/// How long to wait before the first new attempt at a connection that was lost, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long the far end may take between its first stream and its second.
const OPENING: Duration = Duration::from_secs(2);

/// How long the far end may be away before the line counts as down.
const GRACE: Duration = Duration::from_secs(1);

/// How often the sender looks whether the pool wants keys.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How to reach the far end.
#[derive(Debug)]
pub(crate) enum Way {
    /// The sender dials.
    Dial(super::dial::Dial),
    /// The receiver waits to be dialled, and holds the channel.
    Wait {
        /// Where the far end's streams come in.
        incoming: Incoming,
        /// The simulated fibre.
        channel: Arc<Mutex<Channel>>,
        /// A stream that came while another one was held.
        next: Option<Frames>,
    },
}

/// The two streams of a connection.
struct Connection {
    frames: Frames,
    pulses: Photons,
}

/// The photons' way, as one end has it.
enum Photons {
    Leaving(Pulses),
    Arriving(Arriving),
}

/// How a session ended, if nothing of ours is broken.
#[derive(Debug)]
enum Ended {
    /// The connection is gone, or was let go of, and why.
    Lost(String),
    /// A block was measured for its error rate alone; its keys are destroyed with the connection.
    Measured,
}

/// What a driver is made of.
#[derive(Debug)]
pub(crate) struct Driver {
    /// The end.
    pub(crate) end: Arc<Mutex<End>>,
    /// Where its keys are kept.
    pub(crate) pool: Arc<KeyPool>,
    /// What others see of it.
    pub(crate) line: Arc<Line>,
    /// What the pool's draws see of it.
    pub(crate) drawable: watch::Sender<keys::LineState>,
    /// The shut-down as it outlives the process.
    pub(crate) verdict: Verdict,
    /// How to reach the far end.
    pub(crate) way: Way,
    /// How many keys of each direction wait at most before the line rests.
    pub(crate) enough: u64,
    /// How often a line that rests is measured all the same.
    pub(crate) watch_interval: Duration,
    /// How each block was won whose keys are stored and not settled yet.
    pub(crate) unsettled: BTreeMap<BlockId, (Report, u64)>,
}

impl Driver {
    /// Drives the end until `stop`. Whatever the far end or the network does leads to a new
    /// connection.
    ///
    /// # Errors
    ///
    /// When the pool or the disk fails: keys must not be dealt with by guessing.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Error> {
        let halt = stop.clone();
        tokio::select! {
            () = halt.cancelled() => Ok(()),
            ended = self.keep_connected() => ended,
        }
    }

    async fn keep_connected(&mut self) -> Result<(), Error> {
        let mut restores = self.line.restore_requests();
        let mut pause = FIRST_PAUSE;
        // A line that is let go of for a moment is not down.
        let mut grace = Some(Instant::now() + GRACE);
        loop {
            let connected = tokio::select! {
                connected = self.way.connect(&self.line) => connected,
                Ok(()) = restores.changed() => {
                    self.restore(false).await?;
                    continue;
                }
                () = over(grace) => {
                    grace = None;
                    self.note_down("nobody was there in time");
                    continue;
                }
            };
            match connected {
                Ok(connection) => {
                    let began = Instant::now();
                    let ended = self.session(connection, &mut restores).await?;
                    // An error says only that nothing was under way.
                    let _ = self.think(Work::Disconnected).await?;
                    if began.elapsed() > LONGEST_PAUSE {
                        pause = FIRST_PAUSE;
                    }
                    match ended {
                        Ended::Measured => {}
                        // The receiver cannot tell why the sender has left; it waits for it.
                        Ended::Lost(why) if self.end.lock().kind() == EndKind::Receiver => {
                            tracing::debug!(link = self.line.id(), %why, "the connection is over");
                        }
                        Ended::Lost(why) => {
                            self.note_down(&why);
                            sleep(pause).await;
                            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                        }
                    }
                    grace = Some(Instant::now() + GRACE);
                }
                Err(why) => {
                    tracing::debug!(link = self.line.id(), %why, "the far end is not there");
                    self.line.down();
                    self.tell_pool();
                    sleep(pause).await;
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn note_down(&self, why: &str) {
        if self.line.status().state == LineState::Up {
            tracing::info!(link = self.line.id(), %why, "the link is down");
        }
        self.line.down();
        self.tell_pool();
    }

    /// One connection, from its greeting to its end.
    async fn session(
        &mut self,
        connection: Connection,
        restores: &mut watch::Receiver<u64>,
    ) -> Result<Ended, Error> {
        let Connection { frames, pulses } = connection;
        let (sender, frames) = frames.split();
        // Frames wait here rather than in the loop below, which must go on reading.
        let (leaving, mut waiting) = mpsc::unbounded_channel::<Vec<u8>>();
        let writer = tokio::spawn(async move {
            while let Some(frame) = waiting.recv().await {
                if sender.send(frame).await.is_err() {
                    return;
                }
            }
        });
        let session = Session {
            driver: self,
            frames,
            pulses,
            leaving,
            bases: None,
            photons: VecDeque::new(),
            idle: false,
            resting: false,
            last_block: Instant::now(),
        };
        let ended = session.run(restores).await;
        writer.abort();
        ended
    }

    /// Gives the end something to think about, on a thread that may compute for long.
    async fn think(&self, work: Work) -> Result<Result<Vec<Output>, qkd::Error>, Error> {
        let end = Arc::clone(&self.end);
        blocking(move || {
            let mut end = end.lock();
            match work {
                Work::Connected { pending, released } => {
                    end.on(Input::Connected { pending, released })
                }
                Work::Frame(frame) => end.on(Input::Frame(&frame)),
                Work::Clicks(clicks) => end.on(Input::Clicks(clicks)),
                Work::Stored(block) => end.on(Input::Stored(block)),
                Work::Start => end.on(Input::Start),
                Work::Disconnected => end.on(Input::Disconnected),
                Work::Restore => end.restore(),
            }
        })
        .await
    }

    /// Opens the line again; what is to be sent for it is returned.
    async fn restore(&self, connected: bool) -> Result<Vec<Output>, Error> {
        if !matches!(self.line.status().state, LineState::ShutDown { .. }) {
            return Ok(Vec::new());
        }
        let outputs = self.think(Work::Restore).await?;
        self.note_restored(connected)?;
        // Without a connection there is nothing to send, and the end says so.
        Ok(outputs.unwrap_or_default())
    }

    fn note_restored(&self, connected: bool) -> Result<(), Error> {
        self.verdict.lift()?;
        self.line.restored(connected);
        self.tell_pool();
        tracing::info!(link = self.line.id(), "the line is restored");
        Ok(())
    }

    fn note_shut_down(&self, reason: String, report: Option<Report>) -> Result<(), Error> {
        // On disk first: a line that was found unsafe must not come back by a restart.
        self.verdict.pass(&reason)?;
        self.line.shut_down(reason.clone(), report);
        self.tell_pool();
        // Pending keys stay as they are: if the far end has released a block, so must this one.
        tracing::warn!(link = self.line.id(), %reason, "the line is shut down");
        Ok(())
    }

    /// Lets the pool's draws see what state the line is in.
    fn tell_pool(&self) {
        self.drawable.send_replace(drawable(&self.line.status().state));
    }

    async fn with_pool<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&KeyPool) -> Result<T, keys::Error> + Send + 'static,
    {
        let pool = Arc::clone(&self.pool);
        blocking(move || work(&pool)).await?.map_err(|error| Error::Ended {
            message: format!("the key pool of link {}: {error}", self.line.id()),
        })
    }
}

/// The line's state as the pool's draws take it.
pub(crate) fn drawable(state: &LineState) -> keys::LineState {
    match state {
        LineState::Up => keys::LineState::Up,
        LineState::Down => keys::LineState::Down,
        LineState::ShutDown { reason } => keys::LineState::ShutDown { reason: reason.clone() },
    }
}

/// What an end is given to think about.
enum Work {
    Connected { pending: Vec<BlockId>, released: Vec<BlockId> },
    Frame(Bytes),
    Clicks(Clicks),
    Stored(BlockId),
    Start,
    Disconnected,
    Restore,
}

/// One connection while it lasts.
struct Session<'a> {
    driver: &'a mut Driver,
    frames: FrameReceiver,
    pulses: Photons,
    leaving: mpsc::UnboundedSender<Vec<u8>>,
    /// The bases of the block under way, at the receiver.
    bases: Option<Bases>,
    /// Pulses that came and were not measured yet.
    photons: VecDeque<Bytes>,
    /// Nothing is under way.
    idle: bool,
    /// The block under way is for its error rate alone.
    resting: bool,
    last_block: Instant,
}

/// What a session waits for.
enum Event {
    Frame(Option<Bytes>),
    Photons(Option<Bytes>),
    Replaced(Option<Frames>),
    RestoreAsked,
    Look,
}

impl Session<'_> {
    async fn run(mut self, restores: &mut watch::Receiver<u64>) -> Result<Ended, Error> {
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
                Event::Photons(Some(photons)) => self.photons.push_back(photons),
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
        let look = Instant::now() + LOOK_EVERY;
        let sends = matches!(self.pulses, Photons::Leaving(_)) && self.idle;
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
            () = sleep_until(look), if sends => Event::Look,
        }
    }

    /// Whether the sender should distil a block now: the pool wants keys, or it is time to see
    /// whether somebody listens.
    fn wants_block(&mut self) -> bool {
        if matches!(self.driver.line.status().state, LineState::ShutDown { .. }) {
            return false;
        }
        let counts = self.driver.pool.counts();
        self.resting = counts.ready_outgoing.min(counts.ready_incoming) >= self.driver.enough;
        !self.resting || self.last_block.elapsed() >= self.driver.watch_interval
    }

    /// Has the channel carry the pulses, once both they and the bases are there.
    async fn measure(&mut self) -> Result<Option<Ended>, Error> {
        let Way::Wait { channel, .. } = &self.driver.way else {
            return Ok(None);
        };
        if self.photons.is_empty() {
            return Ok(None);
        }
        let (Some(bases), Some(photons)) = (self.bases.take(), self.photons.pop_front()) else {
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
                other => self.settle(other).await?,
            }
        }
        Ok(None)
    }

    /// Keeps a block's keys, and tells the end only then.
    async fn store(&mut self, distilled: Distilled) -> Result<Result<Vec<Output>, Ended>, Error> {
        let Distilled { block, keys, seeded, report } = distilled;
        let count = u64::try_from(keys.len()).unwrap_or(u64::MAX);
        let new = keys.into_iter().map(|key| NewKey {
            id: KeyUuid(key.id),
            direction: match key.outgoing {
                true => keys::Direction::Outgoing,
                false => keys::Direction::Incoming,
            },
            secret: key.secret,
        });
        let new: Vec<NewKey> = new.collect();
        self.driver.with_pool(move |pool| pool.store_pending(block.0, new, seeded)).await?;
        self.driver.unsettled.insert(block, (report, count));
        let answer = self.driver.think(Work::Stored(block)).await?;
        Ok(answer.map_err(|error| Ended::Lost(error.to_string())))
    }

    /// What becomes of keys and of the line.
    async fn settle(&mut self, output: Output) -> Result<(), Error> {
        let driver = &mut *self.driver;
        match output {
            Output::Release(block) => {
                driver.with_pool(move |pool| pool.release(block.0)).await?;
                if let Some((report, keys)) = driver.unsettled.remove(&block) {
                    driver.line.distilled(&report, keys);
                }
            }
            Output::Destroy(block) => {
                driver.with_pool(move |pool| pool.destroy(block.0)).await?;
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
        Ok(())
    }
}

impl Way {
    /// Waits for the two streams of a connection.
    async fn connect(&mut self, line: &Line) -> Result<Connection, String> {
        match self {
            Self::Dial(dial) => {
                let (frames, pulses) = dial.open(line.id()).await?;
                Ok(Connection { frames, pulses: Photons::Leaving(pulses) })
            }
            Self::Wait { incoming, next, .. } => {
                let over = || "this node's server has ended".to_owned();
                let frames = match next.take() {
                    Some(frames) => frames,
                    None => incoming.frames().await.ok_or_else(over)?,
                };
                // Whoever opened one stream and not the other has fallen in between: waiting on
                // would keep out those who come after.
                let pulses = timeout(OPENING, incoming.pulses())
                    .await
                    .map_err(|_| "the far end opened one of two streams".to_owned())?
                    .ok_or_else(over)?;
                Ok(Connection { frames, pulses: Photons::Arriving(pulses) })
            }
        }
    }
}

/// Ends at the time given, if one is.
async fn over(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Runs what computes or waits for the disk off the threads that serve.
async fn blocking<T, F>(work: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    spawn_blocking(work).await.map_err(|error| Error::Ended { message: error.to_string() })
}
