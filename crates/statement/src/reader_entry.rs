//! Reader entries: what lets one reader open one part of a sealed body.
//!
//! An entry wraps the part's content key with a secret that sealer and reader share, and carries
//! the handle by which the reader comes to that secret. It lies beside the log, so that it can be
//! added for a new reader and destroyed once read; the sealer signs it for what it is and where it
//! belongs.

use party::{ConsortiumId, KeyId, MemberId, PublicKey};

use crate::cbor::{Reader, Writer};
use crate::hash::READER_ENTRY;
use crate::{Commitment, Digest, Error, MAX_PARTS, Part, SigningKey, verify};

/// The longest handle of an entry, in bytes: an X-Wing ciphertext with room for why others were
/// passed over.
pub const MAX_HANDLE_BYTES: usize = 4_096;

/// What the sealer's statement key signs here begins so; a statement begins otherwise.
const SIGNED_AS: &str = "reader entry v1";

/// CBOR [1, consortium, commitment, body digest, part, sealer, reader, reader key, handle, MAC,
/// wrapped content key, signature].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderEntry {
    /// Whose record the event is in.
    pub consortium: ConsortiumId,
    /// The sealed event's commitment.
    pub commitment: Commitment,
    /// The digest of the sealed body.
    pub body_digest: Digest,
    /// Which part of the body the content key opens: less than [`MAX_PARTS`].
    pub part: u32,
    /// Who captured the event and sealed it.
    pub sealer: MemberId,
    /// Who may read the part.
    pub reader: MemberId,
    /// Which of the reader's keys the secret was drawn for.
    pub reader_key: KeyId,
    /// The handle without its MAC, encoded; 1 to [`MAX_HANDLE_BYTES`] bytes.
    pub handle: Vec<u8>,
    /// Confirms, under the secret, all of [`ReaderEntry::context`].
    pub mac: [u8; 32],
    /// The content key, wrapped under the secret: ciphertext and tag.
    pub wrapped: [u8; 48],
    /// The sealer's, over all of the above.
    pub signature: [u8; 64],
}

impl ReaderEntry {
    /// What the wrapping is bound to: T = CBOR [1, consortium, commitment, body digest, part,
    /// sealer, reader, reader key, handle].
    #[must_use]
    pub fn context(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(320 + self.handle.len());
        out.array(9);
        self.write_context(&mut out);
        out.into_bytes()
    }

    fn write_context(&self, out: &mut Writer) {
        out.uint(1).text(self.consortium.as_str()).bytes(&self.commitment.0);
        out.bytes(&self.body_digest).uint(self.part.into()).text(self.sealer.as_str());
        out.text(self.reader.as_str()).bytes(&self.reader_key.0).bytes(&self.handle);
    }

    /// What is signed: CBOR ["reader entry v1", T, MAC, wrapped].
    fn signed(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(448 + self.handle.len());
        out.array(4).text(SIGNED_AS).bytes(&self.context()).bytes(&self.mac).bytes(&self.wrapped);
        out.into_bytes()
    }

    /// Signs the entry with the sealer's statement key, in place of any signature that it had.
    #[must_use]
    pub fn sign(self, key: &SigningKey) -> Self {
        let signature = key.sign(&self.signed());
        Self { signature, ..self }
    }

    /// Verifies the signature under the sealer's statement key.
    ///
    /// # Errors
    ///
    /// [`Error::KeyWeak`] or [`Error::SignatureInvalid`], as [`verify`] gives them.
    pub fn verify(&self, key: &PublicKey) -> Result<(), Error> {
        verify(key, &self.signed(), &self.signature)
    }

    /// Names the entry: H("reader entry id v1", what is signed). The signature is left out, for
    /// nothing is identified by signature bytes.
    #[must_use]
    pub fn id(&self) -> Digest {
        READER_ENTRY.hash(&self.signed())
    }

    /// Writes the entry.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(480 + self.handle.len());
        out.array(12);
        self.write_context(&mut out);
        out.bytes(&self.mac).bytes(&self.wrapped).bytes(&self.signature);
        out.into_bytes()
    }

    /// Reads an entry; whether its signature holds is for [`ReaderEntry::verify`].
    ///
    /// # Errors
    ///
    /// If it is malformed or not deterministic, or its part or handle is beyond its limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::new(Part::ReaderEntry, bytes);
        input.array(12)?;
        input.version()?;
        let entry = Self {
            consortium: input.name()?,
            commitment: Commitment(input.fixed()?),
            body_digest: input.fixed()?,
            part: input.uint32()?,
            sealer: input.name()?,
            reader: input.name()?,
            reader_key: KeyId(input.fixed()?),
            handle: input.bytes()?.to_vec(),
            mac: input.fixed()?,
            wrapped: input.fixed()?,
            signature: input.fixed()?,
        };
        entry.check()?;
        input.same(&entry.encode())?;
        Ok(entry)
    }

    /// Checks the limits, which an entry made by hand may break.
    ///
    /// # Errors
    ///
    /// If its part or its handle is beyond its limit.
    pub fn check(&self) -> Result<(), Error> {
        let part = Part::ReaderEntry;
        if !usize::try_from(self.part).is_ok_and(|number| number < MAX_PARTS) {
            return Err(Error::Malformed { part, why: "a sealed body has no part of that number" });
        }
        match self.handle.len() {
            0 => Err(Error::Malformed { part, why: "its handle is empty" }),
            1..=MAX_HANDLE_BYTES => Ok(()),
            found_bytes => {
                Err(Error::TooLarge { part, found_bytes, limit_bytes: MAX_HANDLE_BYTES })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cast::{TRADER, consortium, id, key};

    fn entry() -> ReaderEntry {
        let entry = ReaderEntry {
            consortium: consortium(),
            commitment: Commitment([1; 32]),
            body_digest: [2; 32],
            part: 3,
            sealer: id(TRADER),
            reader: id("cn-port"),
            reader_key: KeyId([4; 16]),
            handle: vec![5; 40],
            mac: [6; 32],
            wrapped: [7; 48],
            signature: [0; 64],
        };
        entry.sign(&key(TRADER, "statement"))
    }

    #[test]
    fn a_signature_holds_for_the_whole_entry_and_for_no_other() {
        let (entry, public) = (entry(), key(TRADER, "statement").public());
        assert_eq!(entry.verify(&public), Ok(()));
        let others = [
            ReaderEntry { consortium: "other".parse().unwrap(), ..entry.clone() },
            ReaderEntry { commitment: Commitment([9; 32]), ..entry.clone() },
            ReaderEntry { body_digest: [9; 32], ..entry.clone() },
            ReaderEntry { part: 4, ..entry.clone() },
            ReaderEntry { sealer: id("cn-port"), ..entry.clone() },
            ReaderEntry { reader: id(TRADER), ..entry.clone() },
            ReaderEntry { reader_key: KeyId([9; 16]), ..entry.clone() },
            ReaderEntry { handle: vec![9; 40], ..entry.clone() },
            ReaderEntry { mac: [9; 32], ..entry.clone() },
            ReaderEntry { wrapped: [9; 48], ..entry.clone() },
        ];
        for other in others {
            assert_eq!(other.verify(&public), Err(Error::SignatureInvalid), "{other:?}");
            assert_ne!(other.id(), entry.id());
        }
        let stranger = key("cn-port", "statement").public();
        assert_eq!(entry.verify(&stranger), Err(Error::SignatureInvalid));
        let unsigned = ReaderEntry { signature: [0; 64], ..entry.clone() };
        assert!(unsigned.verify(&public).is_err());
        assert_eq!(unsigned.id(), entry.id(), "nothing is named by its signature");
    }

    #[test]
    fn a_giant_or_empty_handle_and_a_part_out_of_range_are_refused() {
        let entry = entry();
        let with =
            |handle: usize, part| ReaderEntry { handle: vec![1; handle], part, ..entry.clone() };
        assert!(ReaderEntry::decode(&with(MAX_HANDLE_BYTES, 15).encode()).is_ok());
        let refusal =
            |entry: ReaderEntry| ReaderEntry::decode(&entry.encode()).unwrap_err().reason();
        assert_eq!(refusal(with(MAX_HANDLE_BYTES + 1, 0)), "REQUEST_TOO_LARGE");
        assert_eq!(refusal(with(0, 0)), "ENTRY_MALFORMED");
        assert_eq!(refusal(with(1, 16)), "ENTRY_MALFORMED");
        assert_eq!(refusal(with(1, u32::MAX)), "ENTRY_MALFORMED");
    }
}
