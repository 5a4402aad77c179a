use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::*;
use crate::finite::entropy;

/// Two strings that differ in each bit with a chance of `qber`.
fn noisy(bits: usize, qber: f64, random: &mut StdRng) -> (Vec<bool>, Vec<bool>) {
    let sent: Vec<bool> = (0..bits).map(|_| random.next_u32() % 2 == 1).collect();
    let limit = qber * f64::from(u32::MAX);
    let got = sent.iter().map(|bit| bit ^ (f64::from(random.next_u32()) < limit)).collect();
    (sent, got)
}

/// Runs both ends; returns the corrector when it asks no more.
fn run(sent: &[bool], got: &[bool], qber: f64, seed: [u8; 32]) -> (Answerer, Corrector) {
    let schedule = Schedule::new(u32::try_from(sent.len()).unwrap(), qber, seed);
    let mut answerer = Answerer::new(sent, schedule.clone(), u32::MAX);
    let mut corrector = Corrector::new(got, schedule);
    while let Some(ask) = corrector.ask() {
        let parities = answerer.answer(&ask).unwrap();
        corrector.take(&parities).unwrap();
    }
    (answerer, corrector)
}

#[test]
fn all_errors_are_found_at_every_rate_and_size() {
    let mut random = StdRng::seed_from_u64(1);
    for bits in [1, 2, 63, 64, 65, 1_000, 10_000] {
        for qber in [0.0, 0.005, 0.02, 0.05, 0.11] {
            let (sent, got) = noisy(bits, qber, &mut random);
            let (answerer, corrector) = run(&sent, &got, qber, [3; 32]);
            assert_eq!(corrector.to_bools(), sent, "{bits} bits at {qber}");
            assert_eq!(answerer.leak_bits(), corrector.leak_bits());
        }
    }
}

#[test]
fn the_leak_of_a_large_block_is_near_the_bound_and_the_round_trips_are_few() {
    let mut random = StdRng::seed_from_u64(2);
    for (qber, efficiency) in [(0.01, 1.10), (0.03, 1.08), (0.05, 1.07)] {
        let (sent, got) = noisy(200_000, qber, &mut random);
        let (_, corrector) = run(&sent, &got, qber, [4; 32]);
        let found = f64::from(corrector.leak_bits()) / (200_000.0 * entropy(qber));
        let trips = corrector.round_trips();
        println!("{qber}: efficiency {found:.4}, {trips} round trips");
        assert_eq!(corrector.to_bools(), sent);
        assert!(trips < 200, "{qber}: {trips}");
        assert!(found < efficiency, "{qber}: {found}");
    }
}

#[test]
fn a_wrong_guess_of_the_rate_costs_bits_but_no_errors() {
    let mut random = StdRng::seed_from_u64(3);
    for guess in [0.0, 0.5] {
        let (sent, got) = noisy(20_000, 0.03, &mut random);
        assert_eq!(run(&sent, &got, guess, [5; 32]).1.to_bools(), sent, "{guess}");
    }
}

#[test]
fn every_parity_given_is_counted_at_both_ends() {
    let mut random = StdRng::seed_from_u64(4);
    let (sent, got) = noisy(5_000, 0.04, &mut random);
    let schedule = Schedule::new(5_000, 0.04, [6; 32]);
    let mut answerer = Answerer::new(&sent, schedule.clone(), u32::MAX);
    let mut corrector = Corrector::new(&got, schedule);
    let mut given = 0;
    while let Some(ask) = corrector.ask() {
        let parities = answerer.answer(&ask).unwrap();
        assert_eq!(parities.count(), corrector.wanted(&ask) as usize);
        given += parities.count();
        corrector.take(&parities).unwrap();
        assert_eq!((answerer.leak_bits() as usize, corrector.leak_bits() as usize), (given, given));
    }
    assert!(given > 1_000);
}

#[test]
fn an_ask_that_is_not_allowed_gets_no_parity() {
    let schedule = Schedule::new(1_000, 0.05, [7; 32]);
    let mut answerer = Answerer::new(&[true; 1_000], schedule, 300);
    let ask = |open: &[u8], parts: &[(u8, u32, u32)]| Ask {
        open: open.to_vec(),
        parts: parts.iter().map(|&(pass, start, len)| Part { pass, start, len }).collect(),
    };
    answerer.answer(&ask(&[0], &[])).unwrap();
    let before = answerer.leak_bits();
    for wrong in [
        ask(&[], &[]),
        ask(&[0], &[]),
        ask(&[3, 3], &[]),
        ask(&[4, 3], &[]),
        ask(&[19], &[]),
        ask(&[255], &[]),
        ask(&[], &[(1, 0, 1)]),
        ask(&[], &[(0, 0, 0)]),
        ask(&[], &[(0, 1_000, 1)]),
        ask(&[], &[(0, 999, 2)]),
        ask(&[], &[(0, u32::MAX, u32::MAX)]),
        ask(&[], &vec![(0, 0, 1); 301]),
    ] {
        assert!(answerer.answer(&wrong).is_err(), "{wrong:?}");
        assert_eq!(answerer.leak_bits(), before, "a refused ask discloses nothing: {wrong:?}");
    }
}

#[test]
fn answers_that_contradict_one_another_end_all_the_same() {
    let mut random = StdRng::seed_from_u64(5);
    let schedule = Schedule::new(2_000, 0.05, [8; 32]);
    let mut corrector = Corrector::new(&[false; 2_000], schedule);
    for _ in 0..3_000 {
        let Some(ask) = corrector.ask() else { return };
        let mut lies = Bits::with_capacity(64);
        (0..corrector.wanted(&ask)).for_each(|_| lies.push(random.next_u32() % 2 == 1));
        corrector.take(&Parities(lies)).unwrap();
    }
    // The leak grows with every lie, so that the end of the link gives up at its limit.
    assert!(corrector.leak_bits() >= 3_000);
}

#[test]
fn an_answer_that_was_not_asked_for_is_refused() {
    let mut corrector = Corrector::new(&[false; 100], Schedule::new(100, 0.05, [9; 32]));
    let some = |count| Parities(Bits::zeros(count));
    assert!(corrector.take(&some(1)).is_err());
    let ask = corrector.ask().unwrap();
    let wanted = corrector.wanted(&ask) as usize;
    assert!(corrector.take(&some(wanted + 1)).is_err());
}
