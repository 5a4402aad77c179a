use super::pair::*;
use crate::chain::{Chain, message_of};
use crate::end::greeting::plain;
use crate::end::{Stage, sender};
use crate::message::Message;
use crate::*;

pub(super) fn greeted(seed: u64) -> Pair {
    let mut pair = Pair::new(small(), short(), seed);
    pair.connect();
    pair.settle();
    pair
}

/// After whatever was tried, no key is anywhere, and the two ends find together again.
pub(super) fn recovers(pair: &mut Pair, what: &str) {
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
    let halt = Message::Halt { reason: plain(&long) };
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
