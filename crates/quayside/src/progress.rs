//! Show that something long goes on, on stderr, once it takes more than two seconds.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use crate::output::stderr_is_watched;

/// How long something may take before a bar appears.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a bar that has appeared is drawn again, so that its clock goes on.
const TICK: Duration = Duration::from_millis(100);

/// A progress bar that appears only when the work takes longer than two seconds and a person
/// watches; it goes away when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    appears: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts counting towards `total` steps of what `unit` names.
    pub(crate) fn start(total: u64, unit: &str, json: bool) -> Self {
        let form = format!("{{bar:30}} {{human_pos}} of {{human_len}} {unit}, {{elapsed}} so far");
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
        Self::showing(bar, &form, json)
    }

    /// Starts waiting for what `what` names, however long it takes.
    pub(crate) fn wait(what: &str, json: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self::showing(bar, &format!("{{spinner}} waiting for {what}, {{elapsed}} so far"), json)
    }

    fn showing(bar: ProgressBar, form: &str, json: bool) -> Self {
        // The template is a constant but for a word, so a failure leaves the plain default.
        if let Ok(style) = ProgressStyle::with_template(form) {
            bar.set_style(style);
        }
        let appears = (!json && stderr_is_watched()).then(|| {
            let bar = bar.clone();
            tokio::spawn(async move {
                tokio::time::sleep(PATIENCE).await;
                bar.set_draw_target(ProgressDrawTarget::stderr());
                bar.enable_steady_tick(TICK);
            })
        });
        Self { bar, appears }
    }

    /// Says how far the work has come.
    pub(crate) fn at(&self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(task) = self.appears.take() {
            task.abort();
        }
        self.bar.finish_and_clear();
    }
}
