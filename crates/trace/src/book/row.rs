//! The rows of a book, before they are encrypted.

use minicbor::{Decoder, Encoder};
use party::MemberId;
use statement::{Commitment, Disclosure, Height, ItemSecret, LeafIndex, LogIndex, Position};
use zeroize::Zeroizing;

use super::{Entry, Finding, Opened, PassedOver};
use crate::record::Garbled;
use crate::{Alert, Announcement};
use envelope::ContentKey;

/// The version with which every row begins.
const VERSION: u8 = 1;

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;
type Writer = Encoder<Vec<u8>>;

/// Writes a row into a buffer that is wiped; `room` is enough for all of it, lest it grow and leave
/// a copy behind.
fn written(room: usize, write: impl FnOnce(&mut Writer) -> Written) -> Zeroizing<Vec<u8>> {
    let mut to = Encoder::new(Vec::with_capacity(room));
    if let Err(error) = write(&mut to) {
        unreachable!("a vector takes all bytes: {error}");
    }
    Zeroizing::new(to.into_writer())
}

fn begin(from: &mut Decoder<'_>, count: u64) -> Result<(), Garbled> {
    if from.array()? == Some(count) && from.u8()? == VERSION { Ok(()) } else { Err(Garbled) }
}

fn fixed<const N: usize>(from: &mut Decoder<'_>) -> Result<[u8; N], Garbled> {
    from.bytes()?.try_into().map_err(|_| Garbled)
}

fn member(from: &mut Decoder<'_>) -> Result<MemberId, Garbled> {
    from.str()?.parse().map_err(|_| Garbled)
}

/// Whose book it is, and the key of its lookups: CBOR [1, member, lookup key].
pub(super) struct Head {
    pub(super) member: MemberId,
    pub(super) lookup: Zeroizing<[u8; 32]>,
}

impl Head {
    pub(super) fn new(member: MemberId) -> Self {
        let mut lookup = Zeroizing::new([0; 32]);
        rand::Rng::fill_bytes(&mut rand::rng(), &mut *lookup);
        Self { member, lookup }
    }

    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        written(128, |to| {
            to.array(3)?.u8(VERSION)?.str(self.member.as_str())?.bytes(&*self.lookup)?.ok()
        })
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Garbled> {
        let mut from = Decoder::new(bytes);
        begin(&mut from, 3)?;
        Ok(Self { member: member(&mut from)?, lookup: Zeroizing::new(fixed(&mut from)?) })
    }
}

/// What was opened of a part: CBOR [1, commitment, log index, leaf index, issuer, height, block
/// time, part, content key, sealed with, [[source, reason], ...], opened], where opened is
/// [disclosure] or [item, secret, announcement].
pub(super) struct Row {
    pub(super) entry: Entry,
}

impl Row {
    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let Entry { opened, sealed_with, passed_over, .. } = &self.entry;
        let disclosed = match opened {
            Opened::Fields(disclosure) => Zeroizing::new(disclosure.encode()),
            Opened::Secret { .. } => Zeroizing::default(),
        };
        let item = if let Opened::Secret { item, .. } = opened { item.len() } else { 0 };
        let passed: usize =
            passed_over.iter().map(|one| 32 + one.source.len() + one.reason.len()).sum();
        written(640 + disclosed.len() + item + sealed_with.len() + passed, |to| {
            self.write(to, &disclosed)
        })
    }

    fn write(&self, to: &mut Writer, disclosed: &[u8]) -> Written {
        let entry = &self.entry;
        to.array(12)?.u8(VERSION)?.bytes(&entry.commitment.0)?;
        to.u64(entry.position.index.0)?.u32(entry.position.leaf.0)?;
        to.str(entry.issuer.as_str())?.u64(entry.height.0)?.i64(entry.block_time_ms)?;
        to.u32(entry.part)?.bytes(entry.content_key.as_bytes())?.str(&entry.sealed_with)?;
        to.array(u64::try_from(entry.passed_over.len()).unwrap_or(u64::MAX))?;
        for PassedOver { source, reason } in &entry.passed_over {
            to.array(2)?.str(source)?.str(reason)?;
        }
        match &entry.opened {
            Opened::Fields(_) => to.array(1)?.bytes(disclosed)?.ok(),
            Opened::Secret { item, secret, announced } => {
                to.array(3)?.str(item)?.bytes(secret.as_bytes())?.bytes(&announced.encode())?.ok()
            }
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Garbled> {
        let mut from = Decoder::new(bytes);
        begin(&mut from, 12)?;
        let commitment = Commitment(fixed(&mut from)?);
        let (index, leaf) = (LogIndex(from.u64()?), LeafIndex(from.u32()?));
        let issuer = member(&mut from)?;
        let (height, block_time_ms) = (Height(from.u64()?), from.i64()?);
        let part = from.u32()?;
        let content_key = ContentKey::from_bytes(fixed(&mut from)?);
        let sealed_with = from.str()?.to_owned();
        let mut passed_over = Vec::new();
        for _ in 0..from.array()?.ok_or(Garbled)? {
            from.array()?;
            let (source, reason) = (from.str()?.to_owned(), from.str()?.to_owned());
            passed_over.push(PassedOver { source, reason });
        }
        let opened = match from.array()? {
            Some(1) => Opened::Fields(Disclosure::decode(from.bytes()?).map_err(|_| Garbled)?),
            Some(3) => Opened::Secret {
                item: from.str()?.to_owned(),
                secret: ItemSecret::from_bytes(fixed(&mut from)?),
                announced: Announcement::decode(from.bytes()?)?,
            },
            _ => return Err(Garbled),
        };
        let position = Position { index, leaf };
        let entry = Entry {
            commitment,
            position,
            issuer,
            height,
            block_time_ms,
            part,
            content_key,
            opened,
            sealed_with,
            passed_over,
        };
        Ok(Self { entry })
    }
}

/// An item's secret: CBOR [1, secret, announcement, who handed it over first, commitment of that
/// event]; rows of the edition before lack the last two.
#[derive(Clone, Debug)]
pub(crate) struct Secret {
    pub(crate) secret: ItemSecret,
    pub(crate) announced: Announcement,
    /// Who handed it over first, and in which event.
    pub(crate) handed: Option<(MemberId, Commitment)>,
}

impl Secret {
    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let count = if self.handed.is_some() { 5 } else { 3 };
        written(448, |to| {
            to.array(count)?.u8(VERSION)?.bytes(self.secret.as_bytes())?;
            to.bytes(&self.announced.encode())?;
            if let Some((by, commitment)) = &self.handed {
                to.str(by.as_str())?.bytes(&commitment.0)?;
            }
            Ok(())
        })
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Garbled> {
        let mut from = Decoder::new(bytes);
        let count = from.array()?.filter(|count| matches!(count, 3 | 5)).ok_or(Garbled)?;
        if from.u8()? != VERSION {
            return Err(Garbled);
        }
        let secret = ItemSecret::from_bytes(fixed(&mut from)?);
        let announced = Announcement::decode(from.bytes()?)?;
        let handed = match count {
            3 => None,
            _ => Some((member(&mut from)?, Commitment(fixed(&mut from)?))),
        };
        Ok(Self { secret, announced, handed })
    }
}

impl Finding {
    /// CBOR [1, log index, leaf index, height, issuer, commitment, reason, detail].
    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        written(256 + self.detail.len(), |to| {
            to.array(8)?.u8(VERSION)?.u64(self.position.index.0)?.u32(self.position.leaf.0)?;
            to.u64(self.height.0)?.str(self.issuer.as_str())?.bytes(&self.commitment.0)?;
            to.u8(self.reason.code())?.str(&self.detail)?.ok()
        })
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Garbled> {
        let mut from = Decoder::new(bytes);
        begin(&mut from, 8)?;
        let position = Position { index: LogIndex(from.u64()?), leaf: LeafIndex(from.u32()?) };
        Ok(Self {
            position,
            height: Height(from.u64()?),
            issuer: member(&mut from)?,
            commitment: Commitment(fixed(&mut from)?),
            reason: Alert::of(from.u8()?)?.ok_or(Garbled)?,
            detail: from.str()?.to_owned(),
        })
    }
}
