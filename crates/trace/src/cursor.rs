//! How far the index has come: all that is needed to verify the next block.

use merkle::{Frontier, Rfc9162Sha256};
use minicbor::{Decoder, Encoder};
use party::{ConsortiumId, Members};
use statement::{Digest, Height, members_digest};

use crate::record::{Garbled, VERSION};

/// The last block taken, and the log's right edge after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) consortium: ConsortiumId,
    /// The digest of the members for whom the index was made: other members, another index.
    pub(crate) members: Digest,
    pub(crate) height: Height,
    /// The hash of that block's header; zero bytes before the first.
    pub(crate) hash: Digest,
    pub(crate) time_ms: i64,
    pub(crate) log: Frontier<Rfc9162Sha256>,
    /// The greatest height that a quorum or the chain has shown us, whatever the index holds now.
    pub(crate) seen: Height,
}

impl Cursor {
    /// Before the first block.
    pub(crate) fn start(members: &Members, seen: Height) -> Self {
        Self {
            consortium: members.consortium().clone(),
            members: members_digest(members),
            height: Height(0),
            hash: [0; 32],
            time_ms: i64::MIN,
            log: Frontier::new(),
            seen,
        }
    }

    /// The height that comes next.
    pub(crate) const fn next(&self) -> Height {
        Height(self.height.0.saturating_add(1))
    }

    /// CBOR [1, consortium, members, height, hash, time, log size, [peak, ...], seen].
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::new(Vec::with_capacity(160 + 34 * self.log.peaks().len()));
        if let Err(error) = self.write(&mut to) {
            unreachable!("a vector takes all bytes: {error}");
        }
        to.into_writer()
    }

    fn write(
        &self,
        to: &mut Encoder<Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        to.array(9)?.u8(VERSION)?.str(self.consortium.as_str())?.bytes(&self.members)?;
        to.u64(self.height.0)?.bytes(&self.hash)?.i64(self.time_ms)?.u64(self.log.size())?;
        // At most 62 peaks.
        to.array(u64::from(self.log.size().count_ones()))?;
        for peak in self.log.peaks() {
            to.bytes(peak)?;
        }
        to.u64(self.seen.0)?;
        Ok(())
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Garbled> {
        let mut from = Decoder::new(bytes);
        if from.array()? != Some(9) || from.u8()? != VERSION {
            return Err(Garbled);
        }
        let consortium = from.str()?.parse().map_err(|_| Garbled)?;
        let members = digest(&mut from)?;
        let height = Height(from.u64()?);
        let hash = digest(&mut from)?;
        let (time_ms, size) = (from.i64()?, from.u64()?);
        let count = from.array()?.ok_or(Garbled)?;
        let peaks = (0..count).map(|_| digest(&mut from)).collect::<Result<_, _>>()?;
        let log = Frontier::from_parts(size, peaks).map_err(|_| Garbled)?;
        Ok(Self { consortium, members, height, hash, time_ms, log, seen: Height(from.u64()?) })
    }
}

fn digest(from: &mut Decoder<'_>) -> Result<Digest, Garbled> {
    from.bytes()?.try_into().map_err(|_| Garbled)
}
