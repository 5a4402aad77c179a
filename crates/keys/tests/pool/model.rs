//! Any order of calls, with restarts between them, keeps the pool's promises.

use std::collections::BTreeMap;

use keys::{Drawn, Error, KeySource, KeyUuid};
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::cast::{End, keys, peer, request};

/// What happens to the link and its two pools.
#[derive(Clone, Debug)]
enum Act {
    Store { block: u8 },
    Release { block: u8, end: usize },
    Destroy { block: u8 },
    Draw { asked: u16, length: u16 },
    Recover { asked: u16, of: u16 },
    Confirm { asked: u16, end: usize },
    Restart { end: usize },
}

fn act() -> impl Strategy<Value = Act> {
    let (block, end, asked) = (1..4_u8, 0..2_usize, 0..4_u16);
    prop_oneof![
        2 => block.clone().prop_map(|block| Act::Store { block }),
        3 => (block.clone(), end.clone()).prop_map(|(block, end)| Act::Release { block, end }),
        1 => block.prop_map(|block| Act::Destroy { block }),
        6 => (asked.clone(), prop_oneof![Just(32), Just(80)])
            .prop_map(|(asked, length)| Act::Draw { asked, length }),
        6 => (asked.clone(), 0..4_u16).prop_map(|(asked, of)| Act::Recover { asked, of }),
        3 => (asked, end.clone()).prop_map(|(asked, end)| Act::Confirm { asked, end }),
        1 => end.prop_map(|end| Act::Restart { end }),
    ]
}

/// The link, and what its askers were told.
struct Model {
    ends: [Option<End>; 2],
    /// Which request each key went to, by end.
    given: [BTreeMap<KeyUuid, u16>; 2],
    drawn: BTreeMap<u16, Drawn>,
    recovered: BTreeMap<u16, u16>,
    confirmed: [Vec<u16>; 2],
}

impl Model {
    fn new() -> Self {
        Self {
            // Something to begin with, so that much happens in few acts.
            ends: [0, 1].map(|end| {
                let new = End::new(end);
                new.fill(end, 9, 12);
                Some(new)
            }),
            given: Default::default(),
            drawn: BTreeMap::new(),
            recovered: BTreeMap::new(),
            confirmed: Default::default(),
        }
    }

    fn end(&self, end: usize) -> &End {
        self.ends[end].as_ref().unwrap()
    }

    async fn run(&mut self, act: &Act) {
        match *act {
            Act::Store { block } => {
                // A link stores at both ends or, if it breaks, at one; refusals change nothing.
                for end in [0, 1] {
                    let new = keys(end, block, 6);
                    let _known = self.end(end).pool.store_pending([block; 16], new, false);
                }
            }
            Act::Release { block, end } => {
                let _unknown = self.end(end).pool.release([block; 16]);
            }
            Act::Destroy { block } => {
                // The ends destroy only what neither has released.
                if [0, 1].iter().all(|end| !self.end(*end).pool.released([block; 16])) {
                    for end in [0, 1] {
                        self.end(end).pool.destroy([block; 16]).unwrap();
                    }
                }
            }
            Act::Draw { asked, length } => self.draw(asked, length).await,
            Act::Recover { asked, of } => self.recover(asked, of).await,
            Act::Confirm { asked, end } => {
                self.end(end).source.confirm(&request(asked)).await.unwrap();
                let answered =
                    [self.drawn.contains_key(&asked), self.recovered.contains_key(&asked)];
                if answered[end] {
                    self.confirmed[end].push(asked);
                }
            }
            Act::Restart { end } => {
                let old = self.ends[end].take().unwrap();
                self.ends[end] = Some(old.restarted(end));
            }
        }
    }

    async fn draw(&mut self, asked: u16, length: u16) {
        let answer = self.end(0).source.draw(&request(asked), &peer(1), length).await;
        let before = self.drawn.get(&asked);
        match (answer, before) {
            (Ok(drawn), None) => {
                for id in &drawn.handle.key_ids {
                    assert_eq!(self.given[0].insert(*id, asked), None, "{id} was drawn twice");
                }
                self.drawn.insert(asked, drawn);
            }
            (Ok(again), Some(before)) => {
                assert_eq!((&again.handle, &again.secret), (&before.handle, &before.secret));
                assert!(!self.confirmed[0].contains(&asked));
            }
            (Err(Error::Spent), _) => assert!(self.confirmed[0].contains(&asked)),
            (Err(Error::RequestReused { .. }), Some(before)) => {
                assert_ne!(before.handle.length, length);
            }
            (Err(error), before) => {
                assert!(before.is_none(), "{error}");
                assert_eq!(error.reason(), "KEYS_EXHAUSTED");
            }
        }
    }

    async fn recover(&mut self, asked: u16, of: u16) {
        let Some(drawn) = self.drawn.get(&of) else { return };
        let answer = self.end(1).source.recover(&request(asked), &peer(0), &drawn.handle).await;
        match answer {
            Ok(secret) => {
                assert_eq!(secret, drawn.secret);
                assert!(!self.confirmed[1].contains(&asked));
                assert_eq!(*self.recovered.entry(asked).or_insert(of), of);
                for id in &drawn.handle.key_ids {
                    let first = *self.given[1].entry(*id).or_insert(asked);
                    assert_eq!(first, asked, "{id} went to two requests");
                }
            }
            Err(Error::RequestReused { .. }) => assert_ne!(self.recovered.get(&asked), Some(&of)),
            Err(Error::Spent) => {
                let gone = drawn.handle.key_ids.iter().any(|id| self.given[1].contains_key(id));
                assert!(gone, "nobody was given it");
            }
            // Released at the drawing end only, so far.
            Err(error) => assert_eq!(error.reason(), "KEY_NOT_RELEASED"),
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 24, max_shrink_iters: 60, ..Config::default() })]

    #[test]
    fn whatever_happens_a_key_goes_to_one_request_and_a_request_gets_one_answer(
        acts in prop::collection::vec(act(), 1..80),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut model = Model::new();
        for act in &acts {
            runtime.block_on(model.run(act));
        }
    }
}
