//! A pool as a source of secrets.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use party::MemberId;
use tokio::sync::watch;

use super::{KeyPool, LineState};
use crate::secret::check_length;
use crate::{Drawn, Error, Handle, KeySource, Peer, RequestId, Secret};

/// Draws from a pool the keys of its outgoing direction, and recovers those of the incoming one.
///
/// It is one member's, and several members of a site have each a source over the same pool. A secret
/// is derived from keys of the link, one for each 32 bytes, and from who draws and who is to recover
/// it: to any other member of the site the handle leads nowhere, and its keys stay where they are.
pub struct PoolSource {
    name: String,
    own: Peer,
    pool: Arc<KeyPool>,
    line: watch::Receiver<LineState>,
}

impl PoolSource {
    /// Makes a source of the pool for `member` of its site; `line` says whether it may be drawn
    /// from.
    #[must_use]
    pub fn new(pool: Arc<KeyPool>, member: MemberId, line: watch::Receiver<LineState>) -> Self {
        let own = Peer { member, site: pool.id().near.clone() };
        Self { name: pool.source_name(), own, pool, line }
    }
}

impl PoolSource {
    /// Refuses a peer to whose site this link does not lead.
    fn check_site(&self, peer: &Peer) -> Result<(), Error> {
        if peer.site == self.pool.id().far {
            return Ok(());
        }
        Err(Error::NotReached { source_name: self.name.clone(), site: peer.site.clone() })
    }
}

impl fmt::Debug for PoolSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolSource").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl KeySource for PoolSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn draw(&self, request: &RequestId, peer: &Peer, length: u16) -> Result<Drawn, Error> {
        check_length(length)?;
        self.check_site(peer)?;
        let (pool, line) = (self.pool.clone(), self.line.clone());
        let (request, own, peer) = (*request, self.own.clone(), peer.clone());
        // The line is asked as late as can be: it may shut down while the caller waits.
        blocking(move || pool.draw(&request, (&own, &peer), length, || line.borrow().clone())).await
    }

    async fn recover(
        &self,
        request: &RequestId,
        peer: &Peer,
        handle: &Handle,
    ) -> Result<Secret, Error> {
        self.check_site(peer)?;
        let pool = self.pool.clone();
        let (request, own) = (*request, self.own.clone());
        let (peer, handle) = (peer.clone(), handle.clone());
        blocking(move || pool.recover(&request, (&own, &peer), &handle)).await
    }

    async fn confirm(&self, request: &RequestId) -> Result<(), Error> {
        let (pool, request) = (self.pool.clone(), *request);
        blocking(move || pool.confirm(&request)).await
    }
}

/// Does what waits for the disk where it delays nobody.
///
/// If the caller goes away meanwhile, it is done all the same, and kept for the next time that the
/// same request asks.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(Error::Unavailable { message: format!("the pool's task ended early: {error}") })
    })
}
