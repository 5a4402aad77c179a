//! From a call to a durable plan, and from a durable plan to what is told of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clock::TimeMs;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use rand::TryRng;
use rand::rngs::SysRng;
use statement::hash::Context;
use statement::{ItemSecret, RequestId};
use store::crash_point;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use trace::book::Finding;
use zeroize::Zeroizing;

use crate::clerk::{Clerk, Reserved};
use crate::dispatch::turn_of;
use crate::error::internal;
use crate::event::{Told, build, sscc};
use crate::itinerary::{FORWARDER_PREFIX, Level, Shape};
use crate::row::{Complaint, Plan, State};
use crate::{Advanced, AlertView, Error, JourneyId, Order, OrderView, Step, Unacknowledged};

/// Under which a pallet's SSCC is made from the request.
static PALLET: Context = Context::new("gateway pallet v1");

/// Under which an advance is compared with what the same request asked before.
static ADVANCE: Context = Context::new("gateway advance v1");

/// The refusals after which no retry of the same bytes is ever taken, and which say that the log
/// holds nothing of it: they look at the bytes alone, or found another capture under the request.
const NEVER: [&str; 5] =
    ["REQUEST_ID_REUSED", "REQUEST_TOO_LARGE", "TOO_MANY_TAGS", "TAGS_MISMATCH", "LEAVES_MISMATCH"];

/// How often a desk looks for plans that nobody carries out.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How far ahead of this clock another's may be, in milliseconds.
const SKEW_MS: i64 = 10 * 60 * 1_000;

/// How long a plan that fails waits at most until it is tried again.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How many plans that were left are carried out at once.
const RESUMED_AT_ONCE: usize = 8;

impl Clerk {
    /// Plans an order, durably; a request that was planned before keeps its plan. It blocks. The
    /// caller has the order's turn.
    pub(crate) fn plan_order(&self, request: RequestId, order: Order) -> Result<Plan, Error> {
        let asked = order.asked();
        let _request = self.reserve(&request.0).ok_or(Error::RequestReused { request })?;
        if let Some(plan) = self.planned(request, &asked)? {
            return Ok(plan);
        }
        let house = &self.house;
        let order = order.checked(&self.member, &request, &house.members)?;
        let parcel = order.parcel.clone().ok_or_else(|| internal("an order has a parcel"))?;
        let _parcel = self.take("parcel", &parcel, request)?;
        let secret = fresh_secret()?;
        let journey = JourneyId::of(&secret.id());
        let event = build(&Told {
            journey,
            leg: Step::Commission.leg(),
            time: house.clock.now(),
            parcel: &parcel,
            pallet: None,
            goods: &order.goods,
            order: Some((&self.member, &order)),
        })?;
        let event = Zeroizing::new(event.canonical_json());
        let state = State::Planned { event, secret: Some((parcel.clone(), secret)) };
        let plan = Plan { asked, journey, step: Step::Commission, state };
        self.write_plan(request, &plan, Some(&parcel))?;
        Ok(plan)
    }

    /// Plans the next step of a journey, as [`Self::plan_order`].
    pub(crate) fn plan_step(
        &self,
        request: RequestId,
        journey: JourneyId,
        expected: Option<Step>,
    ) -> Result<Plan, Error> {
        let mut asked = journey.as_bytes().to_vec();
        asked.push(expected.map_or(0, Step::number));
        let asked = ADVANCE.hash(&asked);
        let _request = self.reserve(&request.0).ok_or(Error::RequestReused { request })?;
        if let Some(plan) = self.planned(request, &asked)? {
            return Ok(plan);
        }
        let known = self.known(&journey)?;
        let step = known.check(&self.member, expected)?;
        let leg = step.leg();
        let made = if leg.shape == Shape::Load {
            let pallet = sscc(FORWARDER_PREFIX, &PALLET, &request);
            let pallet = pallet.ok_or_else(|| internal("no SSCC could be made"))?;
            Some((pallet, fresh_secret()?))
        } else {
            None
        };
        // An event may be opened before the part of it that hands the secret over.
        if leg.level != Level::Parcel && made.is_none() && known.pallet_secret.is_none() {
            return Err(Error::NotYet { what: "the pallet's secret".to_owned() });
        }
        let taken = made.as_ref().map(|(pallet, _)| pallet.clone());
        let _pallet =
            taken.as_ref().map(|pallet| self.take("pallet", pallet, request)).transpose()?;
        let pallet = made.as_ref().map(|(pallet, _)| pallet.as_str()).or(known.pallet.as_deref());
        let event = build(&Told {
            journey,
            leg,
            time: after(self.house.clock.now(), known.latest_ms()),
            parcel: &known.charter.parcel,
            pallet,
            goods: &known.charter.goods,
            order: None,
        })?;
        let event = Zeroizing::new(event.canonical_json());
        let plan = Plan { asked, journey, step, state: State::Planned { event, secret: made } };
        self.write_plan(request, &plan, taken.as_deref())?;
        Ok(plan)
    }

    /// What was planned for a request before.
    fn planned(&self, request: RequestId, asked: &[u8; 32]) -> Result<Option<Plan>, Error> {
        match self.shelf.plan(&request)? {
            Some(plan) if plan.asked != *asked => Err(Error::RequestReused { request }),
            other => Ok(other),
        }
    }

    /// Keeps an item for a request, unless another has taken it.
    fn take(&self, field: &str, item: &str, request: RequestId) -> Result<Reserved<'_>, Error> {
        let reserved = self.reserve(item.as_bytes());
        let free = self.shelf.parcel_taken(item)?.is_none_or(|taker| taker == request);
        reserved.filter(|_| free).ok_or_else(|| {
            let why = format!("{item} is taken by another journey; leave it out, or take another");
            Error::OrderInvalid { field: field.to_owned(), why }
        })
    }

    fn write_plan(
        &self,
        request: RequestId,
        plan: &Plan,
        taken: Option<&str>,
    ) -> Result<(), Error> {
        let mut changes = self.shelf.changes();
        changes.plan(&request, plan);
        if let Some(item) = taken {
            changes.take_parcel(item, &request);
        }
        changes.write()?;
        crash_point("desk-planned");
        Ok(())
    }

    /// Carries a plan out, and gives it up when the ledger can never have it: then nothing of it is
    /// recorded, and nobody is to wait for it. Whatever else fails is tried again: the event may be
    /// in the log, and its secret is nowhere but in the plan.
    pub(crate) async fn see_through(
        self: &Arc<Self>,
        request: RequestId,
        plan: Plan,
    ) -> Result<Advanced, Error> {
        let (journey, step) = (plan.journey, plan.step);
        let made = match &plan.state {
            State::Planned { secret: Some((item, _)), .. } => Some(item.clone()),
            _ => None,
        };
        let carried = self.carry_out(request, plan).await;
        if let Err(Error::Capture(error @ capture::Error::Refused { .. })) = &carried
            && NEVER.contains(&error.reason())
        {
            let (member, reason) = (&self.member, error.reason());
            tracing::warn!(%member, %journey, %step, reason, %error, "a plan is given up");
            self.on_disk(move |clerk| {
                let mut changes = clerk.shelf.changes();
                changes.give_up(&request, made.as_deref());
                changes.write()
            })
            .await?;
        }
        carried
    }

    /// Carries out what is planned for a journey under other requests; the caller has its turn.
    pub(crate) async fn finish(
        self: &Arc<Self>,
        journey: JourneyId,
        own: RequestId,
    ) -> Result<(), Error> {
        let open = self.on_disk(move |clerk| {
            let mut open = Vec::new();
            for request in clerk.shelf.open_plans()?.into_iter().filter(|request| *request != own) {
                let plan = clerk.shelf.plan(&request)?;
                open.extend(
                    plan.filter(|plan| plan.journey == journey).map(|plan| (request, plan)),
                );
            }
            Ok(open)
        });
        for (request, plan) in open.await? {
            // An order's turn is another one; whoever has it will finish it.
            if plan.step != Step::Commission {
                self.see_through(request, plan).await?;
            }
        }
        Ok(())
    }

    /// Carries out, until `stop`, what was planned and left: by a crash, by a caller who met an
    /// error half-way and never came back. One that must wait bars no other.
    pub(crate) async fn keep_resuming(
        self: Arc<Self>,
        stop: CancellationToken,
    ) -> Result<(), Error> {
        let mut waits: BTreeMap<RequestId, (Instant, Duration)> = BTreeMap::new();
        loop {
            let open = self.on_disk(|clerk| clerk.shelf.open_plans()).await?;
            waits.retain(|request, _| open.contains(request));
            let due = |request: &RequestId| {
                waits.get(request).is_none_or(|(next, _)| *next <= Instant::now())
            };
            let due: Vec<RequestId> = open.into_iter().filter(due).collect();
            let tries = stream::iter(due)
                .map(|request| self.resume(request).map(move |tried| (request, tried)))
                .buffer_unordered(RESUMED_AT_ONCE)
                .collect::<Vec<_>>();
            let tried = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                tried = tries => tried,
            };
            for (request, tried) in tried {
                let Err(error) = tried else { continue };
                let (member, reason) = (&self.member, error.reason());
                tracing::warn!(%member, %request, reason, %error, "what was planned waits");
                let first = self.house.options.retry_after;
                let last = waits.get(&request).map_or(first, |(_, wait)| wait.saturating_mul(2));
                let wait = if error.is_retryable() { last.min(LONGEST_WAIT) } else { LONGEST_WAIT };
                waits.insert(request, (Instant::now() + wait, wait));
            }
            let pause = if waits.is_empty() { LOOK_EVERY } else { self.house.options.retry_after };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Carries out one plan, if it is not done yet.
    async fn resume(self: &Arc<Self>, request: RequestId) -> Result<(), Error> {
        let Some(plan) = self.on_disk(move |clerk| clerk.shelf.plan(&request)).await? else {
            return Ok(());
        };
        let _turn = self.turn(&turn_of(&plan, request)).await?;
        // Somebody may have carried it out while we waited.
        if let Some(plan) = self.on_disk(move |clerk| clerk.shelf.plan(&request)).await? {
            self.see_through(request, plan).await?;
        }
        Ok(())
    }

    /// All that was off with what came in; it blocks.
    pub(crate) fn all_alerts(&self) -> Result<Vec<AlertView>, Error> {
        let complaints = self.shelf.all_complaints()?;
        let findings = self.book.alerts()?;
        Ok(complaints.into_iter().map(complained).chain(findings.iter().map(found)).collect())
    }

    /// A journey as the member knows it; it blocks.
    pub(crate) fn order_view(&self, journey: &JourneyId) -> Result<OrderView, Error> {
        let known = self.known(journey)?;
        let (mut unacknowledged, mut alerts) = (Vec::new(), Vec::new());
        let findings = self.book.alerts()?;
        for done in known.steps.values() {
            for row in self.shelf.outgoing_of(&done.commitment)? {
                unacknowledged.push(Unacknowledged {
                    step: row.step,
                    commitment: done.commitment,
                    reader: row.entry.reader,
                    part: row.entry.part,
                    source: row.source,
                    times: row.times,
                });
            }
            alerts.extend(self.shelf.complaints_of(&done.commitment)?.into_iter().map(complained));
            let about = findings.iter().filter(|found| found.commitment == done.commitment);
            alerts.extend(about.map(found));
        }
        Ok(OrderView {
            journey: *journey,
            next: known.next(),
            parcel: known.charter.parcel,
            pallet: known.pallet,
            seller: known.charter.seller,
            parties: known.charter.parties,
            goods: known.charter.goods,
            steps: known.steps.into_values().collect(),
            buyer: known.buyer,
            unacknowledged,
            alerts,
        })
    }
}

/// A clock may have been set back, or stand elsewhere: the order of steps must show. But a step
/// that another stamped with a far day does not bend the days of all that come after it.
fn after(now: TimeMs, latest_ms: i64) -> TimeMs {
    let bound = now.0.saturating_add(SKEW_MS);
    TimeMs(now.0.max(latest_ms.min(bound)))
}

fn complained(complaint: Complaint) -> AlertView {
    let Complaint { reason, sealer: issuer, commitment, part: _, detail } = complaint;
    AlertView { reason, issuer, commitment, detail }
}

fn found(finding: &Finding) -> AlertView {
    AlertView {
        reason: finding.reason.reason().to_owned(),
        issuer: finding.issuer.clone(),
        commitment: finding.commitment,
        detail: finding.detail.clone(),
    }
}

/// A secret that nobody has seen, from the system's randomness.
fn fresh_secret() -> Result<ItemSecret, Error> {
    let mut bytes = Zeroizing::new([0; 32]);
    SysRng.try_fill_bytes(&mut *bytes).map_err(internal)?;
    Ok(ItemSecret::from_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_no_earlier_than_the_one_before_and_no_later_than_clocks_differ() {
        let at = |latest_ms| after(TimeMs(1_000_000), latest_ms).0;
        assert_eq!(at(999_999), 1_000_000);
        assert_eq!(at(1_000_500), 1_000_500, "a clock that was set back");
        assert_eq!(at(253_402_300_799_000), 1_600_000, "the last second of the year 9999");
    }
}
