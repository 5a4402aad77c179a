//! Sealed histories: who sees what, what a lying ledger or a stranger cannot do, and the pallet.

mod offence;

use envelope::{PartPlan, StorageKey};
use gs1::Item;
use statement::{LeafIndex, LogIndex, verify_bundle};
use tempfile::TempDir;

use super::*;
use crate::journey::tests::{House, PALLET, PARCEL, bond, event, house, seen};
use crate::small_ledger::{Lie, announce, issuer, members, stranger};
use crate::small_seal::{Sealed, seal, secret};
use crate::{Completeness, Gap, Trace, disclosure_bundle};

const JOURNEY: u8 = 1;
const LOADED: u8 = 2;

/// A house in which both secrets were announced, with a member's book.
struct Party {
    house: House,
    book: Book,
    _folder: TempDir,
}

fn book(member: &MemberId) -> (Book, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let book = Book::open(folder.path(), &StorageKey::from_bytes([9; 32]), member.clone()).unwrap();
    (book, folder)
}

async fn party() -> Party {
    let house = house(&[]).await;
    house.ledger.add(vec![
        announce(&issuer(), &secret(JOURNEY), PARCEL),
        announce(&issuer(), &secret(LOADED), PALLET),
    ]);
    house.caught_up().await;
    let (book, folder) = book(&issuer());
    Party { house, book, _folder: folder }
}

impl Party {
    async fn take(&self, sealed: &[&Sealed]) {
        for one in sealed {
            self.house.ledger.add(vec![one.entry()]);
        }
        self.house.caught_up().await;
    }

    fn open(&self, sealed: &[&Sealed]) {
        for one in sealed {
            let parts: Vec<u32> = (0..).take(one.keys.len()).collect();
            one.open(&self.house.view, &self.book, &parts).unwrap();
        }
    }

    async fn trace(&self, thing: &str) -> Trace {
        self.trace_with(&self.book, thing).await
    }

    async fn trace_with(&self, book: &Book, thing: &str) -> Trace {
        let item = Item::parse(thing).unwrap();
        self.house.view.trace_as(book, &item, &self.house.ledger).await.unwrap()
    }
}

/// The first event of the parcel, which hands over the journey's secret.
fn ordered(minute: u32) -> Sealed {
    let journey = secret(JOURNEY);
    let parts = [PartPlan::Rest, PartPlan::Secret { item: PARCEL, secret: &journey }];
    seal(&issuer(), 10, &seen(PARCEL, minute), &[(PARCEL, &journey)], &parts)
}

fn scanned(request: u64, minute: u32) -> Sealed {
    let journey = secret(JOURNEY);
    seal(&issuer(), request, &seen(PARCEL, minute), &[(PARCEL, &journey)], &[PartPlan::Rest])
}

/// A loading or unloading that bears both tags; a loading hands over the pallet's secret.
fn bound(request: u64, action: &str, minute: u32, pallet: &ItemSecret) -> Sealed {
    let journey = secret(JOURNEY);
    let tags = [(PARCEL, &journey), (PALLET, pallet)];
    let parts = [PartPlan::Rest, PartPlan::Secret { item: PALLET, secret: pallet }];
    let parts = if action == "ADD" { &parts[..] } else { &parts[..1] };
    seal(&issuer(), request, &bond(action, PALLET, &[PARCEL], minute), &tags, parts)
}

fn flown(request: u64, minute: u32, pallet: &ItemSecret) -> Sealed {
    seal(&issuer(), request, &seen(PALLET, minute), &[(PALLET, pallet)], &[PartPlan::Rest])
}

fn minutes(trace: &Trace) -> Vec<(i64, Option<&str>)> {
    let minute = |ms: i64| ms / 60_000 % 60;
    let steps = trace.steps.iter();
    steps.map(|step| (step.event_time_ms.map_or(-1, minute), step.via.as_deref())).collect()
}

fn gap(trace: &Trace) -> (Gap, &str) {
    match &trace.completeness {
        Completeness::Incomplete { gap, item, .. } => (*gap, item),
        Completeness::Complete => panic!("it claims to be complete"),
    }
}

#[tokio::test]
async fn a_sealed_event_shows_to_who_opened_it_and_stays_closed_to_others() {
    let party = party().await;
    let first = ordered(1);
    party.take(&[&first]).await;
    party.open(&[&first]);
    let trace = party.trace(PARCEL).await;
    assert_eq!(trace.completeness, Completeness::Complete);
    assert_eq!((trace.count, trace.alerts.len()), (1, 0));
    let step = &trace.steps[0];
    assert_eq!(step.state, StepState::Opened);
    assert_eq!((step.index, step.leaf), (LogIndex(3), LeafIndex(0)));
    assert_eq!(step.sealed_with.as_deref(), Some("x-wing"));
    let json = step.event.as_deref().unwrap();
    assert!(epcis::Event::from_canonical_json(json).is_ok() && json.contains(PARCEL));

    // Who holds the secret and not the event's key sees that there is one, and whose.
    let (other, _folder) = book(&stranger());
    first.open(&party.house.view, &other, &[1]).unwrap();
    let trace = party.trace_with(&other, PARCEL).await;
    let step = &trace.steps[0];
    assert_eq!((step.state, &step.event, &step.sealed_with), (StepState::Closed, &None, &None));
    assert_eq!((&step.issuer, step.commitment), (&issuer(), first.commitment));
    assert_eq!(gap(&trace), (Gap::StepClosed, PARCEL));

    // Who holds nothing sees nothing, and the open history is proven to be empty.
    let trace = party.house.trace(PARCEL).await;
    assert_eq!((trace.completeness, trace.count), (Completeness::Complete, 0));
}

#[tokio::test]
async fn a_keyed_history_from_which_the_ledger_cuts_the_last_event_is_caught() {
    let party = party().await;
    let (first, second, third) = (ordered(1), scanned(11, 2), scanned(12, 3));
    party.take(&[&first, &second, &third]).await;
    party.open(&[&first, &second, &third]);
    assert!(party.trace(PARCEL).await.is_complete());
    let lies = [
        (Lie::CutLast, Gap::ProofInvalid),
        (Lie::CutLastAndCount, Gap::ProofInvalid),
        (Lie::Old(4), Gap::NoteOld),
        (Lie::Mute, Gap::NoProof),
    ];
    for (lie, expected) in lies {
        party.house.ledger.lie(lie);
        let trace = party.trace(PARCEL).await;
        assert_eq!(gap(&trace), (expected, PARCEL), "{lie:?}");
        assert_eq!((trace.steps.len(), trace.checkpoint), (3, None), "{lie:?}");
    }
    party.house.ledger.lie(Lie::None);
    // Nor can a quorum that signs a state in which the last event was never counted.
    let hidden = Position { index: LogIndex(6), leaf: LeafIndex(0) };
    party.house.ledger.hidden.lock().push(hidden);
    let last = scanned(13, 4);
    party.take(&[&last]).await;
    party.open(&[&last]);
    let trace = party.trace(PARCEL).await;
    assert_eq!(gap(&trace), (Gap::PositionsDiffer, PARCEL));
}

#[tokio::test]
async fn a_stranger_who_copies_a_tag_is_reported_and_changes_nothing() {
    let party = party().await;
    let (first, second) = (ordered(1), scanned(11, 2));
    party.take(&[&first, &second]).await;
    party.open(&[&first, &second]);
    let before = party.trace(PARCEL).await;

    // The tag with its mark, the tag with some mark, the open tag, and the whole leaf and body.
    let own = |request| seal(&stranger(), request, &seen(PARCEL, 9), &[], &[PartPlan::Rest]);
    let with_mark = own(21).tagged(first.leaf.tags.clone());
    let with_some = own(22).tagged(vec![(first.leaf.tags[0].0, Some(Mark([0; 16])))]);
    let open_tag = own(23).tagged(vec![(Tag::open(PARCEL), Some(Mark([0; 16])))]);
    party.take(&[&with_mark, &with_some, &open_tag]).await;
    party.house.ledger.add(vec![second.entry_by(&stranger())]);
    party.house.caught_up().await;

    let after = party.trace(PARCEL).await;
    assert_eq!((&after.steps, after.count), (&before.steps, before.count));
    assert_eq!(after.completeness, Completeness::Complete);
    let mut reported: Vec<_> = [&with_mark, &with_some, &open_tag, &second]
        .map(|one| (stranger(), one.commitment, Alert::MarkInvalid))
        .into();
    reported.sort_by_key(|(_, commitment, _)| *commitment);
    let alerts: Vec<_> = after
        .alerts
        .into_iter()
        .map(|alert| (alert.issuer, alert.commitment, alert.reason))
        .collect();
    assert_eq!(alerts, reported);
    let public = party.house.trace(PARCEL).await;
    assert_eq!((public.completeness, public.count), (Completeness::Complete, 0));
    assert_eq!(public.alerts.len(), 1, "the marked leaf under the open tag");
    assert!(party.house.view.sealed_by(&stranger(), &second.commitment).unwrap().is_some());
    let first_bearer = party.house.view.sealed(&second.commitment).unwrap().unwrap();
    assert_eq!(first_bearer.issuer, issuer());
}

#[tokio::test]
async fn a_pallet_is_followed_with_its_secret_and_the_gap_is_named_without() {
    let party = party().await;
    let pallet = secret(LOADED);
    let journey = [ordered(1), bound(11, "ADD", 10, &pallet)];
    let flights = [flown(12, 20, &pallet), flown(13, 30, &pallet)];
    let rest = [bound(14, "DELETE", 40, &pallet), flown(15, 50, &pallet)];
    party.take(&journey.iter().chain(&flights).chain(&rest).collect::<Vec<_>>()).await;
    party.open(&[&journey[0], &journey[1], &flights[0], &flights[1], &rest[0], &rest[1]]);
    let trace = party.trace(PARCEL).await;
    assert_eq!(trace.completeness, Completeness::Complete);
    let on = Some(PALLET);
    assert_eq!(minutes(&trace), [(1, None), (10, None), (20, on), (30, on), (40, None)]);
    assert_eq!(trace.count, 3);
    assert_eq!(minutes(&party.trace(PALLET).await).len(), 5);

    // The seller: reads the loading, and holds no secret of the pallet.
    let (seller, _folder) = book(&stranger());
    journey[0].open(&party.house.view, &seller, &[0, 1]).unwrap();
    journey[1].open(&party.house.view, &seller, &[0]).unwrap();
    rest[0].open(&party.house.view, &seller, &[0]).unwrap();
    let trace = party.trace_with(&seller, PARCEL).await;
    assert_eq!(gap(&trace), (Gap::ContainerClosed, PALLET));
    assert_eq!(minutes(&trace), [(1, None), (10, None), (40, None)]);
    assert!(trace.checkpoint.is_some(), "its own history is proven all the same");
    assert_eq!(trace.alerts, []);
}

#[tokio::test]
async fn an_event_of_the_pallet_that_its_custodian_cannot_read_is_a_gap() {
    let party = party().await;
    let (journey, pallet) = (secret(JOURNEY), secret(LOADED));
    // Blocks are of nine o'clock, so that the loading is put there too.
    let then = |event: String| event.replace("2026-11-20T08:00:00", "2026-11-20T09:00:04");
    let loaded = {
        let tags = [(PARCEL, &journey), (PALLET, &pallet)];
        let parts = [PartPlan::Rest, PartPlan::Secret { item: PALLET, secret: &pallet }];
        seal(&issuer(), 11, &then(bond("ADD", PALLET, &[PARCEL], 0)), &tags, &parts)
    };
    let (first, before) = (ordered(1), flown(12, 20, &pallet));
    party.take(&[&first, &before, &loaded]).await;
    party.open(&[&first, &before, &loaded]);
    assert!(party.trace(PARCEL).await.is_complete());
    party.take(&[&flown(13, 30, &pallet)]).await;
    let trace = party.trace(PARCEL).await;
    assert_eq!(gap(&trace), (Gap::StepClosed, PALLET));
    assert_eq!(trace.steps.iter().filter(|step| step.state == StepState::Closed).count(), 1);
}

#[tokio::test]
async fn another_secret_of_the_same_pallet_leads_nowhere() {
    let party = party().await;
    let (old, new) = (secret(LOADED), secret(3));
    party.house.ledger.add(vec![announce(&issuer(), &new, PALLET)]);
    party.house.caught_up().await;
    // An earlier use of the pallet, of which this member holds the secret, and a later one.
    let other_use = {
        let parts = [PartPlan::Rest, PartPlan::Secret { item: PALLET, secret: &old }];
        seal(&issuer(), 20, &seen(PALLET, 12), &[(PALLET, &old)], &parts)
    };
    let (first, loaded, flight) = (ordered(1), bound(21, "ADD", 10, &new), flown(22, 20, &new));
    party.take(&[&first, &other_use, &loaded, &flight]).await;
    party.open(&[&first, &other_use]);
    loaded.open(&party.house.view, &party.book, &[0]).unwrap();
    let trace = party.trace(PARCEL).await;
    assert_eq!(gap(&trace), (Gap::ContainerClosed, PALLET));
    assert_eq!(minutes(&trace), [(1, None), (10, None)], "the earlier use is not the parcel's");
    let pallet = party.trace(PALLET).await;
    assert_eq!(minutes(&pallet), [(12, None)]);
    assert_eq!(pallet.alerts, [], "nobody is blamed: the secret of the other tag was announced");

    // With the new one, its use is followed, and the earlier one still is not.
    loaded.open(&party.house.view, &party.book, &[1]).unwrap();
    party.open(&[&flight]);
    let trace = party.trace(PARCEL).await;
    assert_eq!(trace.completeness, Completeness::Complete);
    assert_eq!(minutes(&trace), [(1, None), (10, None), (20, Some(PALLET))]);
}

#[tokio::test]
async fn what_stays_closed_of_an_event_is_a_gap_only_if_it_could_hide_a_loading() {
    let party = party().await;
    let journey = secret(JOURNEY);
    let tags = [(PARCEL, &journey)];
    let body = format!(
        r#""type": "ObjectEvent", "action": "OBSERVE", "epcList": ["{PARCEL}"],
            "bizStep": "shipping", "disposition": "in_transit""#
    );
    let private = ["disposition".to_owned()].into();
    let parts = [PartPlan::Rest, PartPlan::Fields(&private)];
    let scanned = seal(&issuer(), 11, &event(&body, 2), &tags, &parts);
    let first = ordered(1);
    party.take(&[&first, &scanned]).await;
    party.open(&[&first]);
    scanned.open(&party.house.view, &party.book, &[0]).unwrap();
    let trace = party.trace(PARCEL).await;
    assert_eq!(trace.completeness, Completeness::Complete);
    assert!(!trace.steps[1].event.as_deref().unwrap().contains("in_transit"));

    let tags = [(PARCEL, &journey), (PALLET, &secret(LOADED))];
    let private = ["parentID".to_owned()].into();
    let parts = [PartPlan::Rest, PartPlan::Fields(&private)];
    let loaded = seal(&issuer(), 12, &bond("ADD", PALLET, &[PARCEL], 3), &tags, &parts);
    party.take(&[&loaded]).await;
    loaded.open(&party.house.view, &party.book, &[0]).unwrap();
    let trace = party.trace(PARCEL).await;
    assert_eq!(gap(&trace), (Gap::StepClosed, PARCEL));
    let step = trace.steps.iter().find(|step| step.commitment == loaded.commitment).unwrap();
    assert_eq!(step.state, StepState::Opened);
    assert!(!step.event.as_deref().unwrap().contains(PALLET));
}

#[tokio::test]
async fn an_unloading_whose_children_stay_closed_is_not_taken_for_one_of_all() {
    let party = party().await;
    let (journey, pallet) = (secret(JOURNEY), secret(LOADED));
    let private = ["childEPCs".to_owned()].into();
    let freed = {
        let (tags, parts) =
            ([(PARCEL, &journey), (PALLET, &pallet)], [PartPlan::Rest, PartPlan::Fields(&private)]);
        seal(&issuer(), 12, &bond("DELETE", PALLET, &[PARCEL], 40), &tags, &parts)
    };
    let (first, loaded) = (ordered(1), bound(11, "ADD", 10, &pallet));
    party.take(&[&first, &loaded, &freed]).await;
    party.open(&[&first, &loaded]);
    freed.open(&party.house.view, &party.book, &[0]).unwrap();
    assert_eq!(gap(&party.trace(PALLET).await), (Gap::StepClosed, PALLET));
    party.open(&[&freed]);
    assert_eq!(party.trace(PALLET).await.completeness, Completeness::Complete);
}

#[tokio::test]
async fn tags_that_do_not_fit_the_opened_event_are_alerts_with_their_issuer() {
    let party = party().await;
    let journey = secret(JOURNEY);
    let first = ordered(1);
    // One bears the parcel's tag and is about something else; one names it and keeps silent.
    let elsewhere = "https://things.example/elsewhere";
    let foreign = bond("ADD", PALLET, &[elsewhere], 2);
    let foreign = seal(&stranger(), 11, &foreign, &[(PARCEL, &journey)], &[PartPlan::Rest]);
    let silent = seal(&stranger(), 12, &seen(PARCEL, 3), &[], &[PartPlan::Rest]);
    party.take(&[&first, &foreign, &silent]).await;
    party.open(&[&first, &foreign, &silent]);
    let trace = party.trace(PARCEL).await;
    assert_eq!(
        trace.completeness,
        Completeness::Complete,
        "what it is not in, it is not followed to"
    );
    let alerts: Vec<_> = trace.steps.iter().map(|step| step.alert).collect();
    assert_eq!(alerts, [None, Some(Alert::TagForeign), Some(Alert::TagMissing)]);
    let raised = |reason, one: &Sealed| TraceAlert {
        issuer: stranger(),
        commitment: one.commitment,
        reason,
    };
    assert!(trace.alerts.contains(&raised(Alert::TagForeign, &foreign)));
    assert!(trace.alerts.contains(&raised(Alert::TagMissing, &silent)));
    let (book, view) = (&party.book, &party.house.view);
    let event = book.event(&silent.commitment).unwrap().unwrap();
    let leaf = view.sealed_by(&stranger(), &silent.commitment).unwrap().unwrap();
    assert!(view.lacks_tag(book, &leaf, &event, PARCEL).unwrap());
    assert!(!view.lacks_tag(book, &leaf, &event, elsewhere).unwrap(), "no secret, no judgement");
}

#[tokio::test]
async fn goods_are_found_under_the_secret_of_the_parcel_that_they_lie_in() {
    let party = party().await;
    let (journey, good) = (secret(JOURNEY), "https://things.example/good");
    let tags = [(PARCEL, &journey), (good, &journey)];
    let packed = bond("ADD", PARCEL, &[good], 2);
    let packed = seal(&issuer(), 11, &packed, &tags, &[PartPlan::Rest]);
    let (first, later) = (ordered(1), scanned(12, 5));
    party.take(&[&first, &packed, &later]).await;
    party.open(&[&first, &packed, &later]);
    let trace = party.trace(good).await;
    assert_eq!(trace.completeness, Completeness::Complete);
    assert_eq!(minutes(&trace), [(2, None), (5, Some(PARCEL))]);
}

#[tokio::test]
async fn every_step_can_be_verified_offline_with_what_its_holder_may_show() {
    let party = party().await;
    let (first, second) = (ordered(1), scanned(11, 2));
    party.take(&[&first, &second]).await;
    party.open(&[&first]);
    // The second body is erased after this view has followed it.
    let erased = |block: &mut crate::Block| block.entries[0].bodies[0] = None;
    party.house.ledger.tamper(4, erased);
    let mut trace = party.trace(PARCEL).await;
    party.house.view.attach_bundles(&mut trace, &party.house.ledger).await.unwrap();
    let verified: Vec<_> = trace
        .steps
        .iter()
        .map(|step| verify_bundle(step.bundle.as_ref().unwrap(), &members()).unwrap())
        .collect();
    // What cannot be read stands at its block's time, which is of nine o'clock.
    let opened = &verified[0];
    assert_eq!(opened.sealed.as_ref(), Some(&first.body));
    assert!(opened.event_json.is_none() && opened.fields.is_empty());
    assert_eq!((verified[1].commitment, &verified[1].sealed), (second.commitment, &None));

    // A stranger checks what the holder shows of it, and nothing more.
    let bundle = trace.steps[0].bundle.clone().unwrap();
    let event = party.book.event(&first.commitment).unwrap().unwrap();
    let shown = disclosure_bundle(&bundle, &event).unwrap();
    let shown = verify_bundle(&shown, &members()).unwrap();
    assert_eq!((shown.commitment, shown.issuer), (first.commitment, issuer()));
    assert!(shown.fields.iter().any(|(name, value)| name == "epcList" && value.contains(PARCEL)));
    let less = disclosure_bundle(&bundle, &event.only(|name| name == "type")).unwrap();
    let less = verify_bundle(&less, &members()).unwrap();
    assert_eq!(less.fields, [("type".to_owned(), "\"ObjectEvent\"".to_owned())]);
    let nothing = disclosure_bundle(&bundle, &event.only(|_| false)).unwrap_err();
    assert!(matches!(nothing, Error::NotFound { .. }), "{nothing}");
    let other = trace.steps[1].bundle.as_ref().unwrap();
    let wrong = disclosure_bundle(other, &event).unwrap_err();
    assert!(matches!(wrong, Error::WrongBundle { .. }), "{wrong}");
    // A value that the holder has changed does not lead to the commitment.
    let mut forged = event;
    forged.disclosure.as_mut().unwrap().opened[0].value = "\"DELETE\"".into();
    let forged = disclosure_bundle(&bundle, &forged).unwrap();
    assert!(verify_bundle(&forged, &members()).is_err());
}
