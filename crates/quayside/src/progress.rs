//! Show that something long goes on, on stderr, once it takes more than two seconds.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use crate::output::stderr_is_watched;

/// How long something may take before a bar appears.
const PATIENCE: Duration = Duration::from_secs(2);

/// A progress bar that appears only when the work takes longer than two seconds and a person
/// watches.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    started: Instant,
    shown: bool,
    quiet: bool,
}

impl Progress {
    /// Starts counting towards `total` steps of what `unit` names.
    pub(crate) fn start(total: u64, unit: &str, json: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
        let form =
            format!("{{bar:30}} {{human_pos}} of {{human_len}} {unit}, {{elapsed}} so far{{msg}}");
        // The template is a constant but for the unit, so a failure leaves the plain default.
        if let Ok(style) = ProgressStyle::with_template(&form) {
            bar.set_style(style);
        }
        Self { bar, started: Instant::now(), shown: false, quiet: json || !stderr_is_watched() }
    }

    /// Says how far the work has come.
    pub(crate) fn at(&mut self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
        if !self.shown && !self.quiet && self.started.elapsed() > PATIENCE {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.shown = true;
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
    }
}
