//! Sealed events for tests: sealed as the gateway seals them, opened as it opens them.

use bytes::Bytes;
use envelope::{ContentKey, PartPlan};
use party::MemberId;
use statement::{
    Commitment, ItemSecret, Leaf, Mark, OpenBody, RequestId, SealedBody, Seed, Tag, body_digest,
};

use crate::book::{Entry as Opening, Opened};
use crate::small_ledger::{members, sign_by};
use crate::{Book, Entry, Error, View};

/// A sealed event with everything that its sealer knows of it.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) by: MemberId,
    pub(crate) commitment: Commitment,
    pub(crate) body: SealedBody,
    pub(crate) keys: Vec<ContentKey>,
    pub(crate) leaf: Leaf,
    request: u64,
}

pub(crate) fn secret(n: u8) -> ItemSecret {
    ItemSecret::from_bytes([n; 32])
}

/// Seals an event whose items are tagged with these secrets.
pub(crate) fn seal(
    by: &MemberId,
    request: u64,
    event: &str,
    secrets: &[(&str, &ItemSecret)],
    parts: &[PartPlan<'_>],
) -> Sealed {
    let document = epcis::parse_document(event.as_bytes(), &epcis::Limits::default()).unwrap();
    let event = &document.events[0];
    let json = event.canonical_json();
    let id = RequestId([u8::try_from(request).unwrap(); 16]);
    let seed = Seed::derive(&[4; 32], &id, 0, &json);
    let keys: Vec<ContentKey> = (0..u32::try_from(parts.len()).unwrap())
        .map(|part| ContentKey::derive(&[4; 32], &id, 0, part, &json))
        .collect();
    let consortium = members().consortium().clone();
    let (commitment, body) =
        envelope::seal(&consortium, by, &seed, &event.fields(), parts, &keys).unwrap();
    let tags = secrets.iter().map(|(item, secret)| {
        let tag = Tag::keyed(secret, item);
        (tag, Some(Mark::new(secret, &consortium, by, &commitment, &tag)))
    });
    let leaf = Leaf::new(commitment, body_digest(&body.encode()), tags.collect()).unwrap();
    Sealed { by: by.clone(), commitment, body, keys, leaf, request }
}

/// An open event in an entry of its own, by whoever wants to, with its commitment.
pub(crate) fn open_by(by: &MemberId, request: u64, event: &str) -> (Commitment, Entry) {
    let document = epcis::parse_document(event.as_bytes(), &epcis::Limits::default()).unwrap();
    let event = &document.events[0];
    let json = event.canonical_json();
    let seed = Seed::derive(&[4; 32], &RequestId([7; 16]), 0, &json);
    let body = OpenBody { seed, json };
    let commitment = body.commitment(members().consortium(), by).unwrap();
    let body = body.encode();
    let tags = event.items().iter().map(|item| (Tag::open(item.canonical()), None)).collect();
    let leaf = Leaf::new(commitment, body_digest(&body), tags).unwrap();
    let (leaf, body) = (Bytes::from(leaf.encode()), Bytes::from(body));
    (commitment, sign_by(by, request, vec![leaf], vec![Some(body)]))
}

impl Sealed {
    /// The log entry that holds it alone.
    pub(crate) fn entry(&self) -> Entry {
        self.entry_by(&self.by)
    }

    /// The same leaf and body, signed by whoever wants to.
    pub(crate) fn entry_by(&self, by: &MemberId) -> Entry {
        let leaf = Bytes::from(self.leaf.encode());
        sign_by(by, self.request, vec![leaf], vec![Some(Bytes::from(self.body.encode()))])
    }

    /// The same leaf with other tags.
    pub(crate) fn tagged(mut self, tags: Vec<(Tag, Option<Mark>)>) -> Self {
        self.leaf = Leaf::new(self.commitment, self.leaf.body_digest, tags).unwrap();
        self
    }

    /// What the reader of a part puts into its book.
    pub(crate) fn opening(&self, view: &View, part: u32) -> Opening {
        let leaf = view.sealed_by(&self.by, &self.commitment).unwrap().unwrap();
        let body = SealedBody::decode(leaf.body.as_ref().unwrap()).unwrap();
        let key = self.keys[usize::try_from(part).unwrap()].clone();
        let consortium = members().consortium().clone();
        let opened =
            match envelope::open(&consortium, &self.by, &self.commitment, &body, part, &key) {
                Ok(envelope::Opened::Fields { disclosure }) => Opened::Fields(disclosure),
                Ok(envelope::Opened::Secret { item, secret }) => {
                    let announced = view.announced(&secret.id()).unwrap().unwrap();
                    Opened::Secret { item, secret, announced }
                }
                Err(error) => panic!("{error}"),
            };
        let mut opening = Opening::new(&leaf, part, key, opened);
        opening.sealed_with = "x-wing".into();
        opening
    }

    /// Opens parts into a book.
    pub(crate) fn open(&self, view: &View, book: &Book, parts: &[u32]) -> Result<(), Error> {
        book.put_all(parts.iter().map(|part| self.opening(view, *part)).collect())
    }
}
