use proptest::prelude::*;

use super::*;
use crate::MAX_LENGTH;

fn pool_handle() -> Handle {
    Handle {
        kind: Kind::Pool,
        source: "qkd:hz-xs".into(),
        key_ids: vec![KeyUuid([1; 16]), KeyUuid([2; 16])],
        public: vec![8; POOL_CHECK_LEN],
        length: 64,
        seeded: false,
        passed_over: Vec::new(),
        mac: None,
    }
}

fn handle(kind: Kind, length: u16) -> Handle {
    let mut handle = pool_handle();
    let (source, public_len) = match kind {
        Kind::X25519 => ("x25519", 32),
        Kind::XWing => ("x-wing", 1_120),
        Kind::Pool => ("qkd:hz-xs", 16),
    };
    let ids = if kind == Kind::Pool { key_count(length) } else { 0 };
    handle.key_ids = (0..ids).map(|n| KeyUuid(u128::from(n).to_be_bytes())).collect();
    handle.source = source.into();
    handle.public = vec![7; public_len];
    handle.kind = kind;
    handle.length = length;
    handle
}

fn any_handle() -> impl Strategy<Value = Handle> {
    let kind = prop_oneof![Just(Kind::X25519), Just(Kind::XWing), Just(Kind::Pool)];
    let passed = ("[a-z0-9:-]{1,67}", "[A-Z_]{1,40}(: [ -~]{1,150})?");
    let passed = passed.prop_map(|(source, reason)| PassedOver { source, reason });
    let passed = prop::collection::vec(passed, 0..=MAX_PASSED_OVER);
    let mac = prop::option::of(any::<[u8; 32]>());
    (kind, 16..=MAX_LENGTH, any::<bool>(), passed, mac).prop_map(
        |(kind, length, seeded, passed_over, mac)| Handle {
            seeded,
            passed_over,
            mac,
            ..handle(kind, length)
        },
    )
}

proptest! {
    #[test]
    fn a_handle_comes_back_as_it_was_written(handle in any_handle()) {
        prop_assert_eq!(Handle::decode(&handle.encode()), Ok(handle));
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(handle) = Handle::decode(&bytes) {
            prop_assert_eq!(handle.encode(), bytes);
        }
    }

    #[test]
    fn a_changed_byte_never_reads_as_the_same_handle(
        handle in any_handle(), at in any::<prop::sample::Index>(), bit in 0u8..8,
    ) {
        let mut bytes = handle.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert_ne!(Handle::decode(&bytes), Ok(handle));
    }
}

#[test]
fn the_encoding_is_fixed_byte_by_byte() {
    let mut handle = pool_handle();
    handle.length = 33;
    handle.passed_over = vec![PassedOver { source: "qkd:a".into(), reason: "LINE_DOWN".into() }];
    let mut expected = vec![0x89, 1, 3, 0x69];
    expected.extend_from_slice(b"qkd:hz-xs");
    expected.push(0x82);
    for id in [1; 2].iter().zip(1..).map(|(_, id)| id) {
        expected.push(0x50);
        expected.extend_from_slice(&[id; 16]);
    }
    expected.push(0x50);
    expected.extend_from_slice(&[8; 16]);
    expected.extend_from_slice(&[0x18, 33, 0xf4, 0x81, 0x82, 0x65]);
    expected.extend_from_slice(b"qkd:a");
    expected.push(0x69);
    expected.extend_from_slice(b"LINE_DOWN");
    expected.push(0xf6);
    assert_eq!(handle.encode(), expected);
    handle.mac = Some([9; 32]);
    expected.pop();
    expected.extend_from_slice(&[0x58, 32]);
    expected.extend_from_slice(&[9; 32]);
    assert_eq!(handle.encode(), expected);
    assert_eq!(handle.without_mac().mac, None);
}

#[test]
fn many_encodings_hash_to_what_they_always_did() {
    let mut hasher = blake3::Hasher::new();
    for round in 0..64_u16 {
        let kind = [Kind::X25519, Kind::XWing, Kind::Pool][usize::from(round % 3)];
        let mut handle = handle(kind, 16 + 15 * round);
        handle.seeded = round % 2 == 1;
        handle.mac = (round % 4 == 3).then_some([3; 32]);
        handle.passed_over = (0..round % 5)
            .map(|n| PassedOver {
                source: format!("qkd:l{n}"),
                reason: "R".repeat(usize::from(n) * 59 + 1),
            })
            .collect();
        let bytes = handle.encode();
        assert_eq!(Handle::decode(&bytes), Ok(handle));
        hasher.update(&u64::try_from(bytes.len()).unwrap().to_be_bytes()).update(&bytes);
    }
    let expected = "0c9dd8299118797c7624b01810dd41421b403244951808384b1c75c8a0a1bf66";
    assert_eq!(hasher.finalize().to_hex().as_str(), expected, "the handle changed on the wire");
}

#[test]
fn the_longest_handle_fits_a_reader_entry() {
    for kind in [Kind::X25519, Kind::XWing, Kind::Pool] {
        let mut handle = handle(kind, MAX_LENGTH);
        let (source, reason) = ("q".repeat(MAX_SOURCE_LEN), "R".repeat(MAX_REASON_LEN));
        handle.passed_over = vec![PassedOver { source, reason }; MAX_PASSED_OVER];
        let bytes = handle.encode();
        assert!(bytes.len() <= 4_096, "{kind:?}: {} bytes", bytes.len());
        assert_eq!(Handle::decode(&bytes), Ok(handle));
    }
}

#[test]
fn every_cut_and_every_addition_is_refused() {
    for kind in [Kind::X25519, Kind::XWing, Kind::Pool] {
        let bytes = handle(kind, 100).encode();
        for end in 0..bytes.len() {
            assert!(Handle::decode(&bytes[..end]).is_err(), "{kind:?} cut at {end}");
        }
        assert!(Handle::decode(&[&bytes[..], &[0]].concat()).is_err());
    }
}

/// What is wrong with a handle, and how it came to be so.
type Fault = (&'static str, fn(&mut Handle));

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let faults: [Fault; 15] = [
        ("source", |h| h.source = "x-wing".into()),
        ("source", |h| h.source = "qkd:HZ".into()),
        ("source", |h| h.source = format!("qkd:{}", "a".repeat(64))),
        ("source", |h| h.kind = Kind::X25519),
        ("public part", |h| h.public = vec![1]),
        ("1 key ids", |h| h.length = 32),
        ("3 key ids", |h| h.length = 65),
        ("2 key ids", |h| h.key_ids.clear()),
        ("16 to 1024", |h| h.length = 15),
        ("16 to 1024", |h| h.length = 1_025),
        ("twice", |h| h.key_ids[1] = h.key_ids[0]),
        ("too many key ids", |h| h.key_ids = vec![KeyUuid([3; 16]); 33]),
        ("passed over", |h| {
            h.passed_over = vec![PassedOver { source: "a".into(), reason: "A".into() }; 9];
        }),
        ("passed over", |h| {
            h.passed_over = vec![PassedOver { source: "a".into(), reason: "A\nB".into() }];
        }),
        ("passed over", |h| {
            h.passed_over = vec![PassedOver { source: "A b".into(), reason: "A".into() }];
        }),
    ];
    assert!(Handle::decode(&pool_handle().encode()).is_ok());
    for (why, spoil) in faults {
        let mut spoilt = pool_handle();
        spoil(&mut spoilt);
        let error = Handle::decode(&spoilt.encode()).unwrap_err();
        assert!(error.to_string().contains(why), "{error}: {spoilt:?}");
    }
}

#[test]
fn what_is_written_wastefully_is_refused() {
    let bytes = pool_handle().encode();
    // The version as two bytes, and the whole list without a count.
    let wide = [&[0x89, 0x18, 1], &bytes[2..]].concat();
    let endless = [&[0x9f], &bytes[1..], &[0xff]].concat();
    let newer = [&[0x89, 2], &bytes[2..]].concat();
    assert!(Handle::decode(&wide).unwrap_err().to_string().contains("deterministic"));
    assert!(Handle::decode(&endless).is_err());
    assert!(Handle::decode(&newer).unwrap_err().to_string().contains("version 2"));
}
