//! A block as its bytes travel: CBOR [1, header, [[statement, [leaf, ...]], ...]].

use bytes::Bytes;
use minicbor::{Decoder, Encoder};
use statement::Header;

use crate::admit::Admitted;
use crate::rows::wide;
use crate::{Refusal, reason};

/// How many statements a block holds at most.
pub(crate) const MAX_ENTRIES: usize = 4_000;

/// How many leaves a block holds at most: as many as one capture may have.
pub(crate) const MAX_LEAVES: usize = 10_000;

/// How many bytes a block has at most; a capture with all the leaves and tags that it may have fits
/// in a quarter of it.
pub(crate) const MAX_BYTES: usize = 16 << 20;

/// A block as another member sent it; nothing of it is checked but its shape.
#[derive(Clone, Debug)]
pub(crate) struct Foreign {
    pub(crate) header: Header,
    pub(crate) entries: Vec<(Bytes, Vec<Bytes>)>,
}

/// Writes a block.
pub(crate) fn encode<'a>(
    header: &Header,
    entries: impl ExactSizeIterator<Item = &'a Admitted>,
) -> Bytes {
    let mut bytes = Vec::with_capacity(64 << 10);
    let mut out = Encoder::new(&mut bytes);
    let done = (|| {
        out.array(3)?.u64(1)?.bytes(&header.encode())?.array(wide(entries.len()))?;
        for entry in entries {
            out.array(2)?.bytes(&entry.bytes)?.array(wide(entry.leaves.len()))?;
            for leaf in &entry.leaves {
                out.bytes(leaf)?;
            }
        }
        Ok::<(), minicbor::encode::Error<core::convert::Infallible>>(())
    })();
    assert!(done.is_ok(), "a vector takes every byte that CBOR gives it");
    Bytes::from(bytes)
}

/// Reads a block; its parts share its memory.
pub(crate) fn decode(bytes: &[u8]) -> Result<Foreign, Refusal> {
    let whole = Bytes::copy_from_slice(bytes);
    let mut row = Decoder::new(&whole);
    let read = read(&whole, &mut row)
        .map_err(|error| Refusal::new(reason::ENCODING_INVALID, error.to_string()).at("block"))?;
    let (header, entries) = read;
    let header = Header::decode(&header).map_err(|error| crate::admit::refuse(&error, "header"))?;
    let block = Foreign { header, entries };
    // Written again it must be the same: then there is one encoding, and nothing follows it.
    if row.position() == bytes.len() && reencoded_len(&block) == bytes.len() {
        Ok(block)
    } else {
        let message = "the block is not in its one encoding";
        Err(Refusal::new(reason::ENCODING_NOT_DETERMINISTIC, message).at("block"))
    }
}

type Parts = (Bytes, Vec<(Bytes, Vec<Bytes>)>);

fn read(whole: &Bytes, row: &mut Decoder<'_>) -> Result<Parts, minicbor::decode::Error> {
    let wrong = minicbor::decode::Error::message;
    let length = |row: &mut Decoder<'_>| row.array()?.ok_or_else(|| wrong("an open-ended list"));
    if length(row)? != 3 || row.u64()? != 1 {
        return Err(wrong("not a block of version 1"));
    }
    let header = whole.slice_ref(row.bytes()?);
    let count = length(row)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        if length(row)? != 2 {
            return Err(wrong("an entry is a statement and its leaves"));
        }
        let statement = whole.slice_ref(row.bytes()?);
        let count = length(row)?;
        let leaves = (0..count)
            .map(|_| row.bytes().map(|leaf| whole.slice_ref(leaf)))
            .collect::<Result<_, _>>()?;
        entries.push((statement, leaves));
    }
    Ok((header, entries))
}

/// How long the shortest encoding is. The lengths of lists and strings are all that could be
/// written longer than need be, so equal length means equal bytes.
fn reencoded_len(block: &Foreign) -> usize {
    let head = |length: usize| match length {
        0..=23 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    };
    let string = |bytes: &[u8]| head(bytes.len()) + bytes.len();
    let list = |leaves: &[Bytes]| {
        head(leaves.len()) + leaves.iter().map(|leaf| string(leaf)).sum::<usize>()
    };
    let entries = block.entries.iter().map(|(one, leaves)| 1 + string(one) + list(leaves));
    2 + string(&block.header.encode()) + head(block.entries.len()) + entries.sum::<usize>()
}
