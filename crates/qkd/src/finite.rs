//! How much key a block of finite length gives (Tomamichel, Lim, Gisin and Renner 2012).
//!
//! With n sifted bits, of which all k test bits were compared in the other basis and a part Q of
//! them differed, the errors which that other basis would have shown in the sifted bits are at
//! most a part Q + mu, but for a chance that `eps_sec` covers. What an eavesdropper may know is
//! bounded by them, and the rest can be distilled, less everything that was disclosed:
//!
//! ```text
//!   mu = sqrt( (n + k) / (n k)  (k + 1) / k  ln(2 / eps_sec) )
//!   l  = floor( n (1 - h(Q + mu)) - leak - tag - log2(2 / (eps_sec^2 eps_cor)) )
//! ```

use crate::Parameters;

/// A block gives an even number of keys of 256 bits: ends that wish alike get as many each, and two
/// that wish never share a single key. How many each end draws is said with the block.
pub(crate) const PAIR_BITS: u32 = 512;

/// The binary entropy, in bits; 1 from one half on, for more errors than that bound nothing.
#[must_use]
pub fn entropy(rate: f64) -> f64 {
    if rate <= 0.0 {
        0.0
    } else if rate >= 0.5 {
        1.0
    } else {
        -rate * rate.log2() - (1.0 - rate) * (1.0 - rate).log2()
    }
}

/// What is known once a block is sifted and its test bits are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// n, the sifted bits.
    pub sifted_bits: u32,
    /// k, the test bits.
    pub test_bits: u32,
    /// Test bits that differ.
    pub test_errors: u32,
    /// Q, the part of them that differ.
    pub qber: f64,
    /// What the rate in question may lie above Q; infinite where nothing can be bounded.
    pub mu: f64,
    /// Bits that may be disclosed or kept, before Cascade; not above 0 if there is no key.
    pub spendable_bits: f64,
    /// Bits of the verification hash.
    pub tag_bits: u32,
}

impl Estimate {
    /// Weighs a block.
    #[must_use]
    pub fn new(
        parameters: &Parameters,
        sifted_bits: u32,
        test_bits: u32,
        test_errors: u32,
    ) -> Self {
        let (n, k) = (f64::from(sifted_bits), f64::from(test_bits));
        let secrecy = f64::from(parameters.secrecy_exponent);
        let correctness = f64::from(parameters.correctness_exponent);
        let tag = (correctness * std::f64::consts::LOG2_10).ceil();
        let overhead = 1.0 + (2.0 * secrecy + correctness) * std::f64::consts::LOG2_10;
        let (qber, mu) = if sifted_bits == 0 || test_bits == 0 {
            (0.0, f64::INFINITY)
        } else {
            let log = std::f64::consts::LN_2 + secrecy * std::f64::consts::LN_10;
            let mu = ((n + k) / (n * k) * ((k + 1.0) / k) * log).sqrt();
            (f64::from(test_errors) / k, mu)
        };
        let spendable_bits = n * (1.0 - entropy(qber + mu)) - tag - overhead;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 64, for the exponent is at most 19"
        )]
        let tag_bits = tag as u32;
        Self { sifted_bits, test_bits, test_errors, qber, mu, spendable_bits, tag_bits }
    }

    /// How many parities Cascade may disclose so that a useful key is left; `None` if the line
    /// gives none, for any code that finds the errors discloses n h(Q) on the average.
    #[must_use]
    pub fn leak_limit(&self, parameters: &Parameters) -> Option<u32> {
        let left = self.spendable_bits - f64::from(parameters.least_key_bits);
        let expected = f64::from(self.sifted_bits) * entropy(self.qber);
        (left > 0.0 && left >= expected).then(|| whole(left))
    }

    /// The length of the final key, an even number of keys; 0 if it is below the least.
    #[must_use]
    pub fn key_bits(&self, parameters: &Parameters, leak_bits: u32) -> u32 {
        let left = whole(self.spendable_bits - f64::from(leak_bits));
        let cut = left - left % PAIR_BITS;
        if cut < parameters.least_key_bits { 0 } else { cut }
    }
}

/// The whole part of a number of bits; 0 if it is negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and a block has at most 2^24 bits"
)]
fn whole(bits: f64) -> u32 {
    bits.max(0.0).floor() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entropy_has_its_known_values() {
        for (rate, expected) in [
            (0.0, 0.0),
            (0.01, 0.080_793_135_895_911_18),
            (0.11, 0.499_915_958_164_528_2),
            (0.25, 0.811_278_124_459_132_8),
            (0.5, 1.0),
            (0.75, 1.0),
            (f64::INFINITY, 1.0),
        ] {
            assert!((entropy(rate) - expected).abs() < 1e-12, "{rate}");
        }
    }

    /// Computed with 50 decimal digits by another program: n, k, errors, the exponents of `eps_sec`
    /// and `eps_cor`, leak, least key; then Q, mu, what may be spent, tag, l and the leak's limit.
    type Vector = ((u32, u32, u32), (u8, u8), (u32, u32), (f64, f64, f64), (u32, u32, Option<u32>));
    const VECTORS: [Vector; 6] = [
        (
            (225_304, 7_698, 79),
            (10, 15),
            (19_127, 4_096),
            (0.010_262_405_819_693_426, 0.056_452_450_244_543_664, 145_482.129_505_570_8),
            (50, 125_952, Some(141_386)),
        ),
        (
            (10_000, 1_000, 10),
            (10, 15),
            (1_000, 512),
            (0.01, 0.161_607_514_737_007_19, 3_219.043_376_449_494),
            (50, 2_048, Some(2_707)),
        ),
        (
            (100_000, 5_000, 150),
            (9, 10),
            (21_000, 4_096),
            (0.03, 0.067_069_711_666_467_37, 53_908.248_863_872_75),
            (34, 32_768, Some(49_812)),
        ),
        (
            (1_000_000, 20_000, 1_000),
            (10, 15),
            (305_000, 4_096),
            (0.05, 0.034_781_164_257_119_14, 581_026.901_575_991_2),
            (50, 275_968, Some(576_930)),
        ),
        (
            (50_000, 2_000, 500),
            (10, 15),
            (0, 4_096),
            (0.25, 0.111_085_759_469_740_04, 2_653.694_427_175_457),
            (50, 0, None),
        ),
        (
            (1, 1, 0),
            (3, 3),
            (0, 512),
            (0.0, 5.513_946_847_600_939, -40.897_352_853_986_26),
            (10, 0, None),
        ),
    ];

    #[test]
    fn mu_and_l_are_what_the_formula_gives() {
        for ((n, k, errors), (secrecy, correctness), (leak, least), rates, ends) in VECTORS {
            let parameters = Parameters {
                secrecy_exponent: secrecy,
                correctness_exponent: correctness,
                least_key_bits: least,
                ..Parameters::default()
            };
            let estimate = Estimate::new(&parameters, n, k, errors);
            let near = |found: f64, expected: f64| {
                assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{found} {expected}");
            };
            near(estimate.qber, rates.0);
            near(estimate.mu, rates.1);
            near(estimate.spendable_bits, rates.2);
            let key_bits = estimate.key_bits(&parameters, leak);
            assert_eq!((estimate.tag_bits, key_bits, estimate.leak_limit(&parameters)), ends);
        }
    }

    #[test]
    fn a_block_that_bounds_nothing_gives_nothing() {
        let parameters = Parameters::default();
        for (n, k, errors) in [(0, 0, 0), (100_000, 0, 0), (0, 5_000, 0), (100_000, 5_000, 5_000)] {
            let estimate = Estimate::new(&parameters, n, k, errors);
            assert_eq!(estimate.leak_limit(&parameters), None, "{n} {k} {errors}");
            assert_eq!(estimate.key_bits(&parameters, 0), 0, "{n} {k} {errors}");
        }
    }

    #[test]
    fn every_bit_disclosed_costs_a_bit_and_more_errors_cost_more() {
        let parameters = Parameters::default();
        let mut last = f64::INFINITY;
        for errors in 0..500 {
            let estimate = Estimate::new(&parameters, 200_000, 5_000, errors);
            assert!(estimate.spendable_bits < last, "{errors}");
            last = estimate.spendable_bits;
        }
        let estimate = Estimate::new(&parameters, 200_000, 5_000, 50);
        let all = estimate.key_bits(&parameters, 0);
        assert_eq!(estimate.key_bits(&parameters, 51_200), all - 51_200);
        assert_eq!(estimate.key_bits(&parameters, u32::MAX), 0);
    }
}
