//! Wrapping content keys for readers, and unwrapping them.

use std::collections::BTreeSet;

use envelope::{ContentKey, Error, Opened, handle, open_entry, unwrap};
use keys::{Handle, Secret};
use party::KeyId;
use statement::{Commitment, ReaderEntry, Seed, SigningKey};

use crate::cast::{
    OTHER, READER, SEALER, about, content_keys, draw, id, key_id, peer, reader, recover, sealed,
    sealed_as, sources, wrapper,
};

/// An entry for the reader about part 1, and the secret it was made with.
async fn entry() -> (ReaderEntry, Secret) {
    let drawn = draw(READER).await;
    let entry = wrapper(READER, &drawn).wrap(&about(1), &content_keys(3)[1]).unwrap();
    (entry, drawn.secret)
}

fn unwrap_as(member: &str, entry: &ReaderEntry, secret: &Secret) -> Result<ContentKey, Error> {
    unwrap(entry, &id(member), &key_id(member), secret)
}

#[tokio::test]
async fn the_named_reader_recovers_unwraps_and_opens_whatever_the_source() {
    for at in [0, 1] {
        let request = keys::RequestId::random().unwrap();
        let drawn = sources(SEALER)[at].draw(&request, &peer(READER), 32).await.unwrap();
        let key = SigningKey::from_bytes([3; 32]);
        let entry =
            wrapper(READER, &drawn).wrap(&about(1), &content_keys(3)[1]).unwrap().sign(&key);

        let entry = ReaderEntry::decode(&entry.encode()).unwrap();
        entry.verify(&key.public()).unwrap();
        let handle = handle(&entry).unwrap();
        assert_eq!(handle, drawn.handle);
        let secret = sources(READER)[at].recover(&request, &peer(SEALER), &handle).await.unwrap();
        let content_key = unwrap_as(READER, &entry, &secret).unwrap();
        assert_eq!(content_key.as_bytes(), content_keys(3)[1].as_bytes());
        let opened = open_entry(&entry, &sealed().1.encode(), &content_key).unwrap();
        let Opened::Fields { disclosure } = opened else { panic!("fields were due") };
        assert_eq!(disclosure.opened[0].name, "http://x/buyer");
    }
}

#[tokio::test]
async fn a_reader_who_is_not_named_or_holds_another_key_is_refused() {
    let (entry, secret) = entry().await;
    let refused = unwrap_as(OTHER, &entry, &secret).unwrap_err();
    assert_eq!(refused, Error::NotNamed { named: id(READER), me: id(OTHER) });
    assert_eq!(refused.reason(), "READER_NOT_NAMED");
    assert_eq!(refused.to_string(), "the entry names cn-customs as its reader, not es-post");

    let held = KeyId([9; 16]);
    let refused = unwrap(&entry, &id(READER), &held, &secret).unwrap_err();
    assert_eq!(refused, Error::OtherKey { named: key_id(READER), held });
    assert_eq!(refused.reason(), "READER_KEY_UNKNOWN");

    // Whoever writes its own name into another's entry comes to another secret, and breaks T.
    let stolen = ReaderEntry { reader: id(OTHER), reader_key: key_id(OTHER), ..entry };
    let secret = recover(OTHER, &handle(&stolen).unwrap()).await;
    assert_eq!(unwrap_as(OTHER, &stolen, &secret).unwrap_err(), Error::HandleMismatch);
}

#[tokio::test]
async fn a_swapped_handle_is_found_by_the_confirmation() {
    let ((first, _), (second, second_secret)) = (entry().await, entry().await);
    let swapped = ReaderEntry { handle: second.handle.clone(), ..first.clone() };
    let secret = recover(READER, &handle(&swapped).unwrap()).await;
    assert_eq!(secret, second_secret, "the handle is a good one, of another draw");
    let refused = unwrap_as(READER, &swapped, &secret).unwrap_err();
    assert_eq!(refused, Error::HandleMismatch);
    assert_eq!(refused.reason(), "HANDLE_MISMATCH");
    // With all that the second draw confirmed, it is the second entry and nothing else.
    let whole = ReaderEntry { mac: second.mac, wrapped: second.wrapped, ..swapped };
    assert_eq!(whole, second);
    assert_eq!(unwrap_as(READER, &first, &secret).unwrap_err(), Error::HandleMismatch);
}

#[tokio::test]
async fn an_entry_changed_anywhere_does_not_unwrap() {
    let (entry, secret) = entry().await;
    unwrap_as(READER, &entry, &secret).unwrap();
    let mut handle = Handle::decode(&entry.handle).unwrap();
    handle.seeded = true;
    let others = [
        ReaderEntry { consortium: "other".parse().unwrap(), ..entry.clone() },
        ReaderEntry { commitment: Commitment([9; 32]), ..entry.clone() },
        ReaderEntry { body_digest: [9; 32], ..entry.clone() },
        ReaderEntry { part: 0, ..entry.clone() },
        ReaderEntry { sealer: id(OTHER), ..entry.clone() },
        ReaderEntry { handle: handle.encode(), ..entry.clone() },
    ];
    for other in others {
        assert_eq!(unwrap_as(READER, &other, &secret).unwrap_err(), Error::HandleMismatch);
    }
    for bit in 0..8 * 32 {
        let mut other = entry.clone();
        other.mac[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(unwrap_as(READER, &other, &secret).unwrap_err(), Error::HandleMismatch);
    }
    for bit in 0..8 * 48 {
        let mut other = entry.clone();
        other.wrapped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(unwrap_as(READER, &other, &secret).unwrap_err(), Error::KeyNotOpened);
    }
    let bytes = secret.as_bytes();
    for other in [bytes[..31].to_vec(), [bytes, &[1]].concat(), vec![0; 32]] {
        let answer = unwrap_as(READER, &entry, &Secret::new(other.into()));
        assert_eq!(answer.unwrap_err(), Error::HandleMismatch);
    }
}

#[tokio::test]
async fn one_draw_wraps_many_parts_and_one_recovery_opens_them_all() {
    let drawn = draw(READER).await;
    let wrapper = wrapper(READER, &drawn);
    let keys: Vec<ContentKey> = (0..100).map(|n| ContentKey::from_bytes([n; 32])).collect();
    let wrap = |(n, key): (u8, &ContentKey)| {
        let mut about = about(0);
        about.commitment = Commitment([n; 32]);
        wrapper.wrap(&about, key).unwrap()
    };
    let entries: Vec<ReaderEntry> = (0..100).zip(&keys).map(wrap).collect();

    let differ = |of: fn(&ReaderEntry) -> Vec<u8>| entries.iter().map(of).collect::<BTreeSet<_>>();
    assert_eq!(differ(|entry| entry.handle.clone()).len(), 1);
    assert_eq!(differ(ReaderEntry::context).len(), 100);
    assert_eq!(differ(|entry| entry.mac.to_vec()).len(), 100);
    assert_eq!(differ(|entry| entry.wrapped.to_vec()).len(), 100);
    let secret = recover(READER, &handle(&entries[0]).unwrap()).await;
    for (entry, key) in entries.iter().zip(&keys) {
        assert_eq!(unwrap_as(READER, entry, &secret).unwrap().as_bytes(), key.as_bytes());
    }
    // What one entry wraps does not serve for another.
    let mixed = ReaderEntry { wrapped: entries[1].wrapped, ..entries[0].clone() };
    assert_eq!(unwrap_as(READER, &mixed, &secret).unwrap_err(), Error::KeyNotOpened);
    let mixed = ReaderEntry { mac: entries[1].mac, ..mixed };
    assert_eq!(unwrap_as(READER, &mixed, &secret).unwrap_err(), Error::HandleMismatch);
}

#[tokio::test]
async fn sealing_again_gives_another_entry_for_the_same_key() {
    let ((first, first_secret), (second, second_secret)) = (entry().await, entry().await);
    assert_ne!(first.handle, second.handle);
    assert_ne!(first.wrapped, second.wrapped);
    let one = unwrap_as(READER, &first, &first_secret).unwrap();
    let other = unwrap_as(READER, &second, &second_secret).unwrap();
    assert_eq!(one.as_bytes(), other.as_bytes());
}

#[tokio::test]
async fn an_entry_opens_only_the_body_that_it_is_about() {
    let ((entry, secret), other) = (entry().await, sealed_as(Seed::from_bytes([9; 32])).1);
    let key = unwrap_as(READER, &entry, &secret).unwrap();
    let body = sealed().1.encode();
    assert_eq!(open_entry(&entry, &other.encode(), &key).unwrap_err(), Error::BodyMismatch);
    for length in 0..body.len() {
        assert_eq!(open_entry(&entry, &body[..length], &key).unwrap_err(), Error::BodyMismatch);
    }
    assert_eq!(Error::BodyMismatch.reason(), "BODY_DIGEST_MISMATCH");
    // Whoever states a body that is none gets no further with a digest that fits.
    let bytes = [0x82, 0x02, 0x80];
    let lying = ReaderEntry { body_digest: statement::body_digest(&bytes), ..entry };
    assert!(matches!(open_entry(&lying, &bytes, &key), Err(Error::Statement(_))));
}

#[tokio::test]
async fn a_handle_that_is_none_or_carries_a_mac_is_refused() {
    let (entry, _) = entry().await;
    let good = Handle::decode(&entry.handle).unwrap();
    let with_mac = Handle { mac: Some([1; 32]), ..good }.encode();
    for bytes in [with_mac, entry.handle[1..].to_vec(), vec![0x80], Vec::new()] {
        let refused = handle(&ReaderEntry { handle: bytes, ..entry.clone() }).unwrap_err();
        assert_eq!(refused.reason(), "HANDLE_MALFORMED", "{refused}");
    }
}

#[tokio::test]
async fn a_part_that_no_body_has_is_not_wrapped() {
    let drawn = draw(READER).await;
    let refused = wrapper(READER, &drawn).wrap(&about(16), &content_keys(1)[0]).unwrap_err();
    assert_eq!(refused.reason(), "ENTRY_MALFORMED");
}

#[tokio::test]
async fn a_wrapper_shows_whom_it_serves_and_nothing_secret() {
    let drawn = draw(READER).await;
    let shown = format!("{:?}", wrapper(READER, &drawn));
    let part: String = drawn.secret.as_bytes()[..4].iter().map(|b| format!("{b}, ")).collect();
    assert!(shown.contains(READER) && !shown.contains(&part), "{shown}");
    assert_eq!(reader(READER).member, id(READER));
}
