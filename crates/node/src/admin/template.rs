//! Write configuration files as a person would: short, with comments, relative to themselves.

use std::fmt::Write as _;

use party::{MemberId, SiteId};

use super::plan::{Plan, PlannedMember};
use crate::{Error, State};

/// The node that runs every role over one state folder.
pub(super) fn all_in_one(plan: &Plan) -> Result<String, Error> {
    let operator = &plan.operator()?.id;
    let mut text = head(plan, r#""ledger", "gateway""#, "");
    ledger(&mut text, plan, operator, "");
    let sites = plan.sites();
    let members: Vec<(&PlannedMember, &SiteId)> =
        plan.members.iter().filter_map(|member| Some((member, member.sites.first()?))).collect();
    gateway(&mut text, plan, "gateway", port(plan, 1), "", None, &sites_of(&sites), &members);
    if let Some(first) = plan.members.first() {
        put(
            &mut text,
            format_args!(
                "\n# What the command line uses when it calls these nodes; --as overrides member.\n\
                 [client]\nmember = \"{}\"\nmembers = \"members\"\n",
                first.id
            ),
        );
    }
    Ok(text)
}

/// The ledger alone.
pub(super) fn ledger_alone(plan: &Plan) -> Result<String, Error> {
    let mut text = head(plan, r#""ledger""#, "../../");
    ledger(&mut text, plan, &plan.operator()?.id, "../../");
    Ok(text)
}

/// The gateway of the site that is the `number`th of the plan, alone.
pub(super) fn gateway_alone(plan: &Plan, site: &SiteId, number: usize) -> Result<String, Error> {
    let mut text = head(plan, r#""gateway""#, "../../");
    let name = State::gateway_node(site);
    let members: Vec<(&PlannedMember, &SiteId)> = plan
        .members
        .iter()
        .filter(|member| member.sites.contains(site))
        .map(|member| (member, site))
        .collect();
    // The ledger writes its address there, so that this file holds with any port.
    let at = Some("../../data/ledger/address");
    let port = port(plan, u16::try_from(number).unwrap_or(u16::MAX).saturating_add(2));
    gateway(&mut text, plan, &name, port, "../../", at, &[site], &members);
    Ok(text)
}

fn sites_of<'a>(sites: &[(&'a SiteId, Vec<&PlannedMember>)]) -> Vec<&'a SiteId> {
    sites.iter().map(|(site, _)| *site).collect()
}

/// The port of the node that is `offset` after the first, or 0 when the system shall choose.
fn port(plan: &Plan, offset: u16) -> u16 {
    if plan.first_port == 0 { 0 } else { plan.first_port.saturating_add(offset) }
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
            port(plan, 0)
        ),
    );
}

#[expect(clippy::too_many_arguments, reason = "one call per kind of file, read side by side")]
fn gateway(
    text: &mut String,
    plan: &Plan,
    data: &str,
    port: u16,
    up: &str,
    ledger: Option<&str>,
    sites: &[&SiteId],
    members: &[(&PlannedMember, &SiteId)],
) {
    let Some(first) = sites.first() else {
        return;
    };
    let node = State::gateway_node(first);
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
    for site in sites {
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
    }
    debug_assert!(plan.members.len() >= members.len(), "a gateway serves planned members only");
    for (member, site) in members {
        let id = &member.id;
        put(
            text,
            format_args!(
                "\n[[gateway.member]]\n\
                 id = \"{id}\"\n\
                 site = \"{site}\"\n\
                 statement_key = \"{up}members/{id}/statement.key\"\n\
                 seed_key = \"{up}members/{id}/seed.key\"\n"
            ),
        );
    }
}

/// Appends to a string, which cannot fail.
fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(arguments);
}
