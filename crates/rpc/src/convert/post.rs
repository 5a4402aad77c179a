//! Between the messages about reader entries and the types of the ledger and of the gateway's post.

use bytes::Bytes;
use statement::ReaderEntry;

use crate::field;
use crate::pb::ledger::v1 as pb;
use crate::pb::ledger::v1::reader_entry_notice::What;
use crate::refusal::Refusal;

/// Most bytes of one reader entry: a handle of 65,535 bytes and what goes with it.
const MAX_ENTRY_BYTES: usize = 80 * 1024;

pub(crate) fn entries_in(entries: Vec<Bytes>) -> Result<Vec<ReaderEntry>, Refusal> {
    let entry = |(at, bytes): (usize, Bytes)| {
        let path = format!("entries[{at}]");
        let bytes = field::bytes(&path, bytes, MAX_ENTRY_BYTES)?;
        ReaderEntry::decode(&bytes).map_err(|error| Refusal::from(error).at(path))
    };
    entries.into_iter().enumerate().map(entry).collect()
}

pub(crate) fn keys_in(keys: &[pb::ReaderEntryKey]) -> Result<Vec<ledger::EntryKey>, Refusal> {
    keys.iter().enumerate().map(|(at, key)| key_in(&format!("keys[{at}]"), key)).collect()
}

fn key_in(path: &str, key: &pb::ReaderEntryKey) -> Result<ledger::EntryKey, Refusal> {
    Ok(ledger::EntryKey {
        commitment: field::commitment(&format!("{path}.commitment"), &key.commitment)?,
        part: key.part,
        reader: field::member_id(&format!("{path}.reader"), &key.reader)?,
    })
}

fn key_out(key: &ledger::EntryKey) -> pb::ReaderEntryKey {
    pb::ReaderEntryKey {
        commitment: Bytes::copy_from_slice(&key.commitment.0),
        part: key.part,
        reader: key.reader.to_string(),
    }
}

pub(crate) fn posted_key_out(key: &gateway::EntryKey) -> pb::ReaderEntryKey {
    let gateway::EntryKey { commitment, part, reader } = key.clone();
    key_out(&ledger::EntryKey { commitment, part, reader })
}

pub(crate) fn notice_out(notice: ledger::Notice) -> pb::ReaderEntryNotice {
    let what = match notice.what {
        ledger::What::Put(entry) => What::Put(entry.encode().into()),
        ledger::What::Removed { key, by, sealer } => What::Removed(pb::ReaderEntryRemoval {
            key: Some(key_out(&key)),
            by: by.to_string(),
            sealer: sealer.to_string(),
        }),
    };
    pb::ReaderEntryNotice { sequence: notice.sequence, what: Some(what) }
}

pub(crate) fn notice_in(notice: pb::ReaderEntryNotice) -> Result<gateway::Notice, Refusal> {
    let what = match notice.what {
        Some(What::Put(entry)) => {
            let entry = ReaderEntry::decode(&entry).map_err(Refusal::from)?;
            gateway::What::Put(Box::new(entry))
        }
        Some(What::Removed(removal)) => {
            let key = removal.key.ok_or_else(|| Refusal::missing("removed.key"))?;
            let ledger::EntryKey { commitment, part, reader } = key_in("removed.key", &key)?;
            gateway::What::Removed {
                key: gateway::EntryKey { commitment, part, reader },
                by: field::member_id("removed.by", &removal.by)?,
                sealer: field::member_id("removed.sealer", &removal.sealer)?,
            }
        }
        None => return Err(Refusal::missing("notice.what")),
    };
    Ok(gateway::Notice { sequence: notice.sequence, what })
}
