//! Bits packed into words, wiped when dropped.

use zeroize::Zeroizing;

/// A string of bits; bit `i` is bit `i % 64` of word `i / 64`, and the bits after the last are 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Zeroizing<Vec<u64>>,
    len: usize,
}
