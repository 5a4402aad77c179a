//! A parcel's whole way, and what each member knows of it.

use std::path::Path;

use party::KeyId;
use statement::{ItemSecret, ReaderEntry};

use super::offence::sealed_by;
use super::world::{CAST, SELLER, World, consortium, id, key, order, request, taker};
use crate::suite::{Scene, holds};
use crate::{Error, OrderView, Party, Step};

fn all_done(view: &OrderView) -> bool {
    view.next.is_none()
}

fn silent(view: &OrderView) -> bool {
    view.unacknowledged.is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_comes_from_its_seller_to_its_buyer_through_six_members() {
    let world = World::new().await;
    let order = world.order(1).await;
    let journey = order.journey;
    assert_eq!(order.steps.len(), 1);
    world.travel(&journey, Step::Pack, Step::Deliver).await;

    for (name, ..) in CAST.iter().take(6) {
        let view = world.until(name, &journey, |view| all_done(view) && silent(view)).await;
        let party = Step::ALL.into_iter().find(|step| taker(*step) == *name).unwrap().party();
        let seen = Step::ALL.into_iter().filter(|step| step.readers().contains(&party));
        assert!(view.steps.iter().map(|done| done.step).eq(seen), "{name}");
        assert!(view.steps.is_sorted_by_key(|done| done.event_time_ms), "{name}");
        assert!(view.alerts.is_empty(), "{name}: {:?}", view.alerts);
        assert_eq!(view.parcel, order.parcel);
        assert!(view.pallet.is_some(), "{name}");
        let knows_buyer = name == &SELLER
            || [Party::ExportCustoms, Party::ImportCustoms, Party::LastMile].contains(&party);
        assert_eq!(view.buyer.is_some(), knows_buyer, "{name}");
        assert_eq!(world.gateway(name).orders(&id(name), 9).await.unwrap(), [journey]);
        assert!(world.gateway(name).alerts(&id(name)).await.unwrap().is_empty(), "{name}");
    }
    assert_eq!(world.once.unconfirmed(), 0, "every key that was recovered is confirmed");
    // One draw for each event and reader, whatever the number of parts.
    let draws: usize = Step::ALL.into_iter().map(|step| step.readers().len() - 1).sum();
    assert_eq!(world.once.drawn(), draws);

    let stranger = world.gateway("nosy-bank").order(&id("nosy-bank"), &journey).await;
    assert_eq!(stranger.unwrap_err().reason(), "JOURNEY_UNKNOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn parties_trace_the_parcel_and_its_pallet_and_others_see_the_gap() {
    let world = World::new().await;
    let order = world.order(1).await;
    world.travel(&order.journey, Step::Pack, Step::Deliver).await;
    let parcel = gs1::Item::parse(&order.parcel).unwrap();
    for (name, ..) in CAST.iter().take(6) {
        world.until(name, &order.journey, all_done).await;
        let (view, book) = (world.view(name), world.gateway(name).book(&id(name)).unwrap());
        let trace = view.trace_as(book, &parcel, &world.site_of(name).local).await.unwrap();
        let holds_pallet = !["zj-merchant", "be-customs"].contains(name);
        assert_eq!(trace.is_complete(), holds_pallet, "{name}: {:?}", trace.completeness);
        assert!(trace.alerts.is_empty(), "{name}: {:?}", trace.alerts);
        let expected = if holds_pallet { 16 } else { 13 };
        let opened = trace.steps.iter().filter(|step| step.event.is_some()).count();
        assert_eq!(opened, expected, "{name}");

        // What lies in the parcel is tagged with the parcel's secret, and goes where it goes.
        let cup = gs1::Item::parse(&order.goods[0].sgtin).unwrap();
        let trace = view.trace_as(book, &cup, &world.site_of(name).local).await.unwrap();
        assert_eq!(trace.is_complete(), holds_pallet, "{name}: {:?}", trace.completeness);
        assert!(trace.steps.len() >= expected, "{name}: {}", trace.steps.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opens_late_opens_all_in_whatever_order_it_comes() {
    let world = World::new().await;
    // Not for the last mile's site: nothing is opened there until the pallet has come.
    let spoilt = |bad| {
        world.site("liege").weather.recover.store(bad, std::sync::atomic::Ordering::SeqCst);
    };
    spoilt(true);
    let order = world.order(1).await;
    world.travel(&order.journey, Step::Pack, Step::Arrive).await;
    assert!(world.known("es-post", &order.journey).await.is_none());
    spoilt(false);
    world.travel(&order.journey, Step::Disaggregate, Step::Deliver).await;
    let view = world.until("be-customs", &order.journey, all_done).await;
    assert!(view.alerts.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_is_answered_the_same_and_another_is_refused() {
    let world = World::new().await;
    let first = world.order(1).await;
    let height = *world.site("liege").local.ledger.watch().borrow();
    let again = world.order(1).await;
    assert_eq!((again.journey, &again.parcel), (first.journey, &first.parcel));
    let gateway = world.gateway(SELLER);
    let reused = gateway.create_order(&id(SELLER), request(1), order(2)).await.unwrap_err();
    assert_eq!(reused.reason(), "REQUEST_ID_REUSED");
    assert_eq!(*world.site("liege").local.ledger.watch().borrow(), height, "nothing is recorded");

    let seller = id(SELLER);
    let advance = || gateway.advance(&seller, request(9), &first.journey, Some(Step::Pack));
    let (one, other) = tokio::join!(advance(), advance());
    let one = one.unwrap();
    assert_eq!(one, other.unwrap());
    assert_eq!(one, advance().await.unwrap(), "later too");
    assert_eq!(world.known(SELLER, &first.journey).await.unwrap().steps.len(), 2);
    let other = gateway.advance(&id(SELLER), request(9), &first.journey, None).await;
    assert_eq!(other.unwrap_err().reason(), "REQUEST_ID_REUSED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_the_ledger_refuses_is_given_up_and_holds_nothing_back() {
    let world = World::new().await;
    let journey = world.order(1).await.journey;
    // The request id is the seller's, and was used beside the gateway.
    let item = "https://reused.example/1";
    sealed_by(&world, SELLER, item, &ItemSecret::from_bytes([9; 32])).await;
    let advance =
        async |n| world.gateway(SELLER).advance(&id(SELLER), request(n), &journey, None).await;
    assert_eq!(advance(77).await.unwrap_err().reason(), "REQUEST_ID_REUSED");
    assert_eq!(advance(78).await.unwrap().step, Step::Pack);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_advance_at_once_make_one_event() {
    let world = World::new().await;
    let journey = world.order(1).await.journey;
    let gateway = world.gateway(SELLER);
    let seller = id(SELLER);
    let advance = |n| gateway.advance(&seller, request(n), &journey, Some(Step::Pack));
    let answers: [_; 4] = tokio::join!(advance(2), advance(3), advance(4), advance(5)).into();
    let (taken, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((taken.len(), refused.len()), (1, 3));
    for error in refused {
        assert_eq!(error.unwrap_err().reason(), "STEP_OUT_OF_ORDER");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_out_of_turn_is_refused_with_what_comes_first() {
    let world = World::new().await;
    let journey = world.order(1).await.journey;
    let advance = async |name: &str, expected| {
        let gateway = world.gateway(name);
        gateway.advance(&id(name), request(7), &journey, expected).await.unwrap_err()
    };
    let seen = |view: &OrderView| !view.steps.is_empty();
    for name in ["sky-air", "be-customs"] {
        world.until(name, &journey, seen).await;
    }
    let error = advance("sky-air", Some(Step::Load)).await;
    assert_eq!(error.reason(), "STEP_OUT_OF_ORDER");
    assert!(error.to_string().contains("zj-merchant has not taken step pack"), "{error}");
    let error = advance("be-customs", None).await;
    assert_eq!(error.reason(), "STEP_NOT_YOURS");
    assert!(error.to_string().contains("pack is for zj-merchant to take"), "{error}");
    assert_eq!(advance(SELLER, Some(Step::Deliver)).await.reason(), "STEP_NOT_YOURS");
    assert_eq!(advance(SELLER, Some(Step::Commission)).await.reason(), "STEP_OUT_OF_ORDER");
    let unknown = "0123456789abcdef".parse().unwrap();
    let error = world.gateway(SELLER).advance(&id(SELLER), request(7), &unknown, None).await;
    assert_eq!(error.unwrap_err().reason(), "JOURNEY_UNKNOWN");
    let error = world.gateway(SELLER).advance(&id("sky-air"), request(7), &journey, None).await;
    assert_eq!(error.unwrap_err().reason(), "MEMBER_UNKNOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_not_sound_is_refused_by_its_field() {
    let world = World::new().await;
    let refused = async |change: &dyn Fn(&mut crate::Order)| {
        let mut order = order(1);
        change(&mut order);
        let made = world.gateway(SELLER).create_order(&id(SELLER), request(1), order).await;
        match made.unwrap_err() {
            Error::OrderInvalid { field, .. } => field,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(&|order| order.goods.clear()).await, "goods");
    assert_eq!(refused(&|order| order.goods[1] = order.goods[0].clone()).await, "goods[1].sgtin");
    assert_eq!(refused(&|order| order.goods[0].sgtin = "x".into()).await, "goods[0].sgtin");
    let sscc = "urn:epc:id:sscc:9521001.0000004711";
    assert_eq!(refused(&|order| order.goods[0].sgtin = sscc.into()).await, "goods[0].sgtin");
    assert_eq!(refused(&|order| order.parcel = Some("urn:x:y".into())).await, "parcel");
    assert_eq!(refused(&|order| order.buyer.name.clear()).await, "buyer.name");
    assert_eq!(refused(&|order| order.buyer.address = "a\nb".into()).await, "buyer.address");
    let long = "1".repeat(51);
    assert_eq!(refused(&|order| order.buyer.telephone = long.clone()).await, "buyer.telephone");
    let airline = "parties.airline";
    assert_eq!(refused(&|order| order.parties.airline = id("nobody")).await, airline);
    assert_eq!(refused(&|order| order.parties.airline = id("be-customs")).await, airline);
    assert_eq!(refused(&|order| order.parties.airline = id("hz-forwarder")).await, airline);

    let mut taken = order(1);
    taken.parcel = Some(sscc.into());
    let gateway = world.gateway(SELLER);
    let made = gateway.create_order(&id(SELLER), request(1), taken.clone()).await.unwrap();
    assert_eq!(made.parcel, "https://id.gs1.org/00/095210010000047111");
    let again = gateway.create_order(&id(SELLER), request(2), taken).await.unwrap_err();
    assert!(again.to_string().contains("taken by another journey"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_sealed_is_on_any_disk_or_in_any_debug_text() {
    let mut world = World::new().await;
    let order = world.order(1).await;
    world.travel(&order.journey, Step::Pack, Step::Arrive).await;
    let view = world.until("cn-customs", &order.journey, |view| view.buyer.is_some()).await;
    let shown = format!("{view:?} {order:?} {:?}", world.gateway("cn-customs"));
    for site in ["hangzhou", "xiaoshan", "liege"] {
        world.close(site).await;
    }
    let canaries =
        ["Dulcinea Lorenzo", "El Toboso", "600 700 800", "12345678Z", "another cup", "pick-up"];
    for canary in &canaries[..4] {
        assert!(!shown.contains(canary), "{canary}");
    }
    let mut files = 0;
    scan(world.directory.path(), &mut |path, bytes| {
        files += 1;
        for canary in canaries {
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!found, "{canary} is in {}", path.display());
        }
    });
    assert!(files > 20, "there was something to look through");
}

fn scan(folder: &Path, look: &mut dyn FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            scan(&path, look);
        } else {
            look(&path, &std::fs::read(&path).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledgers_post_keeps_the_contract() {
    let mut world = World::new().await;
    for site in ["hangzhou", "xiaoshan", "liege"] {
        world.close(site).await;
    }
    let (sealer, reader, stranger) = ("nosy-bank", id("cn-customs"), id("be-customs"));
    let item = "https://post.example/1";
    let outcome = sealed_by(&world, sealer, item, &ItemSecret::from_bytes([9; 32])).await;
    let make = |part, wrapped: u8| {
        let entry = ReaderEntry {
            consortium: consortium(),
            commitment: outcome.commitment,
            body_digest: outcome.body_digest,
            part,
            sealer: id(sealer),
            reader: reader.clone(),
            reader_key: KeyId([1; 16]),
            handle: vec![2; 64],
            mac: [3; 32],
            wrapped: [wrapped; 48],
            signature: [0; 64],
        };
        entry.sign(&key(sealer, 1))
    };
    let forged = ReaderEntry { signature: [1; 64], ..make(2, 2) };
    let entries = [make(0, 1), make(1, 1), make(2, 1)];
    let scene = Scene { entries, newer: make(0, 2), forged, stranger };
    holds(&world.site("hangzhou").local, scene).await;
}
