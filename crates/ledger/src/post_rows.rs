//! How reader entries lie in the store.

use minicbor::{Decoder, Encoder};
use party::MemberId;
use statement::{Commitment, Digest, ReaderEntry};

use crate::Error;
use crate::post::EntryKey;

/// What became of an entry last: CBOR [1, sequence, sealer, entry id, entry or null, remover or
/// null], of which one is null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PostRow {
    /// The number of the notice that tells of it.
    pub(crate) sequence: u64,
    pub(crate) sealer: MemberId,
    /// Which entry it is, or was: the same one put again changes nothing.
    pub(crate) id: Digest,
    pub(crate) now: Now,
}

/// Whether an entry is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Now {
    Put(Box<ReaderEntry>),
    Removed { by: MemberId },
}

type Malformed = minicbor::decode::Error;

impl PostRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1_024);
        let done = self.write(&mut Encoder::new(&mut bytes));
        assert!(done.is_ok(), "a vector takes every byte that CBOR gives it");
        bytes
    }

    fn write(
        &self,
        out: &mut Encoder<&mut Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<core::convert::Infallible>> {
        out.array(6)?.u64(1)?.u64(self.sequence)?.str(self.sealer.as_str())?.bytes(&self.id)?;
        match &self.now {
            Now::Put(entry) => out.bytes(&entry.encode())?.null()?.ok(),
            Now::Removed { by } => out.null()?.str(by.as_str())?.ok(),
        }
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut row = Decoder::new(bytes);
        let read = Self::read(&mut row).map_err(|error| damaged(&error.to_string()))?;
        // One encoding for each row, so that nothing hides in another.
        if read.encode() == bytes { Ok(read) } else { Err(damaged("a row is not in its encoding")) }
    }

    fn read(row: &mut Decoder<'_>) -> Result<Self, Malformed> {
        if row.array()? != Some(6) || row.u64()? != 1 {
            return Err(Malformed::message("not a reader entry's row of version 1"));
        }
        let (sequence, sealer) = (row.u64()?, member(row)?);
        let id = row.bytes()?.try_into();
        let id = id.map_err(|_| Malformed::message("an entry's id has 32 bytes"))?;
        let now = if row.datatype()? == minicbor::data::Type::Null {
            row.null()?;
            Now::Removed { by: member(row)? }
        } else {
            let entry = ReaderEntry::decode(row.bytes()?);
            row.null()?;
            let wrong = |_| Malformed::message("its reader entry is malformed");
            Now::Put(Box::new(entry.map_err(wrong)?))
        };
        Ok(Self { sequence, sealer, id, now })
    }
}

fn member(row: &mut Decoder<'_>) -> Result<MemberId, Malformed> {
    row.str()?.parse().map_err(|_| Malformed::message("a name that no member can have"))
}

/// The key of an entry's row: commitment, part, reader.
pub(crate) fn row_key(key: &EntryKey) -> Vec<u8> {
    [&key.commitment.0[..], &key.part.to_be_bytes(), key.reader.as_str().as_bytes()].concat()
}

pub(crate) fn decode_row_key(bytes: &[u8]) -> Result<EntryKey, Error> {
    let read = || {
        let (commitment, rest) = bytes.split_first_chunk::<32>()?;
        let (part, reader) = rest.split_first_chunk::<4>()?;
        let reader = std::str::from_utf8(reader).ok()?.parse().ok()?;
        let (commitment, part) = (Commitment(*commitment), u32::from_be_bytes(*part));
        Some(EntryKey { commitment, part, reader })
    };
    read().ok_or_else(|| damaged("the key of a row is malformed"))
}

/// The key under which a member finds a notice: no member's id has a zero byte in it.
pub(crate) fn notice_key(member: &MemberId, sequence: u64) -> Vec<u8> {
    [member.as_str().as_bytes(), &[0], &sequence.to_be_bytes()].concat()
}

pub(crate) fn sequence_of(notice_key: &[u8]) -> Result<u64, Error> {
    let sequence = notice_key.last_chunk::<8>();
    sequence
        .map(|bytes| u64::from_be_bytes(*bytes))
        .ok_or_else(|| damaged("a notice has no number"))
}

pub(crate) fn damaged(what: &str) -> Error {
    Error::Damaged { what: what.to_owned(), place: "reader entries".to_owned() }
}

#[cfg(test)]
mod tests {
    use party::KeyId;

    use super::*;

    fn rows() -> [PostRow; 2] {
        let (sealer, reader): (MemberId, MemberId) =
            ("zj-merchant".parse().unwrap(), "cn-customs".parse().unwrap());
        let entry = ReaderEntry {
            consortium: "demo".parse().unwrap(),
            commitment: Commitment([1; 32]),
            body_digest: [2; 32],
            part: 3,
            sealer: sealer.clone(),
            reader: reader.clone(),
            reader_key: KeyId([4; 16]),
            handle: vec![5; 40],
            mac: [6; 32],
            wrapped: [7; 48],
            signature: [8; 64],
        };
        [Now::Put(Box::new(entry)), Now::Removed { by: reader }].map(|now| PostRow {
            sequence: 1 << 40,
            sealer: sealer.clone(),
            id: [9; 32],
            now,
        })
    }

    #[test]
    fn a_row_comes_back_as_it_was_written_and_nothing_else_does() {
        for row in rows() {
            let bytes = row.encode();
            assert_eq!(PostRow::decode(&bytes), Ok(row));
            for cut in 0..bytes.len() {
                assert!(PostRow::decode(&bytes[..cut]).is_err(), "cut at {cut}");
            }
            assert!(PostRow::decode(&[&bytes[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn keys_sort_by_member_and_then_by_number() {
        let [a, b]: [MemberId; 2] = ["a", "a-"].map(|id| id.parse().unwrap());
        assert!(notice_key(&a, u64::MAX) < notice_key(&b, 0));
        assert!(notice_key(&a, 255) < notice_key(&a, 256));
        assert_eq!(sequence_of(&notice_key(&b, 77)), Ok(77));
        assert!(sequence_of(b"short").is_err());
        let key = EntryKey { commitment: Commitment([1; 32]), part: 7, reader: b };
        assert_eq!(decode_row_key(&row_key(&key)), Ok(key));
        assert!(decode_row_key(&[1; 36]).is_err());
    }
}
