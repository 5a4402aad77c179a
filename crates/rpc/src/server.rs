//! Servers: the services of a role behind one port with mutual TLS.
//!
//! ```text
//!   stop ──▶ health says NOT_SERVING ──▶ accept no more, end streams ──▶ calls under way finish
//!                                                    deadline passed ──▶ connections are cut
//! ```

mod drain;
mod follow;
mod gateway;
mod guard;
mod incoming;
mod keys;
mod ledger;
mod link;
mod load;
mod member;
mod post;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use self::gateway::GatewayFace;
use self::guard::Guard;
use self::incoming::incoming;
use self::keys::KeysFace;
use self::ledger::LedgerFace;
use self::link::LinkFace;
use self::member::MemberFace;
use crate::caller::{Trust, one_authority};
use crate::limits::{
    CONNECT_TIMEOUT, CONNECTION_AGE, CONNECTION_GRACE, CONNECTION_WINDOW_BYTES, DRAIN_DEADLINE,
    FRAME_BYTES, KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT, MAX_HEADER_BYTES, MAX_LOCAL_RESETS,
    MAX_PENDING_RESETS, MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES, MAX_STREAMS, STREAM_WINDOW_BYTES,
};
use crate::link::Port;
use crate::pb;
use crate::pb::gateway::v1::gateway_service_server::GatewayServiceServer;
use crate::pb::keys::v1::keys_service_server::KeysServiceServer;
use crate::pb::keys::v1::link_service_server::LinkServiceServer;
use crate::pb::ledger::v1::ledger_service_server::LedgerServiceServer;
use crate::pb::member::v1::member_service_server::MemberServiceServer;

/// How long cut connections may take to unwind.
const UNWIND: Duration = Duration::from_secs(1);

/// A server's certificate and the authority whose clients it lets in, PEM each.
#[derive(Clone)]
pub struct Tls {
    /// The server's certificate chain.
    pub cert_pem: String,
    /// Its private key.
    pub key_pem: String,
    /// The authority's certificate, exactly one.
    pub ca_pem: String,
}

impl fmt::Debug for Tls {
    // The key must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("cert_pem", &self.cert_pem).finish_non_exhaustive()
    }
}

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who it is, and whose clients it lets in.
    pub tls: Tls,
    /// Whom it believes.
    pub trust: Trust,
    /// Stops the server when cancelled.
    pub stop: CancellationToken,
    /// How long calls under way may take once it stops.
    pub drain_deadline: Duration,
}

impl Options {
    /// A server with the usual drain deadline that stops when `stop` is cancelled.
    #[must_use]
    pub const fn new(tls: Tls, trust: Trust, stop: CancellationToken) -> Self {
        Self { tls, trust, stop, drain_deadline: DRAIN_DEADLINE }
    }
}

/// What a server serves; health and reflection come with it.
#[derive(Clone, Debug, Default)]
pub struct Services {
    /// The ledger, for `quayside.ledger.v1` and `quayside.member.v1`.
    pub ledger: Option<Arc<::ledger::Ledger>>,
    /// The gateway, for `quayside.gateway.v1`.
    pub gateway: Option<Gateway>,
    /// The key exchange, for `quayside.keys.v1`.
    pub keys: Option<Keys>,
}

/// What a gateway's service works with.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// Takes events in, for the members whose keys it holds.
    pub capturer: Arc<capture::Capturer>,
    /// The gateway's own index.
    pub view: trace::View,
    /// The record that the index follows.
    pub archive: Arc<dyn trace::Archive>,
    /// Orders, journeys, and what the members have opened; `None` for a gateway that only captures
    /// and traces in the open.
    pub journeys: Option<::gateway::Gateway>,
}

/// What a key exchange's services work with.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Draws and recovers for the members of the site.
    pub exchange: Arc<::keys::Exchange>,
    /// The links that end at the site.
    pub links: Vec<Link>,
}

/// The end of a link that is here.
#[derive(Clone, Debug)]
pub struct Link {
    /// What its driver says of it, and what it is asked.
    pub line: Arc<qkd::Line>,
    /// The keys that it has given.
    pub pool: Arc<::keys::KeyPool>,
    /// Where its driver takes the streams that the far end opens.
    pub port: Port,
}

/// Why a server could not start, or ended before it was told to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The certificate, the key or the authority's certificate cannot be used.
    #[error("the TLS identity cannot be used: {0}")]
    Identity(String),
    /// The connections could not be served.
    #[error("the server failed: {0}")]
    Failed(String),
}

/// An error and what lies under it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(under) = source {
        text.push_str(": ");
        text.push_str(&under.to_string());
        source = under.source();
    }
    text
}

/// Serves until `options.stop` is cancelled, then drains and returns within the drain deadline and
/// a moment.
///
/// # Errors
///
/// [`Error::Identity`] when the TLS material cannot be used; [`Error::Failed`] when tonic gives up.
pub async fn serve(
    listener: TcpListener,
    options: Options,
    services: Services,
) -> Result<(), Error> {
    let Options { tls, trust, stop, drain_deadline } = options;
    let (drain, cut) = (CancellationToken::new(), CancellationToken::new());
    let (routes, health) = routes(services, &trust, &drain).await?;
    let serving = server(&tls)?
        .layer(Guard::new(trust, drain.clone()))
        .add_routes(routes)
        .serve_with_incoming_shutdown(
            incoming(listener, cut.clone()),
            drain.clone().cancelled_owned(),
        );
    run(Box::pin(serving), health, stop, drain, cut, drain_deadline).await
}

/// Sees a server through its life.
async fn run(
    mut serving: impl Future<Output = Result<(), tonic::transport::Error>> + Unpin,
    health: Health,
    stop: CancellationToken,
    drain: CancellationToken,
    cut: CancellationToken,
    drain_deadline: Duration,
) -> Result<(), Error> {
    let failed = |error: tonic::transport::Error| Error::Failed(chain(&error));
    tokio::select! {
        ended = &mut serving => return ended.map_err(failed),
        () = stop.cancelled() => health.set(ServingStatus::NotServing).await,
    }
    drain.cancel();
    if let Ok(ended) = timeout(drain_deadline, &mut serving).await {
        return ended.map_err(failed);
    }
    tracing::warn!(?drain_deadline, "calls did not end in time: their connections are cut");
    cut.cancel();
    match timeout(UNWIND, serving).await {
        Ok(ended) => ended.map_err(failed),
        // Its connections are dead, and nothing waits for it: let it go.
        Err(_elapsed) => Ok(()),
    }
}

/// The health of each service, and of the server as a whole.
struct Health {
    reporter: HealthReporter,
    names: Vec<&'static str>,
}

impl Health {
    async fn set(&self, status: ServingStatus) {
        for name in &self.names {
            self.reporter.set_service_status(name, status).await;
        }
    }
}

/// A server with every limit set.
fn server(tls: &Tls) -> Result<Server, Error> {
    one_authority(&tls.ca_pem).map_err(|error| Error::Identity(error.to_string()))?;
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(&tls.cert_pem, &tls.key_pem))
        .client_ca_root(Certificate::from_pem(&tls.ca_pem))
        .timeout(CONNECT_TIMEOUT);
    let server = Server::builder()
        .tls_config(tls)
        .map_err(|error| Error::Identity(chain(&error)))?
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .max_connection_age(CONNECTION_AGE)
        .max_connection_age_grace(CONNECTION_GRACE)
        .max_concurrent_streams(MAX_STREAMS)
        .max_frame_size(FRAME_BYTES)
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .http2_max_pending_accept_reset_streams(Some(MAX_PENDING_RESETS))
        .http2_max_local_error_reset_streams(Some(MAX_LOCAL_RESETS))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    Ok(server)
}

/// The services asked for, with health and reflection.
async fn routes(
    services: Services,
    trust: &Trust,
    stop: &CancellationToken,
) -> Result<(Routes, Health), Error> {
    let (reporter, server) = tonic_health::server::health_reporter();
    let mut names = vec![""];
    let mut routes = Routes::builder();
    routes.add_service(server);
    if let Some(ledger) = services.ledger {
        let face = LedgerFace::new(Arc::clone(&ledger), trust.clone(), stop.clone());
        let service = LedgerServiceServer::new(face)
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .max_encoding_message_size(MAX_RESPONSE_BYTES);
        names.push(name_of(&service));
        routes.add_service(service);
        let service = MemberServiceServer::new(MemberFace::new(ledger))
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .max_encoding_message_size(MAX_RESPONSE_BYTES);
        names.push(name_of(&service));
        routes.add_service(service);
    }
    if let Some(keys) = services.keys {
        let ports: Vec<Port> = keys.links.iter().map(|link| link.port.clone()).collect();
        let service = KeysServiceServer::new(KeysFace::new(keys, trust.clone()))
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .max_encoding_message_size(MAX_RESPONSE_BYTES);
        names.push(name_of(&service));
        routes.add_service(service);
        let service = LinkServiceServer::new(LinkFace::new(ports))
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .max_encoding_message_size(MAX_RESPONSE_BYTES);
        names.push(name_of(&service));
        routes.add_service(service);
    }
    if let Some(gateway) = services.gateway {
        let face = GatewayFace::new(gateway, trust.clone());
        let service = GatewayServiceServer::new(face)
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .max_encoding_message_size(MAX_RESPONSE_BYTES);
        names.push(name_of(&service));
        routes.add_service(service);
    }
    let reflection = names
        .iter()
        .copied()
        .filter(|name| !name.is_empty())
        .chain(["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"])
        .fold(tonic_reflection::server::Builder::configure(), |builder, name| {
            builder.with_service_name(name)
        })
        .register_encoded_file_descriptor_set(pb::DESCRIPTORS)
        // Without it `buf curl` cannot find the health service.
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|error| Error::Failed(chain(&error)))?;
    routes.add_service(reflection);
    let health = Health { reporter, names };
    health.set(ServingStatus::Serving).await;
    Ok((routes.routes(), health))
}

/// The full name of a service.
const fn name_of<S: tonic::server::NamedService>(_: &S) -> &'static str {
    S::NAME
}
