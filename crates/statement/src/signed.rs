//! The signed statement: what a member says, and what the log holds.

use party::{ConsortiumId, KeyId, MemberId, PublicKey};

use crate::cose::{Kind, Protected, Sign1};
use crate::{
    Act, Capture, Content, Digest, Error, Genesis, Height, Part, RequestId, SigningKey, verify,
};

/// How many bytes a statement may have.
pub const MAX_STATEMENT_BYTES: usize = 65_535;

/// Until when a statement may be committed, and which request it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The id of the request.
    pub request_id: RequestId,
    /// The last height at which the statement may be committed.
    pub last_height: Height,
}

/// A `COSE_Sign1` by a member, read strictly; its signature is checked by [`Statement::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    bytes: Vec<u8>,
    protected: Protected,
    content: Content,
    payload: Vec<u8>,
    terms: Option<Terms>,
    to_be_signed: Vec<u8>,
    signature: [u8; 64],
}

impl Statement {
    /// Signs a payload in the name of a member; the subject follows from the payload.
    ///
    /// # Errors
    ///
    /// If the payload is not what `content` says, or the statement would be too large.
    pub fn sign(
        key: &SigningKey,
        consortium: &ConsortiumId,
        issuer: &MemberId,
        content: Content,
        payload: Vec<u8>,
    ) -> Result<Self, Error> {
        let protected = Protected {
            key_id: key.id(),
            kind: Kind::Statement(content),
            consortium: consortium.clone(),
            issuer: issuer.clone(),
            subject: content.subject_of(&payload)?,
        };
        let message = Sign1::sign(key, protected, None, payload, true);
        let bytes = message.encode(Part::Statement)?;
        Self::of(bytes, message, content)
    }

    /// Reads a statement; does not check its signature.
    ///
    /// # Errors
    ///
    /// If it is too large, malformed or not deterministic, if its content type is unknown, or if
    /// its payload is not what its content type and subject say.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let message = Sign1::decode(Part::Statement, bytes, MAX_STATEMENT_BYTES)?;
        let Kind::Statement(content) = message.protected.kind else {
            return Err(malformed("it has no content type"));
        };
        Self::of(bytes.to_vec(), message, content)
    }

    fn of(bytes: Vec<u8>, message: Sign1, content: Content) -> Result<Self, Error> {
        let (part, found_bytes, limit_bytes) = (Part::Statement, bytes.len(), MAX_STATEMENT_BYTES);
        if found_bytes > limit_bytes {
            return Err(Error::TooLarge { part, found_bytes, limit_bytes });
        }
        let payload =
            message.payload.as_ref().ok_or_else(|| malformed("its payload is not attached"))?;
        let terms = terms_of(content, payload)?;
        if content.subject_of(payload)? != message.protected.subject {
            return Err(Error::Mismatch { part, why: "its subject is not that of its payload" });
        }
        let to_be_signed = message.to_be_signed(payload);
        let Sign1 { protected, payload, signature, .. } = message;
        let payload = payload.unwrap_or_default();
        Ok(Self { bytes, protected, content, payload, terms, to_be_signed, signature })
    }

    /// Verifies the signature under a key that the caller trusts to be the issuer's.
    ///
    /// # Errors
    ///
    /// [`Error::KeyUnknown`] if the statement names another key, else as [`crate::verify`].
    pub fn verify(&self, key: &PublicKey) -> Result<(), Error> {
        if self.protected.key_id != KeyId::of(key) {
            let member = self.issuer().to_string();
            return Err(Error::KeyUnknown { part: Part::Statement, member });
        }
        verify(key, &self.to_be_signed, &self.signature)
    }

    /// The member who says it.
    #[must_use]
    pub const fn issuer(&self) -> &MemberId {
        &self.protected.issuer
    }

    /// The consortium in which it is said.
    #[must_use]
    pub const fn consortium(&self) -> &ConsortiumId {
        &self.protected.consortium
    }

    /// The id of the key that signed.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.protected.key_id
    }

    /// What the payload is.
    #[must_use]
    pub const fn content(&self) -> Content {
        self.content
    }

    /// The capture's root, or the digest of the payload.
    #[must_use]
    pub const fn subject(&self) -> &Digest {
        &self.protected.subject
    }

    /// The payload's bytes.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The request id and the last height; genesis has neither.
    #[must_use]
    pub const fn terms(&self) -> Option<Terms> {
        self.terms
    }

    /// The tagged statement, which is the log's entry.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives the tagged statement away.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

fn terms_of(content: Content, payload: &[u8]) -> Result<Option<Terms>, Error> {
    Ok(match content {
        Content::Capture => {
            let Capture { request_id, last_height, .. } = Capture::decode(payload)?;
            Some(Terms { request_id, last_height })
        }
        Content::Command | Content::Governance => {
            let Act { request_id, last_height, .. } = Act::decode(payload)?;
            Some(Terms { request_id, last_height })
        }
        Content::Genesis => {
            Genesis::decode(payload)?;
            None
        }
    })
}

const fn malformed(why: &'static str) -> Error {
    Error::Malformed { part: Part::Statement, why }
}

#[cfg(test)]
mod tests;
