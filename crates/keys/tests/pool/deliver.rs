//! Each key once, to one request, which may ask again until it confirms.

use std::collections::BTreeSet;
use std::sync::Arc;

use keys::{
    Direction, Drawn, Error, Exchange, Handle, KeySource, KeyState, LineState, MemberSources, Peer,
    PolicyClass, PoolSource, Preferred, suite,
};
use party::MemberId;
use tokio::sync::watch;

use crate::cast::{End, derived_secret, filled, handle, key_id, keys, peer, request, secret};

#[tokio::test]
async fn a_pool_keeps_the_contract_of_a_source() {
    let [near, far] = filled(120);
    suite::holds(&near.source, &far.source, &peer(0), &peer(1)).await;
    suite::holds(&far.source, &near.source, &peer(1), &peer(0)).await;
}

#[tokio::test]
async fn a_secret_is_derived_from_its_key_and_the_oldest_key_goes_first() {
    let [near, _] = filled(4);
    let Drawn { handle, secret: drawn } =
        near.source.draw(&request(1), &peer(1), 32).await.unwrap();
    assert_eq!(handle, self::handle(vec![key_id(1, 0)], 32));
    assert_eq!(drawn.as_bytes(), derived_secret(&[key_id(1, 0)], 32));
    assert_ne!(drawn.as_bytes(), secret(1, 0), "the pool's key itself is nobody's");
    let short = near.source.draw(&request(2), &peer(1), 16).await.unwrap();
    assert_eq!(short.secret.as_bytes(), derived_secret(&[key_id(1, 2)], 16));
}

#[tokio::test]
async fn a_long_secret_takes_several_keys_in_the_order_of_the_handle() {
    let [near, far] = filled(64);
    let drawn = near.source.draw(&request(1), &peer(1), 1_000).await.unwrap();
    assert_eq!(drawn.handle.key_ids.len(), 32);
    let ids: Vec<_> = (0..64).step_by(2).map(|number| key_id(1, number)).collect();
    assert_eq!(drawn.secret.as_bytes(), derived_secret(&ids, 1_000));
    let there = far.source.recover(&request(9), &peer(0), &drawn.handle).await.unwrap();
    assert_eq!(there, drawn.secret);
    assert_eq!(near.pool.counts().ready_outgoing, 0);
    assert_eq!(far.pool.counts().delivered, 32);
}

#[tokio::test]
async fn a_request_gets_the_same_answer_until_it_confirms_also_after_a_restart() {
    let [mut near, mut far] = filled(8);
    let drawn = near.source.draw(&request(1), &peer(1), 40).await.unwrap();
    let there = far.source.recover(&request(2), &peer(0), &drawn.handle).await.unwrap();
    assert_eq!(there, drawn.secret);
    for _ in 0..2 {
        (near, far) = (near.restarted(0), far.restarted(1));
        let again = near.source.draw(&request(1), &peer(1), 40).await.unwrap();
        assert_eq!((&again.handle, &again.secret), (&drawn.handle, &drawn.secret));
        let again = far.source.recover(&request(2), &peer(0), &drawn.handle).await.unwrap();
        assert_eq!(again, drawn.secret);
        assert_eq!(near.pool.counts().unconfirmed, 2);
    }
    near.source.confirm(&request(1)).await.unwrap();
    far.source.confirm(&request(2)).await.unwrap();
    for _ in 0..2 {
        let late = near.source.draw(&request(1), &peer(1), 40).await.unwrap_err();
        assert_eq!(late, Error::Spent);
        let late = far.source.recover(&request(2), &peer(0), &drawn.handle).await.unwrap_err();
        assert_eq!(late, Error::Spent);
        let other = far.source.recover(&request(3), &peer(0), &drawn.handle).await.unwrap_err();
        assert_eq!(other, Error::Spent);
        (near, far) = (near.restarted(0), far.restarted(1));
        let counts = far.pool.counts();
        assert_eq!((counts.delivered, counts.unconfirmed, counts.ready_incoming), (2, 0, 2));
    }
}

#[tokio::test]
async fn a_key_goes_to_one_request_though_two_ask() {
    let [_, far] = filled(2);
    let wanted = handle(vec![key_id(1, 0)], 32);
    far.source.recover(&request(1), &peer(0), &wanted).await.unwrap();
    let second = far.source.recover(&request(2), &peer(0), &wanted).await.unwrap_err();
    assert_eq!(second, Error::Spent);
    // The second's confirmation is no confirmation of the first.
    far.source.confirm(&request(2)).await.unwrap();
    assert!(far.source.recover(&request(1), &peer(0), &wanted).await.is_ok());
}

#[tokio::test]
async fn a_request_id_serves_one_question() {
    let [near, far] = filled(16);
    near.source.draw(&request(1), &peer(1), 32).await.unwrap();
    let mut stranger = peer(1);
    stranger.member = "cn-customs".parse().unwrap();
    let reused = Error::RequestReused { request: request(1).to_string() };
    for (who, length) in [(peer(1), 64), (stranger, 32)] {
        assert_eq!(near.source.draw(&request(1), &who, length).await.unwrap_err(), reused);
    }
    let incoming = handle(vec![key_id(1, 1)], 32);
    let crossed = near.source.recover(&request(1), &peer(1), &incoming).await.unwrap_err();
    assert_eq!(crossed, reused, "a draw is no recovery");

    far.source.recover(&request(1), &peer(0), &handle(vec![key_id(1, 0)], 32)).await.unwrap();
    for other in [handle(vec![key_id(1, 2)], 32), handle(vec![key_id(1, 0)], 30)] {
        assert_eq!(far.source.recover(&request(1), &peer(0), &other).await.unwrap_err(), reused);
    }
    far.source.confirm(&request(1)).await.unwrap();
    let other = handle(vec![key_id(1, 2)], 32);
    assert_eq!(far.source.recover(&request(1), &peer(0), &other).await.unwrap_err(), reused);
    assert_eq!(far.pool.counts().ready_incoming, 7, "no key was lost to the mistakes");
}

#[tokio::test]
async fn a_key_has_one_direction() {
    let [near, far] = filled(4);
    let drawn = near.source.draw(&request(1), &peer(1), 64).await.unwrap();
    assert_eq!(drawn.handle.key_ids, [key_id(1, 0), key_id(1, 2)]);
    let wrong = Error::WrongDirection { link: "hz-xs".into() };
    // What one end drew, it does not recover, neither before nor after it is spent.
    assert_eq!(near.source.recover(&request(2), &peer(1), &drawn.handle).await.unwrap_err(), wrong);
    near.source.confirm(&request(1)).await.unwrap();
    assert_eq!(near.source.recover(&request(2), &peer(1), &drawn.handle).await.unwrap_err(), wrong);
    // What the other end is to draw is never drawn here.
    let dry = near.source.draw(&request(3), &peer(1), 32).await.unwrap_err();
    assert_eq!(dry, Error::Exhausted { link: "hz-xs".into(), needed: 1, available: 0 });
    assert_eq!(far.pool.counts().ready_outgoing, 2);
}

#[tokio::test]
async fn a_recovery_is_all_or_nothing() {
    let [_, far] = filled(4);
    let unknown = handle(vec![key_id(1, 0), key_id(9, 9)], 64);
    let refused = far.source.recover(&request(1), &peer(0), &unknown).await.unwrap_err();
    assert_eq!(refused.reason(), "HANDLE_UNKNOWN");
    assert_eq!(far.pool.counts().ready_incoming, 2);
    assert!(
        far.source.recover(&request(1), &peer(0), &handle(vec![key_id(1, 0)], 32)).await.is_ok()
    );
}

#[tokio::test]
async fn a_handle_that_this_pool_cannot_have_made_is_refused() {
    let [_, far] = filled(4);
    let good = handle(vec![key_id(1, 0), key_id(1, 2)], 64);
    let mut faults = vec![good.clone(); 5];
    faults[0].source = "qkd:other".into();
    faults[1].key_ids = vec![key_id(1, 0); 2];
    faults[2].key_ids.truncate(1);
    faults[3].public = vec![1];
    faults[4].seeded = true;
    for (number, bent) in faults.iter().enumerate() {
        let refused = far.source.recover(&request(1), &peer(0), bent).await.unwrap_err();
        let reason = match number {
            0 => "KEY_SOURCE_UNKNOWN",
            3 => "HANDLE_MISMATCH",
            _ => "HANDLE_MALFORMED",
        };
        assert_eq!(refused.reason(), reason, "fault {number}");
    }
    let mut elsewhere = peer(0);
    elsewhere.site = "liege".parse().unwrap();
    let refused = far.source.recover(&request(1), &elsewhere, &good).await.unwrap_err();
    assert_eq!(refused.reason(), "PEER_NOT_REACHED");
    let refused = far.source.draw(&request(1), &elsewhere, 32).await.unwrap_err();
    assert_eq!(refused.reason(), "PEER_NOT_REACHED");
    assert!(far.source.recover(&request(1), &peer(0), &good).await.is_ok(), "nothing was consumed");
}

#[tokio::test]
async fn a_line_that_shut_down_gives_no_key_but_what_was_drawn_is_recovered() {
    let [near, far] = filled(8);
    let drawn = near.source.draw(&request(1), &peer(1), 32).await.unwrap();
    for end in [&near, &far] {
        end.line.send_replace(LineState::ShutDown { reason: "error rate 0.25".into() });
    }
    let shut = near.source.draw(&request(2), &peer(1), 32).await.unwrap_err();
    assert_eq!(shut, Error::LineShutDown { link: "hz-xs".into(), why: "error rate 0.25".into() });
    let again = near.source.draw(&request(1), &peer(1), 32).await.unwrap();
    assert_eq!(again.handle, drawn.handle, "what was answered is answered again");
    let there = far.source.recover(&request(1), &peer(0), &drawn.handle).await.unwrap();
    assert_eq!(there, drawn.secret);
    near.line.send_replace(LineState::Up);
    assert!(near.source.draw(&request(2), &peer(1), 32).await.is_ok(), "restored");
}

#[tokio::test]
async fn a_line_that_is_down_gives_what_both_ends_hold() {
    let [near, _] = filled(2);
    near.line.send_replace(LineState::Down);
    assert!(near.source.draw(&request(1), &peer(1), 32).await.is_ok());
    let dry = near.source.draw(&request(2), &peer(1), 32).await.unwrap_err();
    assert_eq!(dry, Error::LineDown { link: "hz-xs".into() });
    assert!(dry.is_retryable());
}

#[tokio::test]
async fn a_key_of_a_seeded_link_is_marked_and_refused_outside_tests() {
    let [near, far] = [0, 1].map(|end| {
        let new = End::new(end);
        new.pool.store_pending([1; 16], keys(end, 1, 8), true).unwrap();
        new.pool.release([1; 16]).unwrap();
        new
    });
    let drawn = near.source.draw(&request(1), &peer(1), 32).await.unwrap();
    assert!(drawn.handle.seeded);
    let mut hidden = drawn.handle.clone();
    hidden.seeded = false;
    let refused = far.source.recover(&request(1), &peer(0), &hidden).await.unwrap_err();
    assert_eq!(refused.reason(), "KEY_SEEDED");

    let [near, far] = [near, far].map(|end| Arc::new(end.source));
    let strict = Preferred::new(vec![far.clone()]);
    let refused = strict.recover(&request(1), &peer(0), &drawn.handle).await.unwrap_err();
    assert_eq!(refused.reason(), "KEY_SEEDED");
    let strict = Preferred::new(vec![near]);
    for _ in 0..2 {
        let refused = strict.draw(&request(2), &peer(1), 32).await.unwrap_err();
        assert_eq!(refused.reason(), "KEY_SEEDED", "asked again, it is refused alike");
    }
    let test = Preferred::new(vec![far]).accept_seeded();
    assert_eq!(test.recover(&request(1), &peer(0), &drawn.handle).await, Ok(drawn.secret));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_askers_at_once_never_share_a_key() {
    let [near, far] = filled(200);
    let (near, far) = (Arc::new(near), Arc::new(far));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..100_u16 {
        let (near, far) = (near.clone(), far.clone());
        // Two tasks ask the same question: 50 questions for 100 keys.
        let asked = request(task / 2);
        tasks.spawn(async move {
            let drawn = near.source.draw(&asked, &peer(1), 64).await.unwrap();
            let there = far.source.recover(&asked, &peer(0), &drawn.handle).await.unwrap();
            assert_eq!(there, drawn.secret);
            drawn.handle.key_ids
        });
    }
    let mut seen = BTreeSet::new();
    let answers: BTreeSet<_> = tasks.join_all().await.into_iter().collect();
    assert_eq!(answers.len(), 50, "the same question gets the same answer");
    assert!(answers.into_iter().flatten().all(|id| seen.insert(id)), "no key twice");
    assert_eq!((near.pool.counts().ready_outgoing, near.pool.counts().unconfirmed), (0, 100));
}

#[tokio::test]
async fn a_caller_that_goes_away_loses_no_key() {
    let [near, _] = filled(4);
    let (asked, to) = (request(1), peer(1));
    let draw = near.source.draw(&asked, &to, 32);
    // Polled once, so that the work is under way, then dropped.
    let _elapsed = tokio::time::timeout(std::time::Duration::ZERO, draw).await;
    let drawn = near.source.draw(&request(1), &peer(1), 32).await.unwrap();
    assert_eq!(drawn.handle.key_ids, [key_id(1, 0)], "the answer was kept for the request");
    assert_eq!(near.pool.counts().unconfirmed, 1);
}

#[tokio::test]
async fn members_of_one_site_do_not_get_each_others_answers() {
    let [near, _] = filled(8);
    let members: [MemberId; 2] = ["zj-merchant", "hz-forwarder"].map(|id| id.parse().unwrap());
    let exchange = exchange(&near, &members);
    let draw = async |who| {
        exchange.draw(who, &request(1), &peer(1), 32, PolicyClass::Preferred).await.unwrap()
    };
    let [first, second] = [draw(&members[0]).await, draw(&members[1]).await];
    assert_ne!(first.handle, second.handle, "the same request id, two askers");
    assert_eq!(draw(&members[0]).await.handle, first.handle);
    exchange.confirm(&members[1], &request(1)).await.unwrap();
    assert_eq!(draw(&members[0]).await.handle, first.handle, "another's confirmation is not mine");
}

/// The exchange of an end's site for some of its members.
fn exchange(end: &End, members: &[MemberId]) -> Exchange {
    let sources = members.iter().map(|member| {
        let heard = watch::channel(LineState::Up).1;
        let source = PoolSource::new(end.pool.clone(), member.clone(), heard);
        let source: Arc<dyn KeySource> = Arc::new(Preferred::new(vec![Arc::new(source)]));
        MemberSources {
            member: member.clone(),
            by_class: [(PolicyClass::Preferred, source)].into(),
        }
    });
    Exchange::new(end.pool.id().near.clone(), sources.collect())
}

#[tokio::test]
async fn a_member_gets_nothing_of_what_was_drawn_for_another_and_consumes_nothing() {
    let [near, far] = filled(8);
    let members: [MemberId; 2] = ["sky-air", "cn-customs"].map(|id| id.parse().unwrap());
    let [airline, customs] = &members;
    let there = exchange(&far, &members);
    let reader = Peer { member: customs.clone(), ..peer(1) };
    let drawn = near.source.draw(&request(1), &reader, 64).await.unwrap();
    let untouched = far.pool.counts();
    // Who sits beside the reader takes the handle, or guesses at its public part.
    for bent in [drawn.handle.clone(), Handle { public: vec![0; 16], ..drawn.handle.clone() }] {
        for _ in 0..2 {
            let refused = there.recover(airline, &request(2), &peer(0), &bent).await;
            assert_eq!(refused.unwrap_err(), Error::HandleMismatch);
        }
    }
    // Nor does the reader take it for a secret of another drawer.
    let other = Peer { member: "hz-forwarder".parse().unwrap(), ..peer(0) };
    let refused = there.recover(customs, &request(2), &other, &drawn.handle).await.unwrap_err();
    assert_eq!(refused, Error::HandleMismatch);
    assert_eq!(far.pool.counts(), untouched, "whoever is refused burns no key");
    let secret = there.recover(customs, &request(2), &peer(0), &drawn.handle).await.unwrap();
    assert_eq!(secret, drawn.secret);
    let late = there.recover(airline, &request(2), &peer(0), &drawn.handle).await.unwrap_err();
    assert_eq!(late, Error::Spent);

    // Even one who can say what only the keys' holders can has a secret that is unrelated.
    let drawn = near.source.draw(&request(3), &reader, 64).await.unwrap();
    let guessed = handle(drawn.handle.key_ids.clone(), 64);
    let own = there.recover(airline, &request(3), &peer(0), &guessed).await.unwrap();
    assert_ne!(own, drawn.secret);
}

#[tokio::test]
async fn the_list_shows_each_key_where_it_stands() {
    let [near, _] = filled(6);
    near.pool.store_pending([2; 16], keys(0, 2, 2), false).unwrap();
    near.source.draw(&request(1), &peer(1), 32).await.unwrap();
    near.source.draw(&request(2), &peer(1), 32).await.unwrap();
    near.source.confirm(&request(1)).await.unwrap();
    let list = near.pool.list(100, |_| true).unwrap();
    let of = |state| list.iter().filter(|row| row.state == state).count();
    assert_eq!(of(KeyState::Spent), 1);
    assert_eq!(of(KeyState::Delivered), 1);
    assert_eq!(of(KeyState::Ready), 4);
    assert_eq!(of(KeyState::Pending), 2);
    assert_eq!(near.pool.list(3, |_| true).unwrap().len(), 3);
    let some = near.pool.list(3, |row| row.direction == Direction::Incoming).unwrap();
    assert_eq!(some.len(), 3, "what is not shown takes no place");
    assert!(some.iter().all(|row| row.direction == Direction::Incoming));
    let spent = list.iter().find(|row| row.state == KeyState::Spent).unwrap();
    assert_eq!((spent.id, spent.block), (key_id(1, 0), [1; 16]));
}
