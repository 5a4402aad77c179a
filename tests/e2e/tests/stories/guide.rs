//! The transcripts in the documents are what happens.
//!
//! Every `console` block whose commands call `quayside` is run, in order, in a folder of its own. Words
//! with a digit in them may differ from the printed ones, the others may not.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use cluster::{Home, Node, binary};

/// One line of a document, and for a command what was printed below it.
enum Line {
    Text(String),
    Command { typed: String, printed: Vec<String> },
}

/// Takes a document apart; only blocks that call `quayside` have commands.
fn lines(document: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut rest = document.lines().peekable();
    while let Some(line) = rest.next() {
        lines.push(Line::Text(line.to_owned()));
        if line != "```console" || !rest.peek().is_some_and(|next| next.starts_with("$ quayside "))
        {
            continue;
        }
        while let Some(typed) = rest.next_if(|line| *line != "```") {
            let mut printed = Vec::new();
            while let Some(line) = rest.next_if(|line| *line != "```" && !line.starts_with("$ ")) {
                printed.push(line.to_owned());
            }
            lines.push(Line::Command { typed: typed.trim_start_matches("$ ").to_owned(), printed });
        }
    }
    lines
}

/// A word that holds a digit stands for any word that does.
fn words(lines: &[String]) -> Vec<String> {
    let words = lines.iter().flat_map(|line| line.split_whitespace());
    words.map(|word| if has_digit(word) { "#".to_owned() } else { word.to_owned() }).collect()
}

fn has_digit(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit())
}

/// Tells whether a word names an event (its commitment) or a journey.
fn names(word: &str) -> bool {
    [16, 64].contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Runs commands in one folder, as a reader would who follows the guide.
struct Reader {
    home: Home,
    node: Option<Node>,
    /// What the document calls an event or a journey, and what it is here.
    commitments: BTreeMap<String, String>,
}

impl Reader {
    fn new() -> Result<Self> {
        let home = Home::empty()?;
        symlink(e2e::root().join("deploy"), home.file("deploy"))?;
        Ok(Self { home, node: None, commitments: BTreeMap::new() })
    }

    fn follow(&mut self, typed: &str, printed: &[String]) -> Result<Vec<String>> {
        if typed == "quayside run &" {
            self.node = Some(self.home.start_in(".quayside")?);
            return Ok(printed.to_vec());
        }
        let mut typed = typed.to_owned();
        for (theirs, ours) in &self.commitments {
            typed = typed.replace(theirs, ours);
        }
        // Another test may hold the usual ports.
        typed = typed.replace("quayside admin init", "quayside admin init --first-port 0");
        let folder = binary()?.parent().context("a folder")?.display().to_string();
        let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
        let output = Command::new("sh")
            .args(["-c", &format!("{typed} 2>&1")])
            .current_dir(self.home.path())
            .env("PATH", path)
            .env("NO_COLOR", "1")
            .env_remove("QUAYSIDE_STATE")
            .output()?;
        let text = String::from_utf8(output.stdout)?;
        let found: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
        let pairs = printed.iter().flat_map(|line| line.split_whitespace());
        for (theirs, ours) in pairs.zip(found.iter().flat_map(|line| line.split_whitespace())) {
            if theirs.len() == ours.len() && names(theirs) && names(ours) {
                self.commitments.insert(theirs.to_owned(), ours.to_owned());
            }
        }
        Ok(found)
    }
}

fn check(document: &Path) -> Result<()> {
    let text = std::fs::read_to_string(document)?;
    let mut reader = Reader::new()?;
    let write = std::env::var_os("QUAYSIDE_WRITE_DOCS").is_some();
    let (mut commands, mut written) = (0, String::new());
    for line in lines(&text) {
        let (typed, printed) = match line {
            Line::Text(text) => {
                written.extend([text.as_str(), "\n"]);
                continue;
            }
            Line::Command { typed, printed } => (typed, printed),
        };
        commands += 1;
        let found = reader.follow(&typed, &printed)?;
        if !write {
            assert_eq!(words(&found), words(&printed), "{}: $ {typed}", document.display());
        }
        let lines = [vec![format!("$ {typed}")], found].concat();
        written.extend([lines.join("\n").as_str(), "\n"]);
    }
    if write {
        // The commitments of this run stand in its output, so the commands must name them.
        for (theirs, ours) in &reader.commitments {
            written = written.replace(theirs, ours);
        }
        std::fs::write(document, written)?;
    }
    assert!(commands > 0, "{} has a transcript", document.display());
    Ok(())
}

#[test]
fn the_transcript_of_the_readme_is_what_happens() -> Result<()> {
    check(&e2e::root().join("README.md"))
}

#[test]
fn the_first_capture_goes_as_the_guide_says() -> Result<()> {
    check(&e2e::root().join("docs/guide/first-capture.md"))
}

#[test]
fn one_parcel_goes_as_the_guide_says() -> Result<()> {
    check(&e2e::root().join("docs/guide/one-parcel.md"))
}
