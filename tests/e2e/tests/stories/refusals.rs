//! Everything bad is refused as the guide says, and the process lives on.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use cluster::{Home, binary};

/// How a case is refused: code, reason, path of the field.
type Refusal = (String, String, String);

/// Reads the tables of the guide.
fn promised() -> Result<BTreeMap<String, Refusal>> {
    let guide = std::fs::read_to_string(e2e::root().join("docs/guide/refusals.md"))?;
    let rows =
        guide.lines().filter(|line| line.starts_with("| ") && !line.contains("what is sent"));
    rows.map(|row| {
        let cells: Vec<String> =
            row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        let [case, code, reason, field] = <[String; 4]>::try_from(cells).ok().context("a row")?;
        Ok((case, (code, reason, field)))
    })
    .collect()
}

/// Compares a row with an answer; a promised field that ends with dots may go on.
fn agree(promised: Option<&Refusal>, found: Option<&Refusal>) -> bool {
    let (Some(promised), Some(found)) = (promised, found) else { return false };
    let field = match promised.2.strip_suffix("...") {
        Some(begin) => found.2.starts_with(begin),
        None => found.2 == promised.2,
    };
    (&promised.0, &promised.1) == (&found.0, &found.1) && field
}

#[test]
fn each_is_refused_as_the_guide_says() -> Result<()> {
    let home = Home::new()?;
    let mut node = home.start()?;
    let program = binary()?.display().to_string();
    let told = e2e::python("refusals.py", [home.path().display().to_string(), program])?;
    let mut found = BTreeMap::new();
    for (case, answer) in told.as_object().context("cases")? {
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        let field = answer["fields"][0].as_str().unwrap_or_default().to_owned();
        if !text("reason").is_empty() {
            assert_eq!(text("domain"), "quayside", "{case}");
        }
        assert!(!text("message").is_empty(), "{case}: {answer:#}");
        found.insert(case.clone(), (text("code"), text("reason"), field));
    }
    let promised = promised()?;
    let differ: Vec<String> = promised
        .keys()
        .chain(found.keys())
        .filter(|case| !agree(promised.get(*case), found.get(*case)))
        .map(|case| {
            let answer = &told[case];
            format!("{case}: the guide {:?}, the answer {answer}", promised.get(case))
        })
        .collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert_eq!(node.ended()?, None, "the process lives on");
    home.quayside(["status", "--json"])?.ok()?;
    Ok(())
}
