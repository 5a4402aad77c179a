//! Histories: how many leaves ever bore a tag, and where, so that none can be hidden.

use merkle::TreeHash;
use merkle::map::{Proof, Terminal};
use party::Members;

use crate::cbor::{Reader, Writer};
use crate::{
    Checkpoint, Digest, Error, Fault, LeafIndex, LogIndex, Note, Part, PositionHash, StateHash,
    Tag, state_key, state_value_digest,
};

/// How many levels the state tree can have: one for each bit of a key.
const MAX_SIBLINGS: u64 = 256;

/// Where a leaf that bears a tag stands: CBOR [log index, leaf index].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The statement's place in the log.
    pub index: LogIndex,
    /// The leaf's place in the capture.
    pub leaf: LeafIndex,
}

impl Position {
    /// Writes the position, as the history tree hashes it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(16);
        out.array(2).uint(self.index.0).uint(self.leaf.0.into());
        out.into_bytes()
    }

    /// The hash of the position as a leaf of its history tree.
    #[must_use]
    pub fn leaf_hash(&self) -> Digest {
        PositionHash::leaf(&self.encode())
    }
}

/// The root of the tree over positions, which are in the order of the log.
#[must_use]
pub fn position_root(positions: &[Position]) -> Digest {
    let hashes = positions.iter().map(Position::leaf_hash).collect::<Vec<_>>();
    merkle::root::<PositionHash>(&hashes)
}

/// The key of a tag's history in the state tree.
#[must_use]
pub fn history_key(tag: &Tag) -> Digest {
    state_key("history", &tag.0)
}

/// What the state tree holds for a tag: CBOR [1, count, root].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryRecord {
    /// How many leaves ever bore the tag; never 0.
    pub count: u64,
    /// The root of the tree of their positions.
    pub root: Digest,
}

impl HistoryRecord {
    /// The record of a list of positions; `None` if it is empty, for then the state has no record.
    #[must_use]
    pub fn of(positions: &[Position]) -> Option<Self> {
        let count = crate::cbor::wide(positions.len());
        (count > 0).then(|| Self { count, root: position_root(positions) })
    }

    /// Writes the record.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        self.write(&mut out);
        out.into_bytes()
    }

    fn write(&self, out: &mut Writer) {
        out.array(3).uint(1).uint(self.count).bytes(&self.root);
    }

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// If it is malformed or not deterministic, or counts nothing.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::new(Part::HistoryRecord, bytes);
        let record = Self::read(&mut input)?;
        input.same(&record.encode())?;
        Ok(record)
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Error> {
        input.array(3)?;
        input.version()?;
        let record = Self { count: input.uint()?, root: input.fixed()? };
        if record.count == 0 { Err(input.malformed("it counts nothing")) } else { Ok(record) }
    }
}

/// Proof that a tag's history is complete, as of a note that a quorum signed:
/// CBOR [1, tag, record or null, [[sibling, ...], end], note].
///
/// The end is 0 for the tag's own record, 1 for nothing, [key, value] for another key's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryProof {
    /// Whose history it is.
    pub tag: Tag,
    /// The record; none if no leaf ever bore the tag.
    pub record: Option<HistoryRecord>,
    /// The proof that the state tree holds the record, or no record.
    pub state: Proof,
    /// The note whose state root the proof leads to.
    pub note: Note,
}

/// What a history proof that holds says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryFacts {
    /// The checkpoint as of which the history is complete; the caller judges whether it is fresh,
    /// and not behind one that it has seen.
    pub checkpoint: Checkpoint,
    /// How many leaves bore the tag by then.
    pub count: u64,
}

impl HistoryProof {
    /// Writes the proof.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(512);
        out.array(5).uint(1).bytes(&self.tag.0);
        match &self.record {
            Some(record) => record.write(&mut out),
            None => {
                out.null();
            }
        }
        out.array(2).array(self.state.siblings.len());
        for sibling in &self.state.siblings {
            out.bytes(sibling);
        }
        match &self.state.terminal {
            Terminal::Entry => out.uint(0),
            Terminal::Empty => out.uint(1),
            Terminal::Other { key, value } => out.array(2).bytes(key).bytes(value),
        };
        out.text(&self.note.to_text());
        out.into_bytes()
    }

    /// Reads a proof.
    ///
    /// # Errors
    ///
    /// If it is malformed or not deterministic.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::new(Part::HistoryProof, bytes);
        input.array(5)?;
        input.version()?;
        let tag = Tag(input.fixed()?);
        let record = if input.null() { None } else { Some(HistoryRecord::read(&mut input)?) };
        input.array(2)?;
        let count = input.array_up_to(MAX_SIBLINGS, "siblings")?;
        let siblings = (0..count).map(|_| input.fixed()).collect::<Result<Vec<_>, _>>()?;
        let terminal = if input.at_array() {
            input.array(2)?;
            Terminal::Other { key: input.fixed()?, value: input.fixed()? }
        } else {
            match input.uint()? {
                0 => Terminal::Entry,
                1 => Terminal::Empty,
                _ => return Err(input.malformed("its end is unknown")),
            }
        };
        let note = Note::parse(input.text()?)?;
        let proof = Self { tag, record, state: Proof { siblings, terminal }, note };
        input.same(&proof.encode())?;
        Ok(proof)
    }

    /// Checks that `positions` are all the leaves that ever bore `tag`, as of the note.
    ///
    /// # Errors
    ///
    /// A [`Fault`] that names the note, the history proof, or the positions.
    pub fn verify(
        &self,
        members: &Members,
        tag: &Tag,
        positions: &[Position],
    ) -> Result<HistoryFacts, Fault> {
        let part = Part::HistoryProof;
        if self.tag != *tag {
            let why = Error::Mismatch { part, why: "it is for another tag" };
            return Err(Fault { part, why });
        }
        let checkpoint = self.note.verify(members).map_err(Fault::at(Part::Note))?;
        let value = self.record.map(|record| state_value_digest(&record.encode()));
        self.state
            .verify::<StateHash>(&checkpoint.state_root, &history_key(tag), value.as_ref())
            .map_err(|_| Error::Mismatch { part, why: "it does not lead to the note's state root" })
            .map_err(Fault::at(part))?;
        self.check(positions, checkpoint).map_err(Fault::at(Part::Positions))?;
        let count = self.record.map_or(0, |record| record.count);
        Ok(HistoryFacts { checkpoint: checkpoint.clone(), count })
    }

    fn check(&self, positions: &[Position], checkpoint: &Checkpoint) -> Result<(), Error> {
        let mismatch = |why| Err(Error::Mismatch { part: Part::Positions, why });
        // The root pins the order; saying so apart makes the message plain.
        if !positions.iter().zip(positions.iter().skip(1)).all(|(a, b)| a < b) {
            return mismatch("they are not in the order of the log");
        }
        if positions.last().is_some_and(|last| last.index.0 >= checkpoint.size.0) {
            return mismatch("one lies beyond the note's log");
        }
        if HistoryRecord::of(positions) != self.record {
            return mismatch("they are not those whose count and root the state holds");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
