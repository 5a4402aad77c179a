//! `quayside link`: watch quantum links, listen in on them, restore them.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use node::{Config, Role};
use party::MemberId;
use qkd::{EndKind, LineState};
use rpc::client::{Keys, LinkStatus};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::cli::Global;
use crate::connection::{self, endpoint, fault};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::nodes;
use crate::output::{Output, Report, count, fields, lines, pairs, table};

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// What `link` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the links, one line for each end.
    #[command(after_long_help = fields::<LinksReport>())]
    List(ListArguments),
    /// Show one link with its figures.
    #[command(after_long_help = fields::<LinksReport>())]
    Show(ShowArguments),
    /// Have an eavesdropper measure and send on part of a link's pulses; 0 sends it away. The
    /// channel is simulated, so this is how one tries what a listener would cause.
    #[command(after_long_help = fields::<ChangeReport>())]
    Eavesdrop(EavesdropArguments),
    /// Take a link that was shut down back into service.
    #[command(after_long_help = fields::<ChangeReport>())]
    Restore(RestoreArguments),
}

/// What `link list` takes.
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// The member in whose name to call [default: client.member of each node's configuration].
    #[arg(long = "as", value_name = "MEMBER", env = "QUAYSIDE_MEMBER")]
    member: Option<MemberId>,
}

/// What one can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Until {
    /// The ends are connected.
    Up,
    /// They are, and both have keys to draw.
    Ready,
    /// The ends are not connected.
    Down,
    /// The line is shut down.
    ShutDown,
}

impl Until {
    fn holds(self, link: &LinkStatus) -> bool {
        match self {
            Self::Up => link.line.state == LineState::Up,
            Self::Ready => link.line.state == LineState::Up && link.counts.ready_outgoing > 0,
            Self::Down => link.line.state == LineState::Down,
            Self::ShutDown => matches!(link.line.state, LineState::ShutDown { .. }),
        }
    }
}

/// What `link show` takes.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The link.
    #[arg(value_name = "LINK")]
    link: String,
    /// Wait until this holds at each of its ends that can be asked.
    #[arg(long, value_name = "STATE")]
    until: Option<Until>,
    /// How long to wait, in seconds.
    #[arg(long, value_name = "S", default_value_t = 60, requires = "until")]
    timeout: u64,
    /// The member in whose name to call [default: client.member of each node's configuration].
    #[arg(long = "as", value_name = "MEMBER", env = "QUAYSIDE_MEMBER")]
    member: Option<MemberId>,
}

/// What `link restore` takes.
#[derive(Debug, Args)]
pub(crate) struct RestoreArguments {
    /// The link.
    #[arg(value_name = "LINK")]
    link: String,
    /// The member in whose name to call [default: client.member of each node's configuration].
    #[arg(long = "as", value_name = "MEMBER", env = "QUAYSIDE_MEMBER")]
    member: Option<MemberId>,
}

/// What `link eavesdrop` takes.
#[derive(Debug, Args)]
pub(crate) struct EavesdropArguments {
    /// The link.
    #[arg(value_name = "LINK")]
    link: String,
    /// The part of the pulses that is measured and sent on, 0 to 1.
    #[arg(long, value_name = "F")]
    fraction: f64,
    /// The member in whose name to call [default: client.member of the node's configuration].
    #[arg(long = "as", value_name = "MEMBER", env = "QUAYSIDE_MEMBER")]
    member: Option<MemberId>,
}

#[derive(Debug, Serialize)]
pub(crate) struct LinksReport {
    links: Vec<LinkLine>,
    #[serde(skip)]
    whole: bool,
}

/// One end of a link.
#[derive(Debug, Serialize)]
pub(crate) struct LinkLine {
    pub(crate) id: String,
    near: party::SiteId,
    far: party::SiteId,
    end: &'static str,
    pub(crate) state: &'static str,
    shut_down_reason: Option<String>,
    blocks: u64,
    keys: u64,
    qber: Option<f64>,
    bits_per_pulse: Option<f64>,
    eavesdropper: Option<f64>,
    pub(crate) ready_outgoing: u64,
    pub(crate) ready_incoming: u64,
    pending: u64,
    delivered: u64,
}

impl LinkLine {
    /// Shows an end of a link.
    pub(crate) fn of(link: LinkStatus) -> Self {
        let (state, shut_down_reason) = match link.line.state {
            LineState::Up => ("up", None),
            LineState::Down => ("down", None),
            LineState::ShutDown { reason } => ("shut-down", Some(reason)),
        };
        Self {
            id: link.id,
            near: link.near,
            far: link.far,
            end: link.end.as_str(),
            state,
            shut_down_reason,
            blocks: link.line.blocks,
            keys: link.line.keys,
            qber: link.line.qber,
            bits_per_pulse: (link.line.blocks > 0).then_some(link.line.bits_per_pulse),
            eavesdropper: link.eavesdropper,
            ready_outgoing: link.counts.ready_outgoing,
            ready_incoming: link.counts.ready_incoming,
            pending: link.counts.pending,
            delivered: link.counts.delivered,
        }
    }
}

impl Report for LinksReport {
    const COMMAND: &'static str = "link list";
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        ("links", "the ends of the links, one for each site that was asked"),
        ("links.id", "the link's id"),
        ("links.near", "the site that was asked"),
        ("links.far", "the site at the other end"),
        ("links.end", "which end is near: sender or receiver of pulses"),
        ("links.state", "up, down (not connected), or shut-down (somebody may listen)"),
        ("links.shut_down_reason", "what was measured, or null unless it is shut down"),
        (
            "links.blocks",
            "blocks of pulses that gave keys or were only measured, since the node started",
        ),
        ("links.keys", "keys won since the node started"),
        ("links.qber", "the share of wrong bits in the last block's sample, or null"),
        ("links.bits_per_pulse", "key bits per pulse after all costs, or null"),
        ("links.eavesdropper", "the part of the pulses that is listened to; null at the sender"),
        ("links.ready_outgoing", "keys that can be drawn here"),
        ("links.ready_incoming", "keys that can be recovered here"),
        ("links.pending", "keys that the far end has not confirmed yet"),
        ("links.delivered", "keys that were delivered"),
    ];

    fn text(&self) -> String {
        if self.whole {
            return self.links.iter().map(LinkLine::text).collect::<Vec<_>>().join("\n");
        }
        let mut links =
            table(&["link", "at", "end", "state", "keys to draw", "to recover", "error rate"]);
        for link in &self.links {
            links.add_row([
                link.id.clone(),
                link.near.to_string(),
                link.end.to_owned(),
                link.state.to_owned(),
                count(link.ready_outgoing),
                count(link.ready_incoming),
                link.qber.map(per_cent).unwrap_or_default(),
            ]);
        }
        lines(&links)
    }
}

fn per_cent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

impl LinkLine {
    fn text(&self) -> String {
        let mut rows = vec![
            ("link", format!("{}, its {} at {}", self.id, self.end, self.near)),
            ("far end", self.far.to_string()),
            (
                "state",
                match &self.shut_down_reason {
                    Some(reason) => format!("{}: {reason}", self.state),
                    None => self.state.to_owned(),
                },
            ),
            ("blocks", format!("{}, {} keys", count(self.blocks), count(self.keys))),
        ];
        rows.extend(self.qber.map(|qber| ("error rate", per_cent(qber))));
        rows.extend(
            self.bits_per_pulse.map(|bits| ("net rate", format!("{bits:.4} key bits a pulse"))),
        );
        rows.push((
            "keys",
            format!(
                "{} to draw, {} to recover, {} pending, {} delivered",
                count(self.ready_outgoing),
                count(self.ready_incoming),
                count(self.pending),
                count(self.delivered)
            ),
        ));
        let listened = self.eavesdropper.filter(|fraction| *fraction > 0.0);
        rows.extend(listened.map(|f| ("listener", format!("on {} of the pulses", per_cent(f)))));
        pairs(&rows)
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct ChangeReport {
    link: String,
    at: Vec<party::SiteId>,
    eavesdropper: Option<f64>,
    restored: bool,
}

impl Report for ChangeReport {
    const COMMAND: &'static str = "link eavesdrop";
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        ("link", "the link's id"),
        ("at", "the sites whose nodes did it"),
        ("eavesdropper", "the part of the pulses listened to from the next block on; or null"),
        ("restored", "whether the link was asked to begin again"),
    ];

    fn text(&self) -> String {
        let at: Vec<&str> = self.at.iter().map(party::SiteId::as_str).collect();
        match self.eavesdropper {
            Some(0.0) => format!("the eavesdropper on {} has left\n", self.link),
            Some(fraction) => {
                format!("an eavesdropper measures {} of {}\n", per_cent(fraction), self.link)
            }
            None => format!("{} is asked to begin again, at {}\n", self.link, at.join(" and ")),
        }
    }
}

/// A client of a node's keys, in a member's name.
pub(crate) fn client(config: &Config, member: Option<&MemberId>) -> Result<Keys, Fault> {
    node::install_tls_provider();
    let member = connection::member(config, member)?;
    let endpoint = endpoint(config, &member, connection::url(config, Role::Keys)?)?;
    Keys::connect(&endpoint).map_err(|error| fault(&error, HELP))
}

/// What to do when a keys node does not answer.
pub(crate) const HELP: &str = "start the nodes with: deploy/local/up";

/// The ends of the links that can be asked, each with the client that answered.
async fn ends(
    member: Option<&MemberId>,
    global: &Global,
) -> Result<Vec<(Keys, LinkStatus)>, Fault> {
    let mut ends = Vec::new();
    for config in nodes::with_keys(global)? {
        let keys = client(&config, member)?;
        let links = keys.links().await.map_err(|error| fault(&error, HELP))?;
        ends.extend(links.into_iter().map(|link| (keys.clone(), link)));
    }
    Ok(ends)
}

/// The ends of one link.
async fn ends_of(
    link: &str,
    member: Option<&MemberId>,
    global: &Global,
) -> Result<Vec<(Keys, LinkStatus)>, Fault> {
    let mut ends = ends(member, global).await?;
    ends.retain(|(_, end)| end.id == link);
    if ends.is_empty() {
        return Err(Fault::new(Exit::NotFound, format!("no link {link} ends at these nodes"))
            .help("list the links with: quayside link list"));
    }
    Ok(ends)
}

/// Runs a `link` verb.
pub(crate) async fn link(verb: Verb, global: &Global, output: Output) -> Result<Exit, Fault> {
    let of = |ends: Vec<(Keys, LinkStatus)>| ends.into_iter().map(|(_, end)| LinkLine::of(end));
    match verb {
        Verb::List(arguments) => {
            let links = of(ends(arguments.member.as_ref(), global).await?).collect();
            output.show(&LinksReport { links, whole: false })?;
        }
        Verb::Show(arguments) => {
            let deadline = Instant::now() + Duration::from_secs(arguments.timeout);
            let found = loop {
                let found = ends_of(&arguments.link, arguments.member.as_ref(), global).await?;
                let holds = |until: Until| found.iter().all(|(_, end)| until.holds(end));
                if arguments.until.is_none_or(holds) {
                    break found;
                }
                if Instant::now() >= deadline {
                    output.show(&LinksReport { links: of(found).collect(), whole: true })?;
                    let late = format!("waited {} s for it in vain", arguments.timeout);
                    return Err(Fault::new(Exit::Unreachable, late));
                }
                sleep(PAUSE).await;
            };
            output.show(&LinksReport { links: of(found).collect(), whole: true })?;
        }
        Verb::Eavesdrop(arguments) => {
            let ends = ends_of(&arguments.link, arguments.member.as_ref(), global).await?;
            let receiver = ends.iter().find(|(_, end)| end.end == EndKind::Receiver);
            // With the sender alone the answer says that the channel is not there.
            let Some((keys, end)) = receiver.or_else(|| ends.first()) else { return Ok(Exit::Ok) };
            keys.set_eavesdropper(&arguments.link, arguments.fraction)
                .await
                .map_err(|error| fault(&error, HELP))?;
            output.show(&ChangeReport {
                link: arguments.link.clone(),
                at: vec![end.near.clone()],
                eavesdropper: Some(arguments.fraction),
                restored: false,
            })?;
        }
        Verb::Restore(arguments) => {
            let ends = ends_of(&arguments.link, arguments.member.as_ref(), global).await?;
            let mut at = Vec::with_capacity(ends.len());
            for (keys, end) in ends {
                keys.restore_link(&arguments.link).await.map_err(|error| fault(&error, HELP))?;
                at.push(end.near);
            }
            let link = arguments.link;
            output.show(&ChangeReport { link, at, eavesdropper: None, restored: true })?;
        }
    }
    Ok(Exit::Ok)
}
