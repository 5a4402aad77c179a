//! The service: orders in, journeys out.

use std::collections::BTreeMap;
use std::sync::Arc;

use party::MemberId;
use statement::RequestId;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use trace::Book;

use crate::clerk::Clerk;
use crate::house::House;
use crate::{Advanced, AlertView, Error, JourneyId, Order, OrderView, Parts, Step};

/// A site's gateway: turns orders into journeys for the members that it acts for.
///
/// Cheap to clone: all clones are one gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    clerks: Arc<BTreeMap<MemberId, Arc<Clerk>>>,
}

impl Gateway {
    /// Opens the desks and books of the members; it blocks on the disk.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] and [`Error::Trace`] when a folder cannot be opened, is another member's,
    /// or was made with another storage key.
    pub fn new(parts: Parts) -> Result<Self, Error> {
        let Parts { consortium, members, capturer, view, archive: _, post, clock, desks, options } =
            parts;
        let house = Arc::new(House { consortium, members, capturer, view, post, clock, options });
        let mut clerks = BTreeMap::new();
        for desk in desks {
            let clerk = Clerk::open(Arc::clone(&house), desk)?;
            clerks.insert(clerk.member.clone(), Arc::new(clerk));
        }
        Ok(Self { clerks: Arc::new(clerks) })
    }

    /// The members that it acts for.
    pub fn members(&self) -> impl Iterator<Item = &MemberId> {
        self.clerks.keys()
    }

    /// What a member has opened; `None` for one that this gateway does not act for.
    #[must_use]
    pub fn book(&self, member: &MemberId) -> Option<&Book> {
        self.clerks.get(member).map(|clerk| &clerk.book)
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
        member: &MemberId,
        request: RequestId,
        order: Order,
    ) -> Result<OrderView, Error> {
        let clerk = Arc::clone(self.clerk(member)?);
        to_its_end(async move {
            let _turn = clerk.turn(&request.0).await?;
            let plan = clerk.on_disk(move |clerk| clerk.plan_order(request, order)).await?;
            let journey = plan.journey;
            clerk.see_through(request, plan).await?;
            clerk.on_disk(move |clerk| clerk.order_view(&journey)).await
        })
        .await
    }

    /// Takes the next step of a journey, which must be the member's, and `expected` if given.
    ///
    /// The same request id for the same journey and step is answered as before.
    ///
    /// # Errors
    ///
    /// [`Error::JourneyUnknown`], [`Error::StepOutOfOrder`], [`Error::StepNotYours`]; what capturing
    /// and sealing run into.
    pub async fn advance(
        &self,
        member: &MemberId,
        request: RequestId,
        journey: &JourneyId,
        expected: Option<Step>,
    ) -> Result<Advanced, Error> {
        let (clerk, journey) = (Arc::clone(self.clerk(member)?), *journey);
        to_its_end(async move {
            let _turn = clerk.turn(journey.as_bytes()).await?;
            // A step that was left half taken comes first: it is neither done nor to be redone.
            clerk.finish(journey, request).await?;
            let plan = clerk.on_disk(move |clerk| clerk.plan_step(request, journey, expected));
            clerk.see_through(request, plan.await?).await
        })
        .await
    }

    /// A journey as the member knows it.
    ///
    /// # Errors
    ///
    /// [`Error::JourneyUnknown`].
    pub async fn order(&self, member: &MemberId, journey: &JourneyId) -> Result<OrderView, Error> {
        let journey = *journey;
        self.clerk(member)?.on_disk(move |clerk| clerk.order_view(&journey)).await
    }

    /// The journeys that the member knows, the newest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`Error::MemberUnknown`].
    pub async fn orders(&self, member: &MemberId, limit: usize) -> Result<Vec<JourneyId>, Error> {
        let found = self.clerk(member)?.on_disk(|clerk| clerk.shelf.all_found());
        let mut found = found.await?;
        found.sort_by_key(|found| std::cmp::Reverse(found.index));
        let mut journeys: Vec<JourneyId> = found.into_iter().map(|found| found.journey).collect();
        journeys.dedup();
        journeys.truncate(limit);
        Ok(journeys)
    }

    /// All that was off with what came in for the member, whatever journey it was about.
    ///
    /// # Errors
    ///
    /// [`Error::MemberUnknown`].
    pub async fn alerts(&self, member: &MemberId) -> Result<Vec<AlertView>, Error> {
        self.clerk(member)?.on_disk(|clerk| clerk.all_alerts()).await
    }

    /// Opens one entry for the member, and says why it would not.
    #[cfg(test)]
    pub(crate) async fn try_open(
        &self,
        member: &MemberId,
        entry: statement::ReaderEntry,
    ) -> Result<(), Error> {
        use crate::opening::Verdict;

        let (clerk, group) = (self.clerk(member)?, crate::inbox::Group::of(&entry));
        clerk.vet(&entry)?;
        match clerk.open_entries(&group, vec![entry]).await?.pop() {
            Some(Verdict::Opened) => Ok(()),
            Some(Verdict::Replayed) => Err(Error::EntryReplayed),
            Some(Verdict::Refused(error)) => Err(error),
            None => Err(crate::error::internal("no verdict")),
        }
    }

    /// Opens what comes by the post, seals again what was not acknowledged, and finishes what a
    /// crash interrupted, until `stop`.
    ///
    /// # Errors
    ///
    /// When a desk's own store fails; all else is tried again.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), Error> {
        // Whoever ends first, for good or ill, ends the others.
        let stop = stop.child_token();
        let _end = stop.clone().drop_guard();
        let mut work: JoinSet<Result<(), Error>> = JoinSet::new();
        for clerk in self.clerks.values() {
            work.spawn(Arc::clone(clerk).follow_post(stop.clone()));
            work.spawn(Arc::clone(clerk).keep_opening(stop.clone()));
            work.spawn(Arc::clone(clerk).keep_posting(stop.clone()));
            work.spawn(Arc::clone(clerk).keep_resuming(stop.clone()));
        }
        while let Some(ended) = work.join_next().await {
            ended.map_err(crate::error::internal)??;
        }
        // A gateway without desks has nothing to do, and does it as long as others.
        stop.cancelled().await;
        Ok(())
    }

    fn clerk(&self, member: &MemberId) -> Result<&Arc<Clerk>, Error> {
        let clerk = self.clerks.get(member);
        clerk.ok_or_else(|| Error::MemberUnknown { member: member.clone() })
    }
}

/// Lets work go on to its end when the caller goes away: a step that is captured is to be sealed.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(work).await.map_err(crate::error::internal)?
}
