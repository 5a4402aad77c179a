//! Whether the server at the other end is of the kind that was meant.
//!
//! All certificates of a consortium come from one authority, and those of one machine name one host:
//! by these alone a gateway could pass for the ledger, and a revoked server for itself.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::caller::{Revoked, Serial, ServiceRole, named, one_authority};

/// Checks a server's certificate as usual, then its role and whether it is revoked.
#[derive(Debug)]
pub(super) struct Verifier {
    usual: Arc<WebPkiServerVerifier>,
    role: ServiceRole,
    revoked: Revoked,
}

impl Verifier {
    /// Believes servers of this role with a certificate of this authority.
    pub(super) fn new(ca_pem: &str, role: ServiceRole, revoked: Revoked) -> Result<Self, String> {
        let authority = one_authority(ca_pem).map_err(|error| error.to_string())?;
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from(authority.contents))
            .map_err(|error| format!("the authority's certificate is malformed: {error}"))?;
        let provider = CryptoProvider::get_default()
            .map_or_else(|| Arc::new(aws_lc_rs::default_provider()), Arc::clone);
        let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { usual, role, revoked })
    }

    fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        let (_, certificate) = X509Certificate::from_der(certificate)
            .map_err(|_| rustls::Error::from(CertificateError::BadEncoding))?;
        let serial = Serial::new(certificate.raw_serial());
        if self.revoked.contains(&serial) {
            return Err(CertificateError::Revoked.into());
        }
        let refused = |why: String| rustls::Error::General(why);
        let (_, principal) = named(&certificate)
            .map_err(|why| refused(format!("the server's certificate {why}")))?;
        if principal.role() != self.role {
            let (wanted, found) = (self.role, principal.role());
            let why = format!("the server's certificate is that of a {found}, not of a {wanted}");
            return Err(refused(why));
        }
        Ok(())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.usual.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )?;
        self.check(end_entity)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}
