//! The keys role: the sources of a site's members, the pools and drivers of its links, their service.

mod dial;
mod driver;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use keys::{
    Exchange, KeyPool, KeySource, MemberSources, PolicyClass, PoolId, PoolSource, Preferred,
    X25519, XWing,
};
use parking_lot::Mutex;
use party::MemberId;
use qkd::{Channel, End, EndKind, Identity, Line, Randomness};
use rpc::link::Port;
use rpc::server::{Options, Services, serve};
use statement::SigningKey;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use self::dial::Dial;
use self::driver::{Driver, Way, drawable};
use self::verdict::Verdict;
use super::tls;
use crate::config::LinkEnd;
use crate::disk::Readers;
use crate::node::Tasks;
use crate::trust::Believed;
use crate::{Config, Error, config, disk};

/// The keys of a site, as a gateway in the same process draws them.
#[derive(Clone, Debug, Default)]
pub(crate) struct InProcess {
    sources: BTreeMap<MemberId, Arc<dyn KeySource>>,
}

impl InProcess {
    /// A member's preferred source.
    pub(crate) fn of(&self, member: &MemberId) -> Option<Arc<dyn KeySource>> {
        self.sources.get(member).cloned()
    }
}

/// One link with all that belongs to its end here.
struct Ready {
    line: Arc<Line>,
    pool: Arc<KeyPool>,
    states: watch::Receiver<keys::LineState>,
    port: Port,
    driver: Driver,
}

/// Opens the pools, drives the links, and serves.
pub(crate) async fn start(
    config: &Config,
    keys: &config::Keys,
    believed: &Believed,
    listener: TcpListener,
    tasks: &mut Tasks<'_>,
) -> Result<InProcess, Error> {
    let tls = tls(&keys.certificate, &keys.key, believed)?;
    let links = open_links(config, keys, believed).await?;
    let members = sources(keys, believed, &links)?;
    let in_process = InProcess {
        sources: members
            .iter()
            .filter_map(|one| {
                let preferred = one.by_class.get(&PolicyClass::Preferred)?;
                Some((one.member.clone(), Arc::clone(preferred)))
            })
            .collect(),
    };
    let exchange = Arc::new(Exchange::new(keys.site.clone(), members));

    let mut served = Vec::with_capacity(links.len());
    for Ready { line, pool, port, driver, .. } in links {
        served.push(rpc::server::Link { line, pool, port });
        let stop = tasks.serving.clone();
        tasks.servers.spawn(driver.run(stop));
    }
    let mut options = Options::new(tls, believed.trust(), tasks.serving.clone());
    options.drain_deadline = tasks.drain_timeout;
    let face = rpc::server::Keys { exchange, links: served };
    let services = Services { keys: Some(face), ..Services::default() };
    tasks.servers.spawn(async move {
        serve(listener, options, services)
            .await
            .map_err(|error| Error::Ended { message: format!("the keys node's server: {error}") })
    });
    Ok(in_process)
}

/// The sources of each member: links first, because their keys cannot be harvested today and broken
/// tomorrow; then the hybrid; X25519 alone last, for what older peers have sealed.
fn sources(
    keys: &config::Keys,
    believed: &Believed,
    links: &[Ready],
) -> Result<Vec<MemberSources>, Error> {
    let mut members = Vec::with_capacity(keys.members.len());
    for member in &keys.members {
        let x25519 = disk::read_key(&member.x25519_key)?;
        let x_wing = disk::read_key(&member.x_wing_key)?;
        check_sealing_key(member, believed, &keys::public_sealing_key(&x25519, &x_wing))?;
        let x25519: Arc<dyn KeySource> =
            Arc::new(X25519::new(Some(x25519), Arc::clone(&believed.members)));
        let hybrid: Arc<dyn KeySource> =
            Arc::new(XWing::new(Some(x_wing), Arc::clone(&believed.members)));
        let quantum: Vec<Arc<dyn KeySource>> = links
            .iter()
            .map(|Ready { pool, states, .. }| {
                let (pool, member) = (Arc::clone(pool), member.id.clone());
                Arc::new(PoolSource::new(pool, member, states.clone())) as _
            })
            .collect();
        let all = [quantum.clone(), vec![Arc::clone(&hybrid), x25519]].concat();
        let mut by_class: BTreeMap<PolicyClass, Arc<dyn KeySource>> = BTreeMap::from([
            (PolicyClass::Preferred, Arc::new(Preferred::new(all)) as _),
            (PolicyClass::HybridOnly, hybrid),
        ]);
        if !quantum.is_empty() {
            let only = Arc::new(Preferred::new(quantum));
            by_class.insert(PolicyClass::QuantumOnly, only);
        }
        members.push(MemberSources { member: member.id.clone(), by_class });
    }
    Ok(members)
}

/// A secret that does not fit the registered key would recover nothing that is sealed to it.
fn check_sealing_key(
    member: &config::KeysMember,
    believed: &Believed,
    found: &party::SealingKey,
) -> Result<(), Error> {
    let pinned = believed.members.get(&member.id).ok_or_else(|| {
        Error::credential(
            &member.x25519_key,
            format!("{} is no member of the consortium", member.id),
        )
    })?;
    if pinned.sealing_key.as_ref() == Some(found) {
        return Ok(());
    }
    Err(Error::credential(
        &member.x_wing_key,
        format!(
            "with {} this is not the sealing key that the members file pins for {}",
            member.x25519_key.display(),
            member.id
        ),
    ))
}

/// Opens every link's pool and lays out its end.
async fn open_links(
    config: &Config,
    keys: &config::Keys,
    believed: &Believed,
) -> Result<Vec<Ready>, Error> {
    let mut links = Vec::with_capacity(keys.links.len());
    for link in &keys.links {
        let folder = keys.data.join("links").join(&link.id);
        disk::make_folder(&folder, Readers::Owner)?;
        let storage_key = disk::read_key(&keys.storage_key)?;
        let id = PoolId { link: link.id.clone(), near: keys.site.clone(), far: link.far.clone() };
        let path = folder.join("pool");
        let place = path.clone();
        let pool = spawn_blocking(move || KeyPool::open(&path, &storage_key, id))
            .await
            .map_err(|error| Error::Ended { message: error.to_string() })?
            .map_err(|error| Error::Pool { path: place, message: error.to_string() })?;
        links.push(lay(config, keys, link, believed, pool, Verdict::in_folder(folder))?);
    }
    Ok(links)
}

/// Lays out one end of a link.
fn lay(
    config: &Config,
    keys: &config::Keys,
    link: &config::KeysLink,
    believed: &Believed,
    pool: Arc<KeyPool>,
    verdict: Verdict,
) -> Result<Ready, Error> {
    let refused = |error: qkd::Error| config.wrong(format!("keys.link: {}: {error}", link.id));
    let identity = identity(config, keys, link, believed)?;
    let (parameters, randomness) = (link.parameters(), Randomness::System);
    // The sender dials, so nobody takes what would come in at its port.
    let (port, incoming) = Port::new(link.id.clone(), link.far.clone());
    let (kind, end, way) = match link.end {
        LinkEnd::Sender => {
            let address = link.address.clone().unwrap_or_default();
            let dial = Dial {
                address,
                certificate: keys.certificate.clone(),
                key: keys.key.clone(),
                authority_pem: believed.authority_pem.clone(),
                revoked: believed.revoked.clone(),
            };
            let end = End::sender(identity, parameters, randomness);
            (EndKind::Sender, end, Way::Dial(dial))
        }
        LinkEnd::Receiver => {
            let channel = Channel::new(link.physics(), Randomness::System).map_err(refused)?;
            let channel = Arc::new(Mutex::new(channel));
            let end = End::receiver(identity, parameters, randomness);
            (EndKind::Receiver, end, Way::Wait { incoming, channel, next: None })
        }
    };
    let mut end = end.map_err(refused)?;
    let line = Line::new(link.id.clone(), keys.site.clone(), link.far.clone(), kind);
    if let Some(reason) = verdict.reason()? {
        tracing::warn!(link = %link.id, %reason, "the line was shut down before, and stays so");
        end.set_shut_down(reason.clone());
        line.shut_down(reason, None);
    }
    let (drawable, states) = watch::channel(drawable(&line.status().state));
    let driver = Driver {
        end: Arc::new(Mutex::new(end)),
        pool: Arc::clone(&pool),
        line: Arc::clone(&line),
        drawable,
        verdict,
        way,
        enough: link.max_keys,
        watch_interval: Duration::from_millis(link.watch_interval_ms),
        unsettled: BTreeMap::new(),
    };
    Ok(Ready { line, pool, states, port, driver })
}

/// Who the two ends are, with the near one's key checked against the pinned one.
fn identity(
    config: &Config,
    keys: &config::Keys,
    link: &config::KeysLink,
    believed: &Believed,
) -> Result<Identity, Error> {
    let pinned = |site| {
        believed.members.link_key(site).copied().ok_or_else(|| {
            config.wrong(format!("keys.link: the members file pins no link key for {site}"))
        })
    };
    let signing = SigningKey::from_bytes(*disk::read_key(&keys.link_key)?);
    if signing.public() != pinned(&keys.site)? {
        let site = &keys.site;
        return Err(Error::credential(
            &keys.link_key,
            format!("this is not the link key that the members file pins for {site}"),
        ));
    }
    Ok(Identity {
        link: link.id.clone(),
        consortium: config.consortium.clone(),
        near: keys.site.clone(),
        far: link.far.clone(),
        signing: Arc::new(signing),
        far_key: pinned(&link.far)?,
    })
}
