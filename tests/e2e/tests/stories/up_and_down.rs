//! `deploy/local/up` starts seven processes and no more, `deploy/local/down` stops them and no
//! others.

use std::path::PathBuf;
use std::process::{Command, Output};

use anyhow::{Context, Result};
use cluster::{Home, binary};

struct Script<'a> {
    home: &'a Home,
    state: PathBuf,
}

impl Script<'_> {
    fn run(&self, name: &str) -> Result<(Option<i32>, String)> {
        let Output { status, stdout, stderr } =
            Command::new(e2e::root().join("deploy/local").join(name))
                .env("QUAYSIDE_STATE", &self.state)
                .env("QUAYSIDE_BIN", binary()?)
                .env("NO_COLOR", "1")
                .current_dir(self.home.path())
                .output()?;
        let text = [stdout, stderr].concat();
        Ok((status.code(), String::from_utf8_lossy(&text).into_owned()))
    }

    /// The processes of our program that serve this state.
    fn processes(&self) -> Result<Vec<u32>> {
        let state = self.state.display().to_string();
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let path = entry?.path();
            let Some(id) = path.file_name().and_then(|name| name.to_string_lossy().parse().ok())
            else {
                continue;
            };
            // A process that has ended meanwhile has no line any more.
            let line = std::fs::read_to_string(path.join("cmdline")).unwrap_or_default();
            let words: Vec<&str> = line.split('\0').collect();
            if words.get(1) == Some(&"run") && line.contains(&state) {
                found.push(id);
            }
        }
        Ok(found)
    }

    fn pid_files(&self) -> Result<usize> {
        let run = std::fs::read_dir(self.state.join("run"))?;
        Ok(run
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|e| e == "pid"))
            .count())
    }
}

#[test]
fn up_starts_seven_processes_and_down_stops_those_and_no_others() -> Result<()> {
    let elsewhere = Home::new()?;
    let mut bystander = elsewhere.start()?;
    let home = Home::empty()?;
    let script = Script { home: &home, state: home.file("state") };

    let (code, told) = script.run("down")?;
    assert_eq!(code, Some(0), "nothing is up: {told}");
    assert!(told.contains("nothing runs"), "{told}");

    let (code, told) = script.run("up")?;
    assert_eq!(code, Some(0), "{told}");
    let ids = script.processes()?;
    assert_eq!(ids.len(), 7, "{told}");
    let status = |state: &PathBuf| {
        let state = state.display().to_string();
        home.quayside(["status", "--state", &state, "--json"])
    };
    let seen = status(&script.state)?.ok()?.json()?;
    let mut nodes: Vec<String> = seen["nodes"]
        .as_array()
        .context("nodes")?
        .iter()
        .map(|node| format!("{} {}", node["name"], node["role"]).replace('"', ""))
        .collect();
    nodes.sort();
    let expected = [
        "hangzhou-gateway gateway",
        "hangzhou-keys keys",
        "hz-forwarder-ledger ledger",
        "liege-gateway gateway",
        "liege-keys keys",
        "xiaoshan-gateway gateway",
        "xiaoshan-keys keys",
    ];
    assert_eq!(nodes, expected, "{seen:#}");

    let (code, told) = script.run("up")?;
    assert_eq!(code, Some(2), "they are up: {told}");
    assert!(told.contains("deploy/local/down"), "it says what to do: {told}");
    assert_eq!(script.processes()?, ids, "and it left them alone");

    // A process id that was given to somebody else since is not ours to stop.
    let mut other = Command::new("sleep").arg("600").spawn()?;
    let stale = script.state.join("run/stale.pid");
    std::fs::write(&stale, format!("{}\n", other.id()))?;
    let (code, told) = script.run("down")?;
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(script.processes()?, Vec::<u32>::new(), "{told}");
    assert_eq!(script.pid_files()?, 0, "{told}");
    assert!(other.try_wait()?.is_none(), "a stranger was stopped");
    other.kill()?;
    other.wait()?;
    assert_eq!(bystander.ended()?, None, "the bystander lives on");
    elsewhere.quayside(["status", "--json"])?.ok()?;

    let (code, told) = script.run("down")?;
    assert_eq!(code, Some(0), "a second time: {told}");
    assert!(told.contains("nothing runs"), "{told}");
    assert_eq!(status(&script.state)?.code, Some(4), "nothing answers");

    // What was stopped goes on where it was.
    let (code, told) = script.run("up")?;
    assert_eq!(code, Some(0), "{told}");
    let again = status(&script.state)?.ok()?.json()?;
    assert_eq!(again["ledger"]["log_root"], seen["ledger"]["log_root"], "{again:#}");
    assert_eq!(script.run("down")?.0, Some(0));
    assert_eq!(script.processes()?, Vec::<u32>::new());
    Ok(())
}
