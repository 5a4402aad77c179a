//! A ledger and a gateway, each behind its own port, with the authority that lets callers in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use capture::{Capturer, Keys};
use consensus::{Application, Orderer, Solo};
use contracts::Contracts;
use ledger::{Config, Ledger, Limits};
use party::{ConsortiumId, Member, MemberId, Members};
use rpc::client;
use rpc::server::{Error, Gateway, Options, Services, Tls, serve};
use rpc::{Revoked, Trust};
use statement::{Content, Genesis, SigningKey, Statement};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use trace::View;

use crate::authority::{Authority, Pass};

pub(crate) const MERCHANT: &str = "spiffe://demo/member/zj-merchant/client";

/// Everything of one test.
pub(crate) struct House {
    pub(crate) authority: Authority,
    pub(crate) revoked: Revoked,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) ledger_url: String,
    pub(crate) gateway_url: String,
    pub(crate) stop: CancellationToken,
    pub(crate) servers: Vec<JoinHandle<Result<(), Error>>>,
    _directory: tempfile::TempDir,
}

pub(crate) fn demo() -> ConsortiumId {
    "demo".parse().unwrap()
}

pub(crate) fn id(name: &str) -> MemberId {
    name.parse().unwrap()
}

/// A member's key, by use: 0 statements, 1 receipts, 2 votes.
pub(crate) fn key(name: &str, usage: u8) -> SigningKey {
    let mut secret = [usage + 1; 32];
    for (place, byte) in secret.iter_mut().skip(1).zip(name.bytes()) {
        *place = byte;
    }
    SigningKey::from_bytes(secret)
}

pub(crate) fn keys(name: &str) -> Keys {
    Keys { statement: key(name, 0), seed: [9; 32].into() }
}

pub(crate) fn members() -> Members {
    let member = |name: &str, roles: &[&str], site: &str| Member {
        id: id(name),
        roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
        country: "CN".parse().unwrap(),
        sites: BTreeSet::from([site.parse().unwrap()]),
        statement_key: key(name, 0).public(),
        receipt_key: key(name, 1).public(),
        vote_key: key(name, 2).public(),
        sealing_key: None,
    };
    let list = vec![
        member("zj-merchant", &["trader"], "hangzhou"),
        member("hz-forwarder", &["carrier", "operator"], "hangzhou"),
        member("cn-customs", &["customs"], "xiaoshan"),
    ];
    Members::new(demo(), list, BTreeSet::from([id("hz-forwarder")])).unwrap()
}

fn open_ledger(directory: &tempfile::TempDir) -> Arc<Ledger> {
    let genesis = Genesis { time_ms: 1_795_000_000_000, members: members(), max_window: 100_000 };
    let operator = "hz-forwarder";
    let genesis = Statement::sign(
        &key(operator, 0),
        &demo(),
        &id(operator),
        Content::Genesis,
        genesis.encode(),
    );
    let config = Config {
        path: directory.path().join("ledger"),
        members: members(),
        genesis: Bytes::from(genesis.unwrap().into_bytes()),
        receipt_key: Some((id(operator), key(operator, 1))),
        limits: Limits { cache_bytes: 8 << 20, ..Limits::default() },
    };
    Ledger::open(config, Arc::new(Contracts)).unwrap()
}

impl House {
    /// Starts all of it, and lets it drain for `drain_deadline` when it stops.
    pub(crate) async fn start_with(drain_deadline: Duration) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        let ledger = open_ledger(&directory);
        let orderer = Arc::new(Solo::new(Arc::new(clock::System)));
        let wake = Arc::clone(&orderer);
        ledger.on_pending(move || wake.wake());
        let application = Arc::clone(&ledger) as Arc<dyn Application>;
        // The orderer outlives the servers: calls under way are answered while they drain.
        tokio::spawn(async move { orderer.run(application, CancellationToken::new()).await });

        let authority = Authority::new();
        let revoked = Revoked::default();
        let trust = Trust::new(Arc::new(members()), revoked.clone());
        let options = |pass: &Pass| Options {
            tls: Tls {
                cert_pem: pass.cert_pem.clone(),
                key_pem: pass.key_pem.clone(),
                ca_pem: authority.pem(),
            },
            trust: trust.clone(),
            stop: stop.clone(),
            drain_deadline,
        };

        let (listener, ledger_url) = listen().await;
        let pass = authority.issue(&["spiffe://demo/member/hz-forwarder/ledger"], 1);
        let services = Services { ledger: Some(Arc::clone(&ledger)), ..Services::default() };
        let mut servers = vec![tokio::spawn(serve(listener, options(&pass), services))];

        let (listener, gateway_url) = listen().await;
        let pass = authority.issue(&["spiffe://demo/site/hangzhou/gateway"], 2);
        let client = client::Ledger::connect(&pass.to(&ledger_url, &authority)).unwrap();
        let client = Arc::new(client);
        let served = ["zj-merchant", "hz-forwarder"].map(|name| (id(name), keys(name)));
        let served = BTreeMap::from(served);
        let capturer = Arc::new(Capturer::new(demo(), served, client.clone()));
        let view = View::open(&directory.path().join("view"), members()).unwrap();
        let (follower, archive, until) = (view.clone(), client.clone(), stop.clone());
        tokio::spawn(async move { follower.follow(archive.as_ref(), until).await });
        let gateway = Gateway { capturer, view, archive: client, journeys: None };
        let services = Services { gateway: Some(gateway), ..Services::default() };
        servers.push(tokio::spawn(serve(listener, options(&pass), services)));

        let _directory = directory;
        Self { authority, revoked, ledger, ledger_url, gateway_url, stop, servers, _directory }
    }

    /// Starts all of it.
    pub(crate) async fn start() -> Self {
        Self::start_with(rpc::DRAIN_DEADLINE).await
    }

    /// The merchant's client certificate.
    pub(crate) fn merchant(&self) -> Pass {
        self.authority.issue(&[MERCHANT], 100)
    }

    /// A client of the ledger with a certificate of these names.
    pub(crate) fn ledger(&self, uri: &str) -> client::Ledger {
        let pass = self.authority.issue(&[uri], 101);
        client::Ledger::connect(&pass.to(&self.ledger_url, &self.authority)).unwrap()
    }

    /// A client of the gateway with a certificate of these names.
    pub(crate) fn gateway(&self, uri: &str) -> client::Gateway {
        let pass = self.authority.issue(&[uri], 102);
        client::Gateway::connect(&pass.to(&self.gateway_url, &self.authority)).unwrap()
    }
}

pub(crate) async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// A document with one event about each of these things.
pub(crate) fn document(serials: &[u64]) -> Bytes {
    let events: Vec<String> = serials
        .iter()
        .map(|serial| {
            format!(
                r#"{{"type": "ObjectEvent", "eventTime": "2026-11-20T08:00:00.000Z",
                    "eventTimeZoneOffset": "+08:00", "action": "OBSERVE",
                    "bizStep": "shipping", "epcList": ["{}"]}}"#,
                sgtin(*serial)
            )
        })
        .collect();
    format!("[{}]", events.join(",")).into()
}

pub(crate) fn sgtin(serial: u64) -> String {
    format!("urn:epc:id:sgtin:0614141.107346.{serial}")
}
