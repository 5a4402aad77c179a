//! Take a certificate back.

use std::path::Path;

use clock::{Clock, TimeMs};
use x509_parser::pem::Pem;
use x509_parser::prelude::{CertificateRevocationList, FromDer as _};

use super::authority::Authority;
use crate::{Error, State, disk};

/// A certificate's serial number, and when it was revoked.
pub(super) type Revoked = (Vec<u8>, TimeMs);

/// What a revocation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The serial number of the certificate, in hexadecimal.
    pub serial: String,
    /// Whose certificate it is: its URI SAN, else its subject.
    pub subject: String,
    /// False if it had been revoked before.
    pub fresh: bool,
    /// How many certificates the list now names.
    pub revoked: usize,
}

/// Adds the certificate in the file `certificate` to the revocation list of `state`. Running nodes
/// read the list again within seconds.
///
/// # Errors
///
/// [`Error::Credential`] when the file holds no certificate of this consortium's authority,
/// [`Error::File`] when the list cannot be written.
pub fn revoke(state: &State, certificate: &Path, clock: &dyn Clock) -> Result<Revocation, Error> {
    let authority = Authority::load(state, clock)?;
    let (serial, subject) = read_certificate(certificate, &authority)?;
    let (number, mut revoked) = read_revocations(&state.revocations())?;
    let fresh = !revoked.iter().any(|(known, _)| *known == serial);
    if fresh {
        revoked.push((serial.clone(), clock.now()));
        authority.write_revocations(state, number.saturating_add(1), &revoked)?;
    }
    Ok(Revocation { serial: hex::encode(&serial), subject, fresh, revoked: revoked.len() })
}

/// Reads a certificate's serial number and name, and checks that our authority issued it: listing a
/// stranger's serial number would revoke nothing and could hit one of ours.
fn read_certificate(path: &Path, authority: &Authority) -> Result<(Vec<u8>, String), Error> {
    let wrong = |message: &str| Error::credential(path, message);
    let pem = disk::read(path)?;
    let (_, pem) = x509_parser::pem::parse_x509_pem(&pem)
        .map_err(|_| wrong("not a certificate in PEM form"))?;
    let certificate = pem.parse_x509().map_err(|_| wrong("not a certificate"))?;
    let (_, authority_pem) =
        x509_parser::pem::parse_x509_pem(authority.certificate_pem().as_bytes())
            .map_err(|_| wrong("the authority's own certificate cannot be read"))?;
    let issuer = authority_pem
        .parse_x509()
        .map_err(|_| wrong("the authority's own certificate cannot be read"))?;
    certificate
        .verify_signature(Some(issuer.public_key()))
        .map_err(|_| wrong("not issued by this consortium's authority, so nothing to revoke"))?;
    let uri = certificate
        .subject_alternative_name()
        .ok()
        .flatten()
        .and_then(|names| {
            names.value.general_names.iter().find_map(|name| match name {
                x509_parser::extensions::GeneralName::URI(uri) => Some((*uri).to_owned()),
                _ => None,
            })
        })
        .unwrap_or_else(|| certificate.subject().to_string());
    Ok((unsigned(certificate.raw_serial()), uri))
}

/// The number of the list and its serial numbers with the times of their revocation.
fn read_revocations(path: &Path) -> Result<(u64, Vec<Revoked>), Error> {
    let wrong = || Error::credential(path, "not a certificate revocation list in PEM form");
    let bytes = disk::read(path)?;
    let (pem, _) = Pem::read(std::io::Cursor::new(&bytes)).map_err(|_| wrong())?;
    let (_, list) = CertificateRevocationList::from_der(&pem.contents).map_err(|_| wrong())?;
    let number = list.crl_number().and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
    let revoked = list
        .iter_revoked_certificates()
        .map(|entry| {
            let at_ms = entry.revocation_date.timestamp().saturating_mul(1000);
            (unsigned(entry.raw_serial()), TimeMs(at_ms))
        })
        .collect();
    Ok((number, revoked))
}

/// A serial number without the zero byte that DER puts before a high bit.
fn unsigned(serial: &[u8]) -> Vec<u8> {
    match serial {
        [0, rest @ ..] if !rest.is_empty() => rest.to_vec(),
        whole => whole.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::{Plan, init};

    #[test]
    fn a_revoked_certificate_stays_on_the_list_beside_the_next() {
        let folder = tempfile::tempdir().unwrap();
        init(folder.path(), &Plan::demo(), &clock::System).unwrap();
        let state = State::at(folder.path());
        let one = state.member(&"sky-air".parse().unwrap()).join("client.pem");
        let two = state.member(&"es-post".parse().unwrap()).join("client.pem");

        let first = revoke(&state, &one, &clock::System).unwrap();
        assert!(first.fresh && first.subject == "spiffe://demo/member/sky-air/client", "{first:?}");
        assert_eq!(revoke(&state, &two, &clock::System).unwrap().revoked, 2);
        let again = revoke(&state, &one, &clock::System).unwrap();
        assert!(!again.fresh && again.revoked == 2, "{again:?}");
        let (number, listed) = read_revocations(&state.revocations()).unwrap();
        assert_eq!((number, listed.len()), (3, 2));
    }

    #[test]
    fn a_strangers_certificate_is_refused() {
        let ours = tempfile::tempdir().unwrap();
        let theirs = tempfile::tempdir().unwrap();
        init(ours.path(), &Plan::demo(), &clock::System).unwrap();
        init(theirs.path(), &Plan::demo(), &clock::System).unwrap();
        let stranger =
            State::at(theirs.path()).member(&"sky-air".parse().unwrap()).join("client.pem");
        let error = revoke(&State::at(ours.path()), &stranger, &clock::System).unwrap_err();
        assert!(error.to_string().contains("not issued by"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_certificate_is_named() {
        let folder = tempfile::tempdir().unwrap();
        init(folder.path(), &Plan::demo(), &clock::System).unwrap();
        let state = State::at(folder.path());
        let error = revoke(&state, &state.members(), &clock::System).unwrap_err();
        assert!(error.to_string().contains("members.json"), "{error}");
    }
}
