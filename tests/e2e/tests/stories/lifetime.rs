//! A node starts, tells how it is, drains when asked to stop, and stops at once when asked twice.

use std::io::{BufRead as _, BufReader, Read as _};
use std::time::Duration;

use anyhow::Result;
use cluster::Home;

const A_MOMENT: Duration = Duration::from_secs(15);

#[test]
fn a_node_that_is_asked_to_stop_drains_and_leaves_a_sound_ledger() -> Result<()> {
    let home = Home::new()?;
    for signal in ["TERM", "INT"] {
        let mut node = home.start()?;
        super::journey::capture(&home)?;
        node.signal(signal)?;
        let status = node.wait(A_MOMENT)?;
        assert_eq!(status.and_then(|status| status.code()), Some(0), "{signal}: {}", node.log());
        home.quayside(["ledger", "check", "--json"])?.ok()?;
    }
    Ok(())
}

#[test]
fn an_open_stream_does_not_keep_a_node_from_stopping() -> Result<()> {
    let home = Home::new()?;
    let mut node = home.start()?;
    let mut follower = e2e::script("follow.py", [home.path()])?
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    let mut told = BufReader::new(follower.stdout.take().expect("piped"));
    let mut line = String::new();
    told.read_line(&mut line)?;
    assert_eq!(line, "following\n");
    node.signal("TERM")?;
    let status = node.wait(A_MOMENT)?;
    assert_eq!(status.and_then(|status| status.code()), Some(0), "{}", node.log());
    let mut rest = String::new();
    told.read_to_string(&mut rest)?;
    assert!(follower.wait()?.success());
    let told: serde_json::Value = serde_json::from_str(&rest)?;
    let code = told["code"].as_str();
    assert!(matches!(code, Some("OK" | "UNAVAILABLE")), "told in order: {told:#}");
    Ok(())
}

#[test]
fn a_second_signal_ends_a_node_at_once() -> Result<()> {
    let home = Home::new()?;
    let mut node = home.start()?;
    node.signal("INT")?;
    node.signal("INT")?;
    let status = node.wait(A_MOMENT)?.and_then(|status| status.code());
    // It may have drained before the second signal came.
    assert!(matches!(status, Some(0 | 8)), "{status:?}: {}", node.log());
    let _node = home.start()?;
    Ok(())
}

#[test]
fn a_second_node_on_the_same_folder_is_refused() -> Result<()> {
    let home = Home::new()?;
    let mut node = home.start()?;
    let mut second = home.spawn([], [])?;
    let status = second.wait(A_MOMENT)?.and_then(|status| status.code());
    assert_eq!(status, Some(6), "the environment is not as it must be: {}", second.log());
    assert_eq!(node.ended()?, None, "the first lives on");
    home.quayside(["status", "--json"])?.ok()?;
    Ok(())
}

#[test]
fn what_is_missing_is_said_with_what_to_do() -> Result<()> {
    let empty = Home::empty()?;
    let answer = empty.quayside(["run"])?;
    assert_eq!(answer.code, Some(6), "{answer:#?}");
    assert!(answer.talk.contains("quayside admin init"), "{answer:#?}");

    let home = Home::new()?;
    let answer = home.quayside(["status"])?;
    assert_eq!(answer.code, Some(4), "nothing runs: {answer:#?}");
    let again = home.quayside(["admin", "init"])?;
    assert_eq!(again.code, Some(6), "a consortium is never overwritten: {again:#?}");
    Ok(())
}
