//! The contract of [`Post`], as tests that every implementation must pass.
#![expect(clippy::unwrap_used, reason = "a suite reports by panicking")]

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use party::MemberId;
use statement::ReaderEntry;
use tokio::time::timeout;

use crate::{EntryKey, Notice, Post, What};

/// How long the suite waits for a notice that must come, and for one that must not.
const PATIENCE: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_millis(200);

/// What the suite plays with: entries that the post must take, signed, of events in the record.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Three entries with different keys, all of one sealer and for one reader.
    pub entries: [ReaderEntry; 3],
    /// Another entry with the key of the first.
    pub newer: ReaderEntry,
    /// An entry whose signature does not hold.
    pub forged: ReaderEntry,
    /// A member that is neither the sealer nor the reader.
    pub stranger: MemberId,
}

/// Puts, follows and removes, and panics where the contract is broken.
///
/// # Panics
///
/// When the post breaks its contract.
pub async fn holds(post: &dyn Post, scene: Scene) {
    let Scene { entries, newer, forged, stranger } = scene;
    let [first, second, third] = entries;
    let (sealer, reader) = (first.sealer.clone(), first.reader.clone());

    let whole = post.put(vec![first.clone(), forged.clone()]).await;
    assert!(!whole.unwrap_err().is_retryable(), "whole: a forged entry is refused for good");
    assert_eq!(seen(post, &reader, 0, 0).await, [], "whole: and the one beside it is not kept");

    post.put(vec![first.clone(), second.clone()]).await.unwrap();
    let told = seen(post, &reader, 0, 2).await;
    let next = told.iter().map(|notice| notice.sequence).max().unwrap() + 1;
    assert_eq!(kept(&told), BTreeSet::from([first.id(), second.id()]), "whole: both or none");
    assert_eq!(kept(&seen(post, &sealer, 0, 2).await).len(), 2, "the sealer is told too");
    assert_eq!(seen(post, &stranger, 0, 0).await, [], "a stranger is told nothing");

    post.put(vec![first.clone()]).await.unwrap();
    assert_eq!(seen(post, &reader, next, 0).await, [], "idempotent: the same entry is no news");
    post.put(vec![newer.clone()]).await.unwrap();
    assert_eq!(kept(&seen(post, &reader, next, 1).await), BTreeSet::from([newer.id()]), "in order");
    let latest = BTreeSet::from([second.id(), newer.id()]);
    assert_eq!(kept(&seen(post, &reader, 0, 2).await), latest, "latest: the older shows no more");

    let refused = post.remove(&stranger, vec![EntryKey::of(&second)]).await;
    assert!(!refused.unwrap_err().is_retryable(), "guarded: a stranger removes nothing");
    let before = seen(post, &sealer, 0, 2).await.last().unwrap().sequence;
    for _ in 0..2 {
        post.remove(&reader, vec![EntryKey::of(&second)]).await.unwrap();
    }
    let removed = seen(post, &sealer, before + 1, 1).await.remove(0);
    let key = EntryKey::of(&second);
    let told = What::Removed { key, by: reader.clone(), sealer: sealer.clone() };
    assert_eq!(removed.what, told, "the sealer is told who removed it, once");
    post.remove(&sealer, vec![EntryKey::of(&newer)]).await.unwrap();
    let gone = seen(post, &reader, 0, 2).await;
    assert_eq!(kept(&gone), BTreeSet::new(), "both are gone");
    let next = gone.last().unwrap().sequence + 1;

    // A follower that waits is told.
    let members = BTreeSet::from([reader.clone()]);
    let mut waiting = post.follow(members, next).await.unwrap();
    post.put(vec![third.clone()]).await.unwrap();
    let notice = timeout(PATIENCE, waiting.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(kept(&[notice]), BTreeSet::from([third.id()]), "at the end it waits for the next");
}

/// Exactly so many notices that a member is told from a sequence on, and then silence.
async fn seen(post: &dyn Post, member: &MemberId, from: u64, count: usize) -> Vec<Notice> {
    let mut stream = post.follow(BTreeSet::from([member.clone()]), from).await.unwrap();
    let mut notices: Vec<Notice> = Vec::new();
    for _ in 0..count {
        notices.push(timeout(PATIENCE, stream.next()).await.unwrap().unwrap().unwrap());
    }
    let more = timeout(SILENCE, stream.next()).await;
    assert!(more.is_err(), "{member} is told more than {count} notices: {more:?}");
    assert!(notices.is_sorted_by(|a, b| a.sequence < b.sequence), "in order");
    assert!(notices.iter().all(|notice| notice.sequence >= from), "from there on");
    notices
}

/// The entries that notices tell of.
fn kept(notices: &[Notice]) -> BTreeSet<statement::Digest> {
    let put = notices.iter().filter_map(|notice| match &notice.what {
        What::Put(entry) => Some(entry.id()),
        What::Removed { .. } => None,
    });
    put.collect()
}
