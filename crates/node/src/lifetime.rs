//! Hear the signals that end a process.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::Error;

/// SIGTERM and SIGINT, alike: the first asks for a graceful end, the second for an end at once.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Starts to listen: from now on the signals no longer kill the process.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] when the system does not let us.
    pub fn listen() -> Result<Self, Error> {
        let on = |kind| {
            signal(kind).map_err(|error| Error::Ended {
                message: format!("cannot listen to signals: {error}"),
            })
        };
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next of them, and names it.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
