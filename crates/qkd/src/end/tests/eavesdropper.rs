use super::pair::*;
use crate::end::Telling;
use crate::*;

fn greeted(seed: u64, parameters: Parameters, physics: Physics) -> Pair {
    let mut pair = Pair::new(parameters, physics, seed);
    pair.connect();
    pair.settle();
    pair
}

#[test]
fn an_attacked_block_shuts_the_line_down_at_once_in_500_runs_of_500() {
    for seed in 0..500 {
        let mut pair = greeted(100 + seed, small(), short());
        // The same line gives key while nobody listens, so that it is the listening that is seen.
        if seed % 50 == 0 {
            pair.block();
            pair.assert_agreed();
            assert!(pair.keys_ready() > 0);
        }
        let before = pair.keys_ready();
        pair.channel.set_eavesdropper(1.0).unwrap();
        pair.block();
        pair.assert_agreed();
        assert_eq!(pair.keys_ready(), before, "run {seed}: no key of an attacked block");
        for site in &pair.sites {
            let (reason, report) = site.shut_down.as_ref().expect("the line is shut down");
            let report = report.expect("a block was the cause");
            assert!(report.qber > 0.15 && reason.contains("Q = "), "run {seed}: {reason}");
            assert_eq!(report.key_bits, 0);
        }
    }
}

#[test]
fn a_partial_attack_costs_key_and_a_larger_one_shuts_down() {
    let parameters = Parameters { pulses: 1 << 18, ..small() };
    let mut last = usize::MAX;
    for fraction in [0.0, 0.05, 0.1] {
        let mut pair = greeted(50, parameters, short());
        pair.channel.set_eavesdropper(fraction).unwrap();
        pair.block();
        pair.assert_agreed();
        let keys = pair.keys_ready();
        assert!(0 < keys && keys < last, "{fraction}: {keys}, before {last}");
        last = keys;
    }
    let mut pair = greeted(50, parameters, short());
    pair.channel.set_eavesdropper(0.4).unwrap();
    pair.block();
    assert!(pair.keys_ready() == 0 && pair.sites[1].shut_down.is_some());
}

#[test]
fn a_line_that_is_shut_down_starts_nothing_until_either_end_restores_it() {
    for side in [0, 1] {
        let mut pair = greeted(60, small(), short());
        pair.channel.set_eavesdropper(1.0).unwrap();
        pair.block();
        let start = pair.sites[0].end.on(Input::Start);
        assert!(matches!(start, Err(Error::LineShutDown { .. })), "{start:?}");
        assert!(!start.unwrap_err().ends_session());
        pair.channel.set_eavesdropper(0.0).unwrap();
        let idle = pair.sites[0].idle;
        pair.restore(side);
        pair.settle();
        assert_eq!(pair.sites[1 - side].restored, 1);
        assert_eq!(pair.sites[0].idle, idle + 1);
        pair.block();
        pair.assert_agreed();
        assert!(pair.keys_ready() > 0);
        // It can be shut down, and restored, again.
        pair.channel.set_eavesdropper(1.0).unwrap();
        pair.block();
        assert!(pair.sites.iter().all(|site| site.end.shut_down().is_some()));
    }
}

#[test]
fn a_shut_down_survives_a_restart_of_either_end_and_a_restore_while_apart_is_told() {
    for side in [0, 1] {
        let mut pair = greeted(70, small(), short());
        pair.channel.set_eavesdropper(1.0).unwrap();
        pair.block();
        // One process starts anew and knows nothing: the far end tells it.
        pair.crash(side, small(), Randomness::Seeded(1));
        pair.connect();
        pair.settle();
        let (reason, _) = pair.sites[side].shut_down.clone().expect("it was told");
        assert!(reason.contains("Q = "), "{reason}");
        // Apart, an operator restores one end; when they meet, both are open.
        pair.channel.set_eavesdropper(0.0).unwrap();
        for each in [0, 1] {
            pair.give(each, Input::Disconnected);
        }
        pair.restore(side);
        pair.connect();
        pair.settle();
        assert!(pair.sites.iter().all(|site| site.end.shut_down().is_none()));
        pair.block();
        pair.assert_agreed();
        assert!(pair.keys_ready() > 0);
    }
}

#[test]
fn an_old_restore_does_not_open_a_line_that_was_shut_down_since() {
    let mut pair = greeted(80, small(), short());
    pair.restore(0);
    pair.settle();
    pair.channel.set_eavesdropper(1.0).unwrap();
    pair.block();
    assert!(pair.sites.iter().all(|site| site.end.shut_down().is_some()));
    pair.connect();
    pair.settle();
    assert!(pair.sites.iter().all(|site| site.end.shut_down().is_some()));
}

#[test]
fn a_receiver_that_is_shut_down_refuses_a_sender_that_is_not() {
    let mut pair = greeted(90, small(), short());
    pair.sites[1].end.set_shut_down("seen before the restart".to_owned());
    pair.block();
    let (reason, _) = pair.sites[0].shut_down.as_ref().expect("it was told");
    assert!(reason.contains("seen before the restart"));
    assert_eq!(pair.pulses.len(), 0, "no photon was sent");
}

#[test]
fn a_shut_down_that_crosses_a_restore_wins_when_the_ends_meet_again() {
    for side in [0, 1] {
        let mut pair = greeted(95, small(), short());
        pair.restore(side);
        let halted = pair.sites[1 - side].end.halt("somebody listens".to_owned(), None).unwrap();
        pair.perform(1 - side, halted);
        pair.settle();
        // The one heard of the shut-down after it had restored, the other the other way round.
        assert!(pair.sites[side].end.shut_down().is_some());
        assert_eq!(pair.sites[side].end.telling, Telling::Nothing);
        pair.block_unless_shut_down();
        assert_eq!(pair.keys_ready(), 0);
        pair.connect();
        pair.settle();
        assert!(pair.sites.iter().all(|site| site.end.shut_down().is_some()));
    }
}
