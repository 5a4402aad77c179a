//! Files are short, have a home and a noun, and tell nothing of the machine they were written on.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

const LINES_AT_MOST: usize = 1_000;
const SCRIPT_LINES_AT_MOST: usize = 60;

#[test]
fn no_file_is_longer_than_a_thousand_lines() {
    let mut faults = Vec::new();
    for file in tidy::files().unwrap() {
        let read_by_people = ["rs", "proto", "toml", "md", "py"].iter().any(|e| file.is(e));
        let lines = file.text.lines().count();
        if (read_by_people || file.is_script()) && lines > LINES_AT_MOST {
            faults.push(format!("{}: {lines} lines", file.path));
        }
    }
    tidy::assert_none(&faults);
}

#[test]
fn a_script_runs_and_fits_on_a_screen() {
    let mut faults = Vec::new();
    let mut scripts = 0;
    for file in tidy::files().unwrap() {
        if !file.is_script() {
            continue;
        }
        scripts += 1;
        let lines = file.text.lines().count();
        let shell = file.text.lines().next().is_some_and(|line| line.contains("sh"));
        if shell && lines > SCRIPT_LINES_AT_MOST {
            faults.push(format!("{}: {lines} lines; longer than 60 becomes Rust", file.path));
        }
        if shell && !file.text.contains("\nset -euo pipefail\n") {
            faults.push(format!("{}: no `set -euo pipefail`", file.path));
        }
        let metadata = std::fs::metadata(tidy::root().join(&file.path)).expect("the file exists");
        if metadata.permissions().mode() & 0o111 == 0 {
            faults.push(format!("{}: starts with #! but cannot be run (chmod +x)", file.path));
        }
    }
    assert!(scripts >= 3, "tests/run, deploy/quickstart and .ci/run at least");
    tidy::assert_none(&faults);
}

#[test]
fn no_name_is_a_bag() {
    const BANNED: [&str; 9] =
        ["util", "utils", "helper", "helpers", "common", "misc", "manager", "types", "base"];
    let mut faults = Vec::new();
    for file in tidy::files().unwrap() {
        let mut parts = file.path.split('/');
        if let Some(part) =
            parts.find(|part| BANNED.contains(&part.split('.').next().unwrap_or(part)))
        {
            faults.push(format!("{}: `{part}` names no thing", file.path));
        }
        if file.name() == "mod.rs" {
            faults.push(format!("{}: write foo.rs beside foo/ instead of foo/mod.rs", file.path));
        }
        for (at, line) in file.text.lines().enumerate().filter(|_| file.is("rs")) {
            let word = line.trim().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
            let module = word.strip_prefix("mod ").unwrap_or_default();
            if BANNED.contains(&module.trim_end_matches([';', '{', ' '])) {
                faults.push(format!("{}:{}: `mod {module}` names no thing", file.path, at + 1));
            }
        }
    }
    tidy::assert_none(&faults);
}

#[test]
fn every_module_is_reached_from_its_parent() {
    let files = tidy::files().unwrap();
    let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut faults = Vec::new();
    for file in &files {
        let Some((package, inner)) = file.path.split_once("/src/") else { continue };
        if !file.is("rs") || ["lib.rs", "main.rs"].contains(&inner) || inner.starts_with("bin/") {
            continue;
        }
        let stem = file.name().trim_end_matches(".rs");
        let parents: Vec<String> = match inner.rsplit_once('/') {
            Some((folder, _)) => vec![format!("{package}/src/{folder}.rs")],
            None => vec![format!("{package}/src/lib.rs"), format!("{package}/src/main.rs")],
        };
        let named = files.iter().filter(|found| parents.contains(&found.path)).any(|parent| {
            parent.text.lines().any(|line| {
                line.trim_end_matches(';').ends_with(&format!("mod {stem}")) && line.ends_with(';')
            })
        });
        if !named {
            let known = parents.iter().any(|parent| paths.contains(parent.as_str()));
            let why = if known { "no parent declares it" } else { "it has no parent file" };
            faults.push(format!("{}: dead, {why}", file.path));
        }
    }
    tidy::assert_none(&faults);
}

#[test]
fn nothing_names_the_machine_it_was_built_on() {
    // Written in pieces, so that this file does not find itself.
    let home = std::env::var("HOME").unwrap_or_default();
    let mut marks =
        vec![["/wo", "rk/"].concat(), ["/ro", "ot/"].concat(), ["/tmp/ba", "sh_"].concat()];
    if home.len() > 4 {
        marks.push(format!("{home}/"));
    }
    let mut faults = Vec::new();
    for file in tidy::files().unwrap() {
        for (at, line) in file.text.lines().enumerate() {
            if let Some(mark) = marks.iter().find(|mark| line.contains(mark.as_str())) {
                faults.push(format!("{}:{}: the path {mark}...", file.path, at + 1));
            }
        }
    }
    tidy::assert_none(&faults);
}

#[test]
fn no_work_is_put_off_in_the_code() {
    let marks =
        [["TO", "DO"], ["FIX", "ME"], ["unimple", "mented!("], ["to", "do!("]].map(|m| m.concat());
    let mut faults = Vec::new();
    for file in tidy::files().unwrap() {
        let code = file.is("rs") || file.is("proto") || file.is_script();
        for (at, line) in file.text.lines().enumerate().filter(|_| code) {
            if let Some(mark) = marks.iter().find(|mark| line.contains(mark.as_str())) {
                faults.push(format!("{}:{}: {mark}", file.path, at + 1));
            }
            // Outside a string, an `allow` hides a fault without saying why.
            if line.trim_start().starts_with("#[allow(")
                || line.trim_start().starts_with("#![allow(")
            {
                faults.push(format!(
                    "{}:{}: say #[expect(.., reason = \"..\")]",
                    file.path,
                    at + 1
                ));
            }
        }
    }
    tidy::assert_none(&faults);
}
