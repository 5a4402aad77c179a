//! The power is cut at any moment, and whatever was acknowledged is there afterwards.

use std::fs::File;
use std::io::Write as _;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cluster::{Home, Node};

const KILLS: u32 = 6;
const KILLS_IN_SOAK: u32 = 200;
/// Between the node's first answer and its end, in milliseconds.
const LIFE_MS: (u64, u64) = (20, 900);

/// A client that captures without pause and survives every restart of the node.
struct Load {
    client: Child,
}

impl Load {
    fn start(home: &Home) -> Result<Self> {
        let client = e2e::script("load.py", ["run".as_ref(), home.path()])?
            .stdin(Stdio::piped())
            .stdout(File::create(home.file("promises"))?)
            .stderr(File::create(home.file("load.log"))?)
            .spawn()?;
        Ok(Self { client })
    }

    fn stop(mut self) -> Result<()> {
        drop(self.client.stdin.take());
        let status = self.client.wait()?;
        ensure!(status.success(), "the load ended with {status}");
        Ok(())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.client.kill();
    }
}

/// A small generator with a printed seed: a run that fails can be told from another.
struct Moments(u64);

impl Moments {
    fn new() -> Self {
        let seed = u64::from(std::process::id()) << 20 | 0x9e37;
        println!("seed {seed}");
        Self(seed)
    }

    fn next(&mut self) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let (from, to) = LIFE_MS;
        Duration::from_millis(from + self.0 % (to - from))
    }
}

/// Checks the stopped ledger offline: header chain, log, leaves, bodies, replay of the state root.
fn check(home: &Home) -> Result<serde_json::Value> {
    home.quayside(["ledger", "check", "--json"])?.ok()?.json()
}

/// Compares everything that was promised with what the node answers now.
fn audit(home: &Home) -> Result<serde_json::Value> {
    let output = e2e::script("load.py", ["audit".as_ref(), home.path()])?
        .stdin(File::open(home.file("promises"))?)
        .output()?;
    let talk = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).with_context(|| talk.into_owned())
}

fn kill_under_load(kills: u32) -> Result<()> {
    let home = Home::new()?;
    let mut moments = Moments::new();
    let mut node = home.start()?;
    let load = Load::start(&home)?;
    // The load takes a moment to make its stubs; from here on it captures.
    while std::fs::metadata(home.file("promises"))?.len() == 0 {
        sleep(Duration::from_millis(20));
    }
    for kill in 0..kills {
        sleep(moments.next());
        node.kill()?;
        // Not after each, as it replays everything; the audit at the end covers all of them.
        if kill % 10 == 0 {
            println!("kill {kill} of {kills}: {}", check(&home)?);
        }
        node = home.start().with_context(|| format!("after kill {kill}"))?;
    }
    load.stop()?;
    let told = audit(&home)?;
    println!("{kills} kills: {told}");
    assert_eq!(told["fault_count"], 0, "{told:#}");
    assert!(told["promises"].as_u64() > Some(u64::from(kills)), "there was load: {told:#}");
    assert!(told["roots"].as_u64() > Some(0), "roots were compared: {told:#}");
    node.kill()?;
    let report = check(&home)?;
    assert_eq!(report["height"], told["height"], "the audit repeated, and wrote nothing new");
    Ok(())
}

#[test]
fn acknowledged_events_survive_kills_under_load() -> Result<()> {
    kill_under_load(KILLS)
}

#[test]
#[ignore = "soak"]
fn acknowledged_events_survive_200_kills_under_load() -> Result<()> {
    kill_under_load(KILLS_IN_SOAK)
}

/// Starts a node that ends itself when it reaches a write boundary for the `count`th time.
fn start_to_crash(home: &Home, point: &str, count: u32) -> Result<Node> {
    let at = format!("{point}#{count}");
    home.start_with([("QUAYSIDE_CRASH_AT", at.as_str())])
}

fn crash_at_every_point(counts: impl Iterator<Item = u32> + Clone) -> Result<()> {
    for point in ledger::CRASH_POINTS {
        for count in counts.clone() {
            let home = Home::new()?;
            // An ordinary life first, so that there is something to lose.
            let mut node = home.start()?;
            super::journey::capture(&home)?;
            node.kill()?;
            let before = check(&home)?;

            let mut node = start_to_crash(&home, point, count)?;
            let load = Load::start(&home)?;
            let ended = node.wait(Duration::from_secs(60))?;
            ensure!(ended.is_some(), "{point}#{count} was never reached: {}", node.log());
            let after = check(&home)?;
            ensure!(after["height"].as_u64() >= before["height"].as_u64(), "{before} {after}");

            let mut node = home.start().with_context(|| format!("after {point}#{count}"))?;
            sleep(Duration::from_millis(300));
            load.stop()?;
            let told = audit(&home)?;
            assert_eq!(told["fault_count"], 0, "{point}#{count}: {told:#}");
            assert!(told["promises"].as_u64() > Some(0), "{point}#{count}: {told:#}");
            node.kill()?;
            check(&home)?;
            println!("{point}#{count}: {told}");
        }
    }
    Ok(())
}

#[test]
fn a_crash_at_every_write_boundary_loses_nothing() -> Result<()> {
    crash_at_every_point([2].into_iter())
}

#[test]
#[ignore = "soak"]
fn a_crash_at_every_write_boundary_many_times_over_loses_nothing() -> Result<()> {
    crash_at_every_point(1..=10)
}

#[test]
fn a_block_that_was_acknowledged_and_is_gone_keeps_the_node_down() -> Result<()> {
    let home = Home::new()?;
    let mut node = home.start()?;
    super::journey::capture(&home)?;
    node.kill()?;
    // As if the disk had lost the end of the write-ahead log, which holds acknowledged blocks.
    let mut cut = 0;
    for entry in walk(&home.file("data/ledger"))? {
        if entry.extension().is_some_and(|extension| extension == "log") {
            let file = File::options().write(true).open(&entry)?;
            let length = file.metadata()?.len();
            file.set_len(length / 2)?;
            cut += u32::from(length > 0);
        }
    }
    ensure!(cut > 0, "there is a write-ahead log");
    let mut node = home.spawn([], [])?;
    let ended = node.wait(Duration::from_secs(20))?;
    assert_eq!(ended.and_then(|status| status.code()), Some(5), "{}", node.log());
    assert!(node.log().contains("acknowledged"), "it says why: {}", node.log());
    Ok(())
}

#[test]
fn a_torn_tail_that_nobody_was_promised_does_not_keep_a_node_down() -> Result<()> {
    let home = Home::new()?;
    let mut node = home.start()?;
    super::journey::capture(&home)?;
    node.kill()?;
    let before = check(&home)?;
    for entry in walk(&home.file("data/ledger"))? {
        if entry.extension().is_some_and(|extension| extension == "log") {
            // A record's beginning, as a power cut leaves it.
            File::options().append(true).open(&entry)?.write_all(&[0x5a; 100])?;
        }
    }
    let mut node = home.start()?;
    super::journey::capture(&home)?;
    node.kill()?;
    let after = check(&home)?;
    ensure!(after["height"].as_u64() > before["height"].as_u64(), "{before} {after}");
    Ok(())
}

/// Lists the files below a folder.
fn walk(folder: &std::path::Path) -> Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() { files.extend(walk(&path)?) } else { files.push(path) }
    }
    Ok(files)
}
