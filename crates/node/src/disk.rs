//! Write a file whole or not at all; keep a secret for its owner alone.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::Error;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Anybody on the machine: certificates, members, configuration.
    Anyone,
    /// The owner alone: keys.
    Owner,
}

/// Writes `bytes` to `path` through a neighbour that is synced and then renamed over it, so that a
/// crash leaves either the old file or the new one.
pub(crate) fn write(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), Error> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    let fail = |error: std::io::Error| Error::file("write", path, &error);
    let mode = match readers {
        Readers::Anyone => 0o644,
        Readers::Owner => 0o600,
    };
    // A neighbour left by a crash may carry other permissions; the mode below holds on creation only.
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fail(error)),
        _ => {}
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(&fresh).map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    file.sync_all().map_err(fail)?;
    fs::rename(&fresh, path).map_err(fail)?;
    if let Some(folder) = path.parent() {
        // The rename itself lives in the folder.
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(fail)?;
    }
    Ok(())
}

/// Makes a folder and its parents; those made are closed to others when they will hold keys.
pub(crate) fn make_folder(path: &Path, readers: Readers) -> Result<(), Error> {
    let mode = match readers {
        Readers::Anyone => 0o755,
        Readers::Owner => 0o700,
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(|error| Error::file("make", path, &error))
}

/// Reads a whole file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| Error::file("read", path, &error))
}

/// Reads a text file.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| Error::file("read", path, &error))
}

/// Reads a 32-byte key kept as one line of hexadecimal.
pub(crate) fn read_key(path: &Path) -> Result<Zeroizing<[u8; 32]>, Error> {
    let text = Zeroizing::new(read_text(path)?);
    let mut key = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim_end(), &mut *key).map_err(|_| {
        Error::credential(path, "not a key: expected one line of 64 hexadecimal digits")
    })?;
    Ok(key)
}

/// Writes a 32-byte key as one line of hexadecimal, readable by its owner alone.
pub(crate) fn write_key(path: &Path, key: &[u8; 32]) -> Result<(), Error> {
    let mut text = Zeroizing::new(hex::encode(key));
    text.push('\n');
    write(path, text.as_bytes(), Readers::Owner)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_is_for_its_owner_alone_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("statement.key");
        write_key(&path, &[7; 32]).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(*read_key(&path).unwrap(), [7; 32]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no neighbour is left");
    }

    #[test]
    fn a_key_file_of_another_length_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seed.key");
        write(&path, b"abcd\n", Readers::Owner).unwrap();
        let error = read_key(&path).unwrap_err();
        assert!(error.to_string().contains("seed.key"), "{error}");
    }

    #[test]
    fn a_neighbour_left_by_a_crash_does_not_lend_its_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("receipt.key");
        write(&folder.path().join("receipt.key.new"), b"half", Readers::Anyone).unwrap();
        write_key(&path, &[1; 32]).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
