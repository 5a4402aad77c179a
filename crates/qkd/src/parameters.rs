//! What the two ends of a link must agree on beforehand.

use statement::hash::Context;

use crate::Error;
use crate::cbor::Writer;

static PARAMETERS: Context = Context::new("link parameters v1");

/// What both ends are configured with; ends that differ refuse each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Pulses in a block: 4,096 to 8,388,608, a multiple of 64.
    pub pulses: u32,
    /// In how many of 256 pulses an end takes the test basis, X: 1 to 128.
    pub test_share: u8,
    /// The secrecy parameter `eps_sec` of a block is 10 to the power of minus this: 3 to 30.
    pub secrecy_exponent: u8,
    /// The correctness parameter `eps_cor` of a block is 10 to the power of minus this: 3 to 19.
    pub correctness_exponent: u8,
    /// The smallest final key that is worth keeping; with less, the line shuts down: 512 at least.
    pub least_key_bits: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            pulses: 1 << 22,
            test_share: 40,
            secrecy_exponent: 10,
            correctness_exponent: 15,
            least_key_bits: 4_096,
        }
    }
}

impl Parameters {
    /// The most pulses that a block may have.
    pub const MAX_PULSES: u32 = 1 << 23;

    /// Checks that every value is in its range.
    ///
    /// # Errors
    ///
    /// [`Error::ParameterInvalid`] for the first that is not.
    pub fn check(&self) -> Result<(), Error> {
        let within = [
            (
                "pulses",
                (4_096..=Self::MAX_PULSES).contains(&self.pulses) && self.pulses.is_multiple_of(64),
                "4096 to 8388608, a multiple of 64",
            ),
            ("test_share", (1..=128).contains(&self.test_share), "1 to 128"),
            ("secrecy_exponent", (3..=30).contains(&self.secrecy_exponent), "3 to 30"),
            ("correctness_exponent", (3..=19).contains(&self.correctness_exponent), "3 to 19"),
            (
                "least_key_bits",
                (512..=Self::MAX_PULSES).contains(&self.least_key_bits),
                "512 to 8388608",
            ),
        ];
        within.into_iter().try_for_each(|(name, holds, range)| {
            if holds { Ok(()) } else { Err(Error::ParameterInvalid { name, range }) }
        })
    }

    /// What the two ends compare.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let writer = Writer::array(6).uint(1).uint(u64::from(self.pulses));
        let writer = writer.uint(u64::from(self.test_share)).uint(u64::from(self.secrecy_exponent));
        let writer = writer.uint(u64::from(self.correctness_exponent));
        PARAMETERS.hash(&writer.uint(u64::from(self.least_key_bits)).into_bytes())
    }
}
