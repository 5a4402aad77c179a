//! Build each role out of its parts.

pub(crate) mod gateway;
pub(crate) mod keys;
pub(crate) mod ledger;

use std::path::Path;

use rpc::server::Tls;

use crate::trust::Believed;
use crate::{ADDRESS_FILE, Error, disk, listening_address};

/// Where another node is, of which an `https://` URL or the address file is configured.
pub(crate) fn url(address: &str) -> Result<String, String> {
    if address.contains("://") {
        return Ok(address.to_owned());
    }
    let file = Path::new(address);
    let folder = file.parent().filter(|_| file.file_name() == Some(ADDRESS_FILE.as_ref()));
    match folder.and_then(listening_address) {
        Some(address) => Ok(format!("https://{address}")),
        None => Err(format!("{address} holds no address; start that node first")),
    }
}

/// A service identity and the authority that it trusts, from their files.
pub(crate) fn tls(certificate: &Path, key: &Path, believed: &Believed) -> Result<Tls, Error> {
    Ok(Tls {
        cert_pem: disk::read_text(certificate)?,
        key_pem: disk::read_text(key)?,
        ca_pem: believed.authority_pem.clone(),
    })
}
