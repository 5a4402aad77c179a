//! `deploy/tour`, the last part of the quickstart, shows what it says it shows.

use std::process::Command;

use anyhow::Result;
use cluster::{Home, binary};

#[test]
fn the_tour_shows_what_it_says_and_leaves_nothing_behind() -> Result<()> {
    let home = Home::empty()?;
    let state = home.file("state");
    let output = Command::new(e2e::root().join("deploy/tour"))
        .env("QUAYSIDE_STATE", &state)
        .env("QUAYSIDE_BIN", binary()?)
        .env("NO_COLOR", "1")
        .current_dir(home.path())
        .output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    let aside = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{aside}");
    for shown in [
        " 16    deliver ",
        "qkd:hangzhou-xiaoshan: ",
        "complete  yes: the ledger proved that it hides no step",
        "CONTAINER_CLOSED",
        "buyer    closed to sky-air",
        "VIEW_NOT_YOURS",
        "16 of 16 bundles hold",
        "shut-down",
        "LINE_SHUT_DOWN",
    ] {
        assert!(told.contains(shown) || aside.contains(shown), "{shown}\n{told}\n{aside}");
    }
    assert!(!state.join("run/program").exists(), "what was started is stopped");
    Ok(())
}
