//! The bits as one pass sees them.

use super::schedule::{Pass, Schedule};
use crate::bits::Bits;

/// The order of one pass.
pub(crate) enum Order {
    /// `at_place[p]` is the bit that stands at place p, `place_of[i]` is where bit i stands.
    Shuffled { at_place: Vec<u32>, place_of: Vec<u32> },
    /// The bits stand in their own order; those that are not in the mask count as 0.
    Masked(Bits),
}

impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Shuffled { .. } => "Shuffled",
            Self::Masked(_) => "Masked",
        })
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "an order is a permutation of 0..bits, and every place asked for lies in it"
)]
impl Order {
    pub(crate) fn new(schedule: &Schedule, number: u8, pass: Pass) -> Self {
        let mut context = statement::hash::Context::new("link shuffle v1").hasher();
        context.update(&schedule.seed).update(&[number]);
        let mut stream = context.finalize_xof();
        let bits = schedule.bits as usize;
        match pass {
            Pass::Half => {
                let mut bytes = vec![0; bits.div_ceil(64) * 8];
                stream.fill(&mut bytes);
                Self::Masked(Bits::from_stream(&bytes, bits))
            }
            Pass::Shuffled { .. } => {
                let mut draws = Draws { stream, buffer: [0; 4_096], used: 4_096 };
                let mut at_place: Vec<u32> = (0..schedule.bits).collect();
                for place in (1..schedule.bits).rev() {
                    at_place.swap(place as usize, draws.below(place + 1) as usize);
                }
                let mut place_of = vec![0; bits];
                for (place, bit) in (0..).zip(&at_place) {
                    place_of[*bit as usize] = place;
                }
                Self::Shuffled { at_place, place_of }
            }
        }
    }

    /// The bits in this order.
    pub(crate) fn arrange(&self, bits: &Bits) -> Bits {
        match self {
            Self::Masked(mask) => bits.and(mask),
            Self::Shuffled { at_place, .. } => {
                let mut arranged = Bits::with_capacity(bits.len());
                at_place.iter().for_each(|bit| arranged.push(bits.get(*bit as usize)));
                arranged
            }
        }
    }

    /// Where a bit stands, if the pass has it.
    pub(crate) fn place_of(&self, bit: u32) -> Option<u32> {
        match self {
            Self::Masked(mask) => mask.get(bit as usize).then_some(bit),
            Self::Shuffled { place_of, .. } => Some(place_of[bit as usize]),
        }
    }

    /// Which bit stands at a place.
    pub(crate) fn at(&self, place: u32) -> u32 {
        match self {
            Self::Masked(_) => place,
            Self::Shuffled { at_place, .. } => at_place[place as usize],
        }
    }
}

/// Numbers drawn from a hash's output.
struct Draws {
    stream: blake3::OutputReader,
    buffer: [u8; 4_096],
    used: usize,
}

impl Draws {
    fn next(&mut self) -> u32 {
        if self.used == self.buffer.len() {
            self.stream.fill(&mut self.buffer);
            self.used = 0;
        }
        let four = self.buffer.get(self.used..).and_then(|rest| rest.first_chunk::<4>());
        self.used += 4;
        u32::from_le_bytes(four.copied().unwrap_or_default())
    }

    /// A number below `limit`, each with the same chance (Lemire 2019).
    fn below(&mut self, limit: u32) -> u32 {
        let threshold = limit.wrapping_neg() % limit;
        loop {
            let product = u64::from(self.next()) * u64::from(limit);
            let [a, b, c, d, low @ ..] = product.to_be_bytes();
            if u32::from_be_bytes(low) >= threshold {
                return u32::from_be_bytes([a, b, c, d]);
            }
        }
    }
}
