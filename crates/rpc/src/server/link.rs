//! `quayside.keys.v1.LinkService` over the ports of the links that end here.

use std::collections::BTreeMap;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::stream::{Stream, StreamExt as _, once};
use party::SiteId;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::ledger::caller;
use crate::caller::{Caller, Principal, ServiceRole};
use crate::limits::OPENING_TIMEOUT;
use crate::link::{self, MAX_FRAME_BYTES, MAX_PULSES_BYTES, Port, TAKE_TIMEOUT};
use crate::pb::keys::v1 as pb;
use crate::pb::keys::v1::link_service_server::LinkService;
use crate::refusal::Refusal;

/// Hands the streams that the far ends of links open to the links' drivers.
#[derive(Debug)]
pub(crate) struct LinkFace {
    ports: BTreeMap<String, Port>,
}

impl LinkFace {
    pub(crate) fn new(ports: impl IntoIterator<Item = Port>) -> Self {
        Self { ports: ports.into_iter().map(|port| (port.link().to_owned(), port)).collect() }
    }

    /// The site that calls, when a link from here ends there. It is asked before a byte is read.
    fn far_site<'a>(&self, caller: &'a Caller) -> Result<&'a SiteId, Refusal> {
        match &caller.principal {
            Principal::Site(site, ServiceRole::Keys)
                if self.ports.values().any(|port| port.far() == site) =>
            {
                Ok(site)
            }
            who => {
                let why = format!("{who} runs no key exchange at the far end of a link from here");
                Err(Refusal::new("LINK_NOT_YOURS", why))
            }
        }
    }

    /// The port of the link that a far site names.
    fn port(&self, link: &str, far: &SiteId) -> Result<&Port, Refusal> {
        let port = self.ports.get(link).ok_or_else(|| {
            Refusal::new("LINK_UNKNOWN", format!("no link of the id `{link}` ends here")).at("link")
        })?;
        if port.far() == far {
            return Ok(port);
        }
        let why = format!("link {link} ends at site {}, not at {far}", port.far());
        Err(Refusal::new("LINK_NOT_YOURS", why).at("link"))
    }
}

/// The first message of a stream, which must not be long in coming.
async fn opening<T>(stream: &mut Streaming<T>) -> Result<T, Status> {
    match tokio::time::timeout(OPENING_TIMEOUT, stream.message()).await {
        Ok(first) => first?.ok_or_else(|| Refusal::missing("link").into()),
        Err(_elapsed) => {
            let why = format!("the stream said nothing for {} s", OPENING_TIMEOUT.as_secs());
            Err(Refusal::new("TIMED_OUT", why).into())
        }
    }
}

fn not_taken(port: &Port) -> Refusal {
    let why = format!("the driver of link {} takes no stream now", port.link());
    Refusal::new("LINK_BUSY", why).retry_after(TAKE_TIMEOUT)
}

/// What a message of a stream carries, when it is in order.
fn checked(link: &str, what: Bytes, path: &str, limit: usize) -> Result<Bytes, Refusal> {
    if !link.is_empty() {
        return Err(Refusal::invalid("link", "belongs in the first message only"));
    }
    crate::field::bytes(path, what, limit)
}

/// Moves what comes over the connection to the driver, until either lets go.
///
/// What a stranger would send wrongly, the far site's own service sends only when it is broken: the
/// stream ends, as it does when the connection breaks, and the ends begin anew.
async fn pump<T>(
    mut from: Streaming<T>,
    to: mpsc::Sender<Bytes>,
    over: CancellationToken,
    read: impl Fn(T) -> Result<Bytes, Refusal>,
) {
    loop {
        let message = tokio::select! {
            () = over.cancelled() => return,
            () = to.closed() => return,
            message = from.message() => message,
        };
        let Ok(Some(message)) = message else { return };
        match read(message) {
            Ok(bytes) => {
                if to.send(bytes).await.is_err() {
                    return;
                }
            }
            Err(refusal) => {
                let why = refusal.into_message();
                tracing::warn!(%why, "a link's stream is ended: the far end sent what it must not");
                return;
            }
        }
    }
}

/// The messages that go back over the connection.
type Back<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl LinkService for LinkFace {
    type FramesStream = Back<pb::FramesResponse>;
    type PulsesStream = Back<pb::PulsesResponse>;

    async fn frames(
        &self,
        request: Request<Streaming<pb::FramesRequest>>,
    ) -> Result<Response<Self::FramesStream>, Status> {
        let caller = caller(&request)?;
        let far = self.far_site(&caller)?;
        let mut stream = request.into_inner();
        let link = opening(&mut stream).await?.link;
        let port = self.port(&link, far)?;
        let (frames, wire) = link::frames();
        if !port.offer_frames(frames).await {
            return Err(not_taken(port).into());
        }
        let over = CancellationToken::new();
        let guard = over.clone().drop_guard();
        let read = |message: pb::FramesRequest| {
            checked(&message.link, message.frame, "frame", MAX_FRAME_BYTES)
        };
        tokio::spawn(pump(stream, wire.arrived, over, read));
        let first = once(async { Ok(pb::FramesResponse::default()) });
        let rest = ReceiverStream::new(wire.leaving).map(move |frame| {
            // The pump stops when this stream is dropped.
            let _held = &guard;
            Ok(pb::FramesResponse { frame })
        });
        Ok(Response::new(first.chain(rest).boxed()))
    }

    async fn pulses(
        &self,
        request: Request<Streaming<pb::PulsesRequest>>,
    ) -> Result<Response<Self::PulsesStream>, Status> {
        let caller = caller(&request)?;
        let far = self.far_site(&caller)?;
        let mut stream = request.into_inner();
        let link = opening(&mut stream).await?.link;
        let port = self.port(&link, far)?;
        let (arrived, arriving) = link::pulses();
        if !port.offer_pulses(arriving).await {
            return Err(not_taken(port).into());
        }
        let over = CancellationToken::new();
        let guard = over.clone().drop_guard();
        let read = |message: pb::PulsesRequest| {
            checked(&message.link, message.pulses, "pulses", MAX_PULSES_BYTES)
        };
        let first = once(async { Ok(pb::PulsesResponse::default()) });
        // Nothing more is said, and the answer ends when the pulses do.
        let done = CancellationToken::new();
        let finished = done.clone().drop_guard();
        let rest = once(async move {
            let _held = guard;
            done.cancelled().await;
        });
        let rest = rest.filter_map(|()| async { None });
        tokio::spawn(async move {
            pump(stream, arrived, over, read).await;
            drop(finished);
        });
        Ok(Response::new(first.chain(rest).boxed()))
    }
}
