//! Say what went wrong, where, and what to do.

use std::fmt;
use std::fmt::Write as _;

use serde::Serialize;

use crate::admin::state_flag;
use crate::exit::Exit;

/// Why a command failed, in the reader's terms.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Fault {
    /// The exit code's name.
    #[serde(serialize_with = "exit_name")]
    pub(crate) exit: Exit,
    /// What happened.
    pub(crate) message: String,
    /// The service's word for it, such as `FIELD_MISSING`, when one refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// The field or place at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    /// After how many milliseconds a retry makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after_ms: Option<u64>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) help: Option<String>,
}

fn exit_name<S: serde::Serializer>(exit: &Exit, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(exit.name())
}

impl Fault {
    /// A fault with a message alone.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            reason: None,
            field: None,
            retry_after_ms: None,
            help: None,
        }
    }

    /// Adds what to do about it.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A file that could not be read or written.
    pub(crate) fn file(verb: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(Exit::Environment, format!("cannot {verb} {}: {error}", path.display()))
    }

    /// The text for people, several lines.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("error: {}\n", self.message);
        for (name, value) in [
            ("reason", self.reason.clone()),
            ("where", self.field.clone()),
            ("retry", self.retry_after_ms.map(|ms| format!("after {ms} ms"))),
            ("do", self.help.clone()),
        ] {
            if let Some(value) = value {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "  {name:<7} {value}");
            }
        }
        text
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl From<node::Error> for Fault {
    fn from(error: node::Error) -> Self {
        let fault = Self::new(exit_of(&error), error.to_string());
        match &error {
            node::Error::NotInitialised { folder, .. } => fault.help(format!(
                "make a consortium there with: quayside admin init{}",
                state_flag(folder)
            )),
            node::Error::AlreadyInitialised { .. } => fault
                .help("use it as it is, or name another folder with --state; nothing was changed"),
            _ => fault,
        }
    }
}

fn exit_of(error: &node::Error) -> Exit {
    match error {
        node::Error::Config { .. } | node::Error::Plan { .. } => Exit::Usage,
        node::Error::Authority { .. } => Exit::Bug,
        node::Error::Damaged { .. } => Exit::VerificationFailed,
        _ => Exit::Environment,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_what_where_and_what_to_do() {
        let mut fault = Fault::new(Exit::Refused, "eventTime is missing").help("add it");
        fault.field = Some("eventList[3].eventTime".to_owned());
        fault.reason = Some("FIELD_MISSING".to_owned());
        assert_eq!(
            fault.text(),
            "error: eventTime is missing\n  reason  FIELD_MISSING\n  where   eventList[3].eventTime\n  \
             do      add it\n"
        );
        let json = serde_json::to_value(&fault).unwrap();
        assert_eq!(json["exit"], "refused");
        assert_eq!(json["reason"], "FIELD_MISSING");
    }

    #[test]
    fn a_missing_consortium_names_the_command_to_type() {
        let fault = Fault::from(node::Error::NotInitialised {
            folder: "/srv/quay".into(),
            missing: "/srv/quay/quayside.toml".into(),
        });
        assert!(fault.help.unwrap().contains("quayside admin init --state /srv/quay"));
    }
}
