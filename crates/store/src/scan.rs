//! Reading the rows of a family in order.

use std::fmt;

use rocksdb::{DB, DBIteratorWithThreadMode, Direction, IteratorMode, ReadOptions};

use crate::Error;
use crate::open::Inner;

/// A key and its value.
pub type Row = (Box<[u8]>, Box<[u8]>);

/// Which keys of a family to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys<'a> {
    /// All of them.
    All,
    /// Those that begin so.
    Prefix(&'a [u8]),
    /// From this one on.
    From(&'a [u8]),
    /// From the first, up to and without the second.
    Range(&'a [u8], &'a [u8]),
}

/// The rows of a family, in the order of their keys.
pub struct Scan<'a> {
    inner: &'a Inner,
    rows: DBIteratorWithThreadMode<'a, DB>,
}

impl fmt::Debug for Scan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").finish_non_exhaustive()
    }
}

impl<'a> Scan<'a> {
    /// Starts a scan over `keys`; `how` may carry a snapshot.
    pub(crate) fn start(
        inner: &'a Inner,
        family: &str,
        keys: Keys<'_>,
        mut how: ReadOptions,
    ) -> Result<Self, Error> {
        let handle = inner.family(family)?;
        let first: &[u8] = match keys {
            Keys::All => &[],
            Keys::Prefix(first) | Keys::From(first) => first,
            Keys::Range(first, end) => {
                how.set_iterate_upper_bound(end);
                first
            }
        };
        if let Keys::Prefix(prefix) = keys
            && let Some(end) = after_prefix(prefix)
        {
            how.set_iterate_upper_bound(end);
        }
        let mode = IteratorMode::From(first, Direction::Forward);
        Ok(Self { inner, rows: inner.database.iterator_cf_opt(handle, how, mode) })
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.rows.next()?.map_err(|error| self.inner.sort(&error)))
    }
}

/// The least key that is greater than every key beginning with `prefix`; `None` if there is none.
fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_the_next_key_of_its_length_or_less() {
        assert_eq!(after_prefix(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(after_prefix(&[1, 255]), Some(vec![2]));
        assert_eq!(after_prefix(&[255, 255]), None);
        assert_eq!(after_prefix(b""), None);
    }
}
