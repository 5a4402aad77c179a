//! The quantum channel, simulated at the receiver: pulses go in, clicks come out, nothing else.
//!
//! The sender's bases and bits stand in the pulses, because there is no other way to simulate
//! them; [`Channel`] alone reads them there, and gives nothing that two detectors would not give.
//! A pulse without a click tells nothing of itself. When both detectors click, a fair coin says
//! which counts: to leave such pulses out would let an eavesdropper choose which ones count.

use std::fmt;

use rand::Rng as _;
use rand::rngs::StdRng;

use crate::bits::Bits;
use crate::randomness::Source;
use crate::{BlockId, Error, Parameters, Physics, Randomness};

/// The bytes before the pulses: version, block, count.
const HEAD_BYTES: usize = 1 + 16 + 4;
const VERSION: u8 = 1;

/// The bases in which the receiver measures one block, drawn before the pulses come.
#[derive(Clone, PartialEq, Eq)]
pub struct Bases {
    block: BlockId,
    /// X where set.
    bases: Bits,
}

/// Which pulses of one block made a detector click, and what it said. Its maker is [`Channel`].
#[derive(Clone, PartialEq, Eq)]
pub struct Clicks {
    block: BlockId,
    /// One bit for each pulse.
    detected: Bits,
    /// One bit for each click.
    values: Bits,
    seeded: bool,
}

/// What the sender sent: a basis and a bit for each pulse.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pulses {
    pub(crate) block: BlockId,
    /// X where set.
    pub(crate) bases: Bits,
    pub(crate) values: Bits,
}

/// The fibre between the two ends, with the detectors at its end.
#[derive(Debug)]
pub struct Channel {
    chances: Chances,
    fraction: u64,
    random: StdRng,
    seeded: bool,
}

/// Chances, as parts of 2^64.
#[derive(Clone, Copy, Debug)]
struct Chances {
    /// Anything clicks.
    any: u64,
    /// It was the photon, if anything clicked.
    photon: u64,
    /// A detector clicks by itself, when the photon made the other one click.
    dark: u64,
    /// The photon goes to the wrong detector of its own basis.
    misaligned: u64,
}

impl Bases {
    /// Draws a basis for each of so many pulses; X in `test_share` of 256.
    ///
    /// # Errors
    ///
    /// [`Error::NoRandomness`] if the system gives none, [`Error::ParameterInvalid`] if the pulses
    /// are more than a block may have.
    pub fn draw(
        block: BlockId,
        pulses: u32,
        test_share: u8,
        randomness: &Randomness,
    ) -> Result<Self, Error> {
        if pulses > Parameters::MAX_PULSES {
            return Err(Error::ParameterInvalid { name: "pulses", range: "at most 8388608" });
        }
        Self::from_source(block, pulses as usize, test_share, &mut randomness.source())
    }

    pub(crate) fn from_source(
        block: BlockId,
        pulses: usize,
        test_share: u8,
        source: &mut Source,
    ) -> Result<Self, Error> {
        Ok(Self { block, bases: Bits::biased(pulses, test_share, source)? })
    }

    /// The block they are for.
    #[must_use]
    pub const fn block(&self) -> BlockId {
        self.block
    }

    /// The bases of the pulses that clicked.
    pub(crate) fn of(&self, detected: &Bits) -> Bits {
        let mut bases = Bits::with_capacity(detected.count_ones());
        detected.ones().for_each(|at| bases.push(self.bases.get(at)));
        bases
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
    pub const fn pulses(&self) -> usize {
        self.detected.len()
    }

    /// How many of them made a detector click.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.values.len()
    }

    /// Whether the channel's randomness came from a seed.
    #[must_use]
    pub const fn is_seeded(&self) -> bool {
        self.seeded
    }

    pub(crate) const fn detected(&self) -> &Bits {
        &self.detected
    }

    pub(crate) const fn values(&self) -> &Bits {
        &self.values
    }
}

impl fmt::Debug for Bases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bases").field("block", &self.block).finish_non_exhaustive()
    }
}

impl fmt::Debug for Clicks {
    // What the detectors said is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clicks")
            .field("block", &self.block)
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Pulses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pulses").field("block", &self.block).finish_non_exhaustive()
    }
}

impl Pulses {
    pub(crate) fn draw(
        block: BlockId,
        parameters: &Parameters,
        source: &mut Source,
    ) -> Result<Self, Error> {
        let count = parameters.pulses as usize;
        let bases = Bits::biased(count, parameters.test_share, source)?;
        Ok(Self { block, bases, values: Bits::random(count, source)? })
    }

    /// The photons, as the channel takes them: two bits each, the basis and the value, four pulses
    /// a byte from its low end.
    pub(crate) fn emit(&self) -> Vec<u8> {
        let count = u32::try_from(self.bases.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(HEAD_BYTES + self.bases.len() / 4 + 16);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.block.0);
        bytes.extend_from_slice(&count.to_be_bytes());
        for (bases, values) in self.bases.words().iter().zip(self.values.words()) {
            for half in [0, 32] {
                let pair = spread(bases >> half) | (spread(values >> half) << 1);
                bytes.extend_from_slice(&pair.to_le_bytes());
            }
        }
        bytes.truncate(HEAD_BYTES + self.bases.len().div_ceil(4));
        bytes
    }
}

/// Moves bit i of the low half to bit 2 i.
const fn spread(word: u64) -> u64 {
    let mut word = word & 0xffff_ffff;
    word = (word | (word << 16)) & 0x0000_ffff_0000_ffff;
    word = (word | (word << 8)) & 0x00ff_00ff_00ff_00ff;
    word = (word | (word << 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    word = (word | (word << 2)) & 0x3333_3333_3333_3333;
    (word | (word << 1)) & 0x5555_5555_5555_5555
}

impl Chances {
    fn of(physics: &Physics) -> Self {
        let (photon, dark) = (physics.transmission(), physics.dark_count_probability);
        let any = 1.0 - (1.0 - photon) * (1.0 - dark) * (1.0 - dark);
        Self {
            any: part(any),
            photon: part(if any > 0.0 { photon / any } else { 0.0 }),
            dark: part(dark),
            misaligned: part(physics.misalignment),
        }
    }
}

/// A chance as a part of 2^64; 1 is a hair less.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and a chance is 0 to 1"
)]
fn part(chance: f64) -> u64 {
    (chance * 18_446_744_073_709_551_616.0) as u64
}

impl Channel {
    /// Lays the fibre.
    ///
    /// # Errors
    ///
    /// [`Error::ParameterInvalid`] if a value of `physics` is out of its range,
    /// [`Error::NoRandomness`] if the system gives none.
    pub fn new(physics: Physics, randomness: Randomness) -> Result<Self, Error> {
        physics.check()?;
        Ok(Self {
            chances: Chances::of(&physics),
            fraction: 0,
            random: randomness.physics()?,
            seeded: randomness != Randomness::System,
        })
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
        self.fraction = part(fraction);
        Ok(())
    }

    /// Carries one block of pulses and measures them.
    ///
    /// # Errors
    ///
    /// [`Error::PulsesInvalid`] if the bytes are no pulses of the block that the bases are for.
    pub fn carry(&mut self, pulses: &[u8], bases: &Bases) -> Result<Clicks, Error> {
        let invalid = |why| Error::PulsesInvalid { why };
        let (head, photons) =
            pulses.split_at_checked(HEAD_BYTES).ok_or_else(|| invalid("they are too short"))?;
        let count = bases.bases.len();
        let mut expected = vec![VERSION];
        expected.extend_from_slice(&bases.block.0);
        expected.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
        if head != expected {
            return Err(invalid("they are of another version, block or number"));
        }
        if photons.len() != count.div_ceil(4) {
            return Err(invalid("their number is another than they say"));
        }
        let mut detected = Bits::zeros(count);
        let mut values = Bits::with_capacity(count);
        let quarters = photons.iter().flat_map(|byte| [0, 2, 4, 6].map(|shift| byte >> shift));
        for (at, photon) in quarters.take(count).enumerate() {
            if self.random.next_u64() < self.chances.any {
                detected.flip(at);
                let sent = Photon { basis: photon & 1 == 1, value: photon & 2 == 2 };
                values.push(self.detect(sent, bases.bases.get(at)));
            }
        }
        Ok(Clicks { block: bases.block, detected, values, seeded: self.seeded })
    }

    /// What the detectors say of one pulse, given that one of them clicks at least.
    fn detect(&mut self, sent: Photon, basis: bool) -> bool {
        if self.happens(self.chances.photon) {
            let photon = if self.happens(self.fraction) { self.intercept(sent) } else { sent };
            let value = self.measure(photon, basis);
            if self.happens(self.chances.dark) { self.coin() } else { value }
        } else {
            // One detector clicked by itself, or both did and a coin says which counts: the same.
            self.coin()
        }
    }

    fn measure(&mut self, photon: Photon, basis: bool) -> bool {
        if photon.basis == basis {
            photon.value ^ self.happens(self.chances.misaligned)
        } else {
            self.coin()
        }
    }

    /// Somebody measures the photon in a basis of its own choice, and sends on what it found.
    fn intercept(&mut self, sent: Photon) -> Photon {
        let basis = self.coin();
        let value = if sent.basis == basis { sent.value } else { self.coin() };
        Photon { basis, value }
    }

    fn happens(&mut self, chance: u64) -> bool {
        self.random.next_u64() < chance
    }

    fn coin(&mut self) -> bool {
        self.random.next_u64() >> 63 == 1
    }
}

/// One photon: its basis, X where set, and its value.
#[derive(Clone, Copy)]
struct Photon {
    basis: bool,
    value: bool,
}

#[cfg(test)]
mod tests;
