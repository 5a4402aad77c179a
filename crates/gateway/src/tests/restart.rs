//! Gateways that go down at each point of their work, and come back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::joints::Weather;
use super::world::{SELLER, World, id, order, request};
use crate::{Options, OrderView, Step};

fn spoil(weather: &AtomicBool, bad: bool) {
    weather.store(bad, Ordering::SeqCst);
}

fn all_seen(view: &OrderView) -> bool {
    view.unacknowledged.is_empty()
}

/// Takes a step while something fails at the taker's site, restarts it, and sees the step done.
async fn interrupted_sealer(spoilt: impl Fn(&Weather) -> &AtomicBool) {
    let mut world = World::new().await;
    let journey = world.order(1).await.journey;
    world.until(SELLER, &journey, all_seen).await;
    spoil(spoilt(&world.site("hangzhou").weather), true);
    let gateway = world.gateway(SELLER).clone();
    let error = gateway.advance(&id(SELLER), request(3), &journey, None).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    drop(gateway);
    world.close("hangzhou").await;
    spoil(spoilt(&world.site("hangzhou").weather), false);
    world.open("hangzhou").await;

    // It is finished without anybody asking.
    let packed = |view: &OrderView| view.steps.len() == 2 && view.unacknowledged.is_empty();
    let view = world.until(SELLER, &journey, packed).await;
    let again = world.gateway(SELLER).advance(&id(SELLER), request(3), &journey, None).await;
    assert_eq!(again.unwrap().commitment, view.steps[1].commitment, "it was the same event");
    world.until("es-post", &journey, |view| view.steps.len() == 2).await;
    assert_eq!(world.once.unconfirmed(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_was_not_captured_is_captured_after_a_restart() {
    interrupted_sealer(|weather| &weather.record).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_not_sealed_is_sealed_after_a_restart() {
    interrupted_sealer(|weather| &weather.draw).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_caller_gave_up_is_sealed_once_keys_are_to_be_had() {
    let world = World::new().await;
    let draw = &world.site("hangzhou").weather.draw;
    spoil(draw, true);
    let gateway = world.gateway(SELLER).clone();
    let mut asked = order(1);
    asked.parcel = Some("urn:epc:id:sscc:9521001.0000000001".to_owned());
    let error = gateway.create_order(&id(SELLER), request(1), asked).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    // What it has stated the seller sees, whatever becomes of the seals.
    let parcel = "https://id.gs1.org/00/095210010000000017";
    let book = gateway.book(&id(SELLER)).unwrap();
    assert_eq!(book.secrets(parcel).unwrap().len(), 1);
    assert_eq!(book.events_naming(parcel).unwrap().len(), 1);
    spoil(draw, false);
    for _ in 0..200 {
        if let [journey] = gateway.orders(&id(SELLER), 9).await.unwrap()[..] {
            world.until("es-post", &journey, |view| view.buyer.is_some()).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody carried the order on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_whose_caller_went_away_is_taken_to_its_end() {
    let world = World::new().await;
    let journey = world.order(1).await.journey;
    let gateway = world.gateway(SELLER).clone();
    let (seller, first) = (id(SELLER), request(3));
    let call = gateway.advance(&seller, first, &journey, None);
    // The caller hangs up as soon as the call is under way.
    assert!(tokio::time::timeout(Duration::from_micros(1), call).await.is_err());
    world.until("es-post", &journey, |view| view.steps.len() == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_interrupted_is_made_after_a_restart() {
    let mut world = World::new().await;
    spoil(&world.site("hangzhou").weather.record, true);
    let gateway = world.gateway(SELLER).clone();
    let made = gateway.create_order(&id(SELLER), request(1), order(1)).await;
    assert!(made.unwrap_err().is_retryable());
    drop(gateway);
    world.close("hangzhou").await;
    spoil(&world.site("hangzhou").weather.record, false);
    world.open("hangzhou").await;
    let made = world.order(1).await;
    world.until("be-customs", &made.journey, |view| view.steps.len() == 1).await;
    assert_eq!(world.gateway(SELLER).orders(&id(SELLER), 9).await.unwrap(), [made.journey]);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_did_not_reach_the_post_reach_it_after_a_restart() {
    let mut world = World::new().await;
    spoil(&world.site("hangzhou").weather.put, true);
    // The event is recorded and safe: the answer is good.
    let journey = world.order(1).await.journey;
    assert!(world.known("sky-air", &journey).await.is_none());
    world.close("hangzhou").await;
    spoil(&world.site("hangzhou").weather.put, false);
    world.open("hangzhou").await;
    world.until("sky-air", &journey, |view| view.steps.len() == 1).await;
    world.until(SELLER, &journey, all_seen).await;
}

/// Lets a reader fail, restarts its site, and sees that it has opened and acknowledged all.
async fn interrupted_reader(spoilt: impl Fn(&Weather) -> &AtomicBool, opens: bool) {
    let mut world = World::new().await;
    spoil(spoilt(&world.site("liege").weather), true);
    let journey = world.order(1).await.journey;
    if opens {
        world.until("es-post", &journey, |view| view.buyer.is_some()).await;
    } else {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let view = world.known(SELLER, &journey).await.unwrap();
    assert!(!view.unacknowledged.is_empty(), "nothing is acknowledged before it is safe");
    world.close("liege").await;
    spoil(spoilt(&world.site("liege").weather), false);
    world.open("liege").await;
    let view = world.until(SELLER, &journey, all_seen).await;
    assert!(view.alerts.is_empty());
    for name in ["be-customs", "es-post"] {
        let view = world.until(name, &journey, |view| view.buyer.is_some()).await;
        assert!(view.alerts.is_empty(), "{:?}", view.alerts);
    }
    assert_eq!(world.once.unconfirmed(), 0, "the one-time keys are confirmed in the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_opened_is_opened_after_a_restart() {
    interrupted_reader(|weather| &weather.recover, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_opened_and_not_confirmed_is_confirmed_after_a_restart() {
    interrupted_reader(|weather| &weather.confirm, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_and_not_removed_is_removed_after_a_restart() {
    interrupted_reader(|weather| &weather.remove, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_time_key_that_is_lost_costs_a_sealing_and_no_data() {
    let options = Options { retry_after: Duration::from_millis(20), ..Options::default() };
    let world = World::with(options.with_reseal_after(Duration::from_millis(500))).await;
    spoil(&world.once.loses, true);
    let journey = world.order(1).await.journey;
    let again = |view: &OrderView| view.unacknowledged.iter().any(|entry| entry.times > 1);
    world.until(SELLER, &journey, again).await;
    spoil(&world.once.loses, false);
    for name in ["hz-forwarder", "cn-customs", "sky-air", "be-customs", "es-post"] {
        let view = world.until(name, &journey, |view| view.steps.len() == 1).await;
        assert!(view.alerts.is_empty(), "{:?}", view.alerts);
    }
    world.until(SELLER, &journey, all_seen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journey_goes_on_through_restarts_of_every_site() {
    let mut world = World::new().await;
    let journey = world.order(1).await.journey;
    for (n, step) in Step::ALL.into_iter().enumerate().skip(1) {
        world.step(&journey, step).await;
        world.reopen(["hangzhou", "xiaoshan", "liege"][n % 3]).await;
    }
    for name in [SELLER, "hz-forwarder", "cn-customs", "sky-air", "be-customs", "es-post"] {
        let view = world.until(name, &journey, |view| view.next.is_none()).await;
        assert!(view.alerts.is_empty(), "{name}: {:?}", view.alerts);
        world.until(name, &journey, all_seen).await;
    }
    assert_eq!(world.once.unconfirmed(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_waited_while_their_sealer_renewed_its_key_are_sealed_anew() {
    let mut world = World::new().await;
    // One event was posted under the old key and not opened, one was not even posted.
    spoil(&world.site("liege").weather.recover, true);
    let first = world.order(1).await.journey;
    spoil(&world.site("hangzhou").weather.put, true);
    let second = world.order(2).await.journey;
    world.close("hangzhou").await;
    world.renew(SELLER).await;
    spoil(&world.site("hangzhou").weather.put, false);
    world.open("hangzhou").await;
    spoil(&world.site("liege").weather.recover, false);
    for journey in [first, second] {
        let view = world.until("es-post", &journey, |view| view.buyer.is_some()).await;
        assert!(view.alerts.is_empty(), "{:?}", view.alerts);
        world.until(SELLER, &journey, all_seen).await;
        let packed = |view: &OrderView| view.steps.len() == 2;
        let number = if journey == first { 11 } else { 12 };
        let gateway = world.gateway(SELLER);
        gateway.advance(&id(SELLER), request(number), &journey, Some(Step::Pack)).await.unwrap();
        world.until("es-post", &journey, packed).await;
    }
    assert!(world.gateway("es-post").alerts(&id("es-post")).await.unwrap().is_empty());
}
