//! A whole body: which part carries what, sealing and opening.

use std::collections::{BTreeMap, BTreeSet};

use party::{ConsortiumId, MemberId};
use statement::{
    Commitment, Disclosure, ItemSecret, MAX_PARTS, Opened as Field, ReaderEntry, SealedBody, Seed,
    body_digest,
};

use crate::part::{Place, fields_plain, list_cbor, secret_plain};
use crate::{ContentKey, Error};

/// What one part is to carry.
#[derive(Clone, Copy, Debug)]
pub enum PartPlan<'a> {
    /// The fields of these names.
    Fields(&'a BTreeSet<String>),
    /// The fields that no other part names; in one part at most.
    Rest,
    /// An item secret, handed to the item's parties.
    Secret {
        /// The item, as canonical Digital Link or private URI.
        item: &'a str,
        /// Its secret.
        secret: &'a ItemSecret,
    },
}

/// What a part held.
#[derive(Clone, Debug)]
pub enum Opened {
    /// Some of the event's fields, checked against its commitment.
    Fields {
        /// The fields, and the list in which they stand.
        disclosure: Disclosure,
    },
    /// An item secret. Whether its id was announced, the log tells.
    Secret {
        /// The item, as canonical Digital Link or private URI.
        item: String,
        /// Its secret.
        secret: ItemSecret,
    },
}

/// Commits to an event and seals its parts, part n under key n.
///
/// The same arguments give the same bytes. Each field is in exactly one part.
///
/// # Errors
///
/// If the parts do not carry each field exactly once, or there are too many of them, or not as many
/// keys; as [`statement::commit`] if `fields` is no event's.
pub fn seal(
    consortium: &ConsortiumId,
    sealer: &MemberId,
    seed: &Seed,
    fields: &[(String, String)],
    parts: &[PartPlan<'_>],
    keys: &[ContentKey],
) -> Result<(Commitment, SealedBody), Error> {
    if parts.is_empty() || parts.len() > MAX_PARTS {
        return Err(Error::PartCount { found: parts.len(), limit: MAX_PARTS });
    }
    if parts.len() != keys.len() {
        return Err(Error::KeyCount { parts: parts.len(), keys: keys.len() });
    }
    let pairs = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let Disclosure { list, opened } = Disclosure::open(seed, pairs, |_| true)?;
    let list = Disclosure { list, opened: Vec::new() };
    let commitment = list.commitment(consortium, sealer)?;
    let list = list_cbor(&list.list);
    let homes = homes(&opened, parts)?;

    let mut sealed = Vec::with_capacity(parts.len());
    for ((part, plan), key) in (0..).zip(parts).zip(keys) {
        let plain = match plan {
            PartPlan::Fields(_) | PartPlan::Rest => {
                let mine = opened.iter().zip(&homes).filter(|(_, home)| **home == part);
                let mine: Vec<&Field> = mine.map(|(field, _)| field).collect();
                if mine.is_empty() {
                    return Err(Error::PartEmpty { part });
                }
                fields_plain(mine, &list)
            }
            PartPlan::Secret { item, secret } => secret_plain(item, secret),
        };
        let place = Place { consortium, sealer, commitment: &commitment, part };
        sealed.push(place.seal(key, &plain)?);
    }
    Ok((commitment, SealedBody { parts: sealed }))
}

/// In which part each field is.
fn homes(fields: &[Field], parts: &[PartPlan<'_>]) -> Result<Vec<u32>, Error> {
    let mut named: BTreeMap<&str, u32> = BTreeMap::new();
    let mut rest = None;
    for (part, plan) in (0..).zip(parts) {
        match plan {
            PartPlan::Fields(names) => {
                for name in *names {
                    // The fields' names are strictly increasing: the commitment was made of them.
                    if fields.binary_search_by(|field| field.name.as_str().cmp(name)).is_err() {
                        return Err(Error::FieldUnknown { part, name: name.clone() });
                    }
                    if named.insert(name, part).is_some() {
                        return Err(Error::FieldTwice { name: name.clone() });
                    }
                }
            }
            PartPlan::Rest if rest.is_some() => return Err(Error::RestTwice),
            PartPlan::Rest => rest = Some(part),
            PartPlan::Secret { .. } => {}
        }
    }
    let home = |field: &Field| {
        let home = named.get(field.name.as_str()).copied().or(rest);
        home.ok_or_else(|| Error::FieldUncovered { name: field.name.clone() })
    };
    fields.iter().map(home).collect()
}

/// Opens one part of a body whose digest the caller has checked.
///
/// # Errors
///
/// [`Error::PartUnknown`] if there is no such part; [`Error::PartMalformed`] and
/// [`Error::NotDeterministic`] if it is none of ours; [`Error::PartNotOpened`] under any other key,
/// and for a part of another body or place; [`Error::CommitmentMismatch`] if its fields are not the
/// ones that were committed to.
pub fn open(
    consortium: &ConsortiumId,
    sealer: &MemberId,
    commitment: &Commitment,
    body: &SealedBody,
    part: u32,
    key: &ContentKey,
) -> Result<Opened, Error> {
    let bytes = usize::try_from(part).ok().and_then(|place| body.parts.get(place));
    let bytes = bytes.ok_or(Error::PartUnknown { part, parts: body.parts.len() })?;
    let place = Place { consortium, sealer, commitment, part };
    let plain = place.open(key, bytes)?;
    place.read_plain(&plain)
}

/// Opens the part that an entry is about, out of a body's bytes.
///
/// # Errors
///
/// [`Error::BodyMismatch`] if the entry is about another body, else as [`open`].
pub fn open_entry(entry: &ReaderEntry, body: &[u8], key: &ContentKey) -> Result<Opened, Error> {
    if body_digest(body) != entry.body_digest {
        return Err(Error::BodyMismatch);
    }
    let body = SealedBody::decode(body)?;
    let ReaderEntry { consortium, sealer, commitment, part, .. } = entry;
    open(consortium, sealer, commitment, &body, *part, key)
}
