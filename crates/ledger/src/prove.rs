//! Proving what is in the log and in the state.

use bytes::Bytes;
use merkle::{Digest, Rfc9162Sha256, inclusion_path_from, map};
use party::MemberId;
use statement::{
    Bundle, Checkpoint, Commitment, Evidence, Header, HistoryProof, HistoryRecord, LogIndex,
    LogSize, Note, Position, PositionHash, Receipt, SigningKey, StateHash, Tag, capture_tree,
    history_key,
};

use crate::moment::Moment;
use crate::read::{lost, no_entry};
use crate::rows::Tip;
use crate::{Error, Ledger};

/// A part of a tag's history with the proof of the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// How many leaves ever bore the tag.
    pub count: u64,
    /// The root of the tree of their positions.
    pub root: Digest,
    /// The positions that were asked for, in order.
    pub positions: Vec<Position>,
    /// A [`HistoryProof`], encoded.
    pub proof: Bytes,
}

impl Ledger {
    /// A COSE receipt for the statement at `index`, under the current log root.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] beyond the log, and for genesis while it is the only entry;
    /// [`Error::NoReceiptKey`] when this node signs none.
    pub fn receipt(&self, index: LogIndex) -> Result<Vec<u8>, Error> {
        let moment = self.moment()?;
        let tip = moment.some_tip()?;
        let statement = moment.entry(index)?.ok_or_else(|| no_entry(index))?;
        self.sign_receipt(&moment, &tip, index, &statement)
    }

    fn sign_receipt(
        &self,
        moment: &Moment<'_>,
        tip: &Tip,
        index: LogIndex,
        statement: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let (member, key) = self.signer()?;
        let size = tip.log.size();
        if size == 1 {
            let what = "a receipt for genesis, before a second entry stands beside it,".to_owned();
            return Err(Error::NotFound { what });
        }
        let mut read = |node| moment.node(node);
        let path = inclusion_path_from::<Rfc9162Sha256, Error>(size, index.0, &mut read)?;
        let consortium = &self.rules.consortium;
        Ok(Receipt::sign(key, consortium, member, statement, index, LogSize(size), &path)?)
    }

    fn signer(&self) -> Result<&(MemberId, SigningKey), Error> {
        let why = || "this node was given no receipt key".to_owned();
        self.signer.as_ref().ok_or_else(|| Error::NoReceiptKey { why: why() })
    }

    /// The bundle that proves one event to a stranger: the first that was logged with this
    /// commitment. When its body was erased, the bundle proves the closed event.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when no leaf has this commitment.
    pub fn bundle(&self, commitment: &Commitment) -> Result<Vec<u8>, Error> {
        let moment = self.moment()?;
        let tip = moment.some_tip()?;
        let unknown = || Error::NotFound { what: format!("commitment {commitment}") };
        let Position { index, leaf: leaf_index } =
            moment.position_of(commitment)?.ok_or_else(unknown)?;
        let statement = moment.entry(index)?.ok_or_else(|| no_entry(index))?;
        let leaves = moment.leaves(index)?;
        let place = usize::try_from(leaf_index.0).unwrap_or(usize::MAX);
        let leaf = leaves.get(place).ok_or_else(unknown)?.to_vec();
        let leaf_path = capture_tree::path(&leaves, leaf_index).ok_or_else(unknown)?;
        let evidence = match moment.body(index, leaf_index)? {
            Some(body) => Evidence::Body(body.to_vec()),
            None => Evidence::Closed,
        };
        let receipt = self.sign_receipt(&moment, &tip, index, &statement)?;
        let header = moment.block(tip.height)?.ok_or_else(|| lost(tip.height))?.header;
        let note = self.note_of(&moment, &header)?.map(|note| note.to_text());
        let statement = statement.to_vec();
        let bundle = Bundle { statement, receipt, leaf, leaf_index, leaf_path, evidence, note };
        Ok(bundle.encode())
    }

    /// The positions `from..to` of a tag's history, with the proof of the whole.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when `from` is beyond `to`; [`Error::NotPublished`] when no quorum signs
    /// here.
    pub fn history(&self, tag: &Tag, from: u64, to: u64) -> Result<History, Error> {
        if from > to {
            let why = format!("is {from}, but it must not be beyond {to}");
            return Err(Error::Invalid { field: "from", why });
        }
        let mut moment = self.moment_with_pages()?;
        let tip = moment.some_tip()?;
        let history = moment.histories(&[*tag])?.into_iter().flatten().next();
        let record = history
            .as_ref()
            .map(|history| HistoryRecord { count: history.size(), root: history.root() });
        let state =
            map::prove::<StateHash, Error>(&mut |path| moment.page(path), &history_key(tag))?;
        // The rest may be long, and a commit waits for the pages.
        moment.release_pages();
        let header = moment.block(tip.height)?.ok_or_else(|| lost(tip.height))?.header;
        let note = self.published(&moment, &header)?;
        let proof = Bytes::from(HistoryProof { tag: *tag, record, state, note }.encode());
        let positions = moment.positions(tag, from, to)?;
        let empty = || merkle::root::<PositionHash>(&[]);
        let root = record.map_or_else(empty, |record| record.root);
        Ok(History { count: record.map_or(0, |record| record.count), root, positions, proof })
    }

    /// The signed note over the last block.
    ///
    /// # Errors
    ///
    /// [`Error::NotPublished`] when this node alone is no quorum.
    pub fn checkpoint(&self) -> Result<String, Error> {
        let moment = self.moment()?;
        let tip = moment.some_tip()?;
        let header = moment.block(tip.height)?.ok_or_else(|| lost(tip.height))?.header;
        Ok(self.published(&moment, &header)?.to_text())
    }

    fn published(&self, moment: &Moment<'_>, header: &Header) -> Result<Note, Error> {
        self.signer()?;
        self.note_of(moment, header)?.ok_or(Error::NotPublished { size: header.log_size })
    }

    /// The note over a block, when this node's line is a quorum; signed once per height.
    pub(crate) fn note_of(
        &self,
        moment: &Moment<'_>,
        header: &Header,
    ) -> Result<Option<Note>, Error> {
        let Some((member, key)) = &self.signer else { return Ok(None) };
        let mut last = self.note.lock();
        if let Some((height, note)) = &*last
            && *height == header.height
        {
            return Ok(Some(note.clone()));
        }
        // A quorum of more than one gathers its lines where members meet, not here.
        if self.members_at(moment)?.quorum() > 1 {
            return Ok(None);
        }
        // The block is durable: a note over one that could be lost would be a fork.
        let note = Note::sign(&Checkpoint::of(header), &[(member, key)]);
        *last = Some((header.height, note.clone()));
        Ok(Some(note))
    }
}
