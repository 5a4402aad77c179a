//! What a gateway is made of.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use capture::Capturer;
use clock::Clock;
use envelope::StorageKey;
use keys::KeySource;
use party::{ConsortiumId, MemberId, Members, SiteId};
use statement::SigningKey;
use trace::{Archive, View};

use crate::Post;

/// All that a gateway needs from its surroundings.
#[derive(Debug)]
pub struct Parts {
    /// The consortium.
    pub consortium: ConsortiumId,
    /// Its members, pinned.
    pub members: Arc<Members>,
    /// Captures in the name of every member that has a desk.
    pub capturer: Arc<Capturer>,
    /// The site's own index of the record; somebody else lets it follow.
    pub view: View,
    /// The ledger, as it is asked for proofs.
    pub archive: Arc<dyn Archive>,
    /// Where reader entries travel.
    pub post: Arc<dyn Post>,
    /// Gives event times.
    pub clock: Arc<dyn Clock>,
    /// One for each member that this gateway acts for.
    pub desks: Vec<Desk>,
    /// How patient it is.
    pub options: Options,
}

/// What the gateway holds for one member.
pub struct Desk {
    /// The member.
    pub member: MemberId,
    /// The site at which its keys are drawn.
    pub site: SiteId,
    /// Signs its reader entries.
    pub statement_key: SigningKey,
    /// What it keeps on disk is encrypted under this.
    pub storage_key: StorageKey,
    /// Where its secrets come from.
    pub keys: Arc<dyn KeySource>,
    /// The folder of its desk and of its book.
    pub folder: PathBuf,
}

impl fmt::Debug for Desk {
    // The secrets must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("member", &self.member)
            .field("site", &self.site)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// How patient a gateway is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// After how long an entry that was not acknowledged is sealed again; it doubles each time, up
    /// to [`Options::reseal_at_most`].
    pub reseal_after: Duration,
    /// The longest pause between two sealings.
    pub reseal_at_most: Duration,
    /// After how long what failed is tried again; it doubles each time, up to 30 s.
    pub retry_after: Duration,
    /// How long an answer waits for this gateway's own index to come up.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            reseal_after: Duration::from_secs(30),
            reseal_at_most: Duration::from_secs(3_600),
            retry_after: Duration::from_millis(100),
            patience: Duration::from_secs(10),
        }
    }
}

impl Options {
    /// Seals again after this long.
    #[must_use]
    pub const fn with_reseal_after(mut self, pause: Duration) -> Self {
        self.reseal_after = pause;
        self
    }
}
