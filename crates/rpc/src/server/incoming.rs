//! The accept path: connections with `TCP_NODELAY`, counted, that can be cut.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::StreamExt as _;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::{Connected, TcpConnectInfo, TcpIncoming};

use crate::limits::{KEEPALIVE_INTERVAL, MAX_CONNECTIONS};

/// How long to wait after a failed accept: out of file descriptors does not pass in a hurry.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The listener's connections, at most [`MAX_CONNECTIONS`] at a time; all of them break when `cut`
/// is cancelled.
pub(crate) fn incoming(
    listener: TcpListener,
    cut: CancellationToken,
) -> impl Stream<Item = io::Result<Line>> + Send + Unpin {
    // Without TCP_NODELAY a call takes 44 ms: Nagle's algorithm waits for the delayed ACK.
    let accepted = TcpIncoming::from(listener)
        .with_nodelay(Some(true))
        .with_keepalive(Some(KEEPALIVE_INTERVAL));
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    Box::pin(unfold((accepted, places, cut), |(mut accepted, places, cut)| async move {
        let place = Arc::clone(&places).acquire_owned().await.ok()?;
        loop {
            match accepted.next().await? {
                Ok(stream) => {
                    let line = Line::new(stream, place, &cut);
                    return Some((Ok(line), (accepted, places, cut)));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }))
}

/// A connection that breaks when it is told to.
///
/// tonic waits for its connections without end, and aborting its future does not end them: a peer
/// that never reads would keep the process up.
pub(crate) struct Line {
    stream: TcpStream,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: OwnedSemaphorePermit,
}

impl Line {
    fn new(stream: TcpStream, place: OwnedSemaphorePermit, cut: &CancellationToken) -> Self {
        Self { stream, cut: Box::pin(cut.clone().cancelled_owned()), _place: place }
    }

    /// Fails once the line is cut, and wakes the task when that happens later.
    fn poll_cut(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl Connected for Line {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_cut(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_cut(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_cut(cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_cut(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_cut(cx)?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    async fn accepted(cut: &CancellationToken) -> (Line, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut incoming = incoming(listener, cut.clone());
        let (line, peer) = tokio::join!(incoming.next(), TcpStream::connect(address));
        (line.unwrap().unwrap(), peer.unwrap())
    }

    #[tokio::test]
    async fn an_accepted_connection_sends_without_delay() {
        let (line, _peer) = accepted(&CancellationToken::new()).await;
        assert!(line.stream.nodelay().unwrap(), "every call would take 44 ms");
    }

    #[tokio::test]
    async fn a_cut_line_ends_a_read_that_waits() {
        let cut = CancellationToken::new();
        let (mut line, _peer) = accepted(&cut).await;
        let read = tokio::spawn(async move { line.read_u8().await });
        tokio::task::yield_now().await;
        cut.cancel();
        let error = read.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }
}
