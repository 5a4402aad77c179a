//! The streams between the two ends of a quantum link, as a driver holds them: bytes in, bytes out.
//!
//! One end calls the other; both then hold the same kind of stream. A stream holds a few messages in
//! each direction and makes the sender wait for the reader; it ends for both when either lets go.
//!
//! ```text
//!   driver ── Frames ── client::Link ──mTLS──▶ LinkService ── Port ──▶ Incoming ── Frames ── driver
//!   driver ── Pulses ───────┘                                              └──── Arriving ── driver
//! ```

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use party::SiteId;
use tokio::sync::{mpsc, oneshot};

/// Most bytes of one frame.
pub const MAX_FRAME_BYTES: usize = 4 * 1024 * 1024;

/// Most bytes of one message of pulses.
pub const MAX_PULSES_BYTES: usize = 15 * 1024 * 1024;

/// Frames held for a reader that is behind.
const FRAMES_AHEAD: usize = 8;

/// Messages of pulses held for a channel that is behind.
const PULSES_AHEAD: usize = 1;

/// How long a driver may take to take a stream that was opened to it.
pub(crate) const TAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why something could not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// It is larger than the far end reads.
    #[error("the message has {found} bytes, and may have at most {limit}")]
    TooLarge {
        /// Its bytes.
        found: usize,
        /// The most there may be.
        limit: usize,
    },
    /// The stream is over: the far end has let go, or the connection broke.
    #[error("the far end of the link is gone")]
    Gone,
}

/// A stream of frames in both directions.
#[derive(Debug)]
pub struct Frames {
    outgoing: mpsc::Sender<Bytes>,
    incoming: mpsc::Receiver<Bytes>,
}

impl Frames {
    /// Sends a frame, as soon as there is room for it.
    ///
    /// # Errors
    ///
    /// [`SendError`] when it is too large, or the stream is over.
    pub async fn send(&self, frame: impl Into<Bytes>) -> Result<(), SendError> {
        put(&self.outgoing, frame.into(), MAX_FRAME_BYTES).await
    }

    /// The next frame from the far end; `None` once the stream is over. It may be given up at any
    /// time without losing a frame.
    pub async fn recv(&mut self) -> Option<Bytes> {
        self.incoming.recv().await
    }

    /// What sends and what receives, each by itself. The far end sees the stream end when one of
    /// them is dropped.
    #[must_use]
    pub fn split(self) -> (FrameSender, FrameReceiver) {
        (FrameSender(self.outgoing), FrameReceiver(self.incoming))
    }
}

/// The sending half of [`Frames`].
#[derive(Clone, Debug)]
pub struct FrameSender(mpsc::Sender<Bytes>);

impl FrameSender {
    /// Sends a frame, as soon as there is room for it.
    ///
    /// # Errors
    ///
    /// [`SendError`] when it is too large, or the stream is over.
    pub async fn send(&self, frame: impl Into<Bytes>) -> Result<(), SendError> {
        put(&self.0, frame.into(), MAX_FRAME_BYTES).await
    }
}

/// The receiving half of [`Frames`].
#[derive(Debug)]
pub struct FrameReceiver(mpsc::Receiver<Bytes>);

impl FrameReceiver {
    /// The next frame from the far end; `None` once the stream is over.
    pub async fn recv(&mut self) -> Option<Bytes> {
        self.0.recv().await
    }
}

/// A stream of pulses to the far end, whose channel measures them.
#[derive(Debug)]
pub struct Pulses(pub(crate) mpsc::Sender<Bytes>);

impl Pulses {
    /// Sends pulses, as soon as the channel has room for them.
    ///
    /// # Errors
    ///
    /// [`SendError`] when there are too many at a time, or the stream is over.
    pub async fn send(&self, pulses: impl Into<Bytes>) -> Result<(), SendError> {
        put(&self.0, pulses.into(), MAX_PULSES_BYTES).await
    }
}

/// A stream of pulses from the far end.
#[derive(Debug)]
pub struct Arriving(mpsc::Receiver<Bytes>);

impl Arriving {
    /// The next pulses, as they were sent at a time; `None` once the stream is over. It may be given
    /// up at any time without losing any.
    pub async fn recv(&mut self) -> Option<Bytes> {
        self.0.recv().await
    }
}

async fn put(to: &mpsc::Sender<Bytes>, what: Bytes, limit: usize) -> Result<(), SendError> {
    match what.len() {
        found if found > limit => Err(SendError::TooLarge { found, limit }),
        _ => to.send(what).await.map_err(|_over| SendError::Gone),
    }
}

/// What moves the bytes of [`Frames`] over a connection.
pub(crate) struct Wire {
    /// Frames that came over the connection go here.
    pub(crate) arrived: mpsc::Sender<Bytes>,
    /// Frames that leave over the connection come from here.
    pub(crate) leaving: mpsc::Receiver<Bytes>,
}

/// A stream of frames and the wire that it runs over.
pub(crate) fn frames() -> (Frames, Wire) {
    let (arrived, incoming) = mpsc::channel(FRAMES_AHEAD);
    let (outgoing, leaving) = mpsc::channel(FRAMES_AHEAD);
    (Frames { outgoing, incoming }, Wire { arrived, leaving })
}

/// A stream of pulses, from its sender to its reader.
pub(crate) fn pulses() -> (mpsc::Sender<Bytes>, mpsc::Receiver<Bytes>) {
    mpsc::channel(PULSES_AHEAD)
}

/// A stream that waits to be taken, and whom to tell.
struct Offer<T> {
    stream: T,
    taken: oneshot::Sender<()>,
}

/// Where a server puts the streams that the far end of a link opens. Its clones are one port.
#[derive(Clone)]
pub struct Port {
    link: String,
    far: SiteId,
    frames: mpsc::Sender<Offer<Frames>>,
    pulses: mpsc::Sender<Offer<Arriving>>,
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { link, far, .. } = self;
        f.debug_struct("Port").field("link", link).field("far", far).finish_non_exhaustive()
    }
}

/// Where a driver takes the streams that the far end of its link opens.
pub struct Incoming {
    frames: mpsc::Receiver<Offer<Frames>>,
    pulses: mpsc::Receiver<Offer<Arriving>>,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").finish_non_exhaustive()
    }
}

impl Port {
    /// A port for the link of this id, whose far end is at `far`: what a server needs, and what the
    /// link's driver does.
    #[must_use]
    pub fn new(link: impl Into<String>, far: SiteId) -> (Self, Incoming) {
        let (frames, frames_in) = mpsc::channel(1);
        let (pulses, pulses_in) = mpsc::channel(1);
        let port = Self { link: link.into(), far, frames, pulses };
        (port, Incoming { frames: frames_in, pulses: pulses_in })
    }

    /// The link's id.
    #[must_use]
    pub fn link(&self) -> &str {
        &self.link
    }

    /// The site at the far end, whose key exchange alone may open streams.
    #[must_use]
    pub const fn far(&self) -> &SiteId {
        &self.far
    }

    /// Gives the driver a stream of frames; false when it does not take it in time.
    pub(crate) async fn offer_frames(&self, stream: Frames) -> bool {
        offer(&self.frames, stream).await
    }

    /// Gives the driver a stream of pulses; false when it does not take it in time.
    pub(crate) async fn offer_pulses(&self, stream: mpsc::Receiver<Bytes>) -> bool {
        offer(&self.pulses, Arriving(stream)).await
    }
}

impl Incoming {
    /// The next stream of frames that the far end opens; a driver lets go of the one before. `None`
    /// once there is no server any more.
    pub async fn frames(&mut self) -> Option<Frames> {
        take(&mut self.frames).await
    }

    /// The next stream of pulses that the far end opens. `None` once there is no server any more.
    pub async fn pulses(&mut self) -> Option<Arriving> {
        take(&mut self.pulses).await
    }
}

async fn offer<T>(to: &mpsc::Sender<Offer<T>>, stream: T) -> bool {
    let (taken, told) = oneshot::channel();
    let given = async { to.send(Offer { stream, taken }).await.is_ok() && told.await.is_ok() };
    tokio::time::timeout(TAKE_TIMEOUT, given).await.unwrap_or(false)
}

async fn take<T>(from: &mut mpsc::Receiver<Offer<T>>) -> Option<T> {
    loop {
        let Offer { stream, taken } = from.recv().await?;
        // Who opened it may have left meanwhile: such a stream is over before it begins.
        if taken.send(()).is_ok() {
            return Some(stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port() -> (Port, Incoming) {
        Port::new("hz-xs", "hangzhou".parse().unwrap())
    }

    #[tokio::test]
    async fn a_frame_that_is_too_large_is_not_sent() {
        let (frames, mut wire) = frames();
        let limit = MAX_FRAME_BYTES;
        let refused = frames.send(vec![0; limit + 1]).await;
        assert_eq!(refused, Err(SendError::TooLarge { found: limit + 1, limit }));
        frames.send(vec![7; limit]).await.unwrap();
        assert_eq!(wire.leaving.recv().await.unwrap().len(), limit);
    }

    #[tokio::test]
    async fn a_stream_whose_wire_broke_is_over_in_both_directions() {
        let (mut frames, wire) = frames();
        drop(wire);
        assert_eq!(frames.recv().await, None);
        assert_eq!(frames.send(vec![1]).await, Err(SendError::Gone));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_no_driver_takes_is_given_up() {
        let (port, mut incoming) = port();
        assert!(!port.offer_frames(frames().0).await, "nobody took it in time");
        // The one that was given up is not taken afterwards either.
        let (live, wire) = frames();
        let (offered, taken) = tokio::join!(port.offer_frames(live), incoming.frames());
        assert!(offered);
        taken.unwrap().send(vec![9]).await.unwrap();
        let mut wire = wire;
        assert_eq!(wire.leaving.recv().await.unwrap().as_ref(), [9]);
    }

    #[tokio::test]
    async fn a_port_without_a_driver_takes_nothing() {
        let (port, incoming) = port();
        drop(incoming);
        assert!(!port.offer_pulses(pulses().1).await);
    }
}
