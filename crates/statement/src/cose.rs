//! `COSE_Sign1` (RFC 9052) as statements and receipts use it: a fixed header, strictly read.
//!
//! `coset` reads what others may write, indefinite lengths and wasteful integers too. So whatever
//! it has read is built anew from the facts found, and refused unless the bytes are the same.

use coset::cbor::Value;
use coset::{
    CoseSign1, CoseSign1Builder, Header, HeaderBuilder, Label, TaggedCborSerializable, iana,
};
use party::{ConsortiumId, KeyId, MemberId};

use crate::{Content, Digest, Error, LogIndex, LogSize, Part, SigningKey};

/// Header label of the CWT claims (RFC 9597).
const CWT_CLAIMS: i64 = 15;
/// Header label of the verifiable data structure (RFC 9942); its value 1 is `RFC9162_SHA256`.
const DATA_STRUCTURE: i64 = 395;
/// Header label of the proofs (RFC 9942); their label -1 is inclusion.
const PROOFS: i64 = 396;
/// Our private header label of [tree size, leaf index], which RFC 9942 leaves unsigned.
const LOG_POSITION: i64 = -70_001;

/// The facts of a protected header; from them its bytes follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Protected {
    pub(crate) key_id: KeyId,
    /// Statements have a content type, receipts a position.
    pub(crate) kind: Kind,
    pub(crate) consortium: ConsortiumId,
    pub(crate) issuer: MemberId,
    pub(crate) subject: Digest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Statement(Content),
    Receipt { size: LogSize, index: LogIndex },
}

/// A `COSE_Sign1` that was read, or is ready to be written.
#[derive(Clone, Debug)]
pub(crate) struct Sign1 {
    pub(crate) protected: Protected,
    /// For receipts, the one inclusion proof.
    pub(crate) proof: Option<Vec<u8>>,
    /// For receipts detached, hence none.
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) signature: [u8; 64],
}

impl Protected {
    fn header(&self) -> Header {
        let issuer = format!("quayside:{}/member/{}", self.consortium, self.issuer);
        let claims = Value::Map(vec![
            (Value::from(1), Value::Text(issuer)),
            (Value::from(2), Value::Text(hex::encode(self.subject))),
        ]);
        let builder =
            HeaderBuilder::new().algorithm(iana::Algorithm::EdDSA).key_id(self.key_id.0.to_vec());
        // In the bytewise order of the labels' encodings: 1, 3, 4, 15, 395, -70001.
        match self.kind {
            Kind::Statement(content) => {
                builder.content_type(content.media_type().to_owned()).value(CWT_CLAIMS, claims)
            }
            Kind::Receipt { size, index } => {
                let position = Value::Array(vec![Value::from(size.0), Value::from(index.0)]);
                builder
                    .value(CWT_CLAIMS, claims)
                    .value(DATA_STRUCTURE, Value::from(1))
                    .value(LOG_POSITION, position)
            }
        }
        .build()
    }

    fn read(header: &Header, part: Part) -> Result<Self, Error> {
        let why = |why| Error::Malformed { part, why };
        let key_id =
            header.key_id.as_slice().try_into().map_err(|_| why("its kid has 16 bytes"))?;
        let claims = rest(header, CWT_CLAIMS).and_then(Value::as_map);
        let [(_, issuer), (_, subject)] =
            claims.map(Vec::as_slice).ok_or_else(|| why("it has no CWT claims"))?
        else {
            return Err(why("its CWT claims are not issuer and subject"));
        };
        let (consortium, issuer) = issuer
            .as_text()
            .and_then(|text| text.strip_prefix("quayside:"))
            .and_then(|text| text.split_once("/member/"))
            .and_then(|(consortium, member)| Some((consortium.parse().ok()?, member.parse().ok()?)))
            .ok_or_else(|| why("its issuer is not `quayside:<consortium>/member/<id>`"))?;
        let mut digest = [0; 32];
        subject
            .as_text()
            .and_then(|text| hex::decode_to_slice(text, &mut digest).ok())
            .ok_or_else(|| why("its subject is not the hex of a digest"))?;
        let kind = match &header.content_type {
            Some(coset::ContentType::Text(text)) => {
                Kind::Statement(Content::from_media_type(text)?)
            }
            Some(coset::ContentType::Assigned(_)) => {
                return Err(Error::ContentTypeUnknown { found: "a number".to_owned() });
            }
            None => {
                let position = rest(header, LOG_POSITION).and_then(Value::as_array);
                let (size, index) = position
                    .and_then(|pair| match pair.as_slice() {
                        [size, index] => Some((unsigned(size)?, unsigned(index)?)),
                        _ => None,
                    })
                    .ok_or_else(|| why("it has neither content type nor position in the log"))?;
                Kind::Receipt { size: LogSize(size), index: LogIndex(index) }
            }
        };
        Ok(Self { key_id: KeyId(key_id), kind, consortium, issuer, subject: digest })
    }
}

impl Sign1 {
    /// Signs; `attached` says whether the payload is carried or detached.
    pub(crate) fn sign(
        key: &SigningKey,
        protected: Protected,
        proof: Option<Vec<u8>>,
        payload: Vec<u8>,
        attached: bool,
    ) -> Self {
        let message = Self { protected, proof, payload: None, signature: [0; 64] };
        let signature = key.sign(&message.to_be_signed(&payload));
        Self { payload: attached.then_some(payload), signature, ..message }
    }

    /// The bytes that are signed: RFC 9052's `Sig_structure`.
    pub(crate) fn to_be_signed(&self, payload: &[u8]) -> Vec<u8> {
        let protected =
            coset::ProtectedHeader { original_data: None, header: self.protected.header() };
        let context = coset::SignatureContext::CoseSign1;
        coset::sig_structure_data(context, protected, None, &[], payload)
    }

    pub(crate) fn encode(&self, part: Part) -> Result<Vec<u8>, Error> {
        let mut builder = CoseSign1Builder::new()
            .protected(self.protected.header())
            .signature(self.signature.to_vec());
        if let Some(proof) = &self.proof {
            let proofs = Value::Array(vec![Value::Bytes(proof.clone())]);
            let proofs = Value::Map(vec![(Value::from(-1), proofs)]);
            builder = builder.unprotected(HeaderBuilder::new().value(PROOFS, proofs).build());
        }
        if let Some(payload) = &self.payload {
            builder = builder.payload(payload.clone());
        }
        let message = builder.build().to_tagged_vec();
        message.map_err(|_| Error::Malformed { part, why: "it cannot be encoded" })
    }

    pub(crate) fn decode(part: Part, bytes: &[u8], limit_bytes: usize) -> Result<Self, Error> {
        // Before anything is allocated for it.
        if bytes.len() > limit_bytes {
            return Err(Error::TooLarge { part, found_bytes: bytes.len(), limit_bytes });
        }
        let why = |why| Error::Malformed { part, why };
        let message = CoseSign1::from_tagged_slice(bytes)
            .map_err(|_| why("it is no COSE_Sign1 under tag 18"))?;
        let protected = Protected::read(&message.protected.header, part)?;
        let proof = match protected.kind {
            Kind::Statement(_) => None,
            Kind::Receipt { .. } => Some(
                inclusion_proof(&message.unprotected)
                    .ok_or_else(|| why("it has not exactly one inclusion proof"))?,
            ),
        };
        let signature = message.signature.as_slice();
        let signature = signature.try_into().map_err(|_| why("its signature has 64 bytes"))?;
        let read = Self { protected, proof, payload: message.payload, signature };
        if read.encode(part)? == bytes { Ok(read) } else { Err(Error::NotDeterministic { part }) }
    }
}

fn rest(header: &Header, label: i64) -> Option<&Value> {
    header.rest.iter().find(|(found, _)| *found == Label::Int(label)).map(|(_, value)| value)
}

fn unsigned(value: &Value) -> Option<u64> {
    value.as_integer().and_then(|integer| integer.try_into().ok())
}

fn inclusion_proof(header: &Header) -> Option<Vec<u8>> {
    match rest(header, PROOFS)?.as_map()?.as_slice() {
        [(_, proofs)] => match proofs.as_array()?.as_slice() {
            [proof] => proof.as_bytes().cloned(),
            _ => None,
        },
        _ => None,
    }
}
