//! Verifies a block against everything that came before it.

use std::sync::Arc;

use bytes::Bytes;
use contracts::{AnnounceSecret, RetireKey};
use epcis::{Action, Event, Kind};
use gs1::Item;
use merkle::{Rfc9162Sha256, TreeHash};
use party::MemberId;
use rayon::prelude::*;
use statement::{
    Act, Body, Capture, Content, Header, Height, LeafIndex, Mark, Position, Statement, Tag,
    body_digest, capture_tree, contents_digest, members_digest,
};

use crate::cursor::Cursor;
use crate::record::{Bond, Record, Told};
use crate::{Alert, Announcement, Block, Entry, Error, SealedLeaf};

/// A block that fits.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) header: Header,
    /// Where the index stands once it has taken the block.
    pub(crate) cursor: Cursor,
    pub(crate) leaves: Vec<Leaf>,
    /// The item secrets that it makes known.
    pub(crate) announced: Vec<Announcement>,
}

/// A leaf that fits, with what the index looks it up by.
#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) position: Position,
    /// Its tags, each with its mark if it is keyed.
    pub(crate) tags: Vec<(Tag, Option<Mark>)>,
    pub(crate) event_id: Option<String>,
    pub(crate) record: Record,
    /// What is kept of it for those who can open it; none for an open event.
    pub(crate) sealed: Option<SealedLeaf>,
}

/// A leaf of a capture that fits, with its body, if it is here.
struct Unread<'b> {
    issuer: MemberId,
    position: Position,
    leaf: &'b Bytes,
    body: Option<&'b Bytes>,
}

/// From how many leaves on a block is worth several threads.
const PARALLEL_FROM: usize = 1_000;

/// Who vouches for what the blocks hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vetting {
    /// Nobody: signatures, bodies and tags are verified here.
    Here,
    /// The ledger in this very process, which verified them before it took them in.
    SameProcess,
}

/// Verifies the block that comes after `cursor`.
pub(crate) fn check(cursor: &Cursor, block: &Block, vetting: Vetting) -> Result<Checked, Error> {
    let at = Blame { height: cursor.next(), vetting };
    let header = Header::decode(&block.header).map_err(|error| at.lied(error))?;
    at.demand(
        header.consortium == *cursor.members.consortium(),
        "the block is another consortium's",
    )?;
    at.demand(header.height == cursor.next(), "the block is not the next one")?;
    at.demand(header.parent == cursor.hash, "the block does not follow the one before it")?;
    at.demand(header.time_ms > cursor.time_ms, "the block's time does not increase")?;
    let contents = block.entries.iter().map(|entry| (&entry.statement[..], &entry.leaves[..]));
    at.demand(header.contents == contents_digest(contents), "the contents are not the header's")?;

    let mut cursor = cursor.clone();
    let (mut leaves, mut announced) = (Vec::new(), Vec::new());
    for entry in &block.entries {
        at.demand(
            entry.index.0 == cursor.log.size(),
            "a statement is not at its place in the log",
        )?;
        cursor.log.push(Rfc9162Sha256::leaf(&entry.statement), &mut |_, _| ());
        let said = check_entry(&at, &header, entry, &mut cursor)?;
        leaves.extend(said.leaves);
        announced.extend(said.announced);
    }
    let check = |leaf: Unread<'_>| check_leaf(&at, &header, leaf);
    let leaves = if leaves.len() < PARALLEL_FROM {
        leaves.into_iter().map(check).collect::<Result<_, _>>()?
    } else {
        leaves.into_par_iter().map(check).collect::<Result<_, _>>()?
    };
    at.demand(header.log_size.0 == cursor.log.size(), "the log has not the header's size")?;
    at.demand(header.log_root == cursor.log.root(), "the log has not the header's root")?;
    let members = members_digest(&cursor.members);
    at.demand(header.members == members, "the members are not the pinned ones")?;
    cursor.height = header.height;
    cursor.hash = header.hash();
    cursor.time_ms = header.time_ms;
    cursor.seen = cursor.seen.max(header.height);
    Ok(Checked { header, cursor, leaves, announced })
}

/// What one log entry brings to the index.
#[derive(Default)]
struct Said<'b> {
    leaves: Vec<Unread<'b>>,
    announced: Option<Announcement>,
}

/// Verifies one log entry: signature and capture tree. What the leaves say is read afterwards.
fn check_entry<'b>(
    at: &Blame,
    header: &Header,
    entry: &'b Entry,
    cursor: &mut Cursor,
) -> Result<Said<'b>, Error> {
    let mut said = Said::default();
    let statement = Statement::decode(&entry.statement).map_err(|error| at.lied(error))?;
    at.demand(*statement.consortium() == header.consortium, "a statement is another consortium's")?;
    if statement.content() == Content::Genesis {
        // It names the members and is signed by one of them; what binds it is the pinned digest.
        at.demand(entry.index.0 == 0, "a second genesis")?;
        return Ok(said);
    }
    let members = Arc::clone(&cursor.members);
    let issuer = members
        .get(statement.issuer())
        .ok_or_else(|| at.lied(format_args!("{} is no member", statement.issuer())))?;
    if at.vetting == Vetting::Here {
        statement.verify(&issuer.statement_key).map_err(|error| at.lied(error))?;
    }
    let in_time = statement.terms().is_some_and(|terms| header.height <= terms.last_height);
    at.demand(in_time, "a statement came after its last height")?;
    if statement.content() != Content::Capture {
        at.demand(entry.leaves.is_empty(), "only a capture has leaves")?;
        said.announced = check_act(at, header, &statement, cursor)?;
        return Ok(said);
    }
    let capture = Capture::decode(statement.payload()).map_err(|error| at.lied(error))?;
    let count = u32::try_from(entry.leaves.len()).map_err(|error| at.lied(error))?;
    at.demand(capture.count == count, "a capture has not the leaves that it says")?;
    let fits = at.vetting != Vetting::Here || capture.root == capture_tree::root(&entry.leaves);
    at.demand(fits, "leaves are not the capture's")?;
    at.demand(entry.bodies.len() == entry.leaves.len(), "there is not one body to each leaf")?;
    for (place, (leaf, body)) in (0..count).zip(entry.leaves.iter().zip(&entry.bodies)) {
        let position = Position { index: entry.index, leaf: LeafIndex(place) };
        let issuer = issuer.id.clone();
        said.leaves.push(Unread { issuer, position, leaf, body: body.as_ref() });
    }
    Ok(said)
}

/// Takes note of a member's new statement key, or of an item secret that is announced; other acts
/// say nothing to a view.
fn check_act(
    at: &Blame,
    header: &Header,
    statement: &Statement,
    cursor: &mut Cursor,
) -> Result<Option<Announcement>, Error> {
    let act = Act::decode(statement.payload()).map_err(|error| at.lied(error))?;
    match (statement.content(), act.name.as_str()) {
        (Content::Governance, RetireKey::NAME) => renew(at, statement, &act, cursor).map(|()| None),
        (Content::Command, AnnounceSecret::NAME) => {
            let said = AnnounceSecret::decode(&act.arguments)
                .map_err(|refusal| at.lied(refusal.message))?;
            Ok(Some(Announcement {
                id: said.secret_id,
                issuer: statement.issuer().clone(),
                tag: said.tag,
                height: header.height,
                predecessor: said.predecessor,
            }))
        }
        _ => Ok(None),
    }
}

/// Gives the issuer of a statement the new key that it proves to hold.
fn renew(at: &Blame, statement: &Statement, act: &Act, cursor: &mut Cursor) -> Result<(), Error> {
    let renewal = RetireKey::decode(&act.arguments).map_err(|refusal| at.lied(refusal.message))?;
    let (consortium, issuer) = (statement.consortium(), statement.issuer());
    renewal.verify(consortium, issuer).map_err(|refusal| at.lied(refusal.message))?;
    cursor.renew(issuer, renewal.new_key).map_err(|error| at.lied(error))
}

/// Verifies one leaf and, where it is here, its body.
fn check_leaf(at: &Blame, header: &Header, unread: Unread<'_>) -> Result<Leaf, Error> {
    let Unread { issuer, position, leaf, body } = unread;
    let leaf = statement::Leaf::decode(leaf).map_err(|error| at.lied(error))?;
    let mut tags = leaf.tags.clone();
    let mut record = Record {
        issuer,
        commitment: leaf.commitment,
        height: header.height,
        block_time_ms: header.time_ms,
        told: None,
        alert: None,
    };
    let (mut event_id, mut sealed) = (None, tags.iter().any(|(_, mark)| mark.is_some()));
    if let Some(body) = body {
        let fits = at.vetting != Vetting::Here || body_digest(body) == leaf.body_digest;
        at.demand(fits, "a body is not the one of its leaf")?;
        match read(at, header, &record.issuer, &leaf, body) {
            Ok(Some((event, json))) => {
                sealed = false;
                if at.vetting == Vetting::Here {
                    record.alert = correct(&mut tags, tags_of(&event));
                }
                event_id = event.event_id().map(str::to_owned);
                let bond = bond_of(&event);
                record.told = Some(Told { event_time_ms: event.event_time_unix_ms(), bond, json });
            }
            // What it names, only its readers can tell: its tags stay as they are.
            Ok(None) => sealed = true,
            Err(alert) => record.alert = Some(alert),
        }
    }
    let sealed = sealed.then(|| SealedLeaf {
        position,
        issuer: record.issuer.clone(),
        height: header.height,
        block_time_ms: header.time_ms,
        leaf,
        body: body.cloned(),
    });
    Ok(Leaf { position, tags, event_id, record, sealed })
}

/// Makes a leaf's tags those of what its event names.
///
/// The item that a leaf keeps silent about has the event all the same; that the ledger's proof lacks
/// it then shows in the item's trace.
fn correct(tags: &mut Vec<(Tag, Option<Mark>)>, named: Vec<Tag>) -> Option<Alert> {
    if named.iter().eq(tags.iter().map(|(tag, _)| tag)) {
        return None;
    }
    tags.extend(named.into_iter().map(|tag| (tag, None)));
    tags.sort_by_key(|(tag, _)| *tag);
    // Of a tag that is there twice, the leaf's own comes first and stays.
    tags.dedup_by_key(|(tag, _)| *tag);
    Some(Alert::TagsMismatch)
}

/// Reads a body: what it shows to everybody, if it is open.
///
/// What is off here was committed so, and the blocks after it are no worse for it: an alert, lest
/// one bad event blind the gateway to all that follow.
fn read(
    at: &Blame,
    header: &Header,
    issuer: &MemberId,
    leaf: &statement::Leaf,
    body: &[u8],
) -> Result<Option<(Event, String)>, Alert> {
    let body = Body::decode(body).map_err(|_| Alert::BodyMalformed)?;
    if at.vetting == Vetting::Here {
        // A sealed event's tag without a mark would let anybody pollute a history.
        body.check_marks(leaf).map_err(|_| Alert::TagsMismatch)?;
    }
    let body = match body {
        Body::Open(body) => body,
        Body::Sealed(_) => return Ok(None),
    };
    if at.vetting == Vetting::Here {
        let commitment = body.commitment(&header.consortium, issuer);
        if commitment.map_err(|_| Alert::BodyMalformed)? != leaf.commitment {
            return Err(Alert::CommitmentMismatch);
        }
    }
    let event = Event::from_canonical_json(&body.json).map_err(|_| Alert::BodyMalformed)?;
    Ok(Some((event, body.json)))
}

/// The plain tags of what an event names, increasing.
fn tags_of(event: &Event) -> Vec<Tag> {
    let mut tags: Vec<Tag> = event.items().iter().map(|item| Tag::open(item.canonical())).collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// What an aggregation does to its container.
pub(crate) fn bond_of(event: &Event) -> Option<Bond> {
    if event.kind() != Kind::Aggregation {
        return None;
    }
    let loads = match event.action()? {
        Action::Add => true,
        Action::Delete => false,
        Action::Observe => return None,
    };
    let container = Item::parse(event.parent_id()?).ok()?;
    let all = !loads && event.items().iter().all(|item| *item == container);
    Some(Bond { container: container.canonical().to_owned(), loads, all })
}

/// Blames the ledger for what does not fit at a height.
struct Blame {
    height: Height,
    vetting: Vetting,
}

impl Blame {
    fn lied(&self, what: impl ToString) -> Error {
        Error::Misbehaved { height: self.height, what: what.to_string() }
    }

    fn demand(&self, holds: bool, otherwise: &str) -> Result<(), Error> {
        if holds { Ok(()) } else { Err(self.lied(otherwise)) }
    }
}

#[cfg(test)]
mod tests;
