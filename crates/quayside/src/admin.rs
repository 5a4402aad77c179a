//! `quayside admin`: make a consortium; take certificates back.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use node::State;
use node::admin::{Plan, PlannedMember};
use party::{ConsortiumId, MemberId};
use serde::Serialize;

use crate::cli::Global;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Output, Report, fields, lines, pairs, table};

/// What `admin` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a consortium for development: keys, certificates, genesis, configuration.
    ///
    /// Without --topology and --member it is the consortium `demo` with six members at three sites,
    /// from a seller in Hangzhou to a post in Madrid, and one quantum link. Refuses to touch a
    /// consortium that is there.
    #[command(after_long_help = fields::<InitReport>())]
    Init(InitArguments),
    /// Put a certificate on the revocation list; running nodes refuse it within seconds.
    #[command(after_long_help = fields::<RevokeReport>())]
    Revoke(RevokeArguments),
}

/// What `admin init` takes.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// The file that describes the consortium, such as deploy/topology.toml [default: built in].
    #[arg(long, value_name = "FILE")]
    topology: Option<PathBuf>,
    /// The consortium's name: small letters, digits, hyphens [default: the topology's, demo].
    #[arg(long, value_name = "NAME")]
    consortium: Option<ConsortiumId>,
    /// A member, as id:role+role:country:site, once for each, in the place of the topology's
    /// members, sites and links.
    #[arg(long = "member", value_name = "MEMBER")]
    members: Vec<PlannedMember>,
    /// The member that runs the ledger, if no --member has the role operator.
    #[arg(long, value_name = "MEMBER")]
    operator: Option<MemberId>,
    /// The first port: the ledger's; those of the other nodes follow. 0 takes free ports at every
    /// start [default: the topology's, 7401].
    #[arg(long, value_name = "PORT")]
    first_port: Option<u16>,
    /// A further DNS name or IP address under which the nodes are reached.
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
}

/// What `admin revoke` takes.
#[derive(Debug, Args)]
pub(crate) struct RevokeArguments {
    /// The certificate to take back: a PEM file, or a member's id for its client certificate.
    #[arg(value_name = "FILE|MEMBER")]
    certificate: PathBuf,
    /// Do it without asking: a revocation cannot be undone.
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct InitReport {
    folder: PathBuf,
    consortium: ConsortiumId,
    operator: MemberId,
    members: Vec<MemberLine>,
    config: PathBuf,
    links: Vec<LinkLine>,
    nodes: Vec<PathBuf>,
}

#[derive(Debug, Serialize)]
struct LinkLine {
    id: String,
    sender: party::SiteId,
    receiver: party::SiteId,
    length_km: f64,
}

#[derive(Debug, Serialize)]
struct MemberLine {
    id: MemberId,
    roles: Vec<party::Role>,
    country: party::Country,
    sites: Vec<party::SiteId>,
}

impl Report for InitReport {
    const COMMAND: &'static str = "admin init";
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        ("folder", "the state folder"),
        ("consortium", "the consortium's name"),
        ("operator", "the member that runs the ledger"),
        ("members", "the members, in the order given"),
        ("members.id", "the member's id"),
        ("members.roles", "what it does"),
        ("members.country", "where it is registered, ISO 3166-1 alpha-2"),
        ("members.sites", "where its machines stand"),
        ("links", "the quantum links"),
        ("links.id", "the link's id"),
        ("links.sender", "the site that sends pulses"),
        ("links.receiver", "the site that receives them"),
        ("links.length_km", "the length of its fibre, kilometres"),
        ("config", "the configuration of the node that runs every role"),
        ("nodes", "the configurations of nodes that run one role, relative to the folder"),
    ];

    fn text(&self) -> String {
        let mut members = table(&["member", "roles", "country", "sites"]);
        for member in &self.members {
            let words = |words: Vec<String>| words.join(" ");
            members.add_row([
                member.id.to_string(),
                words(member.roles.iter().map(ToString::to_string).collect()),
                member.country.to_string(),
                words(member.sites.iter().map(ToString::to_string).collect()),
            ]);
        }
        let mut text = lines(&members);
        text.push('\n');
        let mut rows = vec![
            ("consortium", self.consortium.to_string()),
            ("ledger of", self.operator.to_string()),
        ];
        rows.extend(self.links.iter().map(|link| {
            let LinkLine { id, sender, receiver, length_km } = link;
            ("link", format!("{id}: {length_km} km from {sender} to {receiver}"))
        }));
        rows.push(("state", self.folder.display().to_string()));
        rows.push(("config", self.config.display().to_string()));
        text.push_str(&pairs(&rows));
        text
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct RevokeReport {
    serial: String,
    subject: String,
    fresh: bool,
    revoked: usize,
}

impl Report for RevokeReport {
    const COMMAND: &'static str = "admin revoke";
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        ("serial", "the certificate's serial number, hexadecimal"),
        ("subject", "whose certificate it is"),
        ("fresh", "false if it had been revoked before"),
        ("revoked", "how many certificates the list now names"),
    ];

    fn text(&self) -> String {
        let state = if self.fresh { "revoked" } else { "had been revoked before" };
        pairs(&[
            ("certificate", self.subject.clone()),
            ("serial", self.serial.clone()),
            ("state", state.to_owned()),
            ("list", format!("{} certificates", self.revoked)),
        ])
    }
}

/// Runs an `admin` verb.
pub(crate) fn admin(verb: Verb, global: &Global, output: Output) -> Result<Exit, Fault> {
    match verb {
        Verb::Init(arguments) => init(arguments, global, output),
        Verb::Revoke(arguments) => revoke(&arguments, global, output),
    }
}

fn init(arguments: InitArguments, global: &Global, output: Output) -> Result<Exit, Fault> {
    let mut plan = match &arguments.topology {
        Some(file) => {
            let text = fs::read_to_string(file).map_err(|e| Fault::file("read", file, &e))?;
            Plan::from_topology(&text).map_err(|error| {
                let fault = Fault::from(error);
                let message = format!("{}: {}", file.display(), fault.message);
                Fault { message, ..fault }
            })?
        }
        None => Plan::demo(),
    };
    plan.consortium = arguments.consortium.unwrap_or(plan.consortium);
    plan.first_port = arguments.first_port.unwrap_or(plan.first_port);
    plan.hosts.extend(arguments.hosts);
    if !arguments.members.is_empty() {
        plan.replace_members(arguments.members);
    }
    if let Some(operator) = &arguments.operator {
        // With the demo's cast, naming an operator moves the role rather than adding a second one.
        for member in &mut plan.members {
            member.roles.remove(&party::Role::Operator);
        }
        plan.appoint(operator)?;
    }
    let made = node::admin::init(&global.state, &plan, &clock::System)?;
    let report = InitReport {
        config: State::at(&made.folder).config(),
        folder: made.folder,
        consortium: plan.consortium,
        operator: made.operator,
        nodes: made.nodes,
        links: plan
            .links
            .into_iter()
            .map(|link| LinkLine {
                id: link.id,
                sender: link.sender,
                receiver: link.receiver,
                length_km: link.length_km,
            })
            .collect(),
        members: plan
            .members
            .into_iter()
            .map(|member| MemberLine {
                id: member.id,
                roles: member.roles.into_iter().collect(),
                country: member.country,
                sites: member.sites.into_iter().collect(),
            })
            .collect(),
    };
    output.show(&report)?;
    output.say("\nThese keys are for development: one machine holds them all.");
    output.say(&format!("Next: quayside run{}", state_flag(&global.state)));
    Ok(Exit::Ok)
}

/// The `--state` to repeat in a suggested command, unless it is the default.
pub(crate) fn state_flag(folder: &Path) -> String {
    if folder.as_os_str() == State::DEFAULT_FOLDER {
        String::new()
    } else {
        format!(" --state {}", folder.display())
    }
}

fn revoke(arguments: &RevokeArguments, global: &Global, output: Output) -> Result<Exit, Fault> {
    let state = State::at(&global.state);
    state.require()?;
    let mut certificate = arguments.certificate.clone();
    if let Some(Ok(member)) = certificate.to_str().map(str::parse::<MemberId>)
        && !certificate.exists()
    {
        certificate = state.member(&member).join("client.pem");
    }
    if !arguments.yes {
        return Err(Fault::new(
            Exit::Usage,
            format!(
                "revoking {} cannot be undone, and nothing was done yet",
                certificate.display()
            ),
        )
        .help("add --yes to go through with it"));
    }
    let done = node::admin::revoke(&state, &certificate, &clock::System)?;
    output.show(&RevokeReport {
        serial: done.serial,
        subject: done.subject,
        fresh: done.fresh,
        revoked: done.revoked,
    })?;
    Ok(Exit::Ok)
}
