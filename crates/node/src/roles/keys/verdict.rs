//! Remember across restarts that a line was shut down.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use crate::disk::{self, Readers};
use crate::{Error, State};

/// The file that says that a line is shut down, and why.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    file: PathBuf,
}

impl Verdict {
    /// The verdict on the link whose data lie in `folder`.
    pub(super) fn in_folder(folder: PathBuf) -> Self {
        Self { file: folder.join(State::SHUT_DOWN_FILE) }
    }

    /// Why the line was shut down, if it was.
    pub(super) fn reason(&self) -> Result<Option<String>, Error> {
        match fs::read_to_string(&self.file) {
            Ok(reason) => Ok(Some(reason.trim_end().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file("read", &self.file, &error)),
        }
    }

    /// Passes it, durably.
    pub(super) fn pass(&self, reason: &str) -> Result<(), Error> {
        disk::write(&self.file, format!("{reason}\n").as_bytes(), Readers::Anyone)
    }

    /// Lifts it, durably.
    pub(super) fn lift(&self) -> Result<(), Error> {
        let failed = |error: &io::Error| Error::file("remove", &self.file, error);
        match fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&error)),
            _ => {}
        }
        match self.file.parent() {
            Some(folder) => File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(|error| failed(&error)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_outlives_the_process_until_it_is_lifted() {
        let folder = tempfile::tempdir().unwrap();
        let verdict = || Verdict::in_folder(folder.path().to_owned());
        assert_eq!(verdict().reason().unwrap(), None);
        verdict().lift().unwrap();
        verdict().pass("25 % of the test bits differ").unwrap();
        assert_eq!(verdict().reason().unwrap().unwrap(), "25 % of the test bits differ");
        verdict().lift().unwrap();
        assert_eq!(verdict().reason().unwrap(), None);
    }
}
