//! What a command printed, and how it ended.

use std::process::Output;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The end of one command.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The command as typed.
    pub command: String,
    /// Exit code; `None` when a signal ended the process.
    pub code: Option<i32>,
    /// What went to stdout: the data.
    pub data: String,
    /// What went to stderr: the talk.
    pub talk: String,
}

impl Answer {
    pub(crate) fn of(command: String, output: &Output) -> Self {
        Self {
            command,
            code: output.status.code(),
            data: String::from_utf8_lossy(&output.stdout).into_owned(),
            talk: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Returns the data as JSON, whatever the exit code.
    ///
    /// # Errors
    ///
    /// When it is no JSON; the message holds all that was printed.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.data).with_context(|| format!("no JSON: {self:#?}"))
    }

    /// Returns itself when the command succeeded.
    ///
    /// # Errors
    ///
    /// When the exit code is not 0; the message holds all that was printed.
    pub fn ok(self) -> Result<Self> {
        ensure!(self.code == Some(0), "failed: {self:#?}");
        Ok(self)
    }
}
