//! The joints of the tests' world: a ledger in the same process, and weather that spoils each call.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use capture::{Recorded, Recorder, Submission};
use futures_util::stream::{self, BoxStream, StreamExt};
use keys::{Drawn, Handle, KeySource, KeyUuid, Kind, Peer, RequestId, Secret};
use ledger::{BlockRecord, Ledger};
use parking_lot::Mutex;
use party::MemberId;
use statement::{Commitment, Height, ReaderEntry, Tag};
use tokio::sync::broadcast;
use trace::{Archive, Block, Entry, History};

use crate::{EntryKey, Error, Notice, Post, What};

/// What fails at a site, while it does.
#[derive(Debug, Default)]
pub(crate) struct Weather {
    pub(crate) record: AtomicBool,
    pub(crate) draw: AtomicBool,
    pub(crate) recover: AtomicBool,
    pub(crate) confirm: AtomicBool,
    pub(crate) put: AtomicBool,
    pub(crate) remove: AtomicBool,
}

fn is_bad(weather: &AtomicBool) -> bool {
    weather.load(Ordering::SeqCst)
}

/// A ledger in the same process, as recorder, archive and post of one site.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) weather: Arc<Weather>,
    /// What a lying post tells beside the truth.
    pub(crate) lies: broadcast::Sender<Notice>,
}

fn lost(what: impl ToString) -> trace::Error {
    trace::Error::Unavailable { message: what.to_string() }
}

#[async_trait]
impl Recorder for Local {
    async fn record(&self, submission: Submission) -> Result<Recorded, capture::Error> {
        let lost = |message: String| capture::Error::Unavailable { message };
        if is_bad(&self.weather.record) {
            return Err(lost("bad weather".into()));
        }
        let Submission { request_id: _, statement, leaves, bodies } = submission;
        let given = ledger::Submission { statement, leaves, bodies };
        let refused = |refusal: ledger::Refusal| capture::Error::Refused {
            reason: refusal.reason.to_owned(),
            message: refusal.message,
            field: refusal.field,
            retry_after_ms: refusal.retry_after_ms,
        };
        let answer = self.ledger.submit(given).map_err(refused)?;
        let committed = answer.await.map_err(|error| lost(error.to_string()))?.map_err(refused)?;
        Ok(Recorded { index: committed.index, height: committed.height, repeat: committed.repeat })
    }

    async fn height(&self) -> Result<Height, capture::Error> {
        Ok(*self.ledger.watch().borrow())
    }
}

#[async_trait]
impl Archive for Local {
    async fn blocks(
        &self,
        from: Height,
    ) -> Result<BoxStream<'static, Result<Block, trace::Error>>, trace::Error> {
        let start = (Arc::clone(&self.ledger), self.ledger.watch(), from);
        let stream = stream::unfold(start, |(ledger, mut tip, next)| async move {
            tip.wait_for(|tip| *tip >= next).await.ok()?;
            let block = ledger.blocks(next, 1).map_err(lost).map(|mut blocks| blocks.remove(0));
            Some((block.map(shown), (ledger, tip, Height(next.0 + 1))))
        });
        Ok(stream.boxed())
    }

    async fn history(&self, tag: &Tag) -> Result<History, trace::Error> {
        let found = self.ledger.history(tag, 0, u64::MAX).map_err(lost)?;
        Ok(History { count: found.count, positions: found.positions, proof: found.proof })
    }

    async fn bundle(&self, commitment: &Commitment) -> Result<Bytes, trace::Error> {
        Ok(self.ledger.bundle(commitment).map_err(lost)?.into())
    }

    async fn height(&self) -> Result<Height, trace::Error> {
        Ok(*self.ledger.watch().borrow())
    }
}

fn shown(record: BlockRecord) -> Block {
    let entries = record.statements.into_iter().map(|entry| Entry {
        index: entry.index,
        statement: entry.statement,
        leaves: entry.leaves,
        bodies: entry.bodies,
    });
    Block { header: record.header.encode().into(), entries: entries.collect() }
}

#[async_trait]
impl Post for Local {
    async fn put(&self, entries: Vec<ReaderEntry>) -> Result<(), Error> {
        if is_bad(&self.weather.put) {
            return Err(Error::PostUnavailable { message: "bad weather".into() });
        }
        self.ledger.put_entries(entries).map_err(refused)
    }

    async fn remove(&self, by: &MemberId, keys: Vec<EntryKey>) -> Result<(), Error> {
        if is_bad(&self.weather.remove) {
            return Err(Error::PostUnavailable { message: "bad weather".into() });
        }
        let theirs =
            |EntryKey { commitment, part, reader }| ledger::EntryKey { commitment, part, reader };
        self.ledger.remove_entries(by, keys.into_iter().map(theirs).collect()).map_err(refused)
    }

    async fn follow(
        &self,
        members: BTreeSet<MemberId>,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Notice, Error>>, Error> {
        let ledger = Arc::clone(&self.ledger);
        let watch = ledger.entries_watch();
        let truth = (ledger, watch, from, VecDeque::new(), members);
        let truth =
            stream::unfold(truth, |(ledger, mut watch, mut next, mut told, members)| async move {
                loop {
                    if let Some(notice) = told.pop_front() {
                        return Some((Ok(ours(notice)), (ledger, watch, next, told, members)));
                    }
                    watch.borrow_and_update();
                    let (notices, then) = ledger.entries(next, 100, &members).unwrap();
                    next = then;
                    told.extend(notices);
                    if told.is_empty() {
                        watch.changed().await.ok()?;
                    }
                }
            });
        let lies = stream::unfold(self.lies.subscribe(), |mut lies| async move {
            Some((Ok(lies.recv().await.ok()?), lies))
        });
        Ok(stream::select(truth.boxed(), lies.boxed()).boxed())
    }
}

fn refused(refusal: ledger::Refusal) -> Error {
    Error::PostRefused { reason: refusal.reason.to_owned(), message: refusal.message }
}

fn ours(notice: ledger::Notice) -> Notice {
    let key = |ledger::EntryKey { commitment, part, reader }| EntryKey { commitment, part, reader };
    let what = match notice.what {
        ledger::What::Put(entry) => What::Put(entry),
        ledger::What::Removed { key: removed, by, sealer } => {
            What::Removed { key: key(removed), by, sealer }
        }
    };
    Notice { sequence: notice.sequence, what }
}

/// A source that spoils with the weather.
#[derive(Debug)]
pub(crate) struct Exposed {
    pub(crate) inner: Arc<dyn KeySource>,
    pub(crate) weather: Arc<Weather>,
}

impl Exposed {
    fn check(weather: &AtomicBool) -> Result<(), keys::Error> {
        match is_bad(weather) {
            true => Err(keys::Error::Unavailable { message: "bad weather".into() }),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl KeySource for Exposed {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn draw(
        &self,
        request: &RequestId,
        peer: &Peer,
        length: u16,
    ) -> Result<Drawn, keys::Error> {
        Self::check(&self.weather.draw)?;
        self.inner.draw(request, peer, length).await
    }

    async fn recover(
        &self,
        request: &RequestId,
        peer: &Peer,
        handle: &Handle,
    ) -> Result<Secret, keys::Error> {
        Self::check(&self.weather.recover)?;
        self.inner.recover(request, peer, handle).await
    }

    async fn confirm(&self, request: &RequestId) -> Result<(), keys::Error> {
        Self::check(&self.weather.confirm)?;
        self.inner.confirm(request).await
    }
}

/// Keys that are delivered once, as those of a quantum link are; all ends share it.
#[derive(Debug, Default)]
pub(crate) struct Once {
    state: Mutex<OnceState>,
    /// While set, handles lead to nothing.
    pub(crate) loses: AtomicBool,
}

#[derive(Debug, Default)]
struct OnceState {
    drawn: BTreeMap<RequestId, KeyUuid>,
    secrets: BTreeMap<[u8; 16], [u8; 32]>,
    recovered: BTreeMap<RequestId, [u8; 16]>,
    spent: BTreeSet<[u8; 16]>,
    confirmed: BTreeSet<RequestId>,
}

impl Once {
    /// How many keys were recovered and not confirmed.
    pub(crate) fn unconfirmed(&self) -> usize {
        let state = self.state.lock();
        state.recovered.keys().filter(|request| !state.confirmed.contains(request)).count()
    }

    /// How many keys were drawn.
    pub(crate) fn drawn(&self) -> usize {
        self.state.lock().secrets.len()
    }
}

#[async_trait]
impl KeySource for Once {
    fn name(&self) -> &str {
        "qkd:test"
    }

    async fn draw(
        &self,
        request: &RequestId,
        _peer: &Peer,
        length: u16,
    ) -> Result<Drawn, keys::Error> {
        let mut state = self.state.lock();
        if state.confirmed.contains(request) {
            return Err(keys::Error::Spent);
        }
        let id = match state.drawn.get(request) {
            Some(id) => *id,
            None => {
                let id = KeyUuid(RequestId::random()?.0);
                let halves = [RequestId::random()?.0, RequestId::random()?.0].concat();
                state.secrets.insert(id.0, halves.try_into().unwrap());
                state.drawn.insert(*request, id);
                id
            }
        };
        let secret = Secret::new(state.secrets[&id.0].to_vec().into());
        let handle = Handle {
            kind: Kind::Pool,
            source: self.name().into(),
            key_ids: vec![id],
            // Of a pool's keys: for which two members they were drawn.
            public: vec![0; 16],
            length,
            seeded: false,
            passed_over: Vec::new(),
            mac: None,
        };
        Ok(Drawn { handle, secret })
    }

    async fn recover(
        &self,
        request: &RequestId,
        _peer: &Peer,
        handle: &Handle,
    ) -> Result<Secret, keys::Error> {
        let unknown = || keys::Error::UnknownHandle { source_name: self.name().into() };
        let mut state = self.state.lock();
        let id = handle.key_ids.first().ok_or_else(unknown)?.0;
        let secret = *state.secrets.get(&id).ok_or_else(unknown)?;
        if is_bad(&self.loses) {
            return Err(unknown());
        }
        let again = state.recovered.get(request) == Some(&id);
        if state.confirmed.contains(request) || (!again && !state.spent.insert(id)) {
            return Err(keys::Error::Spent);
        }
        state.recovered.insert(*request, id);
        Ok(Secret::new(secret.to_vec().into()))
    }

    async fn confirm(&self, request: &RequestId) -> Result<(), keys::Error> {
        let mut state = self.state.lock();
        if state.recovered.contains_key(request) || state.drawn.contains_key(request) {
            state.confirmed.insert(*request);
        }
        Ok(())
    }
}
