//! Issue certificates and revocation lists from a development authority.

use std::net::IpAddr;
use std::path::Path;

use clock::{Clock, TimeMs};
use party::ConsortiumId;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SanType, SerialNumber,
};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::revoke::Revoked;
use crate::disk::{self, Readers};
use crate::{Error, State};

/// For how many days a certificate of the development authority is valid.
pub const CERTIFICATE_DAYS: i64 = 825;

/// For how many days the authority itself is valid.
const AUTHORITY_DAYS: i64 = 3650;

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Calling nodes, in a member's name.
    Client,
    /// Listening, and calling other nodes.
    Node,
}

/// A certificate authority for development: its key lies beside the state.
#[derive(Debug)]
pub struct Authority {
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
    now: OffsetDateTime,
}

impl Authority {
    /// Makes a new authority for `consortium` and writes it into `state`.
    ///
    /// # Errors
    ///
    /// [`Error::Authority`] or [`Error::File`].
    pub(super) fn make(
        state: &State,
        consortium: &ConsortiumId,
        clock: &dyn Clock,
    ) -> Result<Self, Error> {
        let now = date(clock.now())?;
        let mut params = CertificateParams::default();
        params.distinguished_name = name(&format!("{consortium} development authority"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (params.not_before, params.not_after) = validity(now, AUTHORITY_DAYS);
        let key = KeyPair::generate().map_err(|error| refused(&error))?;
        let certificate_pem = params.self_signed(&key).map_err(|error| refused(&error))?.pem();
        let key_pem = Zeroizing::new(key.serialize_pem());
        disk::make_folder(&state.authority(), Readers::Owner)?;
        disk::write(&state.authority_key(), key_pem.as_bytes(), Readers::Owner)?;
        disk::write(&state.authority_certificate(), certificate_pem.as_bytes(), Readers::Anyone)?;
        Ok(Self { certificate_pem, issuer: Issuer::new(params, key), now })
    }

    /// Loads the authority that [`init`](super::init()) made.
    ///
    /// # Errors
    ///
    /// [`Error::File`] or [`Error::Credential`].
    pub fn load(state: &State, clock: &dyn Clock) -> Result<Self, Error> {
        let certificate_pem = disk::read_text(&state.authority_certificate())?;
        let key_path = state.authority_key();
        let key_pem = Zeroizing::new(disk::read_text(&key_path)?);
        let key = KeyPair::from_pem(&key_pem)
            .map_err(|error| Error::credential(&key_path, error.to_string()))?;
        let issuer = Issuer::from_ca_cert_pem(&certificate_pem, key).map_err(|error| {
            Error::credential(&state.authority_certificate(), error.to_string())
        })?;
        Ok(Self { certificate_pem, issuer, now: date(clock.now())? })
    }

    /// The authority's certificate.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Issues a certificate for the service identity `spiffe_id` and writes `<stem>.pem` and
    /// `<stem>.key` into `folder`.
    ///
    /// # Errors
    ///
    /// [`Error::Authority`] or [`Error::File`].
    pub fn issue(
        &self,
        folder: &Path,
        stem: &str,
        spiffe_id: &str,
        usage: Usage,
        hosts: &[String],
    ) -> Result<(), Error> {
        let mut params = CertificateParams::default();
        let common_name = spiffe_id.rsplit_once("//").map_or(spiffe_id, |(_, path)| path);
        params.distinguished_name = name(common_name);
        params.subject_alt_names = alternative_names(spiffe_id, usage, hosts)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if usage == Usage::Node {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = validity(self.now, CERTIFICATE_DAYS);
        let key = KeyPair::generate().map_err(|error| refused(&error))?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(|error| refused(&error))?;
        let key_pem = Zeroizing::new(key.serialize_pem());
        disk::write(&folder.join(format!("{stem}.key")), key_pem.as_bytes(), Readers::Owner)?;
        disk::write(
            &folder.join(format!("{stem}.pem")),
            certificate.pem().as_bytes(),
            Readers::Anyone,
        )
    }

    /// Signs a revocation list of the given serial numbers and writes it into `state`.
    ///
    /// # Errors
    ///
    /// [`Error::Authority`] or [`Error::File`].
    pub(super) fn write_revocations(
        &self,
        state: &State,
        number: u64,
        revoked: &[Revoked],
    ) -> Result<(), Error> {
        let revoked_certs = revoked
            .iter()
            .map(|(serial, at)| {
                Ok(RevokedCertParams {
                    serial_number: SerialNumber::from_slice(serial),
                    revocation_time: date(*at)?,
                    reason_code: None,
                    invalidity_date: None,
                })
            })
            .collect::<Result<_, Error>>()?;
        let list = CertificateRevocationListParams {
            this_update: self.now,
            // Nobody renews a development list on a schedule, so it lives as long as its authority.
            next_update: self.now.saturating_add(Duration::days(AUTHORITY_DAYS)),
            crl_number: SerialNumber::from_slice(&number.to_be_bytes()),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let pem = list
            .signed_by(&self.issuer)
            .and_then(|list| list.pem())
            .map_err(|error| refused(&error))?;
        disk::write(&state.revocations(), pem.as_bytes(), Readers::Anyone)
    }
}

/// The names under which a certificate's owner is known: who it is, and where it listens.
fn alternative_names(
    spiffe_id: &str,
    usage: Usage,
    hosts: &[String],
) -> Result<Vec<SanType>, Error> {
    let dns = |name: &str| name.try_into().map(SanType::DnsName).map_err(|error| refused(&error));
    let uri = spiffe_id.try_into().map(SanType::URI).map_err(|error| refused(&error))?;
    let mut names = vec![uri];
    if usage == Usage::Node {
        names.push(dns("localhost")?);
        names.push(SanType::IpAddress(IpAddr::from([127, 0, 0, 1])));
        for host in hosts {
            names.push(match host.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => dns(host)?,
            });
        }
    }
    Ok(names)
}

/// A distinguished name with a common name alone.
fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// From one day ago, because clocks differ, to `days` from now.
fn validity(now: OffsetDateTime, days: i64) -> (OffsetDateTime, OffsetDateTime) {
    (now.saturating_sub(Duration::days(1)), now.saturating_add(Duration::days(days)))
}

fn date(at: TimeMs) -> Result<OffsetDateTime, Error> {
    OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1000))
        .map_err(|error| Error::Authority { message: format!("the clock is off: {error}") })
}

fn refused(error: &rcgen::Error) -> Error {
    Error::Authority { message: error.to_string() }
}
