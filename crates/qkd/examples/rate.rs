//! Prints what one link gives: a few honest blocks over the first link, then one that is attacked.
//!
//! `cargo run --release -p quayside-qkd --example rate [KILOMETRES]`

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use qkd::{
    Channel, Clicks, Distilled, End, Error, Identity, Input, Output, Parameters, Physics,
    Randomness, Report,
};
use statement::SigningKey;
use tokio::time::Instant;

const BLOCKS: usize = 3;
const PULSES_PER_SECOND: f64 = 1e6;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut physics = Physics::default();
    if let Some(length) = std::env::args().nth(1) {
        physics.length_km = length.parse()?;
    }
    let mut link = Link::new(physics)?;
    println!(
        "{} km at {} dB/km, detectors {} % efficient, dark counts {:e}, misalignment {} %\n",
        physics.length_km,
        physics.attenuation_db_per_km,
        physics.detector_efficiency * 100.0,
        physics.dark_count_probability,
        physics.misalignment * 100.0
    );
    for _ in 0..BLOCKS {
        let before = Instant::now();
        link.block()?;
        match (&link.won, &link.shut_down) {
            (Some([ours, theirs]), _) => {
                assert_eq!(ours.report, theirs.report, "both ends won the same");
                tell(&ours.report, ours.keys.len(), before.elapsed(), link.carried);
            }
            (None, reason) => println!("no key: {}", reason.as_deref().unwrap_or("given up")),
        }
    }
    link.channel.set_eavesdropper(1.0)?;
    link.block()?;
    println!("with every photon intercepted: {}", link.shut_down.unwrap_or_default());
    Ok(())
}

fn tell(report: &Report, keys: usize, wall: Duration, carried: Duration) {
    let rate = report.bits_per_pulse();
    println!("pulses          {:>12}", report.pulses);
    println!("clicks          {:>12}", report.clicks);
    println!("sifted (Z, Z)   {:>12}", report.sifted_bits);
    println!("tested (X, X)   {:>12}", report.test_bits);
    println!("error rate Q    {:>12.3} %", report.qber * 100.0);
    println!("margin mu       {:>12.3} %", report.mu * 100.0);
    println!("corrected       {:>12}", report.corrected_bits);
    println!(
        "leak            {:>12} parities in {} messages",
        report.leak_bits, report.round_trips
    );
    println!("tag             {:>12}", report.tag_bits);
    println!("key             {:>12} bits, {keys} keys", report.key_bits);
    println!("bits per pulse  {rate:>12.5}");
    println!("at 1 MHz pulses {:>12.2} kbit/s", rate * PULSES_PER_SECOND / 1e3);
    println!("wall, both ends {:>12.0} ms, channel {:.0} ms\n", ms(wall), ms(carried));
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Both ends in one process, their pools no more than the last block.
struct Link {
    ends: [End; 2],
    channel: Channel,
    stored: [Option<Distilled>; 2],
    won: Option<[Distilled; 2]>,
    shut_down: Option<String>,
    carried: Duration,
}

impl Link {
    fn new(physics: Physics) -> Result<Self, Error> {
        let keys = [1, 2].map(|byte| Arc::new(SigningKey::from_bytes([byte; 32])));
        let names = ["hangzhou", "xiaoshan"];
        let identity = |side: usize| -> Option<Identity> {
            Some(Identity {
                link: "hangzhou-xiaoshan".to_owned(),
                consortium: "demo".parse().ok()?,
                near: names.get(side)?.parse().ok()?,
                far: names.get(1 - side)?.parse().ok()?,
                signing: Arc::clone(keys.get(side)?),
                far_key: keys.get(1 - side)?.public(),
            })
        };
        let [sender, receiver] = [0, 1].map(|side| identity(side).ok_or(Error::SessionEnded));
        let (parameters, system) = (Parameters::default(), || Randomness::System);
        let ends = [
            End::sender(sender?, parameters, system())?,
            End::receiver(receiver?, parameters, system())?,
        ];
        Ok(Self {
            ends,
            channel: Channel::new(physics, system())?,
            stored: [None, None],
            won: None,
            shut_down: None,
            carried: Duration::ZERO,
        })
    }

    /// Connects both ends and distils one block.
    fn block(&mut self) -> Result<(), Error> {
        (self.stored, self.won, self.shut_down) = ([None, None], None, None);
        let mut inbox: VecDeque<(usize, What)> = VecDeque::new();
        let mut bases = None;
        let connected = || What::Connected;
        inbox.extend([(0, connected()), (1, connected())]);
        let mut started = false;
        loop {
            let (side, what) = match inbox.pop_front() {
                Some(next) => next,
                None if started => return Ok(()),
                None => (0, What::Start),
            };
            started = started || matches!(what, What::Start);
            let [sender, receiver] = &mut self.ends;
            let end = if side == 0 { sender } else { receiver };
            let outputs = match what {
                What::Connected => {
                    end.on(Input::Connected { pending: Vec::new(), released: Vec::new() })
                }
                What::Start => end.on(Input::Start),
                What::Frame(frame) => end.on(Input::Frame(&frame)),
                What::Clicks(clicks) => end.on(Input::Clicks(clicks)),
                What::Stored(block) => end.on(Input::Stored(block)),
            };
            for output in outputs? {
                match output {
                    Output::Frame(frame) => inbox.push_back((1 - side, What::Frame(frame))),
                    Output::Measure { bases: drawn, .. } => bases = Some(drawn),
                    Output::Pulses(pulses) => {
                        let before = Instant::now();
                        let bases = bases.take().ok_or(Error::SessionEnded)?;
                        let clicks = self.channel.carry(&pulses, &bases)?;
                        self.carried = before.elapsed();
                        inbox.push_back((1, What::Clicks(clicks)));
                    }
                    Output::Store(distilled) => {
                        inbox.push_back((side, What::Stored(distilled.block)));
                        if let Some(place) = self.stored.get_mut(side) {
                            *place = Some(distilled);
                        }
                    }
                    Output::Release(_) if side == 1 => {
                        self.won = self.stored[0].take().zip(self.stored[1].take()).map(Into::into);
                    }
                    Output::ShutDown { reason, .. } => self.shut_down = Some(reason),
                    _ => {}
                }
            }
        }
    }
}

/// What is on its way to an end.
enum What {
    Connected,
    Start,
    Frame(Vec<u8>),
    Clicks(Clicks),
    Stored(qkd::BlockId),
}
