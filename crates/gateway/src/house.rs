//! What all desks of a gateway share.

use std::sync::Arc;

use capture::Capturer;
use clock::Clock;
use keys::Peer;
use party::{ConsortiumId, MemberId, Members};
use statement::{Commitment, Digest, Height};
use trace::{Announcement, SealedLeaf, View};

use crate::error::internal;
use crate::{Error, Options, Post};

/// What all desks of a gateway share.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) consortium: ConsortiumId,
    pub(crate) members: Arc<Members>,
    pub(crate) capturer: Arc<Capturer>,
    pub(crate) view: View,
    pub(crate) post: Arc<dyn Post>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: Options,
}

impl House {
    /// Where a member's keys are: at the first of its sites.
    pub(crate) fn peer(&self, member: &MemberId) -> Result<Peer, Error> {
        let known = self.members.get(member);
        let site = known.and_then(|known| known.sites.first()).ok_or_else(|| {
            Error::EntryInvalid { why: format!("{member} is no member, or has no site") }
        })?;
        Ok(Peer { member: member.clone(), site: site.clone() })
    }

    /// A sealed event, once this gateway's own index has it.
    pub(crate) async fn leaf(
        &self,
        issuer: &MemberId,
        commitment: &Commitment,
        patience: std::time::Duration,
    ) -> Result<SealedLeaf, Error> {
        let mut cursor = self.view.watch();
        let wait = async {
            loop {
                cursor.borrow_and_update();
                let (view, issuer, commitment) = (self.view.clone(), issuer.clone(), *commitment);
                let read = move || view.sealed_by(&issuer, &commitment);
                if let Some(leaf) = tokio::task::spawn_blocking(read).await.map_err(internal)?? {
                    return Ok(leaf);
                }
                if cursor.changed().await.is_err() {
                    return Err(internal("the index is gone"));
                }
            }
        };
        match tokio::time::timeout(patience, wait).await {
            Ok(found) => found,
            Err(_) => Err(Error::NotYet { what: format!("the event {commitment}") }),
        }
    }

    /// Waits for this gateway's own index to reach a height.
    pub(crate) async fn reached(&self, height: Height) -> Result<(), Error> {
        let mut cursor = self.view.watch();
        let wait = cursor.wait_for(|reached| *reached >= height);
        match tokio::time::timeout(self.options.patience, wait).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(internal("the index is gone")),
            Err(_) => {
                Err(Error::NotYet { what: format!("block {height} in this gateway's index") })
            }
        }
    }

    /// What was announced under a secret's id; it blocks.
    pub(crate) fn announced(&self, secret_id: &Digest) -> Result<Option<Announcement>, Error> {
        Ok(self.view.announced(secret_id)?)
    }
}
