//! Read a node's configuration, and refuse what it does not know.

mod keys;
mod reference;

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use party::{ConsortiumId, MemberId, SiteId};
use serde::Deserialize;

pub use keys::{Keys, KeysLink, KeysMember, LinkEnd};
pub use reference::{ENTRIES, Entry, markdown};

use crate::{Error, disk};

/// What a node may do; one process may do several things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Orders statements, keeps the log and the state, proves both.
    Ledger,
    /// Draws and recovers secrets for the members of a site, and runs its quantum links.
    Keys,
    /// Captures events and answers traces for the members of a site.
    Gateway,
}

impl Role {
    /// The role's word in configuration, arguments and folders.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Keys => "keys",
            Self::Gateway => "gateway",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "ledger" => Ok(Self::Ledger),
            "keys" => Ok(Self::Keys),
            "gateway" => Ok(Self::Gateway),
            other => Err(format!("no role {other:?}; there are ledger, keys and gateway")),
        }
    }
}

/// What one node is told. Paths in the file are relative to its folder; here they are resolved.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The file that this was read from.
    #[serde(skip)]
    pub path: PathBuf,
    /// The consortium that the node belongs to.
    pub consortium: ConsortiumId,
    /// The roles started when `--role` names none.
    pub roles: BTreeSet<Role>,
    /// Whom the node believes.
    pub trust: Trust,
    /// The ledger role.
    pub ledger: Option<Ledger>,
    /// The keys role.
    pub keys: Option<Keys>,
    /// The gateway role.
    pub gateway: Option<Gateway>,
    /// What the command line uses when it calls these nodes.
    pub client: Option<Client>,
    /// How the process ends.
    #[serde(default)]
    pub lifetime: Lifetime,
    /// What the process says of itself.
    #[serde(default)]
    pub log: Log,
}

/// Whom a node believes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// The pinned members file.
    pub members: PathBuf,
    /// The certificate of the authority that issues service certificates.
    pub authority: PathBuf,
    /// The authority's certificate revocation list.
    pub revocations: PathBuf,
    /// How often the revocation list's file is looked at, in milliseconds.
    #[serde(default = "Trust::default_poll_interval_ms")]
    pub poll_interval_ms: u64,
}

/// The ledger role's part.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder with the log and the state.
    pub data: PathBuf,
    /// The node's certificate.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// The signed genesis statement, log entry 0.
    pub genesis: PathBuf,
    /// The member in whose name receipts and checkpoints are signed.
    pub operator: MemberId,
    /// That member's receipt key.
    pub receipt_key: PathBuf,
    /// How much may wait to be ordered before callers are told to come back, in MiB.
    #[serde(default = "Ledger::default_max_pending_mib")]
    pub max_pending_mib: usize,
}

/// The gateway role's part.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder with the gateway's own index.
    pub data: PathBuf,
    /// The certificate under which it listens.
    pub certificate: PathBuf,
    /// That certificate's private key.
    pub key: PathBuf,
    /// Where the ledger is when it does not run in the same process: an `https://` URL, or the path
    /// of the `address` file that a ledger on this machine writes. Without it, the ledger that this
    /// file configures.
    pub ledger: Option<String>,
    /// After how long what a reader has not acknowledged is sealed to it again, in milliseconds.
    #[serde(default = "Gateway::default_reseal_after_ms")]
    pub reseal_after_ms: u64,
    /// The sites that the gateway serves.
    #[serde(rename = "site")]
    pub sites: Vec<GatewaySite>,
    /// The members in whose name the gateway captures.
    #[serde(rename = "member")]
    pub members: Vec<GatewayMember>,
}

/// A site's service identity, with which the gateway calls a ledger in another process.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewaySite {
    /// The site.
    pub id: SiteId,
    /// Its gateway's certificate.
    pub certificate: PathBuf,
    /// That certificate's private key.
    pub key: PathBuf,
    /// Where the site's keys are drawn when that is another process: an `https://` URL, or the path
    /// of the `address` file that a keys node on this machine writes. Without it, the keys that this
    /// file configures.
    pub keys: Option<String>,
}

/// The keys with which the gateway acts for a member.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayMember {
    /// The member.
    pub id: MemberId,
    /// The site from which it captures.
    pub site: SiteId,
    /// Its statement key.
    pub statement_key: PathBuf,
    /// The key from which the seeds of its events derive.
    pub seed_key: PathBuf,
    /// The key under which its opened events, content keys and item secrets lie on disk.
    pub storage_key: PathBuf,
}

/// What the command line uses when it calls the nodes of this file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// In whose name, unless `--as` says otherwise.
    pub member: MemberId,
    /// The folder with one folder per member, each with `client.pem` and `client.key`.
    pub members: PathBuf,
}

/// How a process ends.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lifetime {
    /// How long calls under way may take to end after SIGTERM or SIGINT, in milliseconds.
    pub drain_timeout_ms: u64,
}

/// What a process says of itself, to stderr.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Text for people or JSON for machines.
    pub format: LogFormat,
    /// Which events are said, in the syntax of tracing's `EnvFilter`; `RUST_LOG` overrides it.
    pub filter: String,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One readable line per event.
    Text,
    /// One JSON object per event.
    Json,
}

impl Default for Lifetime {
    fn default() -> Self {
        Self { drain_timeout_ms: 10_000 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

impl Trust {
    fn default_poll_interval_ms() -> u64 {
        1_000
    }

    /// How often the revocation list's file is looked at.
    #[must_use]
    pub fn poll_interval(&self) -> Duration {
        Duration::from_millis(self.poll_interval_ms)
    }
}

impl Ledger {
    fn default_max_pending_mib() -> usize {
        256
    }
}

impl Gateway {
    fn default_reseal_after_ms() -> u64 {
        10_000
    }

    /// After how long what a reader has not acknowledged is sealed to it again.
    #[must_use]
    pub fn reseal_after(&self) -> Duration {
        Duration::from_millis(self.reseal_after_ms)
    }
}

impl Lifetime {
    /// How long calls under way may take to end.
    #[must_use]
    pub fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }
}

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when it cannot be read, [`Error::Config`] when a key is unknown, missing,
    /// malformed, or at odds with another; the message names the line or the key.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = disk::read_text(path)?;
        let mut config: Self = toml::from_str(&text).map_err(|error| Error::Config {
            path: path.to_owned(),
            message: error.to_string().trim_end().to_owned(),
        })?;
        config.path = path.to_owned();
        config.resolve();
        config.check()?;
        Ok(config)
    }

    /// Says what is wrong with a key of this file.
    pub(crate) fn wrong(&self, message: impl Into<String>) -> Error {
        Error::Config { path: self.path.clone(), message: message.into() }
    }

    /// Makes the paths independent of the working folder.
    fn resolve(&mut self) {
        let folder = self.path.parent().unwrap_or_else(|| Path::new("")).to_owned();
        let under = |path: &mut PathBuf| *path = folder.join(&*path);
        under(&mut self.trust.members);
        under(&mut self.trust.authority);
        under(&mut self.trust.revocations);
        if let Some(ledger) = &mut self.ledger {
            under(&mut ledger.data);
            under(&mut ledger.certificate);
            under(&mut ledger.key);
            under(&mut ledger.genesis);
            under(&mut ledger.receipt_key);
        }
        if let Some(keys) = &mut self.keys {
            keys.resolve(&folder);
        }
        if let Some(gateway) = &mut self.gateway {
            under(&mut gateway.data);
            under(&mut gateway.certificate);
            under(&mut gateway.key);
            for site in &mut gateway.sites {
                under(&mut site.certificate);
                under(&mut site.key);
                if let Some(keys) = &mut site.keys {
                    resolve_address(keys, &folder);
                }
            }
            for member in &mut gateway.members {
                under(&mut member.statement_key);
                under(&mut member.seed_key);
                under(&mut member.storage_key);
            }
            if let Some(ledger) = &mut gateway.ledger {
                resolve_address(ledger, &folder);
            }
        }
        if let Some(client) = &mut self.client {
            under(&mut client.members);
        }
    }

    /// Checks what the grammar cannot.
    fn check(&self) -> Result<(), Error> {
        for role in &self.roles {
            self.check_role(*role)?;
        }
        if self.trust.poll_interval_ms == 0 {
            return Err(self.wrong("trust.poll_interval_ms: must be at least 1"));
        }
        if let Some(keys) = &self.keys {
            keys.check().map_err(|message| self.wrong(message))?;
        }
        let Some(gateway) = &self.gateway else {
            return Ok(());
        };
        if let Some(ledger) = &gateway.ledger {
            check_address("gateway.ledger", ledger).map_err(|message| self.wrong(message))?;
        }
        for keys in gateway.sites.iter().filter_map(|site| site.keys.as_ref()) {
            check_address("gateway.site.keys", keys).map_err(|message| self.wrong(message))?;
        }
        let mut seen = BTreeSet::new();
        for member in &gateway.members {
            if !seen.insert(&member.id) {
                return Err(self.wrong(format!("gateway.member: {} is given twice", member.id)));
            }
            if !gateway.sites.iter().any(|site| site.id == member.site) {
                return Err(self.wrong(format!(
                    "gateway.member: {} captures from site {}, which no [[gateway.site]] describes",
                    member.id, member.site
                )));
            }
        }
        if gateway.members.is_empty() {
            return Err(self.wrong("gateway.member: name at least one member to act for"));
        }
        Ok(())
    }

    /// Checks that a role asked for is configured.
    pub(crate) fn check_role(&self, role: Role) -> Result<(), Error> {
        let there = match role {
            Role::Ledger => self.ledger.is_some(),
            Role::Keys => self.keys.is_some(),
            Role::Gateway => self.gateway.is_some(),
        };
        if there {
            return Ok(());
        }
        Err(self.wrong(format!("role {role} is asked for, but there is no section [{role}]")))
    }
}

/// Makes the path of an address file independent of the working folder; a URL stays as it is.
fn resolve_address(address: &mut String, folder: &Path) {
    if !address.contains("://") {
        *address = folder.join(&*address).to_string_lossy().into_owned();
    }
}

/// Checks that an address is a file, or a URL whose port speaks TLS.
fn check_address(key: &str, address: &str) -> Result<(), String> {
    if address.contains("://") && !address.starts_with("https://") {
        return Err(format!(
            "{key}: {address:?} is not an https URL; every port speaks mutual TLS"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
