//! How large the blocks of each pass are.

/// One pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// All bits, shuffled, in blocks of this size; the last may be smaller.
    Shuffled {
        /// Bits in a block.
        block: u32,
    },
    /// A random half of the bits, as one block.
    Half,
}

/// The passes of one run, the same at both ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub(crate) bits: u32,
    pub(crate) seed: [u8; 32],
    pub(crate) passes: Vec<Pass>,
}

/// Passes over halves: an error that the shuffled passes left escapes all of them in one case of
/// 65,536.
const HALVES: usize = 16;

impl Schedule {
    /// Sizes for an error rate, after the near-optimal ones of Martinez-Mateo et al. 2015.
    ///
    /// With a = log2(1/Q) - 1/2 the blocks have 2^ceil(a), 2^ceil((a + 8) / 2) and 4,096 bits. The
    /// second size is a quarter of theirs: two parities in a hundred more are disclosed, and a
    /// block of 200,000 bits takes about 120 messages instead of 300.
    #[must_use]
    pub fn new(bits: u32, qber: f64, seed: [u8; 32]) -> Self {
        // Below one error in 2,000 the sizes would only grow beyond use.
        let a = -qber.clamp(0.000_5, 0.5).log2() - 0.5;
        let sizes = [power(a.ceil()), power(((a + 8.0) / 2.0).ceil()), 4_096];
        let shuffled = sizes.into_iter().map(|block| Pass::Shuffled { block });
        let passes = shuffled.chain(std::iter::repeat_n(Pass::Half, HALVES)).collect();
        Self { bits, seed, passes }
    }

    /// The passes, in their order.
    #[must_use]
    pub fn passes(&self) -> &[Pass] {
        &self.passes
    }

    /// The pass of this number, if there is one.
    pub(crate) fn pass(&self, number: u8) -> Option<Pass> {
        self.passes.get(usize::from(number)).copied()
    }

    /// How many parities it takes to open a pass.
    pub(crate) fn opening(&self, number: u8) -> u32 {
        match self.pass(number) {
            // The parity of all bits is known once pass 0 is open, so the last block's follows.
            Some(Pass::Shuffled { block }) => {
                self.bits.div_ceil(block).saturating_sub(u32::from(number > 0))
            }
            Some(Pass::Half) => 1,
            None => 0,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and the exponent is 1 to 12"
)]
fn power(exponent: f64) -> u32 {
    1 << (exponent.clamp(1.0, 12.0) as u32)
}
