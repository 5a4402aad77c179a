//! Why a node could not be made, configured or kept running.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::config::Role;

/// Why a node could not be made, configured or kept running.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder holds a consortium already; making another one there would destroy its keys.
    #[error("{} already holds a consortium ({})", folder.display(), found.display())]
    AlreadyInitialised {
        /// The state folder.
        folder: PathBuf,
        /// The file that shows it.
        found: PathBuf,
    },
    /// The state folder holds no consortium yet.
    #[error("{} holds no consortium: {} is missing", folder.display(), missing.display())]
    NotInitialised {
        /// The state folder.
        folder: PathBuf,
        /// The file that should be there.
        missing: PathBuf,
    },
    /// The consortium asked for cannot be made.
    #[error("cannot make this consortium: {message}")]
    Plan {
        /// What is wrong with it, and what to do.
        message: String,
    },
    /// A configuration file does not say what it should.
    #[error("{}: {message}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong in it, naming the key, and what to do.
        message: String,
    },
    /// A file could not be read or written.
    #[error("cannot {verb} {}: {message}", path.display())]
    File {
        /// What was tried: `read`, `write`, `make`.
        verb: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's kind of error.
        kind: io::ErrorKind,
        /// The operating system's words.
        message: String,
    },
    /// A key, certificate or list on disk does not hold what it should.
    #[error("{}: {message}", path.display())]
    Credential {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The development authority could not issue a certificate or a revocation list.
    #[error("the authority could not issue: {message}")]
    Authority {
        /// What the certificate library said.
        message: String,
    },
    /// A role could not listen where it was told to.
    #[error("the {role} cannot listen on {address}: {message}")]
    Listen {
        /// The role.
        role: Role,
        /// The address.
        address: SocketAddr,
        /// The operating system's words.
        message: String,
    },
    /// The ledger's data could not be opened.
    #[error("the ledger in {} cannot be opened: {message}", path.display())]
    Ledger {
        /// Its folder.
        path: PathBuf,
        /// What the ledger said.
        message: String,
    },
    /// What the ledger keeps is damaged: it must not be served, nor started over.
    #[error("the ledger in {} does not hold: {message}", path.display())]
    Damaged {
        /// Its folder.
        path: PathBuf,
        /// What the ledger said.
        message: String,
    },
    /// The gateway's index could not be opened.
    #[error("the index in {} cannot be opened: {message}", path.display())]
    Index {
        /// Its folder.
        path: PathBuf,
        /// What the index said.
        message: String,
    },
    /// A store of link keys could not be opened.
    #[error("the key pool in {} cannot be opened: {message}", path.display())]
    Pool {
        /// Its folder.
        path: PathBuf,
        /// What the pool said.
        message: String,
    },
    /// What a gateway keeps for its members could not be opened.
    #[error("the desks in {} cannot be opened: {message}", path.display())]
    Desk {
        /// Their folder.
        path: PathBuf,
        /// What the gateway said.
        message: String,
    },
    /// The ledger that a gateway works with is not known, or its address cannot be used.
    #[error("the gateway does not know its ledger: {message}")]
    NoLedger {
        /// What is missing, and what to do.
        message: String,
    },
    /// Where the keys of a site are drawn is not known, or its address cannot be used.
    #[error("the gateway does not know the keys of site {site}: {message}")]
    NoKeys {
        /// The site.
        site: party::SiteId,
        /// What is missing, and what to do.
        message: String,
    },
    /// A part of the running node ended, or would not end.
    #[error("{message}")]
    Ended {
        /// What was seen.
        message: String,
    },
}

impl Error {
    /// Wraps an operating system error with what was tried on which file.
    pub(crate) fn file(verb: &'static str, path: &Path, error: &io::Error) -> Self {
        Self::File { verb, path: path.to_owned(), kind: error.kind(), message: error.to_string() }
    }

    /// Tells damage from other reasons for which a ledger cannot be used.
    pub(crate) fn of_ledger(path: &Path, error: &ledger::Error) -> Self {
        let (path, message) = (path.to_owned(), error.to_string());
        match error {
            ledger::Error::Damaged { .. } | ledger::Error::LostAcknowledged { .. } => {
                Self::Damaged { path, message }
            }
            _ => Self::Ledger { path, message },
        }
    }

    /// Says that a key or certificate on disk is not what it should be.
    pub(crate) fn credential(path: &Path, message: impl Into<String>) -> Self {
        Self::Credential { path: path.to_owned(), message: message.into() }
    }
}
