//! Tracing: what is proven, what a lying ledger cannot do, and the way through containers.

use std::sync::Arc;
use std::time::Duration;

use statement::{Commitment, LeafIndex, LogIndex};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::small_ledger::{Lie, SmallLedger, members};

pub(crate) const PARCEL: &str = "https://things.example/parcel";
pub(crate) const PALLET: &str = "https://things.example/pallet";
const PLANE: &str = "https://things.example/plane";

pub(crate) fn event(body: &str, minute: u32) -> String {
    format!(
        r#"{{"eventTime": "2026-11-20T08:{minute:02}:00.000Z", "eventTimeZoneOffset": "+08:00",
            {body}}}"#
    )
}

pub(crate) fn seen(thing: &str, minute: u32) -> String {
    let body = format!(r#""type": "ObjectEvent", "action": "OBSERVE", "epcList": ["{thing}"]"#);
    event(&body, minute)
}

pub(crate) fn bond(action: &str, container: &str, things: &[&str], minute: u32) -> String {
    let body = format!(
        r#""type": "AggregationEvent", "action": "{action}", "parentID": "{container}",
            "childEPCs": {things:?}"#
    );
    event(&body, minute)
}

pub(crate) struct House {
    pub(crate) ledger: Arc<SmallLedger>,
    pub(crate) view: View,
    follower: Option<AbortOnDropHandle<()>>,
    _folder: TempDir,
}

/// A house whose view follows a ledger that holds one capture of each list of events.
pub(crate) async fn house(captures: &[&[String]]) -> House {
    let folder = tempfile::tempdir().unwrap();
    let view = View::open(folder.path(), members()).unwrap();
    let view = view.with_patience(Duration::from_millis(200));
    let mut house =
        House { ledger: Arc::new(SmallLedger::new()), view, follower: None, _folder: folder };
    let (view, ledger) = (house.view.clone(), Arc::clone(&house.ledger));
    let follower =
        tokio::spawn(async move { view.follow(&ledger, CancellationToken::new()).await.unwrap() });
    house.follower = Some(AbortOnDropHandle::new(follower));
    for events in captures {
        house.ledger.take(events);
    }
    house.caught_up().await;
    house
}

impl House {
    pub(crate) async fn caught_up(&self) {
        let tip = self.ledger.height().await.unwrap();
        let mut cursor = self.view.watch();
        let reached = cursor.wait_for(|cursor| *cursor >= tip);
        tokio::time::timeout(Duration::from_secs(10), reached).await.unwrap().unwrap();
    }

    pub(crate) async fn trace(&self, thing: &str) -> Trace {
        self.view.trace(&Item::parse(thing).unwrap(), &self.ledger).await.unwrap()
    }

    /// The gap that the ledger's lie about the parcel leaves.
    async fn gap(&self, lie: Lie) -> Gap {
        self.ledger.lie(lie);
        let trace = self.trace(PARCEL).await;
        assert!(!trace.is_complete());
        assert_eq!(trace.checkpoint, None, "an unproven trace names no checkpoint");
        let Completeness::Incomplete { item, gap, detail } = trace.completeness else {
            panic!("{lie:?} was believed")
        };
        assert_eq!(item, PARCEL);
        assert!(!detail.is_empty());
        gap
    }
}

/// Minutes and containers of the steps, which is all there is to tell them apart.
fn minutes(trace: &Trace) -> Vec<(i64, Option<&str>)> {
    let minute = |step: &Step| step.event_time_ms.unwrap() / 60_000 % 60;
    trace.steps.iter().map(|step| (minute(step), step.via.as_deref())).collect()
}

#[tokio::test]
async fn steps_come_by_event_time_whatever_the_order_of_capture() {
    let house = house(&[&[seen(PARCEL, 30), seen(PALLET, 1)], &[seen(PARCEL, 10)]]).await;
    let trace = house.trace(PARCEL).await;
    assert_eq!(trace.completeness, Completeness::Complete);
    assert_eq!(minutes(&trace), [(10, None), (30, None)]);
    assert_eq!(
        (trace.count, trace.steps[0].index, trace.steps[0].leaf),
        (2, LogIndex(2), LeafIndex(0))
    );
    let step = &trace.steps[1];
    assert!(step.event.as_ref().unwrap().contains(PARCEL));
    assert_eq!((step.height.0, step.alert, step.issuer.as_str()), (2, None, "hz-forwarder"));
    assert_eq!(trace.checkpoint.unwrap().height.0, 3);
}

#[tokio::test]
async fn an_item_that_nobody_named_is_proven_to_have_no_history() {
    let house = house(&[&[seen(PALLET, 1)]]).await;
    let trace = house.trace(PARCEL).await;
    assert_eq!(
        (trace.completeness, trace.count, trace.steps.len()),
        (Completeness::Complete, 0, 0)
    );
}

#[tokio::test]
async fn a_ledger_that_hides_adds_or_mixes_up_is_caught() {
    let house = house(&[&[seen(PARCEL, 1)], &[seen(PARCEL, 2)], &[seen(PARCEL, 3)]]).await;
    assert!(house.trace(PARCEL).await.is_complete());
    assert_eq!(house.gap(Lie::CutLast).await, Gap::ProofInvalid);
    assert_eq!(house.gap(Lie::CutLastAndCount).await, Gap::ProofInvalid);
    assert_eq!(house.gap(Lie::Add).await, Gap::ProofInvalid);
    assert_eq!(house.gap(Lie::Miscount).await, Gap::ProofInvalid);
    assert_eq!(house.gap(Lie::OtherTag).await, Gap::ProofInvalid);
    assert_eq!(house.gap(Lie::Mute).await, Gap::NoProof);
    house.ledger.lie(Lie::Mute);
    assert_eq!(house.trace(PARCEL).await.steps.len(), 3, "what the index holds is still shown");
    house.ledger.lie(Lie::None);
    assert!(house.trace(PARCEL).await.is_complete());
}

#[tokio::test]
async fn a_ledger_that_answers_from_the_past_is_caught() {
    let house = house(&[&[seen(PARCEL, 1)], &[seen(PARCEL, 2)]]).await;
    assert_eq!(house.gap(Lie::Old(2)).await, Gap::NoteOld);
    // Not even right after a rebuild, when the index itself is no newer.
    house.view.rebuild().unwrap();
    assert_eq!(house.gap(Lie::Old(1)).await, Gap::NoteOld);
}

#[tokio::test]
async fn a_quorum_that_leaves_an_event_out_of_the_state_is_caught() {
    let house = house(&[&[seen(PARCEL, 1)]]).await;
    house.ledger.hidden.lock().push(Position { index: LogIndex(2), leaf: LeafIndex(0) });
    house.ledger.take(&[seen(PARCEL, 2)]);
    house.caught_up().await;
    assert_eq!(house.gap(Lie::None).await, Gap::PositionsDiffer);
    assert_eq!(house.trace(PARCEL).await.steps.len(), 2);
}

#[tokio::test]
async fn a_quorum_that_signs_two_histories_is_caught() {
    let house = house(&[&[seen(PARCEL, 1)], &[seen(PARCEL, 2)]]).await;
    let other = Arc::new(SmallLedger::new());
    other.take(&[seen(PARCEL, 1)]);
    other.take(&[seen(PALLET, 2)]);
    let trace = house.view.trace(&Item::parse(PARCEL).unwrap(), &other).await.unwrap();
    assert!(matches!(trace.completeness, Completeness::Incomplete { gap: Gap::Forked, .. }));
}

#[tokio::test]
async fn an_index_behind_the_proof_waits_a_while_and_then_says_so() {
    let mut house = house(&[&[seen(PARCEL, 1)]]).await;
    drop(house.follower.take());
    tokio::time::sleep(Duration::from_millis(50)).await;
    house.ledger.take(&[seen(PARCEL, 2)]);
    assert_eq!(house.gap(Lie::None).await, Gap::IndexBehind);

    let (view, ledger) = (house.view.clone(), Arc::clone(&house.ledger));
    let follow = async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        view.follow(&ledger, CancellationToken::new()).await
    };
    tokio::select! {
        trace = house.trace(PARCEL) => assert_eq!((trace.is_complete(), trace.count), (true, 2)),
        end = follow => panic!("{end:?}"),
    }
}

#[tokio::test]
async fn a_container_is_followed_between_loading_and_unloading() {
    let house = house(&[&[
        seen(PALLET, 1),
        bond("ADD", PALLET, &[PARCEL], 10),
        seen(PALLET, 20),
        bond("DELETE", PALLET, &[PARCEL], 30),
        seen(PALLET, 40),
        bond("ADD", PALLET, &[PARCEL], 50),
        seen(PALLET, 55),
    ]])
    .await;
    let trace = house.trace(PARCEL).await;
    assert!(trace.is_complete());
    assert_eq!(trace.count, 3);
    let expected = [(10, None), (20, Some(PALLET)), (30, None), (50, None), (55, Some(PALLET))];
    assert_eq!(minutes(&trace), expected);
    let pallet = house.trace(PALLET).await;
    assert_eq!(pallet.steps.len(), 7, "what lies in it does not take it along");
}

#[tokio::test]
async fn containers_in_containers_are_followed_and_unloading_all_ends_the_stay() {
    let house = house(&[
        &[bond("ADD", PLANE, &[PALLET], 5), bond("ADD", PALLET, &[PARCEL], 10)],
        &[seen(PLANE, 7), seen(PLANE, 20), bond("DELETE", PLANE, &[], 30)],
        &[seen(PLANE, 35), seen(PALLET, 40), bond("DELETE", PALLET, &[], 45), seen(PALLET, 50)],
    ])
    .await;
    let trace = house.trace(PARCEL).await;
    assert_eq!(trace.completeness, Completeness::Complete);
    // The loading into the plane came before the parcel was on the pallet.
    let expected = [(10, None), (20, Some(PLANE)), (40, Some(PALLET))];
    assert_eq!(minutes(&trace), expected);
}

#[tokio::test]
async fn an_unloading_without_a_loading_takes_nothing_of_the_container_along() {
    let unloaded = bond("DELETE", PALLET, &[PARCEL], 30);
    let house = house(&[&[seen(PALLET, 1), unloaded, seen(PALLET, 40)]]).await;
    assert_eq!(minutes(&house.trace(PARCEL).await), [(30, None)]);
}

#[tokio::test]
async fn a_container_whose_history_is_cut_makes_the_trace_incomplete() {
    let house = house(&[&[bond("ADD", PALLET, &[PARCEL], 10)]]).await;
    house.ledger.hidden.lock().push(Position { index: LogIndex(2), leaf: LeafIndex(0) });
    house.ledger.take(&[seen(PALLET, 20)]);
    house.caught_up().await;
    let trace = house.trace(PARCEL).await;
    let Completeness::Incomplete { item, gap, .. } = &trace.completeness else { panic!() };
    assert_eq!((item.as_str(), *gap), (PALLET, Gap::PositionsDiffer));
}

#[tokio::test]
async fn containers_that_contain_each_other_come_to_an_end() {
    let house = house(&[&[
        bond("ADD", PALLET, &[PARCEL], 1),
        bond("ADD", PLANE, &[PALLET], 2),
        bond("ADD", PARCEL, &[PLANE], 3),
        seen(PLANE, 9),
    ]])
    .await;
    let trace = house.trace(PARCEL).await;
    assert_eq!(trace.steps.len(), 4, "each step once");
}

#[tokio::test]
async fn a_closed_step_stays_visible_and_leaves_the_rest_unproven() {
    let mut house = house(&[]).await;
    house.follower = None;
    house.ledger.take(&[seen(PARCEL, 1), seen(PARCEL, 2)]);
    house.ledger.tamper(2, |block| block.entries[0].bodies[1] = None);
    let (view, ledger) = (house.view.clone(), Arc::clone(&house.ledger));
    let follow = async move { view.follow(&ledger, CancellationToken::new()).await };
    let trace = tokio::select! {
        trace = house.trace(PARCEL) => trace,
        end = follow => panic!("{end:?}"),
    };
    assert_eq!(trace.steps.len(), 2);
    assert!(trace.steps.iter().any(|step| step.event.is_none()));
    assert!(matches!(trace.completeness, Completeness::Incomplete { gap: Gap::StepClosed, .. }));
}

#[tokio::test]
async fn bundles_come_verified_and_a_swapped_one_is_refused() {
    let house = house(&[&[seen(PARCEL, 1), seen(PARCEL, 2)]]).await;
    let mut trace = house.trace(PARCEL).await;
    house.view.attach_bundles(&mut trace, &house.ledger).await.unwrap();
    assert!(trace.steps.iter().all(|step| step.bundle.is_some()));

    house.ledger.tamper(2, |block| block.entries[0].bodies.swap(0, 1));
    let error = house.view.attach_bundles(&mut trace, &house.ledger).await.unwrap_err();
    assert!(matches!(error, Error::Misbehaved { .. }), "{error}");
    let unknown = house.view.bundle(&Commitment([1; 32]), &house.ledger).await;
    assert!(matches!(unknown, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn twenty_containers_that_all_contain_each_other_take_no_time() {
    let thing = |n: u32| format!("https://things.example/{n}");
    // Loaded again and again, so that there is always yet another way around.
    let loadings: Vec<String> = (0..20)
        .flat_map(|outer| (0..20).map(move |inner| (outer, inner)))
        .filter(|(outer, inner)| outer != inner)
        .map(|(outer, inner)| bond("ADD", &thing(outer), &[&thing(inner)], (outer + inner) % 60))
        .collect();
    let house = house(&[&loadings]).await;
    let trace = tokio::time::timeout(Duration::from_secs(10), house.trace(&thing(0))).await;
    let trace = trace.expect("it comes to an end");
    assert_eq!(trace.completeness, Completeness::Complete);
    assert!(trace.steps.len() > 300, "{} steps", trace.steps.len());
}

#[tokio::test]
async fn a_closed_step_recorded_after_the_unloading_may_lie_within_the_stay() {
    let mut house = house(&[]).await;
    house.follower = None;
    // Blocks are of nine o'clock, so that the stay is put there too.
    let then = |event: String| event.replace("2026-11-20T08:00", "2026-11-20T09:00");
    let stay = [
        then(bond("ADD", PALLET, &[PARCEL], 0)).replace("00:00.000Z", "00:02.500Z"),
        then(bond("DELETE", PALLET, &[PARCEL], 0)).replace("00:00.000Z", "00:02.700Z"),
    ];
    house.ledger.take(&stay);
    let (view, ledger) = (house.view.clone(), Arc::clone(&house.ledger));
    let follower =
        tokio::spawn(async move { view.follow(&ledger, CancellationToken::new()).await.unwrap() });
    house.follower = Some(AbortOnDropHandle::new(follower));
    house.caught_up().await;
    assert!(house.trace(PARCEL).await.is_complete());

    // Block 3, three seconds after nine: after the unloading.
    house.ledger.take_closed(&[seen(PALLET, 1)]);
    house.caught_up().await;
    let trace = house.trace(PARCEL).await;
    let Completeness::Incomplete { item, gap, .. } = &trace.completeness else { panic!() };
    assert_eq!((item.as_str(), *gap), (PALLET, Gap::StepClosed));
}

#[tokio::test]
async fn a_closed_step_recorded_before_the_loading_is_no_doubt() {
    let house = house(&[]).await;
    house.ledger.take_closed(&[seen(PALLET, 1)]);
    // Blocks are of nine o'clock: by its own word too, the loading came later.
    let loaded = bond("ADD", PALLET, &[PARCEL], 1).replace("T08:01", "T09:01");
    house.ledger.take(&[loaded]);
    house.caught_up().await;
    assert_eq!(house.trace(PARCEL).await.completeness, Completeness::Complete);
}

#[tokio::test]
async fn a_transformation_is_a_step_of_what_went_in_and_of_what_came_out() {
    let body = format!(
        r#""type": "TransformationEvent", "inputEPCList": ["{PARCEL}"],
            "outputEPCList": ["{PALLET}"]"#
    );
    let house = house(&[&[seen(PARCEL, 1), event(&body, 5), seen(PALLET, 9)]]).await;
    assert_eq!(minutes(&house.trace(PARCEL).await), [(1, None), (5, None)]);
    assert_eq!(minutes(&house.trace(PALLET).await), [(5, None), (9, None)]);
}
