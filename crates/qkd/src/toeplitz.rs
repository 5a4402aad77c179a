//! Hash bits with a random Toeplitz matrix: two-universal, exact, on whole words.
//!
//! Bit i of the hash is the sum, modulo 2, of `seed[i - j + n - 1] x[j]` over all j. So each bit
//! j of x that is 1 adds the window of the seed that starts at n - 1 - j. Windows that start at
//! the same place within a word are added word by word, after one shift of the whole seed.

use zeroize::Zeroizing;

use crate::bits::Bits;

/// Seed bits needed to hash `input` bits to `output` bits.
pub(crate) const fn seed_len(input: usize, output: usize) -> usize {
    (input + output).saturating_sub(1)
}

/// Hashes `input` to `output` bits; the seed has [`seed_len`] bits.
#[expect(
    clippy::indexing_slicing,
    reason = "a window starts below n and is `output` bits long; the seed has n + output - 1 bits \
              and one word more"
)]
pub(crate) fn hash(input: &Bits, seed: &Bits, output: usize) -> Bits {
    assert_eq!(seed.len(), seed_len(input.len(), output), "the seed fits the matrix");
    let words = output.div_ceil(64);
    let mut sum = Zeroizing::new(vec![0_u64; words]);
    let mut windows: Vec<Zeroizing<Vec<usize>>> =
        (0..64).map(|_| Zeroizing::new(Vec::with_capacity(input.len() / 64 + 1))).collect();
    for at in input.ones() {
        let start = input.len() - 1 - at;
        windows[start % 64].push(start / 64);
    }
    let mut shifted = Vec::with_capacity(seed.words().len() + words + 1);
    for (shift, starts) in windows.iter().enumerate() {
        shifted.clear();
        shifted.extend_from_slice(seed.words());
        // What a window may reach beyond the seed is cut off below.
        shifted.push(0);
        shift_down(&mut shifted, shift);
        let mut fours = starts.chunks_exact(4);
        for four in &mut fours {
            let [a, b, c, d] = [0, 1, 2, 3].map(|at| &shifted[four[at]..][..words]);
            for ((((sum, a), b), c), d) in sum.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                *sum ^= a ^ b ^ c ^ d;
            }
        }
        for start in fours.remainder() {
            for (sum, word) in sum.iter_mut().zip(&shifted[*start..][..words]) {
                *sum ^= word;
            }
        }
    }
    Bits::from_words(sum, output)
}

/// Shifts a string of bits towards its beginning by less than a word.
fn shift_down(words: &mut [u64], shift: usize) {
    if shift == 0 {
        return;
    }
    let mut above = 0;
    for word in words.iter_mut().rev() {
        let carried = *word << (64 - shift);
        *word = (*word >> shift) | above;
        above = carried;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Randomness;

    fn naive(input: &Bits, seed: &Bits, output: usize) -> Bits {
        let mut hash = Bits::zeros(output);
        for i in 0..output {
            let ones = (0..input.len())
                .filter(|&j| input.get(j) && seed.get(i + input.len() - 1 - j))
                .count();
            hash.set(i, ones % 2 == 1);
        }
        hash
    }

    #[test]
    fn the_hash_is_what_the_matrix_gives() {
        let mut source = Randomness::Seeded(4).source();
        for (n, l) in
            [(1, 1), (2, 1), (63, 64), (64, 64), (65, 63), (200, 130), (1_000, 64), (777, 512)]
        {
            let input = Bits::random(n, &mut source).unwrap();
            let seed = Bits::random(seed_len(n, l), &mut source).unwrap();
            assert_eq!(hash(&input, &seed, l), naive(&input, &seed, l), "{n} to {l}");
        }
    }

    #[test]
    fn two_strings_collide_no_more_often_than_chance() {
        let mut source = Randomness::Seeded(5).source();
        let (one, other) = (Bits::zeros(100), {
            let mut bits = Bits::zeros(100);
            bits.flip(41);
            bits.flip(97);
            bits
        });
        let collisions = (0..4_096)
            .filter(|_| {
                let seed = Bits::random(seed_len(100, 4), &mut source).unwrap();
                hash(&one, &seed, 4) == hash(&other, &seed, 4)
            })
            .count();
        // 1 in 16 is expected: 256, with a deviation of 15.5.
        assert!((180..330).contains(&collisions), "{collisions}");
    }
}
