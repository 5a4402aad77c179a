use super::pair::*;
use crate::chain::message_of;
use crate::message::Message;
use crate::*;

/// After how many outputs to stop, from the greeting to the end of a first block: after each, but
/// of Cascade's many messages, which are all alike, after every ninth.
fn places_to_stop() -> Vec<usize> {
    let mut pair = Pair::new(small(), short(), 7);
    pair.connect();
    pair.settle();
    pair.start();
    let mut places: Vec<usize> = (0..=pair.done).collect();
    while let Some((side, event)) = pair.events.pop_front() {
        let before = pair.done;
        let alike = matches!(&event, Event::Frame(frame)
            if matches!(message_of(frame), Message::Ask(_) | Message::Parities(_)));
        pair.deliver(side, event);
        places.extend((before + 1..=pair.done).filter(|at| !alike || at % 9 == 0));
    }
    assert!(pair.keys_ready() > 0 && places.len() > 30);
    places
}

/// Stops the world after each output in turn; then something happens to the two processes, and
/// they meet again.
fn cut_everywhere(after: fn(&mut Pair)) {
    let (mut released, mut destroyed) = (0, 0);
    for stop in places_to_stop() {
        let mut pair = Pair::new(small(), short(), 7);
        pair.stop = Some(stop);
        pair.connect();
        pair.settle();
        if !pair.is_stopped() {
            pair.block();
        }
        pair.stop = None;
        // What the sender has released, the receiver holds at least pending; never the other way.
        let [sender, receiver] = &pair.sites;
        let holds = |block| {
            receiver.pool.ready.contains_key(block) || receiver.pool.pending.contains_key(block)
        };
        assert!(sender.pool.ready.keys().all(holds), "after {stop}");
        assert!(receiver.pool.ready.keys().all(|block| sender.pool.ready.contains_key(block)));
        after(&mut pair);
        pair.connect();
        pair.settle();
        pair.assert_agreed();
        released += pair.sites[0].pool.ready.len();
        destroyed += pair.sites.iter().map(|site| site.pool.destroyed.len()).sum::<usize>();
        // The link comes back by itself: the next block works.
        let before = pair.keys_ready();
        pair.block();
        pair.assert_agreed();
        assert!(pair.keys_ready() > before, "after {stop}");
    }
    assert!(released > 1 && destroyed > 1, "both fates were seen: {released}, {destroyed}");
}

#[test]
fn a_connection_lost_in_any_phase_leaves_no_key_on_one_side_only() {
    cut_everywhere(|pair| {
        for side in [0, 1] {
            pair.give(side, Input::Disconnected);
        }
    });
}

#[test]
fn a_connection_that_only_one_end_saw_go_leaves_no_key_on_one_side_only() {
    cut_everywhere(|_| {});
}

#[test]
fn a_process_killed_in_any_phase_leaves_no_key_on_one_side_only() {
    cut_everywhere(|pair| pair.crash(0, small(), Randomness::Seeded(90)));
    cut_everywhere(|pair| pair.crash(1, small(), Randomness::Seeded(91)));
    cut_everywhere(|pair| {
        pair.crash(0, small(), Randomness::Seeded(92));
        pair.crash(1, small(), Randomness::Seeded(93));
    });
}

#[test]
fn frames_on_their_way_from_a_process_that_was_killed_may_still_arrive() {
    cut_everywhere(|pair| {
        let on_their_way = std::mem::take(&mut pair.events);
        for (side, event) in on_their_way {
            if side == 1 {
                pair.deliver(side, event);
            }
        }
        let [sender, receiver] = &pair.sites;
        let released = |block| sender.pool.ready.contains_key(block);
        assert!(receiver.pool.ready.keys().all(released), "the sender releases first");
        pair.crash(0, small(), Randomness::Seeded(94));
    });
}

#[test]
fn a_second_break_during_the_greeting_changes_nothing() {
    // The sender has released, the receiver's word of it was lost: the worst place.
    let mut pair = Pair::new(small(), short(), 8);
    pair.connect();
    pair.settle();
    pair.start();
    while pair.sites[0].pool.ready.is_empty() {
        let (side, event) = pair.events.pop_front().unwrap();
        pair.deliver(side, event);
    }
    assert_eq!(pair.sites[1].pool.pending.len(), 1);
    for stop in 1..12 {
        pair.stop = Some(pair.done + stop);
        pair.connect();
        pair.settle();
    }
    pair.stop = None;
    pair.connect();
    pair.settle();
    pair.assert_agreed();
    assert_eq!(pair.sites[1].pool.ready.len(), 1);
}

#[test]
fn keys_stored_too_late_are_destroyed() {
    for side in [1, 0] {
        let mut pair = Pair::new(small(), short(), 10);
        pair.connect();
        pair.settle();
        pair.start();
        let block = loop {
            match pair.events.pop_front().unwrap() {
                (at, Event::Stored(block)) if at == side => break block,
                (at, event) => pair.deliver(at, event),
            }
        };
        // The connection goes and comes while the pool still writes: it does not name the block.
        let distilled = pair.sites[side].pool.pending.remove(&block).unwrap();
        pair.connect();
        pair.settle();
        pair.sites[side].pool.pending.insert(block, distilled);
        pair.give(side, Input::Stored(block));
        assert_eq!(pair.sites[side].pool.destroyed, [block]);
        // A second word of it does nothing.
        pair.give(side, Input::Stored(block));
        pair.block();
        pair.assert_agreed();
    }
}

#[test]
fn clicks_of_a_block_that_was_given_up_are_dropped() {
    let mut pair = Pair::new(small(), short(), 11);
    pair.connect();
    pair.settle();
    pair.start();
    let clicks = loop {
        match pair.events.pop_front().unwrap() {
            (1, Event::Clicks(clicks)) => break clicks,
            (at, event) => pair.deliver(at, event),
        }
    };
    pair.connect();
    pair.settle();
    let before = pair.frames.len();
    pair.give(1, Input::Clicks(clicks));
    assert_eq!(pair.frames.len(), before, "nothing is told of it");
    pair.block();
    pair.assert_agreed();
}
