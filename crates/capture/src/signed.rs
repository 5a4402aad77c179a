//! From leaves to the statement that a member signs.

use bytes::Bytes;
use party::{ConsortiumId, MemberId};
use statement::{
    Capture, Content, Digest, Height, MAX_ENTRY_BYTES, RequestId, SigningKey, Statement,
    capture_tree, entry_bytes,
};

use crate::sealed::Sealed;
use crate::{Error, Submission};

/// What a request states, whole but for the last height, which is known only when it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Stated {
    request_id: RequestId,
    root: Digest,
    count: u32,
    leaves: Vec<Bytes>,
    bodies: Vec<Bytes>,
}

impl Stated {
    /// Grows the capture tree over the events, in the document's order.
    pub(crate) fn new(request_id: RequestId, count: u32, events: &[Sealed]) -> Self {
        let leaves: Vec<Bytes> = events.iter().map(|event| event.leaf.clone()).collect();
        let bodies = events.iter().map(|event| event.body.clone()).collect();
        Self { request_id, root: capture_tree::root(&leaves), count, leaves, bodies }
    }

    /// Signs in the member's name a statement that the log may take up to `last_height`.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] when statement, leaves and bodies are more than one entry may be: every
    /// other member must be able to receive it in one message.
    pub(crate) fn sign(
        &self,
        key: &SigningKey,
        consortium: &ConsortiumId,
        issuer: &MemberId,
        last_height: Height,
    ) -> Result<Submission, Error> {
        let capture = Capture {
            root: self.root,
            count: self.count,
            request_id: self.request_id,
            last_height,
        };
        let statement =
            Statement::sign(key, consortium, issuer, Content::Capture, capture.encode())?;
        let bytes = entry_bytes(statement.as_bytes(), &self.leaves, &self.bodies);
        if bytes > MAX_ENTRY_BYTES {
            return Err(Error::TooLarge { bytes, limit: MAX_ENTRY_BYTES });
        }
        Ok(Submission {
            request_id: self.request_id,
            statement: Bytes::copy_from_slice(statement.as_bytes()),
            leaves: self.leaves.clone(),
            bodies: self.bodies.clone(),
        })
    }
}
