//! Bits packed into words, wiped when dropped.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::Error;
use crate::randomness::Source;

/// A string of bits; bit `i` is bit `i % 64` of word `i / 64`, and the bits after the last are 0.
///
/// As bytes, bit `i` is bit `i % 8` of byte `i / 8`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Zeroizing<Vec<u64>>,
    len: usize,
}

impl std::fmt::Debug for Bits {
    // Most of them are secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bits").field("len", &self.len).finish_non_exhaustive()
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "a word's place is a bit's place divided by 64, and every bit's place is below `len`"
)]
impl Bits {
    /// So many zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        Self { words: Zeroizing::new(vec![0; len.div_ceil(64)]), len }
    }

    /// No bits yet, with room for so many: growing would leave copies behind.
    pub(crate) fn with_capacity(len: usize) -> Self {
        Self { words: Zeroizing::new(Vec::with_capacity(len.div_ceil(64))), len: 0 }
    }

    /// So many random bits.
    pub(crate) fn random(len: usize, source: &mut Source) -> Result<Self, Error> {
        let mut bytes = Zeroizing::new(vec![0; len.div_ceil(64) * 8]);
        source.fill(&mut bytes)?;
        let mut bits = Self { words: Zeroizing::new(words_of(&bytes).collect()), len };
        bits.clear_tail();
        Ok(bits)
    }

    /// So many random bits, each set in `share` of 256 cases.
    pub(crate) fn biased(len: usize, share: u8, source: &mut Source) -> Result<Self, Error> {
        let mut bits = Self::zeros(len);
        // Eight random words decide 64 bits: from the share's lowest binary digit up, a digit 1
        // makes the chance (1 + chance) / 2, a digit 0 makes it chance / 2.
        let mut bytes = Zeroizing::new(vec![0; 8 * 8 * 64]);
        for chunk in bits.words.chunks_mut(64) {
            source.fill(&mut bytes)?;
            for (word, random) in chunk.iter_mut().zip(bytes.chunks_exact(64)) {
                for (digit, random) in words_of(random).enumerate() {
                    let set = (share >> digit) & 1 == 1;
                    *word = if set { *word | random } else { *word & random };
                }
            }
        }
        bits.clear_tail();
        Ok(bits)
    }

    /// Takes words, of which the last may have bits too many.
    pub(crate) fn from_words(words: Zeroizing<Vec<u64>>, len: usize) -> Self {
        assert_eq!(words.len(), len.div_ceil(64), "as many words as the bits need");
        let mut bits = Self { words, len };
        bits.clear_tail();
        bits
    }

    /// Reads so many bits; `None` if the bytes are too many, too few, or end in a 1 too many.
    pub(crate) fn from_bytes(bytes: &[u8], len: usize) -> Option<Self> {
        if bytes.len() != len.div_ceil(8) {
            return None;
        }
        let mut bits = Self { words: Zeroizing::new(words_of(bytes).collect()), len };
        let before = bits.words.last().copied();
        bits.clear_tail();
        (before == bits.words.last().copied()).then_some(bits)
    }

    /// Takes so many bits of bytes that are long enough; the rest is cut off.
    pub(crate) fn from_stream(bytes: &[u8], len: usize) -> Self {
        Self::from_words(Zeroizing::new(words_of(bytes).take(len.div_ceil(64)).collect()), len)
    }

    /// The bits as bytes, the last filled up with zeros.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.words.len() * 8));
        self.words.iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        bytes.truncate(self.len.div_ceil(8));
        bytes
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    pub(crate) fn get(&self, at: usize) -> bool {
        (self.words[at / 64] >> (at % 64)) & 1 == 1
    }

    pub(crate) fn flip(&mut self, at: usize) {
        self.words[at / 64] ^= 1 << (at % 64);
    }

    #[cfg(test)]
    pub(crate) fn set(&mut self, at: usize, bit: bool) {
        if self.get(at) != bit {
            self.flip(at);
        }
    }

    pub(crate) fn push(&mut self, bit: bool) {
        if self.len.is_multiple_of(64) {
            self.words.push(0);
        }
        self.len += 1;
        if bit {
            self.flip(self.len - 1);
        }
    }

    pub(crate) fn count_ones(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The places of the ones, in order.
    pub(crate) fn ones(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let place = (left != 0).then(|| at * 64 + left.trailing_zeros() as usize);
                left &= left.wrapping_sub(1);
                place
            })
        })
    }

    /// Whether an odd number of the bits of a range, which must lie within, are ones.
    pub(crate) fn parity(&self, range: Range<usize>) -> bool {
        if range.is_empty() {
            return false;
        }
        let (first, last) = (range.start / 64, (range.end - 1) / 64);
        let head = u64::MAX << (range.start % 64);
        let tail = u64::MAX >> (63 - (range.end - 1) % 64);
        let folded = if first == last {
            self.words[first] & head & tail
        } else {
            let middle = self.words[first + 1..last].iter().fold(0, |sum, word| sum ^ word);
            (self.words[first] & head) ^ middle ^ (self.words[last] & tail)
        };
        folded.count_ones() % 2 == 1
    }

    /// The bits that are set in both; the lengths must be equal.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let words = self.words.iter().zip(other.words.iter()).map(|(a, b)| a & b).collect();
        Self { words: Zeroizing::new(words), len: self.len }
    }

    /// In how many places the two differ; the lengths must be equal.
    pub(crate) fn distance(&self, other: &Self) -> usize {
        let pairs = self.words.iter().zip(other.words.iter());
        pairs.map(|(a, b)| (a ^ b).count_ones() as usize).sum()
    }

    fn clear_tail(&mut self) {
        if let (Some(last), used @ 1..) = (self.words.last_mut(), self.len % 64) {
            *last &= u64::MAX >> (64 - used);
        }
    }
}

/// Little-endian words; the last is filled up with zeros.
fn words_of(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes
        .chunks(8)
        .map(|chunk| chunk.iter().rev().fold(0, |word: u64, byte| (word << 8) | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Randomness;

    #[test]
    fn bits_survive_the_way_to_bytes_and_back() {
        let mut source = Randomness::Seeded(1).source();
        for len in [0, 1, 7, 8, 63, 64, 65, 1_000] {
            let bits = Bits::random(len, &mut source).unwrap();
            let bytes = bits.to_bytes();
            assert_eq!(Bits::from_bytes(&bytes, len), Some(bits));
        }
    }

    #[test]
    fn bytes_of_another_length_or_with_a_bit_after_the_last_are_refused() {
        assert!(Bits::from_bytes(&[0b0001_1111], 5).is_some());
        assert_eq!(Bits::from_bytes(&[0b0011_1111], 5), None);
        assert_eq!(Bits::from_bytes(&[0, 0], 5), None);
        assert_eq!(Bits::from_bytes(&[], 5), None);
        assert_eq!(Bits::from_bytes(&[0], 0), None);
    }

    #[test]
    fn parities_are_what_counting_gives() {
        let bits = Bits::random(300, &mut Randomness::Seeded(2).source()).unwrap();
        for start in 0..300 {
            for end in start..=300 {
                let count = (start..end).filter(|&at| bits.get(at)).count();
                assert_eq!(bits.parity(start..end), count % 2 == 1, "{start}..{end}");
            }
        }
        assert_eq!(bits.ones().count(), bits.count_ones());
        assert!(bits.ones().all(|at| bits.get(at)));
    }

    #[test]
    fn a_biased_string_has_its_share_of_ones() {
        let mut source = Randomness::Seeded(3).source();
        for share in [1, 40, 128, 255] {
            let ones = Bits::biased(1 << 20, share, &mut source).unwrap().count_ones();
            let expected = f64::from(share) / 256.0 * f64::from(1 << 20);
            let sigma = expected.sqrt();
            assert!((ones as f64 - expected).abs() < 5.0 * sigma, "{share}: {ones}, {expected}");
        }
    }

    #[test]
    fn bits_never_show() {
        let shown = format!("{:?}", Bits::from_bytes(&[0x5a; 8], 64).unwrap());
        assert!(!shown.contains("5a") && !shown.contains("90"), "{shown}");
    }
}
