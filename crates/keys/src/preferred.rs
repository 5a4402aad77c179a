//! The first source that can, with the reasons why the others could not.

use std::sync::Arc;

use async_trait::async_trait;

use crate::handle::{MAX_PASSED_OVER, MAX_REASON_LEN, is_unprintable};
use crate::{Drawn, Error, Handle, KeySource, PassedOver, Peer, RequestId, Secret};

/// Draws from the first of several sources that can.
///
/// Degradation is explicit: every source that was asked first and could not stands in the handle
/// with its reason. A source that does not lead to the peer's site at all was never wished for, so
/// it is left out.
#[derive(Debug)]
pub struct Preferred {
    children: Vec<Arc<dyn KeySource>>,
    accepts_seeded: bool,
}

impl Preferred {
    /// Orders sources, the most wished for first.
    #[must_use]
    pub fn new(children: Vec<Arc<dyn KeySource>>) -> Self {
        Self { children, accepts_seeded: false }
    }

    /// Accepts keys of seeded links, which anybody who knows the seed knows too: for tests.
    #[must_use]
    pub fn accept_seeded(mut self) -> Self {
        self.accepts_seeded = true;
        self
    }

    fn child(&self, name: &str) -> Result<&dyn KeySource, Error> {
        let found = self.children.iter().find(|child| child.name() == name);
        found.map(|child| &**child).ok_or_else(|| Error::SourceUnknown { name: name.to_owned() })
    }

    /// Draws from one child; a seeded key is refused unless it is accepted.
    async fn draw_from(
        &self,
        child: &dyn KeySource,
        request: &RequestId,
        peer: &Peer,
        length: u16,
    ) -> Result<Drawn, Error> {
        let drawn = child.draw(request, peer, length).await?;
        if drawn.handle.seeded && !self.accepts_seeded {
            // It is not confirmed yet: were it erased, the same request would be refused as spent
            // when it is asked again.
            return Err(Error::Seeded { source_name: child.name().to_owned() });
        }
        Ok(drawn)
    }
}

/// Cuts a reason to what a handle takes.
fn shown(error: &Error) -> String {
    let mut reason = error.public_reason().replace(is_unprintable, " ");
    reason.truncate(reason.floor_char_boundary(MAX_REASON_LEN));
    reason
}

#[async_trait]
impl KeySource for Preferred {
    fn name(&self) -> &str {
        "preferred"
    }

    async fn draw(&self, request: &RequestId, peer: &Peer, length: u16) -> Result<Drawn, Error> {
        let mut passed_over = Vec::new();
        let mut errors = Vec::new();
        let mut not_reached = Error::SourceUnknown { name: self.name().to_owned() };
        for child in &self.children {
            let error = match self.draw_from(&**child, request, peer, length).await {
                Ok(mut drawn) => {
                    // A composite below may have passed over some of its own.
                    passed_over.append(&mut drawn.handle.passed_over);
                    passed_over.truncate(MAX_PASSED_OVER);
                    drawn.handle.passed_over = passed_over;
                    return Ok(drawn);
                }
                Err(error) => error,
            };
            if !error.is_of_the_source() {
                return Err(error);
            }
            if matches!(error, Error::NotReached { .. }) {
                not_reached = error;
                continue;
            }
            let source = child.name().to_owned();
            tracing::warn!(source, reason = error.reason(), "a key source was passed over");
            passed_over.push(PassedOver { source, reason: shown(&error) });
            errors.push(error);
        }
        // One error is said in full, several are listed.
        if errors.len() > 1 {
            let retryable = errors.iter().any(Error::is_retryable);
            return Err(Error::NoSource { passed_over, retryable });
        }
        Err(errors.pop().unwrap_or(not_reached))
    }

    async fn recover(
        &self,
        request: &RequestId,
        peer: &Peer,
        handle: &Handle,
    ) -> Result<Secret, Error> {
        if handle.seeded && !self.accepts_seeded {
            return Err(Error::Seeded { source_name: handle.source.clone() });
        }
        self.child(&handle.source)?.recover(request, peer, handle).await
    }

    async fn confirm(&self, request: &RequestId) -> Result<(), Error> {
        // Which of them answered is not remembered, and confirming a stranger changes nothing.
        let mut outcome = Ok(());
        for child in &self.children {
            outcome = outcome.and(child.confirm(request).await);
        }
        outcome
    }
}
