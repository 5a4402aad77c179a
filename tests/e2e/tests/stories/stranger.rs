//! A stranger with the members file and a bundle, and nothing else, is not to be fooled.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cluster::{Home, binary};
use party::Members;

/// Exports a bundle of the node on `home`.
pub(crate) fn export(home: &Home, commitment: &str, to: &Path) -> Result<()> {
    let to = to.display().to_string();
    home.quayside(["receipt", "export", commitment, "--out", &to])?.ok()?;
    Ok(())
}

/// Runs `quayside receipt verify` far from any state folder: exit code, data, talk.
pub(crate) fn verify(
    at: &Path,
    members: &Path,
    bundle: &str,
) -> Result<(Option<i32>, String, String)> {
    let output = Command::new(binary()?)
        .current_dir(at)
        .env_remove("QUAYSIDE_STATE")
        .args(["receipt", "verify", bundle, "--json", "--members"])
        .arg(members)
        .output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.code(), text(&output.stdout), text(&output.stderr)))
}

/// What `quayside receipt verify` tells of a bundle that holds.
pub(crate) fn told(at: &Path, members: &Path, bundle: &Path) -> Result<serde_json::Value> {
    let (code, data, talk) = verify(at, members, &bundle.display().to_string())?;
    ensure!(code == Some(0), "{}: {code:?} {data} {talk}", bundle.display());
    Ok(serde_json::from_str(&data)?)
}

/// Verifies bundles one by one, and returns how many there were.
pub(crate) fn verify_all(at: &Path, members: &Path, bundles: &[String]) -> Result<usize> {
    for bundle in bundles {
        let (code, data, talk) = verify(at, members, bundle)?;
        ensure!(code == Some(0), "{bundle}: {code:?} {data} {talk}");
    }
    Ok(bundles.len())
}

/// A bundle of one event of the journey, made by a node that is gone when it is looked at.
fn bundle() -> Result<(tempfile::TempDir, Members, Vec<u8>)> {
    let home = Home::new()?;
    let _node = home.start()?;
    let commitments = super::journey::capture(&home)?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("event.qsb");
    export(&home, commitments.get(5).context("an event")?, &path)?;
    std::fs::copy(home.file("members.json"), folder.path().join("members.json"))?;
    let members = Members::from_json(&std::fs::read_to_string(home.file("members.json"))?)?;
    let bytes = std::fs::read(path)?;
    Ok((folder, members, bytes))
}

#[test]
fn every_changed_byte_of_a_bundle_is_refused_with_the_part_named() -> Result<()> {
    let (folder, members, bytes) = bundle()?;
    statement::verify_bundle(&bytes, &members).expect("as exported, it verifies");
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let fault = statement::verify_bundle(&changed, &members);
            assert!(fault.is_err(), "bit {bit} of byte {at} of {} was not missed", bytes.len());
        }
    }

    // The program says the same as the library; a process for each byte, and a hint for people.
    let members = folder.path().join("members.json");
    let mut parts = BTreeMap::<String, u32>::new();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        std::fs::write(folder.path().join("changed.qsb"), &changed)?;
        let (code, data, talk) = verify(folder.path(), &members, "changed.qsb")?;
        assert_eq!(code, Some(5), "byte {at}: {data} {talk}");
        let told: serde_json::Value = serde_json::from_str(&talk)?;
        let part = told["error"]["field"].as_str().unwrap_or_default();
        assert!(!part.is_empty() && data.is_empty(), "byte {at}: no part named: {data} {talk}");
        *parts.entry(part.to_owned()).or_default() += 1;
    }
    println!("{} bytes, each of 8 bits flipped, all refused; by part: {parts:?}", bytes.len());
    assert!(parts.len() >= 6, "the parts are told apart: {parts:?}");
    Ok(())
}

#[test]
fn a_shortened_or_lengthened_bundle_is_refused() -> Result<()> {
    let (_folder, members, bytes) = bundle()?;
    for end in 0..bytes.len() {
        let shortened = bytes.get(..end).expect("in range");
        assert!(statement::verify_bundle(shortened, &members).is_err(), "cut at {end}");
    }
    let lengthened = [bytes.as_slice(), &[0]].concat();
    assert!(statement::verify_bundle(&lengthened, &members).is_err());
    Ok(())
}

#[test]
fn a_bundle_of_one_consortium_is_nothing_to_another() -> Result<()> {
    let (folder, _, bytes) = bundle()?;
    let other = Home::new()?;
    std::fs::write(folder.path().join("event.qsb"), bytes)?;
    let (code, data, talk) = verify(folder.path(), &other.file("members.json"), "event.qsb")?;
    assert_eq!(code, Some(5), "the same names with other keys: {data} {talk}");
    Ok(())
}

#[test]
#[ignore = "soak"]
fn every_value_of_every_byte_is_refused() -> Result<()> {
    let (_folder, members, bytes) = bundle()?;
    for at in 0..bytes.len() {
        for value in 1..=u8::MAX {
            let mut changed = bytes.clone();
            changed[at] ^= value;
            assert!(statement::verify_bundle(&changed, &members).is_err(), "byte {at} ^ {value}");
        }
    }
    Ok(())
}
