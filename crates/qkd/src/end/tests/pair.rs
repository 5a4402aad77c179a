//! Both ends of a link with their pools and the channel, driven step by step, so that a test can
//! cut the connection after any of them.

use std::collections::{BTreeMap, VecDeque};

use crate::*;

/// What a pool of keys does, as far as an end sees it.
#[derive(Default)]
pub(super) struct Pool {
    pub(super) pending: BTreeMap<BlockId, Distilled>,
    pub(super) ready: BTreeMap<BlockId, Distilled>,
    pub(super) destroyed: Vec<BlockId>,
}

/// One end's process.
pub(super) struct Site {
    pub(super) end: End,
    pub(super) pool: Pool,
    pub(super) shut_down: Option<(String, Option<Report>)>,
    pub(super) restored: usize,
    pub(super) idle: usize,
    pub(super) abandoned: usize,
}

/// What is on its way.
pub(super) enum Event {
    Frame(Vec<u8>),
    Clicks(Clicks),
    Stored(BlockId),
}

/// Sender 0 and receiver 1.
pub(super) struct Pair {
    pub(super) sites: [Site; 2],
    pub(super) channel: Channel,
    bases: Option<Bases>,
    pub(super) events: VecDeque<(usize, Event)>,
    /// Every frame and the pulses, in their order, with who sent them.
    pub(super) frames: Vec<(usize, Vec<u8>)>,
    pub(super) pulses: Vec<Vec<u8>>,
    /// Outputs done, and after how many the world stops.
    pub(super) done: usize,
    pub(super) stop: Option<usize>,
}

pub(super) fn keys() -> [statement::SigningKey; 2] {
    [1, 2].map(|byte| statement::SigningKey::from_bytes([byte; 32]))
}

pub(crate) fn identity(side: usize) -> Identity {
    let [sender, receiver] = keys();
    let publics = [sender.public(), receiver.public()];
    let names = ["hangzhou", "xiaoshan"];
    Identity {
        link: "hz-xs".to_owned(),
        consortium: "demo".parse().unwrap(),
        near: names[side].parse().unwrap(),
        far: names[1 - side].parse().unwrap(),
        signing: std::sync::Arc::new(if side == 0 { sender } else { receiver }),
        far_key: publics[1 - side],
    }
}

/// Small blocks over a short line: key comes out, and quickly.
pub(super) fn small() -> Parameters {
    Parameters {
        pulses: 1 << 14,
        test_share: 64,
        secrecy_exponent: 6,
        correctness_exponent: 9,
        least_key_bits: 512,
    }
}

pub(super) fn short() -> Physics {
    Physics { length_km: 0.0, detector_efficiency: 1.0, ..Physics::default() }
}

impl Site {
    fn new(side: usize, parameters: Parameters, randomness: Randomness) -> Self {
        let make = if side == 0 { End::sender } else { End::receiver };
        Self {
            end: make(identity(side), parameters, randomness).unwrap(),
            pool: Pool::default(),
            shut_down: None,
            restored: 0,
            idle: 0,
            abandoned: 0,
        }
    }
}

impl Pair {
    /// Both ends with seeds derived from one.
    pub(super) fn new(parameters: Parameters, physics: Physics, seed: u64) -> Self {
        let [a, b, c] = [0, 1, 2].map(|which| Randomness::Seeded(seed * 4 + which));
        Self::with(parameters, physics, [a, b, c])
    }

    pub(super) fn with(
        parameters: Parameters,
        physics: Physics,
        [sender, receiver, channel]: [Randomness; 3],
    ) -> Self {
        Self {
            sites: [Site::new(0, parameters, sender), Site::new(1, parameters, receiver)],
            channel: Channel::new(physics, channel).unwrap(),
            bases: None,
            events: VecDeque::new(),
            frames: Vec::new(),
            pulses: Vec::new(),
            done: 0,
            stop: None,
        }
    }

    /// A process that starts anew over the same pool.
    pub(super) fn crash(&mut self, side: usize, parameters: Parameters, randomness: Randomness) {
        let pool = std::mem::take(&mut self.sites[side].pool);
        self.sites[side] = Site { pool, ..Site::new(side, parameters, randomness) };
    }

    pub(super) fn connect(&mut self) {
        self.events.clear();
        for side in [0, 1] {
            let pool = &self.sites[side].pool;
            let input = Input::Connected {
                pending: pool.pending.keys().copied().collect(),
                released: pool.ready.keys().copied().collect(),
            };
            self.give(side, input);
        }
    }

    pub(super) fn start(&mut self) {
        self.give(0, Input::Start);
    }

    pub(super) fn restore(&mut self, side: usize) {
        self.sites[side].shut_down = None;
        let outputs = self.sites[side].end.restore().unwrap();
        self.perform(side, outputs);
    }

    /// Runs until nothing is on its way.
    pub(super) fn settle(&mut self) {
        while !self.is_stopped() {
            let Some((side, event)) = self.events.pop_front() else { return };
            self.deliver(side, event);
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_some_and(|stop| self.done >= stop)
    }

    pub(super) fn deliver(&mut self, side: usize, event: Event) {
        match event {
            Event::Frame(frame) => self.give(side, Input::Frame(&frame)),
            Event::Clicks(clicks) => self.give(side, Input::Clicks(clicks)),
            Event::Stored(block) => self.give(side, Input::Stored(block)),
        }
    }

    pub(super) fn give(&mut self, side: usize, input: Input<'_>) {
        let outputs = self.sites[side].end.on(input).expect("honest ends agree");
        self.perform(side, outputs);
    }

    /// Does what an end wants, unless the world has stopped in the midst of it.
    pub(super) fn perform(&mut self, side: usize, outputs: Vec<Output>) {
        for output in outputs {
            if self.is_stopped() {
                return;
            }
            self.done += 1;
            self.perform_one(side, output);
        }
    }

    fn perform_one(&mut self, side: usize, output: Output) {
        let site = &mut self.sites[side];
        match output {
            Output::Frame(frame) => {
                self.frames.push((side, frame.clone()));
                self.events.push_back((1 - side, Event::Frame(frame)));
            }
            Output::Pulses(pulses) => {
                let bases = self.bases.take().expect("the bases are drawn before the pulses");
                let clicks = self.channel.carry(&pulses, &bases).unwrap();
                self.pulses.push(pulses);
                self.events.push_back((1, Event::Clicks(clicks)));
            }
            Output::Measure { bases, .. } => self.bases = Some(bases),
            Output::Store(distilled) => {
                let block = distilled.block;
                assert!(site.pool.pending.insert(block, distilled).is_none());
                self.events.push_back((side, Event::Stored(block)));
            }
            Output::Release(block) => {
                let distilled = site.pool.pending.remove(&block).expect("it was pending");
                assert!(site.pool.ready.insert(block, distilled).is_none());
            }
            Output::Destroy(block) => {
                assert!(site.pool.pending.remove(&block).is_some(), "it was pending");
                site.pool.destroyed.push(block);
            }
            Output::Abandoned { .. } => site.abandoned += 1,
            Output::ShutDown { reason, report } => site.shut_down = Some((reason, report)),
            Output::Restored => {
                site.shut_down = None;
                site.restored += 1;
            }
            Output::Idle => site.idle += 1,
        }
    }

    /// Distils one block.
    pub(super) fn block(&mut self) {
        self.start();
        self.settle();
    }

    /// Distils one block if the sender would.
    pub(super) fn block_unless_shut_down(&mut self) {
        if self.sites[0].end.shut_down().is_none() {
            self.block();
        }
    }

    /// Asserts that both pools hold the same keys, each with one direction, and none pending.
    pub(super) fn assert_agreed(&self) {
        let [sender, receiver] = &self.sites;
        assert!(sender.pool.pending.is_empty() && receiver.pool.pending.is_empty());
        let blocks = |site: &Site| site.pool.ready.keys().copied().collect::<Vec<_>>();
        assert_eq!(blocks(sender), blocks(receiver), "no block is ready on one side only");
        for (ours, theirs) in sender.pool.ready.values().zip(receiver.pool.ready.values()) {
            assert_eq!(ours.keys.len(), theirs.keys.len());
            assert_eq!(ours.report, theirs.report);
            assert_eq!(ours.seeded, theirs.seeded);
            for (a, b) in ours.keys.iter().zip(&theirs.keys) {
                assert_eq!((a.id, &a.secret), (b.id, &b.secret));
                assert_ne!(a.outgoing, b.outgoing, "one end draws it, the other recovers it");
            }
        }
    }

    pub(super) fn keys_ready(&self) -> usize {
        self.sites[0].pool.ready.values().map(|distilled| distilled.keys.len()).sum()
    }
}
