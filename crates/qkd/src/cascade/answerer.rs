//! The sender's end of Cascade.

use zeroize::Zeroizing;

use super::schedule::{Pass, Schedule};
use super::view::Order;
use super::{Ask, Parities, Part, Refusal};
use crate::bits::Bits;

/// Answers what is asked, and counts every parity that it gives.
#[derive(Debug)]
pub struct Answerer {
    schedule: Schedule,
    bits: Bits,
    /// For each pass that is open, bit p is the parity of the first p + 1 bits in its order.
    sums: Vec<Option<Bits>>,
    leak_bits: u32,
    limit_bits: u32,
}

impl Answerer {
    /// Takes the bits that count as right, and how many parities may be given at most.
    #[must_use]
    pub fn new(bits: &[bool], schedule: Schedule, limit_bits: u32) -> Self {
        let mut packed = Bits::with_capacity(bits.len());
        bits.iter().for_each(|bit| packed.push(*bit));
        Self::from_bits(packed, schedule, limit_bits)
    }

    pub(crate) fn from_bits(bits: Bits, schedule: Schedule, limit_bits: u32) -> Self {
        assert_eq!(bits.len(), schedule.bits as usize, "the schedule is for these bits");
        let sums = schedule.passes.iter().map(|_| None).collect();
        Self { schedule, bits, sums, leak_bits: 0, limit_bits }
    }

    /// Answers one message.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if it asks nothing, opens a pass twice or one that does not exist, names a part
    /// that is empty, lies outside or belongs to a pass that is not open, or asks for more parities
    /// than may be given. Then nothing is given.
    pub fn answer(&mut self, ask: &Ask) -> Result<Parities, Refusal> {
        let count = self.count(ask)?;
        let mut parities = Bits::with_capacity(count as usize);
        for number in &ask.open {
            self.open(*number, &mut parities)?;
        }
        for part in &ask.parts {
            parities.push(self.parity(part)?);
        }
        // Counted by the bits that go out, whatever was announced.
        let given = u32::try_from(parities.len()).unwrap_or(u32::MAX);
        self.leak_bits = self.leak_bits.saturating_add(given);
        Ok(Parities(parities))
    }

    /// How many parities were given.
    #[must_use]
    pub const fn leak_bits(&self) -> u32 {
        self.leak_bits
    }

    pub(crate) fn into_bits(self) -> Bits {
        self.bits
    }

    /// How many parities an ask wants, if it may have them.
    fn count(&self, ask: &Ask) -> Result<u32, Refusal> {
        let mut count = u64::try_from(ask.parts.len()).unwrap_or(u64::MAX);
        let mut before: Option<u8> = None;
        for number in &ask.open {
            let known = self.sums.get(usize::from(*number));
            if !matches!(known, Some(None)) || before.is_some_and(|before| before >= *number) {
                return Err(Refusal("it opens a pass twice, or one that there is not"));
            }
            before = Some(*number);
            count = count.saturating_add(u64::from(self.schedule.opening(*number)));
        }
        let left = self.limit_bits.saturating_sub(self.leak_bits);
        match u32::try_from(count) {
            Ok(0) => Err(Refusal("it asks for nothing")),
            Ok(count) if count <= left => Ok(count),
            _ => Err(Refusal("it asks for more parities than may be given")),
        }
    }

    fn open(&mut self, number: u8, parities: &mut Bits) -> Result<(), Refusal> {
        let missing = Refusal("it opens a pass twice, or one that there is not");
        let pass = self.schedule.pass(number).ok_or(missing)?;
        let slot = self.sums.get_mut(usize::from(number)).ok_or(missing)?;
        let sums = running(&Order::new(&self.schedule, number, pass).arrange(&self.bits));
        let size = match pass {
            Pass::Shuffled { block } => block,
            Pass::Half => self.schedule.bits,
        };
        for block in 0..self.schedule.opening(number) {
            let start = block.saturating_mul(size);
            parities.push(between(&sums, start, size.min(self.schedule.bits - start)));
        }
        *slot = Some(sums);
        Ok(())
    }

    fn parity(&self, part: &Part) -> Result<bool, Refusal> {
        let sums = self.sums.get(usize::from(part.pass)).and_then(Option::as_ref);
        let sums = sums.ok_or(Refusal("it names a pass that is not open"))?;
        let end = u64::from(part.start) + u64::from(part.len);
        if part.len == 0 || end > u64::from(self.schedule.bits) {
            return Err(Refusal("it names a part that is empty or lies outside"));
        }
        Ok(between(sums, part.start, part.len))
    }
}

/// Bit p is the parity of the first p + 1 bits.
fn running(bits: &Bits) -> Bits {
    let mut carry = 0;
    let words = bits.words().iter().map(|word| {
        let sums = [1, 2, 4, 8, 16, 32].iter().fold(*word, |sum, by| sum ^ (sum << by)) ^ carry;
        // The last sum of a word goes into all sums of the next.
        carry = (sums >> 63).wrapping_neg();
        sums
    });
    Bits::from_words(Zeroizing::new(words.collect()), bits.len())
}

/// The parity of `len` bits from `start` on; `len` is 1 at least, and they lie within.
fn between(sums: &Bits, start: u32, len: u32) -> bool {
    let (start, len) = (start as usize, len as usize);
    sums.get(start + len - 1) ^ (start > 0 && sums.get(start - 1))
}
