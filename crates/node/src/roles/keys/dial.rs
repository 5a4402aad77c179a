//! Dial the far end of a link.

use std::path::PathBuf;

use rpc::client::{Endpoint, Link};
use rpc::link::{Frames, Pulses};

use crate::{disk, roles};

/// Where the far end is, and as whom to call it.
#[derive(Clone, Debug)]
pub(crate) struct Dial {
    /// An `https://` URL, or the path of the address file that the far node writes.
    pub(crate) address: String,
    /// The site's certificate and key.
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// Whom to believe.
    pub(crate) authority_pem: String,
    pub(crate) revoked: rpc::Revoked,
}

impl Dial {
    /// Opens both streams; the far node may have moved or come back since the last time, so nothing
    /// is kept between two attempts.
    pub(super) async fn open(&self, link: &str) -> Result<(Frames, Pulses), String> {
        let read = |path| disk::read_text(path).map_err(|error| error.to_string());
        let endpoint = Endpoint {
            url: roles::url(&self.address)?,
            ca_pem: self.authority_pem.clone(),
            cert_pem: read(&self.certificate)?,
            key_pem: read(&self.key)?,
            revoked: self.revoked.clone(),
        };
        let far = Link::connect(&endpoint).map_err(|error| error.to_string())?;
        let frames = far.frames(link).await.map_err(|error| error.to_string())?;
        let pulses = far.pulses(link).await.map_err(|error| error.to_string())?;
        Ok((frames, pulses))
    }
}
