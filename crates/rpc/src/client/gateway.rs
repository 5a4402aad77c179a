//! A client of `quayside.gateway.v1`.

use std::fmt;

use bytes::Bytes;
use capture::Captured;
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

    /// Traces an item; with `with_bundles`, each step carries its proof.
    ///
    /// A long trace comes in several answers. When it grew between two of them, what the first
    /// answer said of completeness no longer holds for all, and the trace is asked for again.
    ///
    /// # Errors
    ///
    /// [`Error`] with the gateway's reason.
    pub async fn trace(&self, item: &str, with_bundles: bool) -> Result<Trace, Error> {
        loop {
            let mut answer = self.trace_page(item, with_bundles, 0).await?;
            let (count, step_count) = (answer.count, answer.step_count);
            let mut steps = std::mem::take(&mut answer.steps);
            let mut next = answer.next_step;
            let mut grew = false;
            while next != 0 && !grew {
                if usize::try_from(next).ok() != Some(steps.len()) {
                    let found = steps.len();
                    return Err(Error::answer(format_args!("step {next} follows {found} steps")));
                }
                let mut page = self.trace_page(item, with_bundles, next).await?;
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
        item: &str,
        with_bundles: bool,
        first_step: u32,
    ) -> Result<pb::TraceItemResponse, Error> {
        let view_of = String::new();
        let request =
            pb::TraceItemRequest { item: item.to_owned(), with_bundles, first_step, view_of };
        Ok(self.client.clone().trace_item(request).await?.into_inner())
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
