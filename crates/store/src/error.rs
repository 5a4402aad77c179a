//! Why the store could not do something.

/// Why the store could not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process has the directory open.
    #[error("{path} is in use by another process; stop it first")]
    InUse {
        /// The store's directory.
        path: String,
    },
    /// What is on the disk contradicts its checksums or itself.
    #[error("the store is damaged: {why} ({place})")]
    Damaged {
        /// Directory or family.
        place: String,
        /// What the engine found.
        why: String,
    },
    /// The disk or the file system refused.
    #[error("the disk failed: {why} ({place})")]
    Disk {
        /// Directory or family.
        place: String,
        /// What the system says.
        why: String,
    },
    /// A family was named that the store was not opened with: a bug.
    #[error("the store was not opened with a family {name:?}")]
    UnknownFamily {
        /// The name.
        name: String,
    },
}

impl Error {
    /// Sorts an error of the engine; `place` is the directory or family that it concerns.
    pub(crate) fn sort(error: &rocksdb::Error, place: impl Into<String>) -> Self {
        let (place, why) = (place.into(), error.as_ref().to_owned());
        match error.kind() {
            rocksdb::ErrorKind::Corruption => Self::Damaged { place, why },
            // The engine has no kind of its own for a lock that somebody else holds.
            rocksdb::ErrorKind::IOError if why.contains("lock") && why.contains("LOCK") => {
                Self::InUse { path: place }
            }
            _ => Self::Disk { place, why },
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::InUse { .. })
    }
}
