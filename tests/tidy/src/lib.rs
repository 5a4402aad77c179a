//! Hold the house to its own rules: layers, file lengths, names, first lines.
//!
//! The rules themselves are the tests of this package, one file for each kind of thing that they
//! look at. Here stands only how they see the repository: the files that git knows or would know,
//! and the packages as cargo describes them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A file of the repository: its path from the root, with `/`, and its text.
#[derive(Clone, Debug)]
pub struct File {
    /// Path from the repository's root.
    pub path: String,
    /// The text; a file that is not UTF-8 does not appear.
    pub text: String,
}

impl File {
    /// Returns the last part of the path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Tells whether the file name ends with `.` and `extension`.
    #[must_use]
    pub fn is(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }

    /// Tells whether this is a script: its first line says who runs it.
    #[must_use]
    pub fn is_script(&self) -> bool {
        self.text.starts_with("#!") && !self.is("rs")
    }
}

/// Returns the repository's root folder.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Lists every text file that git tracks, or would track.
///
/// # Errors
///
/// Tells why git or a file could not be read.
pub fn files() -> Result<Vec<File>, String> {
    let out = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .map_err(|error| format!("git does not run: {error}"))?;
    if !out.status.success() {
        return Err(String::from_utf8_lossy(&out.stderr).into_owned());
    }
    let names = String::from_utf8_lossy(&out.stdout).into_owned();
    let mut files = Vec::new();
    for path in names.split('\0').filter(|path| !path.is_empty()) {
        // A file deleted in the work tree stays in git's list until the deletion is staged.
        let Ok(bytes) = std::fs::read(root().join(path)) else { continue };
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(File { path: path.to_owned(), text });
        }
    }
    if files.is_empty() { Err("git lists no file".to_owned()) } else { Ok(files) }
}

/// Lists the workspace's packages as `cargo metadata` describes them.
///
/// # Errors
///
/// Tells why cargo could not be asked.
pub fn packages() -> Result<Vec<Value>, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let out = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .map_err(|error| format!("cargo does not run: {error}"))?;
    let metadata: Value = serde_json::from_slice(&out.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&out.stderr)))?;
    match metadata.get("packages").and_then(Value::as_array) {
        Some(packages) => Ok(packages.clone()),
        None => Err("cargo names no packages".to_owned()),
    }
}

/// Fails with every fault found, one to a line, so that a reader mends them in one go.
///
/// # Panics
///
/// When there is a fault.
#[track_caller]
pub fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} fault(s):\n  {}\n", faults.len(), faults.join("\n  "));
}
