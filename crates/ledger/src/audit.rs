//! Checking a ledger's directory offline, by doing everything again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use merkle::{Digest, map};
use party::Members;
use statement::{Height, LogIndex, LogSize, members_digest};
use store::{Access, Keys, Store, Sync};

use crate::admit::{Bodies, Rules};
use crate::execute::{Candidate, Execution, Verdict};
use crate::marker::Marker;
use crate::moment::{Moment, Overlay, Present};
use crate::open::{first_block, open_store, recover};
use crate::pages::Newer;
use crate::read::{BlockRecord, StatementRecord, block_record, lost};
use crate::rows::wide;
use crate::{Error, Failure, Machine, keys, post_audit, write};

/// The families that follow from the entries alone, and so must come out of a replay alike.
const DERIVED: [&str; 8] = [
    keys::ENTRIES,
    keys::LEAVES,
    keys::TREE,
    keys::STATE,
    keys::HISTORIES,
    keys::POSITIONS,
    keys::EXPIRY,
    keys::COMMITMENTS,
];

/// Memory for the cache of each of the two stores, in bytes.
const CACHE_BYTES: usize = 128 << 20;

/// What a check has found, when it found no fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The last block.
    pub height: Height,
    /// Its hash.
    pub hash: Digest,
    /// The log's size.
    pub log_size: LogSize,
    /// The log's root.
    pub log_root: Digest,
    /// The state tree's root.
    pub state_root: Digest,
    /// Statements, genesis among them.
    pub statements: u64,
    /// Events.
    pub events: u64,
    /// Events whose body is not there: erased, or never held here.
    pub bodies_missing: u64,
    /// Reader entries that their readers have not removed yet.
    pub reader_entries: u64,
}

/// What is checked, and what it is checked against.
#[derive(Clone, Copy, Debug)]
pub struct Audit<'a> {
    /// The ledger's directory; nothing in it is changed.
    pub path: &'a Path,
    /// The signed genesis statement that the log must begin with.
    pub genesis: &'a Bytes,
    /// The members that the caller pins: those of genesis, or those that the log has come to.
    pub members: &'a Members,
    /// A directory to replay in, made here and removed again. It takes about as much room as the
    /// ledger without its bodies, and must not lie in the ledger's own.
    pub scratch: &'a Path,
}

/// Checks a ledger without changing it: reads every block, verifies every signature, leaf and body,
/// executes all of it again elsewhere, and compares every row.
///
/// `progress` is told the height done and the last one. A node may be running on the directory
/// meanwhile: what it adds is not looked at.
///
/// # Errors
///
/// The first fault, with its place.
pub fn check(
    audit: &Audit<'_>,
    machine: Arc<dyn Machine>,
    progress: &mut dyn FnMut(Height, Height),
) -> Result<Report, Error> {
    let path = audit.path;
    let (rules, content, admitted) = Rules::found(audit.genesis, machine)?;
    // Read before the store, so that a running node cannot make the marker the later of the two.
    let marked = Marker::read(path)?;
    let store = open_store(path, Access::Read, CACHE_BYTES)?;
    let moment = Moment::of(&store);
    let place = path.display().to_string();
    let tip = recover(&moment, &place, audit.genesis, marked)?;
    let tip = tip.ok_or_else(|| Error::NotFound { what: format!("{place}: a first block") })?;
    let newer = Newer::recover(&moment, &tip)?;
    let pinned = members_digest(audit.members);
    if pinned != members_digest(&content.members) && pinned != tip.members {
        let why = "the pinned members are neither its own nor those of the last block".to_owned();
        return Err(Error::Genesis { why });
    }

    let scratch = Scratch::make(audit.scratch, path)?;
    let again = open_store(&scratch.path, Access::Write, CACHE_BYTES)?;
    let mut report = Report {
        height: tip.height,
        hash: tip.hash,
        log_size: LogSize(tip.log.size()),
        log_root: tip.log.root(),
        state_root: tip.state_root,
        statements: 0,
        events: 0,
        bodies_missing: 0,
        reader_entries: 0,
    };
    let mut first = Some(admitted);
    for height in (1..=tip.height.0).map(Height) {
        let row = moment.block(height)?.ok_or_else(|| lost(height))?;
        let record = block_record(&moment, row)?;
        report.count(&record);
        let present = Moment::of(&again);
        let candidate = match first.take() {
            Some(genesis) => first_block(&rules, &present, &content, genesis)?,
            None => replay(&rules, &present, &record)?,
        };
        compare(&candidate, &record)?;
        drop(present);
        // Nothing is kept in memory here, so that the pages can be compared at the end.
        let none = Newer { written: Height(height.0.saturating_sub(1)), ..Newer::default() };
        let certificate = &record.certificate;
        let batch = write::batch(&again, &candidate, certificate, false, Some(&none));
        again.write(batch, Sync::No)?;
        progress(height, tip.height);
    }
    for family in DERIVED {
        same_rows(&store, &again, family)?;
    }
    same_pages(&store, &newer, &again)?;
    report.reader_entries = post_audit::check(&store, &moment)?;
    drop(again);
    Ok(report)
}

impl Report {
    fn count(&mut self, record: &BlockRecord) {
        self.statements = self.statements.saturating_add(wide(record.statements.len()));
        for statement in &record.statements {
            let missing = statement.bodies.iter().filter(|body| body.is_none()).count();
            self.events = self.events.saturating_add(wide(statement.leaves.len()));
            self.bodies_missing = self.bodies_missing.saturating_add(wide(missing));
        }
    }
}

/// Admits and executes a block's statements again.
fn replay(rules: &Rules, moment: &Moment<'_>, record: &BlockRecord) -> Result<Candidate, Error> {
    let overlay = Overlay::new();
    let present = Present { moment, overlay: &overlay };
    let admit = |one: &StatementRecord| {
        let signed = rules.verify(one.statement.clone(), &present)?;
        let bodies: Vec<Option<Bytes>> = one.bodies.clone();
        Ok(Arc::new(rules.admit(signed, one.leaves.clone(), bodies, Bodies::Right)?))
    };
    let mut entries = Vec::with_capacity(record.statements.len());
    for one in &record.statements {
        entries.push(admit(one).map_err(|failure| blame(failure, one.index))?);
    }
    let tip = moment.some_tip()?;
    let mut execution = Execution::start(rules, moment, Some(tip), record.header.time_ms)?;
    execution.fetch(entries.iter().map(AsRef::as_ref))?;
    for (admitted, one) in entries.iter().zip(&record.statements) {
        match execution.add(admitted)? {
            Verdict::Taken => {}
            Verdict::Repeated(before) => {
                let what = format!("it repeats the request of entry {}", before.index);
                return Err(Error::Damaged { what, place: format!("entry {}", one.index) });
            }
            Verdict::Refused(refusal) => return Err(blame(refusal.into(), one.index)),
        }
    }
    execution.finish()
}

fn blame(failure: Failure, index: LogIndex) -> Error {
    match failure {
        Failure::Broken(error) => error,
        Failure::Refused(refusal) => {
            Error::Damaged { what: refusal.to_string(), place: format!("entry {index}") }
        }
    }
}

/// Compares a block that was executed again with its header.
fn compare(candidate: &Candidate, record: &BlockRecord) -> Result<(), Error> {
    let (stored, again) = (&record.header, &candidate.header);
    let parts = [
        (stored.parent == again.parent, "the parent"),
        (stored.time_ms == again.time_ms, "the time"),
        (stored.contents == again.contents, "the digest of the contents"),
        (stored.log_size == again.log_size, "the log size"),
        (stored.log_root == again.log_root, "the log root"),
        (stored.state_root == again.state_root, "the state root"),
        (stored == again, "the header"),
    ];
    match parts.iter().find(|(holds, _)| !holds) {
        Some((_, part)) => Err(Error::Damaged {
            what: format!("{part} is not what its entries give"),
            place: format!("block {}", stored.height),
        }),
        None => Ok(()),
    }
}

/// Compares all rows of a family.
fn same_rows(stored: &Store, again: &Store, family: &'static str) -> Result<(), Error> {
    let mut left = stored.scan(family, Keys::All)?;
    let mut right = again.scan(family, Keys::All)?;
    for number in 0_u64.. {
        let (one, other) = (left.next().transpose()?, right.next().transpose()?);
        if one != other {
            let what = "it is not the row that the entries give".to_owned();
            return Err(Error::Damaged { what, place: format!("row {number} of {family}") });
        }
        if one.is_none() {
            break;
        }
    }
    Ok(())
}

/// Compares all pages of the state tree; `newer` stand in place of the stored ones.
fn same_pages(stored: &Store, newer: &Newer, again: &Store) -> Result<(), Error> {
    let damaged = |what: &str, place| Error::Damaged { what: what.to_owned(), place };
    let mut count = 0_u64;
    for row in again.scan(keys::PAGES, Keys::All)? {
        let (path, page) = row?;
        let mine = match newer.pages.get(&map::Path::from_bytes(&path)?) {
            Some(page) => page.as_ref().map(map::Page::encode),
            None => stored.value(keys::PAGES, &path)?,
        };
        if mine.as_deref() != Some(&page) {
            let place = format!("row {path:02x?} of {}", keys::PAGES);
            return Err(damaged("it is not the page that the entries give", place));
        }
        count = count.saturating_add(1);
    }
    // All that should be there is; what remains to be seen is that nothing else is.
    let mut others = wide(newer.pages.values().flatten().count());
    for row in stored.scan(keys::PAGES, Keys::All)? {
        let (path, _) = row?;
        if !newer.pages.contains_key(&map::Path::from_bytes(&path)?) {
            others = others.saturating_add(1);
        }
    }
    if others == count {
        return Ok(());
    }
    let what = format!("{others} pages are there, the entries give {count}");
    Err(damaged(&what, keys::PAGES.to_owned()))
}

/// A directory for the replay, removed when the check ends.
#[derive(Debug)]
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes the directory, which must not be there yet: what is there is somebody else's.
    fn make(path: &Path, ledger: &Path) -> Result<Self, Error> {
        let failed = |why: String| Error::File { path: path.display().to_string(), why };
        std::fs::create_dir(path).map_err(|error| failed(error.to_string()))?;
        let scratch = Self { path: path.to_owned() };
        let whole = |path: &Path| path.canonicalize().map_err(|error| failed(error.to_string()));
        if whole(path)?.starts_with(whole(ledger)?) {
            return Err(failed("a ledger is not replayed within its own directory".to_owned()));
        }
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It is the caller's temporary directory: what stays there is cleared in time.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
