//! One end of a link, without input or output of its own.

mod greeting;
mod harvest;
mod receiver;
mod sender;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use party::{ConsortiumId, PublicKey, SiteId};
use statement::SigningKey;

use crate::chain::Chain;
use crate::message::Message;
use crate::randomness::Source;
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
    /// This end wishes to have so many more keys to draw. The sender shares a block out as both
    /// ends wish, and in halves if neither wishes any.
    Wanted(u32),
    /// Distil one block (sender only).
    Start,
    /// The connection is gone.
    Disconnected,
}

/// What an end wants done; the outputs of one call are done in their order.
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

impl fmt::Debug for Output {
    // The photons bear the sender's bits, and the keys are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(frame) => write!(f, "Frame({} bytes)", frame.len()),
            Self::Pulses(pulses) => write!(f, "Pulses({} bytes)", pulses.len()),
            Self::Measure { block, .. } => write!(f, "Measure({block})"),
            Self::Store(distilled) => {
                write!(f, "Store({}, {} keys)", distilled.block, distilled.keys.len())
            }
            Self::Release(block) => write!(f, "Release({block})"),
            Self::Destroy(block) => write!(f, "Destroy({block})"),
            Self::Abandoned { block, reason } => write!(f, "Abandoned({block}: {reason})"),
            Self::ShutDown { reason, .. } => write!(f, "ShutDown({reason})"),
            Self::Restored => f.write_str("Restored"),
            Self::Idle => f.write_str("Idle"),
        }
    }
}

/// How many blocks an end remembers whose keys it gave out and heard nothing of.
const MAX_UNSETTLED: usize = 64;

/// How many frames may be on their way when the receiver says what it wishes.
const MAX_UNHEARD: u64 = 64;

/// One end of a link.
#[derive(Debug)]
pub struct End {
    identity: Identity,
    kind: EndKind,
    parameters: Parameters,
    source: Source,
    shut_down: Option<String>,
    telling: Telling,
    /// How many more keys this end wishes to draw.
    wanted: u32,
    /// What both ends wished when the block under way was started (sender only).
    sharing: (u32, u32),
    /// Blocks whose keys were given out to be stored, and of which nothing was heard since; the
    /// newest of them.
    unsettled: VecDeque<BlockId>,
    session: Option<Session>,
}

/// Whether the far end is still to learn that the line was restored here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    Nothing,
    Untold,
    /// Told in the frame of this number; done once the far end has seen it.
    Told(u64),
}

/// One connection.
#[derive(Debug)]
struct Session {
    chain: Chain,
    stage: Stage,
    pending: Vec<BlockId>,
    released: BTreeSet<BlockId>,
    /// Whether the far end's randomness comes from a seed.
    far_seeded: bool,
    /// How many keys the far end was told that this one wishes to draw.
    told: u32,
    /// How many the far end wishes to draw.
    far_wanted: u32,
}

/// How far a connection has come.
#[derive(Debug)]
enum Stage {
    /// Waits for the far end's `Hello`.
    Greeting,
    /// Waits for its `State`.
    Stating,
    /// Waits for its `Resolved`.
    Resolving,
    /// Nothing is under way.
    Idle,
    Sending(sender::Stage),
    Receiving(receiver::Stage),
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
        Self::new(EndKind::Sender, identity, parameters, &randomness)
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
        Self::new(EndKind::Receiver, identity, parameters, &randomness)
    }

    fn new(
        kind: EndKind,
        identity: Identity,
        parameters: Parameters,
        randomness: &Randomness,
    ) -> Result<Self, Error> {
        parameters.check()?;
        // A link is named as a site is.
        if identity.link.parse::<SiteId>().is_err() {
            return Err(Error::ParameterInvalid { name: "link", range: "[a-z0-9-]{1,63}" });
        }
        if identity.near == identity.far {
            return Err(Error::ParameterInvalid { name: "far", range: "another site than near" });
        }
        Ok(Self {
            identity,
            kind,
            parameters,
            source: randomness.source(),
            shut_down: None,
            telling: Telling::Nothing,
            wanted: 0,
            sharing: (0, 0),
            unsettled: VecDeque::new(),
            session: None,
        })
    }

    /// Takes what came, and says what to do.
    ///
    /// # Errors
    ///
    /// If [`Error::ends_session`], drop the connection: the end takes nothing more until
    /// [`Input::Connected`]. Otherwise the end is as it was.
    pub fn on(&mut self, input: Input<'_>) -> Result<Vec<Output>, Error> {
        let answer = match input {
            Input::Connected { pending, released } => self.connected(pending, released),
            Input::Disconnected => {
                self.session = None;
                Ok(Vec::new())
            }
            Input::Frame(frame) => self.frame(frame),
            Input::Wanted(keys) => {
                self.wanted = keys;
                self.tell_wanted()
            }
            Input::Start => self.start(),
            Input::Clicks(clicks) => self.clicks(&clicks),
            Input::Stored(block) => self.stored(block),
        };
        if answer.as_ref().is_err_and(Error::ends_session) {
            // What is pending stays so until the ends have met again.
            self.session = None;
        }
        answer
    }

    /// Which end this is.
    #[must_use]
    pub const fn kind(&self) -> EndKind {
        self.kind
    }

    /// How many more keys the far end wishes to have to draw, as it last said on this connection; the
    /// sender alone is told.
    #[must_use]
    pub fn far_wanted(&self) -> u32 {
        self.session.as_ref().map_or(0, |session| session.far_wanted)
    }

    /// Why the line is shut down, if it is.
    #[must_use]
    pub fn shut_down(&self) -> Option<&str> {
        self.shut_down.as_deref()
    }

    /// Says that the line was shut down before this process started.
    pub fn set_shut_down(&mut self, reason: String) {
        self.telling = Telling::Nothing;
        self.shut_down = Some(reason);
    }

    /// Whether nothing is under way on a connection, so that a block could be started.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.shut_down.is_none()
            && self.session.as_ref().is_some_and(|session| matches!(session.stage, Stage::Idle))
    }

    /// Opens the line again, here and, at once or upon the next connection, at the far end.
    ///
    /// # Errors
    ///
    /// As [`End::on`].
    pub fn restore(&mut self) -> Result<Vec<Output>, Error> {
        self.shut_down = None;
        self.telling = Telling::Untold;
        let Some(session) = &self.session else { return Ok(Vec::new()) };
        if matches!(session.stage, Stage::Greeting) {
            return Ok(Vec::new());
        }
        let idle = matches!(session.stage, Stage::Idle);
        let mut outputs = vec![self.tell(&Message::Restore)?];
        if idle {
            outputs.push(Output::Idle);
        }
        Ok(outputs)
    }

    /// Signs a message for the far end.
    fn send(&mut self, message: &Message) -> Result<Output, Error> {
        let session = self.session.as_mut().ok_or(Error::SessionEnded)?;
        session.chain.send(message).map(Output::Frame)
    }

    /// Signs the message that says that the line was restored, and notes that it was said.
    fn tell(&mut self, message: &Message) -> Result<Output, Error> {
        let session = self.session.as_ref().ok_or(Error::SessionEnded)?;
        if self.telling != Telling::Nothing {
            self.telling = Telling::Told(session.chain.sent());
        }
        self.send(message)
    }

    fn set_stage(&mut self, stage: Stage) {
        if let Some(session) = &mut self.session {
            session.stage = stage;
        }
    }

    /// Shuts the line down on this end's own account, and says so.
    fn halt(&mut self, reason: String, report: Option<Report>) -> Result<Vec<Output>, Error> {
        self.set_stage(Stage::Idle);
        let frame = self.send(&Message::Halt { reason: reason.clone() })?;
        Ok(vec![frame, self.shut(reason, report)])
    }

    fn shut(&mut self, reason: String, report: Option<Report>) -> Output {
        self.telling = Telling::Nothing;
        self.shut_down = Some(reason.clone());
        Output::ShutDown { reason, report }
    }

    fn frame(&mut self, frame: &[u8]) -> Result<Vec<Output>, Error> {
        let session = self.session.as_mut().ok_or(Error::SessionEnded)?;
        let message = session.chain.take(frame)?;
        if let Telling::Told(number) = self.telling
            && session.chain.seen() > number
        {
            self.telling = Telling::Nothing;
        }
        // Each stage is taken out; whoever goes on puts the next one in.
        match (std::mem::replace(&mut session.stage, Stage::Idle), message) {
            (Stage::Greeting, message) => self.greeted(message),
            (stage, Message::Halt { reason }) => self.halted(stage, reason),
            (stage, Message::Restore) => self.restored(stage),
            (stage, Message::Wants { keys }) => self.wants(stage, keys),
            (Stage::Stating, message) => self.stated(message),
            (Stage::Resolving, message) => self.resolved(message),
            (Stage::Idle, message) => self.unexpected(&message),
            (Stage::Sending(stage), message) => self.sender_takes(stage, message),
            (Stage::Receiving(stage), message) => self.receiver_takes(stage, message),
        }
    }

    /// Takes a message that came while nothing was under way.
    fn unexpected(&mut self, message: &Message) -> Result<Vec<Output>, Error> {
        match (message, &self.shut_down, self.kind) {
            (Message::Prepare { .. }, Some(reason), EndKind::Receiver) => {
                let reason = reason.clone();
                Ok(vec![self.send(&Message::Halt { reason })?])
            }
            // The far end has not yet heard that the line is shut down.
            (_, Some(_), _) => Ok(Vec::new()),
            (Message::Prepare { block }, None, EndKind::Receiver) => self.prepare(*block),
            _ => Err(Error::PeerMisbehaved { why: "it speaks out of turn" }),
        }
    }

    fn halted(&mut self, stage: Stage, reason: String) -> Result<Vec<Output>, Error> {
        let report = match &stage {
            Stage::Sending(stage) => stage.report()?,
            Stage::Receiving(stage) => stage.report()?,
            // Between the greetings the stage is needed still.
            Stage::Greeting | Stage::Stating | Stage::Resolving => {
                self.set_stage(stage);
                None
            }
            Stage::Idle => None,
        };
        if self.shut_down.is_some() {
            return Ok(Vec::new());
        }
        Ok(vec![self.shut(reason, report)])
    }

    fn restored(&mut self, stage: Stage) -> Result<Vec<Output>, Error> {
        let idle = matches!(stage, Stage::Idle);
        self.set_stage(stage);
        if self.shut_down.take().is_none() {
            return Ok(Vec::new());
        }
        let mut outputs = vec![Output::Restored];
        if idle {
            outputs.push(Output::Idle);
        }
        Ok(outputs)
    }

    fn stored(&mut self, block: BlockId) -> Result<Vec<Output>, Error> {
        let Some(at) = self.unsettled.iter().position(|given| *given == block) else {
            return Ok(Vec::new());
        };
        self.unsettled.remove(at);
        let Some(session) = &mut self.session else { return Ok(vec![Output::Destroy(block)]) };
        match std::mem::replace(&mut session.stage, Stage::Idle) {
            Stage::Sending(sender::Stage::Storing(stored)) if stored == block => {
                let confirmed = self.send(&Message::Confirmed { block })?;
                Ok(vec![Output::Release(block), confirmed, Output::Idle])
            }
            Stage::Receiving(receiver::Stage::Storing(stored)) if stored == block => {
                self.set_stage(Stage::Receiving(receiver::Stage::Confirming(block)));
                Ok(vec![self.send(&Message::Confirm { block })?])
            }
            // It was stored for a connection that is gone, of which this end has confirmed
            // nothing: the far end cannot have released it.
            stage => {
                self.set_stage(stage);
                Ok(vec![Output::Destroy(block)])
            }
        }
    }

    /// Tells the sender how many keys this end wishes to draw, when that has changed.
    fn tell_wanted(&mut self) -> Result<Vec<Output>, Error> {
        let (kind, keys) = (self.kind, self.wanted);
        let Some(session) = &mut self.session else { return Ok(Vec::new()) };
        let greets = matches!(session.stage, Stage::Greeting | Stage::Stating | Stage::Resolving);
        // A sender that says nothing has enough to read already.
        let unheard = session.chain.sent().saturating_sub(session.chain.seen());
        if kind == EndKind::Sender || greets || session.told == keys || unheard > MAX_UNHEARD {
            return Ok(Vec::new());
        }
        session.told = keys;
        Ok(vec![self.send(&Message::Wants { keys })?])
    }

    fn wants(&mut self, stage: Stage, keys: u32) -> Result<Vec<Output>, Error> {
        if self.kind == EndKind::Receiver {
            return Err(Error::PeerMisbehaved { why: "it wants keys that it shares out itself" });
        }
        self.set_stage(stage);
        if let Some(session) = &mut self.session {
            session.far_wanted = keys;
        }
        Ok(Vec::new())
    }

    /// Notes that a block's keys are given out to be stored.
    fn give_out(&mut self, block: BlockId) {
        // Whoever drives this end may never store them; their memory must not grow.
        if self.unsettled.len() == MAX_UNSETTLED {
            self.unsettled.pop_front();
        }
        self.unsettled.push_back(block);
    }

    fn start(&mut self) -> Result<Vec<Output>, Error> {
        if self.kind == EndKind::Receiver {
            return Err(Error::WrongEnd { wanted: EndKind::Sender.as_str() });
        }
        if let Some(reason) = &self.shut_down {
            return Err(Error::LineShutDown { reason: reason.clone() });
        }
        match self.session.as_ref().map(|session| &session.stage) {
            Some(Stage::Idle) => self.begin(),
            Some(_) => Err(Error::NotIdle { what: "it is greeting, or a block is under way" }),
            None => Err(Error::NotIdle { what: "it is not connected" }),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
