//! One end of a link, without input or output of its own.

use std::sync::Arc;

use party::{ConsortiumId, PublicKey, SiteId};
use statement::SigningKey;

use crate::{Bases, BlockId, Clicks, Distilled, EndKind, Error, Parameters, Randomness, Report};

/// Who the two ends are, and the keys that sign their frames.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The link's name: `[a-z0-9-]{1,63}`.
    pub link: String,
    /// The consortium it belongs to.
    pub consortium: ConsortiumId,
    /// This end's site.
    pub near: SiteId,
    /// The far end's site.
    pub far: SiteId,
    /// This site's link key; it signs nothing but frames of links.
    pub signing: Arc<SigningKey>,
    /// The far site's link key, as the consortium registered it.
    pub far_key: PublicKey,
}

/// What comes to an end.
#[derive(Debug)]
pub enum Input<'a> {
    /// A connection to the far end stands. Clears whatever was under way.
    Connected {
        /// The blocks whose keys the pool holds, pending.
        pending: Vec<BlockId>,
        /// The blocks whose keys the pool has released, the newest of them at least.
        released: Vec<BlockId>,
    },
    /// The far end sent a frame.
    Frame(&'a [u8]),
    /// The channel has carried the pulses (receiver only).
    Clicks(Clicks),
    /// The pool holds the block's keys, pending, synced.
    Stored(BlockId),
    /// Distil one block (sender only).
    Start,
    /// The connection is gone.
    Disconnected,
}

/// What an end wants done; the outputs of one call are done in their order.
#[derive(Debug)]
pub enum Output {
    /// Send this to the far end.
    Frame(Vec<u8>),
    /// Send these into the channel (sender only).
    Pulses(Vec<u8>),
    /// Have the channel carry the block's pulses with these bases (receiver only), then give
    /// [`Input::Clicks`].
    Measure {
        /// The block.
        block: BlockId,
        /// The bases.
        bases: Bases,
    },
    /// Keep the keys, pending, synced, then give [`Input::Stored`].
    Store(Distilled),
    /// Make the block's keys ready, synced, before anything else is done.
    Release(BlockId),
    /// Destroy the block's pending keys, synced.
    Destroy(BlockId),
    /// The block gave no key, by no fault of the line; another may be started.
    Abandoned {
        /// The block.
        block: BlockId,
        /// Why.
        reason: String,
    },
    /// The line is shut down: no key is drawn from it until it is restored.
    ShutDown {
        /// Why, with the figures.
        reason: String,
        /// The figures of the block, if a block was the cause.
        report: Option<Report>,
    },
    /// The far end has restored the line.
    Restored,
    /// Nothing is under way; the sender may be given [`Input::Start`].
    Idle,
}

/// One end of a link.
#[derive(Debug)]
pub struct End {
    identity: Identity,
    kind: EndKind,
    shut_down: Option<String>,
}

impl End {
    /// The end that sends the photons.
    ///
    /// # Errors
    ///
    /// [`Error::ParameterInvalid`] if the link has no good name or a parameter is out of its range.
    pub fn sender(
        identity: Identity,
        parameters: Parameters,
        randomness: Randomness,
    ) -> Result<Self, Error> {
        Self::new(EndKind::Sender, identity, parameters, randomness)
    }

    /// The end that detects them.
    ///
    /// # Errors
    ///
    /// As for [`End::sender`].
    pub fn receiver(
        identity: Identity,
        parameters: Parameters,
        randomness: Randomness,
    ) -> Result<Self, Error> {
        Self::new(EndKind::Receiver, identity, parameters, randomness)
    }

    fn new(
        kind: EndKind,
        identity: Identity,
        parameters: Parameters,
        _randomness: Randomness,
    ) -> Result<Self, Error> {
        parameters.check()?;
        Ok(Self { identity, kind, shut_down: None })
    }

    /// Takes what came, and says what to do.
    ///
    /// # Errors
    ///
    /// If [`Error::ends_session`], drop the connection: the end takes nothing more until
    /// [`Input::Connected`]. Otherwise the end is as it was.
    pub fn on(&mut self, _input: Input<'_>) -> Result<Vec<Output>, Error> {
        let _ = &self.identity;
        Err(Error::SessionEnded)
    }

    /// Which end this is.
    #[must_use]
    pub const fn kind(&self) -> EndKind {
        self.kind
    }

    /// Why the line is shut down, if it is.
    #[must_use]
    pub fn shut_down(&self) -> Option<&str> {
        self.shut_down.as_deref()
    }

    /// Says that the line was shut down before this process started.
    pub fn set_shut_down(&mut self, reason: String) {
        self.shut_down = Some(reason);
    }

    /// Opens the line again, here and, at once or upon the next connection, at the far end.
    ///
    /// # Errors
    ///
    /// As [`End::on`].
    pub fn restore(&mut self) -> Result<Vec<Output>, Error> {
        self.shut_down = None;
        Ok(Vec::new())
    }
}
