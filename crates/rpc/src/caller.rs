//! Who calls: read from the client certificate, never from a field of the request.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use party::{ConsortiumId, MemberId, Members, SiteId};
use tokio::sync::watch;
use x509_parser::der_parser::num_bigint::BigUint;
use x509_parser::prelude::{
    ASN1Time, FromDer as _, GeneralName, ParsedExtension, Pem, X509Certificate,
};

use crate::refusal::Refusal;

/// Who calls, as the certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The consortium that the certificate is for.
    pub consortium: ConsortiumId,
    /// The member or the site.
    pub principal: Principal,
    /// The certificate's serial number.
    pub serial: Serial,
}

/// A party that can hold a service certificate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Principal {
    /// A member's own client or service: `spiffe://<consortium>/member/<id>/<role>`.
    Member(MemberId, ServiceRole),
    /// A site's service, which acts for the members at the site:
    /// `spiffe://<consortium>/site/<id>/<role>`.
    Site(SiteId, ServiceRole),
}

/// What the holder of a certificate runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceRole {
    /// A person's or program's client.
    Client,
    /// A ledger.
    Ledger,
    /// A gateway.
    Gateway,
    /// A key exchange.
    Keys,
}

impl FromStr for ServiceRole {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "client" => Ok(Self::Client),
            "ledger" => Ok(Self::Ledger),
            "gateway" => Ok(Self::Gateway),
            "keys" => Ok(Self::Keys),
            _ => Err(()),
        }
    }
}

impl fmt::Display for ServiceRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Ledger => "ledger",
            Self::Gateway => "gateway",
            Self::Keys => "keys",
        })
    }
}

impl Principal {
    /// What the holder runs.
    #[must_use]
    pub const fn role(&self) -> ServiceRole {
        match self {
            Self::Member(_, role) | Self::Site(_, role) => *role,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(id, _) => write!(f, "member {id}"),
            Self::Site(id, _) => write!(f, "site {id}"),
        }
    }
}

/// A certificate's serial number: big-endian bytes without leading zeros, at most 20 of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(Box<[u8]>);

impl Serial {
    /// Takes the number's big-endian bytes, with or without leading zeros.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Self(bytes.iter().skip(zeros).copied().collect())
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

/// The serial numbers of the certificates that no longer count; shared by all servers of a process
/// and replaced as a whole whenever the list is read again. Open streams learn of it at once.
#[derive(Clone, Debug, Default)]
pub struct Revoked(Arc<watch::Sender<List>>);

/// A revocation list, as far as it counts here.
#[derive(Debug, Default)]
struct List {
    /// Its number, which only grows; `None` for a set that came from no list.
    number: Option<BigUint>,
    serials: HashSet<Serial>,
}

/// Why a revocation list was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationError {
    /// The list cannot be read.
    #[error("the revocation list is malformed: {0}")]
    ListMalformed(String),
    /// The authority's certificate cannot be read.
    #[error("the authority's certificate is malformed: {0}")]
    AuthorityMalformed(String),
    /// The file of the authority holds several certificates, and a list has one signer.
    #[error("the authority's file holds {count} certificates, and must hold exactly one")]
    SeveralAuthorities {
        /// How many there are.
        count: usize,
    },
    /// The list is not signed by the authority.
    #[error("the revocation list is not signed by the authority")]
    NotSigned,
    /// The list is older than the one in force: what that one revokes would count again.
    #[error("the revocation list has number {found}, lower than {loaded}, which is in force")]
    Outdated {
        /// The list's number, in decimal digits.
        found: String,
        /// The number of the list in force.
        loaded: String,
    },
}

impl Revoked {
    /// Replaces the set.
    pub fn replace(&self, serials: impl IntoIterator<Item = Serial>) {
        let serials = serials.into_iter().collect();
        self.0.send_modify(|list| list.serials = serials);
    }

    /// Replaces the set with a certificate revocation list that the authority has signed, and
    /// returns how many certificates it names. A list that is not in order changes nothing. One
    /// whose time for an update has passed counts all the same, with a warning: it revokes too few
    /// certificates at worst.
    ///
    /// # Errors
    ///
    /// [`RevocationError`] when the list or the authority's certificate cannot be read, when the
    /// signature does not hold, or when the list is older than the one in force.
    pub fn load(&self, crl_pem: &str, authority_pem: &str) -> Result<usize, RevocationError> {
        let malformed =
            |error: &dyn fmt::Display| RevocationError::ListMalformed(error.to_string());
        let unknown =
            |error: &dyn fmt::Display| RevocationError::AuthorityMalformed(error.to_string());
        let (_, pem) = x509_parser::pem::parse_x509_pem(crl_pem.as_bytes())
            .map_err(|error| malformed(&error))?;
        let (_, list) =
            x509_parser::parse_x509_crl(&pem.contents).map_err(|error| malformed(&error))?;
        let pem = one_authority(authority_pem)?;
        let authority = pem.parse_x509().map_err(|error| unknown(&error))?;
        list.verify_signature(authority.public_key()).map_err(|_| RevocationError::NotSigned)?;
        let number = list.crl_number().ok_or_else(|| malformed(&"it has no number"))?.clone();
        if let Some(due) = list.next_update()
            && due < ASN1Time::now()
        {
            tracing::warn!(%due, "the revocation list is past the time of its next update");
        }
        let serials: HashSet<Serial> = list
            .iter_revoked_certificates()
            .map(|revoked| Serial::new(revoked.raw_serial()))
            .collect();
        let count = serials.len();
        let mut outdated = None;
        self.0.send_if_modified(|list| match &list.number {
            Some(loaded) if *loaded > number => {
                let (found, loaded) = (number.to_string(), loaded.to_string());
                outdated = Some(RevocationError::Outdated { found, loaded });
                false
            }
            _ => {
                *list = List { number: Some(number.clone()), serials };
                true
            }
        });
        outdated.map_or(Ok(count), Err)
    }

    /// Whether a certificate no longer counts.
    #[must_use]
    pub fn contains(&self, serial: &Serial) -> bool {
        self.0.borrow().serials.contains(serial)
    }
}

/// The one certificate in the authority's file.
///
/// TLS would trust each of several, and a revocation list has one signer: the certificates of the
/// others could not be revoked.
pub(crate) fn one_authority(pem: &str) -> Result<Pem, RevocationError> {
    let unknown = |error: &dyn fmt::Display| RevocationError::AuthorityMalformed(error.to_string());
    let mut found = Pem::iter_from_buffer(pem.as_bytes())
        .collect::<Result<Vec<Pem>, _>>()
        .map_err(|error| unknown(&error))?;
    match (found.pop(), found.len()) {
        (Some(one), 0) => Ok(one),
        (Some(_), others) => {
            Err(RevocationError::SeveralAuthorities { count: others.saturating_add(1) })
        }
        (None, _) => Err(unknown(&"there is no certificate in it")),
    }
}

/// Whom a server believes: the members it was configured with, and which certificates are revoked.
#[derive(Clone, Debug)]
pub struct Trust {
    members: Arc<Members>,
    revoked: Revoked,
}

impl Trust {
    /// Trusts the certificates of these members and their sites.
    #[must_use]
    pub const fn new(members: Arc<Members>, revoked: Revoked) -> Self {
        Self { members, revoked }
    }

    /// The members.
    #[must_use]
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// Reads the certificate and refuses it when it is revoked. TLS has checked its signature and
    /// its time before.
    pub(crate) fn identify(&self, certificate_der: &[u8]) -> Result<Caller, Refusal> {
        let invalid = |why: String| Refusal::new("CERTIFICATE_INVALID", why);
        let (_, certificate) = X509Certificate::from_der(certificate_der)
            .map_err(|error| invalid(format!("the client certificate cannot be read: {error}")))?;
        let serial = Serial::new(certificate.raw_serial());
        if self.revoked.contains(&serial) {
            return Err(revoked(&serial));
        }
        let (consortium, principal) =
            named(&certificate).map_err(|why| invalid(format!("the client certificate {why}")))?;
        if consortium != *self.members.consortium() {
            let ours = self.members.consortium();
            let why = format!("the client certificate is for consortium {consortium}, not {ours}");
            return Err(invalid(why));
        }
        Ok(Caller { consortium, principal, serial })
    }

    /// Waits until a certificate no longer counts, and says so; without end when it goes on to.
    pub(crate) fn until_revoked(
        &self,
        serial: Serial,
    ) -> impl Future<Output = Refusal> + Send + 'static {
        let mut list = self.revoked.0.subscribe();
        async move {
            if list.wait_for(|list| list.serials.contains(&serial)).await.is_err() {
                // Nobody is left to revoke anything.
                std::future::pending::<()>().await;
            }
            revoked(&serial)
        }
    }

    /// Refuses a caller that is no registered member, nor a site of one.
    pub(crate) fn admit(&self, caller: &Caller) -> Result<(), Refusal> {
        let known = match &caller.principal {
            Principal::Member(id, _) => self.members.get(id).is_some(),
            Principal::Site(site, _) => {
                self.members.iter().any(|member| member.sites.contains(site))
            }
        };
        if known {
            return Ok(());
        }
        let who = &caller.principal;
        Err(Refusal::new("MEMBER_UNKNOWN", format!("{who} is not registered in this consortium")))
    }

    /// Whether a caller speaks for a member: the member itself does, and the gateway of a site of
    /// the member.
    fn speaks_for(&self, caller: &Caller, member: &MemberId) -> bool {
        match &caller.principal {
            Principal::Member(id, _) => id == member,
            Principal::Site(site, ServiceRole::Gateway) => {
                self.members.get(member).is_some_and(|member| member.sites.contains(site))
            }
            Principal::Site(_, _) => false,
        }
    }

    /// Refuses a caller that does not speak for `member`, whom the field at `path` names.
    pub(crate) fn may_speak_for(
        &self,
        caller: &Caller,
        member: &MemberId,
        path: impl Into<String>,
    ) -> Result<(), Refusal> {
        if self.speaks_for(caller, member) {
            return Ok(());
        }
        let why = format!("{} does not speak for member {member}", caller.principal);
        Err(Refusal::new("CALLER_NOT_ISSUER", why).at(path))
    }

    /// The member in whose name the caller asks, whom a field may name.
    ///
    /// Who may ask is the certificate's to say: the field only chooses among the members for whom
    /// the gateway of a site speaks.
    pub(crate) fn in_the_name_of(
        &self,
        caller: &Caller,
        path: &str,
        named: &str,
    ) -> Result<MemberId, Refusal> {
        if let (Principal::Member(id, _), true) = (&caller.principal, named.is_empty()) {
            return Ok(id.clone());
        }
        let member = crate::field::member_id(path, named)?;
        self.may_speak_for(caller, &member, path)?;
        Ok(member)
    }

    /// All members for whom the caller speaks.
    pub(crate) fn spoken_for(&self, caller: &Caller) -> BTreeSet<MemberId> {
        let ids = self.members.iter().map(|member| &member.id);
        ids.filter(|id| self.speaks_for(caller, id)).cloned().collect()
    }

    /// Refuses a caller that may not append statements of `issuer`.
    pub(crate) fn may_state_for(&self, caller: &Caller, issuer: &MemberId) -> Result<(), Refusal> {
        if self.speaks_for(caller, issuer) {
            return Ok(());
        }
        let who = &caller.principal;
        let why = format!("{who} may not append statements of member {issuer}");
        Err(Refusal::new("CALLER_NOT_ISSUER", why).at("statement"))
    }
}

fn revoked(serial: &Serial) -> Refusal {
    let why = format!("the client certificate with serial {serial} is revoked");
    Refusal::new("CERTIFICATE_REVOKED", why)
}

/// The party that a certificate names.
pub(crate) fn named(
    certificate: &X509Certificate<'_>,
) -> Result<(ConsortiumId, Principal), String> {
    let names =
        certificate.extensions().iter().flat_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(san) => san.general_names.as_slice(),
            _ => &[],
        });
    // SPIFFE: exactly one URI SAN, so that no certificate can be read in two ways.
    let uris: Vec<&str> = names
        .filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        })
        .collect();
    let [uri] = uris.as_slice() else {
        return Err(format!("has {} URI names, not one", uris.len()));
    };
    parse_spiffe(uri).ok_or_else(|| format!("names `{uri}`, no party"))
}

/// Reads `spiffe://<consortium>/{member,site}/<id>/<role>`, and nothing looser.
fn parse_spiffe(uri: &str) -> Option<(ConsortiumId, Principal)> {
    let mut parts = uri.strip_prefix("spiffe://")?.split('/');
    let consortium = parts.next()?.parse().ok()?;
    let (kind, id, role) = (parts.next()?, parts.next()?, parts.next()?.parse().ok()?);
    if parts.next().is_some() {
        return None;
    }
    let principal = match kind {
        "member" => Principal::Member(id.parse().ok()?, role),
        "site" => Principal::Site(id.parse().ok()?, role),
        _ => return None,
    };
    Some((consortium, principal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_and_a_site_are_read_from_their_names() {
        let (consortium, principal) = parse_spiffe("spiffe://demo/member/sky-air/client").unwrap();
        assert_eq!(consortium.as_str(), "demo");
        assert_eq!(principal, Principal::Member("sky-air".parse().unwrap(), ServiceRole::Client));
        let (_, principal) = parse_spiffe("spiffe://demo/site/liege/gateway").unwrap();
        assert_eq!(principal, Principal::Site("liege".parse().unwrap(), ServiceRole::Gateway));
    }

    #[test]
    fn a_name_that_is_not_exactly_ours_is_nobody() {
        for uri in [
            "",
            "spiffe://",
            "spiffe://demo",
            "spiffe://demo/member/sky-air",
            "spiffe://demo/member/sky-air/client/",
            "spiffe://demo/member/sky-air/client/x",
            "spiffe://demo/member//client",
            "spiffe://demo/member/Sky-Air/client",
            "spiffe://demo/member/sky-air/root",
            "spiffe://demo/person/sky-air/client",
            "SPIFFE://demo/member/sky-air/client",
            "https://demo/member/sky-air/client",
        ] {
            assert_eq!(parse_spiffe(uri), None, "{uri}");
        }
    }

    #[test]
    fn a_serial_is_the_same_with_and_without_leading_zeros() {
        assert_eq!(Serial::new(&[0, 0, 0x9a, 1]), Serial::new(&[0x9a, 1]));
        assert_eq!(Serial::new(&[0, 0x9a, 1]).to_string(), "9a01");
        let revoked = Revoked::default();
        let elsewhere = revoked.clone();
        revoked.replace([Serial::new(&[0, 7])]);
        assert!(elsewhere.contains(&Serial::new(&[7])));
        revoked.replace([]);
        assert!(!elsewhere.contains(&Serial::new(&[7])));
    }
}
