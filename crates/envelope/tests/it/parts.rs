//! Sealing and opening parts.

use std::collections::BTreeSet;

use coset::{CborSerializable, CoseEncrypt0, TaggedCborSerializable, iana};
use envelope::{ContentKey, Error, Opened, PartPlan, open, partial_json, seal};
use statement::{MAX_PARTS, SealedBody, Seed};

use crate::cast::{
    ITEM, READER, SEALER, content_keys, demo, fields, id, names, sealed, sealed_as, secret, seed,
};

/// Opens part `part` as its reader would.
fn open_part(body: &SealedBody, part: u32, key: &ContentKey) -> Result<Opened, Error> {
    open(&demo(), &id(SEALER), &sealed().0, body, part, key)
}

fn names_in(opened: &Opened) -> Vec<&str> {
    match opened {
        Opened::Fields { disclosure } => {
            disclosure.opened.iter().map(|field| field.name.as_str()).collect()
        }
        Opened::Secret { .. } => panic!("fields were due"),
    }
}

#[test]
fn each_reader_opens_its_part_and_recomputes_the_commitment() {
    let ((commitment, body), keys) = (sealed(), content_keys(3));
    let rest = open_part(&body, 0, &keys[0]).unwrap();
    assert_eq!(names_in(&rest), ["action", "epcList", "http://x/price", "type"]);
    let buyer = open_part(&body, 1, &keys[1]).unwrap();
    assert_eq!(names_in(&buyer), ["http://x/buyer"]);
    for opened in [rest, buyer] {
        let Opened::Fields { disclosure } = opened else { panic!("fields were due") };
        assert_eq!(disclosure.list.len(), 5, "every name shows");
        assert_eq!(disclosure.commitment(&demo(), &id(SEALER)), Ok(commitment));
    }
    let Opened::Secret { item, secret: found } = open_part(&body, 2, &keys[2]).unwrap() else {
        panic!("a secret was due")
    };
    assert_eq!((item.as_str(), found.id()), (ITEM, secret().id()));
}

#[test]
fn nothing_of_the_plaintext_stands_in_the_body() {
    let body = sealed().1.encode();
    let shows = |text: &str| body.windows(text.len()).any(|window| window == text.as_bytes());
    for text in ["María", "+34 600", "ObjectEvent", "http://x/buyer", "9506000134352", "12900"] {
        assert!(!shows(text), "{text}");
    }
    assert!(!body.windows(32).any(|window| window == secret().as_bytes()));
}

#[test]
fn the_same_arguments_give_the_same_bytes_and_no_other_do() {
    let first = sealed();
    assert_eq!(sealed(), first);
    let (commitment, body) = sealed_as(Seed::from_bytes([9; 32]));
    assert_ne!(commitment, first.0);
    let parts = body.parts.iter().zip(&first.1.parts);
    assert!(parts.clone().all(|(part, before)| part != before));
}

#[test]
fn one_key_that_seals_different_things_never_meets_the_same_nonce() {
    // A caller who changes the parts of a request sent again seals other plaintexts under the keys
    // of the first time. The nonce stands in bytes 10 to 21.
    let nonce = |split: &[&str], n: usize| -> [u8; 12] {
        let (names, keys) = (names(split), content_keys(2));
        let plans = [PartPlan::Rest, PartPlan::Fields(&names)];
        let body = seal(&demo(), &id(SEALER), &seed(), &fields(), &plans, &keys).unwrap().1;
        body.parts[n][10..22].try_into().unwrap()
    };
    assert_eq!(nonce(&["type"], 0), nonce(&["type"], 0));
    assert_ne!(nonce(&["type"], 0), nonce(&["action"], 0));
    assert_ne!(nonce(&["type"], 1), nonce(&["action"], 1));
    // Nor do the same words at two places, should a caller use a key twice.
    let (key, secret) = (content_keys(1).remove(0), secret());
    let plan = PartPlan::Secret { item: ITEM, secret: &secret };
    let keys = [content_keys(2).remove(1), key.clone(), key];
    let body = seal(&demo(), &id(SEALER), &seed(), &fields(), &[PartPlan::Rest, plan, plan], &keys)
        .unwrap()
        .1;
    assert_ne!(body.parts[1][10..22], body.parts[2][10..22]);
}

#[test]
fn a_part_is_what_rfc_9052_says_and_opens_by_its_book() {
    let ((commitment, body), keys) = (sealed(), content_keys(3));
    let part = CoseEncrypt0::from_tagged_slice(&body.parts[1]).unwrap();
    let algorithm = coset::RegisteredLabelWithPrivate::Assigned(iana::Algorithm::ChaCha20Poly1305);
    assert_eq!(part.protected.header.alg, Some(algorithm));
    assert_eq!(part.unprotected.iv.len(), 12);
    assert_eq!(part.clone().to_tagged_vec().unwrap(), body.parts[1]);
    let bound = coset::cbor::Value::Array(vec![
        "body v1".into(),
        "demo".into(),
        SEALER.into(),
        commitment.0.to_vec().into(),
        1.into(),
    ]);
    let plain = part.decrypt_ciphertext(
        &bound.to_vec().unwrap(),
        || Error::PartNotOpened { part: 1 },
        |ciphertext, bound| {
            use chacha20poly1305::aead::{Aead, Payload};
            use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
            let cipher = ChaCha20Poly1305::new(keys[1].as_bytes().into());
            let nonce: [u8; 12] = part.unprotected.iv.as_slice().try_into().unwrap();
            let payload = Payload { msg: ciphertext, aad: bound };
            cipher.decrypt(&nonce.into(), payload).map_err(|_| Error::PartNotOpened { part: 1 })
        },
    );
    let plain = coset::cbor::Value::from_slice(&plain.unwrap()).unwrap().into_array().unwrap();
    assert_eq!((plain[0].as_integer(), plain[1].as_integer()), (Some(1.into()), Some(0.into())));
    assert_eq!(plain[2].as_array().unwrap()[0].as_array().unwrap()[0], "http://x/buyer".into());
    assert_eq!(plain[3].as_array().unwrap().len(), 5);
}

#[test]
fn a_part_of_another_place_body_sealer_or_consortium_does_not_open() {
    let ((commitment, body), keys) = (sealed(), content_keys(3));
    let (other_commitment, other) = sealed_as(Seed::from_bytes([9; 32]));
    let not_opened = |part| Error::PartNotOpened { part };

    let mut swapped = body.clone();
    swapped.parts.swap(0, 1);
    assert_eq!(open_part(&swapped, 0, &keys[1]).unwrap_err(), not_opened(0));
    assert_eq!(open_part(&swapped, 1, &keys[0]).unwrap_err(), not_opened(1));
    assert_eq!(open_part(&other, 0, &keys[0]).unwrap_err(), not_opened(0));
    let mut mixed = body.clone();
    mixed.parts[1] = other.parts[1].clone();
    assert_eq!(open_part(&mixed, 1, &keys[1]).unwrap_err(), not_opened(1));
    open_part(&mixed, 0, &keys[0]).unwrap();

    let (demo, sealer) = (demo(), id(SEALER));
    let answers = [
        open(&"other".parse().unwrap(), &sealer, &commitment, &body, 0, &keys[0]),
        open(&demo, &id(READER), &commitment, &body, 0, &keys[0]),
        open(&demo, &sealer, &other_commitment, &body, 0, &keys[0]),
        open(&demo, &sealer, &commitment, &body, 0, &keys[1]),
        open(&demo, &sealer, &commitment, &body, 0, &ContentKey::from_bytes([0; 32])),
    ];
    for answer in answers {
        assert_eq!(answer.unwrap_err(), not_opened(0));
    }
    let unknown = Error::PartUnknown { part: 3, parts: 3 };
    assert_eq!(open_part(&body, 3, &keys[0]).unwrap_err(), unknown);
    assert!(open_part(&body, u32::MAX, &keys[0]).is_err());
}

#[test]
fn a_part_with_any_bit_flipped_or_any_byte_missing_or_added_does_not_open() {
    let ((_, body), keys) = (sealed(), content_keys(3));
    let with = |part: Vec<u8>| {
        let mut body = body.clone();
        body.parts[2] = part;
        open_part(&body, 2, &keys[2])
    };
    let part = &body.parts[2];
    with(part.clone()).unwrap();
    for bit in 0..8 * part.len() {
        let mut flipped = part.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let error = with(flipped).unwrap_err();
        let expected = if bit < 8 * 10 { "PART_MALFORMED" } else { "PART_NOT_OPENED" };
        // Bytes 22 and 23 are the head of the ciphertext, and say how long it is.
        if !(8 * 22..8 * 24).contains(&bit) {
            assert_eq!(error.reason(), expected, "bit {bit}");
        }
    }
    for length in 0..part.len() {
        assert_eq!(with(part[..length].to_vec()).unwrap_err().reason(), "PART_MALFORMED");
    }
    assert_eq!(with([part.as_slice(), &[0]].concat()).unwrap_err().reason(), "PART_MALFORMED");
    // As long as it says, but shorter than a tag.
    let short = [&part[..22], &[0x4f], &[0; 15]].concat();
    assert_eq!(with(short).unwrap_err().reason(), "PART_MALFORMED");
    // A tag alone is well formed, and no seal of nothing.
    let tag = [&part[..22], &[0x50], &[0; 16]].concat();
    assert_eq!(with(tag).unwrap_err().reason(), "PART_NOT_OPENED");
    // The head of the ciphertext, wastefully.
    assert_eq!(part[22], 0x58);
    let wasteful = [&part[..22], &[0x59, 0], &part[23..]].concat();
    assert_eq!(with(wasteful).unwrap_err(), Error::NotDeterministic { part: 2 });
}

#[test]
fn each_field_is_in_exactly_one_part() {
    let try_parts = |plans: &[PartPlan<'_>]| {
        let keys = content_keys(u32::try_from(plans.len()).unwrap());
        seal(&demo(), &id(SEALER), &seed(), &fields(), plans, &keys).map(|_| ())
    };
    let all: BTreeSet<String> = fields().into_iter().map(|(name, _)| name).collect();
    let (one, two, none) = (names(&["type"]), names(&["type", "action"]), BTreeSet::new());
    let strange = names(&["colour"]);
    let secret = secret();
    let hand_over = PartPlan::Secret { item: ITEM, secret: &secret };
    let (all, one, two) = (PartPlan::Fields(&all), PartPlan::Fields(&one), PartPlan::Fields(&two));

    assert_eq!(try_parts(&[all]), Ok(()));
    assert_eq!(try_parts(&[PartPlan::Rest]), Ok(()));
    assert_eq!(try_parts(&[hand_over, one, PartPlan::Rest]), Ok(()));
    let twice = Error::FieldTwice { name: "type".into() };
    assert_eq!(try_parts(&[one, two, PartPlan::Rest]), Err(twice));
    let uncovered = Error::FieldUncovered { name: "action".into() };
    assert_eq!(try_parts(&[one]), Err(uncovered.clone()));
    assert_eq!(try_parts(&[hand_over]), Err(uncovered), "nobody could check the event");
    let unknown = Error::FieldUnknown { part: 1, name: "colour".into() };
    assert_eq!(try_parts(&[PartPlan::Rest, PartPlan::Fields(&strange)]), Err(unknown));
    assert_eq!(try_parts(&[PartPlan::Rest, PartPlan::Rest]), Err(Error::RestTwice));
    assert_eq!(try_parts(&[all, PartPlan::Rest]), Err(Error::PartEmpty { part: 1 }));
    let empty = Error::PartEmpty { part: 0 };
    assert_eq!(try_parts(&[PartPlan::Fields(&none), PartPlan::Rest]), Err(empty));

    let limit = MAX_PARTS;
    assert_eq!(try_parts(&[]), Err(Error::PartCount { found: 0, limit }));
    let mut many = vec![hand_over; limit];
    many[3] = PartPlan::Rest;
    assert_eq!(try_parts(&many), Ok(()));
    many.push(hand_over);
    assert_eq!(try_parts(&many), Err(Error::PartCount { found: 17, limit }));
    let answer =
        seal(&demo(), &id(SEALER), &seed(), &fields(), &[PartPlan::Rest], &content_keys(2));
    assert_eq!(answer.unwrap_err(), Error::KeyCount { parts: 1, keys: 2 });
}

#[test]
fn fields_out_of_order_are_not_committed_to() {
    let mut reversed = fields();
    reversed.reverse();
    let answer =
        seal(&demo(), &id(SEALER), &seed(), &reversed, &[PartPlan::Rest], &content_keys(1));
    assert_eq!(answer.unwrap_err().reason(), "BODY_MALFORMED");
}

#[test]
fn opened_fields_join_to_canonical_json_and_what_is_none_is_refused() {
    let join = |fields: &[(&str, &str)]| {
        partial_json(fields.iter().copied()).map(|json| json.as_str().to_owned())
    };
    assert_eq!(join(&[]).as_deref(), Ok("{}"));
    let names = [("\u{1}\n", "1"), ("\"b\\", "[2,{}]"), ("ü", "\"\u{10ffff}\"")];
    assert_eq!(
        join(&names).as_deref(),
        Ok("{\"\\u0001\\n\":1,\"\\\"b\\\\\":[2,{}],\"ü\":\"\u{10ffff}\"}")
    );
    let bad: [&[(&str, &str)]; 6] = [
        &[("a", "1,\"b\":2")],
        &[("a", "1}"), ("b", "2")],
        &[("a", "")],
        &[("a", " 1")],
        &[("b", "1"), ("a", "2")],
        &[("a", "1"), ("a", "1")],
    ];
    for fields in bad {
        assert_eq!(join(fields), Err(Error::FieldsMalformed), "{fields:?}");
    }
}

#[test]
fn content_keys_differ_by_everything_that_they_derive_from() {
    use statement::RequestId;
    let key = |seed, request, number, part, json| {
        *ContentKey::derive(&[seed; 32], &RequestId([request; 16]), number, part, json).as_bytes()
    };
    let first = key(1, 1, 0, 0, "{}");
    assert_eq!(key(1, 1, 0, 0, "{}"), first);
    let all = [
        first,
        key(2, 1, 0, 0, "{}"),
        key(1, 2, 0, 0, "{}"),
        key(1, 1, 1, 0, "{}"),
        key(1, 1, 0, 1, "{}"),
        key(1, 1, 0, 0, "{\"a\":1}"),
    ];
    assert_eq!(BTreeSet::from(all).len(), all.len());
    let shown = format!("{:?}", ContentKey::from_bytes([0x5a; 32]));
    assert!(!shown.contains("90") && !shown.contains("5a"), "{shown}");
}
