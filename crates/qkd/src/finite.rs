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

/// Keys are cut from whole pairs, one key of 256 bits for each direction.
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

    /// The length of the final key, in whole pairs of keys; 0 if it is below the least.
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
}
