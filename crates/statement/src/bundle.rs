//! The bundle (`.qsb`): one event with all that a stranger needs to check it offline.

use party::{MemberId, Members};

use crate::cbor::{Reader, Writer};
use crate::{
    Body, Capture, Checkpoint, Commitment, Content, Digest, Disclosure, Error, Fault, Leaf,
    LeafIndex, LogIndex, LogSize, Note, Part, Receipt, ReceiptFacts, SealedBody, Statement, Tag,
    body_digest, capture_tree, top_level_fields,
};

/// A bundle that is longer than this is refused unread.
const MAX_BUNDLE_BYTES: usize = 16 << 20;
/// How many levels a capture tree of 10,000 leaves has.
const MAX_PATH: u64 = 14;

/// CBOR [1, statement, receipt, leaf, leaf index, leaf path, evidence, note or null].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The capture statement.
    pub statement: Vec<u8>,
    /// The receipt for it.
    pub receipt: Vec<u8>,
    /// The event's leaf.
    pub leaf: Vec<u8>,
    /// Where the leaf stands in the capture.
    pub leaf_index: LeafIndex,
    /// The path from the leaf to the capture's root.
    pub leaf_path: Vec<Digest>,
    /// What shows of the event.
    pub evidence: Evidence,
    /// The note of the receipt's size, if published.
    pub note: Option<String>,
}

/// What a bundle shows of its event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Nothing: that there is an event, and whose, is all that is proven. Written as null.
    Closed,
    /// The body, open or sealed. Written as a byte string.
    Body(Vec<u8>),
    /// Some fields. Written as an array of one byte string, so that its end is plain.
    Fields(Disclosure),
}

/// What a bundle that holds proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Who captured the event.
    pub issuer: MemberId,
    /// What identifies the event.
    pub commitment: Commitment,
    /// The tags of the event's items.
    pub tags: Vec<Tag>,
    /// Where the event stands in its capture.
    pub leaf_index: LeafIndex,
    /// The validator who signed the receipt.
    pub receipt_by: MemberId,
    /// Where the statement stands in the log.
    pub index: LogIndex,
    /// The size of the log that the receipt speaks of.
    pub size: LogSize,
    /// The root of that log.
    pub root: Digest,
    /// The event's canonical JSON, if its body is in the bundle and open.
    pub event_json: Option<String>,
    /// The fields that show, as names and canonical JSON values.
    pub fields: Vec<(String, String)>,
    /// The sealed body, if that is in the bundle: it is the one that the leaf names; what it says,
    /// and whether it leads to the commitment, only its readers can tell.
    pub sealed: Option<SealedBody>,
    /// The checkpoint, if a quorum has signed one of this size.
    pub published: Option<Checkpoint>,
}

impl Bundle {
    /// Writes the bundle.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(2_048);
        out.array(8).uint(1).bytes(&self.statement).bytes(&self.receipt).bytes(&self.leaf);
        out.uint(self.leaf_index.0.into()).array(self.leaf_path.len());
        for digest in &self.leaf_path {
            out.bytes(digest);
        }
        match &self.evidence {
            Evidence::Closed => out.null(),
            Evidence::Body(body) => out.bytes(body),
            Evidence::Fields(disclosure) => out.array(1).bytes(&disclosure.encode()),
        };
        match &self.note {
            Some(note) => out.text(note),
            None => out.null(),
        };
        out.into_bytes()
    }

    /// Reads a bundle's frame; what it frames is checked by [`verify_bundle`].
    ///
    /// # Errors
    ///
    /// If it is malformed or not deterministic.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        Self::read(bytes, |_| Ok(())).map(|(bundle, _)| bundle).map_err(|fault| fault.why)
    }

    /// Reads the frame, blaming the element that does not read.
    ///
    /// `trust` judges the statement before anything in it is used to judge what follows.
    fn read(
        bytes: &[u8],
        trust: impl FnOnce(&Statement) -> Result<(), Error>,
    ) -> Result<(Self, Statement), Fault> {
        let (part, found_bytes, limit_bytes) = (Part::Bundle, bytes.len(), MAX_BUNDLE_BYTES);
        if found_bytes > limit_bytes {
            let why = Error::TooLarge { part, found_bytes, limit_bytes };
            return Err(Fault { part, why });
        }
        let mut input = Reader::new(part, bytes);
        input.array(8).and_then(|()| input.version()).map_err(Fault::at(part))?;
        let mut element = |part| {
            input.blame(part);
            input.bytes().map(<[u8]>::to_vec).map_err(Fault::at(part))
        };
        let statement = element(Part::Statement)?;
        // A wrong length of one element shows first in the element itself, so look into each
        // before reading on: the part named is then the part that was touched.
        let signed = Statement::decode(&statement).map_err(Fault::at(Part::Statement))?;
        trust(&signed).map_err(Fault::at(Part::Statement))?;
        let receipt = element(Part::Receipt)?;
        Receipt::check_form(&receipt).map_err(Fault::at(Part::Receipt))?;
        let leaf = element(Part::Leaf)?;
        Leaf::decode(&leaf).map_err(Fault::at(Part::Leaf))?;
        input.blame(Part::LeafIndex);
        let leaf_index = LeafIndex(input.uint32().map_err(Fault::at(Part::LeafIndex))?);
        input.blame(Part::LeafPath);
        let leaf_path = read_path(&mut input).map_err(Fault::at(Part::LeafPath))?;
        if let Ok(capture) = Capture::decode(signed.payload()) {
            capture_tree::check_length(leaf_index, capture.count, leaf_path.len())?;
        }
        let evidence = read_evidence(&mut input)?;
        input.blame(Part::Note);
        let note = if input.null() {
            None
        } else {
            let note = input.text().map_err(Fault::at(Part::Note))?;
            Note::parse(note).map_err(Fault::at(Part::Note))?;
            Some(note.to_owned())
        };
        input.blame(part);
        let bundle = Self { statement, receipt, leaf, leaf_index, leaf_path, evidence, note };
        input.same(&bundle.encode()).map_err(Fault::at(part))?;
        Ok((bundle, signed))
    }
}

fn read_path(input: &mut Reader<'_>) -> Result<Vec<Digest>, Error> {
    let count = input.array_up_to(MAX_PATH, "levels")?;
    (0..count).map(|_| input.fixed()).collect()
}

fn read_evidence(input: &mut Reader<'_>) -> Result<Evidence, Fault> {
    if input.null() {
        Ok(Evidence::Closed)
    } else if input.at_array() {
        input.blame(Part::Disclosure);
        let bytes = input.array(1).and_then(|()| input.bytes());
        let disclosure = bytes.and_then(Disclosure::decode).map_err(Fault::at(Part::Disclosure))?;
        Ok(Evidence::Fields(disclosure))
    } else {
        input.blame(Part::Body);
        let body = input.bytes().map_err(Fault::at(Part::Body))?.to_vec();
        Body::decode(&body).map_err(Fault::at(Part::Body))?;
        Ok(Evidence::Body(body))
    }
}

/// Checks a bundle against the members that the caller pins, and nothing else: no network, no
/// store, no clock.
///
/// # Errors
///
/// A [`Fault`] that names the first part which does not hold.
pub fn verify_bundle(bytes: &[u8], members: &Members) -> Result<Verified, Fault> {
    let (bundle, statement) = Bundle::read(bytes, |statement| check_statement(statement, members))?;
    let capture = Capture::decode(statement.payload()).map_err(Fault::at(Part::Statement))?;
    let receipt =
        Receipt::verify(&bundle.receipt, &statement, members).map_err(Fault::at(Part::Receipt))?;
    let leaf = Leaf::decode(&bundle.leaf).map_err(Fault::at(Part::Leaf))?;
    let (index, path) = (bundle.leaf_index, &bundle.leaf_path);
    let in_capture = capture_tree::verify(&bundle.leaf, index, capture.count, path, &capture.root);
    let shown = check_evidence(&bundle.evidence, &statement, &leaf);
    let Shown { event_json, fields, sealed } = match (in_capture, shown) {
        (Ok(()), Ok(shown)) => shown,
        (Ok(()), Err(fault)) | (Err(fault), Ok(_)) => return Err(fault),
        (Err(_), Err(_)) => {
            let (part, why) = (Part::Leaf, "neither its path nor the body or fields agree with it");
            return Err(Fault { part, why: Error::Mismatch { part, why } });
        }
    };
    let published = match &bundle.note {
        Some(note) => Some(check_note(note, &receipt, members).map_err(Fault::at(Part::Note))?),
        None => None,
    };
    Ok(Verified {
        issuer: statement.issuer().clone(),
        commitment: leaf.commitment,
        tags: leaf.tags.iter().map(|(tag, _)| *tag).collect(),
        leaf_index: bundle.leaf_index,
        receipt_by: receipt.member,
        index: receipt.index,
        size: receipt.size,
        root: receipt.root,
        event_json,
        fields,
        sealed,
        published,
    })
}

fn check_statement(statement: &Statement, members: &Members) -> Result<(), Error> {
    let part = Part::Statement;
    if statement.consortium() != members.consortium() {
        let found = statement.consortium().to_string();
        let expected = members.consortium().to_string();
        return Err(Error::ConsortiumMismatch { part, found, expected });
    }
    let issuer = members
        .get(statement.issuer())
        .ok_or_else(|| Error::MemberUnknown { part, member: statement.issuer().to_string() })?;
    statement.verify(&issuer.statement_key)?;
    if statement.content() == Content::Capture {
        Ok(())
    } else {
        Err(Error::Malformed { part, why: "it is no capture" })
    }
}

/// What shows of an event.
#[derive(Debug, Default)]
struct Shown {
    event_json: Option<String>,
    fields: Vec<(String, String)>,
    sealed: Option<SealedBody>,
}

fn check_evidence(evidence: &Evidence, statement: &Statement, leaf: &Leaf) -> Result<Shown, Fault> {
    let (consortium, issuer) = (statement.consortium(), statement.issuer());
    match evidence {
        Evidence::Closed => Ok(Shown::default()),
        Evidence::Fields(disclosure) => {
            let at = Fault::at(Part::Disclosure);
            let commitment = disclosure.commitment(consortium, issuer).map_err(&at)?;
            if commitment != leaf.commitment {
                let why = "it does not lead to the leaf's commitment";
                return Err(at(Error::Mismatch { part: Part::Disclosure, why }));
            }
            let shown = disclosure.opened.iter();
            let fields = shown.map(|open| (open.name.clone(), open.value.clone())).collect();
            Ok(Shown { fields, ..Shown::default() })
        }
        Evidence::Body(bytes) => {
            let body = Body::decode(bytes).map_err(Fault::at(Part::Body))?;
            check_body(body, bytes, statement, leaf).map_err(Fault::at(Part::Body))
        }
    }
}

/// Checks that a body is its leaf's: a sealed one by its digest alone, for its seed stays with the
/// sealer.
fn check_body(
    body: Body,
    bytes: &[u8],
    statement: &Statement,
    leaf: &Leaf,
) -> Result<Shown, Error> {
    let mismatch = |why| Error::Mismatch { part: Part::Body, why };
    let fields = match &body {
        Body::Open(open) => top_level_fields(&open.json)?,
        Body::Sealed(_) => Vec::new(),
    };
    let owned =
        |(name, value): (std::borrow::Cow<'_, str>, &str)| (name.into_owned(), value.to_owned());
    let fields = fields.into_iter().map(owned).collect();
    if body_digest(bytes) != leaf.body_digest {
        return Err(mismatch("its digest is not the one in the leaf"));
    }
    body.check_marks(leaf)?;
    match body {
        Body::Sealed(body) => Ok(Shown { sealed: Some(body), ..Shown::default() }),
        Body::Open(body) => {
            let commitment = body.commitment(statement.consortium(), statement.issuer())?;
            if commitment != leaf.commitment {
                return Err(mismatch("it does not lead to the leaf's commitment"));
            }
            Ok(Shown { event_json: Some(body.json), fields, sealed: None })
        }
    }
}

fn check_note(note: &str, receipt: &ReceiptFacts, members: &Members) -> Result<Checkpoint, Error> {
    let note = Note::parse(note)?;
    let checkpoint = note.verify(members)?;
    if (checkpoint.size, checkpoint.log_root) != (receipt.size, receipt.root) {
        let why = "it is not of the log that the receipt speaks of";
        return Err(Error::Mismatch { part: Part::Note, why });
    }
    Ok(checkpoint.clone())
}

#[cfg(test)]
mod tests;
