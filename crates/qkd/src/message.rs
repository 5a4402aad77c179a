//! What the two ends say to one another.

use crate::cascade::{Ask, Part};
use crate::cbor::{Reader, Writer};
use crate::{BlockId, EndKind, Error};

/// How many blocks an end may name at once.
pub(crate) const MAX_BLOCKS: usize = 64;
/// How long a reason may be.
pub(crate) const MAX_REASON_BYTES: usize = 512;
const PART_BYTES: usize = 9;

/// Whether the end that speaks has shut the line down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    Open,
    ShutDown(String),
    /// Open, and somebody has restored it since the far end last heard.
    Restored,
}

/// One message; the frame around it is signed and says who speaks to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// The first of each end.
    Hello { nonce: [u8; 32], end: EndKind, parameters: [u8; 32] },
    /// The second: what the pool holds, pending, and how the line stands.
    State { pending: Vec<BlockId>, stand: Stand, seeded: bool },
    /// The third: which of the far end's pending blocks this end has released.
    Resolved { released: Vec<BlockId> },
    /// Sender: a block follows.
    Prepare { block: BlockId },
    /// Receiver: the bases are drawn.
    Ready { block: BlockId },
    /// Receiver: which pulses clicked, in which bases, and the bits of those in the test basis.
    Clicked { block: BlockId, seeded: bool, detected: Vec<u8>, bases: Vec<u8>, tests: Vec<u8> },
    /// Sender: its bases of the pulses that clicked, and its test bits.
    Sifted { block: BlockId, bases: Vec<u8>, tests: Vec<u8>, shuffle: [u8; 32] },
    /// Receiver: parities wanted.
    Ask(Ask),
    /// Sender: those parities.
    Parities(Vec<u8>),
    /// Receiver: no more parities are wanted.
    Done { leak_bits: u32, corrected_bits: u32, round_trips: u32 },
    /// Sender: a hash of the bits with its seed, the seed of the key's hash, and the keys' ids.
    /// The first `outgoing` of the keys are the sender's to draw, the others the receiver's.
    Finish {
        key_bits: u32,
        outgoing: u32,
        ids: Vec<u8>,
        tag_seed: Vec<u8>,
        tag: Vec<u8>,
        seed: Vec<u8>,
    },
    /// Receiver: its keys are stored, pending.
    Confirm { block: BlockId },
    /// Sender: its keys are released.
    Confirmed { block: BlockId },
    /// Receiver: the hash says that errors are left; the block is given up.
    Abandon { block: BlockId },
    /// The line is shut down.
    Halt { reason: String },
    /// The line is restored.
    Restore,
    /// Receiver, at any time: how many more keys it wishes to have to draw.
    Wants { keys: u32 },
}

impl Message {
    /// How many bytes a message may have: what a block of the largest size needs, twice over.
    pub(crate) const MAX_BYTES: usize = 8 << 20;

    pub(crate) fn encode(&self) -> Vec<u8> {
        let block_only = |kind, block: &BlockId| Writer::array(2).uint(kind).bytes(&block.0);
        let writer = match self {
            Self::Hello { nonce, end, parameters } => Writer::array(4)
                .uint(0)
                .bytes(nonce)
                .bool(*end == EndKind::Receiver)
                .bytes(parameters),
            Self::State { pending, stand, seeded } => {
                let (code, reason) = match stand {
                    Stand::Open => (0, ""),
                    Stand::ShutDown(reason) => (1, reason.as_str()),
                    Stand::Restored => (2, ""),
                };
                let writer = Writer::array(5).uint(1).bytes(&joined(pending));
                writer.uint(code).text(reason).bool(*seeded)
            }
            Self::Resolved { released } => Writer::array(2).uint(2).bytes(&joined(released)),
            Self::Prepare { block } => block_only(3, block),
            Self::Ready { block } => block_only(4, block),
            Self::Clicked { block, seeded, detected, bases, tests } => Writer::array(6)
                .uint(5)
                .bytes(&block.0)
                .bool(*seeded)
                .bytes(detected)
                .bytes(bases)
                .bytes(tests),
            Self::Sifted { block, bases, tests, shuffle } => {
                let writer = Writer::array(5).uint(6).bytes(&block.0);
                writer.bytes(bases).bytes(tests).bytes(shuffle)
            }
            Self::Ask(ask) => {
                Writer::array(3).uint(7).bytes(&ask.open).bytes(&encode_parts(&ask.parts))
            }
            Self::Parities(bits) => Writer::array(2).uint(8).bytes(bits),
            Self::Done { leak_bits, corrected_bits, round_trips } => Writer::array(4)
                .uint(9)
                .uint(u64::from(*leak_bits))
                .uint(u64::from(*corrected_bits))
                .uint(u64::from(*round_trips)),
            Self::Finish { key_bits, outgoing, ids, tag_seed, tag, seed } => {
                let writer = Writer::array(7).uint(10).uint(u64::from(*key_bits));
                let writer = writer.uint(u64::from(*outgoing)).bytes(ids);
                writer.bytes(tag_seed).bytes(tag).bytes(seed)
            }
            Self::Confirm { block } => block_only(11, block),
            Self::Confirmed { block } => block_only(12, block),
            Self::Abandon { block } => block_only(13, block),
            Self::Halt { reason } => Writer::array(2).uint(14).text(reason),
            Self::Restore => Writer::array(1).uint(15),
            Self::Wants { keys } => Writer::array(2).uint(16).uint(u64::from(*keys)),
        };
        writer.into_bytes()
    }

    /// Reads a message strictly.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        // Every message is an array of 1 to 7 elements whose first is below 24: two bytes tell it.
        let (count, kind) = match bytes {
            [head @ 0x81..=0x87, kind, ..] => (u64::from(head - 0x80), *kind),
            _ => return Err(Error::FrameMalformed { why: "it holds no message" }),
        };
        let mut reader = Reader::array(bytes, count)?;
        reader.uint()?;
        let message = match (kind, count) {
            (0..=2, _) => Self::read_greeting(kind, count, &mut reader)?,
            (5..=10, _) => Self::read_long(kind, count, &mut reader)?,
            (3, 2) => Self::Prepare { block: block(&mut reader)? },
            (4, 2) => Self::Ready { block: block(&mut reader)? },
            (11, 2) => Self::Confirm { block: block(&mut reader)? },
            (12, 2) => Self::Confirmed { block: block(&mut reader)? },
            (13, 2) => Self::Abandon { block: block(&mut reader)? },
            (14, 2) => Self::Halt { reason: reason(&mut reader)? },
            (15, 1) => Self::Restore,
            (16, 2) => Self::Wants { keys: reader.uint32()? },
            _ => return Err(Error::FrameMalformed { why: "no such message is known" }),
        };
        reader.same(&message.encode())?;
        Ok(message)
    }

    fn read_greeting(kind: u8, count: u64, reader: &mut Reader<'_>) -> Result<Self, Error> {
        match (kind, count) {
            (0, 4) => {
                let nonce = reader.fixed()?;
                let end = if reader.bool()? { EndKind::Receiver } else { EndKind::Sender };
                Ok(Self::Hello { nonce, end, parameters: reader.fixed()? })
            }
            (1, 5) => {
                let pending = blocks(reader)?;
                let stand = match (reader.uint()?, reason(reader)?) {
                    (0, empty) if empty.is_empty() => Stand::Open,
                    (1, reason) => Stand::ShutDown(reason),
                    (2, empty) if empty.is_empty() => Stand::Restored,
                    _ => return Err(Error::FrameMalformed { why: "no such stand is known" }),
                };
                Ok(Self::State { pending, stand, seeded: reader.bool()? })
            }
            (2, 2) => Ok(Self::Resolved { released: blocks(reader)? }),
            _ => Err(Error::FrameMalformed { why: "no such message is known" }),
        }
    }

    fn read_long(kind: u8, count: u64, reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(match (kind, count) {
            (5, 6) => Self::Clicked {
                block: block(reader)?,
                seeded: reader.bool()?,
                detected: reader.bytes()?.to_vec(),
                bases: reader.bytes()?.to_vec(),
                tests: reader.bytes()?.to_vec(),
            },
            (6, 5) => Self::Sifted {
                block: block(reader)?,
                bases: reader.bytes()?.to_vec(),
                tests: reader.bytes()?.to_vec(),
                shuffle: reader.fixed()?,
            },
            (7, 3) => {
                let open = reader.bytes()?.to_vec();
                Self::Ask(Ask { open, parts: decode_parts(reader.bytes()?)? })
            }
            (8, 2) => Self::Parities(reader.bytes()?.to_vec()),
            (9, 4) => Self::Done {
                leak_bits: reader.uint32()?,
                corrected_bits: reader.uint32()?,
                round_trips: reader.uint32()?,
            },
            (10, 7) => Self::Finish {
                key_bits: reader.uint32()?,
                outgoing: reader.uint32()?,
                ids: reader.bytes()?.to_vec(),
                tag_seed: reader.bytes()?.to_vec(),
                tag: reader.bytes()?.to_vec(),
                seed: reader.bytes()?.to_vec(),
            },
            _ => return Err(Error::FrameMalformed { why: "no such message is known" }),
        })
    }
}

fn joined(blocks: &[BlockId]) -> Vec<u8> {
    blocks.iter().flat_map(|block| block.0).collect()
}

fn block(reader: &mut Reader<'_>) -> Result<BlockId, Error> {
    reader.fixed().map(BlockId)
}

fn blocks(reader: &mut Reader<'_>) -> Result<Vec<BlockId>, Error> {
    let (blocks, rest) = reader.bytes()?.as_chunks::<16>();
    if blocks.len() > MAX_BLOCKS || !rest.is_empty() {
        return Err(Error::FrameMalformed { why: "too many blocks, or a part of one" });
    }
    Ok(blocks.iter().copied().map(BlockId).collect())
}

/// Reads a text that may go into a log: short, and without control characters.
fn reason(reader: &mut Reader<'_>) -> Result<String, Error> {
    let text = reader.text()?;
    if text.len() > MAX_REASON_BYTES || text.chars().any(char::is_control) {
        return Err(Error::FrameMalformed { why: "a reason is too long, or no plain text" });
    }
    Ok(text.to_owned())
}

/// Nine bytes each: the pass, the start and the length, big-endian.
fn encode_parts(parts: &[Part]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.len() * PART_BYTES);
    for part in parts {
        bytes.push(part.pass);
        bytes.extend_from_slice(&part.start.to_be_bytes());
        bytes.extend_from_slice(&part.len.to_be_bytes());
    }
    bytes
}

fn decode_parts(bytes: &[u8]) -> Result<Vec<Part>, Error> {
    let (parts, rest) = bytes.as_chunks::<PART_BYTES>();
    if !rest.is_empty() {
        return Err(Error::FrameMalformed { why: "it ends within a part" });
    }
    let read = |&[pass, a, b, c, d, e, f, g, h]: &[u8; PART_BYTES]| Part {
        pass,
        start: u32::from_be_bytes([a, b, c, d]),
        len: u32::from_be_bytes([e, f, g, h]),
    };
    Ok(parts.iter().map(read).collect())
}

#[cfg(test)]
mod tests;
