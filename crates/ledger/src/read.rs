//! Reading what was committed.

use bytes::Bytes;
use merkle::{Digest, Rfc9162Sha256, consistency_path_from};
use party::Members;
use statement::{Header, Height, LogIndex, LogSize};

use crate::moment::{Moment, Overlay, Present};
use crate::rows::BlockRow;
use crate::{Error, Failure, Ledger};

/// Where the ledger stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The last committed block.
    pub header: Header,
    /// Its hash.
    pub hash: Digest,
    /// The log size that the last published checkpoint covers; `None` when none is published.
    pub checkpoint_size: Option<LogSize>,
    /// Statements that wait to be committed.
    pub pending_statements: u64,
    /// Their bytes.
    pub pending_bytes: u64,
}

/// A committed block, with what travels beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRecord {
    /// Its header.
    pub header: Header,
    /// The proof that it was decided, in the orderer's own encoding; empty for a solo orderer.
    pub certificate: Bytes,
    /// What it holds, in log order.
    pub statements: Vec<StatementRecord>,
}

impl BlockRecord {
    /// Bytes of its contents: statements, leaves and bodies.
    fn size_bytes(&self) -> usize {
        let entry = |entry: &StatementRecord| {
            let bodies = entry.bodies.iter().flatten().map(Bytes::len).sum::<usize>();
            entry.statement.len() + entry.leaves.iter().map(Bytes::len).sum::<usize>() + bodies
        };
        self.statements.iter().map(entry).sum()
    }
}

/// A committed statement, with what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementRecord {
    /// Its place in the log.
    pub index: LogIndex,
    /// The tagged COSE statement.
    pub statement: Bytes,
    /// The leaves of a capture, in order.
    pub leaves: Vec<Bytes>,
    /// The body of each leaf; `None` where it was erased or is not held here.
    pub bodies: Vec<Option<Bytes>>,
}

impl Ledger {
    /// Where the ledger stands.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn status(&self) -> Result<Status, Error> {
        let moment = self.moment()?;
        let tip = moment.some_tip()?;
        let block = moment.block(tip.height)?.ok_or_else(|| lost(tip.height))?;
        let (pending_statements, pending_bytes) = self.pool.pending();
        let published = self.note_of(&moment, &block.header)?.is_some();
        let checkpoint_size = published.then_some(block.header.log_size);
        let (header, hash) = (block.header, tip.hash);
        Ok(Status { header, hash, checkpoint_size, pending_statements, pending_bytes })
    }

    /// The member set as of the last block.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn members(&self) -> Result<Members, Error> {
        self.members_at(&self.moment()?)
    }

    pub(crate) fn members_at(&self, moment: &Moment<'_>) -> Result<Members, Error> {
        let overlay = Overlay::new();
        match self.rules.machine.members(&Present { moment, overlay: &overlay }) {
            Ok(members) => Ok(members),
            Err(Failure::Broken(error)) => Err(error),
            Err(Failure::Refused(refusal)) => {
                let place = "member records of the state".to_owned();
                Err(Error::Damaged { what: refusal.to_string(), place })
            }
        }
    }

    /// The statement at `index`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] beyond the log.
    pub fn statement(&self, index: LogIndex) -> Result<Bytes, Error> {
        self.moment()?.entry(index)?.ok_or_else(|| no_entry(index))
    }

    /// The proof that the log of size `to` begins with the log of size `from`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] unless `0 < from <= to <=` the log's size.
    pub fn consistency(&self, from: LogSize, to: LogSize) -> Result<Vec<Digest>, Error> {
        let moment = self.moment()?;
        let size = moment.some_tip()?.log.size();
        if from.0 == 0 || from > to {
            let why = format!("is {from}, but it must be from 1 to {to}");
            return Err(Error::Invalid { field: "from", why });
        }
        if to.0 > size {
            let why = format!("is {to}, but the log has {size} entries");
            return Err(Error::Invalid { field: "to", why });
        }
        consistency_path_from::<Rfc9162Sha256, Error>(from.0, to.0, &mut |node| moment.node(node))
    }

    /// At most `max` blocks from height `from` on; empty above the tip.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn blocks(&self, from: Height, max: usize) -> Result<Vec<BlockRecord>, Error> {
        self.blocks_within(from, max, usize::MAX)
    }

    /// At most `max` blocks from height `from` on, as [`Ledger::blocks`] gives them, of which all but
    /// the last have fewer than `budget_bytes` of contents together: a reader never holds more than
    /// the budget and one block.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn blocks_within(
        &self,
        from: Height,
        max: usize,
        budget_bytes: usize,
    ) -> Result<Vec<BlockRecord>, Error> {
        let moment = self.moment()?;
        let tip = moment.some_tip()?.height;
        let mut blocks = Vec::new();
        let mut bytes: usize = 0;
        for height in (from.0.max(1)..=tip.0).map(Height).take(max) {
            if bytes >= budget_bytes {
                break;
            }
            let block = moment.block(height)?.ok_or_else(|| lost(height))?;
            let record = block_record(&moment, block)?;
            bytes = bytes.saturating_add(record.size_bytes());
            blocks.push(record);
        }
        Ok(blocks)
    }
}

/// Reads all that a block stands for.
pub(crate) fn block_record(moment: &Moment<'_>, block: BlockRow) -> Result<BlockRecord, Error> {
    let BlockRow { header, certificate, first, count } = block;
    let indexes = (first.0..first.0.saturating_add(count)).map(LogIndex);
    let read = |index| {
        let statement = moment.entry(index)?.ok_or_else(|| Error::Damaged {
            what: format!("entry {index} is missing"),
            place: format!("block {}", header.height),
        })?;
        let leaves = moment.leaves(index)?;
        // Only a capture has bodies, so spare the search for others.
        let bodies =
            if leaves.is_empty() { Vec::new() } else { moment.bodies(index, leaves.len())? };
        Ok(StatementRecord { index, statement, leaves, bodies })
    };
    let statements = indexes.map(read).collect::<Result<_, Error>>()?;
    Ok(BlockRecord { header, certificate, statements })
}

pub(crate) fn lost(height: Height) -> Error {
    Error::Damaged { what: format!("block {height} is missing"), place: "blocks".to_owned() }
}

pub(crate) fn no_entry(index: LogIndex) -> Error {
    Error::NotFound { what: format!("entry {index}") }
}
