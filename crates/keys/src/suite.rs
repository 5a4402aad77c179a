//! The contract of [`KeySource`], as tests that every implementation must pass.

#![expect(clippy::panic, reason = "a suite reports by panicking")]

use std::collections::BTreeSet;

use crate::{Drawn, Error, Handle, KeySource, KeyUuid, Peer, RequestId, Secret};

fn request() -> RequestId {
    RequestId::random().unwrap_or_else(|error| panic!("a request id: {error}"))
}

async fn draw(near: &dyn KeySource, far_peer: &Peer, length: u16) -> Drawn {
    let drawn = near.draw(&request(), far_peer, length).await;
    drawn.unwrap_or_else(|error| panic!("draw {length} bytes: {error}"))
}

async fn recover(
    far: &dyn KeySource,
    asked: &RequestId,
    near_peer: &Peer,
    handle: &Handle,
) -> Secret {
    let secret = far.recover(asked, near_peer, handle).await;
    secret.unwrap_or_else(|error| panic!("recover: {error}"))
}

/// Checks that what `near` draws, `far` recovers, as the contract of [`KeySource`] says.
///
/// `near_peer` is how `far` knows who drew, `far_peer` is whom `near` draws for. A pool must hold
/// some fifty keys to draw.
///
/// # Panics
///
/// When the contract is broken; the message says where.
pub async fn holds(near: &dyn KeySource, far: &dyn KeySource, near_peer: &Peer, far_peer: &Peer) {
    matched_out_of_order(near, far, near_peer, far_peer).await;
    repeatable(near, far, near_peer, far_peer).await;
    closed(near, far, near_peer, far_peer).await;
    bounded(near, far, near_peer, far_peer).await;
    silent(near, far_peer).await;
}

/// Fresh and matched, whatever the length, in whatever order the handles arrive.
async fn matched_out_of_order(
    near: &dyn KeySource,
    far: &dyn KeySource,
    near_peer: &Peer,
    far_peer: &Peer,
) {
    let mut all = Vec::new();
    for length in [16, 32, 33, 64, 100, 32] {
        let drawn = draw(near, far_peer, length).await;
        assert_eq!(drawn.secret.as_bytes().len(), usize::from(length), "the length asked for");
        assert_eq!(drawn.handle.length, length, "the handle says the length");
        assert_eq!(drawn.handle.mac, None, "the MAC is the envelope's to set");
        let sent = drawn.handle.encode();
        assert_eq!(Handle::decode(&sent).as_ref(), Ok(&drawn.handle), "the handle travels");
        all.push(drawn);
    }
    let fronts: BTreeSet<_> = all.iter().map(|one| one.secret.as_bytes().get(..16)).collect();
    assert_eq!(fronts.len(), all.len(), "fresh");
    all.reverse();
    for drawn in all {
        let secret = recover(far, &request(), near_peer, &drawn.handle).await;
        assert_eq!(secret, drawn.secret, "matched, out of order");
    }
}

/// The same answer to the same request until it is confirmed; after that the same or `Spent`.
async fn repeatable(near: &dyn KeySource, far: &dyn KeySource, near_peer: &Peer, far_peer: &Peer) {
    let asked = request();
    let first = near.draw(&asked, far_peer, 32).await;
    let first = first.unwrap_or_else(|error| panic!("draw: {error}"));
    let again = near.draw(&asked, far_peer, 32).await;
    let again = again.unwrap_or_else(|error| panic!("draw again: {error}"));
    assert_eq!(
        again.handle == first.handle,
        again.secret == first.secret,
        "a repeated draw is the same in whole or new in whole"
    );

    let there = request();
    for time in ["first", "second"] {
        let secret = recover(far, &there, near_peer, &first.handle).await;
        assert_eq!(secret, first.secret, "recovered the {time} time");
    }
    // What consumes its keys has given this one away; what does not, may answer anybody.
    match far.recover(&request(), near_peer, &first.handle).await {
        Ok(secret) => assert!(
            secret == first.secret && first.handle.key_ids.is_empty(),
            "a stored key is given to one request"
        ),
        Err(error) => assert_eq!(error, Error::Spent, "delivered once"),
    }

    for (end, asked) in [(near, &asked), (far, &there)] {
        for time in ["once", "twice", "a third time"] {
            let confirmed = end.confirm(asked).await;
            confirmed.unwrap_or_else(|error| panic!("confirmed {time}: {error}"));
        }
    }
    match far.recover(&there, near_peer, &first.handle).await {
        Ok(secret) => assert_eq!(secret, first.secret, "after the confirmation"),
        Err(error) => assert_eq!(error, Error::Spent, "after the confirmation"),
    }
    if let Err(error) = near.draw(&asked, far_peer, 32).await {
        assert_eq!(error, Error::Spent, "after the confirmation");
    }
    let stranger = far.confirm(&request()).await;
    stranger.unwrap_or_else(|error| panic!("a request never made is confirmed: {error}"));
}

/// A handle that was never drawn gives an error or an unrelated secret.
async fn closed(near: &dyn KeySource, far: &dyn KeySource, near_peer: &Peer, far_peer: &Peer) {
    let drawn = draw(near, far_peer, 32).await;
    let mut bent = drawn.handle.clone();
    bent.key_ids = bent.key_ids.iter().map(|id| KeyUuid(id.0.map(|byte| !byte))).collect();
    if let Some(byte) = bent.public.get_mut(8) {
        *byte ^= 1;
    }
    let mut foreign = drawn.handle.clone();
    foreign.source = "qkd:no-such-link".to_owned();
    let mut longer = drawn.handle.clone();
    longer.length = 48;
    for (what, handle) in [("bent", &bent), ("foreign", &foreign), ("longer", &longer)] {
        if let Ok(secret) = far.recover(&request(), near_peer, handle).await {
            assert_ne!(secret, drawn.secret, "a {what} handle must not lead to the secret");
        }
    }
    let secret = recover(far, &request(), near_peer, &drawn.handle).await;
    assert_eq!(secret, drawn.secret, "the true handle still leads to it");
}

/// Lengths out of bounds are refused on both sides.
async fn bounded(near: &dyn KeySource, far: &dyn KeySource, near_peer: &Peer, far_peer: &Peer) {
    for length in [0, 1, 15, 1_025, u16::MAX] {
        let refused = near.draw(&request(), far_peer, length).await;
        let error = refused.err().unwrap_or_else(|| panic!("{length} bytes were drawn"));
        assert_eq!(error.reason(), "KEY_LENGTH_INVALID", "draw {length} bytes");
    }
    let mut handle = draw(near, far_peer, 32).await.handle;
    handle.length = 0;
    assert!(far.recover(&request(), near_peer, &handle).await.is_err(), "a secret of no bytes");
}

/// Nothing that is printed shows the secret.
async fn silent(near: &dyn KeySource, far_peer: &Peer) {
    let drawn = draw(near, far_peer, 32).await;
    let digits: String = drawn.secret.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{:?}", drawn.secret.as_bytes());
    for printed in [format!("{drawn:?}"), format!("{near:?}")] {
        assert!(!printed.contains(&digits) && !printed.contains(&list), "Debug shows a secret");
    }
}
