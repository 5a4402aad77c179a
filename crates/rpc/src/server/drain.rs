//! Streams that end when the server stops.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;
use tonic::body::Body;

use crate::refusal::Refusal;

/// The body of a stream of answers: it ends with `SHUTTING_DOWN` once the server stops and nothing
/// that was ready is left unsent.
pub(crate) struct Drain {
    body: Body,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
    ended: bool,
}

impl Drain {
    /// Lets `body` run until `stop` is cancelled.
    pub(crate) fn new(body: Body, stop: CancellationToken) -> Self {
        Self { body, stop: Box::pin(stop.cancelled_owned()), ended: false }
    }
}

/// The trailers of a stream that the server ends.
fn farewell() -> Result<HeaderMap, Status> {
    let mut trailers = HeaderMap::new();
    Status::from(Refusal::stopped()).add_header(&mut trailers)?;
    Ok(trailers)
}

impl http_body::Body for Drain {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        match self.stop.as_mut().poll(cx) {
            Poll::Ready(()) => {
                self.ended = true;
                Poll::Ready(Some(farewell().map(Frame::trailers)))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }
}
