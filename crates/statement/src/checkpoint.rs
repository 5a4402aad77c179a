//! Checkpoints as C2SP signed notes: text that people can read and any tool can check.
//!
//! ```text
//! quayside/demo
//! 42
//! <log root, base64>
//! height 17
//! time 1795000000000
//! state <state root, base64>
//!
//! — quayside/demo/member/hz-forwarder <key hash and signature, base64>
//! ```

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use party::{ConsortiumId, MemberId, Members, PublicKey};
use sha2::{Digest as _, Sha256};

use crate::{Digest, Error, Header, Height, LogSize, Part, SigningKey, verify};

/// A note that is longer than this is refused unread.
const MAX_NOTE_BYTES: usize = 65_535;

/// What a quorum signs: how far the log and the state it implies have come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log it is.
    pub consortium: ConsortiumId,
    /// The log's size.
    pub size: LogSize,
    /// The log's root.
    pub log_root: Digest,
    /// The height of the block with this size.
    pub height: Height,
    /// The time of that block: milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// The state tree's root after that block.
    pub state_root: Digest,
}

impl Checkpoint {
    /// The checkpoint of a block.
    #[must_use]
    pub fn of(header: &Header) -> Self {
        Self {
            consortium: header.consortium.clone(),
            size: header.log_size,
            log_root: header.log_root,
            height: header.height,
            time_ms: header.time_ms,
            state_root: header.state_root,
        }
    }

    /// The text that is signed, up to and with the newline before the empty line.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "quayside/{}\n{}\n{}\nheight {}\ntime {}\nstate {}\n",
            self.consortium,
            self.size,
            STANDARD.encode(self.log_root),
            self.height,
            self.time_ms,
            STANDARD.encode(self.state_root),
        )
    }

    fn parse(text: &str) -> Result<Self, Error> {
        let mut lines = text.lines();
        let mut next = |prefix: &'static str, why: &'static str| {
            lines.next().and_then(|line| line.strip_prefix(prefix)).ok_or_else(|| bad(why))
        };
        let origin = next("quayside/", "its origin is not `quayside/<consortium>`")?;
        let size = next("", "it has no size")?;
        let log_root = next("", "it has no root")?;
        let height = next("height ", "it has no height line")?;
        let time = next("time ", "it has no time line")?;
        let state_root = next("state ", "it has no state line")?;
        let checkpoint = Self {
            consortium: origin.parse().map_err(|_| bad("its origin names no consortium"))?,
            size: LogSize(size.parse().map_err(|_| bad("its size is no number"))?),
            log_root: digest(log_root)?,
            height: Height(height.parse().map_err(|_| bad("its height is no number"))?),
            time_ms: time.parse().map_err(|_| bad("its time is no number"))?,
            state_root: digest(state_root)?,
        };
        // What remains (a plus sign, leading zeros, more lines) shows when it is written again.
        if checkpoint.text() == text {
            Ok(checkpoint)
        } else {
            Err(bad("its text is not in the one form it may have"))
        }
    }
}

/// One member's signature under a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteLine {
    /// Who signed.
    pub member: MemberId,
    /// The first 4 bytes of SHA-256 over name, newline, algorithm and key.
    pub key_hash: [u8; 4],
    /// Ed25519 over the text.
    pub signature: [u8; 64],
}

/// A checkpoint with signature lines, one per member, in the order of the members' ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    checkpoint: Checkpoint,
    lines: Vec<NoteLine>,
}

impl Note {
    /// Signs a checkpoint in the name of each member with its receipt key.
    #[must_use]
    pub fn sign(checkpoint: &Checkpoint, signers: &[(&MemberId, &SigningKey)]) -> Self {
        let mut note = Self { checkpoint: checkpoint.clone(), lines: Vec::new() };
        for (member, key) in signers {
            note.add(member, key);
        }
        note
    }

    /// Adds a member's line, or replaces the one it has.
    pub fn add(&mut self, member: &MemberId, key: &SigningKey) {
        let line = NoteLine {
            member: member.clone(),
            key_hash: key_hash(&self.signer(member), &key.public()),
            signature: key.sign(self.checkpoint.text().as_bytes()),
        };
        self.lines.retain(|old| old.member != *member);
        self.lines.push(line);
        self.lines.sort_by(|a, b| a.member.cmp(&b.member));
    }

    /// What the lines sign; believe it only after [`Note::verify`].
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The signature lines.
    #[must_use]
    pub fn lines(&self) -> &[NoteLine] {
        &self.lines
    }

    /// Writes the note.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = self.checkpoint.text();
        text.push('\n');
        for line in &self.lines {
            let signature = STANDARD.encode([&line.key_hash[..], &line.signature[..]].concat());
            let signer = self.signer(&line.member);
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "\u{2014} {signer} {signature}");
        }
        text
    }

    /// Reads a note.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] or [`Error::TooLarge`] if the text is not in the one form it may have.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (found_bytes, limit_bytes) = (text.len(), MAX_NOTE_BYTES);
        if found_bytes > limit_bytes {
            return Err(Error::TooLarge { part: Part::Note, found_bytes, limit_bytes });
        }
        let split = text.find("\n\n").ok_or_else(|| bad("no empty line ends its text"))?;
        let (head, tail) = text.split_at(split + 1);
        let checkpoint = Checkpoint::parse(head)?;
        let prefix = format!("\u{2014} quayside/{}/member/", checkpoint.consortium);
        let mut lines = Vec::new();
        for line in tail.lines().skip(1) {
            let line = line.strip_prefix(&prefix).ok_or_else(|| bad("a line names no member"))?;
            lines.push(parse_line(line)?);
        }
        let note = Self { checkpoint, lines };
        let increasing = note.lines.iter().zip(note.lines.iter().skip(1));
        if !increasing.into_iter().all(|(a, b)| a.member < b.member) {
            return Err(bad("its lines are not in the order of the members' ids"));
        }
        if note.to_text() == text { Ok(note) } else { Err(bad("it is not in its one form")) }
    }

    /// Checks that every line is a validator's and holds, and that they are a quorum.
    ///
    /// # Errors
    ///
    /// [`Error::ConsortiumMismatch`], [`Error::MemberUnknown`], [`Error::KeyUnknown`],
    /// [`Error::SignatureInvalid`] or [`Error::NoQuorum`].
    pub fn verify(&self, members: &Members) -> Result<&Checkpoint, Error> {
        let part = Part::Note;
        if self.checkpoint.consortium != *members.consortium() {
            let found = self.checkpoint.consortium.to_string();
            let expected = members.consortium().to_string();
            return Err(Error::ConsortiumMismatch { part, found, expected });
        }
        let text = self.checkpoint.text();
        for line in &self.lines {
            let name = || line.member.to_string();
            let member = members
                .get(&line.member)
                .filter(|member| members.validators().contains(&member.id))
                .ok_or_else(|| Error::MemberUnknown { part, member: name() })?;
            if line.key_hash != key_hash(&self.signer(&member.id), &member.receipt_key) {
                return Err(Error::KeyUnknown { part, member: name() });
            }
            verify(&member.receipt_key, text.as_bytes(), &line.signature)?;
        }
        let (found, needed) = (self.lines.len(), members.quorum());
        if found < needed {
            return Err(Error::NoQuorum { found, needed });
        }
        Ok(&self.checkpoint)
    }

    fn signer(&self, member: &MemberId) -> String {
        format!("quayside/{}/member/{member}", self.checkpoint.consortium)
    }
}

fn parse_line(line: &str) -> Result<NoteLine, Error> {
    let (member, signature) = line.split_once(' ').ok_or_else(|| bad("a line has no signature"))?;
    let member = member.parse().map_err(|_| bad("a line names no member"))?;
    let bytes = STANDARD.decode(signature).map_err(|_| bad("a signature is not base64"))?;
    let (key_hash, signature) = bytes
        .split_first_chunk::<4>()
        .and_then(|(hash, rest)| Some((*hash, <[u8; 64]>::try_from(rest).ok()?)))
        .ok_or_else(|| bad("a signature has not 68 bytes"))?;
    Ok(NoteLine { member, key_hash, signature })
}

fn digest(text: &str) -> Result<Digest, Error> {
    let bytes = STANDARD.decode(text).map_err(|_| bad("a root is not base64"))?;
    bytes.try_into().map_err(|_| bad("a root has not 32 bytes"))
}

/// The key id of C2SP signed notes; 0x01 stands for Ed25519.
fn key_hash(signer: &str, key: &PublicKey) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(signer.as_bytes());
    hasher.update([0x0a, 0x01]);
    hasher.update(key.0);
    let [a, b, c, d, ..]: Digest = hasher.finalize().into();
    [a, b, c, d]
}

const fn bad(why: &'static str) -> Error {
    Error::Malformed { part: Part::Note, why }
}

#[cfg(test)]
mod tests;
