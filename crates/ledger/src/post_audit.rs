//! Checking the post offline: every entry is of an event that the log holds, and every notice leads
//! to an entry.

use store::{Keys, Store};

use crate::moment::Moment;
use crate::post::{EntryKey, check_sealed, read_next};
use crate::post_rows::{Now, PostRow, damaged, decode_row_key, notice_key};
use crate::rows::wide;
use crate::{Error, Failure, keys};

/// Checks all rows of the post; gives how many entries are there.
///
/// Their signatures were verified when they were put: a key that is retired since proves nothing
/// against them.
pub(crate) fn check(store: &Store, moment: &Moment<'_>) -> Result<u64, Error> {
    let next = read_next(store.value(keys::META, keys::POSTED)?)?;
    let (mut entries, mut notices) = (0_u64, 0_u64);
    for row in store.scan(keys::READERS, Keys::All)? {
        let (address, row) = row?;
        let (key, row) = (decode_row_key(&address)?, PostRow::decode(&row)?);
        if row.sequence >= next {
            return Err(damaged("a notice has a number that was not given yet"));
        }
        for member in [&key.reader, &row.sealer] {
            let told = store.value(keys::NOTICES, &notice_key(member, row.sequence))?;
            if told.as_deref() != Some(&address) {
                return Err(damaged("no notice leads to an entry"));
            }
        }
        notices = notices.saturating_add(if key.reader == row.sealer { 1 } else { 2 });
        let Now::Put(entry) = row.now else { continue };
        if EntryKey::of(&entry) != key || entry.sealer != row.sealer || entry.id() != row.id {
            return Err(damaged("an entry is not the one that its row is for"));
        }
        check_sealed(moment, std::slice::from_ref(&*entry)).map_err(|failure| match failure {
            Failure::Broken(error) => error,
            Failure::Refused(refusal) => damaged(&refusal.to_string()),
        })?;
        entries = entries.saturating_add(1);
    }
    if wide(store.scan(keys::NOTICES, Keys::All)?.count()) != notices {
        return Err(damaged("there are notices that lead to no entry"));
    }
    Ok(entries)
}
