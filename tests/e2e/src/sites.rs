//! The seven nodes, with a quantum link that a test can wait for.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cluster::Apart;
use serde_json::Value;

/// The quantum link between the two Chinese sites.
pub const LINK: &str = "hangzhou-xiaoshan";

/// The nodes at its two ends, the sender's first.
pub const ENDS: [&str; 2] = ["hangzhou-keys", "xiaoshan-keys"];

/// How the link behaves; the rest is as `quayside admin init` writes it.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// How many keys of each direction wait before it rests.
    pub max_keys: u64,
    /// How often it is measured while it rests.
    pub watch_interval: Duration,
}

impl Link {
    /// It rests as soon as it has some keys: the machine is wanted for other things.
    pub const SHORT: Self = Self { max_keys: 64, watch_interval: Duration::from_secs(10) };
}

/// Makes the folder of the seven nodes; nothing runs yet.
///
/// # Errors
///
/// When the program is missing or fails.
pub fn made(link: Link) -> Result<Apart> {
    let nodes = Apart::new()?;
    let Link { max_keys, watch_interval } = link;
    let milliseconds = watch_interval.as_millis();
    for end in ENDS {
        let file = nodes.config(end);
        let config = std::fs::read_to_string(&file)?;
        let line = "length_km = 26.0\n";
        ensure!(config.matches(line).count() == 1, "one link at {end}: {config}");
        let more = format!("{line}max_keys = {max_keys}\nwatch_interval_ms = {milliseconds}\n");
        std::fs::write(&file, config.replace(line, &more))?;
    }
    Ok(nodes)
}

/// Starts every node, with more environment variables, and waits until all answer.
///
/// # Errors
///
/// When one does not; the message holds the end of each log.
pub fn started(link: Link, environment: &[(&str, &str)]) -> Result<Apart> {
    let mut nodes = made(link)?;
    for name in nodes.names()? {
        nodes.start_with(&name, environment.iter().copied())?;
    }
    nodes.wait()?;
    Ok(nodes)
}

/// Starts every node and waits until all answer.
///
/// # Errors
///
/// As [`started`].
pub fn up(link: Link) -> Result<Apart> {
    started(link, &[])
}

/// Waits until the link is in a state at both ends, as `quayside link show --until` has it; what it
/// shows then, the sender's end first.
///
/// # Errors
///
/// When it does not come to that.
pub fn until(nodes: &Apart, state: &str) -> Result<[Value; 2]> {
    let words = ["link", "show", LINK, "--until", state, "--timeout", "90", "--json"];
    ends(nodes.home.quayside(words)?.ok()?.json()?)
}

/// What the link shows now, the sender's end first.
///
/// # Errors
///
/// When a node does not answer.
pub fn link(nodes: &Apart) -> Result<[Value; 2]> {
    ends(nodes.home.quayside(["link", "show", LINK, "--json"])?.ok()?.json()?)
}

fn ends(told: Value) -> Result<[Value; 2]> {
    let end = |kind: &str| {
        let links = told.get("links").and_then(Value::as_array)?;
        links.iter().find(|link| link.get("end").and_then(Value::as_str) == Some(kind)).cloned()
    };
    let both = end("sender").zip(end("receiver")).with_context(|| format!("{told:#}"))?;
    Ok([both.0, both.1])
}

/// A number that a report shows.
///
/// # Errors
///
/// When it shows none of that name.
pub fn figure(of: &Value, name: &str) -> Result<u64> {
    of.get(name).and_then(Value::as_u64).with_context(|| format!("no {name}: {of:#}"))
}
