//! What strangers and parties try against a keyed trace, and what it shows of that.

use super::*;
use crate::small_ledger::announce_after;
use crate::small_seal::open_by;

const PLANE: &str = "https://things.example/plane";

/// A party that has opened a parcel's journey on a pallet, from minute 1 to 50.
async fn travelled() -> (Party, Trace) {
    let party = party().await;
    let pallet = secret(LOADED);
    let all = [
        ordered(1),
        bound(11, "ADD", 10, &pallet),
        flown(12, 20, &pallet),
        flown(13, 30, &pallet),
        bound(14, "DELETE", 40, &pallet),
        flown(15, 50, &pallet),
    ];
    let all: Vec<&Sealed> = all.iter().collect();
    party.take(&all).await;
    party.open(&all);
    let trace = party.trace(PARCEL).await;
    let on = Some(PALLET);
    assert_eq!(minutes(&trace), [(1, None), (10, None), (20, on), (30, on), (40, None)]);
    assert_eq!((&trace.completeness, trace.alerts.len()), (&Completeness::Complete, 0));
    (party, trace)
}

/// Who signed which commitment, and why it is an alert.
fn raised(trace: &Trace) -> Vec<(MemberId, Commitment, &'static str)> {
    let alerts = trace.alerts.iter();
    alerts.map(|one| (one.issuer.clone(), one.commitment, one.reason.reason())).collect()
}

/// The opened steps, which are the parties' own.
fn opened(trace: &Trace) -> Vec<&crate::Step> {
    trace.steps.iter().filter(|step| step.state == StepState::Opened).collect()
}

#[tokio::test]
async fn an_open_bond_of_a_stranger_neither_starts_nor_ends_nor_bounds_a_keyed_stay() {
    let (party, before) = travelled().await;
    let tries = [
        // All out of the pallet, the parcel out of it, and the pallet and the parcel onto others.
        bond("DELETE", PALLET, &[], 11),
        bond("DELETE", PALLET, &[PARCEL], 12),
        bond("ADD", PLANE, &[PALLET], 13),
        bond("ADD", PLANE, &[PARCEL], 14),
    ];
    let mut expected = Vec::new();
    for (event, request) in tries.iter().zip(21..) {
        let (commitment, entry) = open_by(&stranger(), request, event);
        party.house.ledger.add(vec![entry]);
        expected.push((stranger(), commitment, "OPEN_BOND"));
    }
    // What nobody can read any more could not have counted either.
    let (_, mut unread) = open_by(&stranger(), 30, &bond("DELETE", PALLET, &[PARCEL], 15));
    unread.bodies.fill(None);
    let (_, elsewhere) = open_by(&stranger(), 31, &seen(PLANE, 16));
    party.house.ledger.add(vec![unread, elsewhere]);
    party.house.caught_up().await;

    let after = party.trace(PARCEL).await;
    assert_eq!(opened(&after), opened(&before));
    assert_eq!(after.completeness, Completeness::Complete);
    assert!(minutes(&after).iter().all(|(_, via)| *via != Some(PLANE)));
    expected.sort_by_key(|(_, commitment, _)| *commitment);
    assert_eq!(raised(&after), expected);
    // To whoever knows the parcel by its open tag alone, an open loading says all there is.
    let public = party.house.trace(PARCEL).await;
    assert!(minutes(&public).contains(&(16, Some(PLANE))));
    assert_eq!(public.alerts, []);
}

#[tokio::test]
async fn a_sealed_unloading_that_bears_no_tag_of_the_parcel_ends_no_stay() {
    let (party, before) = travelled().await;
    let pallet = secret(LOADED);
    let unloading = bond("DELETE", PALLET, &[PARCEL], 11);
    let bare = seal(&stranger(), 21, &unloading, &[], &[PartPlan::Rest]);
    // Who holds the pallet's secret, and not the parcel's, can say nothing of the parcel.
    let with_pallet = [(PALLET, &pallet)];
    let half = seal(&stranger(), 22, &unloading, &with_pallet, &[PartPlan::Rest]);
    party.take(&[&bare, &half]).await;
    party.open(&[&bare, &half]);
    let after = party.trace(PARCEL).await;
    let own: Vec<_> = opened(&after).into_iter().filter(|step| step.issuer == issuer()).collect();
    assert_eq!(own, opened(&before));
    assert_eq!(after.completeness, Completeness::Complete);
    assert!(raised(&after).contains(&(stranger(), bare.commitment, "TAG_MISSING")));
}

#[tokio::test]
async fn a_stay_ends_under_a_later_secret_of_the_item_and_never_under_an_earlier() {
    let party = party().await;
    let (old, new, pallet) = (secret(JOURNEY), secret(5), secret(LOADED));
    party.house.ledger.add(vec![announce_after(&issuer(), &new, PARCEL, Some(&old))]);
    party.house.caught_up().await;
    let under = |request, action, minute, journey: &ItemSecret| {
        let tags = [(PARCEL, journey), (PALLET, &pallet)];
        let parts = [PartPlan::Rest, PartPlan::Secret { item: PALLET, secret: &pallet }];
        seal(&issuer(), request, &bond(action, PALLET, &[PARCEL], minute), &tags, &parts)
    };
    let first = ordered(1);
    let handed = {
        let parts = [PartPlan::Rest, PartPlan::Secret { item: PARCEL, secret: &new }];
        seal(&issuer(), 11, &seen(PARCEL, 5), &[(PARCEL, &new)], &parts)
    };
    let (loaded, flight) = (under(12, "ADD", 10, &new), flown(13, 20, &pallet));
    let stale = under(14, "DELETE", 15, &old);
    party.take(&[&first, &handed, &loaded, &flight, &stale]).await;
    party.open(&[&first, &handed, &loaded, &flight, &stale]);
    let on = Some(PALLET);
    let expected = [(1, None), (5, None), (10, None), (15, None), (20, on)];
    assert_eq!(minutes(&party.trace(PARCEL).await), expected);
    let freed = under(15, "DELETE", 16, &new);
    party.take(&[&freed]).await;
    party.open(&[&freed]);
    let expected = [(1, None), (5, None), (10, None), (15, None), (16, None)];
    assert_eq!(minutes(&party.trace(PARCEL).await), expected);
}

#[tokio::test]
async fn a_secret_of_a_stranger_for_the_parties_parcel_is_kept_aside_and_named() {
    let (party, before) = travelled().await;
    let (own, next) = (secret(7), secret(8));
    party.house.ledger.add(vec![
        announce(&stranger(), &own, PARCEL),
        announce_after(&stranger(), &next, PARCEL, Some(&own)),
    ]);
    party.house.caught_up().await;
    let hand = |request, secret: &ItemSecret| {
        let parts = [PartPlan::Rest, PartPlan::Secret { item: PARCEL, secret }];
        seal(&stranger(), request, &seen(PARCEL, 2), &[(PARCEL, secret)], &parts)
    };
    let (handed, succeeded) = (hand(21, &own), hand(22, &next));
    let unloading = bond("DELETE", PALLET, &[PARCEL], 11);
    let unloading = seal(&stranger(), 23, &unloading, &[(PARCEL, &own)], &[PartPlan::Rest]);
    let closed = seal(&stranger(), 24, &seen(PARCEL, 3), &[(PARCEL, &own)], &[PartPlan::Rest]);
    party.take(&[&handed, &succeeded, &unloading, &closed]).await;
    party.open(&[&handed, &succeeded, &unloading]);

    let after = party.trace(PARCEL).await;
    assert_eq!((&after.steps, after.count), (&before.steps, before.count));
    assert_eq!(after.completeness, Completeness::Complete);
    let foreign = |one: &Sealed| (stranger(), one.commitment, "SECRET_FOREIGN");
    let mut expected = vec![foreign(&handed), foreign(&succeeded)];
    expected.sort_by_key(|(_, commitment, _)| *commitment);
    assert_eq!(raised(&after), expected);
    let (view, book) = (&party.house.view, &party.book);
    assert!(view.is_foreign(book, PARCEL, &own.id()).unwrap());
    assert!(view.is_foreign(book, PARCEL, &next.id()).unwrap());
    assert!(!view.is_foreign(book, PARCEL, &secret(JOURNEY).id()).unwrap());
}

#[tokio::test]
async fn a_secret_counts_that_takes_over_from_the_items_own_through_one_that_is_not_held() {
    let party = party().await;
    let (first, between, last, beside) = (ordered(1), secret(5), secret(6), secret(7));
    party.house.ledger.add(vec![
        announce_after(&issuer(), &between, PARCEL, Some(&secret(JOURNEY))),
        announce_after(&issuer(), &last, PARCEL, Some(&between)),
        // By the same member, and it takes over from nothing.
        announce(&issuer(), &beside, PARCEL),
    ]);
    party.house.caught_up().await;
    let hand = |request, minute, secret: &ItemSecret| {
        let parts = [PartPlan::Rest, PartPlan::Secret { item: PARCEL, secret }];
        seal(&issuer(), request, &seen(PARCEL, minute), &[(PARCEL, secret)], &parts)
    };
    let (handed, aside) = (hand(11, 2, &last), hand(12, 3, &beside));
    party.take(&[&first, &handed, &aside]).await;
    party.open(&[&first, &handed, &aside]);
    let trace = party.trace(PARCEL).await;
    assert_eq!(minutes(&trace), [(1, None), (2, None)]);
    assert_eq!(raised(&trace), [(issuer(), aside.commitment, "SECRET_FOREIGN")]);
}

#[tokio::test]
async fn a_pallet_is_followed_under_the_secret_of_who_loaded_it_whatever_others_hand_over() {
    let party = party().await;
    let (pallet, own) = (secret(3), secret(4));
    // A stranger's comes first in the record; the loader's is the one of the loading.
    party.house.ledger.add(vec![announce(&stranger(), &own, PALLET)]);
    party.house.ledger.add(vec![announce(&issuer(), &pallet, PALLET)]);
    party.house.caught_up().await;
    let parts = [PartPlan::Rest, PartPlan::Secret { item: PALLET, secret: &own }];
    let handed = seal(&stranger(), 20, &seen(PALLET, 12), &[(PALLET, &own)], &parts);
    let (first, loaded, flight) =
        (ordered(1), bound(21, "ADD", 10, &pallet), flown(22, 20, &pallet));
    party.take(&[&handed, &first, &loaded, &flight]).await;
    party.open(&[&handed, &first, &loaded, &flight]);
    let trace = party.trace(PARCEL).await;
    assert_eq!(trace.completeness, Completeness::Complete);
    assert_eq!(minutes(&trace), [(1, None), (10, None), (20, Some(PALLET))]);
}

#[tokio::test]
async fn a_loading_dated_ahead_hides_nothing_and_is_an_alert() {
    let party = party().await;
    let (journey, pallet) = (secret(JOURNEY), secret(LOADED));
    let loaded = |event: String| {
        let tags = [(PARCEL, &journey), (PALLET, &pallet)];
        let parts = [PartPlan::Rest, PartPlan::Secret { item: PALLET, secret: &pallet }];
        seal(&issuer(), 11, &event, &tags, &parts)
    };
    let ahead = bond("ADD", PALLET, &[PARCEL], 0).replace("2026-11-20", "2026-11-21");
    let (first, loaded) = (ordered(1), loaded(ahead));
    let flight = seen(PALLET, 1).replace("T08:01", "T09:01");
    let flight = seal(&issuer(), 12, &flight, &[(PALLET, &pallet)], &[PartPlan::Rest]);
    party.take(&[&first, &loaded, &flight]).await;
    party.open(&[&first, &loaded, &flight]);
    let trace = party.trace(PARCEL).await;
    let steps: Vec<_> = trace.steps.iter().map(|step| step.commitment).collect();
    assert_eq!(steps, [first.commitment, loaded.commitment, flight.commitment]);
    assert_eq!(trace.steps[2].via.as_deref(), Some(PALLET));
    assert_eq!(raised(&trace), [(issuer(), loaded.commitment, "TIME_AHEAD")]);
    assert_eq!(trace.completeness, Completeness::Complete);
    // What its custodian cannot read, recorded after the loading, may lie within the stay.
    party.take(&[&flown(13, 30, &pallet)]).await;
    assert_eq!(gap(&party.trace(PARCEL).await), (Gap::StepClosed, PALLET));
}

#[tokio::test]
async fn a_closed_event_recorded_after_a_loading_is_a_gap_whatever_the_loadings_clock_says() {
    let party = party().await;
    let (journey, pallet) = (secret(JOURNEY), secret(LOADED));
    // Nine minutes ahead of its block: no alert yet.
    let event = bond("ADD", PALLET, &[PARCEL], 9).replace("T08:09", "T09:09");
    let tags = [(PARCEL, &journey), (PALLET, &pallet)];
    let parts = [PartPlan::Rest, PartPlan::Secret { item: PALLET, secret: &pallet }];
    let (first, loaded) = (ordered(1), seal(&issuer(), 11, &event, &tags, &parts));
    party.take(&[&first, &loaded, &flown(13, 30, &pallet)]).await;
    party.open(&[&first, &loaded]);
    let trace = party.trace(PARCEL).await;
    assert_eq!(gap(&trace), (Gap::StepClosed, PALLET));
    assert_eq!(trace.alerts, []);
}
