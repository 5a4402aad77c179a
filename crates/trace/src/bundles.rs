//! What a stranger needs to check an event offline, with as much of it as the holder may show.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use statement::{Bundle, Commitment, Evidence, Leaf, Statement, verify_bundle};

use crate::book::OpenedEvent;
use crate::{Archive, Error, StepState, Trace, View};

/// How many bundles are fetched at once.
const BUNDLES_AT_ONCE: usize = 8;

impl View {
    /// Fetches one event's bundle and verifies it against the pinned members.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the ledger holds no such event; [`Error::Misbehaved`] when the bundle
    /// does not verify.
    pub async fn bundle(
        &self,
        commitment: &Commitment,
        archive: &dyn Archive,
    ) -> Result<Bytes, Error> {
        let bundle = archive.bundle(commitment).await?;
        let lied = |what: String| Error::Misbehaved { height: self.cursor(), what };
        let editions = Arc::clone(&self.inner.editions.lock());
        // A statement is as old as its key: the newest edition first, for most are new.
        let mut verdict = Err(lied(format!("the bundle of {commitment} has no members")));
        for members in editions.iter().rev() {
            verdict = verify_bundle(&bundle, members)
                .map_err(|fault| lied(format!("the bundle of {commitment} is {fault}")));
            if verdict.is_ok() {
                break;
            }
        }
        let verified = verdict?;
        if verified.commitment != *commitment {
            return Err(lied(format!("the bundle of {commitment} is another event's")));
        }
        Ok(bundle)
    }

    /// Fetches the bundle of every step, verified, into the steps.
    ///
    /// That of a sealed step carries the sealed body, or none if it was erased.
    ///
    /// # Errors
    ///
    /// As [`View::bundle`]. A step that is not open may have none: then it stays `None`.
    pub async fn attach_bundles(
        &self,
        trace: &mut Trace,
        archive: &dyn Archive,
    ) -> Result<(), Error> {
        let fetch = trace.steps.iter().map(|step| {
            let (commitment, state) = (step.commitment, step.state);
            async move {
                match self.bundle(&commitment, archive).await {
                    Err(Error::NotFound { .. }) if state != StepState::Open => Ok(None),
                    other => other.map(Some),
                }
            }
        });
        let bundles: Vec<Option<Bytes>> =
            stream::iter(fetch).buffered(BUNDLES_AT_ONCE).try_collect().await?;
        for (step, bundle) in trace.steps.iter_mut().zip(bundles) {
            step.bundle = bundle;
        }
        Ok(())
    }
}

/// Puts the fields that a member has opened in the place of an event's body, so that a stranger can
/// check them against the commitment with `statement::verify_bundle` and nothing else.
///
/// All that was opened is shown: whoever hands it on answers for that. See
/// [`OpenedEvent::only`] for less.
///
/// # Errors
///
/// [`Error::NotFound`] when no field was opened; [`Error::WrongBundle`] when the bundle is another
/// event's, or malformed.
pub fn disclosure_bundle(bundle: &[u8], event: &OpenedEvent) -> Result<Bytes, Error> {
    let nothing = || Error::NotFound { what: format!("an opened field of {}", event.commitment) };
    let disclosure = event.disclosure.clone().ok_or_else(nothing)?;
    if disclosure.opened.is_empty() {
        return Err(nothing());
    }
    let wrong = |error: statement::Error| Error::WrongBundle { why: error.to_string() };
    let bundle = Bundle::decode(bundle).map_err(wrong)?;
    let leaf = Leaf::decode(&bundle.leaf).map_err(wrong)?;
    let issuer = Statement::decode(&bundle.statement).map_err(wrong)?.issuer().clone();
    if (leaf.commitment, &issuer) != (event.commitment, &event.issuer) {
        return Err(Error::WrongBundle { why: "it is another event's".into() });
    }
    let disclosed = Bundle { evidence: Evidence::Fields(disclosure), ..bundle };
    Ok(Bytes::from(disclosed.encode()))
}
