//! Say on stderr what happens, as text for people or JSON for machines.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::Config;
use crate::config::LogFormat;

/// Starts logging to stderr as `config` asks; `RUST_LOG` overrides its filter, and `NO_COLOR` or a
/// stderr that is no terminal its colours. A second call changes nothing.
///
/// # Errors
///
/// [`Error::Config`](crate::Error::Config) when the filter is malformed.
pub fn start(config: &Config) -> Result<(), crate::Error> {
    let filter = match std::env::var(EnvFilter::DEFAULT_ENV) {
        Ok(filter) if !filter.is_empty() => EnvFilter::try_new(&filter)
            .map_err(|error| config.wrong(format!("{}: {error}", EnvFilter::DEFAULT_ENV)))?,
        _ => EnvFilter::try_new(&config.log.filter)
            .map_err(|error| config.wrong(format!("log.filter: {error}")))?,
    };
    let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colours);
    // Somebody who set a subscriber before us, as a test does, keeps it.
    let _ = match config.log.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    Ok(())
}
