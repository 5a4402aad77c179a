//! A block at the end that sends the photons.

use super::harvest::{Weighed, cut, draw_ids, key_count, share};
use super::{End, Output, Stage as At};
use crate::bits::Bits;
use crate::cascade::{Answerer, Schedule};
use crate::channel::Pulses;
use crate::message::Message;
use crate::sift::{pick, sift};
use crate::{BlockId, Distilled, Error, Report, toeplitz};

/// How far a block has come.
#[derive(Debug)]
pub(super) enum Stage {
    /// Waits for `Ready`.
    Prepared(BlockId),
    /// The photons are on their way; waits for `Clicked`.
    Sent(Pulses),
    /// Answers Cascade; waits for `Done`.
    Answering(Box<(Weighed, Answerer, u32)>),
    /// Waits for `Confirm`; the keys are nowhere but here.
    Finished(Box<Distilled>),
    /// Waits for the pool.
    Storing(BlockId),
}

impl Stage {
    /// The figures of a block that the far end may still halt.
    pub(super) fn report(&self) -> Result<Option<Report>, Error> {
        match self {
            Self::Prepared(_) | Self::Sent(_) => Ok(None),
            Self::Answering(inner) => Ok(Some(inner.0.report)),
            Self::Finished(_) | Self::Storing(_) => {
                Err(Error::PeerMisbehaved { why: "it halts when the keys are made" })
            }
        }
    }
}

impl End {
    pub(super) fn begin(&mut self) -> Result<Vec<Output>, Error> {
        let block = BlockId(self.source.array()?);
        // Who wishes none now gets none of this block, though the other has enough meanwhile.
        self.sharing = (self.wanted, self.far_wanted());
        self.set_stage(At::Sending(Stage::Prepared(block)));
        Ok(vec![self.send(&Message::Prepare { block })?])
    }

    pub(super) fn sender_takes(
        &mut self,
        stage: Stage,
        message: Message,
    ) -> Result<Vec<Output>, Error> {
        match (stage, message) {
            (Stage::Prepared(ours), Message::Ready { block }) if ours == block => {
                let pulses = Pulses::draw(block, &self.parameters, &mut self.source)?;
                let photons = pulses.emit();
                self.set_stage(At::Sending(Stage::Sent(pulses)));
                Ok(vec![Output::Pulses(photons)])
            }
            (Stage::Sent(pulses), Message::Clicked { block, seeded, detected, bases, tests })
                if pulses.block == block =>
            {
                self.clicked(&pulses, seeded, [&detected, &bases, &tests])
            }
            (Stage::Answering(mut inner), Message::Ask(ask)) => {
                let refused =
                    |refusal: crate::cascade::Refusal| Error::PeerMisbehaved { why: refusal.0 };
                let parities = inner.1.answer(&ask).map_err(refused)?;
                inner.2 = inner.2.saturating_add(1);
                self.set_stage(At::Sending(Stage::Answering(inner)));
                Ok(vec![self.send(&Message::Parities(parities.0.to_bytes().to_vec()))?])
            }
            (Stage::Answering(inner), Message::Done { leak_bits, corrected_bits, round_trips }) => {
                let (mut weighed, answerer, asks) = *inner;
                // A bit is turned upon a parity, so more bits than parities cannot be.
                if leak_bits != answerer.leak_bits()
                    || round_trips != asks
                    || corrected_bits > leak_bits
                {
                    return Err(Error::PeerMisbehaved { why: "it counts the parities otherwise" });
                }
                weighed.reconciled(&self.parameters, leak_bits, corrected_bits, asks);
                self.finish(weighed, &answerer.into_bits())
            }
            (Stage::Finished(distilled), Message::Confirm { block })
                if distilled.block == block =>
            {
                self.give_out(block);
                self.set_stage(At::Sending(Stage::Storing(block)));
                Ok(vec![Output::Store(*distilled)])
            }
            (Stage::Finished(distilled), Message::Abandon { block })
                if distilled.block == block =>
            {
                let reason = "errors were left after reconciliation".to_owned();
                Ok(vec![Output::Abandoned { block, reason }, Output::Idle])
            }
            _ => Err(Error::PeerMisbehaved { why: "it sends what the block does not want now" }),
        }
    }

    /// Takes the whole click message; only now is anything of the block revealed.
    fn clicked(
        &mut self,
        pulses: &Pulses,
        seeded: bool,
        [detected, bases, tests]: [&[u8]; 3],
    ) -> Result<Vec<Output>, Error> {
        let wrong = Error::PeerMisbehaved { why: "its clicks do not fit the pulses" };
        let detected =
            Bits::from_bytes(detected, pulses.bases.len()).ok_or_else(|| wrong.clone())?;
        let clicks = detected.count_ones();
        let theirs = Bits::from_bytes(bases, clicks).ok_or_else(|| wrong.clone())?;
        let their_tests = Bits::from_bytes(tests, theirs.count_ones()).ok_or(wrong)?;
        let ours = pick(&detected, &pulses.bases);
        let values = pick(&detected, &pulses.values);
        let sifted = sift(&ours, &theirs, &values);
        // The receiver sent its bits of all clicks in X; those count that were sent in X.
        let their_tests = pick(&pick(&theirs, &ours), &their_tests);
        let seeded = seeded || self.is_seeded();
        let weighed = Weighed::new(
            &self.parameters,
            pulses.block,
            clicks,
            &sifted.key,
            (&sifted.tests, &their_tests),
            seeded,
        );
        let shuffle = self.source.array()?;
        let mut outputs = vec![self.send(&Message::Sifted {
            block: pulses.block,
            bases: ours.to_bytes().to_vec(),
            tests: sifted.tests.to_bytes().to_vec(),
            shuffle,
        })?];
        let Some(limit) = weighed.limit_bits else {
            let reason = weighed.reason(&self.parameters);
            outputs.extend(self.halt(reason, Some(weighed.report))?);
            return Ok(outputs);
        };
        let schedule = Schedule::new(weighed.estimate.sifted_bits, weighed.estimate.qber, shuffle);
        let answerer = Answerer::from_bits(sifted.key, schedule, limit);
        self.set_stage(At::Sending(Stage::Answering(Box::new((weighed, answerer, 0)))));
        Ok(outputs)
    }

    /// Hashes the bits, draws the seeds, and keeps the keys until the receiver has them.
    fn finish(&mut self, weighed: Weighed, bits: &Bits) -> Result<Vec<Output>, Error> {
        let key_bits = weighed.report.key_bits;
        if key_bits == 0 {
            return self.halt(weighed.reason(&self.parameters), Some(weighed.report));
        }
        let (tag_len, len) = (weighed.estimate.tag_bits as usize, key_bits as usize);
        let tag_seed = Bits::random(toeplitz::seed_len(bits.len(), tag_len), &mut self.source)?;
        let seed = Bits::random(toeplitz::seed_len(bits.len(), len), &mut self.source)?;
        let ids = draw_ids(key_bits, &mut self.source)?;
        let outgoing = share(key_count(key_bits), self.sharing.0, self.sharing.1);
        let distilled = Distilled {
            block: weighed.block,
            keys: cut(&toeplitz::hash(bits, &seed, len), &ids, outgoing, true),
            seeded: weighed.seeded,
            report: weighed.report,
        };
        self.set_stage(At::Sending(Stage::Finished(Box::new(distilled))));
        Ok(vec![self.send(&Message::Finish {
            key_bits,
            outgoing,
            ids,
            tag_seed: tag_seed.to_bytes().to_vec(),
            tag: toeplitz::hash(bits, &tag_seed, tag_len).to_bytes().to_vec(),
            seed: seed.to_bytes().to_vec(),
        })?])
    }

    /// Whether a seed stands behind any randomness of this session.
    pub(super) fn is_seeded(&self) -> bool {
        self.source.is_seeded() || self.session.as_ref().is_some_and(|session| session.far_seeded)
    }
}
