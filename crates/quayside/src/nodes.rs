//! Find the node to call: which of a state folder's nodes serves a member, or a site's links.

use node::{Config, Role, State};
use party::MemberId;

use crate::cli::Global;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::run::configuration;

/// Every node that runs over the state folder: those that run apart, else the one that runs every
/// role; with `--config`, the one that it names. The ledger comes first.
pub(crate) fn all(global: &Global) -> Result<Vec<(String, Config)>, Fault> {
    let state = State::at(&global.state);
    let apart = state.nodes_apart();
    if global.config.is_some() || apart.is_empty() {
        return Ok(vec![("all".to_owned(), configuration(global)?)]);
    }
    let mut nodes = Vec::with_capacity(apart.len());
    for name in apart {
        let config = Config::load(&state.node_config(&name))?;
        nodes.push((name, config));
    }
    nodes.sort_by_key(|(name, config)| (config.roles.first().copied(), name.clone()));
    Ok(nodes)
}

/// The configuration of the node whose gateway acts for a member: its own site's when the nodes run
/// apart. Without a member, the first gateway's, and the member that its configuration names.
pub(crate) fn gateway_of(
    member: Option<&MemberId>,
    global: &Global,
) -> Result<(Config, MemberId), Fault> {
    let serves = |config: &Config, member: &MemberId| {
        let members = config.gateway.iter().flat_map(|gateway| &gateway.members);
        members.into_iter().any(|served| served.id == *member)
    };
    let mut nodes = all(global)?;
    let at = match member {
        Some(member) => nodes.iter().position(|(_, config)| serves(config, member)),
        None => nodes.iter().position(|(_, config)| config.gateway.is_some()),
    };
    // One node alone says for itself whom it knows.
    let at = at.or_else(|| (nodes.len() == 1).then_some(0));
    let Some(at) = at else {
        let who = member.map_or_else(|| "anybody".to_owned(), ToString::to_string);
        return Err(Fault::new(
            Exit::Usage,
            format!("no gateway that runs over {} acts for {who}", global.state.display()),
        )
        .help("name a member of the consortium with --as; members.json lists them"));
    };
    let (_, config) = nodes.swap_remove(at);
    let member = crate::connection::member(&config, member)?;
    Ok((config, member))
}

/// The nodes that run keys.
pub(crate) fn with_keys(global: &Global) -> Result<Vec<Config>, Fault> {
    let nodes = all(global)?.into_iter().map(|(_, config)| config);
    let nodes: Vec<Config> = nodes
        .filter(|config| config.keys.is_some() && config.roles.contains(&Role::Keys))
        .collect();
    if nodes.is_empty() {
        return Err(Fault::new(Exit::Usage, "no node with the role keys is configured here")
            .help("name its configuration with --config"));
    }
    Ok(nodes)
}
