//! A pool as a source of secrets.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use super::{KeyPool, LineState};
use crate::{Drawn, Error, Handle, KeySource, Peer, RequestId, Secret};

/// Draws from a pool the keys of its outgoing direction, and recovers those of the incoming one.
///
/// A secret is the keys in the order of their ids in the handle, one after the other, cut to the
/// length asked for: 32 bytes are one key of the link as it was distilled.
pub struct PoolSource {
    name: String,
    pool: Arc<KeyPool>,
    line: watch::Receiver<LineState>,
}

impl PoolSource {
    /// Makes a source of the pool; `line` says whether it may be drawn from.
    #[must_use]
    pub fn new(pool: Arc<KeyPool>, line: watch::Receiver<LineState>) -> Self {
        Self { name: format!("qkd:{}", pool.id().link), pool, line }
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

    async fn draw(&self, _request: &RequestId, _peer: &Peer, _length: u16) -> Result<Drawn, Error> {
        let _ = (&self.pool, &self.line);
        unimplemented!()
    }

    async fn recover(&self, _: &RequestId, _: &Peer, _: &Handle) -> Result<Secret, Error> {
        unimplemented!()
    }

    async fn confirm(&self, _: &RequestId) -> Result<(), Error> {
        unimplemented!()
    }
}
