//! Another member executes the same blocks and comes to the same roots.

use std::sync::Arc;

use bytes::Bytes;
use consensus::{Application, Block, BlockHash, Error, TimeMs};
use contracts::{Contracts, RetireKey};
use ledger::{Config, Ledger};
use statement::{Height, SigningKey};

use crate::cast::{FOUNDED_MS, House, capture, config, demo, govern, id, tag};

fn propose(house: &House) -> Block {
    house.ledger.propose(TimeMs(house.ledger.tip().time.0 + 1_000)).unwrap().unwrap()
}

#[test]
fn replaying_the_blocks_gives_the_same_roots_at_every_height() {
    let (house, other) = (House::new(), House::new());
    let retire =
        RetireKey::sign(&SigningKey::from_bytes([77; 32]), &demo(), &id("cn-customs")).encode();
    let mut submissions: Vec<_> = (1..20)
        .map(|number| capture("zj-merchant", number, number + 6, &[&[number % 3], &[number, 1]]))
        .collect();
    submissions.push(govern("cn-customs", 1, 50, RetireKey::NAME, retire));
    for pair in submissions.chunks(2) {
        for one in pair {
            drop(house.ledger.submit(one.clone()).unwrap());
        }
        let block = propose(&house);
        house.ledger.commit(&block.hash, b"certificate").unwrap();
        let hash = other.ledger.check(&block.bytes, None).unwrap();
        assert_eq!(hash, block.hash);
        other.ledger.commit(&hash, b"certificate").unwrap();
        assert_eq!(house.ledger.status().unwrap().header, other.ledger.status().unwrap().header);
    }
    let (one, two) = (house.ledger.history(&tag(1), 0, 99), other.ledger.history(&tag(1), 0, 99));
    assert_eq!(one.unwrap(), two.unwrap());
    // What it did not get it does not have; the record says so.
    let mine = house.ledger.blocks(Height(0), 99).unwrap();
    let theirs = other.ledger.blocks(Height(0), 99).unwrap();
    assert_eq!(mine.len(), 11);
    assert_eq!(mine[3].certificate, Bytes::from_static(b"certificate"));
    assert!(mine[3].statements[0].bodies.iter().all(Option::is_some));
    assert!(theirs[3].statements[0].bodies.iter().all(Option::is_none));
    assert_eq!(mine[3].statements[0].leaves, theirs[3].statements[0].leaves);
    assert_eq!(house.ledger.blocks(Height(11), 5).unwrap().len(), 1);
    assert_eq!(house.ledger.blocks(Height(12), 5).unwrap().len(), 0);
}

#[test]
fn a_member_votes_only_when_it_holds_the_bodies_and_the_time_is_near() {
    let (house, other) = (House::new(), House::new());
    let submission = capture("zj-merchant", 1, 50, &[&[1], &[2]]);
    drop(house.ledger.submit(submission.clone()).unwrap());
    let block = propose(&house);
    let now = TimeMs(FOUNDED_MS + 900);
    let refused = other.ledger.check(&block.bytes, Some(now)).unwrap_err();
    assert!(matches!(&refused, Error::Refused { why } if why.contains("BODY_MISSING")));
    other.ledger.hold(submission.bodies.clone()).unwrap();
    assert_eq!(other.ledger.check(&block.bytes, Some(now)), Ok(block.hash));
    for far in [FOUNDED_MS - 60_000, FOUNDED_MS + 60_000] {
        assert!(other.ledger.check(&block.bytes, Some(TimeMs(far))).is_err());
        assert!(other.ledger.check(&block.bytes, None).is_ok(), "sync does not look at the clock");
    }
    other.ledger.commit(&block.hash, &[]).unwrap();
    let bodies = &other.ledger.blocks(Height(2), 1).unwrap()[0].statements[0].bodies;
    assert_eq!(bodies.iter().flatten().cloned().collect::<Vec<_>>(), submission.bodies);
}

#[test]
fn the_same_statement_waiting_here_lends_its_bodies() {
    let (house, other) = (House::new(), House::new());
    let submission = capture("zj-merchant", 1, 50, &[&[1]]);
    drop(house.ledger.submit(submission.clone()).unwrap());
    let waiting = other.ledger.submit(submission).unwrap();
    let block = propose(&house);
    let now = TimeMs(FOUNDED_MS + 1_000);
    assert_eq!(other.ledger.check(&block.bytes, Some(now)), Ok(block.hash));
    other.ledger.commit(&block.hash, &[]).unwrap();
    assert!(waiting.blocking_recv().unwrap().is_ok(), "whoever's block it came in");
    assert_eq!(other.ledger.status().unwrap().pending_statements, 0);
}

#[test]
fn of_several_blocks_of_one_height_one_is_written() {
    let (house, other) = (House::new(), House::new());
    drop(house.ledger.submit(capture("zj-merchant", 1, 50, &[&[1]])).unwrap());
    drop(other.ledger.submit(capture("cn-customs", 1, 50, &[&[2]])).unwrap());
    let (mine, theirs) = (propose(&house), propose(&other));
    house.ledger.check(&theirs.bytes, None).unwrap();
    house.ledger.commit(&theirs.hash, &[]).unwrap();
    assert_eq!(house.ledger.tip().hash, theirs.hash);
    // A second commit of the same block is no change; the loser can no longer be committed.
    house.ledger.commit(&theirs.hash, &[]).unwrap();
    assert!(house.ledger.commit(&mine.hash, &[]).is_err());
    assert!(house.ledger.commit(&BlockHash([1; 32]), &[]).is_err());
    // What lost still waits, and comes in the next block.
    let next = propose(&house);
    assert_ne!(next.hash, mine.hash);
    house.ledger.commit(&next.hash, &[]).unwrap();
    assert_eq!(house.ledger.status().unwrap().header.log_size.0, 3);
}

#[test]
fn a_changed_block_is_refused_and_nothing_panics() {
    let (house, other) = (House::new(), House::new());
    let submission = capture("zj-merchant", 1, 50, &[&[1]]);
    drop(house.ledger.submit(submission).unwrap());
    let block = propose(&house);
    let mut other_blocks = 0;
    for at in 0..block.bytes.len() {
        let mut bytes = block.bytes.to_vec();
        bytes[at] ^= 1;
        if let Ok(hash) = other.ledger.check(&bytes, None) {
            assert_ne!(hash, block.hash, "byte {at}");
            other_blocks += 1;
        }
    }
    // A block at another time is another block, and a good one: there a vote decides.
    assert!(other_blocks <= 8, "{other_blocks}");
    for cut in 0..block.bytes.len() {
        assert!(other.ledger.check(&block.bytes[..cut], None).is_err(), "cut at {cut}");
    }
    let longer = [&block.bytes[..], &[0]].concat();
    assert!(other.ledger.check(&longer, None).is_err());
    assert_eq!(other.ledger.check(&block.bytes, None), Ok(block.hash));
}

#[test]
fn a_ledger_without_a_receipt_key_keeps_and_serves_but_signs_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config { receipt_key: None, ..config(directory.path()) };
    let ledger = Ledger::open(config, Arc::new(Contracts)).unwrap();
    assert!(matches!(ledger.checkpoint(), Err(ledger::Error::NoReceiptKey { .. })));
    assert_eq!(ledger.status().unwrap().checkpoint_size, None);
    assert_eq!(ledger.blocks(Height(1), 9).unwrap().len(), 1);
}

#[test]
fn a_refusal_that_follows_from_a_proposal_alone_is_told_only_when_it_wins() {
    let (house, other) = (House::new(), House::new());
    let new_key = SigningKey::from_bytes([77; 32]);
    let retire = RetireKey::sign(&new_key, &demo(), &id("zj-merchant")).encode();
    drop(house.ledger.submit(govern("zj-merchant", 1, 50, RetireKey::NAME, retire)).unwrap());
    // Under the key that the statement before it retires.
    let mut waiting = house.ledger.submit(capture("zj-merchant", 2, 50, &[&[1]])).unwrap();
    let loser = propose(&house);
    assert!(waiting.try_recv().is_err(), "another block may win, after which it is good");

    drop(other.ledger.submit(capture("cn-customs", 1, 50, &[&[2]])).unwrap());
    let winner = propose(&other);
    house.ledger.check(&winner.bytes, None).unwrap();
    house.ledger.commit(&winner.hash, &[]).unwrap();
    assert!(waiting.try_recv().is_err());
    assert_ne!(propose(&house).hash, loser.hash);
    let next = propose(&house);
    house.ledger.commit(&next.hash, &[]).unwrap();
    let refusal = waiting.try_recv().unwrap().unwrap_err();
    assert_eq!(refusal.reason, ledger::reason::KEY_UNKNOWN);
    assert_eq!(house.ledger.status().unwrap().pending_statements, 0);
}

#[test]
fn however_many_blocks_stand_the_newest_can_be_committed() {
    let (house, other) = (House::new(), House::new());
    drop(house.ledger.submit(capture("zj-merchant", 1, 50, &[&[1]])).unwrap());
    let mut newest = None;
    for late in 1..=100 {
        let block = house.ledger.propose(TimeMs(FOUNDED_MS + late)).unwrap().unwrap();
        assert_eq!(other.ledger.check(&block.bytes, None), Ok(block.hash));
        newest = Some(block);
    }
    other.ledger.commit(&newest.unwrap().hash, &[]).unwrap();
}
