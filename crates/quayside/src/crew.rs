//! Call every party of a journey in turn, as the operator of a demonstration can: one machine that
//! holds all credentials.

use std::collections::BTreeMap;
use std::time::Duration;

use gateway::{Advanced, JourneyId, Order, OrderView, Party, Step};
use party::MemberId;
use tokio::time::{Instant, sleep};

use crate::cli::{GatewayArguments, Global};
use crate::connection::{self, Gateway};
use crate::event::draw_request_id;
use crate::exit::Exit;
use crate::fault::Fault;

/// How long to wait before a step is tried again for the first time, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// The parties of a journey, each with its own gateway.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crew {
    gateways: BTreeMap<MemberId, Gateway>,
}

impl Crew {
    /// Finds the gateways of a journey's parties.
    pub(crate) fn of(
        parties: impl IntoIterator<Item = MemberId>,
        global: &Global,
    ) -> Result<Self, Fault> {
        let mut gateways = BTreeMap::new();
        for member in parties {
            let arguments = GatewayArguments { gateway: None, member: Some(member.clone()) };
            gateways.insert(member, connection::gateway(&arguments, global)?);
        }
        Ok(Self { gateways })
    }

    /// The gateway of one of them.
    pub(crate) fn gateway(&self, member: &MemberId) -> Result<&Gateway, Fault> {
        self.gateways.get(member).ok_or_else(|| {
            Fault::new(Exit::Usage, format!("no certificate of member {member} is at hand"))
        })
    }

    /// How many steps have been taken, as whoever saw most of them says.
    pub(crate) async fn taken(&self, journey: &JourneyId) -> Result<u8, Fault> {
        let mut most = 0;
        for gateway in self.gateways.values() {
            match gateway.order(journey).await {
                Ok(view) => {
                    most = view.steps.iter().map(|done| done.step.number()).fold(most, u8::max);
                }
                Err(fault) if fault.exit == Exit::Unreachable => return Err(fault),
                // Whoever has not opened the first step yet knows of no journey.
                Err(_) => {}
            }
        }
        Ok(most)
    }

    /// Takes one step in the name of its member, once what the step waits for has reached it.
    pub(crate) async fn take(
        &self,
        journey: &JourneyId,
        step: Step,
        member: &MemberId,
        deadline: Instant,
    ) -> Result<Advanced, Fault> {
        let (gateway, id) = (self.gateway(member)?, draw_request_id()?);
        until(deadline, || gateway.advance(id, journey, Some(step))).await
    }

    /// Makes an order in the seller's name.
    pub(crate) async fn order(
        &self,
        seller: &MemberId,
        order: &Order,
        deadline: Instant,
    ) -> Result<OrderView, Fault> {
        let (gateway, id) = (self.gateway(seller)?, draw_request_id()?);
        until(deadline, || gateway.create_order(id, order.clone())).await
    }
}

/// Calls again, with the same request id, while the answer is one that may change by itself.
async fn until<T, F>(deadline: Instant, call: impl Fn() -> F) -> Result<T, Fault>
where
    F: Future<Output = Result<T, Fault>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        match call().await {
            Err(fault) if waits(&fault) && Instant::now() < deadline => {
                sleep(pause).await;
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            }
            answer => return answer,
        }
    }
}

/// Whether the step's turn has not come yet, or something was out of reach: the same call may
/// succeed in a moment.
fn waits(fault: &Fault) -> bool {
    const EARLY: [&str; 3] = ["STEP_OUT_OF_ORDER", "JOURNEY_UNKNOWN", "NOT_YET"];
    fault.exit == Exit::Unreachable
        || fault.retry_after_ms.is_some()
        || fault.reason.as_deref().is_some_and(|reason| EARLY.contains(&reason))
}

/// The six parties of a journey.
pub(crate) fn parties(view: &OrderView) -> Vec<MemberId> {
    let all = [
        Party::Seller,
        Party::Forwarder,
        Party::ExportCustoms,
        Party::Airline,
        Party::ImportCustoms,
        Party::LastMile,
    ];
    all.into_iter().map(|party| view.parties.member(&view.seller, party).clone()).collect()
}

/// Whose step it is.
pub(crate) fn whose(view: &OrderView, step: Step) -> &MemberId {
    view.parties.member(&view.seller, step.party())
}
