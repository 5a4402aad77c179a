//! What the index keeps of one leaf.

use minicbor::{Decoder, Encoder};
use party::MemberId;
use statement::{Commitment, Height, LeafIndex, LogIndex, Mark, Position};

use crate::Alert;

/// The version of everything in the index; another means: rebuild from zero.
pub(crate) const VERSION: u8 = 2;

/// Leaves with their places, in log order.
pub(crate) type Leaves = Vec<Found>;

/// A leaf as it was found under a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) position: Position,
    /// The mark beside the tag; an open tag has none.
    pub(crate) mark: Option<Mark>,
    pub(crate) record: Record,
}

/// One leaf of the record, verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) issuer: MemberId,
    pub(crate) commitment: Commitment,
    pub(crate) height: Height,
    pub(crate) block_time_ms: i64,
    /// What its body says; `None` where the body is not here.
    pub(crate) told: Option<Told>,
    pub(crate) alert: Option<Alert>,
}

/// What an open body says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) json: String,
    pub(crate) event_time_ms: i64,
    /// For an aggregation that loads or unloads: what it does to whom.
    pub(crate) bond: Option<Bond>,
}

/// A loading into a container, or an unloading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bond {
    pub(crate) container: String,
    pub(crate) loads: bool,
    /// Whether it names nothing but the container: then it unloads all that is in it.
    pub(crate) all: bool,
}

impl Alert {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::TagsMismatch => 1,
            Self::CommitmentMismatch => 2,
            Self::BodyMalformed => 3,
            Self::MarkInvalid => 4,
            Self::TagForeign => 5,
            Self::TagMissing => 6,
            Self::SecretDecoy => 7,
            Self::OpenBond => 8,
            Self::SecretForeign => 9,
            Self::TimeAhead => 10,
        }
    }

    pub(crate) fn of(code: u8) -> Result<Option<Self>, Garbled> {
        if code == 0 {
            return Ok(None);
        }
        Self::ALL.into_iter().find(|alert| alert.code() == code).map(Some).ok_or(Garbled)
    }
}

/// The index holds bytes that this program did not write.
#[derive(Debug)]
pub(crate) struct Garbled;

impl From<minicbor::decode::Error> for Garbled {
    fn from(_: minicbor::decode::Error) -> Self {
        Self
    }
}

impl Record {
    /// CBOR [2, issuer, commitment, height, block time, alert, told], where alert is 0 for none, told
    /// is null or [json, event time, bond], and bond is null or [container, loads, all].
    pub(crate) fn encode(&self) -> Vec<u8> {
        let json_len = self.told.as_ref().map_or(0, |told| told.json.len());
        let mut to = Encoder::new(Vec::with_capacity(160 + json_len));
        if let Err(error) = self.write(&mut to) {
            unreachable!("a vector takes all bytes: {error}");
        }
        to.into_writer()
    }

    fn write(
        &self,
        to: &mut Encoder<Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        to.array(7)?.u8(VERSION)?.str(self.issuer.as_str())?.bytes(&self.commitment.0)?;
        to.u64(self.height.0)?.i64(self.block_time_ms)?.u8(self.alert.map_or(0, Alert::code))?;
        let Some(told) = &self.told else {
            to.null()?;
            return Ok(());
        };
        to.array(3)?.str(&told.json)?.i64(told.event_time_ms)?;
        match &told.bond {
            None => to.null()?,
            Some(bond) => to.array(3)?.str(&bond.container)?.bool(bond.loads)?.bool(bond.all)?,
        };
        Ok(())
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Garbled> {
        let mut from = Decoder::new(bytes);
        if from.array()? != Some(7) || from.u8()? != VERSION {
            return Err(Garbled);
        }
        let issuer = from.str()?.parse().map_err(|_| Garbled)?;
        let commitment = Commitment(from.bytes()?.try_into().map_err(|_| Garbled)?);
        let height = Height(from.u64()?);
        let (block_time_ms, alert) = (from.i64()?, Alert::of(from.u8()?)?);
        let told = if null(&mut from)? { None } else { Some(Told::read(&mut from)?) };
        Ok(Self { issuer, commitment, height, block_time_ms, told, alert })
    }
}

impl Told {
    fn read(from: &mut Decoder<'_>) -> Result<Self, Garbled> {
        from.array()?;
        let (json, event_time_ms) = (from.str()?.to_owned(), from.i64()?);
        let bond = if null(from)? {
            None
        } else {
            from.array()?;
            let container = from.str()?.to_owned();
            Some(Bond { container, loads: from.bool()?, all: from.bool()? })
        };
        Ok(Self { json, event_time_ms, bond })
    }
}

/// Skips a null, and tells whether there was one.
fn null(from: &mut Decoder<'_>) -> Result<bool, Garbled> {
    let is = from.datatype()? == minicbor::data::Type::Null;
    if is {
        from.null()?;
    }
    Ok(is)
}

/// A position as a key: 12 bytes that sort as positions do.
pub(crate) fn position_key(position: Position) -> [u8; 12] {
    let mut key = [0; 12];
    let (index, leaf) = key.split_at_mut(8);
    index.copy_from_slice(&position.index.0.to_be_bytes());
    leaf.copy_from_slice(&position.leaf.0.to_be_bytes());
    key
}

/// The inverse of [`position_key`].
pub(crate) fn position_of(key: &[u8]) -> Result<Position, Garbled> {
    let (index, leaf) = key.split_first_chunk::<8>().ok_or(Garbled)?;
    let leaf: [u8; 4] = leaf.try_into().map_err(|_| Garbled)?;
    Ok(Position {
        index: LogIndex(u64::from_be_bytes(*index)),
        leaf: LeafIndex(u32::from_be_bytes(leaf)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(told: Option<Told>) -> Record {
        Record {
            issuer: "zj-merchant".parse().unwrap(),
            commitment: Commitment([7; 32]),
            height: Height(9),
            block_time_ms: -1,
            told,
            alert: Some(Alert::TagsMismatch),
        }
    }

    #[test]
    fn a_record_comes_back_as_it_was_kept() {
        let bond = Bond { container: "urn:x:pallet".into(), loads: true, all: false };
        let told = |bond| Told { json: "{}".into(), event_time_ms: 5, bond };
        for told in [None, Some(told(None)), Some(told(Some(bond)))] {
            let record = record(told);
            assert_eq!(Record::decode(&record.encode()).unwrap(), record);
        }
    }

    #[test]
    fn torn_and_foreign_bytes_are_no_record() {
        let bytes = record(Some(Told { json: "{}".into(), event_time_ms: 5, bond: None })).encode();
        for end in 0..bytes.len() {
            assert!(Record::decode(&bytes[..end]).is_err(), "cut at {end}");
        }
        let mut later = bytes;
        later[1] = VERSION + 1;
        assert!(Record::decode(&later).is_err(), "a later version");
    }

    #[test]
    fn position_keys_sort_as_positions_do() {
        let position = |index, leaf| Position { index: LogIndex(index), leaf: LeafIndex(leaf) };
        let positions = [position(0, 0), position(0, 256), position(1, 0), position(256, 1)];
        let keys = positions.map(position_key);
        assert!(keys.is_sorted());
        for (key, position) in keys.iter().zip(positions) {
            assert_eq!(position_of(key).unwrap(), position);
        }
        assert!(position_of(&[0; 11]).is_err());
    }
}
