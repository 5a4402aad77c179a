//! What both ends do alike: weigh a block, and cut keys from it.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use crate::bits::Bits;
use crate::finite::Estimate;
use crate::randomness::Source;
use crate::{BlockId, DistilledKey, Error, Parameters, Report};

/// Bits in one key.
const KEY_BITS: u32 = 256;
const ID_BYTES: usize = 16;

/// What is known of a block that is being reconciled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weighed {
    pub(super) block: BlockId,
    pub(super) estimate: Estimate,
    /// How many parities may be disclosed; none if the line is to be shut down.
    pub(super) limit_bits: Option<u32>,
    pub(super) report: Report,
    pub(super) seeded: bool,
}

impl Weighed {
    pub(super) fn new(
        parameters: &Parameters,
        block: BlockId,
        clicks: usize,
        key: &Bits,
        tests: (&Bits, &Bits),
        seeded: bool,
    ) -> Self {
        // A block has at most 2^23 pulses.
        let count = |bits: usize| u32::try_from(bits).unwrap_or(u32::MAX);
        let (ours, theirs) = tests;
        let errors = count(ours.distance(theirs));
        let estimate = Estimate::new(parameters, count(key.len()), count(ours.len()), errors);
        let report = Report {
            pulses: parameters.pulses,
            clicks: count(clicks),
            sifted_bits: estimate.sifted_bits,
            test_bits: estimate.test_bits,
            test_errors: errors,
            qber: estimate.qber,
            mu: estimate.mu,
            corrected_bits: 0,
            leak_bits: 0,
            tag_bits: 0,
            round_trips: 0,
            key_bits: 0,
        };
        Self { block, estimate, limit_bits: estimate.leak_limit(parameters), report, seeded }
    }

    /// Notes what Cascade cost, and what is left.
    pub(super) fn reconciled(
        &mut self,
        parameters: &Parameters,
        leak_bits: u32,
        corrected_bits: u32,
        round_trips: u32,
    ) {
        self.report.leak_bits = leak_bits;
        self.report.corrected_bits = corrected_bits;
        self.report.round_trips = round_trips;
        self.report.tag_bits = self.estimate.tag_bits;
        self.report.key_bits = self.estimate.key_bits(parameters, leak_bits);
    }

    /// Why the line is shut down, with the figures.
    pub(super) fn reason(&self, parameters: &Parameters) -> String {
        let Report { test_bits, test_errors, sifted_bits, leak_bits, .. } = self.report;
        let least = parameters.least_key_bits;
        if sifted_bits == 0 || test_bits == 0 {
            return format!(
                "the error rate cannot be bounded: {sifted_bits} sifted bits and {test_bits} test \
                 bits of {} clicks",
                self.report.clicks
            );
        }
        let (qber, mu) = (self.report.qber * 100.0, self.report.mu * 100.0);
        format!(
            "no key of {least} bits can be had: error rate Q = {qber:.2} % ({test_errors} of \
             {test_bits} test bits), margin mu = {mu:.2} %, {sifted_bits} sifted bits, {leak_bits} \
             parities disclosed"
        )
    }
}

/// Draws random UUIDs (version 4), all different.
pub(super) fn draw_ids(key_bits: u32, source: &mut Source) -> Result<Vec<u8>, Error> {
    let count = key_count(key_bits) as usize;
    let mut ids = BTreeSet::new();
    let mut bytes = Vec::with_capacity(count * ID_BYTES);
    while ids.len() < count {
        let mut id = source.array::<ID_BYTES>()?;
        stamp(&mut id);
        if ids.insert(id) {
            bytes.extend_from_slice(&id);
        }
    }
    Ok(bytes)
}

/// Whether the ids are as many as the keys, each a random UUID, and all different.
pub(super) fn check_ids(key_bits: u32, bytes: &[u8]) -> bool {
    let (ids, rest) = bytes.as_chunks::<ID_BYTES>();
    let different: BTreeSet<&[u8; ID_BYTES]> = ids.iter().collect();
    let stamped = |id: &[u8; ID_BYTES]| {
        let mut copy = *id;
        stamp(&mut copy);
        copy == *id
    };
    rest.is_empty()
        && ids.len() == key_count(key_bits) as usize
        && different.len() == ids.len()
        && ids.iter().all(stamped)
}

/// Writes version 4 and the variant of RFC 9562 into 16 bytes.
const fn stamp(id: &mut [u8; ID_BYTES]) {
    let [.., version, _, variant, _, _, _, _, _, _, _] = id;
    *version = (*version & 0x0f) | 0x40;
    *variant = (*variant & 0x3f) | 0x80;
}

/// How many keys the bits make.
pub(super) const fn key_count(key_bits: u32) -> u32 {
    key_bits / KEY_BITS
}

/// How many of so many keys the sender draws: as large a part as its wish is of both ends' wishes,
/// so that neither end runs dry while the other one's keys pile up.
pub(super) fn share(count: u32, sender_wants: u32, receiver_wants: u32) -> u32 {
    let (ours, theirs) = match (sender_wants, receiver_wants) {
        (0, 0) => (1, 1),
        wants => wants,
    };
    let both = u64::from(ours) + u64::from(theirs);
    let part = (u64::from(count) * u64::from(ours)).div_ceil(both);
    // At most the count, for the part is at most the whole.
    let part = u32::try_from(part).unwrap_or(count);
    // Who wants any gets one, if there are two.
    if theirs > 0 && count > 1 { part.min(count - 1) } else { part }
}

/// Cuts the final bits into keys: the first `outgoing` are drawn by the sender, the others by the
/// receiver.
pub(super) fn cut(bits: &Bits, ids: &[u8], outgoing: u32, is_sender: bool) -> Vec<DistilledKey> {
    let bytes = bits.to_bytes();
    let (secrets, _) = bytes.as_chunks::<32>();
    let (ids, _) = ids.as_chunks::<ID_BYTES>();
    let keys = (0..).zip(secrets.iter().zip(ids)).map(|(number, (secret, id))| DistilledKey {
        id: *id,
        outgoing: (number < outgoing) == is_sender,
        secret: Zeroizing::new(*secret),
    });
    keys.collect()
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn a_block_is_shared_as_the_ends_wish() {
        let shares = [
            ((10, 0, 0), 5),
            ((11, 0, 0), 6),
            ((10, 7, 0), 10),
            ((10, 0, 7), 0),
            ((10, 30, 10), 8),
            ((10, u32::MAX, 1), 9),
            ((10, 1, u32::MAX), 1),
            ((2, 1, 1), 1),
            ((1, 1, 1), 1),
            ((0, 1, 1), 0),
            ((u32::MAX, u32::MAX, 0), u32::MAX),
        ];
        for ((count, ours, theirs), expected) in shares {
            assert_eq!(share(count, ours, theirs), expected, "{count} by {ours} and {theirs}");
        }
    }
}
