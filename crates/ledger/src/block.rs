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
    if bytes.len() > MAX_BYTES {
        return Err(too_large(format!("{} bytes, a block has at most {MAX_BYTES}", bytes.len())));
    }
    let whole = Bytes::copy_from_slice(bytes);
    let mut row = Decoder::new(&whole);
    let read = read(&whole, &mut row)
        .map_err(|error| Refusal::new(reason::ENCODING_INVALID, error.to_string()).at("block"))?;
    let (header, entries) = read;
    let leaves = entries.iter().map(|(_, leaves)| leaves.len()).sum::<usize>();
    if entries.is_empty() {
        let message = "a block holds at least one statement";
        return Err(Refusal::new(reason::ENCODING_INVALID, message).at("block"));
    }
    if entries.len() > MAX_ENTRIES || leaves > MAX_LEAVES {
        return Err(too_large(format!(
            "{} statements with {leaves} leaves, a block has at most {MAX_ENTRIES} with {MAX_LEAVES}",
            entries.len()
        )));
    }
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

fn too_large(message: String) -> Refusal {
    Refusal::new(reason::REQUEST_TOO_LARGE, message).at("block")
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

#[cfg(test)]
mod tests {
    use statement::{Height, LogSize};

    use super::*;

    /// The bytes of a block with this many statements, of this many leaves each.
    fn block(statements: usize, leaves: usize) -> Vec<u8> {
        let header = Header {
            consortium: "demo".parse().unwrap(),
            height: Height(2),
            parent: [1; 32],
            time_ms: 7,
            contents: [2; 32],
            log_size: LogSize(9),
            log_root: [3; 32],
            state_root: [4; 32],
            members: [5; 32],
        };
        let mut bytes = Vec::new();
        let mut out = Encoder::new(&mut bytes);
        out.array(3).unwrap().u64(1).unwrap().bytes(&header.encode()).unwrap();
        out.array(wide(statements)).unwrap();
        for _ in 0..statements {
            out.array(2).unwrap().bytes(b"statement").unwrap().array(wide(leaves)).unwrap();
            for _ in 0..leaves {
                out.bytes(b"leaf").unwrap();
            }
        }
        bytes
    }

    #[test]
    fn a_block_is_not_empty_and_not_larger_than_any_member_makes_it() {
        assert_eq!(decode(&block(3, 2)).unwrap().entries.len(), 3);
        assert!(decode(&block(MAX_ENTRIES, 0)).is_ok());
        assert!(decode(&block(1, MAX_LEAVES)).is_ok());
        assert_eq!(decode(&block(0, 0)).unwrap_err().reason, reason::ENCODING_INVALID);
        for large in [block(MAX_ENTRIES + 1, 0), block(2, MAX_LEAVES / 2 + 1)] {
            assert_eq!(decode(&large).unwrap_err().reason, reason::REQUEST_TOO_LARGE);
        }
        let refusal = decode(&vec![0; MAX_BYTES + 1]).unwrap_err();
        assert_eq!(refusal.reason, reason::REQUEST_TOO_LARGE);
    }
}
