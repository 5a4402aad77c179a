//! Ends that sign well what is not true.

use super::hostile::{greeted, recovers};
use super::pair::*;
use crate::cascade::{Ask, Part};
use crate::chain::message_of;
use crate::end::{Stage, receiver};
use crate::message::{Message, Stand};
use crate::*;

/// Changes the first message for which `lie` has another, as its sender would if it lied, and
/// returns what the far end says to it.
fn lied_to(
    seed: u64,
    lie: &dyn Fn(&Message) -> Option<Message>,
) -> (Pair, Result<Vec<Output>, Error>) {
    let mut pair = Pair::new(small(), short(), seed);
    pair.connect();
    let mut started = false;
    loop {
        if pair.events.is_empty() && !started {
            started = true;
            pair.start();
        }
        let (side, event) = pair.events.pop_front().expect("the message comes");
        if let Event::Frame(frame) = &event
            && let Some(message) = lie(&message_of(frame))
        {
            let chain = &pair.sites[1 - side].end.session.as_ref().unwrap().chain;
            let frame = chain.instead(&message);
            let answer = pair.sites[side].end.on(Input::Frame(&frame));
            return (pair, answer);
        }
        pair.deliver(side, event);
    }
}

fn assert_lie_is_refused(what: &str, lie: &dyn Fn(&Message) -> Option<Message>) {
    let (mut pair, answer) = lied_to(30, lie);
    let error = answer.expect_err(what);
    assert!(
        matches!(error, Error::PeerMisbehaved { .. } | Error::FrameMalformed { .. }),
        "{what}: {error}"
    );
    assert!(error.ends_session(), "{what}");
    recovers(&mut pair, what);
}

fn other() -> BlockId {
    BlockId([0xee; 16])
}

#[test]
fn a_receiver_that_lies_is_refused() {
    type Lie = Box<dyn Fn(&Message) -> Option<Message>>;
    let clicked = |change: fn(&mut Vec<u8>, &mut Vec<u8>, &mut Vec<u8>)| -> Lie {
        Box::new(move |message| {
            let Message::Clicked { block, seeded, detected, bases, tests } = message.clone() else {
                return None;
            };
            let (mut detected, mut bases, mut tests) = (detected, bases, tests);
            change(&mut detected, &mut bases, &mut tests);
            Some(Message::Clicked { block, seeded, detected, bases, tests })
        })
    };
    let at_ask = |ask: Ask| -> Lie {
        Box::new(move |message| {
            matches!(message, Message::Ask(_)).then(|| Message::Ask(ask.clone()))
        })
    };
    let part = |pass, start, len| Ask { open: Vec::new(), parts: vec![Part { pass, start, len }] };
    let lies: Vec<(&str, Lie)> = vec![
        (
            "ready for another block",
            Box::new(|message| {
                matches!(message, Message::Ready { .. }).then(|| Message::Ready { block: other() })
            }),
        ),
        (
            "clicks instead of ready",
            Box::new(|message| {
                let Message::Ready { block } = message else { return None };
                let empty = Vec::new;
                Some(Message::Clicked {
                    block: *block,
                    seeded: false,
                    detected: empty(),
                    bases: empty(),
                    tests: empty(),
                })
            }),
        ),
        ("too few pulses", clicked(|detected, _, _| detected.truncate(detected.len() - 1))),
        ("too many pulses", clicked(|detected, _, _| detected.push(0))),
        (
            "a click more than bases",
            clicked(|detected, bases, _| {
                // Either a byte is missing now, or there is a click without a basis.
                if let Some(byte) = detected.iter_mut().find(|byte| **byte != 0xff) {
                    *byte = 0xff;
                }
                bases.pop();
            }),
        ),
        ("no bases", clicked(|_, bases, _| bases.clear())),
        ("too many test bits", clicked(|_, _, tests| tests.push(0))),
        ("too few test bits", clicked(|_, _, tests| tests.truncate(tests.len() - 1))),
        (
            "confirm before anything is made",
            Box::new(|message| {
                let Message::Clicked { block, .. } = message else { return None };
                Some(Message::Confirm { block: *block })
            }),
        ),
        ("a pass that there is not", at_ask(Ask { open: vec![19], parts: Vec::new() })),
        ("a pass that is not open", at_ask(part(0, 0, 1))),
        ("nothing asked", at_ask(Ask::default())),
        (
            "more parities than may be given",
            at_ask(Ask { open: vec![0], parts: vec![Part { pass: 0, start: 0, len: 1 }; 9_000] }),
        ),
        (
            "another count of parities",
            Box::new(|message| {
                let Message::Done { leak_bits, corrected_bits, round_trips } = message.clone()
                else {
                    return None;
                };
                Some(Message::Done { leak_bits: leak_bits - 1, corrected_bits, round_trips })
            }),
        ),
        (
            "confirm of another block",
            Box::new(|message| {
                matches!(message, Message::Confirm { .. })
                    .then(|| Message::Confirm { block: other() })
            }),
        ),
        (
            "halt when the keys are made",
            Box::new(|message| {
                let halt = || Message::Halt { reason: "now".to_owned() };
                matches!(message, Message::Confirm { .. }).then(halt)
            }),
        ),
        (
            "a released block that is not pending",
            Box::new(|message| {
                matches!(message, Message::Resolved { .. })
                    .then(|| Message::Resolved { released: vec![other()] })
            }),
        ),
    ];
    for (what, lie) in &lies {
        assert_lie_is_refused(what, lie);
    }
}

#[test]
fn a_sender_that_lies_is_refused() {
    type Lie = Box<dyn Fn(&Message) -> Option<Message>>;
    let sifted = |change: fn(&mut Vec<u8>, &mut Vec<u8>)| -> Lie {
        Box::new(move |message| {
            let Message::Sifted { block, bases, tests, shuffle } = message.clone() else {
                return None;
            };
            let (mut bases, mut tests) = (bases, tests);
            change(&mut bases, &mut tests);
            Some(Message::Sifted { block, bases, tests, shuffle })
        })
    };
    // Key bits, ids, and the seeds of tag and key.
    type Change = fn(&mut u32, &mut Vec<u8>, &mut Vec<u8>, &mut Vec<u8>);
    let finish = |change: Change| -> Lie {
        Box::new(move |message| {
            let Message::Finish { key_bits, outgoing, ids, tag_seed, tag, seed } = message.clone()
            else {
                return None;
            };
            let (mut key_bits, mut ids) = (key_bits, ids);
            let (mut tag_seed, mut seed) = (tag_seed, seed);
            change(&mut key_bits, &mut ids, &mut tag_seed, &mut seed);
            Some(Message::Finish { key_bits, outgoing, ids, tag_seed, tag, seed })
        })
    };
    let lies: Vec<(&str, Lie)> = vec![
        ("bases too few", sifted(|bases, _| bases.truncate(bases.len() - 1))),
        ("bases too many", sifted(|bases, _| bases.push(0))),
        ("test bits too few", sifted(|_, tests| tests.truncate(tests.len() - 1))),
        ("test bits too many", sifted(|_, tests| tests.push(0))),
        ("bases all alike", sifted(|bases, _| bases.fill(0))),
        (
            "sifted twice",
            Box::new(|message| {
                let Message::Parities(_) = message else { return None };
                let (bases, tests) = (Vec::new(), Vec::new());
                Some(Message::Sifted { block: other(), bases, tests, shuffle: [0; 32] })
            }),
        ),
        (
            "one parity more",
            Box::new(|message| {
                let Message::Parities(bits) = message else { return None };
                Some(Message::Parities([bits.as_slice(), &[0]].concat()))
            }),
        ),
        (
            "no parities",
            Box::new(|message| {
                matches!(message, Message::Parities(_)).then(|| Message::Parities(Vec::new()))
            }),
        ),
        (
            "a key longer than the formula gives",
            finish(|key_bits, ids, _, seed| {
                *key_bits += 512;
                let more = [1_u8, 2].map(|number| {
                    let mut id = [number; 16];
                    (id[6], id[8]) = (0x40, 0x80);
                    id
                });
                ids.extend_from_slice(more.as_flattened());
                seed.extend_from_slice(&[0; 64]);
            }),
        ),
        (
            "a key shorter than the formula gives",
            finish(|key_bits, ids, _, seed| {
                *key_bits -= 512;
                ids.truncate(ids.len() - 32);
                seed.truncate(seed.len() - 64);
            }),
        ),
        (
            "no key",
            finish(|key_bits, ids, _, _| {
                *key_bits = 0;
                ids.clear();
            }),
        ),
        ("an id twice", finish(|_, ids, _, _| ids.copy_within(0..16, 16))),
        ("an id too few", finish(|_, ids, _, _| ids.truncate(ids.len() - 16))),
        ("an id that is not random", finish(|_, ids, _, _| ids[6] = 0)),
        (
            "more keys for itself than there are",
            Box::new(|message| {
                let mut lie = message.clone();
                let Message::Finish { key_bits, outgoing, .. } = &mut lie else { return None };
                *outgoing = *key_bits / 256 + 1;
                Some(lie)
            }),
        ),
        ("a tag seed too short", finish(|_, _, tag_seed, _| tag_seed.truncate(tag_seed.len() - 1))),
        ("a seed too long", finish(|_, _, _, seed| seed.push(0))),
        (
            "confirmed another block",
            Box::new(|message| {
                let lie = || Message::Confirmed { block: other() };
                matches!(message, Message::Confirmed { .. }).then(lie)
            }),
        ),
        (
            "a state in the midst",
            Box::new(|message| {
                let lie =
                    || Message::State { pending: Vec::new(), stand: Stand::Open, seeded: false };
                matches!(message, Message::Sifted { .. }).then(lie)
            }),
        ),
    ];
    for (what, lie) in &lies {
        let (mut pair, answer) = lied_to(31, lie);
        match answer {
            Err(error) => assert!(matches!(error, Error::PeerMisbehaved { .. }), "{what}: {error}"),
            Ok(outputs) => panic!("{what}: {outputs:?}"),
        }
        if *what == "confirmed another block" {
            // The sender has released in truth; it is found out when they meet again.
            pair.connect();
            pair.settle();
            pair.assert_agreed();
            assert_eq!(pair.sites[1].pool.ready.len(), 1);
        } else {
            recovers(&mut pair, what);
        }
    }
}

#[test]
fn a_tag_that_does_not_fit_gives_the_block_up_and_no_more() {
    let (mut pair, answer) = lied_to(32, &|message| {
        let Message::Finish { key_bits, outgoing, ids, tag_seed, tag, seed } = message.clone()
        else {
            return None;
        };
        let mut tag = tag;
        tag[0] ^= 1;
        Some(Message::Finish { key_bits, outgoing, ids, tag_seed, tag, seed })
    });
    let outputs = answer.unwrap();
    assert!(matches!(outputs[1], Output::Abandoned { .. }), "{outputs:?}");
    let Output::Frame(frame) = &outputs[0] else { panic!("a frame first") };
    // The liar's own chain is spoilt by its lie; a sender that was merely unlucky takes it so.
    assert!(matches!(message_of(frame), Message::Abandon { .. }));
    recovers(&mut pair, "a wrong tag");
}

#[test]
fn errors_left_by_cascade_are_found_by_the_hash_and_both_ends_give_the_block_up() {
    let mut pair = greeted(33);
    pair.start();
    while let Some((side, event)) = pair.events.pop_front() {
        if let Event::Frame(frame) = &event
            && matches!(message_of(frame), Message::Finish { .. })
            && let Some(session) = &mut pair.sites[1].end.session
            && let Stage::Receiving(receiver::Stage::Finishing(inner)) = &mut session.stage
        {
            inner.1.flip(17);
        }
        pair.deliver(side, event);
    }
    assert!(pair.sites.iter().all(|site| site.abandoned == 1 && site.shut_down.is_none()));
    assert_eq!(pair.keys_ready(), 0);
    pair.block();
    pair.assert_agreed();
    assert!(pair.keys_ready() > 0, "another block may be started at once");
}

#[test]
fn the_sender_reveals_nothing_of_a_block_before_it_has_the_whole_click_message() {
    let mut pair = greeted(34);
    pair.block();
    let messages: Vec<(usize, Message)> =
        pair.frames.iter().map(|(side, frame)| (*side, message_of(frame))).collect();
    let at = |wanted: fn(&Message) -> bool| {
        messages.iter().position(|(_, message)| wanted(message)).expect("it was sent")
    };
    let clicked = at(|message| matches!(message, Message::Clicked { .. }));
    let prepared = at(|message| matches!(message, Message::Prepare { .. }));
    let between: Vec<&(usize, Message)> =
        messages[prepared + 1..clicked].iter().filter(|(side, _)| *side == 0).collect();
    assert!(between.is_empty(), "the sender says nothing between: {between:?}");
    // Whatever else comes instead of the clicks, it says nothing either.
    let wrong: [fn(&Message) -> Option<Message>; 3] = [
        |message| {
            let clicked = matches!(message, Message::Clicked { .. });
            clicked.then(|| Message::Ask(Ask { open: vec![0], parts: Vec::new() }))
        },
        |message| {
            let Message::Clicked { block, .. } = message else { return None };
            Some(Message::Ready { block: *block })
        },
        |message| {
            let Message::Clicked { seeded, detected, bases, tests, .. } = message.clone() else {
                return None;
            };
            Some(Message::Clicked { block: other(), seeded, detected, bases, tests })
        },
    ];
    for lie in wrong {
        assert_lie_is_refused("no clicks", &lie);
    }
}
