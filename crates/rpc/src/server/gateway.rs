//! `quayside.gateway.v1.GatewayService` over a capturer and a view.

use bytes::Bytes;
use capture::Captured;
use gs1::Item;
use party::{MemberId, Role};
use prost::Message as _;
use statement::Height;
use tonic::{Request, Response, Status};

use super::Gateway;
use super::ledger::caller;
use crate::caller::{Caller, Principal, ServiceRole, Trust};
use crate::convert;
use crate::field;
use crate::limits::{MAX_LISTED, MAX_REQUEST_BYTES, PAGE_BYTES, USUALLY_LISTED};
use crate::pb::gateway::v1 as pb;
use crate::pb::gateway::v1::gateway_service_server::GatewayService;
use crate::refusal::Refusal;

/// Bytes of an item's name: more than any GS1 key or sensible URI has.
const MAX_ITEM_BYTES: usize = 2048;

/// Answers from a gateway.
#[derive(Debug)]
pub(crate) struct GatewayFace {
    gateway: Gateway,
    trust: Trust,
}

impl GatewayFace {
    pub(crate) const fn new(gateway: Gateway, trust: Trust) -> Self {
        Self { gateway, trust }
    }

    /// The member in whose name the caller asks, when this gateway serves it.
    fn member<'a>(&self, caller: &'a Caller) -> Result<&'a MemberId, Refusal> {
        let Principal::Member(member, _) = &caller.principal else {
            let who = &caller.principal;
            let why = format!("{who} is no member, and a gateway acts for members only");
            return Err(Refusal::new("CALLER_NOT_ISSUER", why));
        };
        if self.gateway.capturer.members().any(|served| served == member) {
            return Ok(member);
        }
        let why = format!("this gateway does not act for member {member}");
        Err(Refusal::new("MEMBER_UNKNOWN", why))
    }

    /// Orders and journeys, when this gateway has any.
    fn journeys(&self) -> Result<&::gateway::Gateway, Refusal> {
        self.gateway.journeys.as_ref().ok_or_else(|| {
            Refusal::new("NO_JOURNEYS", "this gateway has no storage keys, and keeps no journeys")
        })
    }

    /// What a member has opened, when it has a desk here.
    fn book(&self, member: &MemberId) -> Option<&trace::Book> {
        self.gateway.journeys.as_ref()?.book(member)
    }

    /// Refuses a caller that may not do to the index what all its readers would feel: only the
    /// sites of the members served here, and those of them that operate the consortium, may.
    fn may_operate(&self, caller: &Caller) -> Result<(), Refusal> {
        let members = self.trust.members();
        let allowed = match &caller.principal {
            Principal::Member(..) => {
                let member = self.member(caller)?;
                members.get(member).is_some_and(|known| known.roles.contains(&Role::Operator))
            }
            Principal::Site(site, ServiceRole::Gateway) => self
                .gateway
                .capturer
                .members()
                .filter_map(|served| members.get(served))
                .any(|served| served.sites.contains(site)),
            Principal::Site(..) => false,
        };
        if allowed {
            return Ok(());
        }
        let why =
            format!("{} may not: it takes an operator, or this gateway's site", caller.principal);
        Err(Refusal::new("ROLE_MISSING", why))
    }

    /// The steps from `first` on that fit a message, and where the next page begins.
    async fn steps(
        &self,
        steps: Vec<trace::Step>,
        first: u32,
        with_bundles: bool,
        book: Option<&trace::Book>,
    ) -> Result<(Vec<pb::Step>, u32), Refusal> {
        let mut page = Page::default();
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        for (number, mut step) in steps.into_iter().enumerate().skip(first) {
            if with_bundles && step.bundle.is_none() {
                let archive = self.gateway.archive.as_ref();
                step.bundle = match self.gateway.view.bundle(&step.commitment, archive).await {
                    Ok(bundle) => Some(shown(&step, bundle, book).await?),
                    // A body that was erased leaves a step without a bundle, and closed.
                    Err(trace::Error::NotFound { .. }) => None,
                    Err(error) => return Err(error.into()),
                };
            } else if !with_bundles {
                step.bundle = None;
            }
            if !page.take(convert::step_out(step)) {
                return Ok((page.steps, u32::try_from(number).unwrap_or(u32::MAX)));
            }
        }
        Ok((page.steps, 0))
    }
}

/// A step's bundle as the member may show it: with what it has opened in the place of sealed parts.
async fn shown(
    step: &trace::Step,
    bundle: Bytes,
    book: Option<&trace::Book>,
) -> Result<Bytes, Refusal> {
    let Some(book) = book.filter(|_| step.state == trace::StepState::Opened).cloned() else {
        return Ok(bundle);
    };
    let commitment = step.commitment;
    let event = tokio::task::spawn_blocking(move || book.event(&commitment))
        .await
        .map_err(|error| Refusal::internal(format_args!("a book was not read: {error}")))??;
    match event.map(|event| trace::disclosure_bundle(&bundle, &event)) {
        Some(Ok(disclosed)) => Ok(disclosed),
        // No field of it was opened, only an item's secret.
        Some(Err(trace::Error::NotFound { .. })) | None => Ok(bundle),
        Some(Err(error)) => Err(error.into()),
    }
}

/// Refuses the view of any member but the caller's own: what was sealed to a member is for the holder
/// of its credential, and the field only says what the caller takes to be its own.
fn own_view(member: &MemberId, view_of: &str) -> Result<(), Refusal> {
    if view_of.is_empty() || field::member_id("view_of", view_of)? == *member {
        return Ok(());
    }
    let why = format!("member {member} does not get the view of member {view_of}");
    Err(Refusal::new("VIEW_NOT_YOURS", why).at("view_of"))
}

/// Steps that fit one answer.
#[derive(Default)]
struct Page {
    steps: Vec<pb::Step>,
    /// Their bytes, as they travel.
    filled: usize,
}

impl Page {
    /// Takes a step, unless it belongs on the next page.
    ///
    /// A step that is larger than a page goes without its bundle, which can be asked for by itself:
    /// an event and its proof would otherwise make an answer that no client reads.
    fn take(&mut self, mut step: pb::Step) -> bool {
        let mut bytes = travelling(&step);
        if bytes > PAGE_BYTES {
            step.bundle = Bytes::new();
            bytes = travelling(&step);
        }
        if !self.steps.is_empty() && self.filled.saturating_add(bytes) > PAGE_BYTES {
            return false;
        }
        self.filled = self.filled.saturating_add(bytes);
        self.steps.push(step);
        true
    }
}

/// Bytes of a step in an answer, with its tag and length.
fn travelling(step: &pb::Step) -> usize {
    let bytes = step.encoded_len();
    prost::length_delimiter_len(bytes).saturating_add(bytes).saturating_add(1)
}

#[tonic::async_trait]
impl GatewayService for GatewayFace {
    async fn capture_events(
        &self,
        request: Request<pb::CaptureEventsRequest>,
    ) -> Result<Response<pb::CaptureEventsResponse>, Status> {
        let caller = caller(&request)?;
        let member = self.member(&caller)?;
        let pb::CaptureEventsRequest { request_id, document } = request.into_inner();
        let request_id = field::request_id("request_id", &request_id)?;
        let document = field::bytes("document", document, MAX_REQUEST_BYTES)?;
        let captured: Captured = self
            .gateway
            .capturer
            .capture(member, request_id, document)
            .await
            .map_err(Refusal::from)?;
        Ok(Response::new(convert::captured_out(captured)))
    }

    async fn trace_item(
        &self,
        request: Request<pb::TraceItemRequest>,
    ) -> Result<Response<pb::TraceItemResponse>, Status> {
        let caller = caller(&request)?;
        let member = self.member(&caller)?;
        let asked = request.into_inner();
        let pb::TraceItemRequest { item, with_bundles, first_step, view_of } = asked;
        own_view(member, &view_of)?;
        let item = field::text("item", item, MAX_ITEM_BYTES)?;
        let item = Item::parse(&item).map_err(|error| {
            Refusal::invalid("item", format_args!("is no item's name: {error}"))
        })?;
        let archive = self.gateway.archive.as_ref();
        let view = &self.gateway.view;
        let traced = match self.book(member) {
            Some(book) => view.trace_as(book, &item, archive).await,
            None => view.trace(&item, archive).await,
        };
        let mut trace = traced.map_err(Refusal::from)?;
        let steps = std::mem::take(&mut trace.steps);
        let step_count = u32::try_from(steps.len()).unwrap_or(u32::MAX);
        if first_step > step_count {
            let why = format_args!("is {first_step}, and the trace has {step_count} steps");
            return Err(Refusal::invalid("first_step", why).into());
        }
        let (steps, next_step) =
            self.steps(steps, first_step, with_bundles, self.book(member)).await?;
        let head = convert::trace_out(trace);
        Ok(Response::new(pb::TraceItemResponse { step_count, steps, next_step, ..head }))
    }

    async fn get_bundle(
        &self,
        request: Request<pb::GetBundleRequest>,
    ) -> Result<Response<pb::GetBundleResponse>, Status> {
        self.member(&caller(&request)?)?;
        let commitment = field::commitment("commitment", &request.into_inner().commitment)?;
        let archive = self.gateway.archive.as_ref();
        let bundle = self.gateway.view.bundle(&commitment, archive).await.map_err(Refusal::from)?;
        Ok(Response::new(pb::GetBundleResponse { bundle }))
    }

    async fn get_status(
        &self,
        _: Request<pb::GetStatusRequest>,
    ) -> Result<Response<pb::GetStatusResponse>, Status> {
        // A gateway whose ledger is away still says how far it is.
        let height = self.gateway.archive.height().await.unwrap_or(Height(0));
        Ok(Response::new(pb::GetStatusResponse {
            consortium: self.trust.members().consortium().to_string(),
            cursor: self.gateway.view.cursor().0,
            height: height.0,
            members: self.gateway.capturer.members().map(ToString::to_string).collect(),
        }))
    }

    async fn rebuild_index(
        &self,
        request: Request<pb::RebuildIndexRequest>,
    ) -> Result<Response<pb::RebuildIndexResponse>, Status> {
        let caller = caller(&request)?;
        self.may_operate(&caller)?;
        let height = self.gateway.archive.height().await.map_err(Refusal::from)?;
        tracing::info!(caller = %caller.principal, height = height.0, "the index is built again on request");
        let view = self.gateway.view.clone();
        tokio::task::spawn_blocking(move || view.rebuild())
            .await
            .map_err(|error| Refusal::internal(format_args!("a rebuild failed: {error}")))?
            .map_err(Refusal::from)?;
        Ok(Response::new(pb::RebuildIndexResponse { height: height.0 }))
    }

    async fn create_order(
        &self,
        request: Request<pb::CreateOrderRequest>,
    ) -> Result<Response<pb::CreateOrderResponse>, Status> {
        let caller = caller(&request)?;
        let member = self.member(&caller)?;
        let asked = request.into_inner();
        let request_id = field::request_id("request_id", &asked.request_id)?;
        let order = convert::journey::order_in(asked)?;
        let made = self.journeys()?.create_order(member, request_id, order).await;
        let order = Some(convert::journey::view_out(made.map_err(Refusal::from)?));
        Ok(Response::new(pb::CreateOrderResponse { order }))
    }

    async fn advance_journey(
        &self,
        request: Request<pb::AdvanceJourneyRequest>,
    ) -> Result<Response<pb::AdvanceJourneyResponse>, Status> {
        let caller = caller(&request)?;
        let member = self.member(&caller)?;
        let pb::AdvanceJourneyRequest { request_id, journey, expected_step } = request.into_inner();
        let request_id = field::request_id("request_id", &request_id)?;
        let journey = convert::journey::journey_in("journey", &journey)?;
        let expected = convert::journey::expected_in("expected_step", expected_step)?;
        let advanced = self.journeys()?.advance(member, request_id, &journey, expected).await;
        let advanced = convert::journey::advanced_out(advanced.map_err(Refusal::from)?);
        Ok(Response::new(advanced))
    }

    async fn get_order(
        &self,
        request: Request<pb::GetOrderRequest>,
    ) -> Result<Response<pb::GetOrderResponse>, Status> {
        let caller = caller(&request)?;
        let member = self.member(&caller)?;
        let journey = convert::journey::journey_in("journey", &request.into_inner().journey)?;
        let order = self.journeys()?.order(member, &journey).await.map_err(Refusal::from)?;
        let order = Some(convert::journey::view_out(order));
        Ok(Response::new(pb::GetOrderResponse { order }))
    }

    async fn list_orders(
        &self,
        request: Request<pb::ListOrdersRequest>,
    ) -> Result<Response<pb::ListOrdersResponse>, Status> {
        let caller = caller(&request)?;
        let member = self.member(&caller)?;
        let limit = request.into_inner().limit;
        let limit = field::limit("limit", limit, USUALLY_LISTED, MAX_LISTED)?;
        let journeys = self.journeys()?.orders(member, limit).await.map_err(Refusal::from)?;
        let journeys = journeys.iter().map(ToString::to_string).collect();
        Ok(Response::new(pb::ListOrdersResponse { journeys }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_RESPONSE_BYTES;

    fn step(event: usize, bundle: usize) -> pb::Step {
        let (event, bundle) = ("e".repeat(event), vec![7; bundle].into());
        pb::Step { event, bundle, ..pb::Step::default() }
    }

    /// Takes steps until one belongs on the next page, and gives how many it took.
    fn taken(page: &mut Page, steps: impl IntoIterator<Item = pb::Step>) -> usize {
        steps.into_iter().take_while(|step| page.take(step.clone())).count()
    }

    #[test]
    fn a_page_of_the_largest_events_with_their_bundles_is_no_larger_than_a_page() {
        let mut page = Page::default();
        let largest = step(1 << 20, (1 << 20) + 100_000);
        assert_eq!(taken(&mut page, vec![largest; 20]), 5);
        let answer = pb::TraceItemResponse { steps: page.steps, ..Default::default() };
        assert!(answer.encoded_len() <= PAGE_BYTES);
    }

    #[test]
    fn a_step_that_fills_more_than_a_page_goes_alone_and_without_its_bundle() {
        let mut page = Page::default();
        let huge = step(15 << 20, 15 << 20);
        assert_eq!(taken(&mut page, [huge.clone(), huge]), 1);
        assert!(page.steps[0].bundle.is_empty() && !page.steps[0].event.is_empty());
        let answer = pb::TraceItemResponse { steps: page.steps, ..Default::default() };
        assert!(answer.encoded_len() < MAX_RESPONSE_BYTES);
    }
}
