//! The ledger and the keys of other processes, as a gateway meets them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use capture::{Recorded, Recorder, Submission};
use futures_util::stream::{BoxStream, StreamExt as _, select_all};
use gateway::{EntryKey, Notice, Post};
use keys::{KeySource, PolicyClass};
use party::MemberId;
use rpc::client::{Endpoint, Keys, Ledger};
use statement::{Height, ReaderEntry, Statement};
use trace::Archive;

use super::{InProcess, Place};
use crate::{ADDRESS_FILE, Error, config, disk, listening_address, roles};

/// The ways in which a gateway meets its ledger.
pub(super) struct Joints {
    pub(super) recorder: Arc<dyn Recorder>,
    pub(super) archive: Arc<dyn Archive>,
    pub(super) post: Arc<dyn Post>,
}

/// Clients of a ledger in another process: one for each site, because a site's certificate speaks
/// for that site's members only.
pub(super) fn remote(place: Place<'_>) -> Result<Joints, Error> {
    let url = ledger_url(place)?;
    let mut sites = BTreeMap::new();
    for site in &place.gateway.sites {
        let client = Ledger::connect(&endpoint(place, site, url.clone())?)
            .map_err(|error| Error::NoLedger { message: error.to_string() })?;
        sites.insert(&site.id, Arc::new(client));
    }
    let Some(first) = sites.values().next() else {
        return Err(place.config.wrong("gateway.site: name at least one site"));
    };
    let archive: Arc<dyn Archive> = Arc::clone(first) as _;
    let members: BTreeMap<MemberId, Arc<Ledger>> = place
        .gateway
        .members
        .iter()
        .filter_map(|member| Some((member.id.clone(), Arc::clone(sites.get(&member.site)?))))
        .collect();
    let by_site = Arc::new(BySite { members });
    Ok(Joints { recorder: Arc::clone(&by_site) as _, archive, post: by_site })
}

/// Where each member's secrets are drawn: in this process, or by the keys node of its site.
pub(super) fn sources(
    place: Place<'_>,
    in_process: Option<&InProcess>,
) -> Result<BTreeMap<MemberId, Arc<dyn KeySource>>, Error> {
    let mut sources = BTreeMap::new();
    for site in &place.gateway.sites {
        let members = place.gateway.members.iter().filter(|member| member.site == site.id);
        if let (None, Some(keys)) = (&site.keys, in_process) {
            sources.extend(members.filter_map(|one| Some((one.id.clone(), keys.of(&one.id)?))));
            continue;
        }
        let missing = |message: String| Error::NoKeys { site: site.id.clone(), message };
        let url = keys_url(place, site).map_err(missing)?;
        let client = Keys::connect(&endpoint(place, site, url)?)
            .map_err(|error| missing(error.to_string()))?;
        for member in members {
            let source = client.source(member.id.clone(), PolicyClass::Preferred);
            sources.insert(member.id.clone(), Arc::new(source) as _);
        }
    }
    Ok(sources)
}

/// How a site's gateway calls another process.
fn endpoint(place: Place<'_>, site: &config::GatewaySite, url: String) -> Result<Endpoint, Error> {
    Ok(Endpoint {
        url,
        ca_pem: place.believed.authority_pem.clone(),
        cert_pem: disk::read_text(&site.certificate)?,
        key_pem: disk::read_text(&site.key)?,
        revoked: place.believed.revoked.clone(),
    })
}

/// Where the ledger of another process is.
fn ledger_url(place: Place<'_>) -> Result<String, Error> {
    let missing = |message: String| Error::NoLedger { message };
    match (&place.gateway.ledger, &place.config.ledger) {
        (Some(address), _) => roles::url(address).map_err(missing),
        (None, Some(ledger)) => match listening_address(&ledger.data) {
            Some(address) => Ok(format!("https://{address}")),
            None if ledger.listen.port() != 0 => Ok(format!("https://{}", ledger.listen)),
            None => Err(missing(format!(
                "{} holds no address; start the ledger first",
                ledger.data.join(ADDRESS_FILE).display()
            ))),
        },
        (None, None) => Err(missing("set gateway.ledger to its URL".to_owned())),
    }
}

/// Where the keys of a site are drawn by another process.
fn keys_url(place: Place<'_>, site: &config::GatewaySite) -> Result<String, String> {
    match (&site.keys, &place.config.keys) {
        (Some(address), _) => roles::url(address),
        (None, Some(keys)) => match listening_address(&keys.data) {
            Some(address) => Ok(format!("https://{address}")),
            // Not there yet, and perhaps never: what needs no secret works all the same.
            None => Ok(format!("https://{}", keys.listen)),
        },
        (None, None) => Err("set gateway.site.keys to the URL of its keys node".to_owned()),
    }
}

/// Calls the ledger under the identity of the site whose member is concerned.
#[derive(Debug)]
struct BySite {
    members: BTreeMap<MemberId, Arc<Ledger>>,
}

impl BySite {
    fn of(&self, member: &MemberId) -> Option<&Arc<Ledger>> {
        self.members.get(member)
    }

    /// The client of a member, in the words of the post.
    fn posting(&self, member: &MemberId) -> Result<&Arc<Ledger>, gateway::Error> {
        self.of(member).ok_or_else(|| gateway::Error::MemberUnknown { member: member.clone() })
    }
}

#[async_trait]
impl Recorder for BySite {
    async fn record(&self, submission: Submission) -> Result<Recorded, capture::Error> {
        let statement = Statement::decode(&submission.statement)?;
        let issuer = statement.issuer();
        let recorder = self
            .of(issuer)
            .ok_or_else(|| capture::Error::MemberUnknown { member: issuer.clone() })?;
        recorder.record(submission).await
    }

    async fn height(&self) -> Result<Height, capture::Error> {
        match self.members.values().next() {
            Some(recorder) => Recorder::height(&**recorder).await,
            None => Err(capture::Error::Unavailable { message: "no ledger is known".to_owned() }),
        }
    }
}

#[async_trait]
impl Post for BySite {
    async fn put(&self, entries: Vec<ReaderEntry>) -> Result<(), gateway::Error> {
        // One call has one sealer, so nothing is put in parts.
        let mut sealers: BTreeMap<MemberId, Vec<ReaderEntry>> = BTreeMap::new();
        for entry in entries {
            sealers.entry(entry.sealer.clone()).or_default().push(entry);
        }
        for (sealer, entries) in sealers {
            self.posting(&sealer)?.put(entries).await?;
        }
        Ok(())
    }

    async fn remove(&self, by: &MemberId, keys: Vec<EntryKey>) -> Result<(), gateway::Error> {
        self.posting(by)?.remove(by, keys).await
    }

    async fn follow(
        &self,
        members: BTreeSet<MemberId>,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Notice, gateway::Error>>, gateway::Error> {
        // Members of one site share a client, and so a stream that is in order for all of them.
        let mut sites: Vec<(&Arc<Ledger>, BTreeSet<MemberId>)> = Vec::new();
        for member in members {
            let post = self.posting(&member)?;
            match sites.iter_mut().find(|(known, _)| Arc::ptr_eq(known, post)) {
                Some((_, together)) => drop(together.insert(member)),
                None => sites.push((post, BTreeSet::from([member]))),
            }
        }
        let mut streams = Vec::with_capacity(sites.len());
        for (post, members) in sites {
            streams.push(Post::follow(&**post, members, from).await?);
        }
        match streams.len() {
            1 => Ok(streams.swap_remove(0)),
            _ => Ok(select_all(streams).boxed()),
        }
    }
}
