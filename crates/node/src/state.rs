//! Name every file of the state folder, in one place.

use std::path::{Path, PathBuf};

use party::{MemberId, SiteId};

use crate::{Error, disk};

/// The state folder of one machine: which file lies where.
///
/// ```text
///   quayside.toml             all roles in one process      members.json   pinned, public
///   genesis.cbor              the first log entry, signed
///   authority/                ca.pem  ca.key  crl.pem       development only
///   members/<id>/             statement.key receipt.key vote.key seed.key  client.pem client.key
///   nodes/<name>/             node.toml  node.pem  node.key
///   data/<role>/              what the role keeps; `address` while it listens
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    folder: PathBuf,
}

impl State {
    /// The folder used when neither `--state` nor `QUAYSIDE_STATE` names one.
    pub const DEFAULT_FOLDER: &str = ".quayside";

    /// Names the files of `folder`, which need not exist.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The configuration of the node that runs every role.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.join("quayside.toml")
    }

    /// The members file that a verifier pins.
    #[must_use]
    pub fn members(&self) -> PathBuf {
        self.folder.join("members.json")
    }

    /// The signed genesis statement.
    #[must_use]
    pub fn genesis(&self) -> PathBuf {
        self.folder.join("genesis.cbor")
    }

    /// The folder of the development authority.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.join("authority")
    }

    /// The authority's certificate, which every port trusts.
    #[must_use]
    pub fn authority_certificate(&self) -> PathBuf {
        self.authority().join("ca.pem")
    }

    /// The authority's private key.
    #[must_use]
    pub fn authority_key(&self) -> PathBuf {
        self.authority().join("ca.key")
    }

    /// The certificate revocation list.
    #[must_use]
    pub fn revocations(&self) -> PathBuf {
        self.authority().join("crl.pem")
    }

    /// The folder with one member's keys and client certificate.
    #[must_use]
    pub fn member(&self, id: &MemberId) -> PathBuf {
        self.folder.join("members").join(id.as_str())
    }

    /// The folder with one node's configuration and certificate.
    #[must_use]
    pub fn node(&self, name: &str) -> PathBuf {
        self.folder.join("nodes").join(name)
    }

    /// The name of the node that runs a member's ledger.
    #[must_use]
    pub fn ledger_node(operator: &MemberId) -> String {
        format!("{operator}-ledger")
    }

    /// The name of the node that runs a site's gateway.
    #[must_use]
    pub fn gateway_node(site: &SiteId) -> String {
        format!("{site}-gateway")
    }

    /// The folder with what a role keeps.
    #[must_use]
    pub fn data(&self, role: &str) -> PathBuf {
        self.folder.join("data").join(role)
    }

    /// Checks that a consortium was made here.
    ///
    /// # Errors
    ///
    /// [`Error::NotInitialised`] names the first file that is missing.
    pub fn require(&self) -> Result<(), Error> {
        for needed in [self.config(), self.members(), self.genesis()] {
            if !needed.exists() {
                return Err(Error::NotInitialised { folder: self.folder.clone(), missing: needed });
            }
        }
        Ok(())
    }
}

/// The file in a role's data folder that holds, while the role listens, the address it listens on.
///
/// With port 0 the operating system chooses the port, and this is where others find it.
pub const ADDRESS_FILE: &str = "address";

/// Reads the address that a running role wrote, if one runs (or died without tidying up).
#[must_use]
pub fn listening_address(data: &Path) -> Option<std::net::SocketAddr> {
    disk::read_text(&data.join(ADDRESS_FILE)).ok()?.trim().parse().ok()
}
