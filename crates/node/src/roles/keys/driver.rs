//! Drive one end of a quantum link: its connections, its channel, its pool.
//!
//! What the end computes and what the pool syncs runs on threads that may block. The order of the
//! end's outputs is kept, so that the keys of a block are released only after both pools hold them.

mod session;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use keys::{KeyPool, KeyUuid, NewKey};
use parking_lot::Mutex;
use qkd::{
    BlockId, Channel, Clicks, Distilled, End, EndKind, Input, Line, LineState, Output, Report,
};
use rpc::link::{Arriving, Frames, Incoming, Pulses};
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use self::session::Session;
use super::verdict::Verdict;
use crate::Error;

/// How long to wait before the first new attempt at a connection that was lost, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long the far end may take between its first stream and its second.
const OPENING: Duration = Duration::from_secs(10);

/// How long the far end may be away before the line counts as down.
const GRACE: Duration = Duration::from_secs(1);

/// How often an end looks how many keys its pool wants.
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
    /// How many keys wait here to be drawn before this end wishes no more.
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
        let session = Session::new(self, frames, pulses, leaving);
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
                Work::Wanted(keys) => end.on(Input::Wanted(keys)),
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

    /// Does something with the pool.
    ///
    /// What the pool refuses, the far end has brought about with ids of its own choice, and it ends
    /// the connection; only a disk that fails or lies ends this process.
    async fn with_pool<T, F>(&self, work: F) -> Result<Result<T, Ended>, Error>
    where
        T: Send + 'static,
        F: FnOnce(&KeyPool) -> Result<T, keys::Error> + Send + 'static,
    {
        let pool = Arc::clone(&self.pool);
        let link = self.line.id();
        match blocking(move || work(&pool)).await? {
            Ok(done) => Ok(Ok(done)),
            Err(
                error @ (keys::Error::Malformed { .. }
                | keys::Error::BlockState { .. }
                | keys::Error::BlockUnknown { .. }),
            ) => {
                tracing::warn!(link, %error, "the far end names keys or blocks that it may not");
                Ok(Err(Ended::Lost(error.to_string())))
            }
            Err(error) => {
                let message = format!("the key pool of link {link}: {error}");
                Err(Error::Ended { message })
            }
        }
    }

    /// Keeps a block's keys, pending. Those that are refused are wiped.
    async fn keep(&mut self, distilled: Distilled) -> Result<Result<BlockId, Ended>, Error> {
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
        let kept = self.with_pool(move |pool| pool.store_pending(block.0, new, seeded)).await?;
        Ok(kept.map(|()| {
            self.unsettled.insert(block, (report, count));
            block
        }))
    }

    /// How many more keys this end wishes to have to draw.
    fn wanted(&self) -> u32 {
        let missing = self.enough.saturating_sub(self.pool.counts().ready_outgoing);
        u32::try_from(missing).unwrap_or(u32::MAX)
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
    Wanted(u32),
    Start,
    Disconnected,
    Restore,
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
                // Kept where it outlives this wait, which may be given up for another one.
                if next.is_none() {
                    *next = Some(incoming.frames().await.ok_or_else(over)?);
                }
                let mut deadline = Instant::now() + OPENING;
                // Whoever opened one stream and not the other has fallen in between: waiting for it
                // alone would keep out those who come after.
                let pulses = loop {
                    if let Ok(pulses) = timeout(LOOK_EVERY, incoming.pulses()).await {
                        break pulses.ok_or_else(over)?;
                    }
                    if let Ok(newer) = timeout(Duration::ZERO, incoming.frames()).await {
                        *next = Some(newer.ok_or_else(over)?);
                        deadline = Instant::now() + OPENING;
                    }
                    if Instant::now() >= deadline {
                        *next = None;
                        return Err("the far end opened one of two streams".to_owned());
                    }
                };
                let frames = next.take().ok_or_else(over)?;
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

#[cfg(test)]
mod tests;
