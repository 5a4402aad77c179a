//! Frames: each signed, numbered, and bound to all the frames before it, of both directions.
//!
//! A frame is CBOR [body, signature]; the body is CBOR [1, consortium, link, from, to, session,
//! sequence, seen, transcript, message]. The session is a hash of both ends' first frames, each of
//! which has 32 random bytes; the transcript is a hash of all frames that the speaker has sent and
//! of the first `seen` that it has received. Both ends may speak at once: each frame says how much
//! its speaker had heard.

use std::collections::VecDeque;

use statement::hash::Context;
use statement::verify;

use crate::cbor::{Reader, Writer};
use crate::message::Message;
use crate::{EndKind, Error, Identity};

static FRAME: Context = Context::new("link frame v1");
static TRANSCRIPT: Context = Context::new("link transcript v1");
static SESSION: Context = Context::new("link session v1");

const VERSION: u64 = 1;
/// What a frame may have beside its message: names of 63 bytes at most, hashes, a signature.
const MAX_HEAD_BYTES: usize = 1_024;
/// How far the far end may be behind in saying what it has heard.
const MAX_UNSEEN: usize = 256;

/// The frames of one connection, as one end sees them.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Chain {
    identity: Identity,
    kind: EndKind,
    /// None until both first frames are there.
    session: Option<[u8; 32]>,
    first_sent: Option<[u8; 32]>,
    first_got: Option<[u8; 32]>,
    sent: u64,
    got: u64,
    got_hash: [u8; 32],
    /// The hashes over the sent frames, from what the far end said it had seen until now.
    sent_hashes: VecDeque<[u8; 32]>,
    /// How many of our frames the far end has seen.
    seen: u64,
}

impl Chain {
    pub(crate) fn new(identity: Identity, kind: EndKind) -> Self {
        Self {
            identity,
            kind,
            session: None,
            first_sent: None,
            first_got: None,
            sent: 0,
            got: 0,
            got_hash: [0; 32],
            sent_hashes: VecDeque::from([[0; 32]]),
            seen: 0,
        }
    }

    /// How many of our frames the far end has seen.
    pub(crate) const fn seen(&self) -> u64 {
        self.seen
    }

    /// How many frames were sent.
    pub(crate) const fn sent(&self) -> u64 {
        self.sent
    }

    /// Signs the next frame.
    pub(crate) fn send(&mut self, message: &Message) -> Result<Vec<u8>, Error> {
        if self.sent_hashes.len() > MAX_UNSEEN {
            return Err(Error::PeerMisbehaved { why: "it never says that it has heard us" });
        }
        let sent_hash = self.sent_hashes.back().copied().unwrap_or_default();
        let transcript = together(&sent_hash, &self.got_hash);
        let head = Head {
            session: self.session.unwrap_or_default(),
            sequence: self.sent,
            seen: self.got,
            transcript,
        };
        let body = self.encode_body(true, &head, &message.encode());
        let signature = self.identity.signing.sign(&FRAME.hash(&body));
        let frame = Writer::array(2).bytes(&body).bytes(&signature).into_bytes();
        let hash = FRAME.hash(&frame);
        self.first_sent.get_or_insert(hash);
        self.sent_hashes.push_back(together(&sent_hash, &hash));
        self.sent += 1;
        self.begin();
        Ok(frame)
    }

    /// Takes a frame of the far end, if it is the next one of this session.
    pub(crate) fn take(&mut self, frame: &[u8]) -> Result<Message, Error> {
        let limit_bytes = Message::MAX_BYTES + MAX_HEAD_BYTES;
        if frame.len() > limit_bytes {
            return Err(Error::FrameTooLarge { found_bytes: frame.len(), limit_bytes });
        }
        let mut outer = Reader::array(frame, 2)?;
        let (body, signature) = (outer.bytes()?, outer.fixed()?);
        outer.same(&Writer::array(2).bytes(body).bytes(&signature).into_bytes())?;
        // Nothing of it is looked at before the signature holds.
        verify(&self.identity.far_key, &FRAME.hash(body), &signature)
            .map_err(|_| Error::FrameForged)?;
        let (head, message) = self.read_body(body)?;
        self.check(&head)?;
        let decoded = Message::decode(message)?;
        let hash = FRAME.hash(frame);
        self.got_hash = together(&self.got_hash, &hash);
        self.got += 1;
        let heard = head.seen - self.seen;
        self.sent_hashes.drain(..usize::try_from(heard).unwrap_or(usize::MAX));
        self.seen = head.seen;
        self.first_got.get_or_insert(hash);
        self.begin();
        Ok(decoded)
    }

    /// Once both first frames are there, the session has its name.
    fn begin(&mut self) {
        if let (None, Some(sent), Some(got)) = (self.session, self.first_sent, self.first_got) {
            let (sender, receiver) = match self.kind {
                EndKind::Sender => (sent, got),
                EndKind::Receiver => (got, sent),
            };
            self.session =
                Some(SESSION.hash(&Writer::array(2).bytes(&sender).bytes(&receiver).into_bytes()));
        }
    }

    fn check(&self, head: &Head) -> Result<(), Error> {
        let foreign = |what| Err(Error::FrameForeign { what });
        // The first frame of each end belongs to no session yet.
        let session = if self.got == 0 { [0; 32] } else { self.session.unwrap_or_default() };
        if head.session != session {
            return foreign("session");
        }
        if head.sequence != self.got {
            return foreign("sequence");
        }
        let heard = head.seen.checked_sub(self.seen).and_then(|heard| usize::try_from(heard).ok());
        let Some(sent_hash) = heard.and_then(|heard| self.sent_hashes.get(heard)) else {
            return foreign("transcript");
        };
        if head.transcript != together(&self.got_hash, sent_hash) {
            return foreign("transcript");
        }
        Ok(())
    }

    fn encode_body(&self, from_here: bool, head: &Head, message: &[u8]) -> Vec<u8> {
        let Identity { link, consortium, near, far, .. } = &self.identity;
        let (from, to) = if from_here { (near, far) } else { (far, near) };
        let writer = Writer::array(10).uint(VERSION).text(consortium.as_str()).text(link);
        let writer = writer.text(from.as_str()).text(to.as_str()).bytes(&head.session);
        let writer = writer.uint(head.sequence).uint(head.seen).bytes(&head.transcript);
        writer.bytes(message).into_bytes()
    }

    fn read_body<'a>(&self, body: &'a [u8]) -> Result<(Head, &'a [u8]), Error> {
        let foreign = |what| Err(Error::FrameForeign { what });
        let mut reader = Reader::array(body, 10)?;
        if reader.uint()? != VERSION {
            return foreign("version");
        }
        let Identity { link, consortium, near, far, .. } = &self.identity;
        if reader.text()? != consortium.as_str() {
            return foreign("consortium");
        }
        if reader.text()? != link {
            return foreign("link");
        }
        if (reader.text()?, reader.text()?) != (far.as_str(), near.as_str()) {
            return foreign("direction");
        }
        let head = Head {
            session: reader.fixed()?,
            sequence: reader.uint()?,
            seen: reader.uint()?,
            transcript: reader.fixed()?,
        };
        let message = reader.bytes()?;
        reader.same(&self.encode_body(false, &head, message))?;
        Ok((head, message))
    }
}

#[cfg(test)]
impl Chain {
    /// The last frame sent, had it held another message: what an end that lies would send.
    pub(crate) fn instead(&self, message: &Message) -> Vec<u8> {
        let mut chain = self.clone();
        chain.sent_hashes.pop_back();
        chain.sent -= 1;
        if chain.sent == 0 {
            chain.session = None;
        }
        chain.send(message).unwrap()
    }
}

/// The message in a frame, unchecked.
#[cfg(test)]
pub(crate) fn message_of(frame: &[u8]) -> Message {
    let body = Reader::array(frame, 2).unwrap().bytes().unwrap();
    let mut reader = Reader::array(body, 10).unwrap();
    reader.uint().unwrap();
    (0..4).for_each(|_| assert!(reader.text().is_ok()));
    reader.bytes().unwrap();
    (0..2).for_each(|_| assert!(reader.uint().is_ok()));
    reader.bytes().unwrap();
    Message::decode(reader.bytes().unwrap()).unwrap()
}

/// What a frame says of its place.
#[derive(Debug)]
struct Head {
    session: [u8; 32],
    sequence: u64,
    seen: u64,
    transcript: [u8; 32],
}

fn together(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    TRANSCRIPT.hash(&Writer::array(2).bytes(left).bytes(right).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::end::tests::pair::identity;

    /// Two ends that have greeted each other.
    fn greeted() -> [Chain; 2] {
        let mut sender = Chain::new(identity(0), EndKind::Sender);
        let mut receiver = Chain::new(identity(1), EndKind::Receiver);
        let hello = |end| Message::Hello {
            nonce: [u8::from(end == EndKind::Sender); 32],
            end,
            parameters: [0; 32],
        };
        let one = sender.send(&hello(EndKind::Sender)).unwrap();
        let other = receiver.send(&hello(EndKind::Receiver)).unwrap();
        receiver.take(&one).unwrap();
        sender.take(&other).unwrap();
        assert!(sender.session.is_some() && sender.session == receiver.session);
        [sender, receiver]
    }

    #[test]
    fn frames_that_cross_are_taken_by_both_ends() {
        let [mut sender, mut receiver] = greeted();
        for _ in 0..20 {
            let ours: Vec<_> = (0..3).map(|_| sender.send(&Message::Restore).unwrap()).collect();
            let theirs: Vec<_> =
                (0..2).map(|_| receiver.send(&Message::Restore).unwrap()).collect();
            for frame in theirs {
                assert_eq!(sender.take(&frame), Ok(Message::Restore));
            }
            for frame in ours {
                assert_eq!(receiver.take(&frame), Ok(Message::Restore));
            }
        }
        assert!(sender.sent_hashes.len() < 10 && receiver.sent_hashes.len() < 10);
    }

    #[test]
    fn an_end_that_heard_otherwise_is_refused() {
        let refused = Err(Error::FrameForeign { what: "transcript" });
        let changes: [fn(&mut Chain); 4] = [
            // It was told something else by somebody else.
            |chain| chain.got_hash[0] ^= 1,
            // It said something else to somebody else.
            |chain| chain.sent_hashes.back_mut().unwrap()[0] ^= 1,
            // It has heard more than was said, or less than it said before.
            |chain| chain.got += 1,
            |chain| chain.got -= 1,
        ];
        for change in changes {
            let [mut sender, mut receiver] = greeted();
            let heard = sender.send(&Message::Restore).unwrap();
            receiver.take(&heard).unwrap();
            let answer = receiver.send(&Message::Restore).unwrap();
            sender.take(&answer).unwrap();
            change(&mut sender);
            let frame = sender.send(&Message::Restore).unwrap();
            assert_eq!(receiver.take(&frame), refused);
        }
    }
}
