use std::collections::BTreeSet;

use super::pair::*;
use crate::finite::Estimate;
use crate::*;

#[test]
fn both_ends_hold_the_same_keys_half_of_them_in_each_direction() {
    let mut pair = Pair::new(small(), short(), 1);
    pair.connect();
    pair.settle();
    for blocks in 1..=3 {
        pair.block();
        pair.assert_agreed();
        assert_eq!(pair.sites[0].pool.ready.len(), blocks);
    }
    let mut ids = BTreeSet::new();
    for distilled in pair.sites[0].pool.ready.values() {
        assert_eq!(distilled.report.key_bits as usize, distilled.keys.len() * 256);
        let outgoing = distilled.keys.iter().filter(|key| key.outgoing).count();
        assert_eq!(outgoing * 2, distilled.keys.len());
        ids.extend(distilled.keys.iter().map(|key| key.id));
        assert!(distilled.seeded);
    }
    assert_eq!(ids.len(), pair.keys_ready(), "no id twice");
}

#[test]
fn a_block_goes_to_the_ends_as_they_wish_and_the_sender_hears_what_the_receiver_wishes() {
    let mut pair = Pair::new(small(), short(), 1);
    pair.give(1, Input::Wanted(30));
    pair.connect();
    pair.settle();
    assert_eq!(pair.sites[0].end.far_wanted(), 30, "told in the greeting");
    let outgoing = |pair: &Pair, side: usize| {
        let of = |block: &Distilled| block.keys.iter().filter(|key| key.outgoing).count();
        pair.sites[side].pool.ready.values().map(of).sum::<usize>()
    };
    pair.block();
    pair.assert_agreed();
    assert_eq!((outgoing(&pair, 0), outgoing(&pair, 1)), (0, pair.keys_ready()));

    // It has enough while a block is under way: the sender, which wished none, gets none of it.
    let before = pair.keys_ready();
    pair.start();
    pair.give(1, Input::Wanted(0));
    pair.settle();
    pair.assert_agreed();
    assert_eq!((outgoing(&pair, 0), outgoing(&pair, 1)), (0, pair.keys_ready()));
    assert!(pair.keys_ready() > before);

    let before = pair.keys_ready();
    pair.give(0, Input::Wanted(100));
    pair.give(1, Input::Wanted(1));
    pair.settle();
    pair.block();
    pair.assert_agreed();
    assert_eq!(outgoing(&pair, 1), before + 1, "who wishes any gets one");
    assert_eq!(outgoing(&pair, 0), pair.keys_ready() - before - 1);

    // Upon a new connection nothing is known until it is said again.
    pair.give(1, Input::Wanted(0));
    pair.connect();
    pair.settle();
    assert_eq!(pair.sites[0].end.far_wanted(), 0);
    pair.give(1, Input::Wanted(7));
    pair.give(1, Input::Wanted(7));
    assert_eq!(pair.events.len(), 1, "said once");
    pair.settle();
    assert_eq!(pair.sites[0].end.far_wanted(), 7);
}

#[test]
fn a_sender_that_says_nothing_is_not_told_for_ever() {
    let mut pair = Pair::new(small(), short(), 1);
    pair.connect();
    pair.settle();
    for wanted in 1..1_000 {
        pair.give(1, Input::Wanted(wanted));
    }
    assert!(pair.events.len() < 100);
    pair.settle();
    pair.block();
    pair.assert_agreed();
}

#[test]
fn a_block_of_the_first_link_gives_net_key_after_all_costs() {
    let randomness = [Randomness::System, Randomness::System, Randomness::System];
    let mut pair = Pair::with(Parameters::default(), Physics::default(), randomness);
    pair.connect();
    pair.settle();
    pair.block();
    pair.assert_agreed();
    let distilled = pair.sites[0].pool.ready.values().next().expect("an honest line gives key");
    let report = distilled.report;
    assert!(!distilled.seeded);
    assert!(report.bits_per_pulse() > 0.025, "{report:?}");
    assert!(report.round_trips < 250, "{report:?}");
    // Every cost is charged once more here, from the figures alone.
    let estimate = Estimate::new(
        &Parameters::default(),
        report.sifted_bits,
        report.test_bits,
        report.test_errors,
    );
    let left = estimate.spendable_bits - f64::from(report.leak_bits);
    assert!(f64::from(report.key_bits) <= left && left < f64::from(report.key_bits) + 512.0);
}

#[test]
fn only_a_block_with_no_seed_at_all_is_not_marked() {
    for seeded in 0..3 {
        let mut randomness = [Randomness::System, Randomness::System, Randomness::System];
        randomness[seeded] = Randomness::Seeded(9);
        let mut pair = Pair::with(small(), short(), randomness);
        pair.connect();
        pair.settle();
        pair.block();
        pair.assert_agreed();
        assert!(pair.sites[0].pool.ready.values().all(|distilled| distilled.seeded), "{seeded}");
    }
}

#[test]
fn only_what_both_measured_in_z_is_key() {
    let mut pair = Pair::new(small(), short(), 2);
    pair.connect();
    pair.settle();
    pair.block();
    let report = pair.sites[0].pool.ready.values().next().unwrap().report;
    // A quarter of the pulses in X at each end: 9/16 both Z, 1/16 both X, the rest dropped.
    let share = |bits: u32| f64::from(bits) / f64::from(report.clicks);
    assert!((share(report.sifted_bits) - 9.0 / 16.0).abs() < 0.02);
    assert!((share(report.test_bits) - 1.0 / 16.0).abs() < 0.01);
}

#[test]
fn a_line_that_cannot_be_bounded_is_shut_down() {
    // So far that nothing but dark counts arrives, and so dark that nothing arrives at all.
    for dark_count_probability in [1e-3, 0.0] {
        let far = Physics { length_km: 500.0, dark_count_probability, ..Physics::default() };
        let mut pair = Pair::new(small(), far, 3);
        pair.connect();
        pair.settle();
        pair.block();
        for site in &pair.sites {
            let (reason, report) = site.shut_down.as_ref().expect("it is shut down");
            assert!(reason.contains("bits"), "{reason}");
            assert!(report.is_some());
            assert!(site.pool.ready.is_empty() && site.pool.pending.is_empty());
        }
    }
}

#[test]
fn start_is_refused_where_it_makes_no_sense_and_changes_nothing() {
    let mut pair = Pair::new(small(), short(), 4);
    let start = |pair: &mut Pair, side: usize| pair.sites[side].end.on(Input::Start).unwrap_err();
    assert!(matches!(start(&mut pair, 0), Error::NotIdle { .. }));
    assert!(matches!(start(&mut pair, 1), Error::WrongEnd { .. }));
    pair.connect();
    assert!(matches!(start(&mut pair, 0), Error::NotIdle { .. }));
    pair.settle();
    pair.start();
    assert!(matches!(start(&mut pair, 0), Error::NotIdle { .. }));
    pair.settle();
    pair.assert_agreed();
    assert_eq!(pair.sites[0].pool.ready.len(), 1);
}

#[test]
fn both_ends_may_greet_in_any_order() {
    let mut pair = Pair::new(small(), short(), 5);
    pair.connect();
    // The receiver hears everything first, then the sender.
    while let Some(at) = pair
        .events
        .iter()
        .position(|(side, _)| *side == 1)
        .or(if pair.events.is_empty() { None } else { Some(0) })
    {
        let (side, event) = pair.events.remove(at).unwrap();
        pair.deliver(side, event);
    }
    pair.block();
    pair.assert_agreed();
    assert!(pair.keys_ready() > 0);
}

#[test]
fn parameters_and_names_out_of_range_are_refused() {
    for wrong in [
        Parameters { pulses: 100, ..small() },
        Parameters { pulses: 4_100, ..small() },
        Parameters { pulses: 1 << 24, ..small() },
        Parameters { test_share: 0, ..small() },
        Parameters { test_share: 129, ..small() },
        Parameters { secrecy_exponent: 2, ..small() },
        Parameters { correctness_exponent: 20, ..small() },
        Parameters { least_key_bits: 0, ..small() },
    ] {
        let answer = End::sender(identity(0), wrong, Randomness::System);
        assert!(matches!(answer, Err(Error::ParameterInvalid { .. })), "{wrong:?}");
    }
    for link in ["", "UPPER", "a b", &"a".repeat(64)] {
        let identity = Identity { link: link.to_owned(), ..identity(0) };
        assert!(End::sender(identity, small(), Randomness::System).is_err(), "{link}");
    }
    let own = Identity { far: identity(0).near, ..identity(0) };
    assert!(End::sender(own, small(), Randomness::System).is_err());
}
