//! Say which consortium to make.

use std::collections::BTreeSet;
use std::str::FromStr;

use party::{ConsortiumId, Country, MemberId, Role, SiteId};

use crate::Error;

/// The consortium that [`init`](super::init()) shall make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub consortium: ConsortiumId,
    /// Its members, in the order in which they are shown.
    pub members: Vec<PlannedMember>,
    /// The first of the ports on which the nodes listen (ledger, then gateways). 0 lets the
    /// operating system choose every port.
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

/// The default cast: the first journey's members, from Hangzhou to Madrid.
const DEMO: [&str; 6] = [
    "zj-merchant:trader:CN:hangzhou",
    "hz-forwarder:carrier+operator:CN:hangzhou",
    "cn-customs:customs:CN:xiaoshan",
    "sky-air:carrier:CN:xiaoshan",
    "be-customs:customs:BE:liege",
    "es-post:carrier:ES:liege",
];

impl Plan {
    /// The port of the first role when nobody says otherwise.
    pub const FIRST_PORT: u16 = 7401;

    /// The consortium `demo` with the six members of the first journey.
    ///
    /// # Panics
    ///
    /// Never: the cast is a constant, and a test makes it.
    #[must_use]
    #[expect(clippy::expect_used, reason = "constants that a test parses")]
    pub fn demo() -> Self {
        let members = DEMO
            .iter()
            .map(|text| text.parse().expect("the default cast is well formed"))
            .collect();
        Self {
            consortium: "demo".parse().expect("a well-formed id"),
            members,
            first_port: Self::FIRST_PORT,
            hosts: Vec::new(),
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

    /// Every site, with the members that work there, both in order.
    #[must_use]
    pub fn sites(&self) -> Vec<(&SiteId, Vec<&PlannedMember>)> {
        let sites: BTreeSet<&SiteId> = self.members.iter().flat_map(|m| &m.sites).collect();
        sites
            .into_iter()
            .map(|site| (site, self.members.iter().filter(|m| m.sites.contains(site)).collect()))
            .collect()
    }

    /// Checks what the members' own syntax cannot.
    pub(super) fn check(&self) -> Result<(), Error> {
        let mut seen = BTreeSet::new();
        for member in &self.members {
            if !seen.insert(&member.id) {
                return Err(plan(format!("member {} is given twice", member.id)));
            }
        }
        self.operator()?;
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
    fn the_default_cast_has_one_operator_and_three_sites() {
        let demo = Plan::demo();
        demo.check().unwrap();
        assert_eq!(demo.operator().unwrap().id.as_str(), "hz-forwarder");
        let sites: Vec<(&str, usize)> = demo
            .sites()
            .into_iter()
            .map(|(site, members)| (site.as_str(), members.len()))
            .collect();
        assert_eq!(sites, [("hangzhou", 2), ("liege", 2), ("xiaoshan", 2)]);
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
