//! From a checked event to a sealed body, with keyed and marked tags.

use std::collections::BTreeSet;

use envelope::{ContentKey, PartPlan};
use epcis::Event;
use party::{ConsortiumId, MemberId};
use statement::{Digest, ItemSecret, Leaf, LeafIndex, Mark, RequestId, Seed, Tag, body_digest};

use crate::sealed::Sealed;
use crate::to_seal::{PartPolicy, SealedOutcome, ToSeal};
use crate::{Checked, Error, Keys};

/// An event sealed, and what its sealer keeps to hand it to readers.
pub(crate) struct Closed {
    pub(crate) sealed: Sealed,
    pub(crate) leaf: Leaf,
    pub(crate) body_digest: Digest,
    pub(crate) content_keys: Vec<ContentKey>,
}

impl Closed {
    /// Checks that every reader will be able to check the event, commits to it, seals its parts,
    /// and keys and marks its tags.
    pub(crate) fn seal(
        consortium: &ConsortiumId,
        issuer: &MemberId,
        keys: &Keys,
        request_id: &RequestId,
        place: u32,
        event: &ToSeal,
    ) -> Result<Self, Error> {
        let checked = Checked::check(&event.event, place)?;
        let tags = keyed(event, place)?;
        check_rest(event, &checked, place)?;

        let json = checked.json();
        let seed = Seed::derive(&keys.seed, request_id, place, json);
        let content_keys: Vec<ContentKey> = (0..)
            .zip(&event.parts)
            .map(|(part, _)| ContentKey::derive(&keys.seed, request_id, place, part, json))
            .collect();
        let plans: Vec<PartPlan<'_>> = event.parts.iter().map(plan).collect();
        let (commitment, body) =
            envelope::seal(consortium, issuer, &seed, &checked.fields, &plans, &content_keys)
                .map_err(|why| Error::Envelope { path: path(place), why })?;
        let body = body.encode();
        let body_digest = body_digest(&body);
        let mark =
            |(tag, secret)| (tag, Some(Mark::new(secret, consortium, issuer, &commitment, &tag)));
        let tags: Vec<(Tag, Option<Mark>)> = tags.into_iter().map(mark).collect();
        let leaf = Leaf::new(commitment, body_digest, tags)?;
        let sealed = Sealed {
            event_id: checked.event_id,
            commitment,
            tags: leaf.tags.len(),
            leaf: leaf.encode().into(),
            body: body.into(),
        };
        Ok(Self { sealed, leaf, body_digest, content_keys })
    }

    /// What the sealer is told of it.
    pub(crate) fn outcome(self, place: u32) -> SealedOutcome {
        SealedOutcome {
            commitment: self.sealed.commitment,
            leaf_index: LeafIndex(place),
            body: self.sealed.body,
            body_digest: self.body_digest,
            content_keys: self.content_keys,
            leaf: self.leaf,
        }
    }
}

/// The keyed tags of the event's items, each with the secret under which it stands.
fn keyed(event: &ToSeal, place: u32) -> Result<Vec<(Tag, &ItemSecret)>, Error> {
    let items = event.event.items();
    let secret =
        |item: &str| event.secrets.get(item).map(|secret| (Tag::keyed(secret, item), secret));
    let tags: Vec<_> = items.iter().filter_map(|item| secret(item.canonical())).collect();
    if tags.len() < items.len() {
        // Which items these are is what the caller wants to hide, so no message says it.
        let missing = items.len() - tags.len();
        return Err(Error::SecretMissing { path: path(place), missing });
    }
    Ok(tags)
}

/// Checks that the part with the rest is by itself a valid event that names the same items: its
/// readers check its tags against them.
fn check_rest(event: &ToSeal, checked: &Checked, place: u32) -> Result<(), Error> {
    let rests = event.parts.iter().filter(|part| matches!(part, PartPolicy::Rest)).count();
    if rests != 1 {
        return Err(Error::RestCount { path: path(place), count: rests });
    }
    let elsewhere: BTreeSet<&str> = event.parts.iter().flat_map(named).collect();
    if elsewhere.is_empty() {
        return Ok(());
    }
    let rest = checked.fields.iter().filter(|(name, _)| !elsewhere.contains(name.as_str()));
    let rest = rest.map(|(name, value)| (name.as_str(), value.as_str()));
    let envelope = |why| Error::Envelope { path: path(place), why };
    let json = envelope::partial_json(rest).map_err(envelope)?;
    let rest = Event::from_canonical_json(&json)
        .map_err(|why| Error::RestInvalid { path: path(place), why: why.message })?;
    if rest.items() == event.event.items() {
        Ok(())
    } else {
        let why = "an identifier is in another part".to_owned();
        Err(Error::RestInvalid { path: path(place), why })
    }
}

/// The fields that a part names.
fn named(part: &PartPolicy) -> impl Iterator<Item = &str> {
    let names = match part {
        PartPolicy::Fields(names) => Some(names),
        PartPolicy::Rest | PartPolicy::Secret { .. } => None,
    };
    names.into_iter().flatten().map(String::as_str)
}

fn plan(part: &PartPolicy) -> PartPlan<'_> {
    match part {
        PartPolicy::Fields(names) => PartPlan::Fields(names),
        PartPolicy::Rest => PartPlan::Rest,
        PartPolicy::Secret { item, secret } => PartPlan::Secret { item, secret },
    }
}

fn path(place: u32) -> String {
    format!("eventList[{place}]")
}
