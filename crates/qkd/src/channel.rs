//! The quantum channel, simulated at the receiver: pulses go in, clicks come out, nothing else.

use crate::{BlockId, Error, Physics, Randomness};

/// The bases in which the receiver measures one block, drawn before the pulses come.
#[derive(Clone, PartialEq, Eq)]
pub struct Bases {
    block: BlockId,
    pulses: u32,
}

/// Which pulses of one block made a detector click, and what it said. Its maker is [`Channel`].
#[derive(Clone, PartialEq, Eq)]
pub struct Clicks {
    block: BlockId,
    pulses: u32,
}

/// The fibre between the two ends, with the detectors at its end.
#[derive(Debug)]
pub struct Channel {
    physics: Physics,
    fraction: f64,
}

impl Bases {
    /// Draws a basis for each of so many pulses; X in `test_share` of 256.
    ///
    /// # Errors
    ///
    /// [`Error::NoRandomness`] if the system gives none.
    pub fn draw(
        block: BlockId,
        pulses: u32,
        _test_share: u8,
        _randomness: &Randomness,
    ) -> Result<Self, Error> {
        Ok(Self { block, pulses })
    }

    /// The block they are for.
    #[must_use]
    pub const fn block(&self) -> BlockId {
        self.block
    }
}

impl Clicks {
    /// The block they are of.
    #[must_use]
    pub const fn block(&self) -> BlockId {
        self.block
    }

    /// How many pulses the block had.
    #[must_use]
    pub const fn pulses(&self) -> u32 {
        self.pulses
    }
}

impl std::fmt::Debug for Bases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bases").field("block", &self.block).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Clicks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clicks").field("block", &self.block).finish_non_exhaustive()
    }
}

impl Channel {
    /// Lays the fibre.
    ///
    /// # Errors
    ///
    /// [`Error::ParameterInvalid`] if a value of `physics` is out of its range,
    /// [`Error::NoRandomness`] if the system gives none.
    pub fn new(physics: Physics, _randomness: Randomness) -> Result<Self, Error> {
        physics.check()?;
        Ok(Self { physics, fraction: 0.0 })
    }

    /// Lets somebody intercept this part of the photons, 0 to 1, measure each in a basis of its own
    /// choice, and send on what it found; 0 sends it away.
    ///
    /// # Errors
    ///
    /// [`Error::ParameterInvalid`] if `fraction` is no part.
    pub fn set_eavesdropper(&mut self, fraction: f64) -> Result<(), Error> {
        if !(0.0..=1.0).contains(&fraction) {
            return Err(Error::ParameterInvalid { name: "fraction", range: "0 to 1" });
        }
        self.fraction = fraction;
        Ok(())
    }

    /// Carries one block of pulses and measures them.
    ///
    /// # Errors
    ///
    /// [`Error::PulsesInvalid`] if the bytes are no pulses of the block that the bases are for.
    pub fn carry(&mut self, _pulses: &[u8], bases: &Bases) -> Result<Clicks, Error> {
        let _ = (&self.physics, bases.pulses);
        Err(Error::PulsesInvalid { why: "they are too short" })
    }
}
