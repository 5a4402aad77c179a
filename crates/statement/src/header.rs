//! A block's header: what is voted, and what everything else is checked against.

use party::{ConsortiumId, Members};

use crate::cbor::{Reader, Writer};
use crate::hash::{CONTENTS, HEADER, MEMBERS};
use crate::{Digest, Error, Height, LogSize, Part};

/// The version of a set of members; the first had neither sealing keys nor link keys.
pub(crate) const MEMBERS_VERSION: u64 = 2;

/// CBOR [1, consortium, height, parent, time, contents digest, log size, log root, state root,
/// member-set digest].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whose block it is.
    pub consortium: ConsortiumId,
    /// The block's height, from 1.
    pub height: Height,
    /// The hash of the block before it; zero bytes for the first.
    pub parent: Digest,
    /// The block's time: milliseconds since 1970-01-01 UTC, strictly increasing.
    pub time_ms: i64,
    /// The digest of the statements and leaves: [`contents_digest`].
    pub contents: Digest,
    /// The log's size after this block.
    pub log_size: LogSize,
    /// The log's root after this block.
    pub log_root: Digest,
    /// The state tree's root after this block.
    pub state_root: Digest,
    /// The digest of the set of members: [`members_digest`].
    pub members: Digest,
}

impl Header {
    /// Writes the header.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(272);
        out.array(10).uint(1).text(self.consortium.as_str()).uint(self.height.0);
        out.bytes(&self.parent).int(self.time_ms).bytes(&self.contents);
        out.uint(self.log_size.0).bytes(&self.log_root);
        out.bytes(&self.state_root).bytes(&self.members);
        out.into_bytes()
    }

    /// Reads a header.
    ///
    /// # Errors
    ///
    /// If it is malformed or not deterministic.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::new(Part::Header, bytes);
        input.array(10)?;
        input.version()?;
        let header = Self {
            consortium: input.name()?,
            height: Height(input.uint()?),
            parent: input.fixed()?,
            time_ms: input.int()?,
            contents: input.fixed()?,
            log_size: LogSize(input.uint()?),
            log_root: input.fixed()?,
            state_root: input.fixed()?,
            members: input.fixed()?,
        };
        input.same(&header.encode())?;
        Ok(header)
    }

    /// The block's hash: H("header v1", header).
    #[must_use]
    pub fn hash(&self) -> Digest {
        HEADER.hash(&self.encode())
    }
}

/// The digest of what a block holds: H("contents v1", [[statement, [leaf, ...]], ...]).
///
/// Hashes as it goes, so that a block of thousands of leaves is never copied.
#[must_use]
pub fn contents_digest<'a, L>(entries: impl ExactSizeIterator<Item = (&'a [u8], &'a [L])>) -> Digest
where
    L: AsRef<[u8]> + 'a,
{
    let mut hasher = CONTENTS.hasher();
    let mut piece = Writer::with_capacity(4_096);
    piece.array(entries.len());
    for (statement, leaves) in entries {
        piece.array(2).bytes(statement).array(leaves.len());
        for leaf in leaves {
            piece.bytes(leaf.as_ref());
            if piece.len() >= 2_048 {
                hasher.update(piece.as_bytes());
                piece.clear();
            }
        }
    }
    hasher.update(piece.as_bytes());
    hasher.finalize().into()
}

/// The digest of a set of members: H("members v1", [2, consortium, [member, ...], [validator id,
/// ...], [[site, link key], ...]]), where a member is [id, roles, country, sites, statement key,
/// receipt key, vote key, sealing key], and a sealing key is null or [X25519 key, X-Wing key].
#[must_use]
pub fn members_digest(members: &Members) -> Digest {
    let mut out = Writer::with_capacity(512);
    write_members(&mut out, members);
    MEMBERS.hash(out.as_bytes())
}

/// Writes the set of members, as genesis carries it too.
pub(crate) fn write_members(out: &mut Writer, members: &Members) {
    out.array(5).uint(MEMBERS_VERSION).text(members.consortium().as_str());
    out.array(members.iter().len());
    for member in members.iter() {
        out.array(8).text(member.id.as_str());
        out.array(member.roles.len());
        for role in &member.roles {
            out.text(role.as_str());
        }
        out.text(&member.country.to_string());
        out.array(member.sites.len());
        for site in &member.sites {
            out.text(site.as_str());
        }
        for key in member.keys() {
            out.bytes(&key.0);
        }
        match &member.sealing_key {
            Some(key) => out.array(2).bytes(&key.x25519).bytes(key.x_wing.as_slice()),
            None => out.null(),
        };
    }
    out.array(members.validators().len());
    for validator in members.validators() {
        out.text(validator.as_str());
    }
    out.array(members.link_keys().len());
    for (site, key) in members.link_keys() {
        out.array(2).text(site.as_str()).bytes(&key.0);
    }
}
