//! The service: orders in, journeys out.

use std::sync::Arc;

use party::MemberId;
use statement::RequestId;
use tokio_util::sync::CancellationToken;
use trace::Book;

use crate::error::internal;
use crate::{Advanced, Error, JourneyId, Order, OrderView, Parts, Step};

/// A site's gateway: turns orders into journeys for the members that it acts for.
///
/// Cheap to clone: all clones are one gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    inner: Arc<Parts>,
}

impl Gateway {
    /// Opens the desks and books of the members; it blocks on the disk.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] when a folder cannot be opened, or is another member's.
    pub fn new(parts: Parts) -> Result<Self, Error> {
        Ok(Self { inner: Arc::new(parts) })
    }

    /// The members that it acts for.
    pub fn members(&self) -> impl Iterator<Item = &MemberId> {
        self.inner.desks.iter().map(|desk| &desk.member)
    }

    /// What a member has opened; `None` for one that this gateway does not act for.
    #[must_use]
    pub fn book(&self, _member: &MemberId) -> Option<&Book> {
        None
    }

    /// Makes an order, and takes its first step.
    ///
    /// The same request id with the same order is answered as before.
    ///
    /// # Errors
    ///
    /// [`Error::OrderInvalid`] when it is at fault; what capturing and sealing run into.
    pub async fn create_order(
        &self,
        _member: &MemberId,
        _request: RequestId,
        _order: Order,
    ) -> Result<OrderView, Error> {
        Err(internal("not yet"))
    }

    /// Takes the next step of a journey, which must be the member's, and `expected` if given.
    ///
    /// # Errors
    ///
    /// [`Error::JourneyUnknown`], [`Error::StepOutOfOrder`], [`Error::StepNotYours`]; what capturing
    /// and sealing run into.
    pub async fn advance(
        &self,
        _member: &MemberId,
        _request: RequestId,
        _journey: &JourneyId,
        _expected: Option<Step>,
    ) -> Result<Advanced, Error> {
        Err(internal("not yet"))
    }

    /// A journey as the member knows it.
    ///
    /// # Errors
    ///
    /// [`Error::JourneyUnknown`].
    pub async fn order(&self, _member: &MemberId, _journey: &JourneyId) -> Result<OrderView, Error> {
        Err(internal("not yet"))
    }

    /// The journeys that the member knows, newest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`Error::MemberUnknown`].
    pub async fn orders(&self, _member: &MemberId, _limit: usize) -> Result<Vec<JourneyId>, Error> {
        Err(internal("not yet"))
    }

    /// Opens what comes by the post and seals again what was not acknowledged, until `stop`.
    ///
    /// # Errors
    ///
    /// When a desk's own store fails; all else is tried again.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), Error> {
        stop.cancelled().await;
        Ok(())
    }
}
