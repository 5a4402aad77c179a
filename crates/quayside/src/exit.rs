//! Every code with which the program ends: the source of `docs/reference/exit-codes.md`.

use std::process::ExitCode;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// What was asked for was done.
    Ok = 0,
    /// A fault of this program.
    Bug = 1,
    /// The arguments or a configuration file are wrong.
    Usage = 2,
    /// The input was refused, by this program or by a service.
    Refused = 3,
    /// A service did not answer, or not in time.
    Unreachable = 4,
    /// What was to be verified does not hold.
    VerificationFailed = 5,
    /// The state folder, a file or a port is not as it must be.
    Environment = 6,
    /// The record holds nothing under that name.
    NotFound = 7,
    /// A second signal cut the work short.
    Interrupted = 8,
}

impl Exit {
    /// All of them, in order.
    const ALL: [Self; 9] = [
        Self::Ok,
        Self::Bug,
        Self::Usage,
        Self::Refused,
        Self::Unreachable,
        Self::VerificationFailed,
        Self::Environment,
        Self::NotFound,
        Self::Interrupted,
    ];

    /// The code's name, as JSON output and the reference show it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Bug => "bug",
            Self::Usage => "usage",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::VerificationFailed => "verification_failed",
            Self::Environment => "environment",
            Self::NotFound => "not_found",
            Self::Interrupted => "interrupted",
        }
    }

    /// What the code means and what to do about it.
    #[cfg(test)]
    fn meaning(self) -> (&'static str, &'static str) {
        match self {
            Self::Ok => ("What was asked for was done.", "Go on."),
            Self::Bug => ("A fault of this program.", "Report it with the command and its output."),
            Self::Usage => (
                "The arguments or a configuration file are wrong.",
                "Correct what the message names.",
            ),
            Self::Refused => (
                "The input was refused, by this program or by a service.",
                "Correct the field that the message names; with several files, at least one was refused.",
            ),
            Self::Unreachable => (
                "A service did not answer, or not in time.",
                "Start it, or check the address; a retry is safe.",
            ),
            Self::VerificationFailed => (
                "What was to be verified does not hold.",
                "Do not rely on it; the message names the part.",
            ),
            Self::Environment => (
                "The state folder, a file or a port is not as it must be.",
                "Do what the message says.",
            ),
            Self::NotFound => ("The record holds nothing under that name.", "Check the name."),
            Self::Interrupted => (
                "A second signal cut the work short.",
                "What was acknowledged is durable; the rest may be sent again.",
            ),
        }
    }
}

/// The codes and their names, for the end of `--help`.
pub(crate) fn help() -> String {
    let codes: Vec<String> =
        Exit::ALL.iter().map(|exit| format!("{} {}", *exit as u8, exit.name())).collect();
    format!("Exit codes: {}.\nData goes to stdout, talk to stderr.", codes.join(", "))
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        // The enum's representation is the code.
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use super::*;

    fn page() -> String {
        let mut page = String::from(
            "# Exit codes\n\n\
             Every `quayside` command ends with one of these. With `--json` the name stands in the \
             error's `exit` field.\n\n\
             This page is made from `crates/quayside/src/exit.rs`; a test holds the two together.\n\n\
             | code | name | meaning | what to do |\n|---|---|---|---|\n",
        );
        for exit in Exit::ALL {
            let (meaning, remedy) = exit.meaning();
            writeln!(page, "| {} | `{}` | {meaning} | {remedy} |", exit as u8, exit.name())
                .unwrap();
        }
        page
    }

    #[test]
    fn codes_count_up_and_names_differ() {
        for (code, exit) in Exit::ALL.into_iter().enumerate() {
            assert_eq!(exit as usize, code);
            assert_eq!(Exit::ALL.iter().filter(|other| other.name() == exit.name()).count(), 1);
        }
    }

    #[test]
    fn the_reference_page_is_what_the_code_says() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/exit-codes.md");
        if std::env::var_os("QUAYSIDE_WRITE_DOCS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, page()).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(written, page(), "run this test once with QUAYSIDE_WRITE_DOCS=1");
    }
}
