//! What is known of a link, shared by whoever drives it and whoever asks about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use party::SiteId;
use tokio::sync::watch;

use crate::{EndKind, Error, Report};

/// Whether a link gives keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineState {
    /// Connected, and not shut down.
    Up,
    /// Not connected.
    Down,
    /// It has seen an eavesdropper, or cannot bound one; only an operator opens it again.
    ShutDown {
        /// Why, with the figures.
        reason: String,
    },
}

/// The figures of a link.
#[derive(Clone, Debug, PartialEq)]
pub struct LineStatus {
    /// Whether it gives keys.
    pub state: LineState,
    /// Blocks that gave key, since the process started.
    pub blocks: u64,
    /// Blocks that gave none, since the process started.
    pub blocks_failed: u64,
    /// Keys won, since the process started.
    pub keys: u64,
    /// The error rate of the last block that was measured, 0 to 1.
    pub qber: Option<f64>,
    /// The figures of the last block that was measured.
    pub last_report: Option<Report>,
    /// Final key bits per pulse over all blocks since the process started.
    pub bits_per_pulse: f64,
}

/// A link as its process sees it.
#[derive(Debug)]
pub struct Line {
    id: String,
    near: SiteId,
    far: SiteId,
    end: EndKind,
    status: watch::Sender<LineStatus>,
    fraction: AtomicU64,
    restores: watch::Sender<u64>,
}

impl Line {
    /// A link that is down.
    #[must_use]
    pub fn new(id: String, near: SiteId, far: SiteId, end: EndKind) -> Arc<Self> {
        let status = LineStatus {
            state: LineState::Down,
            blocks: 0,
            blocks_failed: 0,
            keys: 0,
            qber: None,
            last_report: None,
            bits_per_pulse: 0.0,
        };
        Arc::new(Self {
            id,
            near,
            far,
            end,
            status: watch::Sender::new(status),
            fraction: AtomicU64::new(0),
            restores: watch::Sender::new(0),
        })
    }

    /// The link's name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// This process' site.
    #[must_use]
    pub const fn near(&self) -> &SiteId {
        &self.near
    }

    /// The far end's site.
    #[must_use]
    pub const fn far(&self) -> &SiteId {
        &self.far
    }

    /// Which end this process is.
    #[must_use]
    pub const fn end(&self) -> EndKind {
        self.end
    }

    /// The figures as they are now.
    #[must_use]
    pub fn status(&self) -> LineStatus {
        self.status.borrow().clone()
    }

    /// The figures as they change.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<LineStatus> {
        self.status.subscribe()
    }

    /// Notes that the far end is connected; a line that is shut down stays so.
    pub fn up(&self) {
        self.change(LineState::Up);
    }

    /// Notes that the far end is not connected; a line that is shut down stays so.
    pub fn down(&self) {
        self.change(LineState::Down);
    }

    /// Notes that the line is shut down, and the figures of the block that was the cause.
    pub fn shut_down(&self, reason: String, report: Option<Report>) {
        self.status.send_modify(|status| {
            status.state = LineState::ShutDown { reason };
            if let Some(report) = report {
                status.blocks_failed = status.blocks_failed.saturating_add(1);
                status.qber = Some(report.qber);
                status.last_report = Some(report);
            }
        });
    }

    /// Notes that the line is open again, and whether the far end is connected.
    pub fn restored(&self, connected: bool) {
        let state = if connected { LineState::Up } else { LineState::Down };
        self.status.send_modify(|status| status.state = state);
    }

    /// Notes that a block's keys were released.
    pub fn distilled(&self, report: &Report, keys: u64) {
        self.status.send_modify(|status| {
            let blocks = status.blocks.saturating_add(1);
            // The mean over blocks of one size; precise enough far beyond any number of blocks.
            #[expect(clippy::cast_precision_loss, reason = "a mean for people to read")]
            let share = 1.0 / blocks as f64;
            status.bits_per_pulse += (report.bits_per_pulse() - status.bits_per_pulse) * share;
            status.blocks = blocks;
            status.keys = status.keys.saturating_add(keys);
            status.qber = Some(report.qber);
            status.last_report = Some(*report);
        });
    }

    /// Notes that a block gave no key, by no fault of the line.
    pub fn abandoned(&self) {
        self.status
            .send_modify(|status| status.blocks_failed = status.blocks_failed.saturating_add(1));
    }

    /// The part of the photons that are intercepted, 0 to 1; the driver tells the channel.
    #[must_use]
    pub fn eavesdropper(&self) -> f64 {
        f64::from_bits(self.fraction.load(Ordering::Relaxed))
    }

    /// Asks for a part of the photons to be intercepted from the next block on; the channel is at
    /// the receiver.
    ///
    /// # Errors
    ///
    /// [`Error::WrongEnd`] at the sender, [`Error::ParameterInvalid`] if `fraction` is no part.
    pub fn set_eavesdropper(&self, fraction: f64) -> Result<(), Error> {
        if self.end != EndKind::Receiver {
            return Err(Error::WrongEnd { wanted: EndKind::Receiver.as_str() });
        }
        if !(0.0..=1.0).contains(&fraction) {
            return Err(Error::ParameterInvalid { name: "fraction", range: "0 to 1" });
        }
        self.fraction.store(fraction.to_bits(), Ordering::Relaxed);
        Ok(())
    }

    /// Asks the driver to restore the line.
    pub fn request_restore(&self) {
        self.restores.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Changes with every [`Line::request_restore`]; the driver then calls `End::restore`.
    #[must_use]
    pub fn restore_requests(&self) -> watch::Receiver<u64> {
        self.restores.subscribe()
    }

    fn change(&self, state: LineState) {
        self.status.send_if_modified(|status| {
            let open = !matches!(status.state, LineState::ShutDown { .. });
            let changes = open && status.state != state;
            if changes {
                status.state = state;
            }
            changes
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(end: EndKind) -> Arc<Line> {
        Line::new("hz-xs".to_owned(), "hangzhou".parse().unwrap(), "xiaoshan".parse().unwrap(), end)
    }

    fn report(key_bits: u32, qber: f64) -> Report {
        Report {
            pulses: 1_000,
            clicks: 100,
            sifted_bits: 80,
            test_bits: 5,
            test_errors: 0,
            qber,
            mu: 0.1,
            corrected_bits: 0,
            leak_bits: 0,
            tag_bits: 0,
            round_trips: 0,
            key_bits,
        }
    }

    #[test]
    fn a_line_that_is_shut_down_stays_so_until_it_is_restored() {
        let line = line(EndKind::Sender);
        line.up();
        assert_eq!(line.status().state, LineState::Up);
        line.shut_down("Q = 25 %".to_owned(), Some(report(0, 0.25)));
        for again in [Line::down, Line::up] {
            again(&line);
            assert!(matches!(line.status().state, LineState::ShutDown { .. }));
        }
        assert_eq!((line.status().qber, line.status().blocks_failed), (Some(0.25), 1));
        line.restored(false);
        assert_eq!(line.status().state, LineState::Down);
        line.up();
        assert_eq!(line.status().state, LineState::Up);
    }

    #[test]
    fn blocks_add_up() {
        let line = line(EndKind::Receiver);
        let mut watch = line.watch();
        line.distilled(&report(100, 0.01), 4);
        line.distilled(&report(50, 0.02), 2);
        assert!(watch.has_changed().unwrap());
        let status = watch.borrow_and_update().clone();
        assert_eq!((status.blocks, status.keys, status.qber), (2, 6, Some(0.02)));
        assert!((status.bits_per_pulse - 0.075).abs() < 1e-12);
    }

    #[test]
    fn only_the_receiver_has_a_channel_to_listen_on() {
        let far = line(EndKind::Sender).set_eavesdropper(0.5);
        assert_eq!(far, Err(Error::WrongEnd { wanted: "receiver" }));
        let line = line(EndKind::Receiver);
        for wrong in [-0.1, 1.1, f64::NAN] {
            assert!(line.set_eavesdropper(wrong).is_err());
        }
        line.set_eavesdropper(0.5).unwrap();
        assert!((line.eavesdropper() - 0.5).abs() < f64::EPSILON);
    }

    #[test]
    fn a_restore_that_is_asked_for_is_heard() {
        let line = line(EndKind::Receiver);
        let mut requests = line.restore_requests();
        assert!(!requests.has_changed().unwrap());
        line.request_restore();
        assert!(requests.has_changed().unwrap());
        requests.mark_unchanged();
    }
}
