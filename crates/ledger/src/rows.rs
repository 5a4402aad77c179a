//! What lies in the store, as bytes.

use bytes::Bytes;
use merkle::{Digest, Frontier, Rfc9162Sha256};
use minicbor::{Decoder, Encoder};
use statement::{Header, Height, LeafIndex, LogIndex, Position, PositionHash};

use crate::Error;

type Read<T> = Result<T, minicbor::decode::Error>;

/// The end of the log and of the state: all that executing the next block starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tip {
    pub(crate) height: Height,
    pub(crate) hash: Digest,
    pub(crate) time_ms: i64,
    pub(crate) log: Frontier<Rfc9162Sha256>,
    pub(crate) state_root: Digest,
    pub(crate) members: Digest,
    /// The last row of the expiry family that left it; those before it have left too.
    pub(crate) expired: Vec<u8>,
}

/// A block without its entries: CBOR [1, header, certificate, first index, count].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlockRow {
    pub(crate) header: Header,
    pub(crate) certificate: Bytes,
    pub(crate) first: LogIndex,
    pub(crate) count: u64,
}

/// A committed request: CBOR [1, subject, index, height, leaves, last height]. It is a value of the
/// state, and counts for nothing above its last height, though it may stay there for some blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestRow {
    pub(crate) subject: Digest,
    pub(crate) index: LogIndex,
    pub(crate) height: Height,
    pub(crate) leaves: u32,
    pub(crate) last_height: Height,
}

/// Encoding into memory cannot fail; the type says so to the compiler.
fn written(
    write: impl FnOnce(
        &mut Encoder<&mut Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<core::convert::Infallible>>,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    let done = write(&mut Encoder::new(&mut bytes));
    assert!(done.is_ok(), "a vector takes every byte that CBOR gives it");
    bytes
}

/// Reads a whole row, blaming `place` when it is not what it should be.
fn read<'a, T>(
    bytes: &'a [u8],
    place: &str,
    what: impl FnOnce(&mut Decoder<'a>) -> Read<T>,
) -> Result<T, Error> {
    let damaged = |what: String| Error::Damaged { what, place: place.to_owned() };
    let mut decoder = Decoder::new(bytes);
    let value = what(&mut decoder).map_err(|error| damaged(error.to_string()))?;
    if decoder.position() == bytes.len() {
        Ok(value)
    } else {
        Err(damaged("bytes follow the row's end".to_owned()))
    }
}

fn digest(decoder: &mut Decoder<'_>) -> Read<Digest> {
    let wrong = || minicbor::decode::Error::message("a digest has 32 bytes");
    decoder.bytes()?.try_into().map_err(|_| wrong())
}

fn begin(decoder: &mut Decoder<'_>, length: u64) -> Read<()> {
    if decoder.array()? != Some(length) || decoder.u64()? != 1 {
        return Err(minicbor::decode::Error::message("not a row of version 1"));
    }
    Ok(())
}

impl Tip {
    pub(crate) fn encode(&self) -> Vec<u8> {
        written(|out| {
            out.array(8)?.u64(1)?.u64(self.height.0)?.bytes(&self.hash)?.i64(self.time_ms)?;
            out.bytes(&peaks(self.log.size(), self.log.peaks()))?;
            out.bytes(&self.state_root)?.bytes(&self.members)?.bytes(&self.expired)?.ok()
        })
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let place = "meta/tip";
        read(bytes, place, |row| {
            begin(row, 8)?;
            let (height, hash) = (Height(row.u64()?), digest(row)?);
            let (time_ms, log) = (row.i64()?, frontier(row.bytes()?, place));
            let (state_root, members) = (digest(row)?, digest(row)?);
            let expired = row.bytes()?.to_vec();
            Ok(log.map(|log| Self { height, hash, time_ms, log, state_root, members, expired }))
        })?
    }
}

impl BlockRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        written(|out| {
            out.array(5)?.u64(1)?.bytes(&self.header.encode())?.bytes(&self.certificate)?;
            out.u64(self.first.0)?.u64(self.count)?.ok()
        })
    }

    pub(crate) fn decode(bytes: &[u8], height: Height) -> Result<Self, Error> {
        let place = format!("block {height}");
        let (header, certificate, first, count) = read(bytes, &place, |row| {
            begin(row, 5)?;
            Ok((row.bytes()?, row.bytes()?, LogIndex(row.u64()?), row.u64()?))
        })?;
        let header = Header::decode(header)
            .map_err(|error| Error::Damaged { what: error.to_string(), place })?;
        Ok(Self { header, certificate: Bytes::copy_from_slice(certificate), first, count })
    }
}

impl RequestRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        written(|out| {
            out.array(6)?.u64(1)?.bytes(&self.subject)?.u64(self.index.0)?;
            out.u64(self.height.0)?.u32(self.leaves)?.u64(self.last_height.0)?.ok()
        })
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        read(bytes, "a request in the state", |row| {
            begin(row, 6)?;
            let (subject, index) = (digest(row)?, LogIndex(row.u64()?));
            let (height, leaves, last_height) = (row.u64()?, row.u32()?, row.u64()?);
            let (height, last_height) = (Height(height), Height(last_height));
            Ok(Self { subject, index, height, leaves, last_height })
        })
    }
}

/// A list of byte strings: the leaves of one capture.
pub(crate) fn encode_list(list: &[Bytes]) -> Vec<u8> {
    written(|out| {
        out.array(wide(list.len()))?;
        for one in list {
            out.bytes(one)?;
        }
        Ok(())
    })
}

/// Reads what [`encode_list`] wrote; the parts share the row's memory.
pub(crate) fn decode_list(bytes: Vec<u8>, place: &str) -> Result<Vec<Bytes>, Error> {
    let whole = Bytes::from(bytes);
    read(&whole, place, |row| {
        let count = row.array()?.unwrap_or_default();
        (0..count).map(|_| row.bytes().map(|one| whole.slice_ref(one))).collect()
    })
}

/// A frontier: its size, then its peaks, the largest first.
pub(crate) fn peaks(size: u64, peaks: &[Digest]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + 32 * peaks.len());
    bytes.extend(size.to_be_bytes());
    bytes.extend(peaks.iter().flatten());
    bytes
}

/// Reads what [`peaks`] wrote.
pub(crate) fn frontier<H: merkle::TreeHash>(
    bytes: &[u8],
    place: &str,
) -> Result<Frontier<H>, Error> {
    let damaged = |what: &str| Error::Damaged { what: what.to_owned(), place: place.to_owned() };
    let (size, peaks) =
        bytes.split_first_chunk::<8>().ok_or_else(|| damaged("a frontier has 8 bytes or more"))?;
    let (peaks, rest) = peaks.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(damaged("a frontier's peaks have 32 bytes each"));
    }
    Frontier::from_parts(u64::from_be_bytes(*size), peaks.to_vec())
        .map_err(|error| damaged(&error.to_string()))
}

/// The frontier of a tag's history.
pub(crate) type History = Frontier<PositionHash>;

pub(crate) fn encode_position(position: &Position) -> Vec<u8> {
    [&position.index.0.to_be_bytes()[..], &position.leaf.0.to_be_bytes()].concat()
}

pub(crate) fn decode_position(bytes: &[u8]) -> Result<Position, Error> {
    let parts = bytes
        .split_first_chunk::<8>()
        .and_then(|(index, leaf)| Some((*index, <[u8; 4]>::try_from(leaf).ok()?)));
    let Some((index, leaf)) = parts else {
        let what = "a position has 12 bytes".to_owned();
        return Err(Error::Damaged { what, place: "positions".to_owned() });
    };
    let (index, leaf) = (u64::from_be_bytes(index), u32::from_be_bytes(leaf));
    Ok(Position { index: LogIndex(index), leaf: LeafIndex(leaf) })
}

/// Widens a length; no machine that we run on has more than 64 bits.
pub(crate) fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use merkle::TreeHash;

    use super::*;

    fn tip() -> Tip {
        let mut log = Frontier::new();
        for n in 0u8..5 {
            log.push(Rfc9162Sha256::leaf(&[n]), &mut |_, _| ());
        }
        let (hash, state_root, members) = ([1; 32], [2; 32], [3; 32]);
        Tip { height: Height(4), hash, time_ms: -7, log, state_root, members, expired: vec![1, 2] }
    }

    #[test]
    fn rows_come_back_as_they_were_written() {
        let tip = tip();
        assert_eq!(Tip::decode(&tip.encode()), Ok(tip));
        let request = RequestRow {
            subject: [9; 32],
            index: LogIndex(1 << 40),
            height: Height(77),
            leaves: 10_000,
            last_height: Height(99),
        };
        assert_eq!(RequestRow::decode(&request.encode()), Ok(request));
        let position = Position { index: LogIndex(3), leaf: LeafIndex(9) };
        assert_eq!(decode_position(&encode_position(&position)), Ok(position));
        let list = vec![Bytes::from_static(b"one"), Bytes::new(), Bytes::from(vec![7; 300])];
        assert_eq!(decode_list(encode_list(&list), "here"), Ok(list));
    }

    #[test]
    fn a_row_that_is_cut_or_longer_is_damage() {
        let row = tip().encode();
        for cut in 0..row.len() {
            assert!(Tip::decode(&row[..cut]).is_err(), "cut at {cut}");
        }
        assert!(Tip::decode(&[&row[..], &[0]].concat()).is_err());
        assert!(frontier::<PositionHash>(&[0; 9], "here").is_err());
        assert!(frontier::<PositionHash>(&[0, 0, 0, 0, 0, 0, 0, 1], "here").is_err());
        assert!(decode_position(&[0; 11]).is_err());
    }
}
