//! Put the receiver's bits right by parities: Cascade, with many parities in each message.
//!
//! The sender's bits are the truth. In each pass both ends cut the bits, shuffled anew, into
//! blocks; the receiver asks for the blocks' parities, halves each block whose parity differs
//! until it has the wrong bit, and turns that bit. A bit that is turned changes the parity of its
//! block in every earlier pass, and so shows a second error there. All parts that differ are searched
//! at the same time, so that messages are few, and what was once learned of a part of a block is
//! kept (the reuse of subblocks of Martinez-Mateo et al. 2015).
//!
//! The first three passes shuffle; each pass after them is a random half of all bits, in their
//! order, which costs one parity and finds whatever is left in one case of two.
//!
//! ```text
//!   Corrector (receiver)                              Answerer (sender)
//!     upon no block that differs: open a pass ──────────▶  parities of its blocks
//!     upon blocks that differ: their first halves ──────▶  their parities
//!     upon a block of one bit that differs: turn the bit
//!     upon no pass left: done, unless a hash says otherwise
//! ```
//!
//! Every parity that the sender gives is counted at both ends. The last block of a pass is not
//! asked for when all bits' parity is known already.

mod answerer;
mod corrector;
mod schedule;
pub(crate) mod view;

pub use answerer::Answerer;
pub use corrector::Corrector;
pub use schedule::{Pass, Schedule};

use crate::bits::Bits;

/// A part of a pass: some of its bits, in the order of the pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which pass, from 0.
    pub pass: u8,
    /// Where it starts.
    pub start: u32,
    /// How many bits it has, 1 at least.
    pub len: u32,
}

/// What the receiver asks in one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// The passes to open: the parities of all their blocks.
    pub open: Vec<u8>,
    /// Parts of passes that are open.
    pub parts: Vec<Part>,
}

/// The sender's parities, in the order in which they were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parities(pub(crate) Bits);

impl Parities {
    /// How many they are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.0.len()
    }
}

/// Why an ask, or its answer, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub(crate) &'static str);

#[cfg(test)]
mod tests;
