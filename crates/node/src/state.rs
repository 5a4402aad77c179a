//! Name every file of the state folder, in one place.

use std::fs;
use std::path::{Path, PathBuf};

use party::{MemberId, SiteId};

use crate::{Error, disk};

/// The state folder of one machine: which file lies where.
///
/// ```text
///   quayside.toml             all roles in one process      members.json   pinned, public
///   genesis.cbor              the first log entry, signed
///   authority/                ca.pem  ca.key  crl.pem       development only
///   members/<id>/             statement.key receipt.key vote.key seed.key storage.key
///                             x25519.key x-wing.key  client.pem client.key
///   nodes/<name>/             node.toml  node.pem  node.key; a keys node: storage.key link.key
///   data/<role or node>/      what it keeps; `address` while it listens
///   run/                      <node>.pid and <node>.log of the nodes that run apart
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    folder: PathBuf,
}

impl State {
    /// The folder used when neither `--state` nor `QUAYSIDE_STATE` names one.
    pub const DEFAULT_FOLDER: &str = ".quayside";

    /// The file in a link's data folder that says that its line is shut down, and why.
    pub(crate) const SHUT_DOWN_FILE: &str = "shut-down";

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

    /// The name of the node that runs a site's keys.
    #[must_use]
    pub fn keys_node(site: &SiteId) -> String {
        format!("{site}-keys")
    }

    /// The configuration of one node.
    #[must_use]
    pub fn node_config(&self, name: &str) -> PathBuf {
        self.node(name).join("node.toml")
    }

    /// Where the process id of a node that runs apart stands.
    #[must_use]
    pub fn pid_file(&self, name: &str) -> PathBuf {
        self.folder.join("run").join(format!("{name}.pid"))
    }

    /// The nodes that run apart, each in a process of its own, by the process ids that stand in
    /// `run/`; none when one process runs every role.
    #[must_use]
    pub fn nodes_apart(&self) -> Vec<String> {
        let mut nodes: Vec<String> = fs::read_dir(self.folder.join("run"))
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let name = entry.ok()?.file_name();
                Some(name.to_str()?.strip_suffix(".pid")?.to_owned())
            })
            .collect();
        nodes.sort();
        nodes
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
