//! Committing a block: what an orderer drives.

use std::sync::Arc;

use bytes::Bytes;
use consensus::{Application, Block, BlockHash, TimeMs};
use rayon::prelude::*;
use statement::{Header, body_digest};
use store::{Store, Sync, crash_point};

use crate::admit::{Admitted, Bodies};
use crate::block::{self, Foreign};
use crate::execute::{Candidate, Execution, Verdict};
use crate::marker::Marker;
use crate::moment::{Overlay, Present};
use crate::pages::Newer;
use crate::rows::Tip;
use crate::serve::Held;
use crate::{Error, Failure, Ledger, Refusal, reason, write};

/// The points on the way of one commit at which a test may make the process die, in their order.
///
/// Before the first none of the block is on the disk; from the second on all of it is.
pub const CRASH_POINTS: &[&str] =
    &["commit-executed", "commit-written", "commit-marked", "commit-acknowledged"];

/// The last millisecond of the year 9999: no block is later, so that there is always a later time
/// to be written down.
pub(crate) const MAX_TIME_MS: i64 = 253_402_300_799_999;

/// How far the time of a fresh proposal may be from that of the member who votes, in milliseconds.
const MAX_DRIFT_MS: i64 = 10_000;

/// How many executed blocks of one height are kept for the vote, the newest.
const MAX_CANDIDATES: usize = 64;

/// Writes a block, synced. With `newer`, its pages and those kept in memory before are written too.
pub(crate) fn write_through(
    store: &Store,
    candidate: &Candidate,
    certificate: &[u8],
    newer: Option<&Newer>,
) -> Result<(), Error> {
    let batch = write::batch(store, candidate, certificate, true, newer);
    crash_point("commit-executed");
    store.write(batch, Sync::Yes)?;
    crash_point("commit-written");
    Ok(())
}

/// Marks a block that was written: from here on it may be acknowledged.
pub(crate) fn mark(marker: &Marker, candidate: &Candidate) -> Result<(), Error> {
    marker.write(candidate.header.height, &candidate.hash)?;
    crash_point("commit-marked");
    Ok(())
}

impl Application for Ledger {
    fn tip(&self) -> consensus::Tip {
        let head = self.head.read();
        consensus::Tip {
            height: consensus::Height(head.height.0),
            hash: BlockHash(head.hash),
            time: TimeMs(head.time_ms),
        }
    }

    fn propose(&self, time: TimeMs) -> Result<Option<Block>, consensus::Error> {
        let candidate = self.propose_candidate(time.0).map_err(|error| self.failed(&error))?;
        let Some(candidate) = candidate else { return Ok(None) };
        let entries = candidate.entries.iter().map(AsRef::as_ref);
        let block = Block {
            height: consensus::Height(candidate.header.height.0),
            hash: BlockHash(candidate.hash),
            bytes: block::encode(&candidate.header, entries),
        };
        self.keep(candidate);
        Ok(Some(block))
    }

    fn check(&self, block: &[u8], now: Option<TimeMs>) -> Result<BlockHash, consensus::Error> {
        let checked = block::decode(block)
            .map_err(Failure::from)
            .and_then(|foreign| self.check_candidate(&foreign, now.map(|now| now.0)));
        match checked {
            Ok(candidate) => {
                let hash = BlockHash(candidate.hash);
                self.keep(candidate);
                Ok(hash)
            }
            Err(Failure::Refused(refusal)) => {
                Err(consensus::Error::Refused { why: refusal.to_string() })
            }
            Err(Failure::Broken(error)) => Err(self.failed(&error)),
        }
    }

    fn commit(&self, hash: &BlockHash, certificate: &[u8]) -> Result<(), consensus::Error> {
        self.commit_candidate(hash, certificate).map_err(|error| self.failed(&error))
    }
}

impl Ledger {
    fn failed(&self, error: &Error) -> consensus::Error {
        tracing::error!(%error, "the ledger cannot go on");
        let tip = consensus::Height(self.head.read().height.0);
        consensus::Error::Failed { tip, why: error.to_string() }
    }

    /// Executes what waits, the first that came first; answers those that cannot be taken.
    fn propose_candidate(&self, time_ms: i64) -> Result<Option<Candidate>, Error> {
        self.refuse_when_stopped()?;
        loop {
            let front = self.pool.front(&self.limits);
            if front.is_empty() {
                return Ok(None);
            }
            let moment = self.moment_with_pages()?;
            let tip = moment.some_tip()?;
            if time_ms <= tip.time_ms || time_ms > MAX_TIME_MS {
                let why = format!(
                    "is {time_ms}, but must lie after {} and before the year 10000",
                    tip.time_ms
                );
                return Err(Error::Invalid { field: "time", why });
            }
            let mut execution = Execution::start(&self.rules, &moment, Some(tip), time_ms)?;
            execution.fetch(front.iter().map(AsRef::as_ref))?;
            for admitted in &front {
                match execution.offer(admitted)? {
                    Some(Verdict::Repeated(committed)) => self.pool.answer(admitted, committed),
                    Some(Verdict::Refused(refusal)) => self.pool.refuse(admitted, &refusal),
                    Some(Verdict::Taken) | None => {}
                }
            }
            // When all of them were refused, those behind them may still be taken.
            if !execution.is_empty() {
                return execution.finish().map(Some);
            }
        }
    }

    /// Checks a block that another member made, fully: every statement, and what they come to.
    fn check_candidate(&self, block: &Foreign, now_ms: Option<i64>) -> Result<Candidate, Failure> {
        let moment = self.moment_with_pages()?;
        let tip = moment.some_tip()?;
        check_header(&block.header, &tip, now_ms)?;
        // Only whoever votes answers for the bodies; what was decided is taken with what fits.
        let asked = if now_ms.is_some() { Bodies::All } else { Bodies::Fitting };
        let overlay = Overlay::new();
        let present = Present { moment: &moment, overlay: &overlay };
        let admit = |(statement, leaves): &(Bytes, Vec<Bytes>)| {
            // First of all, so that only members make us work.
            let signed = self.rules.verify(statement.clone(), &present)?;
            let bodies = match self.pool.waiting(&signed.statement) {
                Some(same) if same.bodies.len() == leaves.len() => same.bodies.clone(),
                _ => self.held_for(leaves),
            };
            Ok(Arc::new(self.rules.admit(signed, leaves.clone(), bodies, asked)?))
        };
        let entries: Vec<Result<Arc<Admitted>, Failure>> =
            block.entries.par_iter().map(admit).collect();
        // All of them, and then the first that is wrong: threads would find any.
        let entries: Result<Vec<Arc<Admitted>>, Failure> = entries.into_iter().collect();
        let entries = entries?;
        let mut execution =
            Execution::start(&self.rules, &moment, Some(tip), block.header.time_ms)?;
        execution.fetch(entries.iter().map(AsRef::as_ref))?;
        for (admitted, number) in entries.iter().zip(0_u64..) {
            match execution.add(admitted)? {
                Verdict::Taken => {}
                Verdict::Repeated(_) => {
                    let message = "the block holds a request that was committed before";
                    let refusal = Refusal::new(reason::REQUEST_ID_REUSED, message);
                    return Err(refusal.at(format!("entries[{number}]")).into());
                }
                Verdict::Refused(refusal) => return Err(refusal.into()),
            }
        }
        let candidate = execution.finish()?;
        if candidate.header != block.header {
            let message = format!(
                "the header says {:?}, executing the block gives {:?}",
                block.header, candidate.header
            );
            return Err(Refusal::new(reason::HEADER_MISMATCH, message).at("header").into());
        }
        Ok(candidate)
    }

    /// The bodies that are held for some leaves.
    fn held_for(&self, leaves: &[Bytes]) -> Vec<Option<Bytes>> {
        let held = self.held.lock();
        if held.bodies.is_empty() {
            return vec![None; leaves.len()];
        }
        let find = |leaf: &Bytes| {
            let digest = statement::Leaf::decode(leaf).ok()?.body_digest;
            held.bodies.get(&digest).cloned()
        };
        leaves.iter().map(find).collect()
    }

    /// Holds bodies that travel beside a block, until the next block is committed.
    ///
    /// # Errors
    ///
    /// OVERLOADED when more is held than may be pending.
    pub fn hold(&self, bodies: Vec<Bytes>) -> Result<(), Refusal> {
        let bodies: Vec<_> = bodies.into_iter().map(|body| (body_digest(&body), body)).collect();
        let mut held = self.held.lock();
        for (digest, body) in bodies {
            if held.bodies.contains_key(&digest) {
                continue;
            }
            let bytes = held.bytes.saturating_add(body.len());
            if bytes > self.limits.pending_bytes {
                return Err(Refusal::new(reason::OVERLOADED, "too many bodies are held already"));
            }
            held.bytes = bytes;
            held.bodies.insert(digest, body);
        }
        Ok(())
    }

    /// Keeps an executed block until a block of its height is committed, or until there are so many
    /// newer ones that it cannot be what the members agree on. It can be checked again then.
    fn keep(&self, candidate: Candidate) {
        let mut candidates = self.candidates.lock();
        candidates.retain(|other| other.hash != candidate.hash);
        if candidates.len() >= MAX_CANDIDATES {
            candidates.pop_front();
        }
        candidates.push_back(candidate);
    }

    fn taken_out(&self, hash: &BlockHash) -> Option<Candidate> {
        let mut candidates = self.candidates.lock();
        let place = candidates.iter().position(|candidate| candidate.hash == hash.0)?;
        candidates.remove(place)
    }

    /// Makes a block durable, marks it, and only then tells anyone.
    fn commit_candidate(&self, hash: &BlockHash, certificate: &[u8]) -> Result<(), Error> {
        let _one_at_a_time = self.committing.lock();
        self.refuse_when_stopped()?;
        let head = self.head.read().hash;
        if head == hash.0 {
            return Ok(());
        }
        let candidate = self.taken_out(hash).filter(|candidate| candidate.header.parent == head);
        let Some(mut candidate) = candidate else {
            let why = "was neither proposed nor checked above the tip".to_owned();
            return Err(Error::Invalid { field: "block", why });
        };
        self.write_candidate(&mut candidate, certificate).inspect_err(|error| self.stop(error))?;
        *self.head.write() = candidate.tip.clone();
        self.candidates.lock().clear();
        // Those that belong to it are in the store, the others were for blocks that lost.
        *self.held.lock() = Held::default();
        self.pool.settle(&candidate);
        crash_point("commit-acknowledged");
        self.heights.send_replace(candidate.header.height);
        Ok(())
    }

    /// Writes a block; keeps its pages in memory unless there are many by now.
    fn write_candidate(&self, candidate: &mut Candidate, certificate: &[u8]) -> Result<(), Error> {
        let newer = self.newer.read();
        let all = newer.is_full_with(candidate, self.limits.unwritten_pages);
        let written = all.then_some(&*newer);
        write_through(&self.store, candidate, certificate, written)?;
        drop(newer);
        // Before the mark: pages and store stand at one block whatever becomes of the mark.
        let mut newer = self.newer.write();
        if all {
            newer.forget(candidate);
        } else {
            newer.keep(candidate);
        }
        drop(newer);
        mark(&self.marker, candidate)
    }
}

/// What of a header can be judged without executing the block.
fn check_header(header: &Header, tip: &Tip, now_ms: Option<i64>) -> Result<(), Refusal> {
    let refuse = |message: String| Refusal::new(reason::HEADER_MISMATCH, message).at("header");
    if header.parent != tip.hash || header.height.0 != tip.height.0.saturating_add(1) {
        let message = format!("it is not above block {}", tip.height);
        return Err(refuse(message));
    }
    if header.time_ms <= tip.time_ms {
        let message = format!("its time {} is not after {}", header.time_ms, tip.time_ms);
        return Err(refuse(message));
    }
    if header.time_ms > MAX_TIME_MS {
        return Err(refuse(format!("its time {} is after the year 9999", header.time_ms)));
    }
    if let Some(now_ms) = now_ms
        && header.time_ms.abs_diff(now_ms) > MAX_DRIFT_MS.unsigned_abs()
    {
        let message = format!(
            "its time {} is more than {MAX_DRIFT_MS} ms from this member's {now_ms}",
            header.time_ms
        );
        return Err(refuse(message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use party::{KeyId, Member, MemberId, Members, PublicKey};
    use statement::{
        Act, Content, Genesis, Height, LogIndex, RequestId, SigningKey, Statement, Tag,
    };

    use super::*;
    use crate::{Changes, Config, Limits, Machine, Submission, View};

    fn key(usage: u8) -> SigningKey {
        SigningKey::from_bytes([usage; 32])
    }

    fn members() -> Members {
        let only = Member {
            id: "only".parse().unwrap(),
            roles: BTreeSet::from(["operator".parse().unwrap()]),
            country: "CN".parse().unwrap(),
            sites: BTreeSet::from(["hangzhou".parse().unwrap()]),
            statement_key: key(1).public(),
            receipt_key: key(2).public(),
            vote_key: key(3).public(),
            sealing_key: None,
        };
        let validators = BTreeSet::from([only.id.clone()]);
        Members::new("demo".parse().unwrap(), vec![only], validators).unwrap()
    }

    fn sign(content: Content, payload: Vec<u8>) -> Bytes {
        let (demo, only) = ("demo".parse().unwrap(), "only".parse().unwrap());
        let statement = Statement::sign(&key(1), &demo, &only, content, payload);
        Bytes::from(statement.unwrap().into_bytes())
    }

    /// One member, who may say anything.
    #[derive(Debug)]
    struct Only;

    impl Machine for Only {
        fn statement_key(
            &self,
            _: &dyn View,
            _: &MemberId,
            _: &KeyId,
        ) -> Result<PublicKey, Failure> {
            Ok(key(1).public())
        }

        fn apply(
            &self,
            _: &dyn View,
            _: Height,
            _: i64,
            _: &Statement,
        ) -> Result<Changes, Failure> {
            Ok(Changes::new())
        }

        fn members(&self, _: &dyn View) -> Result<Members, Failure> {
            Ok(members())
        }
    }

    fn open(path: &Path) -> Arc<Ledger> {
        let genesis = Genesis { time_ms: 1_000, members: members(), max_window: 100 };
        let config = Config {
            path: path.to_owned(),
            members: members(),
            genesis: sign(Content::Genesis, genesis.encode()),
            receipt_key: Some(("only".parse().unwrap(), key(2))),
            limits: Limits { cache_bytes: 1 << 20, ..Limits::default() },
        };
        Ledger::open(config, Arc::new(Only)).unwrap()
    }

    fn say(number: u8) -> Submission {
        let request_id = RequestId([number; 16]);
        let (name, last_height) = ("hello".to_owned(), Height(50));
        let act = Act { name, arguments: vec![], request_id, last_height };
        let statement = sign(Content::Governance, act.encode());
        Submission { statement, leaves: vec![], bodies: vec![] }
    }

    #[test]
    fn when_a_block_cannot_be_marked_nothing_is_answered_until_it_is_opened_again() {
        let directory = tempfile::tempdir().unwrap();
        let ledger = open(directory.path());
        let waiting = ledger.submit(say(1)).unwrap();
        let block = ledger.propose(TimeMs(2_000)).unwrap().unwrap();
        ledger.marker.break_down();
        assert!(ledger.commit(&block.hash, &[]).is_err());
        let refusal = waiting.blocking_recv().unwrap().unwrap_err();
        assert_eq!(refusal.reason, reason::STOPPED);
        assert_eq!(ledger.submit(say(2)).unwrap_err().reason, reason::STOPPED);

        let stopped = |error: Error| assert!(matches!(error, Error::Stopped { .. }), "{error}");
        stopped(ledger.status().unwrap_err());
        stopped(ledger.receipt(LogIndex(1)).unwrap_err());
        stopped(ledger.blocks(Height(1), 9).unwrap_err());
        stopped(ledger.history(&Tag([1; 16]), 0, 9).unwrap_err());
        assert!(ledger.propose(TimeMs(3_000)).is_err());
        assert!(ledger.check(&block.bytes, None).is_err());
        assert!(ledger.commit(&block.hash, &[]).is_err());

        drop(ledger);
        let ledger = open(directory.path());
        assert_eq!(ledger.status().unwrap().header.height, Height(2));
        assert!(ledger.submit(say(1)).unwrap().blocking_recv().unwrap().unwrap().repeat);
    }

    #[test]
    fn nobody_is_told_of_a_block_before_it_is_marked() {
        let directory = tempfile::tempdir().unwrap();
        let ledger = open(directory.path());
        drop(ledger.submit(say(1)).unwrap());
        let block = ledger.propose(TimeMs(2_000)).unwrap().unwrap();
        let mut candidate = ledger.taken_out(&block.hash).unwrap();
        let commit = ledger.committing.lock();
        write_through(&ledger.store, &candidate, &[], None).unwrap();
        // As a reader finds it between the two; it waits for the commit to end.
        assert!(ledger.now_at_head(false).unwrap().is_none());
        assert!(ledger.now_at_head(true).unwrap().is_none());
        *ledger.head.write() = candidate.tip.clone();
        ledger.newer.write().keep(&mut candidate);
        drop(commit);
        assert_eq!(ledger.status().unwrap().header.height, Height(2));
    }

    #[test]
    fn pages_are_written_after_so_many_pages_blocks_or_leaves() {
        let directory = tempfile::tempdir().unwrap();
        let ledger = open(directory.path());
        drop(ledger.submit(say(1)).unwrap());
        let block = ledger.propose(TimeMs(2_000)).unwrap().unwrap();
        let mut candidate = ledger.taken_out(&block.hash).unwrap();
        let newer = |leaves| Newer { written: Height(1), leaves, ..Newer::default() };
        assert!(!newer(199_999).is_full_with(&candidate, 1_000));
        assert!(newer(200_000).is_full_with(&candidate, 1_000));
        assert!(newer(0).is_full_with(&candidate, 0));
        candidate.header.height = Height(1_000);
        assert!(!newer(0).is_full_with(&candidate, 1_000));
        candidate.header.height = Height(1_001);
        assert!(newer(0).is_full_with(&candidate, 1_000));
    }
}
