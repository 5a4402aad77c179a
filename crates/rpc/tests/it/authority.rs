//! A certificate authority for one test.

use std::net::{IpAddr, Ipv4Addr};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SanType, SerialNumber,
};
use rpc::Revoked;
use rpc::client::Endpoint;
use time::{Duration, OffsetDateTime};

/// Signs certificates and revocation lists.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key.
#[derive(Clone)]
pub(crate) struct Pass {
    pub(crate) cert_pem: String,
    pub(crate) key_pem: String,
}

impl Pass {
    /// A client at `url` that trusts `authority`.
    pub(crate) fn to(&self, url: &str, authority: &Authority) -> Endpoint {
        Endpoint {
            url: url.to_owned(),
            ca_pem: authority.pem(),
            cert_pem: self.cert_pem.clone(),
            key_pem: self.key_pem.clone(),
            revoked: Revoked::default(),
        }
    }
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate with these URI names, a serial number, and loopback as its host.
    pub(crate) fn issue(&self, uris: &[&str], serial: u64) -> Pass {
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from(serial));
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        params.subject_alt_names =
            uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
        params.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Pass { cert_pem: certificate.pem(), key_pem: key.serialize_pem() }
    }

    /// A revocation list.
    pub(crate) fn revoke(&self, serials: &[u64]) -> String {
        self.list(1, serials)
    }

    /// A revocation list of this number.
    pub(crate) fn list(&self, number: u64, serials: &[u64]) -> String {
        let now = OffsetDateTime::now_utc();
        let revoked_certs = serials
            .iter()
            .map(|serial| RevokedCertParams {
                serial_number: SerialNumber::from(*serial),
                revocation_time: now,
                reason_code: None,
                invalidity_date: None,
            })
            .collect();
        let list = CertificateRevocationListParams {
            this_update: now,
            next_update: now + Duration::days(1),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}
