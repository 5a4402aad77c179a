//! Keys go out: each once, to one request, which may ask again until it confirms.

use std::collections::BTreeSet;

use store::crash_point;
use zeroize::Zeroizing;

use super::bound::{Bound, Pair};
use super::row::{Asked, Header, encode_confirmed, encode_spent, sorted};
use super::{Direction, KeyPool, KeyState, LineState, family, row};
use crate::handle::key_count;
use crate::secret::check_length;
use crate::{Drawn, Error, Handle, KeyUuid, Kind, Peer, RequestId, Secret};

/// A key as its row holds it.
type Opened = (Header, Zeroizing<[u8; 32]>);

/// Lets one request be answered by one thread at a time.
struct Turn<'a> {
    pool: &'a KeyPool,
    request: RequestId,
}

impl<'a> Turn<'a> {
    fn take(pool: &'a KeyPool, request: &RequestId) -> Self {
        let mut asking = pool.asking.lock();
        while !asking.insert(*request) {
            pool.answered.wait(&mut asking);
        }
        Self { pool, request: *request }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.pool.asking.lock().remove(&self.request);
        self.pool.answered.notify_all();
    }
}

impl KeyPool {
    /// Draws keys for `peer`; what is answered is durable first.
    pub(super) fn draw(
        &self,
        request: &RequestId,
        (own, peer): (&Peer, &Peer),
        length: u16,
        line: impl FnOnce() -> LineState,
    ) -> Result<Drawn, Error> {
        check_length(length)?;
        let _turn = Turn::take(self, request);
        if let Some(asked) = self.asked(request)? {
            let wanted = (Direction::Outgoing, &own.member, peer, length);
            let same = (asked.direction, &asked.own, &asked.peer, asked.length) == wanted;
            let rows = self.answer_again(request, &asked, same)?;
            return self.drawn(asked.key_ids, (own, peer), length, &rows);
        }
        let link = self.id.link.clone();
        let line = line();
        if let LineState::ShutDown { reason } = line {
            return Err(Error::LineShutDown { link, why: reason });
        }
        let key_ids = match self.take_outgoing(key_count(length)) {
            Ok(key_ids) => key_ids,
            Err(_) if line == LineState::Down => return Err(Error::LineDown { link }),
            Err(available) => {
                let needed = key_count(length).into();
                return Err(Error::Exhausted { link, needed, available });
            }
        };
        let direction = Direction::Outgoing;
        let (who, whom) = (own.member.clone(), peer.clone());
        let asked = Asked { direction, own: who, peer: whom, length, key_ids, confirmed: false };
        let rows = self.deliver(request, &asked, |_| Ok(()))?;
        crash_point("keys-drawn");
        self.drawn(asked.key_ids, (own, peer), length, &rows)
    }

    /// Recovers the keys that `peer` drew; what is answered is durable first.
    pub(super) fn recover(
        &self,
        request: &RequestId,
        (own, peer): (&Peer, &Peer),
        handle: &Handle,
    ) -> Result<Secret, Error> {
        check_length(handle.length)?;
        let _turn = Turn::take(self, request);
        let asked = Asked {
            direction: Direction::Incoming,
            own: own.member.clone(),
            peer: peer.clone(),
            length: handle.length,
            key_ids: handle.key_ids.clone(),
            confirmed: false,
        };
        let bound = |rows: &[Opened]| {
            let pair = Pair { drawer: peer, reader: own };
            let bound = self.bound(&handle.key_ids, pair, handle.length, rows)?;
            if bound.is_checked_by(&handle.public) { Ok(bound) } else { Err(Error::HandleMismatch) }
        };
        if let Some(before) = self.asked(request)? {
            let same = Asked { confirmed: false, ..before.clone() } == asked;
            let rows = self.answer_again(request, &before, same)?;
            return Ok(bound(&rows)?.secret);
        }
        self.refuse_malformed(handle)?;
        self.take_incoming(&handle.key_ids)?;
        // Whoever is not the one that it was drawn for consumes nothing.
        let rows = self.deliver(request, &asked, |rows| {
            bound(rows)?;
            self.refuse_misstated(handle, rows)
        })?;
        crash_point("keys-recovered");
        Ok(bound(&rows)?.secret)
    }

    /// Erases the answer that is kept for `request`; only the ids of its keys are remembered.
    pub(super) fn confirm(&self, request: &RequestId) -> Result<(), Error> {
        let _turn = Turn::take(self, request);
        let Some(asked) = self.asked(request)?.filter(|asked| !asked.confirmed) else {
            return Ok(());
        };
        let mut batch = self.store.batch();
        for id in &asked.key_ids {
            let found = self.store.value(family::KEYS, &id.0)?;
            let found = found.ok_or_else(|| row::damaged(&format!("key {id} is missing")))?;
            let header = row::read_header(&found)?;
            batch.delete(family::KEYS, &id.0);
            batch.put(family::SPENT, &id.0, &encode_spent(header.direction, &header.block));
        }
        let confirmed = Asked { confirmed: true, ..asked.clone() };
        batch.put(family::REQUESTS, &request.0, &confirmed.encode());
        let mut index = self.index.lock();
        let (first, next) = index.confirmations;
        let forget = next.saturating_sub(first) >= self.memory.confirmations;
        index.confirmations = (first.saturating_add(u64::from(forget)), next.saturating_add(1));
        drop(index);
        batch.put(family::CONFIRMED, &sorted(next), &encode_confirmed(request, &asked.key_ids));
        let forgotten = if forget { self.forget(&mut batch, first)? } else { 0 };
        self.write(batch)?;
        crash_point("keys-confirmed");
        let keys = count(&asked.key_ids);
        let mut index = self.index.lock();
        index.unconfirmed = index.unconfirmed.saturating_sub(keys);
        index.spent = index.spent.saturating_add(keys).saturating_sub(forgotten);
        Ok(())
    }

    /// Forgets the confirmation of that number; says how many keys are forgotten with it.
    fn forget(&self, batch: &mut store::Batch, number: u64) -> Result<u64, Error> {
        let Some(row) = self.store.value(family::CONFIRMED, &sorted(number))? else { return Ok(0) };
        let (request, key_ids) = row::decode_confirmed(&row)?;
        batch.delete(family::CONFIRMED, &sorted(number));
        batch.delete(family::REQUESTS, &request.0);
        for id in &key_ids {
            batch.delete(family::SPENT, &id.0);
        }
        Ok(count(&key_ids))
    }

    /// What `request` asked before, if it did.
    fn asked(&self, request: &RequestId) -> Result<Option<Asked>, Error> {
        let row = self.store.value(family::REQUESTS, &request.0)?;
        row.map(|row| Asked::decode(&row)).transpose()
    }

    /// Opens the keys that answered the request before, if it asks the same again.
    fn answer_again(
        &self,
        request: &RequestId,
        asked: &Asked,
        same: bool,
    ) -> Result<Vec<Opened>, Error> {
        if !same {
            return Err(Error::RequestReused { request: request.to_string() });
        }
        if asked.confirmed {
            return Err(Error::Spent);
        }
        asked.key_ids.iter().map(|id| self.opened(id)).collect()
    }

    /// Takes the oldest outgoing keys out of the index, or says how few there are.
    fn take_outgoing(&self, needed: u16) -> Result<Vec<KeyUuid>, u64> {
        let mut index = self.index.lock();
        if index.outgoing.len() < usize::from(needed) {
            return Err(u64::try_from(index.outgoing.len()).unwrap_or(u64::MAX));
        }
        let oldest = std::iter::from_fn(|| index.outgoing.pop_first());
        Ok(oldest.take(needed.into()).map(|(_, id)| id).collect())
    }

    /// Takes incoming keys out of the index: all of them, or none.
    fn take_incoming(&self, key_ids: &[KeyUuid]) -> Result<(), Error> {
        let mut index = self.index.lock();
        let Some(missing) = key_ids.iter().find(|id| !index.incoming.contains(id)) else {
            for id in key_ids {
                index.incoming.remove(id);
            }
            return Ok(());
        };
        drop(index);
        Err(self.why_missing(missing)?)
    }

    /// Says why a key cannot be recovered.
    fn why_missing(&self, id: &KeyUuid) -> Result<Error, Error> {
        let link = self.id.link.clone();
        let (state, direction) = if let Some(row) = self.store.value(family::KEYS, &id.0)? {
            let header = row::read_header(&row)?;
            (header.state, header.direction)
        } else if let Some(row) = self.store.value(family::SPENT, &id.0)? {
            (KeyState::Spent, row::decode_spent(&row)?.0)
        } else {
            return Ok(Error::UnknownHandle { source_name: self.source_name() });
        };
        Ok(match (direction, state) {
            (Direction::Outgoing, _) => Error::WrongDirection { link },
            (_, KeyState::Delivered | KeyState::Spent) => Error::Spent,
            // Ready, yet not in the index: it is being released or delivered in this moment.
            (_, KeyState::Pending | KeyState::Quarantined | KeyState::Ready) => {
                Error::NotReleased { link }
            }
        })
    }

    /// Refuses a handle that this pool cannot have made.
    fn refuse_malformed(&self, handle: &Handle) -> Result<(), Error> {
        if handle.kind != Kind::Pool || handle.source != self.source_name() {
            return Err(Error::SourceUnknown { name: handle.source.clone() });
        }
        let distinct: BTreeSet<_> = handle.key_ids.iter().collect();
        if handle.key_ids.len() != usize::from(key_count(handle.length))
            || distinct.len() != handle.key_ids.len()
        {
            let why = "the handle names more, fewer or other keys than its length takes";
            return Err(Error::Malformed { why: why.to_owned() });
        }
        Ok(())
    }

    /// Marks keys, which the caller took out of the index, as delivered to the request, durably.
    ///
    /// When the write fails they stay out of the index: whether they are delivered shows when the
    /// pool is opened again.
    fn deliver(
        &self,
        request: &RequestId,
        asked: &Asked,
        check: impl FnOnce(&[Opened]) -> Result<(), Error>,
    ) -> Result<Vec<Opened>, Error> {
        let mut batch = self.store.batch();
        let opened = (|| {
            let opened: Vec<Opened> =
                asked.key_ids.iter().map(|id| self.opened(id)).collect::<Result<_, _>>()?;
            check(&opened)?;
            for (id, (header, secret)) in asked.key_ids.iter().zip(&opened) {
                let delivered = Header { state: KeyState::Delivered, ..*header };
                batch.put(family::KEYS, &id.0, &self.row_key.seal(id, &delivered, secret)?);
            }
            Ok(opened)
        })()
        .inspect_err(|_: &Error| self.put_back(asked))?;
        batch.put(family::REQUESTS, &request.0, &asked.encode());
        self.write(batch)?;
        let mut index = self.index.lock();
        index.unconfirmed = index.unconfirmed.saturating_add(count(&asked.key_ids));
        Ok(opened)
    }

    /// Refuses a handle that says of a seeded key that it is not, or the other way round.
    fn refuse_misstated(&self, handle: &Handle, rows: &[Opened]) -> Result<(), Error> {
        let seeded = rows.iter().any(|(header, _)| header.seeded);
        if seeded && !handle.seeded {
            return Err(Error::Seeded { source_name: self.source_name() });
        }
        if handle.seeded && !seeded {
            let why = "the handle says that a key is seeded which is not";
            return Err(Error::Malformed { why: why.to_owned() });
        }
        Ok(())
    }

    /// Puts keys that were not delivered back into the index, but for those that do not open.
    fn put_back(&self, asked: &Asked) {
        for id in &asked.key_ids {
            match self.opened(id) {
                Ok((header, _)) => {
                    let mut index = self.index.lock();
                    match header.direction {
                        Direction::Outgoing => drop(index.outgoing.insert(header.sequence, *id)),
                        Direction::Incoming => drop(index.incoming.insert(*id)),
                    }
                }
                Err(error) => tracing::error!(key = %id, %error, "a key is left out"),
            }
        }
    }

    /// What a draw answers.
    fn drawn(
        &self,
        key_ids: Vec<KeyUuid>,
        (own, peer): (&Peer, &Peer),
        length: u16,
        rows: &[Opened],
    ) -> Result<Drawn, Error> {
        let pair = Pair { drawer: own, reader: peer };
        let Bound { check, secret } = self.bound(&key_ids, pair, length, rows)?;
        let handle = Handle {
            kind: Kind::Pool,
            source: self.source_name(),
            key_ids,
            public: check.to_vec(),
            length,
            seeded: rows.iter().any(|(header, _)| header.seeded),
            passed_over: Vec::new(),
            mac: None,
        };
        Ok(Drawn { handle, secret })
    }

    /// What the keys yield for a pair of members.
    fn bound(
        &self,
        key_ids: &[KeyUuid],
        pair: Pair<'_>,
        length: u16,
        rows: &[Opened],
    ) -> Result<Bound, Error> {
        let keys: Vec<&[u8; 32]> = rows.iter().map(|(_, key)| &**key).collect();
        Bound::new(&keys, &self.id.link, key_ids, pair, length)
    }
}

fn count(key_ids: &[KeyUuid]) -> u64 {
    u64::try_from(key_ids.len()).unwrap_or(u64::MAX)
}
