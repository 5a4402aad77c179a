//! A client of `quayside.gateway.v1`.

use std::fmt;

use bytes::Bytes;
use capture::Captured;
use gateway::{Advanced, JourneyId, Order, OrderView, Step};
use party::MemberId;
use statement::{Commitment, Height, RequestId};
use tonic::transport::Channel;
use trace::Trace;

use super::{Endpoint, Error, channel, check_size};
use crate::caller::ServiceRole;
use crate::convert;
use crate::limits::{MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES};
use crate::pb::gateway::v1 as pb;
use crate::pb::gateway::v1::gateway_service_client::GatewayServiceClient;

/// A gateway elsewhere.
#[derive(Clone)]
pub struct Gateway {
    url: String,
    client: GatewayServiceClient<Channel>,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("url", &self.url).finish_non_exhaustive()
    }
}

/// How far a gateway is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayStatus {
    /// The consortium's name.
    pub consortium: String,
    /// Height of the last block in the gateway's own index.
    pub cursor: Height,
    /// Height of the ledger that it follows; `None` when the gateway cannot reach it.
    pub height: Option<Height>,
    /// The members it captures for.
    pub members: Vec<String>,
}

impl Gateway {
    /// Makes a client that connects when it is first used, and again when the connection breaks.
    ///
    /// # Errors
    ///
    /// [`Error`] when the address, the certificates or the key cannot be used. That the server is no
    /// gateway shows when it is first called.
    pub fn connect(endpoint: &Endpoint) -> Result<Self, Error> {
        let client = GatewayServiceClient::new(channel(endpoint, ServiceRole::Gateway)?)
            .max_decoding_message_size(MAX_RESPONSE_BYTES)
            .max_encoding_message_size(MAX_REQUEST_BYTES);
        Ok(Self { url: endpoint.url.clone(), client })
    }

    /// Has an EPCIS document captured, and returns when its events are durable.
    ///
    /// # Errors
    ///
    /// [`Error`] with the gateway's reason; a retryable one leaves open whether it was captured, and
    /// a retry with the same request id finds out.
    pub async fn capture(&self, request_id: RequestId, document: Bytes) -> Result<Captured, Error> {
        let request_id = Bytes::copy_from_slice(&request_id.0);
        let request = pb::CaptureEventsRequest { request_id, document };
        check_size(&request)?;
        let answer = self.client.clone().capture_events(request).await?.into_inner();
        Ok(convert::captured_in(answer)?)
    }

    /// Traces an item as the caller's member sees it; with `with_bundles`, each step carries its
    /// proof.
    ///
    /// A long trace comes in several answers. When it grew between two of them, what the first
    /// answer said of completeness no longer holds for all, and the trace is asked for again.
    ///
    /// # Errors
    ///
    /// [`Error`] with the gateway's reason.
    pub async fn trace(&self, item: &str, with_bundles: bool) -> Result<Trace, Error> {
        self.trace_as(item, with_bundles, None).await
    }

    /// As [`Gateway::trace`], for a caller that says whose view it expects to get.
    ///
    /// # Errors
    ///
    /// [`Error`] with the gateway's reason: `VIEW_NOT_YOURS` unless `view_of` is the caller's member.
    pub async fn trace_as(
        &self,
        item: &str,
        with_bundles: bool,
        view_of: Option<&MemberId>,
    ) -> Result<Trace, Error> {
        let view_of = view_of.map(ToString::to_string).unwrap_or_default();
        let asked =
            pb::TraceItemRequest { item: item.to_owned(), with_bundles, first_step: 0, view_of };
        loop {
            let mut answer = self.trace_page(&asked, 0).await?;
            let (count, step_count) = (answer.count, answer.step_count);
            let mut steps = std::mem::take(&mut answer.steps);
            let mut next = answer.next_step;
            let mut grew = false;
            while next != 0 && !grew {
                if usize::try_from(next).ok() != Some(steps.len()) {
                    let found = steps.len();
                    return Err(Error::answer(format_args!("step {next} follows {found} steps")));
                }
                let mut page = self.trace_page(&asked, next).await?;
                grew = (page.count, page.step_count) != (count, step_count);
                steps.append(&mut page.steps);
                next = page.next_step;
            }
            if !grew {
                let mut trace = convert::trace_in(answer)?;
                trace.steps = steps.into_iter().map(convert::step_in).collect::<Result<_, _>>()?;
                return Ok(trace);
            }
        }
    }

    async fn trace_page(
        &self,
        asked: &pb::TraceItemRequest,
        first_step: u32,
    ) -> Result<pb::TraceItemResponse, Error> {
        let request = pb::TraceItemRequest { first_step, ..asked.clone() };
        Ok(self.client.clone().trace_item(request).await?.into_inner())
    }

    /// Makes an order of the caller's member, and returns when its first step is captured and sealed.
    ///
    /// # Errors
    ///
    /// [`Error`] with the gateway's reason; a retry with the same request id finds out what became of
    /// a retryable one.
    pub async fn create_order(
        &self,
        request_id: RequestId,
        order: Order,
    ) -> Result<OrderView, Error> {
        let Order { parcel, goods, parties, buyer } = order;
        let request = pb::CreateOrderRequest {
            request_id: Bytes::copy_from_slice(&request_id.0),
            parcel: parcel.unwrap_or_default(),
            goods: convert::journey::goods_out(goods),
            parties: Some(convert::journey::parties_out(&parties)),
            buyer: Some(convert::journey::buyer_out(&buyer)),
        };
        check_size(&request)?;
        let answer = self.client.clone().create_order(request).await?.into_inner();
        Ok(convert::journey::view_in(answer.order)?)
    }

    /// Takes the next step of a journey, which must be `expected` when it is given.
    ///
    /// # Errors
    ///
    /// [`Error`] with the gateway's reason; a retry with the same request id finds out what became of
    /// a retryable one.
    pub async fn advance(
        &self,
        request_id: RequestId,
        journey: &JourneyId,
        expected: Option<Step>,
    ) -> Result<Advanced, Error> {
        let request = pb::AdvanceJourneyRequest {
            request_id: Bytes::copy_from_slice(&request_id.0),
            journey: journey.to_string(),
            expected_step: convert::journey::expected_out(expected),
        };
        let answer = self.client.clone().advance_journey(request).await?.into_inner();
        Ok(convert::journey::advanced_in(answer)?)
    }

    /// An order as the caller's member knows it.
    ///
    /// # Errors
    ///
    /// [`Error`] with reason `JOURNEY_UNKNOWN` when the member knows of none.
    pub async fn order(&self, journey: &JourneyId) -> Result<OrderView, Error> {
        let request = pb::GetOrderRequest { journey: journey.to_string() };
        let answer = self.client.clone().get_order(request).await?.into_inner();
        Ok(convert::journey::view_in(answer.order)?)
    }

    /// The journeys that the caller's member knows, the newest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`Error`] with the gateway's reason.
    pub async fn orders(&self, limit: u32) -> Result<Vec<JourneyId>, Error> {
        let answer = self.client.clone().list_orders(pb::ListOrdersRequest { limit }).await?;
        let journeys = answer.into_inner().journeys;
        let read = |text: &String| convert::journey::journey_in("journeys", text);
        Ok(journeys.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// All that a stranger needs to verify one event.
    ///
    /// # Errors
    ///
    /// [`Error`] with reason `NOT_FOUND` when no leaf bears the commitment.
    pub async fn bundle(&self, commitment: &Commitment) -> Result<Bytes, Error> {
        let request = pb::GetBundleRequest { commitment: Bytes::copy_from_slice(&commitment.0) };
        Ok(self.client.clone().get_bundle(request).await?.into_inner().bundle)
    }

    /// How far the gateway is.
    ///
    /// # Errors
    ///
    /// [`Error`] when the gateway does not answer.
    pub async fn status(&self) -> Result<GatewayStatus, Error> {
        let request = pb::GetStatusRequest {};
        let answer = self.client.clone().get_status(request).await?.into_inner();
        Ok(GatewayStatus {
            consortium: answer.consortium,
            cursor: Height(answer.cursor),
            height: (answer.height != 0).then_some(Height(answer.height)),
            members: answer.members,
        })
    }

    /// Has the gateway build its index again, and returns the height at which it is whole.
    ///
    /// # Errors
    ///
    /// [`Error`] with the gateway's reason.
    pub async fn rebuild_index(&self) -> Result<Height, Error> {
        let request = pb::RebuildIndexRequest {};
        Ok(Height(self.client.clone().rebuild_index(request).await?.into_inner().height))
    }
}
