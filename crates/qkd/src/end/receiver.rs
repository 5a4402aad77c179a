//! A block at the end that detects the photons.

use super::harvest::{Weighed, check_ids, cut, key_count};
use super::{End, Output, Stage as At};
use crate::bits::Bits;
use crate::cascade::{Corrector, Parities, Schedule};
use crate::message::Message;
use crate::sift::{pick, sift};
use crate::{Bases, BlockId, Clicks, Distilled, Error, Report, toeplitz};

/// How far a block has come.
#[derive(Debug)]
pub(super) enum Stage {
    /// Waits for the channel.
    Measuring(Bases),
    /// Waits for `Sifted`.
    Sifting(Box<Measured>),
    /// Runs Cascade; waits for `Parities`.
    Correcting(Box<(Weighed, Corrector, u32)>),
    /// Waits for `Finish`.
    Finishing(Box<(Weighed, Bits)>),
    /// Waits for the pool.
    Storing(BlockId),
    /// The keys are pending; waits for `Confirmed`.
    Confirming(BlockId),
}

/// What the detectors said.
#[derive(Debug)]
pub(super) struct Measured {
    block: BlockId,
    bases: Bits,
    values: Bits,
    seeded: bool,
}

impl Stage {
    /// The figures of a block that the far end may still halt.
    pub(super) fn report(&self) -> Result<Option<Report>, Error> {
        match self {
            Self::Measuring(_) | Self::Sifting(_) => Ok(None),
            Self::Correcting(inner) => Ok(Some(inner.0.report)),
            Self::Finishing(inner) => Ok(Some(inner.0.report)),
            Self::Storing(_) | Self::Confirming(_) => {
                Err(Error::PeerMisbehaved { why: "it halts when the keys are made" })
            }
        }
    }
}

impl End {
    /// Draws the bases; only then may the photons come.
    pub(super) fn prepare(&mut self, block: BlockId) -> Result<Vec<Output>, Error> {
        let session = self.session.as_ref().ok_or(Error::SessionEnded)?;
        if session.released.contains(&block) || self.unsettled.contains(&block) {
            return Err(Error::PeerMisbehaved { why: "it names a block for the second time" });
        }
        let (pulses, share) = (self.parameters.pulses as usize, self.parameters.test_share);
        let bases = Bases::from_source(block, pulses, share, &mut self.source)?;
        self.set_stage(At::Receiving(Stage::Measuring(bases.clone())));
        Ok(vec![Output::Measure { block, bases }, self.send(&Message::Ready { block })?])
    }

    /// Tells which pulses clicked and in which bases, before the sender has revealed anything.
    pub(super) fn clicks(&mut self, clicks: &Clicks) -> Result<Vec<Output>, Error> {
        let Some(session) = &mut self.session else { return Ok(Vec::new()) };
        let bases = match &session.stage {
            At::Receiving(Stage::Measuring(bases)) if bases.block() == clicks.block() => bases,
            // They are of a block that was given up.
            _ => return Ok(Vec::new()),
        };
        if clicks.pulses() != self.parameters.pulses as usize {
            return Err(Error::PulsesInvalid { why: "the clicks are of another number of pulses" });
        }
        let block = clicks.block();
        let bases = bases.of(clicks.detected());
        let seeded = clicks.is_seeded();
        let message = Message::Clicked {
            block,
            seeded,
            detected: clicks.detected().to_bytes().to_vec(),
            bases: bases.to_bytes().to_vec(),
            tests: pick(&bases, clicks.values()).to_bytes().to_vec(),
        };
        let measured = Measured { block, bases, values: clicks.values().clone(), seeded };
        session.stage = At::Receiving(Stage::Sifting(Box::new(measured)));
        Ok(vec![self.send(&message)?])
    }

    pub(super) fn receiver_takes(
        &mut self,
        stage: Stage,
        message: Message,
    ) -> Result<Vec<Output>, Error> {
        match (stage, message) {
            (Stage::Sifting(measured), Message::Sifted { block, bases, tests, shuffle })
                if measured.block == block =>
            {
                self.sifted(&measured, &bases, &tests, shuffle)
            }
            (Stage::Correcting(inner), Message::Parities(parities)) => {
                let (weighed, mut corrector, wanted) = *inner;
                let misbehaved = |why| Error::PeerMisbehaved { why };
                let parities = Bits::from_bytes(&parities, wanted as usize)
                    .ok_or_else(|| misbehaved("it sends another number of parities"))?;
                corrector.take(&Parities(parities)).map_err(|refusal| misbehaved(refusal.0))?;
                self.correct(weighed, corrector)
            }
            (
                Stage::Finishing(inner),
                Message::Finish { key_bits, outgoing, ids, tag_seed, tag, seed },
            ) => {
                let (weighed, bits) = *inner;
                let keys = (key_bits, outgoing, &*ids);
                self.finished(&weighed, &bits, keys, [&tag_seed, &tag, &seed])
            }
            (Stage::Confirming(ours), Message::Confirmed { block }) if ours == block => {
                if let Some(session) = &mut self.session {
                    session.released.insert(block);
                }
                Ok(vec![Output::Release(block), Output::Idle])
            }
            _ => Err(Error::PeerMisbehaved { why: "it sends what the block does not want now" }),
        }
    }

    fn sifted(
        &mut self,
        measured: &Measured,
        bases: &[u8],
        tests: &[u8],
        shuffle: [u8; 32],
    ) -> Result<Vec<Output>, Error> {
        let wrong = Error::PeerMisbehaved { why: "its bases do not fit the clicks" };
        let clicks = measured.values.len();
        let theirs = Bits::from_bytes(bases, clicks).ok_or_else(|| wrong.clone())?;
        let sifted = sift(&measured.bases, &theirs, &measured.values);
        let their_tests = Bits::from_bytes(tests, sifted.tests.len()).ok_or(wrong)?;
        let seeded = measured.seeded || self.is_seeded();
        let weighed = Weighed::new(
            &self.parameters,
            measured.block,
            clicks,
            &sifted.key,
            (&sifted.tests, &their_tests),
            seeded,
        );
        if weighed.limit_bits.is_none() {
            return self.halt(weighed.reason(&self.parameters), Some(weighed.report));
        }
        let schedule = Schedule::new(weighed.estimate.sifted_bits, weighed.estimate.qber, shuffle);
        self.correct(weighed, Corrector::from_bits(sifted.key, schedule))
    }

    /// Asks for more parities, or says that no more are wanted.
    fn correct(
        &mut self,
        mut weighed: Weighed,
        mut corrector: Corrector,
    ) -> Result<Vec<Output>, Error> {
        let Some(ask) = corrector.ask() else {
            let (leak_bits, corrected_bits) = (corrector.leak_bits(), corrector.corrected_bits());
            let round_trips = corrector.round_trips();
            weighed.reconciled(&self.parameters, leak_bits, corrected_bits, round_trips);
            let done = self.send(&Message::Done { leak_bits, corrected_bits, round_trips })?;
            let mut outputs = vec![done];
            if weighed.report.key_bits == 0 {
                let reason = weighed.reason(&self.parameters);
                outputs.extend(self.halt(reason, Some(weighed.report))?);
            } else {
                let inner = Box::new((weighed, corrector.into_bits()));
                self.set_stage(At::Receiving(Stage::Finishing(inner)));
            }
            return Ok(outputs);
        };
        let wanted = corrector.wanted(&ask);
        let leak_bits = corrector.leak_bits();
        if leak_bits.saturating_add(wanted) > weighed.limit_bits.unwrap_or_default() {
            weighed.report.leak_bits = leak_bits;
            return self.halt(weighed.reason(&self.parameters), Some(weighed.report));
        }
        let inner = Box::new((weighed, corrector, wanted));
        self.set_stage(At::Receiving(Stage::Correcting(inner)));
        Ok(vec![self.send(&Message::Ask(ask))?])
    }

    /// Checks everything that the sender decided, and makes the keys.
    fn finished(
        &mut self,
        weighed: &Weighed,
        bits: &Bits,
        (key_bits, outgoing, ids): (u32, u32, &[u8]),
        [tag_seed, tag, seed]: [&[u8]; 3],
    ) -> Result<Vec<Output>, Error> {
        let misbehaved = |why| Error::PeerMisbehaved { why };
        if key_bits != weighed.report.key_bits {
            return Err(misbehaved("its key has another length than the formula gives"));
        }
        if outgoing > key_count(key_bits) {
            return Err(misbehaved("it takes more keys than there are"));
        }
        if !check_ids(key_bits, ids) {
            return Err(misbehaved("its ids are no random ids, one for each key"));
        }
        let (tag_len, len) = (weighed.estimate.tag_bits as usize, key_bits as usize);
        let read = |bytes: &[u8], len: usize| {
            Bits::from_bytes(bytes, len).ok_or_else(|| misbehaved("its seeds have another length"))
        };
        let tag_seed = read(tag_seed, toeplitz::seed_len(bits.len(), tag_len))?;
        let tag = read(tag, tag_len)?;
        let seed = read(seed, toeplitz::seed_len(bits.len(), len))?;
        let block = weighed.block;
        if toeplitz::hash(bits, &tag_seed, tag_len) != tag {
            let reason = "errors were left after reconciliation".to_owned();
            let frame = self.send(&Message::Abandon { block })?;
            return Ok(vec![frame, Output::Abandoned { block, reason }, Output::Idle]);
        }
        let keys = cut(&toeplitz::hash(bits, &seed, len), ids, outgoing, false);
        self.give_out(block);
        self.set_stage(At::Receiving(Stage::Storing(block)));
        let (seeded, report) = (weighed.seeded, weighed.report);
        Ok(vec![Output::Store(Distilled { block, keys, seeded, report })])
    }
}
