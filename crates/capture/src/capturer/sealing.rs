//! The pipeline of sealed events, and of commands.

use party::MemberId;
use rayon::prelude::*;
use statement::{LeafIndex, MAX_LEAVES, MAX_TAGS_PER_CAPTURE, RequestId};

use super::{Capturer, Issuer, PARALLEL_FROM, internal};
use crate::closed::Closed;
use crate::signed::Stated;
use crate::{Captured, CapturedSealed, Error, Outcome, Recorded, SealedOutcome, ToSeal};

impl Capturer {
    /// Takes events in, sealed, and returns when the log holds them durably.
    ///
    /// The same request id with the same events, parts and secrets is answered as before, with the
    /// same bodies and content keys: a caller that lost the answer asks again.
    ///
    /// # Errors
    ///
    /// [`Error::SecretMissing`], [`Error::RestCount`], [`Error::RestInvalid`] and
    /// [`Error::Envelope`] when an event cannot be sealed as asked; otherwise as
    /// [`Capturer::capture`].
    pub async fn capture_sealed(
        &self,
        member: &MemberId,
        request_id: RequestId,
        events: Vec<ToSeal>,
    ) -> Result<CapturedSealed, Error> {
        let issuer = self.issuer(member)?;
        let keys = issuer.keys.clone();
        let seat = self.seats.acquire().await.map_err(internal)?;
        let work = move || prepare(&issuer, request_id, &events);
        let prepared = tokio::task::spawn_blocking(work).await.map_err(internal)??;
        drop(seat);

        let recorded = self.submit(member, &keys.statement, &prepared.stated).await?;
        let Recorded { index, height, repeat } = recorded;
        tracing::debug!(%member, %request_id, %index, %height, repeat, "captured sealed");
        let captured = Captured { index, height, repeat, outcomes: prepared.outcomes };
        Ok(CapturedSealed { captured, sealed: prepared.sealed })
    }

    /// Gives a command to the contract that knows `name`, and returns when the log holds it durably.
    ///
    /// The same request id with the same command is answered as before.
    ///
    /// # Errors
    ///
    /// [`Error::MemberUnknown`]; [`Error::Refused`] with the contract's or the ledger's reason;
    /// [`Error::Unavailable`].
    pub async fn command(
        &self,
        member: &MemberId,
        request_id: RequestId,
        name: &str,
        arguments: Vec<u8>,
    ) -> Result<Recorded, Error> {
        let issuer = self.issuer(member)?;
        let stated = Stated::command(request_id, name.to_owned(), arguments);
        let recorded = self.submit(member, &issuer.keys.statement, &stated).await?;
        let Recorded { index, height, repeat } = recorded;
        tracing::debug!(%member, %request_id, name, %index, %height, repeat, "commanded");
        Ok(recorded)
    }
}

/// Sealed events turned into what can be signed, and what will be told of them.
pub(crate) struct PreparedSealed {
    pub(crate) stated: Stated,
    outcomes: Vec<Outcome>,
    sealed: Vec<SealedOutcome>,
}

/// Everything between the events and the signature; computes, and waits for no network.
pub(crate) fn prepare(
    issuer: &Issuer,
    request_id: RequestId,
    events: &[ToSeal],
) -> Result<PreparedSealed, Error> {
    if events.is_empty() {
        return Err(Error::NoEvents);
    }
    let count = u32::try_from(events.len()).ok().filter(|count| *count <= MAX_LEAVES);
    let count = count.ok_or_else(|| Error::TooManyEvents {
        count: events.len(),
        limit: usize::try_from(MAX_LEAVES).unwrap_or(usize::MAX),
    })?;
    let Issuer { consortium, member, keys } = issuer;
    let close = |(place, event): (u32, &ToSeal)| {
        Closed::seal(consortium, member, keys, &request_id, place, event)
    };
    let closed: Vec<Closed> = if events.len() < PARALLEL_FROM {
        (0..count).zip(events).map(close).collect::<Result<_, _>>()?
    } else {
        (0..count).into_par_iter().zip(events).map(close).collect::<Result<_, _>>()?
    };
    let tags = closed.iter().map(|event| event.sealed.tags).sum();
    if tags > MAX_TAGS_PER_CAPTURE {
        let path = "eventList".to_owned();
        return Err(Error::TooManyTags { path, count: tags, limit: MAX_TAGS_PER_CAPTURE });
    }
    let stated = Stated::new(request_id, count, closed.iter().map(|event| &event.sealed));
    let outcome = |(place, event): (u32, &Closed)| Outcome {
        commitment: event.sealed.commitment,
        leaf_index: LeafIndex(place),
        event_id: event.sealed.event_id.clone(),
        repeated_event_id: false,
    };
    let outcomes = (0..count).zip(&closed).map(outcome).collect();
    let sealed = (0..count).zip(closed).map(|(place, event)| event.outcome(place)).collect();
    Ok(PreparedSealed { stated, outcomes, sealed })
}
