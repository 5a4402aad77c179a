//! One running process.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};

const LOG_TAIL_BYTES: usize = 4_000;
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running `quayside run`, ended without mercy when dropped.
#[derive(Debug)]
pub struct Node {
    child: Child,
    log: PathBuf,
}

impl Node {
    pub(crate) fn spawn(mut command: Command, log: PathBuf) -> Result<Self> {
        let out = log_file(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("{command:?}"))?;
        Ok(Self { child, log })
    }

    /// Returns the process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process as a power cut would (SIGKILL), and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When the process cannot be signalled.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks the process to end, by the name of a signal such as `TERM` or `INT`.
    ///
    /// # Errors
    ///
    /// When the process cannot be signalled.
    pub fn signal(&self, name: &str) -> Result<()> {
        // The standard library sends no signal but SIGKILL, and the shell's `kill` is everywhere.
        let line = format!("kill -{name} {}", self.id());
        Command::new("sh").args(["-c", &line]).status()?;
        Ok(())
    }

    /// Tells how the process ended, or `None` while it runs.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for the end of the process, at most for `longest`; `None` when it still runs.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn wait(&mut self, longest: Duration) -> Result<Option<ExitStatus>> {
        let mut waited = Duration::ZERO;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(Some(status));
            }
            if waited >= longest {
                return Ok(None);
            }
            sleep(LOOK_EVERY);
            waited += LOOK_EVERY;
        }
    }

    /// Returns the end of what the process and those before it on this folder have logged.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let from = bytes.len().saturating_sub(LOG_TAIL_BYTES);
        String::from_utf8_lossy(bytes.get(from..).unwrap_or_default()).into_owned()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.kill();
    }
}

fn log_file(path: &Path) -> Result<File> {
    OpenOptions::new().create(true).append(true).open(path).context("no log file")
}
