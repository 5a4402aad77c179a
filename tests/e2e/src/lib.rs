//! Tell one story per file against real processes.
//!
//! The stories stand in `tests/stories`, each with its own folder, ports and processes (see
//! `cluster`). Here stands what several of them need: the documents that they capture, and the
//! client in Python that shares no code with the house. [`sites`] runs the seven nodes, [`parcel`]
//! sends a parcel through them.

pub mod parcel;
pub mod sites;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Returns the repository's root folder.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Lists the documents of the shipped journey, each with the member that captures it, in order.
///
/// # Errors
///
/// When `deploy/examples` cannot be read.
pub fn journey() -> Result<Vec<(String, PathBuf)>> {
    let mut documents = Vec::new();
    for entry in std::fs::read_dir(root().join("deploy/examples"))? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_some_and(|extension| extension == "jsonld")
            && let Some((_, member)) = stem.split_once('-')
        {
            documents.push((member.to_owned(), path));
        }
    }
    documents.sort_by(|(_, left), (_, right)| left.cmp(right));
    ensure!(!documents.is_empty(), "no document in deploy/examples");
    Ok(documents)
}

/// The parcel of the shipped journey, as an EPC URN.
pub const PARCEL: &str = "urn:epc:id:sscc:9521001.0000004711";

/// Lists GS1's own JSON examples, or `None` where the official vectors are not at hand.
///
/// # Errors
///
/// In CI, where they must be at hand, and when they cannot be read.
pub fn official_examples() -> Result<Option<Vec<PathBuf>>> {
    let Some(vectors) = std::env::var_os("QUAYSIDE_VECTORS") else {
        ensure!(std::env::var_os("CI").is_none(), "QUAYSIDE_VECTORS is not set");
        return Ok(None);
    };
    let mut open = vec![PathBuf::from(vectors).join("gs1-epcis/JSON")];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "jsonld") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(Some(found))
}

/// Prepares a script of the independent client, to be run by the caller.
///
/// # Errors
///
/// When its Python environment is missing and cannot be made (`tests/run` makes it).
pub fn script<S: AsRef<OsStr>>(
    name: &str,
    arguments: impl IntoIterator<Item = S>,
) -> Result<Command> {
    let venv = match std::env::var_os("QUAYSIDE_VENV") {
        Some(venv) => PathBuf::from(venv),
        None => environment()?,
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let mut command = Command::new(venv.join("bin/python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(folder.join(name)).args(arguments);
    Ok(command)
}

/// Runs a script of the independent client and returns the JSON that it prints.
///
/// # Errors
///
/// When the script fails.
pub fn python<S: AsRef<OsStr>>(
    name: &str,
    arguments: impl IntoIterator<Item = S>,
) -> Result<Value> {
    let output = script(name, arguments)?.output()?;
    let talk = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} ended with {}: {talk}", output.status);
    serde_json::from_slice(&output.stdout).with_context(|| format!("{name} prints no JSON: {talk}"))
}

/// Makes the Python environment, or finds the one that stands.
fn environment() -> Result<PathBuf> {
    let requirements = root().join("tests/e2e/python/requirements.txt");
    let output = Command::new(root().join("tests/venv")).arg(requirements).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}
