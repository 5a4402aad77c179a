//! The rows of a desk: deterministic CBOR, version first, encrypted by whoever keeps them.

use std::convert::Infallible;

use envelope::ContentKey;
use keys::PassedOver;
use minicbor::{Decoder, Encoder};
use party::MemberId;
use statement::{Commitment, Digest, Height, ItemSecret, LogIndex, ReaderEntry};
use zeroize::Zeroizing;

use crate::error::internal;
use crate::{Advanced, Error, JourneyId, Seal, Step};

/// The version of every row.
const VERSION: u8 = 1;

/// What was planned for a request, or came of it.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Of what was asked, so that another question under the same id is refused.
    pub(crate) asked: Digest,
    pub(crate) journey: JourneyId,
    pub(crate) step: Step,
    pub(crate) state: State,
}

/// How far a plan is.
#[derive(Debug)]
pub(crate) enum State {
    /// Nothing is known to have been sent.
    Planned {
        /// The event as canonical JSON.
        event: Zeroizing<String>,
        /// The item whose secret is made with this step, and the secret.
        secret: Option<(String, ItemSecret)>,
    },
    /// It is captured, and its entries are in the outbox.
    Done {
        /// What is answered.
        answer: Advanced,
    },
}

/// Where a journey's first event is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) journey: JourneyId,
    pub(crate) commitment: Commitment,
    pub(crate) index: LogIndex,
    pub(crate) parcel: String,
}

/// An entry that was not acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) entry: ReaderEntry,
    /// What it wraps, to be wrapped again.
    pub(crate) content_key: ContentKey,
    pub(crate) journey: JourneyId,
    pub(crate) step: Step,
    pub(crate) source: String,
    /// How often it was sealed, from 1.
    pub(crate) times: u32,
    /// Whether the post is known to have it.
    pub(crate) posted: bool,
}

/// An entry that is yet to be opened, confirmed and removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Incoming {
    pub(crate) entry: ReaderEntry,
}

/// Something off about an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) reason: String,
    /// Who is named as its sealer.
    pub(crate) sealer: MemberId,
    pub(crate) commitment: Commitment,
    pub(crate) part: u32,
    /// In words, without anything that was sealed.
    pub(crate) detail: String,
}

type Written = Result<(), minicbor::encode::Error<Infallible>>;

/// Writes a row; its room is reserved, for a buffer that grows leaves copies of secrets behind.
fn encode(room: usize, write: impl FnOnce(&mut Encoder<Vec<u8>>) -> Written) -> Zeroizing<Vec<u8>> {
    let mut to = Encoder::new(Vec::with_capacity(room));
    if let Err(error) = write(&mut to) {
        unreachable!("a vector takes all bytes: {error}");
    }
    Zeroizing::new(to.into_writer())
}

/// Why a row could not be read: this program did not write it.
struct Garbled;

impl From<minicbor::decode::Error> for Garbled {
    fn from(_: minicbor::decode::Error) -> Self {
        Self
    }
}

impl From<Garbled> for Error {
    fn from(_: Garbled) -> Self {
        internal("the desk holds what this program did not write")
    }
}

/// Starts to read a row of `count` elements after the version.
fn begin(bytes: &[u8], count: u64) -> Result<Decoder<'_>, Garbled> {
    let mut from = Decoder::new(bytes);
    if from.array()? != Some(count + 1) || from.u8()? != VERSION {
        return Err(Garbled);
    }
    Ok(from)
}

fn fixed<const N: usize>(from: &mut Decoder<'_>) -> Result<[u8; N], Garbled> {
    from.bytes()?.try_into().map_err(|_| Garbled)
}

fn journey(from: &mut Decoder<'_>) -> Result<JourneyId, Garbled> {
    Ok(JourneyId::from_bytes(fixed(from)?))
}

fn step(from: &mut Decoder<'_>) -> Result<Step, Garbled> {
    Step::at(from.u8()?).ok_or(Garbled)
}

fn count(from: &mut Decoder<'_>) -> Result<u64, Garbled> {
    from.array()?.ok_or(Garbled)
}

fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

pub(crate) mod head {
    //! Whose desk it is, and the key of its lookups.

    use party::MemberId;

    use super::{Error, Garbled, VERSION, Zeroizing, begin, fixed};

    /// CBOR [1, member, lookup key].
    pub(crate) fn encode(member: &MemberId, lookup: &[u8; 32]) -> Zeroizing<Vec<u8>> {
        super::encode(128, |to| {
            to.array(3)?.u8(VERSION)?.str(member.as_str())?.bytes(lookup)?;
            Ok(())
        })
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<(MemberId, Zeroizing<[u8; 32]>), Error> {
        let read = || {
            let mut from = begin(bytes, 2)?;
            let member = from.str()?.parse().map_err(|_| Garbled)?;
            Ok::<_, Garbled>((member, Zeroizing::new(fixed(&mut from)?)))
        };
        Ok(read()?)
    }
}

impl Plan {
    /// Whether nothing is left to do for it.
    pub(crate) const fn is_finished(&self) -> bool {
        matches!(&self.state, State::Done { .. })
    }

    /// CBOR [1, asked, journey, step, 0, event, null or [item, secret]], or [1, asked, journey,
    /// step, 1, [commitment, index, height, seals], null].
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let room = match &self.state {
            State::Planned { event, secret } => {
                event.len() + secret.as_ref().map_or(0, |(item, _)| item.len() + 64)
            }
            // It holds no secret any more.
            State::Done { .. } => 1_024,
        };
        encode(room + 128, |to| {
            to.array(7)?.u8(VERSION)?.bytes(&self.asked)?.bytes(self.journey.as_bytes())?;
            to.u8(self.step.number())?;
            match &self.state {
                State::Planned { event, secret } => {
                    to.u8(0)?.str(event)?;
                    match secret {
                        Some((item, secret)) => {
                            to.array(2)?.str(item)?.bytes(secret.as_bytes())?;
                        }
                        None => {
                            to.null()?;
                        }
                    }
                }
                State::Done { answer } => {
                    to.u8(1)?.array(4)?.bytes(&answer.commitment.0)?.u64(answer.index.0)?;
                    to.u64(answer.height.0)?;
                    write_seals(to, &answer.seals)?;
                    to.null()?;
                }
            }
            Ok(())
        })
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self::read(bytes)?)
    }

    fn read(bytes: &[u8]) -> Result<Self, Garbled> {
        let mut from = begin(bytes, 6)?;
        let asked = fixed(&mut from)?;
        let (journey, step) = (journey(&mut from)?, step(&mut from)?);
        let state = match from.u8()? {
            0 => {
                let event = Zeroizing::new(from.str()?.to_owned());
                let secret = if from.datatype()? == minicbor::data::Type::Null {
                    None
                } else {
                    from.array()?;
                    let item = from.str()?.to_owned();
                    Some((item, ItemSecret::from_bytes(fixed(&mut from)?)))
                };
                State::Planned { event, secret }
            }
            1 => {
                from.array()?;
                let commitment = Commitment(fixed(&mut from)?);
                let (index, height) = (LogIndex(from.u64()?), Height(from.u64()?));
                let seals = read_seals(&mut from)?;
                let answer = Advanced { step, commitment, index, height, seals };
                State::Done { answer }
            }
            _ => return Err(Garbled),
        };
        Ok(Self { asked, journey, step, state })
    }
}

/// [[reader, part, source, [[source, reason], ...]], ...].
fn write_seals(to: &mut Encoder<Vec<u8>>, seals: &[Seal]) -> Written {
    to.array(length(seals.len()))?;
    for seal in seals {
        to.array(4)?.str(seal.reader.as_str())?.u32(seal.part)?.str(&seal.source)?;
        to.array(length(seal.passed_over.len()))?;
        for passed in &seal.passed_over {
            to.array(2)?.str(&passed.source)?.str(&passed.reason)?;
        }
    }
    Ok(())
}

fn read_seals(from: &mut Decoder<'_>) -> Result<Vec<Seal>, Garbled> {
    let mut seals = Vec::new();
    for _ in 0..count(from)? {
        from.array()?;
        let reader = from.str()?.parse().map_err(|_| Garbled)?;
        let (part, source) = (from.u32()?, from.str()?.to_owned());
        let mut passed_over = Vec::new();
        for _ in 0..count(from)? {
            from.array()?;
            let (source, reason) = (from.str()?.to_owned(), from.str()?.to_owned());
            passed_over.push(PassedOver { source, reason });
        }
        seals.push(Seal { reader, part, source, passed_over });
    }
    Ok(seals)
}

impl Found {
    /// CBOR [1, journey, commitment, index, parcel].
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        encode(self.parcel.len() + 96, |to| {
            to.array(5)?.u8(VERSION)?.bytes(self.journey.as_bytes())?;
            to.bytes(&self.commitment.0)?.u64(self.index.0)?.str(&self.parcel)?;
            Ok(())
        })
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let read = || {
            let mut from = begin(bytes, 4)?;
            let journey = journey(&mut from)?;
            let commitment = Commitment(fixed(&mut from)?);
            let (index, parcel) = (LogIndex(from.u64()?), from.str()?.to_owned());
            Ok::<_, Garbled>(Self { journey, commitment, index, parcel })
        };
        Ok(read()?)
    }
}

impl Outgoing {
    /// CBOR [1, entry, content key, journey, step, source, times, posted].
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let entry = self.entry.encode();
        encode(entry.len() + self.source.len() + 128, |to| {
            to.array(8)?.u8(VERSION)?.bytes(&entry)?.bytes(self.content_key.as_bytes())?;
            to.bytes(self.journey.as_bytes())?.u8(self.step.number())?.str(&self.source)?;
            to.u32(self.times)?.bool(self.posted)?;
            Ok(())
        })
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let read = || {
            let mut from = begin(bytes, 7)?;
            let entry = ReaderEntry::decode(from.bytes()?).map_err(|_| Garbled)?;
            let content_key = ContentKey::from_bytes(fixed(&mut from)?);
            let (journey, step) = (journey(&mut from)?, step(&mut from)?);
            let source = from.str()?.to_owned();
            let (times, posted) = (from.u32()?, from.bool()?);
            Ok::<_, Garbled>(Self { entry, content_key, journey, step, source, times, posted })
        };
        Ok(read()?)
    }
}

impl Incoming {
    /// CBOR [1, entry].
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let entry = self.entry.encode();
        encode(entry.len() + 16, |to| {
            to.array(2)?.u8(VERSION)?.bytes(&entry)?;
            Ok(())
        })
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let read = || {
            let mut from = begin(bytes, 1)?;
            let entry = ReaderEntry::decode(from.bytes()?).map_err(|_| Garbled)?;
            Ok::<_, Garbled>(Self { entry })
        };
        Ok(read()?)
    }
}

impl Complaint {
    /// CBOR [1, reason, sealer, commitment, part, detail].
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        encode(self.reason.len() + self.detail.len() + 160, |to| {
            to.array(6)?.u8(VERSION)?.str(&self.reason)?.str(self.sealer.as_str())?;
            to.bytes(&self.commitment.0)?.u32(self.part)?.str(&self.detail)?;
            Ok(())
        })
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let read = || {
            let mut from = begin(bytes, 5)?;
            let reason = from.str()?.to_owned();
            let sealer = from.str()?.parse().map_err(|_| Garbled)?;
            let commitment = Commitment(fixed(&mut from)?);
            let (part, detail) = (from.u32()?, from.str()?.to_owned());
            Ok::<_, Garbled>(Self { reason, sealer, commitment, part, detail })
        };
        Ok(read()?)
    }
}
