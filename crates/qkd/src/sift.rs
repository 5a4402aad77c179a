//! Keep what both ends measured alike: Z and Z for the key, X and X for the test.

use crate::bits::Bits;

/// One end's bits of a block, sifted.
#[derive(Debug)]
pub(crate) struct Sifted {
    /// Both had the key basis.
    pub(crate) key: Bits,
    /// Both had the test basis; revealed, and never key.
    pub(crate) tests: Bits,
}

/// Sifts one end's values; one bit for each click in all three.
pub(crate) fn sift(ours: &Bits, theirs: &Bits, values: &Bits) -> Sifted {
    let mut sifted = Sifted { key: Bits::with_capacity(values.len()), tests: Bits::zeros(0) };
    for at in 0..values.len() {
        match (ours.get(at), theirs.get(at)) {
            (false, false) => sifted.key.push(values.get(at)),
            (true, true) => sifted.tests.push(values.get(at)),
            _ => {}
        }
    }
    sifted
}

/// The values in the places that are set in `chosen`.
pub(crate) fn pick(chosen: &Bits, values: &Bits) -> Bits {
    let mut picked = Bits::with_capacity(chosen.count_ones());
    chosen.ones().for_each(|at| picked.push(values.get(at)));
    picked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(text: &str) -> Bits {
        let mut bits = Bits::zeros(0);
        text.chars().for_each(|c| bits.push(c == '1'));
        bits
    }

    #[test]
    fn only_equal_bases_are_kept_and_each_for_its_own_use() {
        let sifted = sift(&bits("001101"), &bits("010110"), &bits("110011"));
        // Places 0 (Z, Z) and 3 (X, X) agree.
        assert_eq!((sifted.key, sifted.tests), (bits("1"), bits("0")));
        assert_eq!(pick(&bits("010110"), &bits("110011")), bits("101"));
    }
}
