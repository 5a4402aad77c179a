//! Checking a submission for itself, before and apart from its place in a block.
//!
//! All of this runs on the caller's thread, and over the leaves of a large capture on all of them.

use std::sync::Arc;

use bytes::Bytes;
use party::{ConsortiumId, MemberId, PublicKey};
use rayon::prelude::*;
use statement::{
    Body, Capture, Content, Leaf, MAX_ENTRY_BYTES, MAX_STATEMENT_BYTES, MAX_TAGS_PER_CAPTURE,
    OpenBody, RequestId, Statement, Tag, Terms, body_digest, capture_tree, entry_bytes,
};

use crate::moment::Present;
use crate::rows::wide;
use crate::{Failure, Machine, Refusal, reason};

/// Captures with fewer leaves are checked on one thread.
const MANY_LEAVES: usize = 64;

/// What does not change from block to block.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) consortium: ConsortiumId,
    /// How many blocks ahead a statement's last height may lie.
    pub(crate) max_window: u64,
    pub(crate) machine: Arc<dyn Machine>,
}

/// Which request a statement answers; unique until its last height.
pub(crate) type RequestKey = (MemberId, RequestId);

/// What is asked of the bodies that come with a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bodies {
    /// Every one is there and right: whoever takes a statement in or votes for it keeps them.
    All,
    /// Those that are there are right: whoever checks what it keeps.
    Right,
    /// What is not right is dropped: the block was decided, and its bodies came from anybody.
    Fitting,
}

/// A statement that is right in itself.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) statement: Statement,
    /// The key that its signature was verified under; executing it compares again.
    pub(crate) key: PublicKey,
    pub(crate) bytes: Bytes,
    pub(crate) leaves: Vec<Bytes>,
    pub(crate) decoded: Vec<Leaf>,
    /// One for each leaf; `None` where it is not held here.
    pub(crate) bodies: Vec<Option<Bytes>>,
}

impl Admitted {
    /// The bytes that it occupies while it waits.
    pub(crate) fn size_bytes(&self) -> usize {
        let leaves = self.leaves.iter().map(Bytes::len).sum::<usize>();
        let bodies = self.bodies.iter().flatten().map(Bytes::len).sum::<usize>();
        self.bytes.len() + leaves + bodies
    }

    /// The request it answers; genesis answers none.
    pub(crate) fn request(&self) -> Option<RequestKey> {
        let terms = self.statement.terms()?;
        Some((self.statement.issuer().clone(), terms.request_id))
    }

    pub(crate) fn terms(&self) -> Option<Terms> {
        self.statement.terms()
    }
}

/// A statement whose signature holds; what it stands for is not yet looked at.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) statement: Statement,
    pub(crate) key: PublicKey,
    pub(crate) bytes: Bytes,
}

impl Rules {
    /// Reads a statement and verifies that its issuer signed it.
    pub(crate) fn verify(&self, bytes: Bytes, state: &Present<'_>) -> Result<Signed, Failure> {
        if bytes.len() > MAX_STATEMENT_BYTES {
            let message = format!("a statement has at most {MAX_STATEMENT_BYTES} bytes");
            return Err(Refusal::new(reason::REQUEST_TOO_LARGE, message).at("statement").into());
        }
        let statement = Statement::decode(&bytes).map_err(|error| refuse(&error, "statement"))?;
        if *statement.consortium() != self.consortium {
            let message = format!(
                "the statement is for consortium {}, this ledger is of {}",
                statement.consortium(),
                self.consortium
            );
            return Err(Refusal::new(reason::CONSORTIUM_MISMATCH, message).at("statement").into());
        }
        if statement.content() == Content::Genesis {
            let message = "a log has one genesis statement, and this one has begun";
            return Err(Refusal::new(reason::CONTENT_TYPE_UNKNOWN, message).at("statement").into());
        }
        let (issuer, key_id) = (statement.issuer(), statement.key_id());
        let key = self.machine.statement_key(state, issuer, &key_id)?;
        statement.verify(&key).map_err(|error| refuse(&error, "statement"))?;
        Ok(Signed { statement, key, bytes })
    }

    /// Checks what a signed statement stands for: leaves under its root, bodies under their leaves.
    ///
    /// `bodies` holds one for each leaf, or `None`; `asked` says what becomes of those.
    pub(crate) fn admit(
        &self,
        signed: Signed,
        leaves: Vec<Bytes>,
        bodies: Vec<Option<Bytes>>,
        asked: Bodies,
    ) -> Result<Admitted, Refusal> {
        let Signed { statement, key, bytes } = signed;
        fits_a_message(&bytes, &leaves, &bodies)?;
        let (decoded, bodies) = match statement.content() {
            Content::Capture => self.check_capture(&statement, &leaves, bodies, asked)?,
            _ if leaves.is_empty() && bodies.is_empty() => (Vec::new(), bodies),
            _ => {
                let message = "only a capture has leaves and bodies";
                return Err(Refusal::new(reason::LEAVES_MISMATCH, message).at("leaves"));
            }
        };
        Ok(Admitted { statement, key, bytes, leaves, decoded, bodies })
    }

    fn check_capture(
        &self,
        statement: &Statement,
        leaves: &[Bytes],
        bodies: Vec<Option<Bytes>>,
        asked: Bodies,
    ) -> Result<(Vec<Leaf>, Vec<Option<Bytes>>), Refusal> {
        let capture =
            Capture::decode(statement.payload()).map_err(|error| refuse(&error, "statement"))?;
        if wide(leaves.len()) != u64::from(capture.count) {
            let message = format!("{} leaves came, {} were signed", leaves.len(), capture.count);
            return Err(Refusal::new(reason::LEAVES_MISMATCH, message).at("leaves"));
        }
        if bodies.len() != leaves.len() {
            let message = format!("{} bodies came for {} leaves", bodies.len(), leaves.len());
            return Err(Refusal::new(reason::BODY_MISSING, message).at("bodies"));
        }
        if capture_tree::root(leaves) != capture.root {
            let message = "the leaves are not those under the signed root";
            return Err(Refusal::new(reason::LEAVES_MISMATCH, message).at("leaves"));
        }
        let check = |(at, (leaf, body)): (usize, (&Bytes, Option<Bytes>))| {
            self.check_leaf(statement.issuer(), leaf, body, asked, at)
        };
        let checked: Vec<Result<(Leaf, Option<Bytes>), Refusal>> = if leaves.len() < MANY_LEAVES {
            leaves.iter().zip(bodies).enumerate().map(check).collect()
        } else {
            leaves.par_iter().zip(bodies).enumerate().map(check).collect()
        };
        // All of them, and then the first that is wrong: threads would find any.
        let checked: Result<Vec<_>, Refusal> = checked.into_iter().collect();
        let (decoded, bodies): (Vec<Leaf>, Vec<Option<Bytes>>) = checked?.into_iter().unzip();
        let tags = decoded.iter().map(|leaf| leaf.tags.len()).sum::<usize>();
        if tags > MAX_TAGS_PER_CAPTURE {
            let message = format!("{tags} tags, a capture bears at most {MAX_TAGS_PER_CAPTURE}");
            return Err(Refusal::new(reason::TOO_MANY_TAGS, message).at("leaves"));
        }
        Ok((decoded, bodies))
    }

    /// Reads a leaf; gives its body as far as it is to be kept.
    fn check_leaf(
        &self,
        issuer: &MemberId,
        leaf: &[u8],
        body: Option<Bytes>,
        asked: Bodies,
        at: usize,
    ) -> Result<(Leaf, Option<Bytes>), Refusal> {
        let leaf = Leaf::decode(leaf).map_err(|error| refuse(&error, &format!("leaves[{at}]")))?;
        let marked = leaf.tags.iter().filter(|(_, mark)| mark.is_some()).count();
        if marked != 0 && marked != leaf.tags.len() {
            let message = "some of the leaf's tags are marked: an event is open or sealed";
            let field = format!("leaves[{at}]");
            return Err(Refusal::new(reason::TAGS_MISMATCH, message).at(field));
        }
        match &body {
            Some(body) => match self.check_body(issuer, &leaf, body, at) {
                Ok(()) => {}
                Err(_) if asked == Bodies::Fitting => return Ok((leaf, None)),
                Err(refusal) => return Err(refusal),
            },
            None if asked == Bodies::All => {
                let message = "this member keeps bodies, and this one is not there";
                return Err(body_refusal(reason::BODY_MISSING, message, at));
            }
            None => {}
        }
        Ok((leaf, body))
    }

    /// Checks that a body is the one that its leaf names, and that the leaf's marks are of its
    /// kind; of an open one also that the leaf commits to it and tags it. What a sealed one says,
    /// its readers check.
    fn check_body(
        &self,
        issuer: &MemberId,
        leaf: &Leaf,
        body: &[u8],
        at: usize,
    ) -> Result<(), Refusal> {
        if body_digest(body) != leaf.body_digest {
            let message = "the body is not the one whose digest is in the leaf";
            return Err(body_refusal(reason::BODY_DIGEST_MISMATCH, message, at));
        }
        let body = Body::decode(body)
            .map_err(|error| body_refusal(reason::BODY_MALFORMED, error.to_string(), at))?;
        body.check_marks(leaf)
            .map_err(|error| body_refusal(reason::TAGS_MISMATCH, error.to_string(), at))?;
        match body {
            Body::Open(open) => self.check_open(issuer, leaf, &open, at),
            Body::Sealed(_) => Ok(()),
        }
    }

    fn check_open(
        &self,
        issuer: &MemberId,
        leaf: &Leaf,
        open: &OpenBody,
        at: usize,
    ) -> Result<(), Refusal> {
        let event = epcis::Event::from_canonical_json(&open.json)
            .map_err(|error| body_refusal(reason::BODY_MALFORMED, error.to_string(), at))?;
        let commitment = open
            .commitment(&self.consortium, issuer)
            .map_err(|error| body_refusal(reason::BODY_MALFORMED, error.to_string(), at))?;
        if commitment != leaf.commitment {
            let message = "the commitment in the leaf is not the one that the body gives";
            return Err(body_refusal(reason::COMMITMENT_MISMATCH, message, at));
        }
        let mut tags: Vec<_> =
            event.items().iter().map(|item| (Tag::open(item.canonical()), None)).collect();
        tags.sort_unstable();
        if tags != leaf.tags {
            let message = "the tags in the leaf are not those of the items that the body names";
            return Err(body_refusal(reason::TAGS_MISMATCH, message, at));
        }
        Ok(())
    }
}

/// Refuses what no follower could receive: it would bar them from every block after it.
fn fits_a_message(
    statement: &[u8],
    leaves: &[Bytes],
    bodies: &[Option<Bytes>],
) -> Result<(), Refusal> {
    let leaves: Vec<&Bytes> = leaves.iter().collect();
    let bodies: Vec<&Bytes> = bodies.iter().flatten().collect();
    let bytes = entry_bytes(statement, &leaves, &bodies);
    if bytes <= MAX_ENTRY_BYTES {
        return Ok(());
    }
    let message = format!(
        "statement, leaves and bodies have {bytes} bytes, an entry has at most {MAX_ENTRY_BYTES}; \
         send fewer events"
    );
    Err(Refusal::new(reason::REQUEST_TOO_LARGE, message).at("bodies"))
}

fn body_refusal(reason: &'static str, message: impl Into<String>, at: usize) -> Refusal {
    Refusal::new(reason, message).at(format!("bodies[{at}]"))
}

/// Turns an error about somebody's bytes into a refusal of them.
pub(crate) fn refuse(error: &statement::Error, field: &str) -> Refusal {
    Refusal::new(error.reason(), error.to_string()).at(field)
}

#[cfg(test)]
mod tests {
    use party::{KeyId, Members};
    use statement::{Height, SigningKey};

    use super::*;
    use crate::{Changes, View};

    #[derive(Debug)]
    struct Nobody;

    impl Machine for Nobody {
        fn statement_key(
            &self,
            _: &dyn View,
            _: &MemberId,
            _: &KeyId,
        ) -> Result<PublicKey, Failure> {
            unreachable!("nothing is verified here")
        }

        fn apply(
            &self,
            _: &dyn View,
            _: Height,
            _: i64,
            _: &Statement,
        ) -> Result<Changes, Failure> {
            unreachable!("nothing is executed here")
        }

        fn members(&self, _: &dyn View) -> Result<Members, Failure> {
            unreachable!("nobody asks for members here")
        }
    }

    /// A capture of `leaves`, as it is when its signature was verified.
    fn admit(
        leaves: &[Bytes],
        bodies: Vec<Option<Bytes>>,
        asked: Bodies,
    ) -> Result<Admitted, Refusal> {
        let (consortium, issuer) = ("demo".parse().unwrap(), "sky-air".parse().unwrap());
        let count = u32::try_from(leaves.len()).unwrap();
        let (root, request_id) = (capture_tree::root(leaves), RequestId([1; 16]));
        let capture = Capture { root, count, request_id, last_height: Height(9) };
        let (key, payload) = (SigningKey::from_bytes([1; 32]), capture.encode());
        let statement =
            Statement::sign(&key, &consortium, &issuer, Content::Capture, payload).unwrap();
        let bytes = Bytes::from(statement.as_bytes().to_vec());
        let signed = Signed { statement, key: key.public(), bytes };
        let rules = Rules { consortium, max_window: 9, machine: Arc::new(Nobody) };
        rules.admit(signed, leaves.to_vec(), bodies, asked)
    }

    fn leaf(commitment: u8, body: &[u8]) -> Bytes {
        let commitment = statement::Commitment([commitment; 32]);
        Bytes::from(Leaf::new(commitment, body_digest(body), vec![]).unwrap().encode())
    }

    #[test]
    fn a_body_that_is_wrong_is_refused_by_who_votes_and_dropped_by_who_follows() {
        // Its digest is in the leaf, but it is no body.
        let (leaves, garbage) = ([leaf(1, b"garbage")], Bytes::from_static(b"garbage"));
        for asked in [Bodies::All, Bodies::Right] {
            let refusal = admit(&leaves, vec![Some(garbage.clone())], asked).unwrap_err();
            assert_eq!(refusal.reason, reason::BODY_MALFORMED);
        }
        let admitted = admit(&leaves, vec![Some(garbage)], Bodies::Fitting).unwrap();
        assert_eq!(admitted.bodies, [None]);
    }

    #[test]
    fn of_several_wrong_leaves_the_first_is_named() {
        let mut leaves: Vec<Bytes> = (0..200).map(|number| leaf(number, b"")).collect();
        for wrong in [77, 78, 150, 199] {
            leaves[wrong] = Bytes::from_static(b"no leaf");
        }
        for _ in 0..50 {
            let refusal = admit(&leaves, vec![None; 200], Bodies::Fitting).unwrap_err();
            assert_eq!(refusal.field.as_deref(), Some("leaves[77]"));
        }
    }
}
