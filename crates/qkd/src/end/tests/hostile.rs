use super::pair::*;
use crate::cascade::{Ask, Part};
use crate::chain::{Chain, message_of};
use crate::end::{Stage, sender};
use crate::message::{Message, Stand};
use crate::*;

fn greeted(seed: u64) -> Pair {
    let mut pair = Pair::new(small(), short(), seed);
    pair.connect();
    pair.settle();
    pair
}

/// After whatever was tried, no key is anywhere, and the two ends find together again.
fn recovers(pair: &mut Pair, what: &str) {
    let ready: Vec<usize> = pair.sites.iter().map(|site| site.pool.ready.len()).collect();
    assert_eq!(ready, [0, 0], "{what}");
    pair.connect();
    pair.settle();
    pair.block();
    pair.assert_agreed();
    assert!(pair.keys_ready() > 0, "{what}");
}

/// Frames of one block that are on their way, one after the other: `tried` gets each before it is
/// delivered.
fn each_frame(seed: u64, mut tried: impl FnMut(&mut Pair, usize, &[u8])) {
    let mut frames = 0;
    loop {
        let mut pair = Pair::new(small(), short(), seed);
        pair.connect();
        let (mut at, mut started) = (0, false);
        let found = loop {
            if pair.events.is_empty() && !started {
                started = true;
                pair.start();
            }
            let Some((side, event)) = pair.events.pop_front() else { break None };
            match event {
                Event::Frame(frame) if at == frames => break Some((side, frame)),
                event => {
                    at += usize::from(matches!(event, Event::Frame(_)));
                    pair.deliver(side, event);
                }
            }
        };
        let Some((side, frame)) = found else { break };
        tried(&mut pair, side, &frame);
        // Cascade's many messages are all alike.
        let alike = matches!(message_of(&frame), Message::Ask(_) | Message::Parities(_));
        frames += if alike { 7 } else { 1 };
    }
    assert!(frames > 20, "{frames}");
}

fn refused(pair: &mut Pair, side: usize, frame: &[u8]) -> Error {
    let error = pair.sites[side].end.on(Input::Frame(frame)).expect_err("it is refused");
    assert!(error.ends_session(), "{error}");
    let after = pair.sites[side].end.on(Input::Frame(frame)).expect_err("the session is over");
    assert_eq!(after, Error::SessionEnded);
    error
}

#[test]
fn a_frame_with_any_part_changed_is_refused() {
    each_frame(20, |pair, side, frame| {
        let step = (frame.len() / 5).max(1);
        let place = pair.done % step;
        let mut changed = frame.to_vec();
        changed[(place + step * (pair.done % 5)).min(frame.len() - 1)] ^= 0x10;
        let error = refused(pair, side, &changed);
        assert!(
            matches!(error, Error::FrameForged | Error::FrameMalformed { .. }),
            "{error}: {side}"
        );
        for cut in [0, 1, frame.len() / 2, frame.len() - 1] {
            pair.connect();
            assert!(pair.sites[side].end.on(Input::Frame(&frame[..cut])).is_err());
        }
        let longer = [frame, &[0]].concat();
        pair.connect();
        assert!(pair.sites[side].end.on(Input::Frame(&longer)).is_err());
    });
}

#[test]
fn a_frame_that_comes_twice_is_refused() {
    each_frame(21, |pair, side, frame| {
        if pair.sites[side].end.on(Input::Frame(frame)).is_ok() {
            let error = refused(pair, side, frame);
            assert!(matches!(error, Error::FrameForeign { .. }), "{error}");
        }
    });
}

#[test]
fn a_frame_that_overtakes_another_is_refused() {
    let mut pair = greeted(22);
    pair.start();
    // The word that the sender has released is held back; the next block comes first.
    let mut held = None;
    while let Some((side, event)) = pair.events.pop_front() {
        match event {
            Event::Frame(frame) if matches!(message_of(&frame), Message::Confirmed { .. }) => {
                held = Some(frame);
                pair.start();
            }
            Event::Frame(frame) if held.is_some() => {
                assert!(matches!(message_of(&frame), Message::Prepare { .. }));
                let error = refused(&mut pair, side, &frame);
                assert_eq!(error, Error::FrameForeign { what: "sequence" });
                break;
            }
            event => pair.deliver(side, event),
        }
    }
    pair.connect();
    pair.settle();
    pair.assert_agreed();
    assert_eq!(pair.sites[1].pool.ready.len(), 1);
}

#[test]
fn frames_of_another_session_are_refused() {
    let mut old = greeted(23);
    old.block();
    let frames = old.frames.clone();
    for side in [0, 1] {
        let theirs: Vec<&Vec<u8>> =
            frames.iter().filter(|(from, _)| *from != side).map(|(_, frame)| frame).collect();
        // Whoever recorded a session can say hello again, and gets no further.
        let mut pair = Pair::new(small(), short(), 24);
        pair.connect();
        pair.sites[side].end.on(Input::Frame(theirs[0])).unwrap();
        let error = refused(&mut pair, side, theirs[1]);
        assert_eq!(error, Error::FrameForeign { what: "session" });
        // Nor do frames of a running session fit where their number would.
        let mut pair = greeted(25);
        let error = refused(&mut pair, side, theirs[3]);
        assert_eq!(error, Error::FrameForeign { what: "session" });
        recovers(&mut pair, "an old session");
    }
}

#[test]
fn frames_of_another_link_consortium_direction_or_key_are_refused() {
    let hello = |identity: Identity, end: EndKind| {
        let parameters = small().digest();
        let message = Message::Hello { nonce: [5; 32], end, parameters };
        Chain::new(identity, end).send(&message).unwrap()
    };
    for (side, end) in [(0, EndKind::Receiver), (1, EndKind::Sender)] {
        let peer = || identity(1 - side);
        let other = || statement::SigningKey::from_bytes([77; 32]);
        for (frame, expected) in [
            (
                hello(Identity { link: "other".to_owned(), ..peer() }, end),
                Error::FrameForeign { what: "link" },
            ),
            (
                hello(Identity { consortium: "other".parse().unwrap(), ..peer() }, end),
                Error::FrameForeign { what: "consortium" },
            ),
            (
                hello(Identity { near: peer().far, far: peer().near, ..peer() }, end),
                Error::FrameForeign { what: "direction" },
            ),
            (
                hello(Identity { far: "liege".parse().unwrap(), ..peer() }, end),
                Error::FrameForeign { what: "direction" },
            ),
            (
                hello(Identity { signing: std::sync::Arc::new(other()), ..peer() }, end),
                Error::FrameForged,
            ),
            // Its own frame, sent back.
            (hello(identity(side), end), Error::FrameForged),
            (
                hello(
                    peer(),
                    if end == EndKind::Sender { EndKind::Receiver } else { EndKind::Sender },
                ),
                Error::PeerMisbehaved { why: "it is the same end of the link" },
            ),
        ] {
            let mut pair = Pair::new(small(), short(), 26);
            pair.connect();
            assert_eq!(refused(&mut pair, side, &frame), expected);
        }
    }
}

#[test]
fn ends_with_other_parameters_refuse_each_other() {
    let mut pair = Pair::new(small(), short(), 27);
    let other = Parameters { secrecy_exponent: 7, ..small() };
    pair.crash(1, other, Randomness::Seeded(1));
    pair.connect();
    let (side, Event::Frame(frame)) = pair.events.pop_front().unwrap() else { panic!("a frame") };
    assert_eq!(refused(&mut pair, side, &frame), Error::ParametersDiffer);
}

#[test]
fn a_frame_that_is_too_large_is_not_even_hashed() {
    let mut pair = greeted(28);
    let error = refused(&mut pair, 0, &vec![0; Message::MAX_BYTES + 2_000]);
    assert!(matches!(error, Error::FrameTooLarge { .. }));
    recovers(&mut pair, "too large");
}

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
        ("too few pulses", clicked(|detected, _, _| drop(detected.pop()))),
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
        ("too few test bits", clicked(|_, _, tests| drop(tests.pop()))),
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
            let Message::Finish { key_bits, ids, tag_seed, tag, seed } = message.clone() else {
                return None;
            };
            let (mut key_bits, mut ids) = (key_bits, ids);
            let (mut tag_seed, mut seed) = (tag_seed, seed);
            change(&mut key_bits, &mut ids, &mut tag_seed, &mut seed);
            Some(Message::Finish { key_bits, ids, tag_seed, tag, seed })
        })
    };
    let lies: Vec<(&str, Lie)> = vec![
        ("bases too few", sifted(|bases, _| drop(bases.pop()))),
        ("bases too many", sifted(|bases, _| bases.push(0))),
        ("test bits too few", sifted(|_, tests| drop(tests.pop()))),
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
        ("a tag seed too short", finish(|_, _, tag_seed, _| drop(tag_seed.pop()))),
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
        let Message::Finish { key_bits, ids, tag_seed, tag, seed } = message.clone() else {
            return None;
        };
        let mut tag = tag;
        tag[0] ^= 1;
        Some(Message::Finish { key_bits, ids, tag_seed, tag, seed })
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

use crate::end::receiver;

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

#[test]
fn a_block_named_for_the_second_time_is_refused() {
    let mut pair = greeted(35);
    pair.block();
    let block = *pair.sites[0].pool.ready.keys().next().unwrap();
    pair.connect();
    pair.settle();
    pair.start();
    let (side, Event::Frame(_)) = pair.events.pop_front().unwrap() else { panic!("a frame") };
    let chain = &pair.sites[0].end.session.as_ref().unwrap().chain;
    let frame = chain.instead(&Message::Prepare { block });
    assert!(matches!(refused(&mut pair, side, &frame), Error::PeerMisbehaved { .. }));
}

#[test]
fn an_end_that_never_says_what_it_has_heard_is_refused_before_memory_grows() {
    let mut pair = greeted(36);
    pair.start();
    let chain = &mut pair.sites[0].end.session.as_mut().unwrap().chain;
    let error = (0..1_000).find_map(|_| chain.send(&Message::Restore).err());
    assert!(matches!(error, Some(Error::PeerMisbehaved { .. })), "{error:?}");
}

#[test]
fn a_reason_that_would_spoil_a_log_is_refused() {
    for reason in ["two\nlines".to_owned(), "x".repeat(513)] {
        let bytes = Message::Halt { reason }.encode();
        assert!(matches!(Message::decode(&bytes), Err(Error::FrameMalformed { .. })));
    }
    let long = "é".repeat(400) + "\n";
    let halt = Message::Halt { reason: crate::end::greeting::plain(&long) };
    assert_eq!(Message::decode(&halt.encode()), Ok(halt));
}

#[test]
fn a_sender_in_the_midst_of_a_block_holds_one_block_and_no_more() {
    let mut pair = greeted(37);
    pair.start();
    for _ in 0..3 {
        assert!(pair.sites[0].end.on(Input::Start).is_err());
    }
    let stage = &pair.sites[0].end.session.as_ref().unwrap().stage;
    assert!(matches!(stage, Stage::Sending(sender::Stage::Prepared(_))));
}
