//! An open body: the event itself, with the seed that lets every reader recompute the commitment.

use party::{ConsortiumId, MemberId};

use crate::cbor::{Reader, Writer};
use crate::{Commitment, Digest, Error, Part, Seed, commit_json, hash};

/// The digest of a body's bytes, as its leaf carries it: H("body v1", body).
#[must_use]
pub fn body_digest(body: &[u8]) -> Digest {
    hash::BODY.hash(body)
}

/// CBOR [1, seed, canonical JSON].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenBody {
    /// The seed of the event's salts.
    pub seed: Seed,
    /// The event, as canonical JSON.
    pub json: String,
}

impl OpenBody {
    /// Writes the body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(self.json.len() + 48);
        out.array(3).uint(1).bytes(self.seed.as_bytes()).text(&self.json);
        out.into_bytes()
    }

    /// Reads a body.
    ///
    /// # Errors
    ///
    /// If it is malformed or not deterministic.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::new(Part::Body, bytes);
        input.array(3)?;
        input.version()?;
        let seed = Seed::from_bytes(input.fixed()?);
        let body = Self { seed, json: input.text()?.to_owned() };
        input.same(&body.encode())?;
        Ok(body)
    }

    /// Recomputes the commitment from the body.
    ///
    /// # Errors
    ///
    /// As [`commit_json`].
    pub fn commitment(
        &self,
        consortium: &ConsortiumId,
        issuer: &MemberId,
    ) -> Result<Commitment, Error> {
        commit_json(consortium, issuer, &self.seed, &self.json)
    }
}
