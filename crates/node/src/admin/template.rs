//! Write configuration files as a person would: short, with comments, relative to themselves.

use std::fmt::Write as _;

use party::{MemberId, SiteId};

use super::plan::{Listener, Plan, PlannedMember};
use crate::config::LinkEnd;
use crate::{Error, State};

/// The node that runs every role over one state folder.
pub(super) fn all_in_one(plan: &Plan) -> Result<String, Error> {
    let operator = &plan.operator()?.id;
    let mut text = head(plan, r#""ledger", "keys", "gateway""#, "");
    ledger(&mut text, plan, operator, "");
    let members: Vec<(&PlannedMember, &SiteId)> =
        plan.members.iter().filter_map(|member| Some((member, member.sites.first()?))).collect();
    if let Some(first) = plan.sites.first() {
        let port = plan.port(Listener::Keys);
        // One process stands for every site, so there is nothing to link.
        let everybody = plan.members.iter();
        keys(&mut text, "", Place { data: "keys", port, site: first }, everybody);
        let place = Place { data: "gateway", port: plan.port(Listener::Gateway), site: first };
        gateway(&mut text, "", place, None);
    }
    for site in &plan.sites {
        gateway_site(&mut text, "", site, None);
    }
    for (member, site) in members {
        gateway_member(&mut text, "", &member.id, site);
    }
    if let Some(first) = plan.members.first() {
        client(&mut text, "", &first.id);
    }
    Ok(text)
}

/// The ledger alone.
pub(super) fn ledger_alone(plan: &Plan) -> Result<String, Error> {
    let operator = &plan.operator()?.id;
    let mut text = head(plan, r#""ledger""#, UP);
    ledger(&mut text, plan, operator, UP);
    client(&mut text, UP, operator);
    Ok(text)
}

/// The gateway of a site, alone.
pub(super) fn gateway_alone(plan: &Plan, site: &SiteId) -> String {
    let mut text = head(plan, r#""gateway""#, UP);
    let ledger = address(plan.port(Listener::Ledger), "ledger");
    let port = plan.port(Listener::SiteGateway(site));
    let place = Place { data: &State::gateway_node(site), port, site };
    gateway(&mut text, UP, place, Some(&ledger));
    let keys = address(plan.port(Listener::SiteKeys(site)), &State::keys_node(site));
    gateway_site(&mut text, UP, site, Some(&keys));
    for member in plan.members_at(site) {
        gateway_member(&mut text, UP, &member.id, site);
    }
    if let Some(first) = plan.members_at(site).next() {
        client(&mut text, UP, &first.id);
    }
    text
}

/// The keys of a site, alone.
pub(super) fn keys_alone(plan: &Plan, site: &SiteId) -> String {
    let mut text = head(plan, r#""keys""#, UP);
    let port = plan.port(Listener::SiteKeys(site));
    let place = Place { data: &State::keys_node(site), port, site };
    keys(&mut text, UP, place, plan.members_at(site));
    for link in &plan.links {
        let (end, far) = if link.sender == *site {
            (LinkEnd::Sender, &link.receiver)
        } else if link.receiver == *site {
            (LinkEnd::Receiver, &link.sender)
        } else {
            continue;
        };
        put(
            &mut text,
            format_args!(
                "\n[[keys.link]]\nid = \"{}\"\nfar = \"{far}\"\nend = \"{}\"\n",
                link.id,
                end.as_str()
            ),
        );
        if end == LinkEnd::Sender {
            let far = address(plan.port(Listener::SiteKeys(far)), &State::keys_node(far));
            put(&mut text, format_args!("address = \"{far}\"\n"));
        }
        put(&mut text, format_args!("length_km = {:?}\n", link.length_km));
    }
    if let Some(first) = plan.members_at(site).next() {
        client(&mut text, UP, &first.id);
    }
    text
}

/// From a node's folder to the state folder.
const UP: &str = "../../";

/// Where another node is: its fixed port, or the file in which it writes down the one it was given.
fn address(port: u16, data: &str) -> String {
    match port {
        0 => format!("{UP}data/{data}/address"),
        port => format!("https://127.0.0.1:{port}"),
    }
}

/// Where a role keeps its data, listens, and for which site.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    data: &'a str,
    port: u16,
    site: &'a SiteId,
}

fn head(plan: &Plan, roles: &str, up: &str) -> String {
    format!(
        "# Written by `quayside admin init`. Paths are relative to this file.\n\
         # Every key is explained in docs/reference/config.md.\n\
         consortium = \"{}\"\n\
         roles = [{roles}]\n\n\
         [trust]\n\
         members = \"{up}members.json\"\n\
         authority = \"{up}authority/ca.pem\"\n\
         revocations = \"{up}authority/crl.pem\"\n",
        plan.consortium
    )
}

fn ledger(text: &mut String, plan: &Plan, operator: &MemberId, up: &str) {
    let node = State::ledger_node(operator);
    put(
        text,
        format_args!(
            "\n[ledger]\n\
             listen = \"127.0.0.1:{}\"\n\
             data = \"{up}data/ledger\"\n\
             certificate = \"{up}nodes/{node}/node.pem\"\n\
             key = \"{up}nodes/{node}/node.key\"\n\
             genesis = \"{up}genesis.cbor\"\n\
             operator = \"{operator}\"\n\
             receipt_key = \"{up}members/{operator}/receipt.key\"\n",
            plan.port(Listener::Ledger)
        ),
    );
}

fn keys<'a>(
    text: &mut String,
    up: &str,
    place: Place<'_>,
    members: impl Iterator<Item = &'a PlannedMember>,
) {
    let Place { data, port, site } = place;
    let node = State::keys_node(site);
    put(
        text,
        format_args!(
            "\n[keys]\n\
             listen = \"127.0.0.1:{port}\"\n\
             data = \"{up}data/{data}\"\n\
             certificate = \"{up}nodes/{node}/node.pem\"\n\
             key = \"{up}nodes/{node}/node.key\"\n\
             site = \"{site}\"\n\
             storage_key = \"{up}nodes/{node}/storage.key\"\n\
             link_key = \"{up}nodes/{node}/link.key\"\n"
        ),
    );
    for member in members {
        let id = &member.id;
        put(
            text,
            format_args!(
                "\n[[keys.member]]\n\
                 id = \"{id}\"\n\
                 x25519_key = \"{up}members/{id}/x25519.key\"\n\
                 x_wing_key = \"{up}members/{id}/x-wing.key\"\n"
            ),
        );
    }
}

fn gateway(text: &mut String, up: &str, place: Place<'_>, ledger: Option<&str>) {
    let Place { data, port, site } = place;
    let node = State::gateway_node(site);
    put(
        text,
        format_args!(
            "\n[gateway]\n\
             listen = \"127.0.0.1:{port}\"\n\
             data = \"{up}data/{data}\"\n\
             certificate = \"{up}nodes/{node}/node.pem\"\n\
             key = \"{up}nodes/{node}/node.key\"\n"
        ),
    );
    if let Some(ledger) = ledger {
        put(text, format_args!("ledger = \"{ledger}\"\n"));
    }
}

fn gateway_site(text: &mut String, up: &str, site: &SiteId, keys: Option<&str>) {
    let node = State::gateway_node(site);
    put(
        text,
        format_args!(
            "\n[[gateway.site]]\n\
             id = \"{site}\"\n\
             certificate = \"{up}nodes/{node}/node.pem\"\n\
             key = \"{up}nodes/{node}/node.key\"\n"
        ),
    );
    if let Some(keys) = keys {
        put(text, format_args!("keys = \"{keys}\"\n"));
    }
}

fn gateway_member(text: &mut String, up: &str, id: &MemberId, site: &SiteId) {
    put(
        text,
        format_args!(
            "\n[[gateway.member]]\n\
             id = \"{id}\"\n\
             site = \"{site}\"\n\
             statement_key = \"{up}members/{id}/statement.key\"\n\
             seed_key = \"{up}members/{id}/seed.key\"\n\
             storage_key = \"{up}members/{id}/storage.key\"\n"
        ),
    );
}

fn client(text: &mut String, up: &str, member: &MemberId) {
    put(
        text,
        format_args!(
            "\n# What the command line uses when it calls these nodes; --as overrides member.\n\
             [client]\nmember = \"{member}\"\nmembers = \"{up}members\"\n"
        ),
    );
}

/// Appends to a string, which cannot fail.
fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(arguments);
}
