//! The first three messages of each end: who is there, what is pending, what becomes of it.
//!
//! A block is pending at an end from when its keys are stored until it is released or destroyed.
//! The sender releases a block only when the receiver holds it, pending; the receiver releases it
//! only when the sender has. So after a connection broke, a pending block is released if the far
//! end has released it, and destroyed otherwise, at both ends by the same rule.

use std::collections::BTreeSet;

use super::{End, Output, Session, Stage, Telling};
use crate::chain::Chain;
use crate::message::{MAX_BLOCKS, Message, Stand};
use crate::{BlockId, Error};

impl End {
    pub(super) fn connected(
        &mut self,
        mut pending: Vec<BlockId>,
        released: Vec<BlockId>,
    ) -> Result<Vec<Output>, Error> {
        pending.sort_unstable();
        pending.dedup();
        // More than a few cannot be; what is too much waits for the next connection.
        pending.truncate(MAX_BLOCKS);
        self.session = Some(Session {
            chain: Chain::new(self.identity.clone(), self.kind),
            stage: Stage::Greeting,
            pending,
            released: released.into_iter().collect(),
            far_seeded: false,
            told: 0,
            far_wanted: 0,
        });
        let nonce = self.source.array()?;
        let parameters = self.parameters.digest();
        Ok(vec![self.send(&Message::Hello { nonce, end: self.kind, parameters })?])
    }

    pub(super) fn greeted(&mut self, message: Message) -> Result<Vec<Output>, Error> {
        let Message::Hello { end, parameters, .. } = message else {
            return Err(Error::PeerMisbehaved { why: "it does not greet" });
        };
        if end == self.kind {
            return Err(Error::PeerMisbehaved { why: "it is the same end of the link" });
        }
        if parameters != self.parameters.digest() {
            return Err(Error::ParametersDiffer);
        }
        let stand = match (&self.shut_down, self.telling) {
            (Some(reason), _) => Stand::ShutDown(plain(reason)),
            (None, Telling::Nothing) => Stand::Open,
            (None, _) => Stand::Restored,
        };
        let session = self.session.as_mut().ok_or(Error::SessionEnded)?;
        session.stage = Stage::Stating;
        let pending = session.pending.clone();
        let seeded = self.source.is_seeded();
        Ok(vec![self.tell(&Message::State { pending, stand, seeded })?])
    }

    pub(super) fn stated(&mut self, message: Message) -> Result<Vec<Output>, Error> {
        let Message::State { pending, stand, seeded } = message else {
            return Err(Error::PeerMisbehaved { why: "it does not say how it stands" });
        };
        let session = self.session.as_mut().ok_or(Error::SessionEnded)?;
        session.far_seeded = seeded;
        session.stage = Stage::Resolving;
        let released =
            pending.into_iter().filter(|block| session.released.contains(block)).collect();
        let mut outputs = vec![self.send(&Message::Resolved { released })?];
        match stand {
            // Restored here since: the far end learns it from our own state.
            Stand::ShutDown(_) if self.telling != Telling::Nothing => {}
            Stand::ShutDown(reason) if self.shut_down.is_none() => {
                outputs.push(self.shut(reason, None));
            }
            Stand::Restored if self.shut_down.is_some() => {
                self.shut_down = None;
                outputs.push(Output::Restored);
            }
            Stand::Open | Stand::Restored | Stand::ShutDown(_) => {}
        }
        Ok(outputs)
    }

    pub(super) fn resolved(&mut self, message: Message) -> Result<Vec<Output>, Error> {
        let Message::Resolved { released } = message else {
            return Err(Error::PeerMisbehaved { why: "it does not say what it released" });
        };
        let session = self.session.as_mut().ok_or(Error::SessionEnded)?;
        let pending = std::mem::take(&mut session.pending);
        let released: BTreeSet<BlockId> = released.into_iter().collect();
        if !released.iter().all(|block| pending.contains(block)) {
            return Err(Error::PeerMisbehaved { why: "it released what is not pending" });
        }
        let mut outputs: Vec<Output> = pending
            .into_iter()
            .map(|block| {
                if released.contains(&block) {
                    session.released.insert(block);
                    Output::Release(block)
                } else {
                    Output::Destroy(block)
                }
            })
            .collect();
        session.stage = Stage::Idle;
        outputs.extend(self.tell_wanted()?);
        if self.shut_down.is_none() {
            outputs.push(Output::Idle);
        }
        Ok(outputs)
    }
}

/// A reason as it may stand in a message.
pub(super) fn plain(reason: &str) -> String {
    let mut plain: String = reason.chars().filter(|c| !c.is_control()).collect();
    let end = (0..=crate::message::MAX_REASON_BYTES).rev().find(|at| plain.is_char_boundary(*at));
    plain.truncate(end.unwrap_or_default());
    plain
}
