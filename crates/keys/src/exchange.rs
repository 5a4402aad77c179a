//! The key-exchange service of a site: which member draws from which sources, under which policy.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use party::{MemberId, SiteId};

use crate::{Drawn, Error, Handle, KeySource, Peer, RequestId, Secret};

/// What a caller demands of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyClass {
    /// The best that can; what was passed over stands in the handle.
    #[default]
    Preferred,
    /// A quantum link or nothing.
    QuantumOnly,
    /// The post-quantum hybrid or nothing.
    HybridOnly,
}

impl PolicyClass {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::Preferred, Self::QuantumOnly, Self::HybridOnly];

    /// Its name: `preferred`, `quantum-only` or `hybrid-only`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preferred => "preferred",
            Self::QuantumOnly => "quantum-only",
            Self::HybridOnly => "hybrid-only",
        }
    }
}

impl fmt::Display for PolicyClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for PolicyClass {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|class| class.as_str() == text).ok_or_else(|| Error::Malformed {
            why: "a policy class is preferred, quantum-only or hybrid-only".into(),
        })
    }
}

/// The sources of one member of the site.
#[derive(Clone, Debug)]
pub struct MemberSources {
    /// The member.
    pub member: MemberId,
    /// The sources by policy class. Those of [`PolicyClass::Preferred`] also recover.
    pub by_class: BTreeMap<PolicyClass, Arc<dyn KeySource>>,
}

/// Draws and recovers for the members of a site.
///
/// A request id belongs to the member who chose it: two members that choose the same one ask two
/// questions, and neither gets the other's answer.
#[derive(Debug)]
pub struct Exchange {
    site: SiteId,
    members: BTreeMap<MemberId, MemberSources>,
}

impl Exchange {
    /// Gathers the sources of a site's members.
    #[must_use]
    pub fn new(site: SiteId, members: Vec<MemberSources>) -> Self {
        let members = members.into_iter().map(|one| (one.member.clone(), one)).collect();
        Self { site, members }
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &SiteId {
        &self.site
    }

    /// The members it serves, in the order of their ids.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &MemberId> {
        self.members.keys()
    }

    /// Draws a secret for `member` to share with `peer`.
    ///
    /// # Errors
    ///
    /// As [`KeySource::draw`]; also when the member is not of this site, or has no source of the
    /// class.
    pub async fn draw(
        &self,
        member: &MemberId,
        request: &RequestId,
        peer: &Peer,
        length: u16,
        class: PolicyClass,
    ) -> Result<Drawn, Error> {
        let request = own(member, request);
        self.source(member, class)?.draw(&request, peer, length).await
    }

    /// Recovers for `member` the secret that `peer` drew.
    ///
    /// # Errors
    ///
    /// As [`KeySource::recover`]; also when the member is not of this site.
    pub async fn recover(
        &self,
        member: &MemberId,
        request: &RequestId,
        peer: &Peer,
        handle: &Handle,
    ) -> Result<Secret, Error> {
        let request = own(member, request);
        self.source(member, PolicyClass::Preferred)?.recover(&request, peer, handle).await
    }

    /// Erases what was kept of the answer to `member`'s request.
    ///
    /// # Errors
    ///
    /// As [`KeySource::confirm`]; also when the member is not of this site.
    pub async fn confirm(&self, member: &MemberId, request: &RequestId) -> Result<(), Error> {
        let request = own(member, request);
        let mut outcome = Ok(());
        for source in self.sources(member)?.by_class.values() {
            outcome = outcome.and(source.confirm(&request).await);
        }
        outcome
    }

    fn sources(&self, member: &MemberId) -> Result<&MemberSources, Error> {
        self.members.get(member).ok_or_else(|| Error::PeerUnknown { member: member.clone() })
    }

    fn source(&self, member: &MemberId, class: PolicyClass) -> Result<&dyn KeySource, Error> {
        let found = self.sources(member)?.by_class.get(&class);
        found
            .map(|source| &**source)
            .ok_or_else(|| Error::SourceUnknown { name: class.to_string() })
    }
}

/// The request id under which a member's question goes to the sources it shares with others.
fn own(member: &MemberId, request: &RequestId) -> RequestId {
    let mut hasher = blake3::Hasher::new_derive_key("quayside 2026-11 own request id v1");
    // The request id first, for it has a fixed length.
    hasher.update(&request.0).update(member.as_str().as_bytes());
    let mut id = [0; 16];
    hasher.finalize_xof().fill(&mut id);
    RequestId(id)
}
