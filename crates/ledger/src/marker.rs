//! The mark of what was acknowledged, beside the store.
//!
//! RocksDB cuts a torn end off its write-ahead log without a word, which is right for what nobody
//! was told of and wrong for anything else. The marker tells the two apart: it is written after each
//! synced commit and before any acknowledgement, and not synced itself, so it can lag behind the
//! store after a power cut but never be ahead of it, unless the store has lost something.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use merkle::Digest;
use parking_lot::Mutex;
use statement::Height;

use crate::Error;

const NAME: &str = "acknowledged";
const TITLE: &str = "quayside acknowledged 1";

/// The file that names the last acknowledged block.
#[derive(Debug)]
pub(crate) struct Marker {
    path: PathBuf,
    file: Mutex<File>,
}

impl Marker {
    /// Opens the marker in `directory` and reads it; it is made empty when it is not there.
    ///
    /// While it is open it is locked, so that two processes never look into one directory to write.
    pub(crate) fn open(directory: &Path) -> Result<(Self, Option<(Height, Digest)>), Error> {
        let path = directory.join(NAME);
        let open = || {
            let mut how = OpenOptions::new();
            let mut file = how.read(true).write(true).create(true).truncate(false).open(&path)?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
                Ok(()) => {}
            }
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            Ok(Some((file, text)))
        };
        let opened = open().map_err(|error| failed(&path, &error))?;
        let (file, text) = opened.ok_or_else(|| Error::File {
            path: directory.display().to_string(),
            why: "it is in use by another process; stop that one first".to_owned(),
        })?;
        let marked = parse(&text).map_err(|why| unreadable(&path, why))?;
        Ok((Self { path, file: Mutex::new(file) }, marked))
    }

    /// Reads the marker in `directory` without making it.
    pub(crate) fn read(directory: &Path) -> Result<Option<(Height, Digest)>, Error> {
        let path = directory.join(NAME);
        match std::fs::read_to_string(&path) {
            Ok(text) => parse(&text).map_err(|why| unreadable(&path, why)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&path, &error)),
        }
    }

    /// Makes every later write fail, as a disk may.
    #[cfg(test)]
    pub(crate) fn break_down(&self) {
        *self.file.lock() = File::open(&self.path).unwrap();
    }

    /// Marks a block as acknowledged. One write of always the same length, so that it is never cut.
    pub(crate) fn write(&self, height: Height, hash: &Digest) -> Result<(), Error> {
        let line = line(height, hash);
        let mut file = self.file.lock();
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.write_all(line.as_bytes()))
            .map_err(|error| failed(&self.path, &error))
    }
}

/// Neither a node nor a check goes past a mark that cannot be read: a person has to.
fn unreadable(path: &Path, why: &str) -> Error {
    let advice = "compare the last block with a checkpoint that another member holds; if the log \
                  goes as far, delete this file, then run `quayside ledger check`";
    Error::File { path: path.display().to_string(), why: format!("{why}; {advice}") }
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::File { path: path.display().to_string(), why: error.to_string() }
}

fn line(height: Height, hash: &Digest) -> String {
    use std::fmt::Write as _;
    let mut line = format!("{TITLE} {:020} ", height.0);
    for byte in hash {
        // Writing to a string cannot fail.
        let _ = write!(line, "{byte:02x}");
    }
    line.push('\n');
    line
}

/// Reads the line; an empty file, or one of zero bytes as a power cut leaves it, marks nothing.
fn parse(text: &str) -> Result<Option<(Height, Digest)>, &'static str> {
    if text.bytes().all(|byte| byte == 0) {
        return Ok(None);
    }
    let read = || {
        let (height, hash) =
            text.strip_prefix(TITLE)?.strip_prefix(' ')?.strip_suffix('\n')?.split_once(' ')?;
        let height = Height(height.parse().ok()?);
        let mut digest = [0; 32];
        for (place, pair) in digest.iter_mut().zip(hash.as_bytes().chunks(2)) {
            *place = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        (line(height, &digest) == text).then_some((height, digest))
    };
    read().map(Some).ok_or("it is not the mark of an acknowledged block")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mark_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let (marker, marked) = Marker::open(directory.path()).unwrap();
        assert_eq!(marked, None);
        for height in [1, 9, 1_000_000] {
            marker.write(Height(height), &[7; 32]).unwrap();
        }
        let error = Marker::open(directory.path()).unwrap_err();
        assert!(error.to_string().contains("in use by another process"), "{error}");
        drop(marker);
        let (_, marked) = Marker::open(directory.path()).unwrap();
        assert_eq!(marked, Some((Height(1_000_000), [7; 32])));
        assert_eq!(Marker::read(directory.path()).unwrap(), marked);
    }

    #[test]
    fn nothing_or_zero_bytes_mark_nothing_and_all_else_is_refused() {
        let good = line(Height(3), &[0xab; 32]);
        assert_eq!(parse(&good), Ok(Some((Height(3), [0xab; 32]))));
        assert_eq!(parse(""), Ok(None));
        assert_eq!(parse("\0\0\0"), Ok(None));
        for bad in [&good[1..], &good[..good.len() - 1], &good.replace('a', "g"), "3"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
