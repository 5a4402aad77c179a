//! The gateway role: capture, its own index of the record, its members' desks, and their service.

mod joints;

use std::collections::BTreeMap;
use std::sync::Arc;

use capture::{Capturer, Keys};
use clock::System;
use envelope::StorageKey;
use gateway::{Desk, Parts, Post};
use ledger::Ledger;
use party::MemberId;
use rpc::server::{Options, Services, serve};
use statement::SigningKey;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use trace::{Archive, View};

use self::joints::Joints;
use super::keys::InProcess;
use super::tls;
use crate::disk::Readers;
use crate::local::Local;
use crate::node::Tasks;
use crate::trust::Believed;
use crate::{Config, Error, config, disk};

/// What a gateway is built from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) config: &'a Config,
    pub(crate) gateway: &'a config::Gateway,
    pub(crate) believed: &'a Believed,
}

/// What runs in the same process.
#[derive(Debug, Default)]
pub(crate) struct Neighbours {
    pub(crate) ledger: Option<Arc<Ledger>>,
    pub(crate) keys: Option<InProcess>,
}

/// Opens the index and the desks, follows the ledger, and serves.
pub(crate) async fn start(
    place: Place<'_>,
    neighbours: Neighbours,
    listener: TcpListener,
    tasks: &mut Tasks<'_>,
) -> Result<(), Error> {
    let Place { gateway, believed, .. } = place;
    let tls = tls(&gateway.certificate, &gateway.key, believed)?;
    let keys = keys(gateway, believed)?;
    let view = open(gateway, believed, neighbours.ledger.is_some()).await?;
    let Joints { recorder, archive, post } = match neighbours.ledger {
        Some(ledger) => {
            let local = Arc::new(Local::new(ledger));
            Joints {
                recorder: Arc::clone(&local) as _,
                archive: Arc::clone(&local) as _,
                post: local,
            }
        }
        None => joints::remote(place)?,
    };
    let seen = view.clone();
    let capturer = Capturer::new(place.config.consortium.clone(), keys, recorder).with_event_ids(
        Box::new(move |event_id| {
            // An index that cannot be read flags nothing; the follower reports the fault.
            seen.first_bearer(event_id).ok().flatten()
        }),
    );
    let capturer = Arc::new(capturer);

    let (follower, source, stop) = (view.clone(), Arc::clone(&archive), tasks.serving.clone());
    tasks.servers.spawn(async move {
        follower
            .follow(&*source, stop)
            .await
            .map_err(|error| Error::Ended { message: format!("following the ledger: {error}") })
    });

    let ledger = Record { capturer: Arc::clone(&capturer), view: &view, archive: &archive, post };
    let journeys = open_desks(place, neighbours.keys.as_ref(), ledger).await?;
    let (loops, stop) = (journeys.clone(), tasks.serving.clone());
    tasks.servers.spawn(async move {
        loops
            .run(stop)
            .await
            .map_err(|error| Error::Ended { message: format!("the members' desks: {error}") })
    });

    let mut options = Options::new(tls, believed.trust(), tasks.serving.clone());
    options.drain_deadline = tasks.drain_timeout;
    let face = rpc::server::Gateway { capturer, view, archive, journeys: Some(journeys) };
    let services = Services { gateway: Some(face), ..Services::default() };
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

/// The record as the desks work with it.
struct Record<'a> {
    capturer: Arc<Capturer>,
    view: &'a View,
    archive: &'a Arc<dyn Archive>,
    post: Arc<dyn Post>,
}

/// Opens the desk of every member for whom the gateway acts.
async fn open_desks(
    place: Place<'_>,
    keys: Option<&InProcess>,
    record: Record<'_>,
) -> Result<gateway::Gateway, Error> {
    let Place { config, gateway, believed } = place;
    let sources = joints::sources(place, keys)?;
    let mut desks = Vec::with_capacity(gateway.members.len());
    for member in &gateway.members {
        let Some(keys) = sources.get(&member.id) else {
            return Err(Error::NoKeys {
                site: member.site.clone(),
                message: format!("nobody draws for {}", member.id),
            });
        };
        let folder = gateway.data.join("members").join(member.id.as_str());
        disk::make_folder(&folder, Readers::Owner)?;
        desks.push(Desk {
            member: member.id.clone(),
            site: member.site.clone(),
            statement_key: SigningKey::from_bytes(*disk::read_key(&member.statement_key)?),
            storage_key: StorageKey::from_bytes(*disk::read_key(&member.storage_key)?),
            keys: Arc::clone(keys),
            folder,
        });
    }
    let parts = Parts {
        consortium: config.consortium.clone(),
        members: Arc::clone(&believed.members),
        capturer: record.capturer,
        view: record.view.clone(),
        archive: Arc::clone(record.archive),
        post: record.post,
        clock: Arc::new(System),
        desks,
        options: gateway::Options::default().with_reseal_after(gateway.reseal_after()),
    };
    let path = gateway.data.join("members");
    spawn_blocking(move || gateway::Gateway::new(parts))
        .await
        .map_err(|error| Error::Ended { message: error.to_string() })?
        .map_err(|error| Error::Desk { path, message: error.to_string() })
}
