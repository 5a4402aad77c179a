//! What everybody may read of a block, and what can be made of it.

use std::collections::BTreeMap;

use super::pair::*;
use crate::bits::Bits;
use crate::cascade::view::Order;
use crate::cascade::{Ask, Pass, Schedule};
use crate::chain::message_of;
use crate::finite::Estimate;
use crate::message::Message;
use crate::sift::{pick, sift};
use crate::*;

/// A sum of bits of the sifted key, and its value where it was disclosed.
type Row = (Bits, Option<bool>);

/// The frames of one block, in one reader's hands.
#[derive(Default)]
struct Transcript {
    parities: Vec<Row>,
    key: Vec<Bits>,
    detected: Option<Bits>,
    receiver_bases: Option<Bits>,
    receiver_tests: Option<Bits>,
    sender_bases: Option<Bits>,
    schedule: Option<Schedule>,
    sifted: usize,
    asked: Option<Ask>,
}

impl Transcript {
    /// Reads everything that was sent, in both directions; nothing else.
    fn read(frames: &[(usize, Vec<u8>)], parameters: &Parameters) -> Self {
        let mut transcript = Self::default();
        for (_, frame) in frames {
            transcript.note(message_of(frame), parameters);
        }
        transcript
    }

    fn note(&mut self, message: Message, parameters: &Parameters) {
        match message {
            Message::Clicked { detected, bases, tests, .. } => {
                let detected = Bits::from_bytes(&detected, parameters.pulses as usize).unwrap();
                let bases = Bits::from_bytes(&bases, detected.count_ones()).unwrap();
                self.receiver_tests = Bits::from_bytes(&tests, bases.count_ones());
                self.receiver_bases = Some(bases);
                self.detected = Some(detected);
            }
            Message::Sifted { bases, tests, shuffle, .. } => {
                let theirs = self.receiver_bases.as_ref().unwrap();
                let ours = Bits::from_bytes(&bases, theirs.len()).unwrap();
                self.sifted = sift(&ours, theirs, &ours).key.len();
                let received = self.receiver_tests.as_ref().unwrap();
                let received = pick(&pick(theirs, &ours), received);
                let sent = Bits::from_bytes(&tests, received.len()).unwrap();
                let qber = sent.distance(&received) as f64 / sent.len() as f64;
                let n = u32::try_from(self.sifted).unwrap();
                self.schedule = Some(Schedule::new(n, qber, shuffle));
                self.sender_bases = Some(ours);
            }
            Message::Ask(ask) => self.asked = Some(ask),
            Message::Parities(bytes) => {
                let rows = self.rows(&self.asked.clone().unwrap());
                let values = Bits::from_bytes(&bytes, rows.len()).expect("all are counted");
                for (at, row) in rows.into_iter().enumerate() {
                    self.parities.push((row, Some(values.get(at))));
                }
            }
            Message::Finish { key_bits, tag_seed, tag, seed, .. } => {
                let n = self.sifted;
                let tag_bits = Estimate::new(parameters, 1, 1, 0).tag_bits as usize;
                let tag = Bits::from_bytes(&tag, tag_bits).unwrap();
                for (at, row) in matrix(n, tag_bits, &tag_seed).into_iter().enumerate() {
                    self.parities.push((row, Some(tag.get(at))));
                }
                self.key = matrix(n, key_bits as usize, &seed);
            }
            _ => {}
        }
    }

    /// Which bits each parity of an ask is the sum of.
    fn rows(&self, ask: &Ask) -> Vec<Bits> {
        let schedule = self.schedule.as_ref().unwrap();
        let n = schedule.bits;
        let mut ranges = Vec::new();
        for number in &ask.open {
            let size = match schedule.passes()[usize::from(*number)] {
                Pass::Shuffled { block } => block,
                Pass::Half => n,
            };
            let blocks = (0..schedule.opening(*number)).map(|block| block * size);
            ranges.extend(blocks.map(|start| (*number, start, size.min(n - start))));
        }
        ranges.extend(ask.parts.iter().map(|part| (part.pass, part.start, part.len)));
        let mut orders = BTreeMap::new();
        let row = |(number, start, len): (u8, u32, u32)| {
            let pass = schedule.passes()[usize::from(number)];
            let order = orders.entry(number).or_insert_with(|| Order::new(schedule, number, pass));
            let mut row = Bits::zeros(n as usize);
            for place in start..start + len {
                let bit = order.at(place);
                row.set(bit as usize, order.place_of(bit).is_some());
            }
            row
        };
        ranges.into_iter().map(row).collect()
    }
}

fn matrix(n: usize, l: usize, seed: &[u8]) -> Vec<Bits> {
    let seed = Bits::from_bytes(seed, n + l - 1).unwrap();
    let row = |i: usize| {
        let mut row = Bits::zeros(n);
        (0..n).for_each(|j| row.set(j, seed.get(i + n - 1 - j)));
        row
    };
    (0..l).map(row).collect()
}

fn dot(row: &Bits, bits: &Bits) -> bool {
    row.and(bits).parity(0..bits.len())
}

/// Rows in echelon form, each with the place of its first one.
#[derive(Default)]
struct Span(Vec<(usize, Bits, bool)>);

impl Span {
    /// Takes a row in; false if the rows before it already say what it says.
    fn add(&mut self, row: &Bits, value: bool) -> bool {
        let (mut row, mut value) = (row.clone(), value);
        for (first, other, other_value) in &self.0 {
            if row.get(*first) {
                row = xor(&row, other);
                value ^= other_value;
            }
        }
        let Some(first) = row.ones().next() else {
            assert!(!value, "what is disclosed does not contradict itself");
            return false;
        };
        self.0.push((first, row, value));
        true
    }

    /// Some bits that agree with all rows; those left free are drawn.
    fn solve(&self, free: &Bits) -> Bits {
        let mut bits = free.clone();
        for (first, row, value) in self.0.iter().rev() {
            if dot(row, &bits) != *value {
                bits.flip(*first);
            }
        }
        bits
    }
}

fn xor(one: &Bits, other: &Bits) -> Bits {
    let words = one.words().iter().zip(other.words()).map(|(a, b)| a ^ b).collect();
    Bits::from_words(zeroize::Zeroizing::new(words), one.len())
}

/// One honest block, small enough for linear algebra over all of it.
fn block(seed: u64) -> (Pair, Transcript, Vec<bool>) {
    let parameters = Parameters { pulses: 1 << 13, secrecy_exponent: 4, ..small() };
    let physics = Physics { misalignment: 0.01, ..short() };
    let randomness = [seed * 3, seed * 3 + 1, seed * 3 + 2].map(Randomness::Seeded);
    let mut pair = Pair::with(parameters, physics, randomness);
    pair.connect();
    pair.settle();
    pair.block();
    pair.assert_agreed();
    let transcript = Transcript::read(&pair.frames, &parameters);
    let distilled = pair.sites[0].pool.ready.values().next().expect("the block gave key");
    let secrets = distilled.keys.iter().flat_map(|key| key.secret.to_vec());
    let key = secrets.flat_map(|byte| (0..8).map(move |bit| (byte >> bit) & 1 == 1)).collect();
    (pair, transcript, key)
}

/// The sifted bits, from the photons themselves, which no reader of the transcript has.
fn truth(pair: &Pair, transcript: &Transcript) -> Bits {
    let photons = &pair.pulses[0][21..];
    let mut values = Bits::with_capacity(photons.len() * 4);
    photons
        .iter()
        .for_each(|byte| [1, 3, 5, 7].iter().for_each(|at| values.push((byte >> at) & 1 == 1)));
    let values = pick(transcript.detected.as_ref().unwrap(), &values);
    let (ours, theirs) = (&transcript.sender_bases, &transcript.receiver_bases);
    sift(ours.as_ref().unwrap(), theirs.as_ref().unwrap(), &values).key
}

#[test]
fn the_whole_transcript_says_nothing_of_any_sum_of_key_bits() {
    for seed in [1, 2, 3] {
        let (pair, transcript, key) = block(seed);
        let truth = truth(&pair, &transcript);
        // The rows are what was disclosed and what the key is: so the test looks at the right ones.
        assert!(transcript.parities.iter().all(|(row, value)| Some(dot(row, &truth)) == *value));
        let made: Vec<bool> = transcript.key.iter().map(|row| dot(row, &truth)).collect();
        assert_eq!(made, key);
        let report = pair.sites[0].pool.ready.values().next().unwrap().report;
        let disclosed = (report.leak_bits + report.tag_bits) as usize;
        assert_eq!(transcript.parities.len(), disclosed, "every parity disclosed is counted");
        // Given all that was disclosed, no sum of key bits is fixed: each row is new.
        let mut span = Span::default();
        for (row, value) in &transcript.parities {
            span.add(row, value.unwrap());
        }
        for (at, row) in transcript.key.iter().enumerate() {
            assert!(span.add(row, key[at]), "bit {at} follows from the transcript");
        }
    }
}

#[test]
fn replaying_the_transcript_predicts_key_bits_no_better_than_chance() {
    let (mut hits, mut guesses) = (0_u32, 0_u32);
    for seed in 10..16 {
        let (_, transcript, key) = block(seed);
        let mut span = Span::default();
        for (row, value) in &transcript.parities {
            span.add(row, value.unwrap());
        }
        // The best guess there is: bits that agree with everything disclosed.
        let mut source = Randomness::Seeded(seed + 1_000).source();
        for _ in 0..4 {
            let guess = span.solve(&Bits::random(transcript.sifted, &mut source).unwrap());
            assert!(
                transcript.parities.iter().all(|(row, value)| Some(dot(row, &guess)) == *value)
            );
            for (row, bit) in transcript.key.iter().zip(&key) {
                hits += u32::from(dot(row, &guess) == *bit);
                guesses += 1;
            }
        }
    }
    let (hits, guesses) = (f64::from(hits), f64::from(guesses));
    let sigmas = (hits - guesses / 2.0) / (guesses / 4.0).sqrt();
    assert!(guesses > 10_000.0 && sigmas.abs() < 4.5, "{hits} of {guesses}: {sigmas} sigma");
}

#[test]
fn what_clicked_says_nothing_of_the_bits() {
    let mut pair = Pair::new(Parameters { pulses: 1 << 18, ..small() }, Physics::default(), 40);
    pair.connect();
    pair.settle();
    pair.block();
    let transcript = Transcript { sifted: 0, ..Transcript::default() };
    let _ = transcript;
    let clicked = pair.frames.iter().find_map(|(_, frame)| match message_of(frame) {
        Message::Clicked { detected, .. } => Bits::from_bytes(&detected, 1 << 18),
        _ => None,
    });
    let detected = clicked.expect("it was sent");
    let photons = &pair.pulses[0][21..];
    let (mut ones, mut tests, mut count) = (0.0, 0.0, 0.0_f64);
    for at in detected.ones() {
        let photon = photons[at / 4] >> (at % 4 * 2);
        tests += f64::from(photon & 1);
        ones += f64::from((photon >> 1) & 1);
        count += 1.0;
    }
    assert!((ones / count - 0.5).abs() < 5.0 * 0.5 / count.sqrt(), "{ones} of {count}");
    assert!((tests / count - 0.25).abs() < 5.0 * 0.44 / count.sqrt(), "{tests} of {count}");
}
