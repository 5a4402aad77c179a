//! The contract of [`Recorder`], as tests that every implementation must pass.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a suite reports by panicking")]

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use party::{ConsortiumId, MemberId};
use statement::{Height, ItemSecret, Leaf, RequestId};

use crate::capturer::{Issuer, prepare};
use crate::closed::Closed;
use crate::event_ids::EventIds;
use crate::signed::Stated;
use crate::{Error, Keys, PartPolicy, Recorder, Submission, ToSeal};

/// How many blocks the suite's statements may wait.
const WINDOW: u64 = 1_000;

/// Records statements of `member`, whose keys these are, and panics where the contract is broken.
///
/// # Panics
///
/// When the recorder breaks its contract.
pub async fn holds(
    recorder: &dyn Recorder,
    consortium: ConsortiumId,
    member: MemberId,
    keys: Keys,
) {
    let caller = Caller { issuer: Issuer { consortium, member, keys: Arc::new(keys) } };
    let before = recorder.height().await.unwrap();
    let last_height = Height(before.0 + WINDOW);

    let submission = caller.submission(1, "first", last_height);
    let first = recorder.record(submission.clone()).await.unwrap();
    assert!(!first.repeat, "exact: the first call is no repetition");
    assert!(recorder.height().await.unwrap() >= first.height, "monotonic");
    assert!(first.height > before, "durable: the statement came with a new block");

    let again = recorder.record(submission).await.unwrap();
    assert!(again.repeat, "idempotent");
    assert_eq!((again.index, again.height), (first.index, first.height), "idempotent");
    let later = caller.submission(1, "first", Height(last_height.0 - 1));
    let again = recorder.record(later).await.unwrap();
    assert_eq!(again.index, first.index, "idempotent: another last height is the same subject");

    let other = recorder.record(caller.submission(1, "other", last_height)).await;
    assert_eq!(refusal(other), "REQUEST_ID_REUSED", "exact");

    whole(recorder, &caller, last_height).await;
    sealed(recorder, &caller, last_height).await;

    let late = recorder.record(caller.submission(3, "late", Height(0))).await;
    assert_eq!(refusal(late), "STATEMENT_EXPIRED");

    let crowd = (0..8).map(|n| caller.submission(10 + n, "crowd", last_height));
    let places = join_all(crowd.map(|submission| recorder.record(submission))).await;
    let mut places: Vec<_> = places.into_iter().map(Result::unwrap).collect();
    let height = recorder.height().await.unwrap();
    assert!(places.iter().all(|place| place.height <= height), "monotonic");
    places.sort_by_key(|place| place.index);
    places.dedup_by_key(|place| place.index);
    assert_eq!(places.len(), 8, "each statement has a place of its own");
}

/// What is not whole is refused, and leaves no trace that would refuse the whole.
async fn whole(recorder: &dyn Recorder, caller: &Caller, last_height: Height) {
    let good = caller.submission(2, "whole", last_height);

    let mut torn = good.clone();
    torn.bodies = torn.bodies.iter().map(|body| body.slice(..body.len() - 1)).collect();
    assert_ne!(refusal(recorder.record(torn).await), "", "whole: a torn body");

    let mut short = good.clone();
    short.leaves.pop();
    short.bodies.pop();
    assert_ne!(refusal(recorder.record(short).await), "", "whole: a leaf too few");

    let mut forged = good.clone();
    let mut bytes = forged.statement.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    forged.statement = Bytes::from(bytes);
    assert_eq!(refusal(recorder.record(forged).await), "SIGNATURE_INVALID", "whole");

    let place = recorder.record(good).await.unwrap();
    assert!(!place.repeat, "whole: what was refused is not in the log");
}

/// Sealed bodies are recorded as open ones are, and only with every tag marked.
async fn sealed(recorder: &dyn Recorder, caller: &Caller, last_height: Height) {
    let unmarked = recorder.record(caller.sealed(4, false, last_height)).await;
    assert_ne!(refusal(unmarked), "", "whole: a sealed event with a tag that bears no mark");
    let submission = caller.sealed(4, true, last_height);
    let first = recorder.record(submission.clone()).await.unwrap();
    assert!(!first.repeat, "whole: what was refused is not in the log");
    let again = recorder.record(submission).await.unwrap();
    assert!(again.repeat && again.index == first.index, "idempotent");
}

struct Caller {
    issuer: Issuer,
}

impl Caller {
    fn submission(&self, request: u8, label: &str, last_height: Height) -> Submission {
        let events = [0, 1].map(|n| {
            format!(
                r#"{{"type": "ObjectEvent", "eventTime": "2026-11-20T08:00:00.000Z",
                    "eventTimeZoneOffset": "+08:00", "action": "OBSERVE",
                    "epcList": ["https://suite.example/{label}/{request}/{n}"]}}"#
            )
        });
        let document = format!("[{}]", events.join(","));
        let request_id = RequestId([request; 16]);
        let ids = EventIds::default();
        let Issuer { consortium, member, keys } = &self.issuer;
        let prepared = prepare(&self.issuer, request_id, document.as_bytes(), &ids).unwrap();
        prepared.stated.sign(&keys.statement, consortium, member, last_height).unwrap()
    }
}

impl Caller {
    /// One sealed event, which is as it should be only if `marked`.
    fn sealed(&self, request: u8, marked: bool, last_height: Height) -> Submission {
        let item = format!("https://suite.example/sealed/{request}");
        let document = format!(
            r#"{{"type": "ObjectEvent", "eventTime": "2026-11-20T08:00:00.000Z",
                "eventTimeZoneOffset": "+08:00", "action": "OBSERVE", "epcList": ["{item}"]}}"#
        );
        let secrets = [(item, ItemSecret::from_bytes([request; 32]))].into();
        let event = ToSeal::parse(document.as_bytes(), vec![PartPolicy::Rest], secrets).unwrap();
        let Issuer { consortium, member, keys } = &self.issuer;
        let request_id = RequestId([request; 16]);
        let mut closed = Closed::seal(consortium, member, keys, &request_id, 0, &event).unwrap();
        if !marked {
            let Leaf { commitment, body_digest, tags } = closed.leaf;
            let tags = tags.into_iter().map(|(tag, _)| (tag, None)).collect();
            closed.leaf = Leaf::new(commitment, body_digest, tags).unwrap();
            closed.sealed.leaf = closed.leaf.encode().into();
        }
        let stated = Stated::new(request_id, 1, std::iter::once(&closed.sealed));
        stated.sign(&keys.statement, consortium, member, last_height).unwrap()
    }
}

/// The reason of a refusal that no retry helps.
fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Refused { reason, .. }) => reason,
        other => panic!("a refusal was due, not {other:?}"),
    }
}
