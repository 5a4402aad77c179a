//! Following: what is verified, what is kept, what is taken up again.

use bytes::Bytes;
use statement::{Header, LogIndex, RequestId, SigningKey, Tag};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::*;
use crate::small_ledger::{self, SmallLedger, capture, capture_with, members, members_of};
use crate::{Alert, Completeness, Entry};

const THING: &str = "https://things.example/1";

fn observed(thing: &str, minute: u32) -> String {
    format!(
        r#"{{"type": "ObjectEvent", "eventTime": "2026-11-20T08:{minute:02}:00.000Z",
            "eventTimeZoneOffset": "+08:00", "action": "OBSERVE", "epcList": ["{thing}"],
            "eventID": "urn:uuid:0d0bd3d3-4b3f-4a39-9f5e-{minute:012}"}}"#
    )
}

struct House {
    ledger: Arc<SmallLedger>,
    view: View,
    folder: TempDir,
}

fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let view = View::open(folder.path(), members()).unwrap();
    let view = view.with_patience(Duration::from_millis(200));
    House { ledger: Arc::new(SmallLedger::new()), view, folder }
}

impl House {
    fn follow(&self) -> (JoinHandle<Result<(), Error>>, CancellationToken) {
        let stop = CancellationToken::new();
        let (view, ledger) = (self.view.clone(), Arc::clone(&self.ledger));
        let child = stop.clone();
        (tokio::spawn(async move { view.follow(&ledger, child).await }), stop)
    }

    async fn reach(&self, height: u64) {
        let mut cursor = self.view.watch();
        let reached = cursor.wait_for(|cursor| cursor.0 >= height);
        tokio::time::timeout(Duration::from_secs(10), reached).await.unwrap().unwrap();
    }

    /// What following ends with, when it must end with an error.
    async fn fault(&self) -> Error {
        let (follower, _stop) = self.follow();
        let end = tokio::time::timeout(Duration::from_secs(10), follower).await.unwrap().unwrap();
        end.unwrap_err()
    }

    async fn is_complete(&self, thing: &str) -> bool {
        let item = gs1::Item::parse(thing).unwrap();
        self.view.trace(&item, &self.ledger).await.unwrap().is_complete()
    }
}

#[tokio::test]
async fn a_view_follows_from_genesis_and_on_as_blocks_come() {
    let house = house();
    house.ledger.take(&[observed(THING, 1)]);
    let (follower, stop) = house.follow();
    house.reach(2).await;
    house.ledger.take(&[observed(THING, 2), observed(THING, 3)]);
    house.reach(3).await;
    assert!(house.is_complete(THING).await);
    stop.cancel();
    follower.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_view_takes_up_where_it_was_left() {
    let mut house = house();
    house.ledger.take(&[observed(THING, 1)]);
    let (follower, stop) = house.follow();
    house.reach(2).await;
    stop.cancel();
    follower.await.unwrap().unwrap();
    house.view = {
        let folder = house.folder.path().to_owned();
        drop(house.view);
        View::open(&folder, members()).unwrap().with_patience(Duration::from_millis(200))
    };
    assert_eq!(house.view.cursor(), Height(2));
    // Not asked for again: a block that changed since would be refused.
    house.ledger.tamper(2, |block| block.header = Bytes::new());
    house.ledger.take(&[observed(THING, 2)]);
    let (_follower, _stop) = house.follow();
    house.reach(3).await;
    assert!(house.is_complete(THING).await);
}

#[tokio::test]
async fn a_rebuilt_view_is_the_same_and_its_follower_starts_again_by_itself() {
    let house = house();
    for minute in 1..5 {
        house.ledger.take(&[observed(THING, minute)]);
    }
    let (_follower, _stop) = house.follow();
    house.reach(5).await;
    let item = gs1::Item::parse(THING).unwrap();
    let before = house.view.trace(&item, &house.ledger).await.unwrap();
    house.view.rebuild().unwrap();
    house.reach(5).await;
    let after = house.view.trace(&item, &house.ledger).await.unwrap();
    assert_eq!((after.steps, after.completeness), (before.steps, before.completeness));
    assert_eq!(after.checkpoint, before.checkpoint);
}

#[tokio::test]
async fn half_emptied_is_empty_when_opened_again() {
    let house = house();
    house.ledger.take(&[observed(THING, 1)]);
    let (follower, stop) = house.follow();
    house.reach(2).await;
    stop.cancel();
    follower.await.unwrap().unwrap();
    let start = Cursor::start(&members(), Height(2));
    house.view.inner.index.begin_emptying(&start).unwrap();
    let House { view, folder, .. } = house;
    drop(view);
    let view = View::open(folder.path(), members()).unwrap();
    assert_eq!((view.cursor(), view.seen()), (Height(0), Height(2)));
    let all = statement::LogSize(u64::MAX);
    let (_, left) = view.inner.index.history(&Tag::open(THING), None, all).unwrap();
    assert_eq!(left, []);
}

#[tokio::test]
async fn the_index_of_other_members_is_not_taken() {
    let house = house();
    house.ledger.take(&[observed(THING, 1)]);
    let (follower, stop) = house.follow();
    house.reach(2).await;
    stop.cancel();
    follower.await.unwrap().unwrap();
    let House { view, folder, .. } = house;
    drop(view);
    let error = View::open(folder.path(), members_of("other")).unwrap_err();
    assert!(matches!(error, Error::WrongIndex { .. }), "{error}");
}

#[tokio::test]
async fn the_index_of_another_edition_is_not_taken_and_the_error_says_what_to_do() {
    let house = house();
    let (follower, stop) = house.follow();
    house.reach(1).await;
    stop.cancel();
    follower.await.unwrap().unwrap();
    house.view.inner.index.age();
    let House { view, folder, .. } = house;
    drop(view);
    let error = View::open(folder.path(), members()).unwrap_err();
    assert!(matches!(error, Error::WrongIndex { .. }), "{error}");
    let words = error.to_string();
    assert!(words.contains("another edition") && words.contains("rebuild"), "{words}");
}

#[tokio::test]
async fn the_first_bearer_of_an_event_id_is_known() {
    let house = house();
    house.ledger.take(&[observed(THING, 1), observed("https://things.example/2", 1)]);
    house.ledger.take(&[observed(THING, 1), observed(THING, 2)]);
    let (_follower, _stop) = house.follow();
    house.reach(3).await;
    let first = |block: u64, leaf: usize| {
        let entry = house.ledger.block(block).entries[0].leaves[leaf].clone();
        statement::Leaf::decode(&entry).unwrap().commitment
    };
    let id = |minute: u32| format!("urn:uuid:0d0bd3d3-4b3f-4a39-9f5e-{minute:012}");
    assert_eq!(house.view.first_bearer(&id(1)).unwrap(), Some(first(2, 0)));
    assert_eq!(house.view.first_bearer(&id(2)).unwrap(), Some(first(3, 1)));
    assert_eq!(house.view.first_bearer(&id(3)).unwrap(), None);
}

#[tokio::test]
async fn a_block_that_was_changed_in_any_part_is_refused() {
    type Change = fn(&mut Block);
    fn header(block: &mut Block, change: impl FnOnce(&mut Header)) {
        let mut header = Header::decode(&block.header).unwrap();
        change(&mut header);
        block.header = Bytes::from(header.encode());
    }
    const OTHER: Digest = [9; 32];
    let changes: [(&str, Change); 12] = [
        ("malformed", |block| block.header = block.header.slice(1..)),
        ("another consortium", |block| {
            header(block, |header| header.consortium = "other".parse().unwrap());
        }),
        ("not the next one", |block| header(block, |header| header.height = Height(7))),
        ("does not follow", |block| header(block, |header| header.parent = OTHER)),
        ("time does not increase", |block| header(block, |header| header.time_ms = 1)),
        ("not the pinned ones", |block| header(block, |header| header.members = OTHER)),
        ("contents are not", |block| header(block, |header| header.contents = OTHER)),
        ("contents are not", |block| drop(block.entries[0].leaves.pop())),
        ("not the header's size", |block| {
            header(block, |header| header.log_size = statement::LogSize(9));
        }),
        ("not the header's root", |block| header(block, |header| header.log_root = OTHER)),
        ("place in the log", |block| block.entries[0].index = LogIndex(0)),
        ("not one body to each leaf", |block| drop(block.entries[0].bodies.pop())),
    ];
    for (complaint, change) in changes {
        let house = house();
        house.ledger.take(&[observed(THING, 1)]);
        house.ledger.tamper(2, change);
        let error = house.fault().await;
        let Error::Misbehaved { height, what } = &error else { panic!("{error}") };
        assert_eq!(*height, Height(2));
        assert!(what.contains(complaint), "{what} instead of {complaint}");
        assert_eq!(house.view.cursor(), Height(1), "it stays at the last good block");
    }
}

#[tokio::test]
async fn a_body_in_place_of_another_is_refused() {
    let house = house();
    house.ledger.take(&[observed(THING, 1), observed(THING, 2)]);
    house.ledger.tamper(2, |block| block.entries[0].bodies.swap(0, 1));
    let error = house.fault().await;
    assert!(error.to_string().contains("not the one of its leaf"), "{error}");
}

#[tokio::test]
async fn what_a_stranger_signed_is_refused_though_a_quorum_let_it_pass() {
    let house = house();
    let entry = capture(7, &[observed(THING, 1)]);
    house.ledger.add(vec![small_ledger::sign_again(&entry, &SigningKey::from_bytes([8; 32]))]);
    assert!(matches!(house.fault().await, Error::Misbehaved { height: Height(2), .. }));
}

#[tokio::test]
async fn leaves_of_another_capture_are_refused_though_a_quorum_let_them_pass() {
    let house = house();
    let mut entry = capture(7, &[observed(THING, 1)]);
    let other = capture(8, &[observed(THING, 2)]);
    (entry.leaves, entry.bodies) = (other.leaves, other.bodies);
    house.ledger.add(vec![entry]);
    let error = house.fault().await;
    assert!(error.to_string().contains("leaves are not the capture's"), "{error}");
}

#[tokio::test]
async fn a_bad_event_raises_an_alert_and_does_not_stop_the_view() {
    let house = house();
    // Its leaf bears the tag of a thing that the event does not name.
    house.ledger.add(vec![capture_with(7, &[observed(THING, 1)], |_, _| {
        vec![Tag::open("https://things.example/2")]
    })]);
    // A body that is not what the leaf commits to, and one that holds no event.
    let good = capture(8, &[observed(THING, 2), observed(THING, 3)]);
    let mut leaves = Vec::new();
    let mut bodies = Vec::new();
    for (leaf, json) in good.leaves.iter().zip([r#"{"a":"b"}"#, "no object"]) {
        let old = statement::Leaf::decode(leaf).unwrap();
        let seed = statement::Seed::from_bytes([5; 32]);
        let body = statement::OpenBody { seed, json: json.into() }.encode();
        let digest = statement::body_digest(&body);
        let leaf = statement::Leaf::new(old.commitment, digest, old.tags).unwrap();
        leaves.push(Bytes::from(leaf.encode()));
        bodies.push(Some(Bytes::from(body)));
    }
    house.ledger.add(vec![small_ledger::sign(RequestId([8; 16]), leaves, bodies)]);
    let (_follower, _stop) = house.follow();
    house.reach(3).await;

    let wrong = gs1::Item::parse("https://things.example/2").unwrap();
    let trace = house.view.trace(&wrong, &house.ledger).await.unwrap();
    assert_eq!(trace.steps[0].alert, Some(Alert::TagsMismatch));
    let thing = gs1::Item::parse(THING).unwrap();
    let trace = house.view.trace(&thing, &house.ledger).await.unwrap();
    let alerts: Vec<_> = trace.steps.iter().map(|step| step.alert.unwrap()).collect();
    // The first names the thing, though its leaf keeps silent about it.
    let expected = [Alert::TagsMismatch, Alert::CommitmentMismatch, Alert::BodyMalformed];
    assert_eq!(alerts, expected);
    assert!(trace.steps[1..].iter().all(|step| step.event.is_none()), "shown as closed");
    assert!(matches!(trace.completeness, Completeness::Incomplete { .. }));
}

#[tokio::test]
async fn a_member_may_renew_its_key_and_its_bundles_hold_before_and_after() {
    let house = house();
    house.ledger.take(&[observed(THING, 1)]);
    let new_key = SigningKey::from_bytes([6; 32]);
    house.ledger.renew_key(&new_key);
    let (_follower, _stop) = house.follow();
    house.reach(3).await;
    house.ledger.take(&[observed(THING, 2)]);
    let late = tokio::time::timeout(Duration::from_millis(300), house.reach(4)).await;
    assert!(late.is_err(), "the old key signs no more");

    let house = self::house();
    house.ledger.take(&[observed(THING, 1)]);
    house.ledger.renew_key(&new_key);
    let entry = small_ledger::sign_again(&capture(9, &[observed(THING, 2)]), &new_key);
    house.ledger.add(vec![entry]);
    let (_follower, _stop) = house.follow();
    house.reach(4).await;
    let item = gs1::Item::parse(THING).unwrap();
    let mut trace = house.view.trace(&item, &house.ledger).await.unwrap();
    assert!(trace.is_complete());
    house.view.attach_bundles(&mut trace, &house.ledger).await.unwrap();
    assert_eq!(trace.steps.len(), 2);
}

#[tokio::test]
async fn the_small_ledger_keeps_the_contract_of_an_archive() {
    let house = house();
    house.ledger.take(&[observed(THING, 1)]);
    house.ledger.take(&[observed(THING, 2)]);
    crate::suite::holds(&house.ledger, &members()).await;
}

#[tokio::test]
async fn a_leaf_that_keeps_silent_about_an_item_makes_its_trace_incomplete() {
    let house = house();
    house.ledger.take(&[observed(THING, 1)]);
    house.ledger.add(vec![capture_with(7, &[observed(THING, 2)], |_, _| Vec::new())]);
    let (_follower, _stop) = house.follow();
    house.reach(3).await;
    let thing = gs1::Item::parse(THING).unwrap();
    let trace = house.view.trace(&thing, &house.ledger).await.unwrap();
    assert_eq!(trace.steps.len(), 2, "the gateway has read it");
    assert!(!trace.is_complete());
}

#[tokio::test]
async fn what_came_after_its_last_height_is_refused_though_a_quorum_let_it_pass() {
    for (last_height, passes) in [(Height(2), true), (Height(1), false)] {
        let house = house();
        let Entry { leaves, bodies, .. } = capture(7, &[observed(THING, 1)]);
        let late = small_ledger::sign_until(last_height, RequestId([7; 16]), leaves, bodies);
        house.ledger.add(vec![late]);
        if passes {
            let (_follower, _stop) = house.follow();
            house.reach(2).await;
        } else {
            let error = house.fault().await;
            assert!(error.to_string().contains("after its last height"), "{error}");
        }
    }
    let house = house();
    house.ledger.renew_key_until(Height(1), &SigningKey::from_bytes([6; 32]));
    let error = house.fault().await;
    assert!(error.to_string().contains("after its last height"), "{error}");
}

#[tokio::test]
async fn a_follower_outlives_everything_but_lies_and_its_own_index() {
    let house = house();
    house.ledger.take(&[observed(THING, 1)]);
    let refused = |reason: &str| Error::Refused {
        reason: reason.into(),
        message: "once".into(),
        field: None,
    };
    *house.ledger.hiccups.lock() = vec![
        None,
        Some(refused("ANSWER_MALFORMED")),
        Some(refused("INTERNAL")),
        Some(Error::NotFound { what: "it".into() }),
        Some(Error::Unavailable { message: "once".into() }),
    ];
    let (follower, stop) = house.follow();
    house.reach(2).await;
    assert!(house.ledger.hiccups.lock().is_empty());
    stop.cancel();
    follower.await.unwrap().unwrap();
}

#[tokio::test]
async fn bundles_are_given_while_the_index_is_busy() {
    let house = house();
    house.ledger.take(&[observed(THING, 1)]);
    let (follower, stop) = house.follow();
    house.reach(2).await;
    stop.cancel();
    follower.await.unwrap().unwrap();
    let leaf = house.ledger.block(2).entries[0].leaves[0].clone();
    let commitment = statement::Leaf::decode(&leaf).unwrap().commitment;
    let view = house.view.clone();
    let (held, holds) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel();
    let busy = std::thread::spawn(move || {
        let _state = view.inner.state.lock();
        held.send(()).unwrap();
        // On a deadline, so that a bundle that waits for the lock fails instead of hanging.
        released.recv_timeout(Duration::from_secs(5)).is_ok()
    });
    holds.recv().unwrap();
    house.view.bundle(&commitment, &house.ledger).await.unwrap();
    release.send(()).ok();
    assert!(busy.join().unwrap(), "the bundle came before the lock was given back");
}

#[tokio::test]
async fn an_index_that_is_emptied_under_a_trace_is_behind_and_the_ledger_not_to_blame() {
    let house = house();
    house.ledger.take(&[observed(THING, 1)]);
    let (follower, stop) = house.follow();
    house.reach(2).await;
    stop.cancel();
    follower.await.unwrap().unwrap();
    // As it stands between two steps of a trace: the rows are gone, the height is not yet told.
    house.view.inner.index.empty(&Cursor::start(&members(), Height(2))).unwrap();
    let item = gs1::Item::parse(THING).unwrap();
    let trace = house.view.trace(&item, &house.ledger).await.unwrap();
    let Completeness::Incomplete { gap, .. } = trace.completeness else { panic!("complete") };
    assert_eq!(gap, crate::Gap::IndexBehind);
}
