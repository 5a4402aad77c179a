//! The documents say what the code says, and their links lead somewhere.

use std::collections::BTreeMap;

use tidy::File;

const README_LINES_AT_MOST: usize = 120;

/// Reads the table rows "| layer | `crate` | one line |" or "| `crate` | one line |".
fn crate_lines(document: &File) -> BTreeMap<String, String> {
    let mut lines = BTreeMap::new();
    for row in document.text.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        if let [.., name, line] = cells.as_slice()
            && let Some(name) = name.strip_prefix('`').and_then(|name| name.strip_suffix('`'))
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        {
            lines.insert(name.to_owned(), (*line).to_owned());
        }
    }
    lines
}

#[test]
fn a_crate_opens_with_the_line_that_the_documents_print() {
    let files = tidy::files().unwrap();
    let find = |path: &str| files.iter().find(|file| file.path == path);
    let mut faults = Vec::new();
    for document in ["README.md", "docs/ARCHITECTURE.md"] {
        let printed = crate_lines(find(document).expect("the document exists"));
        for package in tidy::packages().unwrap() {
            if package["metadata"]["layer"].is_null() {
                continue;
            }
            let name = package["name"].as_str().expect("a name").trim_start_matches("quayside-");
            let source = ["lib.rs", "main.rs"]
                .iter()
                .find_map(|file| find(&format!("crates/{name}/src/{file}")))
                .expect("a crate has a root file");
            let first = source.text.lines().next().unwrap_or_default().trim_start_matches("//! ");
            if printed.get(name).map(String::as_str) != Some(first) {
                let found = printed.get(name).map_or("nothing", String::as_str);
                faults.push(format!("{document} says of {name}: {found}; its code: {first}"));
            }
            if package["description"].as_str() != Some(first) {
                faults.push(format!("crates/{name}/Cargo.toml: `description` is not: {first}"));
            }
        }
    }
    tidy::assert_none(&faults);
}

#[test]
fn a_library_says_what_it_does_not_do() {
    let mut faults = Vec::new();
    for file in tidy::files().unwrap() {
        if file.path.starts_with("crates/") && file.path.ends_with("/src/lib.rs") {
            if !file.text.contains("\n//! # What this crate does not do\n") {
                faults.push(format!("{}: no \"What this crate does not do\"", file.path));
            }
            if !file.text.contains("//! ```") {
                faults.push(format!("{}: no example", file.path));
            }
        }
    }
    tidy::assert_none(&faults);
}

#[test]
fn the_readme_fits_on_two_screens() {
    let readme = tidy::files().unwrap().into_iter().find(|file| file.path == "README.md");
    let lines = readme.expect("there is a README").text.lines().count();
    assert!(lines <= README_LINES_AT_MOST, "README.md has {lines} lines");
}

/// Returns the targets of the inline links of a Markdown text, code blocks left out.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        for part in line.split("](").skip(1).filter(|_| !in_code) {
            if let Some((target, _)) = part.split_once(')') {
                found.push((at + 1, target));
            }
        }
    }
    found
}

/// Returns the anchors that GitHub makes of a document's headings.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut faults = Vec::new();
    for file in tidy::files().unwrap().iter().filter(|file| file.is("md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (line, target) in links(&file.text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let place = if path.is_empty() {
                tidy::root().join(&file.path)
            } else {
                tidy::root().join(folder).join(path)
            };
            if !place.exists() {
                faults.push(format!("{}:{line}: {target} does not exist", file.path));
            } else if !anchor.is_empty()
                && !std::fs::read_to_string(&place)
                    .is_ok_and(|t| anchors(&t).contains(&anchor.to_owned()))
            {
                faults.push(format!("{}:{line}: no heading for {target}", file.path));
            }
        }
    }
    tidy::assert_none(&faults);
}

#[test]
fn a_decision_has_its_four_parts_on_one_page() {
    let mut faults = Vec::new();
    let mut numbers = Vec::new();
    for file in tidy::files().unwrap() {
        if !file.path.starts_with("docs/decisions/0") {
            continue;
        }
        numbers.push(file.name().chars().take(4).collect::<String>());
        for part in ["Status", "Context", "Decision", "Consequences"] {
            if !file.text.contains(&format!("\n**{part}.** ")) {
                faults.push(format!("{}: no part **{part}.**", file.path));
            }
        }
        if file.text.lines().count() > 60 {
            faults.push(format!("{}: longer than a page", file.path));
        }
    }
    numbers.sort();
    for (at, number) in numbers.iter().enumerate() {
        if *number != format!("{:04}", at + 1) {
            faults.push(format!("docs/decisions: number {number} stands at place {}", at + 1));
        }
    }
    tidy::assert_none(&faults);
}
