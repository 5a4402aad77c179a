//! Executing a block: a pure function of the moment before it and what it holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use merkle::map::{Page, Path};
use merkle::{Digest, Node, Rfc9162Sha256, TreeHash};
use statement::{
    Header, Height, LeafIndex, LogIndex, LogSize, Position, StateHash, Tag, contents_digest,
    members_digest,
};

use crate::admit::{Admitted, Rules};
use crate::moment::{Moment, Overlay, Present};
use crate::pages::{history_entry, state_entry};
use crate::rows::{History, RequestRow, Tip, wide};
use crate::{Changes, Committed, Error, Failure, Refusal, block, keys, reason};

/// The namespaces that a machine may write.
const MACHINE_GROUND: [&[u8]; 3] = [b"member/", b"contract/", b"policy/"];

/// How many expired requests one block clears away: more than one block brings, so that they never
/// pile up, and few enough that no height is costly because of what was signed long before.
const MAX_EXPIRED: usize = 4_096;

const _: () = assert!(MAX_EXPIRED > block::MAX_ENTRIES, "what expires must not pile up");

/// A block that was executed and may win. Nothing of it is written.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) header: Header,
    pub(crate) hash: Digest,
    pub(crate) first: LogIndex,
    pub(crate) entries: Vec<Arc<Admitted>>,
    pub(crate) tip: Tip,
    pub(crate) outcome: Outcome,
    /// What waited here and cannot come after this block, though nothing was wrong with it before.
    pub(crate) refused: Vec<(Arc<Admitted>, Refusal)>,
}

impl Candidate {
    /// How many leaves it holds.
    pub(crate) fn leaves(&self) -> u64 {
        self.entries.iter().map(|entry| wide(entry.leaves.len())).sum()
    }
}

/// The rows that a block changes, beside its own entries.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) tree: Vec<(Node, Digest)>,
    pub(crate) state: Overlay,
    pub(crate) histories: BTreeMap<Tag, History>,
    pub(crate) positions: Vec<(Tag, u64, Position)>,
    pub(crate) expiring: Vec<(Height, Vec<u8>)>,
    pub(crate) expired: Vec<Vec<u8>>,
    pub(crate) pages: BTreeMap<Path, Option<Page>>,
}

/// What became of one statement of a proposal.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is in the block.
    Taken,
    /// It had been committed before.
    Repeated(Committed),
    /// It cannot be.
    Refused(Refusal),
}

/// A block in the making.
#[derive(Debug)]
pub(crate) struct Execution<'a> {
    rules: &'a Rules,
    moment: &'a Moment<'a>,
    before: Option<Tip>,
    height: Height,
    time_ms: i64,
    log: merkle::Frontier<Rfc9162Sha256>,
    first: LogIndex,
    entries: Vec<Arc<Admitted>>,
    touched: BTreeMap<Tag, (History, bool)>,
    outcome: Outcome,
    /// The last row of the expiry family that has left it.
    last_expired: Vec<u8>,
    refused: Vec<(Arc<Admitted>, Refusal)>,
}

/// A statement that may come next, and what it changes.
#[derive(Debug)]
struct Fit {
    changes: Changes,
    /// What is remembered of its request; genesis answers none.
    remembered: Option<Remembered>,
}

/// A request that is to be remembered.
#[derive(Debug)]
struct Remembered {
    state_key: Vec<u8>,
    last_height: Height,
    /// The last height of an expired request with the same id, whose place it takes.
    replaces: Option<Height>,
}

/// What is found out about a statement before anything is changed.
#[derive(Debug)]
enum Judged {
    Fits(Fit),
    Repeated(Committed),
}

impl<'a> Execution<'a> {
    /// Starts the block above `before` at `time_ms`: what has expired leaves the state first, in the
    /// order of its last heights and keys, the rest of it with later blocks.
    pub(crate) fn start(
        rules: &'a Rules,
        moment: &'a Moment<'a>,
        before: Option<Tip>,
        time_ms: i64,
    ) -> Result<Self, Error> {
        let height = Height(before.as_ref().map_or(0, |tip| tip.height.0).saturating_add(1));
        let log = before.as_ref().map_or_else(merkle::Frontier::new, |tip| tip.log.clone());
        let first = LogIndex(log.size());
        let mut outcome = Outcome::default();
        let mut last_expired = before.as_ref().map_or_else(Vec::new, |tip| tip.expired.clone());
        for (row, state_key) in moment.expired(&last_expired, height, MAX_EXPIRED)? {
            last_expired.clone_from(&row);
            outcome.expired.push(row);
            outcome.state.insert(state_key, None);
        }
        Ok(Self {
            rules,
            moment,
            before,
            height,
            time_ms,
            log,
            first,
            entries: Vec::new(),
            touched: BTreeMap::new(),
            outcome,
            last_expired,
            refused: Vec::new(),
        })
    }

    /// Reads the histories of all tags that `coming` bears in one go.
    pub(crate) fn fetch<'b>(
        &mut self,
        coming: impl Iterator<Item = &'b Admitted>,
    ) -> Result<(), Error> {
        let leaves = coming.flat_map(|admitted| &admitted.decoded);
        let mut tags: Vec<Tag> = leaves.flat_map(|leaf| &leaf.tags).map(|(tag, _)| *tag).collect();
        tags.sort_unstable();
        tags.dedup();
        let found = self.moment.histories(&tags)?;
        for (tag, history) in tags.into_iter().zip(found) {
            self.touched.insert(tag, (history.unwrap_or_default(), false));
        }
        Ok(())
    }

    /// Executes one statement after those before it. Only what is taken changes anything.
    pub(crate) fn add(&mut self, admitted: &Arc<Admitted>) -> Result<Verdict, Error> {
        match self.judge(admitted, &self.outcome.state) {
            Ok(Judged::Fits(fit)) => {
                self.change(admitted, fit);
                self.append(admitted);
                Ok(Verdict::Taken)
            }
            Ok(Judged::Repeated(committed)) => Ok(Verdict::Repeated(committed)),
            Err(Failure::Refused(refusal)) => Ok(Verdict::Refused(refusal)),
            Err(Failure::Broken(error)) => Err(error),
        }
    }

    /// Executes one statement of those that wait. What the state before this block alone decides is
    /// given, to be answered at once; a refusal that follows from this block is kept with it.
    pub(crate) fn offer(&mut self, admitted: &Arc<Admitted>) -> Result<Option<Verdict>, Error> {
        let verdict = match self.add(admitted)? {
            Verdict::Taken => return Ok(None),
            verdict if self.is_empty() => return Ok(Some(verdict)),
            verdict => verdict,
        };
        match (self.judge(admitted, &Overlay::new()), verdict) {
            (Ok(Judged::Repeated(committed)), _) => Ok(Some(Verdict::Repeated(committed))),
            (Err(Failure::Refused(refusal)), _) => Ok(Some(Verdict::Refused(refusal))),
            (Err(Failure::Broken(error)), _) => Err(error),
            (Ok(Judged::Fits(_)), Verdict::Refused(refusal)) => {
                self.refused.push((admitted.clone(), refusal));
                Ok(None)
            }
            // Its double is in this very block, and is not durable before the block is.
            (Ok(Judged::Fits(_)), _) => Ok(None),
        }
    }

    fn present(&self) -> Present<'_> {
        Present { moment: self.moment, overlay: &self.outcome.state }
    }

    /// Decides about a statement after the changes in `overlay`.
    fn judge(&self, admitted: &Admitted, overlay: &Overlay) -> Result<Judged, Failure> {
        let present = Present { moment: self.moment, overlay };
        let (statement, machine) = (&admitted.statement, &self.rules.machine);
        let mut remembered = None;
        if let Some(terms) = admitted.terms() {
            let state_key = keys::request(statement.issuer(), &terms.request_id);
            let replaces = match present.request_row(&state_key)? {
                Some(row) if row.last_height >= self.height => {
                    return repeated(&row, statement.subject()).map(Judged::Repeated);
                }
                row => row.map(|row| row.last_height),
            };
            let last_height = terms.last_height;
            in_window(last_height, self.height, self.rules.max_window)?;
            remembered = Some(Remembered { state_key, last_height, replaces });
            let key_id = statement.key_id();
            let key = machine.statement_key(&present, statement.issuer(), &key_id)?;
            if key != admitted.key {
                let message = "the key was replaced while the statement waited";
                return Err(Refusal::new(reason::KEY_UNKNOWN, message).into());
            }
        } else if self.before.is_some() {
            let message = "a log has one genesis statement, and this one has begun";
            return Err(Refusal::new(reason::CONTENT_TYPE_UNKNOWN, message).into());
        }
        let changes = machine.apply(&present, self.height, self.time_ms, statement)?;
        Ok(Judged::Fits(Fit { changes, remembered }))
    }

    /// Takes a statement's changes to the state.
    fn change(&mut self, admitted: &Admitted, fit: Fit) {
        for (key, value) in fit.changes {
            assert!(
                MACHINE_GROUND.iter().any(|ground| key.starts_with(ground)),
                "a machine writes its own namespaces only"
            );
            self.outcome.state.insert(key, value);
        }
        if let Some(Remembered { state_key, last_height, replaces }) = fit.remembered {
            let row = RequestRow {
                subject: *admitted.statement.subject(),
                index: LogIndex(self.log.size()),
                height: self.height,
                leaves: u32::try_from(admitted.leaves.len()).unwrap_or(u32::MAX),
                last_height,
            };
            // Its row must not clear away the one that takes its place.
            let replaced = replaces.map(|expired| keys::expiry(expired, &state_key));
            self.outcome.expired.extend(replaced);
            self.outcome.expiring.push((last_height, state_key.clone()));
            self.outcome.state.insert(state_key, Some(row.encode()));
        }
    }

    /// Appends to the log, and to the history of every tag.
    fn append(&mut self, admitted: &Arc<Admitted>) {
        let index = LogIndex(self.log.size());
        let tree = &mut self.outcome.tree;
        self.log.push(Rfc9162Sha256::leaf(&admitted.bytes), &mut |node, digest| {
            tree.push((node, digest));
        });
        for (leaf, number) in admitted.decoded.iter().zip(0..) {
            let position = Position { index, leaf: LeafIndex(number) };
            let hash = position.leaf_hash();
            for (tag, _mark) in &leaf.tags {
                let touched = self.touched.get_mut(tag);
                assert!(touched.is_some(), "the histories of a block's tags are fetched before");
                let Some((history, changed)) = touched else { continue };
                self.outcome.positions.push((*tag, history.size(), position));
                history.push(hash, &mut |_, _| ());
                *changed = true;
            }
        }
        self.entries.push(admitted.clone());
    }

    /// Whether nothing was taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Updates the state tree and writes the header.
    pub(crate) fn finish(mut self) -> Result<Candidate, Error> {
        let members = self.members()?;
        let changes = self.state_changes();
        let moment = self.moment;
        let mut read = |path: &Path| moment.page(path);
        let update = merkle::map::update::<StateHash, Error>(&mut read, &changes)?;
        self.outcome.pages = update.pages;

        let contents = self.entries.iter().map(|entry| (&entry.bytes[..], entry.leaves.as_slice()));
        let header = Header {
            consortium: self.rules.consortium.clone(),
            height: self.height,
            parent: self.before.as_ref().map_or([0; 32], |tip| tip.hash),
            time_ms: self.time_ms,
            contents: contents_digest(contents),
            log_size: LogSize(self.log.size()),
            log_root: self.log.root(),
            state_root: update.root,
            members,
        };
        let hash = header.hash();
        let tip = Tip {
            height: self.height,
            hash,
            time_ms: self.time_ms,
            log: self.log,
            state_root: update.root,
            members,
            expired: self.last_expired,
        };
        let Self { first, entries, outcome, refused, .. } = self;
        Ok(Candidate { header, hash, first, entries, tip, outcome, refused })
    }

    /// The digest of the member set, computed anew only when a member's record changed.
    fn members(&self) -> Result<Digest, Error> {
        let changed = self.outcome.state.range(b"member/".to_vec()..).next();
        let changed = changed.is_some_and(|(key, _)| key.starts_with(b"member/"));
        match &self.before {
            Some(before) if !changed => Ok(before.members),
            _ => match self.rules.machine.members(&self.present()) {
                Ok(members) => Ok(members_digest(&members)),
                Err(Failure::Broken(error)) => Err(error),
                Err(Failure::Refused(refusal)) => Err(Error::Damaged {
                    what: refusal.to_string(),
                    place: "member records of the state".to_owned(),
                }),
            },
        }
    }

    /// What the block changes in the state tree, histories included.
    fn state_changes(&mut self) -> BTreeMap<Digest, Option<Digest>> {
        let touched = std::mem::take(&mut self.touched);
        let changed = touched.into_iter().filter(|(_, (_, changed))| *changed);
        self.outcome.histories = changed.map(|(tag, (history, _))| (tag, history)).collect();
        let state =
            self.outcome.state.iter().map(|(key, value)| state_entry(key, value.as_deref()));
        let histories = self.outcome.histories.iter();
        let histories = histories.map(|(tag, history)| history_entry(tag, history));
        state.chain(histories).collect()
    }
}

/// What is answered for a request that is in the state already.
pub(crate) fn repeated(row: &RequestRow, subject: &Digest) -> Result<Committed, Failure> {
    if row.subject == *subject {
        let RequestRow { index, height, leaves, .. } = *row;
        return Ok(Committed { index, height, leaves, repeat: true });
    }
    Err(reused().into())
}

/// The refusal of a request id that came with other content before.
pub(crate) fn reused() -> Refusal {
    let message = "this request id came with other content before; choose a new one";
    Refusal::new(reason::REQUEST_ID_REUSED, message).at("request_id")
}

/// Checks that a statement may be committed at `height`.
pub(crate) fn in_window(
    last_height: Height,
    height: Height,
    max_window: u64,
) -> Result<(), Refusal> {
    if last_height < height {
        let message = format!("it could be committed up to height {last_height}, now is {height}");
        return Err(Refusal::new(reason::STATEMENT_EXPIRED, message).at("last_height"));
    }
    if last_height.0 - height.0 > max_window {
        let message = format!(
            "its last height {last_height} is more than {max_window} blocks above {height}"
        );
        return Err(Refusal::new(reason::WINDOW_TOO_LONG, message).at("last_height"));
    }
    Ok(())
}
