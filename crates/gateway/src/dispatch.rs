//! From a durable plan to a captured event whose entries are in the outbox.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use capture::{CapturedSealed, PartPolicy, SealedOutcome, ToSeal};
use contracts::AnnounceSecret;
use envelope::{ContentKey, PartRef};
use epcis::Event;
use futures_util::future::try_join_all;
use party::MemberId;
use statement::hash::Context;
use statement::{ItemSecret, RequestId, Tag};
use store::crash_point;
use trace::book::{Entry, Opened};
use trace::{Announcement, SealedLeaf};

use crate::clerk::Clerk;
use crate::error::internal;
use crate::event::name;
use crate::itinerary::{BUYER_READERS, Level};
use crate::known::{Charter, found};
use crate::outbox::Sealed;
use crate::row::{Outgoing, Plan, State};
use crate::{Advanced, Error, Party, Seal, Step};

/// The request under which a secret is announced, from the one under which its event is captured.
static ANNOUNCE: Context = Context::new("gateway announce v1");

/// A part of an event, and who reads it beside the member.
struct PartOut {
    policy: PartPolicy,
    readers: Vec<MemberId>,
}

/// All that is needed to carry a plan out.
struct Job {
    step: Step,
    charter: Charter,
    event: Event,
    /// What is made and announced with this step.
    made: Option<(String, ItemSecret)>,
    secrets: BTreeMap<String, ItemSecret>,
    parts: Vec<PartOut>,
}

impl Clerk {
    /// Carries a plan out: the same plan, carried out again, gives the same event and answer.
    ///
    /// The caller has the turn of the journey, or of the order.
    pub(crate) async fn carry_out(
        self: &Arc<Self>,
        request: RequestId,
        plan: Plan,
    ) -> Result<Advanced, Error> {
        let Plan { asked, journey, step, state } = plan;
        let (event, made) = match state {
            State::Done { answer } => return Ok(answer),
            State::Planned { event, secret } => (event, secret),
        };
        let job = self.on_disk(move |clerk| clerk.job(step, &journey, &event, made)).await?;
        if let Some((item, secret)) = &job.made {
            self.announce(request, item, secret).await?;
        }
        let policies = job.parts.iter().map(|part| part.policy.clone()).collect();
        let (event, secrets) = (job.event.clone(), job.secrets.clone());
        let to_seal = ToSeal { event, parts: policies, secrets };
        let captured =
            self.house.capturer.capture_sealed(&self.member, request, vec![to_seal]).await?;
        crash_point("desk-captured");
        let CapturedSealed { captured, mut sealed } = captured;
        let outcome =
            sealed.pop().ok_or_else(|| internal("one event was captured, and none told"))?;
        self.house.reached(captured.height).await?;
        let patience = self.house.options.patience;
        let leaf = self.house.leaf(&self.member, &outcome.commitment, patience).await?;
        let (job, outcome) = (Arc::new(job), Arc::new(outcome));
        let own = (Arc::clone(&job), Arc::clone(&outcome));
        // Before the draws, which may fail for long: the member's own view lacks nothing that it stated.
        self.on_disk(move |clerk| clerk.write_own(&own.0, &leaf, &own.1)).await?;
        let sealed = self.seal(&job, &outcome).await?;
        let answer = Advanced {
            step: job.step,
            commitment: outcome.commitment,
            index: captured.index,
            height: captured.height,
            seals: sealed.iter().flat_map(seals).collect(),
        };
        let told = answer.clone();
        let rows = self
            .on_disk(move |clerk| {
                let done = Plan { asked, journey, step, state: State::Done { answer: told } };
                clerk.write_done(request, &done, &outcome, sealed)
            })
            .await?;
        // From here on the outbox sees to it that the readers get them.
        if let Err(error) = self.post(rows).await {
            let (member, reason) = (&self.member, error.reason());
            tracing::warn!(%member, %journey, %step, reason, %error, "the post waits");
            self.outbox.stirred.notify_one();
        }
        tracing::info!(member = %self.member, %journey, %step, index = %answer.index, "captured");
        Ok(answer)
    }

    /// Puts together what a plan takes; it blocks.
    fn job(
        &self,
        step: Step,
        journey: &crate::JourneyId,
        event: &str,
        made: Option<(String, ItemSecret)>,
    ) -> Result<Job, Error> {
        let (charter, secret, pallet) = if step == Step::Commission {
            let charter = Charter::of_json(&self.member, event);
            let charter = charter.ok_or_else(|| internal("the plan's event is no first event"))?;
            let made = made.as_ref().ok_or_else(|| internal("an order makes a secret"))?;
            (charter, made.1.clone(), None)
        } else {
            let known = self.known(journey)?;
            let held = known.pallet.zip(known.pallet_secret);
            let pallet = made.clone().or(held);
            if step.leg().level != Level::Parcel && pallet.is_none() {
                return Err(internal("a step with the pallet was planned without its secret"));
            }
            (known.charter, known.secret, pallet)
        };
        let event = Event::from_canonical_json(event).map_err(internal)?;
        let mut secrets = BTreeMap::new();
        for item in event.items() {
            let item = item.canonical();
            let of_pallet = pallet.as_ref().filter(|(name, _)| name == item);
            let secret = of_pallet.map_or(&secret, |(_, secret)| secret);
            secrets.insert(item.to_owned(), secret.clone());
        }
        let parts = parts(step, &charter, &self.member, &secret, pallet.as_ref())?;
        Ok(Job { step, charter, event, made, secrets, parts })
    }

    /// Lets the log know a secret's id, before anything is tagged with the secret.
    async fn announce(
        &self,
        request: RequestId,
        item: &str,
        secret: &ItemSecret,
    ) -> Result<(), Error> {
        let (secret_id, tag) = (secret.id(), Tag::keyed(secret, item));
        let arguments = AnnounceSecret { secret_id, tag, predecessor: None }.encode();
        let mut id = [0; 16];
        id.iter_mut().zip(ANNOUNCE.hash(&request.0)).for_each(|(to, from)| *to = from);
        let name = AnnounceSecret::NAME;
        let capturer = &self.house.capturer;
        let announced = capturer.command(&self.member, RequestId(id), name, arguments).await;
        match announced {
            Ok(_) => Ok(()),
            // It was announced so long ago that the ledger has forgotten the request.
            Err(capture::Error::Refused { reason, .. }) if reason == "SECRET_KNOWN" => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Seals every part for its readers: one draw for each reader, all at once.
    async fn seal(
        &self,
        job: &Job,
        outcome: &SealedOutcome,
    ) -> Result<Vec<(MemberId, Sealed)>, Error> {
        let mut by_reader: BTreeMap<&MemberId, Vec<(PartRef, ContentKey)>> = BTreeMap::new();
        for ((part, key), number) in job.parts.iter().zip(&outcome.content_keys).zip(0..) {
            for reader in &part.readers {
                let parts = by_reader.entry(reader).or_default();
                parts.push((outcome.part(number), key.clone()));
            }
        }
        let draws = by_reader.into_iter().map(|(reader, parts)| async move {
            Ok((reader.clone(), self.seal_for(reader, 1, &parts).await?))
        });
        try_join_all(draws).await
    }

    /// Writes the member's own event into its own book, whole; it blocks.
    fn write_own(
        &self,
        job: &Job,
        leaf: &SealedLeaf,
        outcome: &SealedOutcome,
    ) -> Result<(), Error> {
        let body = statement::SealedBody::decode(&outcome.body).map_err(internal)?;
        let mut entries = Vec::with_capacity(outcome.content_keys.len());
        for (key, part) in outcome.content_keys.iter().zip(0..) {
            let house = &self.house;
            let opened = envelope::open(
                &house.consortium,
                &self.member,
                &outcome.commitment,
                &body,
                part,
                key,
            );
            let opened = match opened.map_err(internal)? {
                envelope::Opened::Fields { disclosure } => Opened::Fields(disclosure),
                envelope::Opened::Secret { item, secret } => {
                    let announced = self.announcement(&secret, &item, leaf)?;
                    Opened::Secret { item, secret, announced }
                }
            };
            entries.push(Entry::new(leaf, part, key.clone(), opened));
        }
        tracing::trace!(member = %self.member, journey = %job.charter.journey, "own event kept");
        Ok(self.book.put_all(entries)?)
    }

    /// The announcement that a secret needs before it is used; it blocks.
    ///
    /// # Errors
    ///
    /// [`Error::SecretNotAnnounced`] when there is none for this item, or it came later.
    pub(crate) fn announcement(
        &self,
        secret: &ItemSecret,
        item: &str,
        leaf: &SealedLeaf,
    ) -> Result<Announcement, Error> {
        let announced = self.house.announced(&secret.id())?;
        announced
            .filter(|said| said.fits(secret, item) && said.height <= leaf.height)
            .ok_or_else(|| Error::SecretNotAnnounced { item: item.to_owned() })
    }

    /// Writes the entries into the outbox, and the plan as done; it blocks.
    fn write_done(
        &self,
        request: RequestId,
        done: &Plan,
        outcome: &SealedOutcome,
        sealed: Vec<(MemberId, Sealed)>,
    ) -> Result<Vec<Outgoing>, Error> {
        let mut rows = Vec::new();
        for (_, Sealed { entries, source, .. }) in sealed {
            for entry in entries {
                let part = usize::try_from(entry.part).map_err(internal)?;
                let key = outcome.content_keys.get(part);
                let content_key = key.ok_or_else(|| internal("a part has no key"))?.clone();
                let (journey, step, source) = (done.journey, done.step, source.clone());
                let (times, posted) = (1, false);
                rows.push(Outgoing { entry, content_key, journey, step, source, times, posted });
            }
        }
        let mut held = self.outbox.hold();
        let mut changes = self.shelf.changes();
        for row in &rows {
            changes.outgoing(row);
        }
        if done.step == Step::Commission {
            let event = self.book.event(&outcome.commitment)?;
            let first = event.as_ref().and_then(found);
            changes.found(&first.ok_or_else(|| internal("the first event is not in the book"))?);
        }
        changes.plan(&request, done);
        changes.write()?;
        for row in &rows {
            self.waits(&mut held, row);
        }
        Ok(rows)
    }
}

/// The name by which turns at a plan are taken: an order has no journey before it is planned.
pub(crate) fn turn_of(plan: &Plan, request: RequestId) -> Vec<u8> {
    match plan.step {
        Step::Commission => request.0.to_vec(),
        _ => plan.journey.as_bytes().to_vec(),
    }
}

/// What is told of the seals for one reader.
fn seals((reader, sealed): &(MemberId, Sealed)) -> Vec<Seal> {
    let seal = |entry: &statement::ReaderEntry| Seal {
        reader: reader.clone(),
        part: entry.part,
        source: sealed.source.clone(),
        passed_over: sealed.passed_over.clone(),
    };
    sealed.entries.iter().map(seal).collect()
}

/// Which parts a step's event has, and who reads each.
fn parts(
    step: Step,
    charter: &Charter,
    me: &MemberId,
    secret: &ItemSecret,
    pallet: Option<&(String, ItemSecret)>,
) -> Result<Vec<PartOut>, Error> {
    let readers = |parties: &[Party]| -> Vec<MemberId> {
        let members = parties.iter().map(|party| charter.parties.member(&charter.seller, *party));
        members.filter(|member| *member != me).cloned().collect()
    };
    let mut parts = vec![PartOut { policy: PartPolicy::Rest, readers: readers(step.readers()) }];
    if step == Step::Commission {
        let buyer = PartPolicy::Fields(BTreeSet::from([name::BUYER.to_owned()]));
        parts.push(PartOut { policy: buyer, readers: readers(&BUYER_READERS) });
        let (item, secret) = (charter.parcel.clone(), secret.clone());
        let policy = PartPolicy::Secret { item, secret };
        parts.push(PartOut { policy, readers: readers(&Party::ALL) });
    }
    let heirs = readers(step.pallet_secret_to());
    if !heirs.is_empty() {
        let (item, secret) = pallet
            .cloned()
            .ok_or_else(|| internal("the pallet's secret is to be handed over, and not held"))?;
        parts.push(PartOut { policy: PartPolicy::Secret { item, secret }, readers: heirs });
    }
    Ok(parts)
}
