//! Read a topology file: a consortium with its sites, members and links, as a person writes it.

use std::collections::BTreeSet;

use party::{ConsortiumId, Country, MemberId, Role, SiteId};
use serde::Deserialize;

use super::plan::{Plan, PlannedLink, PlannedMember};

/// The first journey's consortium, which is made when nobody names another.
pub(super) const DEMO: &str = include_str!("../../../../deploy/topology.toml");

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Topology {
    consortium: ConsortiumId,
    #[serde(default = "first_port")]
    first_port: u16,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(rename = "site")]
    sites: Vec<Site>,
    #[serde(rename = "member")]
    members: Vec<Member>,
    #[serde(default, rename = "link")]
    links: Vec<Link>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Site {
    id: SiteId,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    id: MemberId,
    roles: BTreeSet<Role>,
    country: Country,
    sites: BTreeSet<SiteId>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    id: String,
    sender: SiteId,
    receiver: SiteId,
    length_km: f64,
}

fn first_port() -> u16 {
    Plan::FIRST_PORT
}

/// Reads a topology; what is wrong comes with its line.
pub(super) fn read(text: &str) -> Result<Plan, String> {
    let topology: Topology =
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    Ok(Plan {
        consortium: topology.consortium,
        members: topology
            .members
            .into_iter()
            .map(|Member { id, roles, country, sites }| PlannedMember { id, roles, country, sites })
            .collect(),
        sites: topology.sites.into_iter().map(|site| site.id).collect(),
        links: topology
            .links
            .into_iter()
            .map(|Link { id, sender, receiver, length_km }| PlannedLink {
                id,
                sender,
                receiver,
                length_km,
            })
            .collect(),
        first_port: topology.first_port,
        hosts: topology.hosts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_topology_is_said() {
        for (old, new, word) in [
            ("first_port", "fist_port", "fist_port"),
            ("roles = [\"trader\"]", "roles = [\"pirate\"]", "pirate"),
            ("sites = [\"liege\"]", "sites = [\"bonn\"]", "bonn"),
            ("receiver = \"xiaoshan\"", "receiver = \"bonn\"", "bonn"),
            ("receiver = \"xiaoshan\"", "receiver = \"hangzhou\"", "begins and ends"),
            ("id = \"hangzhou-xiaoshan\"", "id = \"The Link\"", "The Link"),
            ("length_km = 26.0", "length_km = 0.0", "0 km"),
            ("length_km = 26.0", "length_km = nan", "NaN km"),
            ("[[site]]", "[[site]]\nid = \"liege\"\n[[site]]", "liege is given twice"),
            ("id = \"sky-air\"", "id = \"es-post\"", "es-post"),
            ("first_port = 7401", "first_port = 65530", "65530"),
        ] {
            assert!(DEMO.contains(old), "{old}");
            let error = Plan::from_topology(&DEMO.replacen(old, new, 1)).unwrap_err().to_string();
            assert!(error.contains(word), "{new}: {error}");
        }
    }

    #[test]
    fn a_topology_without_links_is_one_whose_sites_share_keys_by_x_wing() {
        let (without, _) = DEMO.split_once("[[link]]").unwrap();
        assert!(Plan::from_topology(without).unwrap().links.is_empty());
    }
}
