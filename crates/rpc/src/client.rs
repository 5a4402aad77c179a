//! Clients: one for each service, over mutual TLS, connecting when first used and again when the
//! connection breaks.

mod error;
mod follow;
mod gateway;
mod keys;
mod ledger;
mod link;
mod member;
mod post;
mod verifier;

use std::fmt;
use std::sync::Arc;

use tonic::transport::{Channel, ClientTlsConfig, Identity};

pub use self::error::{Code, Error};
pub use self::gateway::{Gateway, GatewayStatus};
pub use self::keys::{Keys, KeysStatus, LinkStatus, Remote};
pub use self::ledger::{Appended, Ledger, LedgerStatus};
pub use self::link::Link;
pub use self::member::Member;
use self::verifier::Verifier;
use crate::caller::{Revoked, ServiceRole};
use crate::limits::{
    CLIENT_TIMEOUT, CONNECT_TIMEOUT, CONNECTION_WINDOW_BYTES, FRAME_BYTES, KEEPALIVE_INTERVAL,
    KEEPALIVE_TIMEOUT, MAX_HEADER_BYTES, MAX_REQUEST_BYTES, STREAM_WINDOW_BYTES,
};

/// Where a server is, and who calls it.
#[derive(Clone)]
pub struct Endpoint {
    /// `https://host:port`; the server's certificate must name the host.
    pub url: String,
    /// The authority's certificate, PEM, exactly one.
    pub ca_pem: String,
    /// The caller's certificate chain, PEM.
    pub cert_pem: String,
    /// The caller's private key, PEM.
    pub key_pem: String,
    /// The certificates that no longer count, the server's among them perhaps.
    pub revoked: Revoked,
}

impl fmt::Debug for Endpoint {
    // The key must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A channel to a server of this role at `endpoint`, which connects when it is first used.
fn channel(endpoint: &Endpoint, role: ServiceRole) -> Result<Channel, Error> {
    let wrong = |error: tonic::transport::Error| Error::endpoint(&endpoint.url, &error);
    if !endpoint.url.starts_with("https://") {
        return Err(Error::url(&endpoint.url));
    }
    let verifier = Verifier::new(&endpoint.ca_pem, role, endpoint.revoked.clone())
        .map_err(|why| Error::unusable(&endpoint.url, &why))?;
    let tls = ClientTlsConfig::new()
        .identity(Identity::from_pem(&endpoint.cert_pem, &endpoint.key_pem))
        .timeout(CONNECT_TIMEOUT);
    let channel = tonic::transport::Endpoint::from_shared(endpoint.url.clone())
        .map_err(wrong)?
        .tls_config_with_verifier(tls, Arc::new(verifier))
        .map_err(wrong)?
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CLIENT_TIMEOUT)
        .tcp_nodelay(true)
        .tcp_keepalive(Some(KEEPALIVE_INTERVAL))
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES)
        .connect_lazy();
    Ok(channel)
}

/// Refuses to send what the server would refuse to read.
fn check_size(message: &impl prost::Message) -> Result<(), Error> {
    match message.encoded_len() {
        found if found > MAX_REQUEST_BYTES => Err(Error::too_large(found)),
        _ => Ok(()),
    }
}
