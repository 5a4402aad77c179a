//! What a stranger needs to check an event offline, with as much of it as the holder may show.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use statement::{Bundle, Commitment, Evidence, Leaf, Statement, Verified, verify_bundle};

use crate::book::OpenedEvent;
use crate::{Archive, Error, Step, StepState, Trace, View};

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
        self.verified(commitment, archive).await.map(|(bundle, _)| bundle)
    }

    /// Fetches the bundle of a step, verified; that of a sealed one carries the sealed body, or none
    /// if it was erased.
    ///
    /// A step that is not open may have no bundle: its body was erased, or the ledger answers with
    /// the leaf of a stranger who has copied the sealed one.
    ///
    /// # Errors
    ///
    /// As [`View::bundle`].
    pub async fn step_bundle(
        &self,
        step: &Step,
        archive: &dyn Archive,
    ) -> Result<Option<Bytes>, Error> {
        let open = step.state == StepState::Open;
        match self.verified(&step.commitment, archive).await {
            Ok((_, of)) if !open && of.issuer != step.issuer => Ok(None),
            Err(Error::NotFound { .. }) if !open => Ok(None),
            other => other.map(|(bundle, _)| Some(bundle)),
        }
    }

    /// Fetches the bundle of every step, verified, into the steps.
    ///
    /// # Errors
    ///
    /// As [`View::step_bundle`].
    pub async fn attach_bundles(
        &self,
        trace: &mut Trace,
        archive: &dyn Archive,
    ) -> Result<(), Error> {
        let fetch = trace.steps.iter().map(|step| self.step_bundle(step, archive));
        let bundles: Vec<Option<Bytes>> =
            stream::iter(fetch).buffered(BUNDLES_AT_ONCE).try_collect().await?;
        for (step, bundle) in trace.steps.iter_mut().zip(bundles) {
            step.bundle = bundle;
        }
        Ok(())
    }

    async fn verified(
        &self,
        commitment: &Commitment,
        archive: &dyn Archive,
    ) -> Result<(Bytes, Verified), Error> {
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
        Ok((bundle, verified))
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
