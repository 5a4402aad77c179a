//! Streams that end when the server stops, and when their caller's certificate no longer counts.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use http_body::Frame;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::body::Body;
use tonic::{Code, Status};

use crate::refusal::Refusal;

/// The body of a stream of answers.
///
/// Upon a stop it sends what is ready and ends with `SHUTTING_DOWN`, never as if all had been said.
/// Upon a revocation it ends at once: who may not begin a call may not go on with one.
pub(crate) struct Drain {
    body: Body,
    stop: CancellationToken,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
    revoked: BoxFuture<'static, Refusal>,
    ended: bool,
}

impl Drain {
    /// Lets `body` run until `stop` is cancelled or `revoked` says why it may not.
    pub(crate) fn new(
        body: Body,
        stop: CancellationToken,
        revoked: BoxFuture<'static, Refusal>,
    ) -> Self {
        let stopped = Box::pin(stop.clone().cancelled_owned());
        Self { body, stop, stopped, revoked, ended: false }
    }

    /// Ends the stream with a refusal in its trailers, and lets go of what made it.
    fn end(&mut self, refusal: Refusal) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.ended = true;
        self.body = Body::empty();
        Poll::Ready(Some(trailers(refusal).map(Frame::trailers)))
    }
}

/// The trailers of a stream that the server ends.
fn trailers(refusal: Refusal) -> Result<HeaderMap, Status> {
    let mut trailers = HeaderMap::new();
    Status::from(refusal).add_header(&mut trailers)?;
    Ok(trailers)
}

/// Whether a stream ends here without a word of what was in the way.
fn is_plain_end(frame: Option<&Result<Frame<Bytes>, Status>>) -> bool {
    match frame {
        None => true,
        Some(Ok(frame)) => frame.trailers_ref().is_some_and(|trailers| {
            Status::from_header_map(trailers).is_none_or(|status| status.code() == Code::Ok)
        }),
        Some(Err(_)) => false,
    }
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
        if let Poll::Ready(refusal) = self.revoked.as_mut().poll(cx) {
            return self.end(refusal);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            if self.stop.is_cancelled() && is_plain_end(frame.as_ref()) {
                return self.end(Refusal::stopped());
            }
            let last =
                |frame: &Result<Frame<Bytes>, Status>| !matches!(frame, Ok(f) if f.is_data());
            self.ended = frame.as_ref().is_none_or(last);
            return Poll::Ready(frame);
        }
        match self.stopped.as_mut().poll(cx) {
            Poll::Ready(()) => self.end(Refusal::stopped()),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        // Not the body's own word, which comes before it is known what the end should say.
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::FutureExt as _;
    use http_body::Body as _;

    use super::*;

    /// A body that is never out of data.
    struct Flood;

    impl http_body::Body for Flood {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"block")))))
        }
    }

    async fn next(drain: &mut Drain) -> Option<Result<Frame<Bytes>, Status>> {
        std::future::poll_fn(|cx| Pin::new(&mut *drain).poll_frame(cx)).await
    }

    async fn last_code(drain: &mut Drain) -> Code {
        let frame = next(drain).await.unwrap().unwrap();
        let code = Status::from_header_map(frame.trailers_ref().unwrap()).unwrap().code();
        assert!(next(drain).await.is_none() && drain.is_end_stream());
        code
    }

    #[tokio::test]
    async fn a_stream_that_runs_dry_while_the_server_stops_did_not_come_to_its_end() {
        let stop = CancellationToken::new();
        stop.cancel();
        let mut drain = Drain::new(Body::empty(), stop, pending().boxed());
        assert!(!drain.is_end_stream());
        assert_eq!(last_code(&mut drain).await, Code::Unavailable);
    }

    #[tokio::test]
    async fn a_stream_that_comes_to_its_end_says_nothing_more() {
        let mut drain = Drain::new(Body::empty(), CancellationToken::new(), pending().boxed());
        assert!(next(&mut drain).await.is_none());
    }

    #[tokio::test]
    async fn a_revocation_cuts_short_a_stream_that_always_has_more() {
        let refusal = Refusal::new("CERTIFICATE_REVOKED", "revoked");
        let over = ready(refusal).boxed();
        let mut drain = Drain::new(Body::new(Flood), CancellationToken::new(), over);
        assert_eq!(last_code(&mut drain).await, Code::Unauthenticated);
    }
}
