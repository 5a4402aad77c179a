//! What every call passes before and after its handler: identity, load, panics, time, and the
//! details that a refusal of tonic's own lacks.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use http::{Request, Response};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::drain::Drain;
use super::load::{Held, Kind, Load, Weighed};
use crate::caller::{Caller, Trust};
use crate::limits::CALL_TIMEOUT;
use crate::refusal::Refusal;

/// Paths of services that any holder of a valid certificate of the consortium may call.
const OPEN_TO_ALL: &str = "/grpc.";

/// The calls that stream until somebody leaves.
const STREAMS: [&str; 7] = [
    "/quayside.ledger.v1.LedgerService/Follow",
    "/quayside.ledger.v1.LedgerService/FollowReaderEntries",
    "/quayside.keys.v1.KeysService/WatchLinks",
    "/quayside.keys.v1.LinkService/Frames",
    "/quayside.keys.v1.LinkService/Pulses",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
];

/// The calls whose requests stream too. What has come of them is not counted until they end, as it
/// is of a request that has an end: the far end is made to wait while the link's driver is behind, so
/// no more of it is held than the windows and the driver's queue have room for.
const LINK: &str = "/quayside.keys.v1.LinkService/";

/// When to call again a server that had no time.
const PAUSE: Duration = Duration::from_millis(200);

/// Wraps all services of a server.
#[derive(Clone)]
pub(crate) struct Guard {
    trust: Trust,
    load: Load,
    stop: CancellationToken,
}

impl Guard {
    /// Guards for these parties; streams end when `stop` is cancelled.
    pub(crate) fn new(trust: Trust, stop: CancellationToken) -> Self {
        Self { trust, load: Load::default(), stop }
    }

    /// Finds out who calls, before a byte of the message is read.
    fn admit<B>(&self, request: &mut Request<B>) -> Result<Caller, Refusal> {
        let certificates = request
            .extensions()
            .get::<TlsConnectInfo<TcpConnectInfo>>()
            .and_then(TlsConnectInfo::peer_certs);
        let certificate =
            certificates.as_ref().and_then(|chain| chain.first()).ok_or_else(|| {
                Refusal::new("CERTIFICATE_INVALID", "the connection has no client certificate")
            })?;
        let caller = self.trust.identify(certificate)?;
        if !request.uri().path().starts_with(OPEN_TO_ALL) {
            self.trust.admit(&caller)?;
        }
        request.extensions_mut().insert(caller.clone());
        Ok(caller)
    }

    /// A stream that ends with the server, and with its caller's certificate.
    fn drained(&self, body: Body, caller: &Caller) -> Body {
        let revoked = self.trust.until_revoked(caller.serial.clone()).boxed();
        Body::new(Drain::new(body, self.stop.clone(), revoked))
    }
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { guard: self.clone(), inner }
    }
}

/// A service behind a [`Guard`].
#[derive(Clone)]
pub(crate) struct Guarded<S> {
    guard: Guard,
    inner: S,
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let guard = self.guard.clone();
        // The service that was polled ready is the one to call; its clone waits for the next call.
        let spare = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, spare);
        Box::pin(async move {
            let caller = match guard.admit(&mut request) {
                Ok(caller) => caller,
                Err(refusal) => return Ok(Status::from(refusal).into_http()),
            };
            let path = request.uri().path().to_owned();
            let streams = STREAMS.contains(&path.as_str());
            let kind = if streams { Kind::Stream } else { Kind::Call };
            let place = match guard.load.take(&caller.principal, kind) {
                Ok(place) => place,
                Err(refusal) => return Ok(Status::from(refusal).into_http()),
            };
            let weighed = |body| {
                if path.starts_with(LINK) {
                    return body;
                }
                Body::new(Weighed::new(body, Arc::clone(&place)))
            };
            let handled = ready.call(request.map(weighed));
            let response = shielded(CALL_TIMEOUT, &path, handled).await;
            Ok(response.map(|body| {
                // A refusal is all headers, and has no end that could be put differently.
                let runs = streams && !http_body::Body::is_end_stream(&body);
                let body = if runs { guard.drained(body, &caller) } else { body };
                Body::new(Held::new(body, place))
            }))
        })
    }
}

/// Runs a handler, and answers in its place when it panics or takes too long.
async fn shielded(
    limit: Duration,
    path: &str,
    handler: impl Future<Output = Result<Response<Body>, Infallible>>,
) -> Response<Body> {
    match tokio::time::timeout(limit, AssertUnwindSafe(handler).catch_unwind()).await {
        Ok(Ok(Ok(response))) => with_details(response),
        Ok(Ok(Err(never))) => match never {},
        Ok(Err(_panic)) => {
            let fault = Refusal::internal(format_args!("the handler of {path} panicked"));
            Status::from(fault).into_http()
        }
        Err(_elapsed) => {
            let late = format!("the answer was not ready within {} s", limit.as_secs());
            Status::from(Refusal::new("TIMED_OUT", late).retry_after(PAUSE)).into_http()
        }
    }
}

/// Gives the details of the house to a refusal that has none, because tonic made it.
fn with_details(response: Response<Body>) -> Response<Body> {
    match Status::from_header_map(response.headers()) {
        Some(status) if status.code() != Code::Ok && status.details().is_empty() => {
            Status::from(in_our_words(&status)).into_http()
        }
        _ => response,
    }
}

/// Says in the words of the house what tonic refused.
fn in_our_words(status: &Status) -> Refusal {
    let message = status.message();
    match status.code() {
        Code::OutOfRange => Refusal::new("REQUEST_TOO_LARGE", message),
        Code::Internal if is_theirs(message) => Refusal::new("MESSAGE_MALFORMED", message),
        Code::Unimplemented if message.is_empty() => {
            Refusal::new("METHOD_UNKNOWN", "this server has no such service or method")
        }
        Code::Unimplemented => Refusal::new("METHOD_UNKNOWN", message),
        Code::NotFound => Refusal::new("NOT_FOUND", message),
        Code::Cancelled => Refusal::new("CANCELLED", message),
        Code::DeadlineExceeded => Refusal::new("TIMED_OUT", message),
        Code::ResourceExhausted => Refusal::new("OVERLOADED", message),
        Code::InvalidArgument => Refusal::new("FIELD_INVALID", message),
        code => Refusal::internal(format_args!("{code:?} without a reason: {message}")),
    }
}

/// Whether tonic calls an error internal that lies in the bytes that the caller sent.
fn is_theirs(message: &str) -> bool {
    ["failed to decode Protobuf", "Unexpected EOF", "protocol error", "Missing request"]
        .iter()
        .any(|start| message.starts_with(start))
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt as _;

    use super::*;

    fn read(response: &Response<Body>) -> (Code, String) {
        let status = Status::from_header_map(response.headers()).unwrap();
        let info = status.get_error_details().error_info().cloned().unwrap();
        assert_eq!(info.domain, "quayside");
        (status.code(), info.reason)
    }

    fn after(status: Status) -> (Code, String) {
        read(&with_details(status.into_http()))
    }

    /// Runs a handler with a short limit.
    async fn run(
        handler: impl Future<Output = Result<Response<Body>, Infallible>>,
    ) -> Response<Body> {
        shielded(Duration::from_millis(20), "/x", handler).await
    }

    #[tokio::test]
    async fn a_handler_that_panics_is_answered_for() {
        let response = run(async { panic!("a bug") }).await;
        assert_eq!(read(&response), (Code::Internal, "INTERNAL".to_owned()));
    }

    #[tokio::test]
    async fn a_handler_that_takes_too_long_is_given_up() {
        let response = run(std::future::pending()).await;
        assert_eq!(read(&response), (Code::DeadlineExceeded, "TIMED_OUT".to_owned()));
    }

    #[test]
    fn tonics_own_refusals_get_a_reason() {
        let (code, reason) = after(Status::out_of_range(
            "Error, decoded message length too large: found 104857600 bytes",
        ));
        assert_eq!((code, reason.as_str()), (Code::ResourceExhausted, "REQUEST_TOO_LARGE"));
        let (code, reason) =
            after(Status::internal("failed to decode Protobuf message: invalid wire type"));
        assert_eq!((code, reason.as_str()), (Code::InvalidArgument, "MESSAGE_MALFORMED"));
        let (code, reason) = after(Status::unimplemented(""));
        assert_eq!((code, reason.as_str()), (Code::Unimplemented, "METHOD_UNKNOWN"));
        let (code, reason) = after(Status::unknown("surprise"));
        assert_eq!((code, reason.as_str()), (Code::Internal, "INTERNAL"));
    }

    #[test]
    fn a_refusal_of_ours_passes_untouched() {
        let (code, reason) = after(Refusal::new("NOT_FOUND", "there is no such thing").into());
        assert_eq!((code, reason.as_str()), (Code::NotFound, "NOT_FOUND"));
    }
}
