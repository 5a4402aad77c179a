//! The post of a ledger in the same process.

use std::collections::{BTreeSet, VecDeque};

use async_trait::async_trait;
use futures_util::stream::{BoxStream, StreamExt as _, try_unfold};
use gateway::{EntryKey, Error, Notice, Post, What};
use party::MemberId;
use statement::ReaderEntry;
use tokio::task::spawn_blocking;

use super::Local;

/// How many notices are read from the ledger at a time.
const NOTICES_AT_A_TIME: usize = 256;

#[async_trait]
impl Post for Local {
    async fn put(&self, entries: Vec<ReaderEntry>) -> Result<(), Error> {
        let ledger = self.ledger.clone();
        answered(spawn_blocking(move || ledger.put_entries(entries)).await)
    }

    async fn remove(&self, by: &MemberId, keys: Vec<EntryKey>) -> Result<(), Error> {
        let (ledger, by) = (self.ledger.clone(), by.clone());
        let keys = keys
            .into_iter()
            .map(|EntryKey { commitment, part, reader }| ledger::EntryKey {
                commitment,
                part,
                reader,
            })
            .collect();
        answered(spawn_blocking(move || ledger.remove_entries(&by, keys)).await)
    }

    async fn follow(
        &self,
        members: BTreeSet<MemberId>,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Notice, Error>>, Error> {
        let state = (self.clone(), self.ledger.entries_watch(), members, from, VecDeque::new());
        let stream =
            try_unfold(state, |(local, mut told, members, mut next, mut read)| async move {
                loop {
                    if let Some(found) = read.pop_front() {
                        return Ok(Some((notice(found), (local, told, members, next, read))));
                    }
                    // Seen before the read, so that what comes meanwhile is not slept through.
                    told.borrow_and_update();
                    let (ledger, from, whose) = (local.ledger.clone(), next, members.clone());
                    let found =
                        spawn_blocking(move || ledger.entries(from, NOTICES_AT_A_TIME, &whose))
                            .await;
                    let (notices, after) = found
                        .map_err(|error| unavailable(&error))?
                        .map_err(|error| unavailable(&error))?;
                    if notices.is_empty() && told.changed().await.is_err() {
                        return Ok(None);
                    }
                    next = after;
                    read.extend(notices);
                }
            });
        Ok(stream.boxed())
    }
}

fn notice(found: ledger::Notice) -> Notice {
    let what = match found.what {
        ledger::What::Put(entry) => What::Put(entry),
        ledger::What::Removed { key, by, sealer } => {
            let ledger::EntryKey { commitment, part, reader } = key;
            What::Removed { key: EntryKey { commitment, part, reader }, by, sealer }
        }
    };
    Notice { sequence: found.sequence, what }
}

fn unavailable(error: &dyn std::fmt::Display) -> Error {
    Error::PostUnavailable { message: error.to_string() }
}

/// The ledger's answer in the words of the post.
fn answered(
    answer: Result<Result<(), ledger::Refusal>, tokio::task::JoinError>,
) -> Result<(), Error> {
    match answer {
        Ok(Ok(())) => Ok(()),
        Ok(Err(refusal)) if refusal.reason == ledger::reason::STOPPED => {
            Err(unavailable(&refusal.message))
        }
        Ok(Err(refusal)) => {
            Err(Error::PostRefused { reason: refusal.reason.to_owned(), message: refusal.message })
        }
        Err(error) => Err(unavailable(&error)),
    }
}
