//! The process dies at each point, and what it leaves is whole.

use std::path::Path;
use std::process::{Command, Stdio};

use keys::{KeySource, KeyState, KeyUuid};

use crate::cast::{End, handle, key_id, keys, peer, request};

/// Where the child finds its directory.
const DIRECTORY: &str = "KEYS_CRASH_DIRECTORY";
const POINTS: [&str; 5] =
    ["keys-stored", "keys-released", "keys-drawn", "keys-recovered", "keys-confirmed"];

/// The child: not a test of its own, but what the test below starts again and again. It draws and
/// recovers a key a time, and says what it was answered.
#[tokio::test]
#[ignore = "started by its parent"]
async fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let pool = crate::cast::open(Path::new(&directory), 1).unwrap();
    let (_line, heard) = tokio::sync::watch::channel(keys::LineState::Up);
    let source = keys::PoolSource::new(pool.clone(), peer(1).member, heard);
    for block in 1..=3_u8 {
        pool.store_pending([block; 16], keys(1, block, 4), false).unwrap();
        println!("stored {block}");
        pool.release([block; 16]).unwrap();
        println!("released {block}");
        let drawn = source.draw(&request(block.into()), &peer(0), 32).await.unwrap();
        println!("drawn {}", drawn.handle.key_ids[0]);
        let wanted = handle(vec![key_id(block, 0)], 32);
        source.recover(&request(100 + u16::from(block)), &peer(0), &wanted).await.unwrap();
        println!("recovered {block}");
        source.confirm(&request(block.into())).await.unwrap();
        println!("confirmed {block}");
    }
}

/// Starts the child, to die at `point`; gives what it said before.
fn run_child(directory: &Path, point: &str) -> Vec<String> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, directory)
        .env("QUAYSIDE_CRASH_AT", point)
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{point} was not passed: {text}");
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_crash_at_any_point_loses_no_answer_and_gives_no_key_twice() {
    for point in POINTS {
        for visit in [1, 2, 3_u8] {
            let directory = tempfile::tempdir().unwrap();
            let said = run_child(directory.path(), &format!("{point}#{visit}"));
            let said = |line: String| said.iter().any(|said| said.ends_with(&line));
            let end = End::at(directory, 1);
            for block in 1..=3 {
                check(&end, point, visit, block, &said).await;
            }
        }
    }
}

/// The key that the child draws in that round: always the oldest that is left.
fn drawn_in(round: u8) -> KeyUuid {
    [key_id(1, 1), key_id(1, 3), key_id(2, 1)][usize::from(round) - 1]
}

/// Checks one block of the child's after it died at that visit of `point`.
async fn check(end: &End, point: &str, visit: u8, block: u8, said: &impl Fn(String) -> bool) {
    let place = format!("{point}#{visit}, block {block}");
    // What happened durably although the child could not say so.
    let unsaid = |what: &str| point == what && block == visit;
    let released = end.pool.released([block; 16]);
    assert_eq!(released, said(format!("released {block}")) || unsaid("keys-released"), "{place}");
    let stored = released || end.pool.pending_blocks().contains(&[block; 16]);
    assert_eq!(stored, said(format!("stored {block}")) || unsaid("keys-stored"), "{place}");

    let rows = end.pool.list(1_000, |_| true).unwrap();
    let state = |id| rows.iter().find(|row| row.id == id).map(|row| row.state);
    let (taken, other) = (state(drawn_in(block)), state(key_id(block, 0)));
    let drawn = said(format!("drawn {}", drawn_in(block))) || unsaid("keys-drawn");
    let recovered = said(format!("recovered {block}")) || unsaid("keys-recovered");
    let confirmed = said(format!("confirmed {block}")) || unsaid("keys-confirmed");
    assert_eq!(taken == Some(KeyState::Spent), confirmed, "{place}");
    assert_eq!(taken == Some(KeyState::Delivered), drawn && !confirmed, "{place}");
    assert_eq!(other == Some(KeyState::Delivered), recovered, "{place}");

    // A retry gets what was consumed for it, and nobody else does.
    let again = end.source.draw(&request(block.into()), &peer(0), 32).await;
    match again {
        Ok(again) if drawn => assert_eq!(again.handle.key_ids, [drawn_in(block)], "{place}"),
        Ok(fresh) => assert_ne!(taken, Some(KeyState::Spent), "{place}: {fresh:?}"),
        Err(error) if confirmed => assert_eq!(error, keys::Error::Spent, "{place}"),
        Err(error) => assert_eq!(error.reason(), "KEYS_EXHAUSTED", "{place}"),
    }
    if recovered {
        let wanted = handle(vec![key_id(block, 0)], 32);
        let other = end.source.recover(&request(999), &peer(0), &wanted).await.unwrap_err();
        assert_eq!(other, keys::Error::Spent, "{place}");
        let own = request(100 + u16::from(block));
        assert!(end.source.recover(&own, &peer(0), &wanted).await.is_ok(), "{place}");
    }
}
