//! Start the roles, wire them together, and see them to their end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::config::Role;
use crate::disk::{self, Readers};
use crate::roles::{gateway, keys, ledger};
use crate::trust::Believed;
use crate::{ADDRESS_FILE, Config, Error, listening_address};

/// How long after the drain deadline the rest of the process may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// A running node: the roles of one process.
///
/// # Contract
///
/// - Listening: once [`Node::start`] has returned, every role answers at its address.
/// - Found: each role's address stands in the file `address` of its data folder while it runs.
/// - Ending: [`Node::stop`] lets calls under way end within the drain deadline, then commits what
///   was accepted, then closes the store; nothing acknowledged is lost by any other end.
#[derive(Debug)]
pub struct Node {
    addresses: BTreeMap<Role, SocketAddr>,
    /// The data folders in which an address was written down, and which.
    announced: Vec<(PathBuf, SocketAddr)>,
    /// Ends the servers and the followers, which live on the ledger.
    serving: CancellationToken,
    servers: JoinSet<Result<(), Error>>,
    /// Ends the orderer, once nobody submits any more.
    working: CancellationToken,
    workers: JoinSet<Result<(), Error>>,
    drain_timeout: Duration,
}

/// The tasks that a role starts, and the tokens that end them.
#[derive(Debug)]
pub(crate) struct Tasks<'a> {
    pub(crate) serving: &'a CancellationToken,
    pub(crate) servers: &'a mut JoinSet<Result<(), Error>>,
    pub(crate) working: &'a CancellationToken,
    pub(crate) workers: &'a mut JoinSet<Result<(), Error>>,
    pub(crate) drain_timeout: Duration,
}

impl Node {
    /// Starts `roles` as `config` says. The roles of one process are joined in memory.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] when a role is not configured, [`Error::Listen`] when a port is taken,
    /// [`Error::File`] and [`Error::Credential`] when a key or certificate cannot be used,
    /// [`Error::Ledger`] and [`Error::Index`] when what a role keeps cannot be opened.
    pub async fn start(config: &Config, roles: &BTreeSet<Role>) -> Result<Self, Error> {
        for role in roles {
            config.check_role(*role)?;
        }
        install_tls_provider();
        let believed = Believed::load(config)?;
        let mut node = Self {
            addresses: BTreeMap::new(),
            announced: Vec::new(),
            serving: CancellationToken::new(),
            servers: JoinSet::new(),
            working: CancellationToken::new(),
            workers: JoinSet::new(),
            drain_timeout: config.lifetime.drain_timeout(),
        };
        if let Err(error) = node.start_roles(config, roles, &believed).await {
            // What was started before must not outlive the failure.
            node.stop().await?;
            return Err(error);
        }
        let fresh = believed.keep_fresh(config.clone(), node.serving.clone());
        node.servers.spawn(async move {
            fresh.await;
            Ok(())
        });
        Ok(node)
    }

    async fn start_roles(
        &mut self,
        config: &Config,
        roles: &BTreeSet<Role>,
        believed: &Believed,
    ) -> Result<(), Error> {
        let mut neighbours = gateway::Neighbours::default();
        if let Some(ledger) = config.ledger.as_ref().filter(|_| roles.contains(&Role::Ledger)) {
            // Open bodies lie there: for the owner alone, whoever makes it.
            disk::make_folder(&ledger.data, Readers::Owner)?;
            let (listener, address) = listen(Role::Ledger, ledger.listen).await?;
            let opened = ledger::start(ledger, believed, listener, &mut self.tasks()).await?;
            neighbours.ledger = Some(opened);
            self.announce(Role::Ledger, address, &ledger.data)?;
        }
        if let Some(found) = config.keys.as_ref().filter(|_| roles.contains(&Role::Keys)) {
            disk::make_folder(&found.data, Readers::Owner)?;
            let (listener, address) = listen(Role::Keys, found.listen).await?;
            let tasks = &mut self.tasks();
            let started = keys::start(config, found, believed, listener, tasks).await?;
            neighbours.keys = Some(started);
            self.announce(Role::Keys, address, &found.data)?;
        }
        if let Some(gateway) = config.gateway.as_ref().filter(|_| roles.contains(&Role::Gateway)) {
            disk::make_folder(&gateway.data, Readers::Owner)?;
            let (listener, address) = listen(Role::Gateway, gateway.listen).await?;
            let place = gateway::Place { config, gateway, believed };
            gateway::start(place, neighbours, listener, &mut self.tasks()).await?;
            self.announce(Role::Gateway, address, &gateway.data)?;
        }
        Ok(())
    }

    fn tasks(&mut self) -> Tasks<'_> {
        Tasks {
            serving: &self.serving,
            servers: &mut self.servers,
            working: &self.working,
            workers: &mut self.workers,
            drain_timeout: self.drain_timeout,
        }
    }

    /// Writes down where a role is: only now that its store is open, and so nobody else's, may the
    /// file of another node in the same folder be written over.
    fn announce(&mut self, role: Role, address: SocketAddr, data: &Path) -> Result<(), Error> {
        let file = data.join(ADDRESS_FILE);
        disk::write(&file, format!("{address}\n").as_bytes(), Readers::Anyone)?;
        self.addresses.insert(role, address);
        self.announced.push((data.to_owned(), address));
        Ok(())
    }

    /// Where each role listens.
    #[must_use]
    pub fn addresses(&self) -> &BTreeMap<Role, SocketAddr> {
        &self.addresses
    }

    /// Where one role listens.
    #[must_use]
    pub fn address(&self, role: Role) -> Option<SocketAddr> {
        self.addresses.get(&role).copied()
    }

    /// Waits until a part of the node ends by itself, which is a failure: they run until stopped.
    ///
    /// # Errors
    ///
    /// Always: what failed.
    pub async fn failed(&mut self) -> Error {
        let ended = tokio::select! {
            Some(ended) = self.servers.join_next() => ended,
            Some(ended) = self.workers.join_next() => ended,
            else => return std::future::pending().await,
        };
        match ended {
            Ok(Err(error)) => error,
            Ok(Ok(())) => Error::Ended { message: "a part of the node ended by itself".to_owned() },
            Err(error) => Error::Ended { message: error.to_string() },
        }
    }

    /// Stops: no new calls, calls under way end within the drain deadline, what was accepted is
    /// committed, the store is closed.
    ///
    /// # Errors
    ///
    /// The first failure of a part while it ended, or [`Error::Ended`] when the deadline passed.
    pub async fn stop(mut self) -> Result<(), Error> {
        for (data, address) in &self.announced {
            if listening_address(data) == Some(*address) {
                // Gone is what it should be.
                let _ = fs::remove_file(data.join(ADDRESS_FILE));
            }
        }
        let deadline = self.drain_timeout.saturating_add(GRACE);
        self.serving.cancel();
        let served = timeout(deadline, all(&mut self.servers)).await;
        // Only now: callers that were let in have their answers, or were cut off.
        self.working.cancel();
        let worked = timeout(GRACE, all(&mut self.workers)).await;
        let late = |_| Error::Ended {
            message: format!("parts of the node still ran {} s after the stop", deadline.as_secs()),
        };
        served.map_err(late)??;
        worked.map_err(late)?
    }
}

/// Binds a role's port.
async fn listen(role: Role, wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let failed =
        |error: std::io::Error| Error::Listen { role, address: wanted, message: error.to_string() };
    let listener = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Waits for every task; the first failure is kept.
async fn all(tasks: &mut JoinSet<Result<(), Error>>) -> Result<(), Error> {
    let mut outcome = Ok(());
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.unwrap_or_else(|error| Err(Error::Ended { message: error.to_string() }));
        outcome = outcome.and(ended);
    }
    outcome
}

/// Chooses the TLS library's cryptography once for the process; whoever chose before is right.
pub fn install_tls_provider() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
