//! The payload of a command or governance statement.

use crate::cbor::{Reader, Writer};
use crate::{Digest, Error, Height, Part, RequestId, hash};

/// An instruction by name: CBOR [1, name, arguments, request id, last height].
///
/// This crate does not know what the arguments mean; whoever gives the name its meaning decodes
/// them, as strictly as everything here is decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// What is to be done, for example `retire-key`: at most 64 bytes.
    pub name: String,
    /// With what: the deterministic CBOR of the arguments.
    pub arguments: Vec<u8>,
    /// The id of the request.
    pub request_id: RequestId,
    /// The last height at which the act may be committed.
    pub last_height: Height,
}

impl Act {
    /// Writes the payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(64 + self.name.len() + self.arguments.len());
        out.array(5).uint(1).text(&self.name).bytes(&self.arguments);
        out.bytes(&self.request_id.0).uint(self.last_height.0);
        out.into_bytes()
    }

    /// The digest of a command: H("command v1", [1, name, arguments, request id]).
    pub(crate) fn command_digest(&self) -> Digest {
        let mut out = Writer::with_capacity(64 + self.name.len() + self.arguments.len());
        out.array(4).uint(1).text(&self.name).bytes(&self.arguments).bytes(&self.request_id.0);
        hash::COMMAND.hash(out.as_bytes())
    }

    /// Reads a payload.
    ///
    /// # Errors
    ///
    /// If it is malformed or not deterministic.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::new(Part::Act, bytes);
        input.array(5)?;
        input.version()?;
        let name = input.text()?.to_owned();
        if name.is_empty() || name.len() > 64 {
            return Err(input.malformed("its name has 1 to 64 bytes"));
        }
        let arguments = input.bytes()?.to_vec();
        let request_id = RequestId(input.fixed()?);
        let last_height = Height(input.uint()?);
        let act = Self { name, arguments, request_id, last_height };
        input.same(&act.encode())?;
        Ok(act)
    }
}
