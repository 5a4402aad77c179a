//! Load whom a node believes, and keep the revocation list fresh.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use party::Members;
use rpc::{Revoked, Trust};
use tokio_util::sync::CancellationToken;

use crate::{Config, Error, disk};

/// Whom a node believes: pinned members, the authority, the revocation list.
#[derive(Clone, Debug)]
pub(crate) struct Believed {
    /// The pinned members.
    pub(crate) members: Arc<Members>,
    /// The authority's certificate.
    pub(crate) authority_pem: String,
    /// The certificates that no longer count, shared by every server of the process.
    pub(crate) revoked: Revoked,
    /// What the file of them looked like before it was read: a change since then is still unread.
    seen: Option<(SystemTime, u64)>,
}

impl Believed {
    /// Loads what `config` names.
    ///
    /// # Errors
    ///
    /// [`Error::File`], [`Error::Credential`], or [`Error::Config`] when the members file belongs to
    /// another consortium.
    pub(crate) fn load(config: &Config) -> Result<Self, Error> {
        let path = &config.trust.members;
        let members = Members::from_json(&disk::read_text(path)?)
            .map_err(|error| Error::credential(path, error.to_string()))?;
        if *members.consortium() != config.consortium {
            return Err(config.wrong(format!(
                "consortium is {}, but {} is of {}",
                config.consortium,
                path.display(),
                members.consortium()
            )));
        }
        let believed = Self {
            members: Arc::new(members),
            authority_pem: disk::read_text(&config.trust.authority)?,
            revoked: Revoked::default(),
            seen: stamp(&config.trust.revocations),
        };
        believed.read_revocations(&config.trust.revocations)?;
        Ok(believed)
    }

    /// The same as the servers take it.
    pub(crate) fn trust(&self) -> Trust {
        Trust::new(Arc::clone(&self.members), self.revoked.clone())
    }

    fn read_revocations(&self, path: &Path) -> Result<usize, Error> {
        self.revoked
            .load(&disk::read_text(path)?, &self.authority_pem)
            .map_err(|error| Error::credential(path, error.to_string()))
    }

    /// Reads the revocation list again whenever its file changes, until `stop`. A list that cannot be
    /// read or is not the authority's leaves the last good one in force.
    ///
    /// The file is looked at rather than watched: a mounted secret is replaced by a swapped link,
    /// which a watch on the file does not see.
    pub(crate) async fn keep_fresh(mut self, config: Config, stop: CancellationToken) {
        let path = &config.trust.revocations;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(config.trust.poll_interval()) => {}
            }
            let now = stamp(path);
            if now == self.seen {
                continue;
            }
            // A list that is refused is said once for each change of the file.
            self.seen = now;
            match self.read_revocations(path) {
                Ok(revoked) => {
                    tracing::info!(revoked, file = %path.display(), "read the revocation list again");
                }
                Err(error) => {
                    tracing::warn!(%error, "the last good revocation list stays in force");
                }
            }
        }
    }
}

/// What changes whenever a file is replaced: its time and its length.
fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let facts = fs::metadata(path).ok()?;
    Some((facts.modified().ok()?, facts.len()))
}
