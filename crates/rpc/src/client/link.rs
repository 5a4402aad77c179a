//! A client of `quayside.keys.v1.LinkService`.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{Stream, StreamExt as _, once};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

use super::{Endpoint, Error, channel};
use crate::caller::ServiceRole;
use crate::limits::{MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES, OPENING_TIMEOUT};
use crate::link::{self, Frames, MAX_FRAME_BYTES, Pulses, TAKE_TIMEOUT};
use crate::pb::keys::v1 as pb;
use crate::pb::keys::v1::link_service_client::LinkServiceClient;

/// How long the far end may take until its driver has the stream.
const READY_TIMEOUT: Duration = OPENING_TIMEOUT.saturating_add(TAKE_TIMEOUT);

/// The key exchange at the far end of links.
#[derive(Clone)]
pub struct Link {
    url: String,
    client: LinkServiceClient<Channel>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Link {
    /// Makes a client that connects when it is first used, and again when the connection breaks.
    ///
    /// # Errors
    ///
    /// [`Error`] when the address, the certificates or the key cannot be used. That the server is no
    /// key exchange shows when it is first called.
    pub fn connect(endpoint: &Endpoint) -> Result<Self, Error> {
        let client = LinkServiceClient::new(channel(endpoint, ServiceRole::Keys)?)
            .max_decoding_message_size(MAX_RESPONSE_BYTES)
            .max_encoding_message_size(MAX_REQUEST_BYTES);
        Ok(Self { url: endpoint.url.clone(), client })
    }

    /// Opens the stream of frames of a link, and returns once the far end's driver has it.
    ///
    /// # Errors
    ///
    /// [`Error`] with reason `LINK_UNKNOWN`, `LINK_NOT_YOURS` or `LINK_BUSY`, or when the far end
    /// does not answer.
    pub async fn frames(&self, link: &str) -> Result<Frames, Error> {
        let (frames, wire) = link::frames();
        let first = pb::FramesRequest { link: link.to_owned(), frame: Bytes::new() };
        let rest = ReceiverStream::new(wire.leaving)
            .map(|frame| pb::FramesRequest { link: String::new(), frame });
        let requests = opened_by(first, rest);
        let mut answers = self.client.clone().frames(requests).await?.into_inner();
        ready(&mut answers).await?;
        tokio::spawn(pump(answers, wire.arrived));
        Ok(frames)
    }

    /// Opens the stream of pulses of a link, and returns once the far end's channel listens.
    ///
    /// # Errors
    ///
    /// [`Error`] with reason `LINK_UNKNOWN`, `LINK_NOT_YOURS` or `LINK_BUSY`, or when the far end
    /// does not answer.
    pub async fn pulses(&self, link: &str) -> Result<Pulses, Error> {
        let (sender, leaving) = link::pulses();
        let first = pb::PulsesRequest { link: link.to_owned(), pulses: Bytes::new() };
        let rest = ReceiverStream::new(leaving)
            .map(|pulses| pb::PulsesRequest { link: String::new(), pulses });
        let requests = opened_by(first, rest);
        let mut answers = self.client.clone().pulses(requests).await?.into_inner();
        ready(&mut answers).await?;
        // The requests go on while somebody waits for the answers' end, which comes with theirs.
        tokio::spawn(async move { while let Ok(Some(_)) = answers.message().await {} });
        Ok(Pulses(sender))
    }
}

/// A stream of requests whose first one says what it is about.
fn opened_by<T: Send + 'static>(
    first: T,
    rest: impl Stream<Item = T> + Send + 'static,
) -> impl Stream<Item = T> + Send + 'static {
    once(async { first }).chain(rest)
}

/// Waits for the first answer, which says that the far end's driver has the stream.
async fn ready<T>(answers: &mut Streaming<T>) -> Result<(), Error> {
    match tokio::time::timeout(READY_TIMEOUT, answers.message()).await {
        Ok(first) => first?.map(drop).ok_or_else(Error::ended),
        Err(_elapsed) => Err(Error::silent(READY_TIMEOUT)),
    }
}

/// Moves the far end's frames to the driver, until either lets go.
async fn pump(mut from: Streaming<pb::FramesResponse>, to: mpsc::Sender<Bytes>) {
    loop {
        let message = tokio::select! {
            () = to.closed() => return,
            message = from.message() => message,
        };
        match message {
            Ok(Some(message)) if (1..=MAX_FRAME_BYTES).contains(&message.frame.len()) => {
                if to.send(message.frame).await.is_err() {
                    return;
                }
            }
            Ok(Some(_)) => {
                tracing::warn!("a link's stream is ended: a frame of a forbidden size came");
                return;
            }
            Ok(None) => return,
            Err(status) => {
                let error = Error::from(status);
                tracing::debug!(%error, "a link's stream has ended");
                return;
            }
        }
    }
}
