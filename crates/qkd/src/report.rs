//! What a block of pulses gave: its keys, and the figures they were won with.

use std::fmt;

use zeroize::Zeroizing;

/// Sixteen random bytes that name one block of pulses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(pub [u8; 16]);

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockId({self})")
    }
}

/// Which end of a link one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndKind {
    /// Sends the photons.
    Sender,
    /// Detects them; the channel runs in its process.
    Receiver,
}

impl EndKind {
    /// The word for it: `sender` or `receiver`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Receiver => "receiver",
        }
    }
}

/// One key of 32 bytes, with one direction.
#[derive(Clone, PartialEq, Eq)]
pub struct DistilledKey {
    /// A random UUID (version 4), the same at both ends, in no way made from the key.
    pub id: [u8; 16],
    /// Whether this end draws it; the far end then only recovers it.
    pub outgoing: bool,
    /// The key itself.
    pub secret: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for DistilledKey {
    // The secret must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = BlockId(self.id);
        f.debug_struct("DistilledKey")
            .field("id", &format_args!("{id}"))
            .field("outgoing", &self.outgoing)
            .finish_non_exhaustive()
    }
}

/// The keys of one block, the same at both ends but for their direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Distilled {
    /// The block they were won from.
    pub block: BlockId,
    /// The keys, in the same order at both ends.
    pub keys: Vec<DistilledKey>,
    /// Whether any randomness of the block, at either end, came from a seed.
    pub seeded: bool,
    /// How they were won.
    pub report: Report,
}

/// The figures of one block; all of them are public.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// Pulses sent.
    pub pulses: u32,
    /// Pulses that made a detector click.
    pub clicks: u32,
    /// Clicks for which both ends had the key basis, Z: the sifted key, in bits.
    pub sifted_bits: u32,
    /// Clicks for which both ends had the test basis, X: all of them revealed.
    pub test_bits: u32,
    /// Test bits that differ.
    pub test_errors: u32,
    /// Part of the test bits that differ, 0 to 1.
    pub qber: f64,
    /// What the error rate of the key basis may lie above `qber` but for a chance of `eps_sec`.
    pub mu: f64,
    /// Sifted bits that Cascade put right.
    pub corrected_bits: u32,
    /// Parities disclosed, each counted.
    pub leak_bits: u32,
    /// Bits of the verification hash disclosed.
    pub tag_bits: u32,
    /// Messages of Cascade from the receiver, each answered once.
    pub round_trips: u32,
    /// The final key, in bits: what the keys were cut from.
    pub key_bits: u32,
}

impl Report {
    /// Final key bits per pulse sent, after all costs.
    #[must_use]
    pub fn bits_per_pulse(&self) -> f64 {
        if self.pulses == 0 { 0.0 } else { f64::from(self.key_bits) / f64::from(self.pulses) }
    }
}
