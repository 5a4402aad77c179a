use super::*;

const BLOCK: BlockId = BlockId([9; 16]);
const PULSES: u32 = 1 << 18;

fn parameters() -> Parameters {
    Parameters { pulses: PULSES, test_share: 128, ..Parameters::default() }
}

fn lossless() -> Physics {
    Physics {
        length_km: 0.0,
        detector_efficiency: 1.0,
        dark_count_probability: 0.0,
        misalignment: 0.0,
        ..Physics::default()
    }
}

/// What came of one block: the parts that clicked, and the error rates by equal and other basis.
struct Seen {
    clicked: f64,
    errors_same: f64,
    errors_other: f64,
    ones: f64,
}

fn carried(physics: Physics, fraction: f64, seed: u64) -> Seen {
    let mut source = Randomness::Seeded(seed).source();
    let pulses = Pulses::draw(BLOCK, &parameters(), &mut source).unwrap();
    let bases = Bases::from_source(BLOCK, PULSES as usize, 128, &mut source).unwrap();
    let mut channel = Channel::new(physics, Randomness::Seeded(seed + 1)).unwrap();
    channel.set_eavesdropper(fraction).unwrap();
    let clicks = channel.carry(&pulses.emit(), &bases).unwrap();
    let (mut same, mut other, mut same_wrong, mut other_wrong) = (0.0, 0.0, 0.0, 0.0);
    for (place, at) in clicks.detected().ones().enumerate() {
        let wrong = f64::from(pulses.values.get(at) != clicks.values().get(place));
        if pulses.bases.get(at) == bases.bases.get(at) {
            same += 1.0;
            same_wrong += wrong;
        } else {
            other += 1.0;
            other_wrong += wrong;
        }
    }
    Seen {
        clicked: clicks.count() as f64 / f64::from(PULSES),
        errors_same: same_wrong / same,
        errors_other: other_wrong / other,
        ones: clicks.values().count_ones() as f64 / clicks.count() as f64,
    }
}

fn near(found: f64, expected: f64, margin: f64) {
    assert!((found - expected).abs() < margin, "{found} is not near {expected}");
}

#[test]
fn a_perfect_line_gives_every_bit_in_its_own_basis_and_none_in_the_other() {
    let seen = carried(lossless(), 0.0, 10);
    assert!(seen.clicked > 0.999_999 && seen.errors_same == 0.0);
    near(seen.errors_other, 0.5, 0.01);
    near(seen.ones, 0.5, 0.01);
}

#[test]
fn a_full_intercept_and_resend_makes_a_quarter_of_the_bits_wrong() {
    near(carried(lossless(), 1.0, 20).errors_same, 0.25, 0.005);
    near(carried(lossless(), 0.2, 30).errors_same, 0.05, 0.004);
    near(carried(Physics::default(), 1.0, 40).errors_same, 0.255, 0.02);
}

#[test]
fn the_first_link_loses_what_its_length_says_and_errs_as_it_is_aligned() {
    let seen = carried(Physics::default(), 0.0, 50);
    // 26 km at 0.2 dB, then one photon in four.
    near(seen.clicked, 0.25 * 10_f64.powf(-0.52), 0.003);
    near(seen.errors_same, 0.01, 0.005);
}

#[test]
fn dark_counts_click_without_a_photon_and_say_nothing() {
    let dark = Physics {
        length_km: 1_000.0,
        attenuation_db_per_km: 10.0,
        dark_count_probability: 0.05,
        ..lossless()
    };
    let seen = carried(dark, 0.0, 60);
    near(seen.clicked, 1.0 - 0.95 * 0.95, 0.005);
    near(seen.errors_same, 0.5, 0.02);
    near(seen.ones, 0.5, 0.02);
}

#[test]
fn a_double_click_counts_as_a_coin() {
    // With dark counts in 1 of 10 pulses, 1 in 10 photons meets one in the other detector.
    let noisy = Physics { dark_count_probability: 0.1, ..lossless() };
    let seen = carried(noisy, 0.0, 70);
    assert!(seen.clicked > 0.999_999, "no pulse is left out");
    near(seen.errors_same, 0.05, 0.005);
}

#[test]
fn pulses_that_do_not_fit_the_bases_are_refused() {
    let mut source = Randomness::Seeded(80).source();
    let pulses = Pulses::draw(BLOCK, &parameters(), &mut source).unwrap().emit();
    let bases = Bases::from_source(BLOCK, PULSES as usize, 128, &mut source).unwrap();
    let mut channel = Channel::new(lossless(), Randomness::System).unwrap();
    let refused = |channel: &mut Channel, bytes: &[u8]| {
        matches!(channel.carry(bytes, &bases), Err(Error::PulsesInvalid { .. }))
    };
    for end in [0, 1, HEAD_BYTES - 1, HEAD_BYTES, pulses.len() - 1] {
        assert!(refused(&mut channel, &pulses[..end]), "{end}");
    }
    assert!(refused(&mut channel, &[pulses.as_slice(), &[0]].concat()));
    for place in 0..HEAD_BYTES {
        let mut changed = pulses.clone();
        changed[place] ^= 1;
        assert!(refused(&mut channel, &changed), "{place}");
    }
    assert_eq!(channel.carry(&pulses, &bases).unwrap().pulses(), PULSES as usize);
}

#[test]
fn physics_out_of_range_are_refused() {
    for wrong in [
        Physics { length_km: -1.0, ..lossless() },
        Physics { length_km: f64::NAN, ..lossless() },
        Physics { attenuation_db_per_km: 11.0, ..lossless() },
        Physics { detector_efficiency: 0.0, ..lossless() },
        Physics { detector_efficiency: f64::INFINITY, ..lossless() },
        Physics { dark_count_probability: 0.2, ..lossless() },
        Physics { misalignment: 0.6, ..lossless() },
    ] {
        let answer = Channel::new(wrong, Randomness::System);
        assert!(matches!(answer, Err(Error::ParameterInvalid { .. })), "{wrong:?}");
    }
    let mut channel = Channel::new(lossless(), Randomness::System).unwrap();
    for fraction in [-0.1, 1.1, f64::NAN] {
        assert!(channel.set_eavesdropper(fraction).is_err(), "{fraction}");
    }
}

#[test]
fn clicks_and_bases_never_show_their_bits() {
    let mut source = Randomness::Seeded(90).source();
    let pulses = Pulses::draw(BLOCK, &parameters(), &mut source).unwrap();
    let bases = Bases::from_source(BLOCK, PULSES as usize, 128, &mut source).unwrap();
    let clicks =
        Channel::new(lossless(), Randomness::System).unwrap().carry(&pulses.emit(), &bases);
    let shown = format!("{pulses:?} {bases:?} {clicks:?}");
    assert!(shown.len() < 400, "{shown}");
}
