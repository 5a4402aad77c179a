//! What a desk keeps on disk: every value encrypted under the member's storage key.

use std::path::Path;

use envelope::StorageKey;
use party::MemberId;
use rand::TryRng;
use rand::rngs::SysRng;
use statement::hash::Context;
use statement::{Commitment, RequestId};
use store::{Access, Batch, Family, Keys, Options, Store, Sync, Tuning};
use zeroize::Zeroizing;

use crate::error::internal;
use crate::row::{Complaint, Found, Incoming, Outgoing, Plan, head};
use crate::{EntryKey, Error, JourneyId};

/// Whose desk it is; how far the post was followed.
const META: &str = "meta";
/// Request id to what was planned for it, or came of it.
const PLANS: &str = "plans";
/// Request ids of plans that are not finished.
const OPEN: &str = "open";
/// Hash of a journey, and of its first event, to where that is.
const JOURNEYS: &str = "journeys";
/// Hash of a parcel to the request that took it.
const PARCELS: &str = "parcels";
/// Commitment, part and reader to an entry that was not acknowledged.
const OUTBOX: &str = "outbox";
/// Commitment and part to an entry that is not yet opened, confirmed and removed.
const INBOX: &str = "inbox";

/// Commitment and hash of a complaint to the complaint.
const COMPLAINTS: &str = "complaints";

const FAMILIES: [Family; 8] = [
    Family { name: META, tuning: Tuning::Points },
    // What is encrypted does not compress.
    Family { name: PLANS, tuning: Tuning::Digests },
    Family { name: OPEN, tuning: Tuning::Points },
    Family { name: JOURNEYS, tuning: Tuning::Digests },
    Family { name: PARCELS, tuning: Tuning::Digests },
    Family { name: OUTBOX, tuning: Tuning::Digests },
    Family { name: INBOX, tuning: Tuning::Digests },
    Family { name: COMPLAINTS, tuning: Tuning::Digests },
];

/// A gateway has a desk for each of its members: none needs much memory.
const OPTIONS: Options =
    Options { access: Access::Write, cache_bytes: 4 << 20, buffer_bytes: 16 << 20 };

const HEAD: &[u8] = b"head";
const CURSOR: &[u8] = b"cursor";

static LOOKUP: Context = Context::new("gateway lookup v1");

/// The disk of one desk.
pub(crate) struct Shelf {
    store: Store,
    key: StorageKey,
    lookup: Zeroizing<[u8; 32]>,
}

/// Changes to a shelf that happen together.
pub(crate) struct Changes<'a> {
    shelf: &'a Shelf,
    batch: Batch,
}

impl Shelf {
    /// Opens the shelf of `member`, or makes one.
    pub(crate) fn open(path: &Path, key: StorageKey, member: &MemberId) -> Result<Self, Error> {
        let store = Store::open(path, &FAMILIES, &OPTIONS).map_err(internal)?;
        let place = path.display();
        let lookup = match store.value(META, HEAD).map_err(internal)? {
            Some(row) => {
                let plain = key.open_row(META, HEAD, &row).map_err(|_| {
                    internal(format!("the desk at {place} does not open with this storage key"))
                })?;
                let (owner, lookup) = head::decode(&plain)?;
                if owner != *member {
                    return Err(internal(format!("the desk at {place} is the one of {owner}")));
                }
                lookup
            }
            None => {
                let mut lookup = Zeroizing::new([0; 32]);
                SysRng.try_fill_bytes(&mut *lookup).map_err(internal)?;
                let plain = head::encode(member, &lookup);
                let mut batch = store.batch();
                batch.put(META, HEAD, &key.seal_row(META, HEAD, &plain));
                store.write(batch, Sync::Yes).map_err(internal)?;
                lookup
            }
        };
        Ok(Self { store, key, lookup })
    }

    pub(crate) fn changes(&self) -> Changes<'_> {
        Changes { shelf: self, batch: self.store.batch() }
    }

    fn value(&self, family: &str, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let row = self.store.value(family, key).map_err(internal)?;
        row.map(|row| self.key.open_row(family, key, &row).map_err(internal)).transpose()
    }

    fn rows(&self, family: &str, keys: Keys<'_>) -> Result<Vec<Zeroizing<Vec<u8>>>, Error> {
        let rows = self.store.scan(family, keys).map_err(internal)?;
        rows.map(|row| {
            let (key, value) = row.map_err(internal)?;
            self.key.open_row(family, &key, &value).map_err(internal)
        })
        .collect()
    }

    /// From where the post is to be followed.
    pub(crate) fn cursor(&self) -> Result<u64, Error> {
        let value = self.value(META, CURSOR)?;
        let bytes = value.map(|bytes| <[u8; 8]>::try_from(bytes.as_slice()));
        Ok(bytes.transpose().map_err(internal)?.map_or(0, u64::from_be_bytes))
    }

    pub(crate) fn plan(&self, request: &RequestId) -> Result<Option<Plan>, Error> {
        self.value(PLANS, &request.0)?.map(|row| Plan::decode(&row)).transpose()
    }

    /// The requests whose plans are not finished.
    pub(crate) fn open_plans(&self) -> Result<Vec<RequestId>, Error> {
        let rows = self.store.scan(OPEN, Keys::All).map_err(internal)?;
        rows.map(|row| {
            let (key, _) = row.map_err(internal)?;
            Ok(RequestId(<[u8; 16]>::try_from(&*key).map_err(internal)?))
        })
        .collect()
    }

    /// Where the first events of a journey may be found: more than one if somebody cheats.
    pub(crate) fn found(&self, journey: &JourneyId) -> Result<Vec<Found>, Error> {
        let prefix = self.hash(journey.as_bytes());
        let rows = self.rows(JOURNEYS, Keys::Prefix(&prefix))?;
        rows.iter().map(|row| Found::decode(row)).collect()
    }

    /// All journeys.
    pub(crate) fn all_found(&self) -> Result<Vec<Found>, Error> {
        self.rows(JOURNEYS, Keys::All)?.iter().map(|row| Found::decode(row)).collect()
    }

    /// The request that took a parcel.
    pub(crate) fn parcel_taken(&self, parcel: &str) -> Result<Option<RequestId>, Error> {
        let value = self.value(PARCELS, &self.hash(parcel.as_bytes()))?;
        let id = value.map(|bytes| <[u8; 16]>::try_from(bytes.as_slice()).map(RequestId));
        id.transpose().map_err(internal)
    }

    pub(crate) fn outgoing(&self, key: &EntryKey) -> Result<Option<Outgoing>, Error> {
        self.value(OUTBOX, &out_key(key))?.map(|row| Outgoing::decode(&row)).transpose()
    }

    /// What is not acknowledged of one event.
    pub(crate) fn outgoing_of(&self, commitment: &Commitment) -> Result<Vec<Outgoing>, Error> {
        let rows = self.rows(OUTBOX, Keys::Prefix(&commitment.0))?;
        rows.iter().map(|row| Outgoing::decode(row)).collect()
    }

    pub(crate) fn all_outgoing(&self) -> Result<Vec<Outgoing>, Error> {
        self.rows(OUTBOX, Keys::All)?.iter().map(|row| Outgoing::decode(row)).collect()
    }

    pub(crate) fn all_incoming(&self) -> Result<Vec<Incoming>, Error> {
        self.rows(INBOX, Keys::All)?.iter().map(|row| Incoming::decode(row)).collect()
    }

    /// What was off about the entries of one event.
    pub(crate) fn complaints_of(&self, commitment: &Commitment) -> Result<Vec<Complaint>, Error> {
        let rows = self.rows(COMPLAINTS, Keys::Prefix(&commitment.0))?;
        rows.iter().map(|row| Complaint::decode(row)).collect()
    }

    pub(crate) fn all_complaints(&self) -> Result<Vec<Complaint>, Error> {
        self.rows(COMPLAINTS, Keys::All)?.iter().map(|row| Complaint::decode(row)).collect()
    }

    fn hash(&self, bytes: &[u8]) -> [u8; 32] {
        LOOKUP.mac(&self.lookup, bytes)
    }
}

impl Changes<'_> {
    fn put(&mut self, family: &str, key: &[u8], plain: &[u8]) {
        self.batch.put(family, key, &self.shelf.key.seal_row(family, key, plain));
    }

    pub(crate) fn cursor(&mut self, next: u64) {
        self.put(META, CURSOR, &next.to_be_bytes());
    }

    /// Keeps a plan; one that is not finished is found again by [`Shelf::open_plans`].
    pub(crate) fn plan(&mut self, request: &RequestId, plan: &Plan) {
        self.put(PLANS, &request.0, &plan.encode());
        if plan.is_finished() {
            self.batch.delete(OPEN, &request.0);
        } else {
            self.batch.put(OPEN, &request.0, &[]);
        }
    }

    /// Forgets a plan of which nothing came, and lets others take the item that it had taken.
    pub(crate) fn give_up(&mut self, request: &RequestId, item: Option<&str>) {
        if let Some(item) = item {
            self.batch.delete(PARCELS, &self.shelf.hash(item.as_bytes()));
        }
        self.batch.delete(PLANS, &request.0);
        self.batch.delete(OPEN, &request.0);
    }

    pub(crate) fn found(&mut self, found: &Found) {
        let mut key = self.shelf.hash(found.journey.as_bytes()).to_vec();
        key.extend_from_slice(&self.shelf.hash(&found.commitment.0));
        self.put(JOURNEYS, &key, &found.encode());
    }

    pub(crate) fn take_parcel(&mut self, parcel: &str, request: &RequestId) {
        let key = self.shelf.hash(parcel.as_bytes());
        self.put(PARCELS, &key, &request.0);
    }

    pub(crate) fn outgoing(&mut self, outgoing: &Outgoing) {
        let key = out_key(&EntryKey::of(&outgoing.entry));
        self.put(OUTBOX, &key, &outgoing.encode());
    }

    pub(crate) fn acknowledged(&mut self, key: &EntryKey) {
        self.batch.delete(OUTBOX, &out_key(key));
    }

    pub(crate) fn incoming(&mut self, incoming: &Incoming) {
        let key = in_key(&incoming.entry.commitment, incoming.entry.part);
        self.put(INBOX, &key, &incoming.encode());
    }

    pub(crate) fn settled(&mut self, commitment: &Commitment, part: u32) {
        self.batch.delete(INBOX, &in_key(commitment, part));
    }

    /// Keeps a complaint; the same one is kept once.
    pub(crate) fn complaint(&mut self, complaint: &Complaint) {
        let plain = complaint.encode();
        let key = [complaint.commitment.0, self.shelf.hash(&plain)].concat();
        self.put(COMPLAINTS, &key, &plain);
    }

    /// Writes them, and returns when no crash undoes them.
    pub(crate) fn write(self) -> Result<(), Error> {
        self.shelf.store.write(self.batch, Sync::Yes).map_err(internal)
    }

    /// Writes what a power cut may undo, for it would be done again.
    pub(crate) fn write_loosely(self) -> Result<(), Error> {
        self.shelf.store.write(self.batch, Sync::No).map_err(internal)
    }
}

fn out_key(key: &EntryKey) -> Vec<u8> {
    [&key.commitment.0[..], &key.part.to_be_bytes(), key.reader.as_str().as_bytes()].concat()
}

fn in_key(commitment: &Commitment, part: u32) -> Vec<u8> {
    [&commitment.0[..], &part.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shelf_opens_with_its_own_key_for_its_own_member_only() {
        let folder = tempfile::tempdir().unwrap();
        let (key, other) = (StorageKey::from_bytes([1; 32]), StorageKey::from_bytes([2; 32]));
        let seller: MemberId = "zj-merchant".parse().unwrap();
        let shelf = Shelf::open(folder.path(), key.clone(), &seller).unwrap();
        let mut changes = shelf.changes();
        changes.cursor(7);
        changes.write().unwrap();
        drop(shelf);

        let refused = |key: &StorageKey, member: &str| {
            let member = member.parse().unwrap();
            Shelf::open(folder.path(), key.clone(), &member).err().unwrap().to_string()
        };
        assert!(refused(&other, "zj-merchant").contains("storage key"));
        assert!(refused(&key, "sky-air").contains("is the one of zj-merchant"));
        assert_eq!(Shelf::open(folder.path(), key, &seller).unwrap().cursor().unwrap(), 7);
    }
}
