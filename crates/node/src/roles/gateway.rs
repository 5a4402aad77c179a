//! The gateway role: capture, its own index of the record, and their service.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use capture::{Capturer, Keys, Recorded, Recorder, Submission};
use ledger::Ledger;
use party::MemberId;
use rpc::client::Endpoint;
use rpc::server::{Gateway, Options, Services, serve};
use statement::{Height, SigningKey, Statement};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use trace::{Archive, View};

use super::tls;
use crate::local::Local;
use crate::node::Tasks;
use crate::trust::Believed;
use crate::{Config, Error, config, disk, listening_address};

/// The two ways in which a gateway meets its ledger.
type Joints = (Arc<dyn Recorder>, Arc<dyn Archive>);

/// What a gateway is built from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) config: &'a Config,
    pub(crate) gateway: &'a config::Gateway,
    pub(crate) believed: &'a Believed,
}

/// Opens the index, follows the ledger, and serves.
pub(crate) async fn start(
    place: Place<'_>,
    in_process: Option<Arc<Ledger>>,
    listener: TcpListener,
    tasks: &mut Tasks<'_>,
) -> Result<(), Error> {
    let Place { gateway, believed, .. } = place;
    let tls = tls(&gateway.certificate, &gateway.key, believed)?;
    let keys = keys(gateway, believed)?;
    let view = open(gateway, believed, in_process.is_some()).await?;
    let (recorder, archive): Joints = match in_process {
        Some(ledger) => {
            let local = Arc::new(Local::new(ledger));
            (Arc::clone(&local) as _, local)
        }
        None => remote(place)?,
    };
    let seen = view.clone();
    let capturer = Capturer::new(place.config.consortium.clone(), keys, recorder).with_event_ids(
        Box::new(move |event_id| {
            // An index that cannot be read flags nothing; the follower reports the fault.
            seen.first_bearer(event_id).ok().flatten()
        }),
    );

    let (follower, source, stop) = (view.clone(), Arc::clone(&archive), tasks.serving.clone());
    tasks.servers.spawn(async move {
        follower
            .follow(&*source, stop)
            .await
            .map_err(|error| Error::Ended { message: format!("following the ledger: {error}") })
    });

    let mut options = Options::new(tls, believed.trust(), tasks.serving.clone());
    options.drain_deadline = tasks.drain_timeout;
    let face = Gateway { capturer: Arc::new(capturer), view, archive };
    let services = Services { ledger: None, gateway: Some(face) };
    tasks.servers.spawn(async move {
        serve(listener, options, services)
            .await
            .map_err(|error| Error::Ended { message: format!("the gateway's server: {error}") })
    });
    Ok(())
}

/// The keys of the members for whom the gateway acts, checked against the pinned ones: a statement
/// signed with another would be refused, one by one, much later.
fn keys(gateway: &config::Gateway, believed: &Believed) -> Result<BTreeMap<MemberId, Keys>, Error> {
    let mut keys = BTreeMap::new();
    for member in &gateway.members {
        let pinned = believed.members.get(&member.id).ok_or_else(|| {
            Error::credential(
                &member.statement_key,
                format!("{} is no member of the consortium", member.id),
            )
        })?;
        let statement = SigningKey::from_bytes(*disk::read_key(&member.statement_key)?);
        if statement.public() != pinned.statement_key {
            return Err(Error::credential(
                &member.statement_key,
                format!(
                    "this is not the statement key that the members file pins for {}",
                    member.id
                ),
            ));
        }
        let seed = disk::read_key(&member.seed_key)?;
        keys.insert(member.id.clone(), Keys { statement, seed });
    }
    Ok(keys)
}

/// Opens the gateway's index; what a ledger in the same process vouches for it does not check again.
async fn open(
    gateway: &config::Gateway,
    believed: &Believed,
    in_process: bool,
) -> Result<View, Error> {
    let (path, members) = (gateway.data.clone(), (*believed.members).clone());
    let how = if in_process { View::open_in_process } else { View::open };
    spawn_blocking(move || how(&path, members))
        .await
        .map_err(|error| Error::Ended { message: error.to_string() })?
        .map_err(|error| Error::Index { path: gateway.data.clone(), message: error.to_string() })
}

/// Clients of a ledger in another process: one for each site, because a site's certificate speaks
/// for that site's members only.
fn remote(place: Place<'_>) -> Result<Joints, Error> {
    let Place { gateway, believed, .. } = place;
    let url = ledger_url(place)?;
    let mut sites = BTreeMap::new();
    for site in &gateway.sites {
        let endpoint = Endpoint {
            url: url.clone(),
            ca_pem: believed.authority_pem.clone(),
            cert_pem: disk::read_text(&site.certificate)?,
            key_pem: disk::read_text(&site.key)?,
            revoked: believed.revoked.clone(),
        };
        let client = rpc::client::Ledger::connect(&endpoint)
            .map_err(|error| Error::NoLedger { message: error.to_string() })?;
        sites.insert(&site.id, Arc::new(client));
    }
    let Some(first) = sites.values().next() else {
        return Err(place.config.wrong("gateway.site: name at least one site"));
    };
    let archive: Arc<dyn Archive> = Arc::clone(first) as _;
    let members = gateway
        .members
        .iter()
        .filter_map(|member| {
            Some((member.id.clone(), Arc::clone(sites.get(&member.site)?) as Arc<dyn Recorder>))
        })
        .collect();
    Ok((Arc::new(BySite { members }), archive))
}

/// Where the ledger of another process is.
fn ledger_url(place: Place<'_>) -> Result<String, Error> {
    let missing = |message: String| Error::NoLedger { message };
    let at = |file: &std::path::Path| {
        listening_address(file.parent().unwrap_or(file)).map(|address| format!("https://{address}"))
    };
    match (&place.gateway.ledger, &place.config.ledger) {
        (Some(url), _) if url.contains("://") => Ok(url.clone()),
        (Some(file), _) => at(file.as_ref())
            .ok_or_else(|| missing(format!("{file} holds no address; start that ledger first"))),
        (None, Some(ledger)) => match listening_address(&ledger.data) {
            Some(address) => Ok(format!("https://{address}")),
            None if ledger.listen.port() != 0 => Ok(format!("https://{}", ledger.listen)),
            None => Err(missing(format!(
                "{} holds no address; start the ledger first",
                ledger.data.join(crate::ADDRESS_FILE).display()
            ))),
        },
        (None, None) => Err(missing("set gateway.ledger to its URL".to_owned())),
    }
}

/// Records each statement under the identity of its issuer's site.
#[derive(Debug)]
struct BySite {
    members: BTreeMap<MemberId, Arc<dyn Recorder>>,
}

#[async_trait]
impl Recorder for BySite {
    async fn record(&self, submission: Submission) -> Result<Recorded, capture::Error> {
        let statement = Statement::decode(&submission.statement)?;
        let issuer = statement.issuer();
        let recorder = self
            .members
            .get(issuer)
            .ok_or_else(|| capture::Error::MemberUnknown { member: issuer.clone() })?;
        recorder.record(submission).await
    }

    async fn height(&self) -> Result<Height, capture::Error> {
        match self.members.values().next() {
            Some(recorder) => recorder.height().await,
            None => Err(capture::Error::Unavailable { message: "no ledger is known".to_owned() }),
        }
    }
}
