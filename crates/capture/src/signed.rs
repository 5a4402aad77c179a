//! From leaves, or a command, to the statement that a member signs.

use bytes::Bytes;
use party::{ConsortiumId, MemberId};
use statement::{
    Act, Capture, Content, Digest, Height, MAX_ENTRY_BYTES, RequestId, SigningKey, Statement,
    capture_tree, entry_bytes,
};

use crate::sealed::Sealed;
use crate::{Error, Submission};

/// What a request states, whole but for the last height, which is known only when it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Stated {
    request_id: RequestId,
    what: What,
    leaves: Vec<Bytes>,
    bodies: Vec<Bytes>,
}

/// What stands in the payload beside the terms.
#[derive(Clone, Debug)]
enum What {
    Capture { root: Digest, count: u32 },
    Command { name: String, arguments: Vec<u8> },
}

impl Stated {
    /// Grows the capture tree over the events, in the document's order.
    pub(crate) fn new<'a>(
        request_id: RequestId,
        count: u32,
        events: impl Iterator<Item = &'a Sealed>,
    ) -> Self {
        let (leaves, bodies): (Vec<Bytes>, Vec<Bytes>) =
            events.map(|event| (event.leaf.clone(), event.body.clone())).unzip();
        let what = What::Capture { root: capture_tree::root(&leaves), count };
        Self { request_id, what, leaves, bodies }
    }

    /// A command, which has neither leaves nor bodies.
    pub(crate) const fn command(request_id: RequestId, name: String, arguments: Vec<u8>) -> Self {
        let what = What::Command { name, arguments };
        Self { request_id, what, leaves: Vec::new(), bodies: Vec::new() }
    }

    fn payload(&self, last_height: Height) -> (Content, Vec<u8>) {
        let request_id = self.request_id;
        match &self.what {
            What::Capture { root, count } => {
                let capture = Capture { root: *root, count: *count, request_id, last_height };
                (Content::Capture, capture.encode())
            }
            What::Command { name, arguments } => {
                let (name, arguments) = (name.clone(), arguments.clone());
                let act = Act { name, arguments, request_id, last_height };
                (Content::Command, act.encode())
            }
        }
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
        let (content, payload) = self.payload(last_height);
        let statement = Statement::sign(key, consortium, issuer, content, payload)?;
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
