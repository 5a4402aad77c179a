//! The log's promise: a COSE receipt with an inclusion proof (RFC 9942, `RFC9162_SHA256`).

use merkle::{Rfc9162Sha256, TreeHash};
use party::{ConsortiumId, MemberId, Members};

use crate::cbor::{Reader, Writer};
use crate::cose::{Kind, Protected, Sign1};
use crate::{Digest, Error, LogIndex, LogSize, Part, SigningKey, Statement, verify};

/// A receipt is about 300 bytes and 34 for each level of the log's tree.
const MAX_RECEIPT_BYTES: usize = 8_192;
/// How many levels a log of 2^63 entries has.
const MAX_PATH: u64 = 63;

/// Signs and checks receipts; a receipt itself is bytes, kept as they were signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {}

/// What a receipt that holds says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptFacts {
    /// The validator who signed.
    pub member: MemberId,
    /// Where the statement stands in the log.
    pub index: LogIndex,
    /// The size of the log that has `root`.
    pub size: LogSize,
    /// The log's root, as the path leads to it.
    pub root: Digest,
}

impl Receipt {
    /// Signs a receipt for a statement at `index` of a log of `size`, to whose root `path` leads.
    ///
    /// # Errors
    ///
    /// [`Error::Mismatch`] if the path does not fit, or the log has one entry only: its path is
    /// empty, which RFC 9942 cannot write.
    pub fn sign(
        key: &SigningKey,
        consortium: &ConsortiumId,
        member: &MemberId,
        statement: &[u8],
        index: LogIndex,
        size: LogSize,
        path: &[Digest],
    ) -> Result<Vec<u8>, Error> {
        let subject = *Statement::decode(statement)?.subject();
        let root = root(statement, index, size, path)?;
        let protected = Protected {
            key_id: key.id(),
            kind: Kind::Receipt { size, index },
            consortium: consortium.clone(),
            issuer: member.clone(),
            subject,
        };
        let proof = Some(proof(index, size, path));
        Sign1::sign(key, protected, proof, root.to_vec(), false).encode(Part::Receipt)
    }

    /// Checks the form alone, so that a bundle can tell which of its parts is broken.
    pub(crate) fn check_form(bytes: &[u8]) -> Result<(), Error> {
        let message = Sign1::decode(Part::Receipt, bytes, MAX_RECEIPT_BYTES)?;
        read_proof(message.proof.as_deref().unwrap_or_default()).map(drop)
    }

    /// Checks a receipt for a statement against the members that the caller pins.
    ///
    /// # Errors
    ///
    /// If the receipt is malformed or not deterministic, is not a validator's, is for another
    /// statement, or does not hold.
    pub fn verify(
        bytes: &[u8],
        statement: &Statement,
        members: &Members,
    ) -> Result<ReceiptFacts, Error> {
        let part = Part::Receipt;
        let message = Sign1::decode(part, bytes, MAX_RECEIPT_BYTES)?;
        let Protected { key_id, kind, consortium, issuer, subject } = &message.protected;
        let Kind::Receipt { size, index } = *kind else {
            return Err(Error::Malformed { part, why: "it is a statement, not a receipt" });
        };
        if message.payload.is_some() {
            return Err(Error::Malformed { part, why: "its payload is not detached" });
        }
        let (proven_index, proven_size, path) =
            read_proof(message.proof.as_deref().unwrap_or_default())?;
        if (proven_index, proven_size) != (index, size) {
            let why = "its proof is not for the position that is signed";
            return Err(Error::Mismatch { part, why });
        }
        if consortium != members.consortium() {
            let (found, expected) = (consortium.to_string(), members.consortium().to_string());
            return Err(Error::ConsortiumMismatch { part, found, expected });
        }
        if subject != statement.subject() {
            return Err(Error::Mismatch { part, why: "it is for another statement" });
        }
        let member = members
            .get(issuer)
            .filter(|member| members.validators().contains(&member.id))
            .ok_or_else(|| Error::MemberUnknown { part, member: issuer.to_string() })?;
        if *key_id != party::KeyId::of(&member.receipt_key) {
            return Err(Error::KeyUnknown { part, member: issuer.to_string() });
        }
        let root = root(statement.as_bytes(), index, size, &path)?;
        verify(&member.receipt_key, &message.to_be_signed(&root), &message.signature)?;
        Ok(ReceiptFacts { member: issuer.clone(), index, size, root })
    }
}

fn root(
    statement: &[u8],
    index: LogIndex,
    size: LogSize,
    path: &[Digest],
) -> Result<Digest, Error> {
    let leaf = Rfc9162Sha256::leaf(statement);
    let root = merkle::root_from_inclusion::<Rfc9162Sha256>(&leaf, index.0, size.0, path);
    match root {
        Ok(root) if !path.is_empty() => Ok(root),
        _ => Err(Error::Mismatch {
            part: Part::Receipt,
            why: "its path does not fit the statement's position in the log",
        }),
    }
}

/// RFC 9942's inclusion proof: CBOR [size, index, [digest, ...]].
fn proof(index: LogIndex, size: LogSize, path: &[Digest]) -> Vec<u8> {
    let mut out = Writer::with_capacity(24 + 34 * path.len());
    out.array(3).uint(size.0).uint(index.0).array(path.len());
    for digest in path {
        out.bytes(digest);
    }
    out.into_bytes()
}

fn read_proof(bytes: &[u8]) -> Result<(LogIndex, LogSize, Vec<Digest>), Error> {
    let mut input = Reader::new(Part::Receipt, bytes);
    input.array(3)?;
    let size = LogSize(input.uint()?);
    let index = LogIndex(input.uint()?);
    let count = input.array_up_to(MAX_PATH, "levels")?;
    let path = (0..count).map(|_| input.fixed()).collect::<Result<Vec<Digest>, _>>()?;
    input.same(&proof(index, size, &path))?;
    Ok((index, size, path))
}

#[cfg(test)]
mod tests;
