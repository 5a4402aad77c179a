//! Build each role out of its parts.

pub(crate) mod gateway;
pub(crate) mod ledger;

use std::path::Path;

use rpc::server::Tls;

use crate::trust::Believed;
use crate::{Error, disk};

/// A service identity and the authority that it trusts, from their files.
pub(crate) fn tls(certificate: &Path, key: &Path, believed: &Believed) -> Result<Tls, Error> {
    Ok(Tls {
        cert_pem: disk::read_text(certificate)?,
        key_pem: disk::read_text(key)?,
        ca_pem: believed.authority_pem.clone(),
    })
}
