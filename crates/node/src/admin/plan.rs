//! Say which consortium to make.

use std::collections::BTreeSet;
use std::str::FromStr;

use party::{ConsortiumId, Country, MemberId, Role, SiteId};

use super::topology;
use crate::Error;

/// The consortium that [`init`](super::init()) shall make.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Its name.
    pub consortium: ConsortiumId,
    /// Its members, in the order in which they are shown.
    pub members: Vec<PlannedMember>,
    /// The sites, in the order in which their nodes take their ports.
    pub sites: Vec<SiteId>,
    /// The quantum links between sites.
    pub links: Vec<PlannedLink>,
    /// The first of the ports on which the nodes listen (see [`Plan::port`]). 0 lets the operating
    /// system choose every port.
    pub first_port: u16,
    /// Further DNS names or IP addresses under which the nodes are reached, beside `localhost` and
    /// `127.0.0.1`.
    pub hosts: Vec<String>,
}

/// A member to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedMember {
    /// Its id.
    pub id: MemberId,
    /// What it does; the one with [`Role::Operator`] runs the ledger.
    pub roles: BTreeSet<Role>,
    /// Where it is seated.
    pub country: Country,
    /// The sites where it works.
    pub sites: BTreeSet<SiteId>,
}

/// A quantum link to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedLink {
    /// Its id, of the same form as a site's.
    pub id: String,
    /// The site that sends pulses.
    pub sender: SiteId,
    /// The site that receives them, and whose process simulates the channel.
    pub receiver: SiteId,
    /// The length of the fibre, in kilometres.
    pub length_km: f64,
}

/// A node that is to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener<'a> {
    /// The ledger.
    Ledger,
    /// The gateway of a node that runs every role.
    Gateway,
    /// The keys of a node that runs every role.
    Keys,
    /// The gateway of a site.
    SiteGateway(&'a SiteId),
    /// The keys of a site.
    SiteKeys(&'a SiteId),
}

impl Plan {
    /// The port of the first role when nobody says otherwise.
    pub const FIRST_PORT: u16 = 7401;

    /// The consortium `demo` with the six members of the first journey, three sites and one link.
    ///
    /// # Panics
    ///
    /// Never: the topology is built in, and a test reads it.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a file built in, which a test reads")]
    pub fn demo() -> Self {
        topology::read(topology::DEMO).expect("the default topology is well formed")
    }

    /// Reads the consortium that a topology file describes.
    ///
    /// # Errors
    ///
    /// [`Error::Plan`] names what is unknown, missing or at odds.
    pub fn from_topology(text: &str) -> Result<Self, Error> {
        let planned = topology::read(text).map_err(|message| Error::Plan { message })?;
        planned.check()?;
        Ok(planned)
    }

    /// Plans these members in the place of others; the sites are those at which they work, and no
    /// two are linked.
    pub fn replace_members(&mut self, members: Vec<PlannedMember>) {
        self.sites = Vec::new();
        for site in members.iter().flat_map(|member| &member.sites) {
            if !self.sites.contains(site) {
                self.sites.push(site.clone());
            }
        }
        self.members = members;
        self.links = Vec::new();
    }

    /// The port on which a node listens, or 0 when the system shall choose.
    #[must_use]
    pub fn port(&self, of: Listener<'_>) -> u16 {
        let at = |site| self.sites.iter().position(|known| known == site).unwrap_or(0);
        let offset = match of {
            Listener::Ledger => 0,
            Listener::Gateway => 1,
            Listener::Keys => 2,
            Listener::SiteGateway(site) => 3 + 2 * at(site),
            Listener::SiteKeys(site) => 4 + 2 * at(site),
        };
        match self.first_port {
            0 => 0,
            first => first.saturating_add(u16::try_from(offset).unwrap_or(u16::MAX)),
        }
    }

    /// Gives a member the operator's role.
    ///
    /// # Errors
    ///
    /// [`Error::Plan`] when no such member is planned.
    pub fn appoint(&mut self, operator: &MemberId) -> Result<(), Error> {
        let Some(member) = self.members.iter_mut().find(|member| member.id == *operator) else {
            return Err(plan(format!(
                "operator {operator} is not among the members; add --member {operator}:carrier:..."
            )));
        };
        member.roles.insert(Role::Operator);
        Ok(())
    }

    /// The one member that runs the ledger.
    ///
    /// # Errors
    ///
    /// [`Error::Plan`] when there is none, or more than one.
    pub fn operator(&self) -> Result<&PlannedMember, Error> {
        let mut operators = self.members.iter().filter(|m| m.roles.contains(&Role::Operator));
        let operator = operators.next().ok_or_else(|| {
            plan(
                "no member runs the ledger; give one the role operator, or name it with --operator",
            )
        })?;
        match operators.next() {
            None => Ok(operator),
            Some(second) => Err(plan(format!(
                "both {} and {} have the role operator, but the solo orderer serves one ledger; \
                 keep one",
                operator.id, second.id
            ))),
        }
    }

    /// The members that work at a site, in the plan's order.
    pub fn members_at(&self, site: &SiteId) -> impl Iterator<Item = &PlannedMember> {
        self.members.iter().filter(move |member| member.sites.contains(site))
    }

    /// Checks what the members' own syntax cannot.
    pub(super) fn check(&self) -> Result<(), Error> {
        let mut seen = BTreeSet::new();
        for member in &self.members {
            if !seen.insert(&member.id) {
                return Err(plan(format!("member {} is given twice", member.id)));
            }
            if let Some(site) = member.sites.iter().find(|site| !self.sites.contains(site)) {
                return Err(plan(format!(
                    "member {} works at {site}, which is no site of the plan",
                    member.id
                )));
            }
        }
        let mut seen = BTreeSet::new();
        for site in &self.sites {
            if !seen.insert(site) {
                return Err(plan(format!("site {site} is given twice")));
            }
            if self.members_at(site).next().is_none() {
                return Err(plan(format!("no member works at site {site}")));
            }
        }
        self.check_links()?;
        if self.first_port != 0
            && usize::from(u16::MAX - self.first_port) < 3 + 2 * self.sites.len()
        {
            return Err(plan(format!(
                "from port {} on there is no room for {} sites",
                self.first_port,
                self.sites.len()
            )));
        }
        self.operator()?;
        Ok(())
    }

    fn check_links(&self) -> Result<(), Error> {
        let mut seen = BTreeSet::new();
        for link in &self.links {
            if link.id.parse::<SiteId>().is_err() {
                return Err(plan(format!(
                    "link {:?} should be named by small letters, digits and hyphens",
                    link.id
                )));
            }
            if !seen.insert(&link.id) {
                return Err(plan(format!("link {} is given twice", link.id)));
            }
            for end in [&link.sender, &link.receiver] {
                if !self.sites.contains(end) {
                    return Err(plan(format!(
                        "link {} ends at {end}, which is no site of the plan",
                        link.id
                    )));
                }
            }
            if link.sender == link.receiver {
                return Err(plan(format!("link {} begins and ends at {}", link.id, link.sender)));
            }
            if !(link.length_km.is_finite() && link.length_km > 0.0) {
                return Err(plan(format!(
                    "link {} is {} km long: give a length above 0",
                    link.id, link.length_km
                )));
            }
        }
        Ok(())
    }
}

impl FromStr for PlannedMember {
    type Err = Error;

    /// Reads `id:role+role:country:site+site`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let shape = || {
            plan(format!(
                "member {text:?} should read id:role+role:country:site, as in \
                 zj-merchant:trader:CN:hangzhou"
            ))
        };
        let parts: Vec<&str> = text.split(':').collect();
        let [id, roles, country, sites] = parts.as_slice() else {
            return Err(shape());
        };
        let wrong = |what: &str, error: &dyn std::fmt::Display| {
            plan(format!("{what} of member {text:?}: {error}"))
        };
        Ok(Self {
            id: id.parse().map_err(|error| wrong("id", &error))?,
            roles: roles
                .split('+')
                .map(str::parse)
                .collect::<Result<_, _>>()
                .map_err(|error| wrong("role", &error))?,
            country: country.parse().map_err(|error| wrong("country", &error))?,
            sites: sites
                .split('+')
                .map(str::parse)
                .collect::<Result<_, _>>()
                .map_err(|error| wrong("site", &error))?,
        })
    }
}

fn plan(message: impl Into<String>) -> Error {
    Error::Plan { message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_cast_has_one_operator_three_sites_and_a_link() {
        let demo = Plan::demo();
        demo.check().unwrap();
        assert_eq!(demo.operator().unwrap().id.as_str(), "hz-forwarder");
        let sites: Vec<(&str, usize)> =
            demo.sites.iter().map(|site| (site.as_str(), demo.members_at(site).count())).collect();
        assert_eq!(sites, [("hangzhou", 2), ("xiaoshan", 2), ("liege", 2)]);
        let links: Vec<&str> = demo.links.iter().map(|link| link.id.as_str()).collect();
        assert_eq!(links, ["hangzhou-xiaoshan"]);
    }

    #[test]
    fn no_two_nodes_share_a_port() {
        let demo = Plan::demo();
        let mut ports = vec![
            demo.port(Listener::Ledger),
            demo.port(Listener::Gateway),
            demo.port(Listener::Keys),
        ];
        for site in &demo.sites {
            ports.extend([
                demo.port(Listener::SiteGateway(site)),
                demo.port(Listener::SiteKeys(site)),
            ]);
        }
        assert_eq!(ports, (7401..7410).collect::<Vec<u16>>());
        let free = Plan { first_port: 0, ..demo };
        assert_eq!(free.port(Listener::SiteKeys(&free.sites[2])), 0);
    }

    #[test]
    fn a_member_is_read_from_its_four_parts() {
        let member: PlannedMember = "es-post:carrier+observer:ES:liege+madrid".parse().unwrap();
        assert_eq!(member.roles, BTreeSet::from([Role::Carrier, Role::Observer]));
        assert_eq!(member.sites.len(), 2);
    }

    #[test]
    fn what_is_wrong_with_a_member_is_said() {
        for (text, word) in [
            ("es-post:carrier:ES", "id:role+role:country:site"),
            ("es-post:pirate:ES:liege", "role"),
            ("ES_POST:carrier:ES:liege", "id"),
            ("es-post:carrier:Spain:liege", "country"),
        ] {
            let error = text.parse::<PlannedMember>().unwrap_err().to_string();
            assert!(error.contains(word) && error.contains(text), "{text}: {error}");
        }
    }

    #[test]
    fn none_or_two_operators_are_refused() {
        let mut demo = Plan::demo();
        demo.appoint(&"es-post".parse().unwrap()).unwrap();
        assert!(demo.operator().unwrap_err().to_string().contains("es-post"));
        demo.members.retain(|member| !member.roles.contains(&Role::Operator));
        assert!(demo.operator().unwrap_err().to_string().contains("--operator"));
    }
}
