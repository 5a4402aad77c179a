//! How much a server takes on: calls, streams and bytes, in all and for each caller.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

use crate::caller::Principal;
use crate::limits::{
    MAX_BYTES, MAX_CALLER_BYTES, MAX_CALLER_CALLS, MAX_CALLER_STREAMS, MAX_CALLS, MAX_OPEN_STREAMS,
};
use crate::refusal::Refusal;

/// When to call again a server that had no place.
const PAUSE: Duration = Duration::from_millis(200);

/// When to open a stream again: a stream whose reader is gone is noticed by an unanswered probe.
const STREAM_PAUSE: Duration = Duration::from_secs(1);

/// What is under way at a server.
#[derive(Clone, Default)]
pub(crate) struct Load(Arc<Mutex<Tally>>);

#[derive(Default)]
struct Tally {
    all: Use,
    callers: BTreeMap<Principal, Use>,
}

/// What somebody uses.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Use {
    calls: usize,
    streams: usize,
    /// Bytes of requests that have come and are not done with.
    bytes: usize,
}

/// Whether an answer ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It does.
    Call,
    /// It runs until somebody leaves.
    Stream,
}

impl Load {
    /// Takes a place for a call of `caller`, free again when the last clone of it is dropped.
    pub(crate) fn take(&self, caller: &Principal, kind: Kind) -> Result<Arc<Place>, Refusal> {
        let mut tally = self.lock();
        let theirs = tally.callers.get(caller).copied().unwrap_or_default();
        let all = tally.all;
        match kind {
            Kind::Call if all.calls >= MAX_CALLS => {
                return Err(overloaded("too many calls are under way".to_owned()));
            }
            Kind::Call if theirs.calls >= MAX_CALLER_CALLS => {
                let why = format!("{caller} has {MAX_CALLER_CALLS} calls under way already");
                return Err(overloaded(why));
            }
            Kind::Stream if theirs.streams >= MAX_CALLER_STREAMS => {
                let why = format!("{caller} has {MAX_CALLER_STREAMS} streams open already");
                return Err(Refusal::new("TOO_MANY_STREAMS", why).retry_after(STREAM_PAUSE));
            }
            Kind::Stream if all.streams >= MAX_OPEN_STREAMS => {
                return Err(overloaded("too many streams are open".to_owned()));
            }
            Kind::Call | Kind::Stream => {}
        }
        tally.change(caller, |one| match kind {
            Kind::Call => one.calls = one.calls.saturating_add(1),
            Kind::Stream => one.streams = one.streams.saturating_add(1),
        });
        let (load, caller) = (self.clone(), caller.clone());
        Ok(Arc::new(Place { load, caller, kind, bytes: Mutex::new(0) }))
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn overloaded(why: String) -> Refusal {
    Refusal::new("OVERLOADED", why).retry_after(PAUSE)
}

impl Tally {
    /// Changes what `caller` uses, and what all do; who uses nothing is forgotten.
    fn change(&mut self, caller: &Principal, change: impl Fn(&mut Use)) {
        change(&mut self.all);
        let mut theirs = self.callers.remove(caller).unwrap_or_default();
        change(&mut theirs);
        if theirs != Use::default() {
            self.callers.insert(caller.clone(), theirs);
        }
    }
}

/// A call's place at a server.
pub(crate) struct Place {
    load: Load,
    caller: Principal,
    kind: Kind,
    /// Bytes charged to this call.
    bytes: Mutex<usize>,
}

impl Place {
    /// Counts bytes of the request that have come.
    fn charge(&self, more: usize) -> Result<(), Refusal> {
        let mut tally = self.load.lock();
        let theirs = tally.callers.get(&self.caller).copied().unwrap_or_default();
        if tally.all.bytes.saturating_add(more) > MAX_BYTES {
            return Err(overloaded("too many bytes of requests are under way".to_owned()));
        }
        if theirs.bytes.saturating_add(more) > MAX_CALLER_BYTES {
            let caller = &self.caller;
            let why =
                format!("{caller} has {MAX_CALLER_BYTES} bytes of requests under way already");
            return Err(overloaded(why));
        }
        tally.change(&self.caller, |one| one.bytes = one.bytes.saturating_add(more));
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        *bytes = bytes.saturating_add(more);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let bytes = *self.bytes.get_mut().unwrap_or_else(PoisonError::into_inner);
        let kind = self.kind;
        self.load.lock().change(&self.caller, |one| {
            one.bytes = one.bytes.saturating_sub(bytes);
            match kind {
                Kind::Call => one.calls = one.calls.saturating_sub(1),
                Kind::Stream => one.streams = one.streams.saturating_sub(1),
            }
        });
    }
}

/// A request's body, each byte of which is charged to the call's place.
pub(crate) struct Weighed {
    body: Body,
    place: Arc<Place>,
}

impl Weighed {
    pub(crate) const fn new(body: Body, place: Arc<Place>) -> Self {
        Self { body, place }
    }
}

impl http_body::Body for Weighed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
            && let Err(refusal) = self.place.charge(data.len())
        {
            return Poll::Ready(Some(Err(refusal.into())));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body, which keeps the call's place until it has been sent or given up.
///
/// Headers are ready long before a stream is over, and before a slow reader has taken 16 MiB.
pub(crate) struct Held {
    body: Body,
    _place: Arc<Place>,
}

impl Held {
    pub(crate) const fn new(body: Body, place: Arc<Place>) -> Self {
        Self { body, _place: place }
    }
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::ServiceRole;

    fn member(name: &str) -> Principal {
        Principal::Member(name.parse().unwrap(), ServiceRole::Client)
    }

    fn reason(refused: Result<Arc<Place>, Refusal>) -> String {
        refused.err().unwrap().reason().to_owned()
    }

    #[test]
    fn a_caller_holds_so_many_streams_and_no_more() {
        let load = Load::default();
        let (greedy, modest) = (member("greedy"), member("modest"));
        let mut open: Vec<_> =
            (0..MAX_CALLER_STREAMS).map(|_| load.take(&greedy, Kind::Stream).unwrap()).collect();
        assert_eq!(reason(load.take(&greedy, Kind::Stream)), "TOO_MANY_STREAMS");
        assert!(load.take(&greedy, Kind::Call).is_ok(), "a call is no stream");
        assert!(load.take(&modest, Kind::Stream).is_ok(), "another is not made to wait");
        drop(open.pop());
        assert_eq!(open.len(), MAX_CALLER_STREAMS - 1);
        assert!(load.take(&greedy, Kind::Stream).is_ok(), "a stream that ended counts no more");
    }

    #[test]
    fn all_callers_together_hold_so_many_streams_and_no_more() {
        let load = Load::default();
        let open: Vec<_> = (0..MAX_OPEN_STREAMS)
            .map(|at| load.take(&member(&format!("m{}", at / MAX_CALLER_STREAMS)), Kind::Stream))
            .collect();
        assert!(open.iter().all(Result::is_ok));
        assert_eq!(reason(load.take(&member("late"), Kind::Stream)), "OVERLOADED");
    }

    #[test]
    fn one_caller_does_not_take_all_the_places() {
        let load = Load::default();
        let greedy = member("greedy");
        let held: Vec<_> = (0..MAX_CALLER_CALLS).map(|_| load.take(&greedy, Kind::Call)).collect();
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(reason(load.take(&greedy, Kind::Call)), "OVERLOADED");
        assert!(load.take(&member("modest"), Kind::Call).is_ok());
    }

    #[test]
    fn the_bytes_of_requests_are_counted_until_their_calls_end() {
        let load = Load::default();
        let [first, second] = ["a", "b"].map(|name| load.take(&member(name), Kind::Call).unwrap());
        first.charge(MAX_CALLER_BYTES).unwrap();
        assert_eq!(first.charge(1).unwrap_err().reason(), "OVERLOADED", "its caller's share");
        second.charge(MAX_CALLER_BYTES).unwrap();
        let third = load.take(&member("c"), Kind::Call).unwrap();
        assert_eq!(third.charge(1).unwrap_err().reason(), "OVERLOADED", "the server's all");
        drop(first);
        third.charge(1).unwrap();
        drop((second, third));
        assert!(load.lock().callers.is_empty(), "who uses nothing is forgotten");
    }
}
