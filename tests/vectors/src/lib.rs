//! Run the official vectors and hold wire types to golden hashes.
//!
//! The official files are not ours to ship; the environment variable `QUAYSIDE_VECTORS` names the
//! folder that holds them. Where it is not set the tests say so and pass, except in CI, where the
//! files must be at hand.

use std::path::{Path, PathBuf};

/// Returns a file or folder of the official vectors, or `None` where they are not at hand.
///
/// # Panics
///
/// In CI without them, and when they are at hand but lack `path`.
#[must_use]
pub fn official(path: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("QUAYSIDE_VECTORS") else {
        assert!(std::env::var_os("CI").is_none(), "CI has no QUAYSIDE_VECTORS");
        return None;
    };
    let found = Path::new(&folder).join(path);
    assert!(found.exists(), "{} is not among the official vectors", found.display());
    Some(found)
}

/// Lists the files below a folder whose names end with `.` and `extension`, in order.
///
/// # Errors
///
/// When a folder cannot be read.
pub fn files(folder: &Path, extension: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut open = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
