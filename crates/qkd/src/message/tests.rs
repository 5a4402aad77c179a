use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::*;

fn every_message() -> Vec<Message> {
    let block = BlockId([7; 16]);
    let part = |pass, start, len| Part { pass, start, len };
    vec![
        Message::Hello { nonce: [1; 32], end: EndKind::Sender, parameters: [2; 32] },
        Message::Hello { nonce: [1; 32], end: EndKind::Receiver, parameters: [2; 32] },
        Message::State { pending: vec![block], stand: Stand::Open, seeded: false },
        Message::State {
            pending: Vec::new(),
            stand: Stand::ShutDown("Q = 25 %".to_owned()),
            seeded: true,
        },
        Message::State { pending: vec![block; 64], stand: Stand::Restored, seeded: false },
        Message::Resolved { released: vec![block] },
        Message::Prepare { block },
        Message::Ready { block },
        Message::Clicked {
            block,
            seeded: true,
            detected: vec![1; 300],
            bases: vec![2; 30],
            tests: vec![3; 3],
        },
        Message::Sifted { block, bases: vec![4; 30], tests: vec![5], shuffle: [6; 32] },
        Message::Ask(Ask { open: vec![0, 1], parts: vec![part(2, 3, 4), part(5, 70_000, 8)] }),
        Message::Parities(vec![9; 9]),
        Message::Done { leak_bits: 19_127, corrected_bits: 2_240, round_trips: 126 },
        Message::Finish {
            key_bits: 512,
            outgoing: 1,
            ids: vec![10; 32],
            tag_seed: vec![11; 40],
            tag: vec![12; 7],
            seed: vec![13; 90],
        },
        Message::Confirm { block },
        Message::Confirmed { block },
        Message::Abandon { block },
        Message::Halt { reason: "no key can be had".to_owned() },
        Message::Restore,
        Message::Wants { keys: 4_096 },
    ]
}

#[test]
fn every_message_survives_the_way_to_bytes_and_back() {
    for message in every_message() {
        assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
}

#[test]
fn the_bytes_of_every_message_are_as_they_were() {
    let mut hasher = blake3::Hasher::new();
    for message in every_message() {
        hasher.update(&message.encode());
    }
    // Whoever changes this changes the protocol: give the frames a new version.
    assert_eq!(
        hasher.finalize().to_hex().as_str(),
        "6316649593ae44ca8af0389c59940d3eab4cea4eab6aec068304e1b0802c7bcd"
    );
}

#[test]
fn whatever_bytes_come_only_their_own_encoding_is_read() {
    let mut random = StdRng::seed_from_u64(1);
    let mut read = 0;
    for message in every_message() {
        let bytes = message.encode();
        for _ in 0..2_000 {
            let mut changed = bytes.clone();
            let at = random.next_u32() as usize % changed.len().min(80);
            changed[at] = random.next_u32().to_le_bytes()[0];
            if random.next_u32().is_multiple_of(4) {
                changed.truncate(random.next_u32() as usize % (changed.len() + 1));
            }
            if let Ok(found) = Message::decode(&changed) {
                assert_eq!(found.encode(), changed);
                read += 1;
            }
        }
    }
    assert!(read > 100, "{read}");
}

#[test]
fn what_is_not_deterministic_or_too_much_is_refused() {
    let restore = Message::Restore.encode();
    for wrong in [
        vec![],
        vec![0x81],
        vec![0x81, 0x10],
        vec![0x81, 0x18, 0x0f],
        vec![0x9f, 0x0f, 0xff],
        vec![0x82, 0x0f, 0x00],
        [restore, vec![0]].concat(),
    ] {
        assert!(Message::decode(&wrong).is_err(), "{wrong:02x?}");
    }
    let many = Message::Resolved { released: vec![BlockId([0; 16]); 65] };
    assert!(Message::decode(&many.encode()).is_err());
}
