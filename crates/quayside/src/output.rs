//! Data to stdout, as a table for people or JSON for machines; talk to stderr.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::fault::Fault;

/// What a command found out: the same fields as a table and as JSON.
pub(crate) trait Report: Serialize {
    /// The command, as `docs/reference/output.md` heads it.
    const COMMAND: &'static str;
    /// Every JSON field with its meaning, in order; a dot leads into an object or into each element
    /// of a list.
    const FIELDS: &'static [(&'static str, &'static str)];

    /// The report for people, lines that end with a newline.
    fn text(&self) -> String;
}

/// A report's fields, for the end of its command's `--help`.
pub(crate) fn fields<R: Report>() -> String {
    let width = R::FIELDS.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = format!("Fields of `quayside {} --json`:\n", R::COMMAND);
    for (name, meaning) in R::FIELDS {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name:<width$}  {meaning}");
    }
    text
}

/// How a command speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// JSON instead of tables.
    pub(crate) json: bool,
}

impl Output {
    /// Writes a report to stdout.
    pub(crate) fn show<R: Report>(self, report: &R) -> Result<(), Fault> {
        let text = if self.json { json_line(report) } else { report.text() };
        to_stdout(text.as_bytes())
    }

    /// Writes a fault to stderr.
    pub(crate) fn fail(self, fault: &Fault) {
        if self.json {
            #[derive(Serialize)]
            struct Line<'a> {
                error: &'a Fault,
            }
            to_stderr(&json_line(&Line { error: fault }));
        } else {
            to_stderr(&fault.text());
        }
    }

    /// Tells people something on stderr; machines do not hear it.
    pub(crate) fn say(self, line: &str) {
        if !self.json {
            to_stderr(&format!("{line}\n"));
        }
    }
}

/// One line of JSON.
fn json_line(value: &impl Serialize) -> String {
    let mut line = serde_json::to_string(value)
        .unwrap_or_else(|error| format!("{{\"error\":{{\"message\":\"{error}\"}}}}"));
    line.push('\n');
    line
}

/// Writes to stdout; a reader who went away, as `head` does, is no fault.
pub(crate) fn to_stdout(bytes: &[u8]) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Fault::file("write to", std::path::Path::new("stdout"), &error))
        }
        _ => Ok(()),
    }
}

/// Writes to stderr; if that is gone there is nobody left to tell.
fn to_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Whether a person watches stderr.
pub(crate) fn stderr_is_watched() -> bool {
    io::stderr().is_terminal()
}

/// An empty table in the house's form: plain lines, no colour, as wide as the terminal.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.to_vec());
    table
}

/// A table's text, each line trimmed, ending with a newline.
pub(crate) fn lines(table: &Table) -> String {
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

/// Names and values below one another, the values aligned.
pub(crate) fn pairs(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.iter().map(|(name, value)| format!("{name:<width$}  {value}\n")).collect()
}

/// A whole number with its thousands apart: 12,345.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (12_345_678, "12,345,678")]
        {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn values_are_aligned() {
        let text = pairs(&[("a", "1".to_owned()), ("height", "2 blocks".to_owned())]);
        assert_eq!(text, "a       1\nheight  2 blocks\n");
    }
}
