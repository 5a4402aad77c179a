//! One part of a sealed body: its plaintext, and the `COSE_Encrypt0` (RFC 9052) around it.

use party::{ConsortiumId, MemberId};
use statement::hash::Context;
use statement::{Commitment, Digest, Disclosure, ItemSecret, MAX_FIELDS, Opened as Field, Salt};
use zeroize::Zeroizing;

use crate::aead::{self, NONCE_BYTES, TAG_BYTES};
use crate::cbor::{In, Out, room};
use crate::{ContentKey, Error, Opened};

/// A part's nonce, from its content key and all that is sealed under it.
static NONCE: Context = Context::new("part nonce v1");

/// Protected header {1: 24}: the algorithm is ChaCha20/Poly1305.
const PROTECTED: [u8; 4] = [0xa1, 0x01, 0x18, 0x18];
/// All before the nonce: tag 16, array of three, the protected header as byte string, and the
/// unprotected header {5: 12 bytes}, which is the nonce.
const HEAD: [u8; 10] = [0xd0, 0x83, 0x44, 0xa1, 0x01, 0x18, 0x18, 0xa1, 0x05, 0x4c];

/// The version with which every plaintext begins, and the two kinds that follow it.
const VERSION: u64 = 1;
const FIELDS: u64 = 0;
const SECRET: u64 = 1;

/// Where a part stands: to this its ciphertext is bound.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) consortium: &'a ConsortiumId,
    pub(crate) sealer: &'a MemberId,
    pub(crate) commitment: &'a Commitment,
    pub(crate) part: u32,
}

impl Place<'_> {
    /// RFC 9052's `Enc_structure` with our associated data:
    /// CBOR ["Encrypt0", protected, CBOR ["body v1", consortium, sealer, commitment, part]].
    fn bound(&self) -> Vec<u8> {
        let Self { consortium, sealer, commitment, part } = self;
        let mut inner = Vec::with_capacity(192);
        let mut out = Out::new(&mut inner);
        out.array(5).text("body v1").text(consortium.as_str()).text(sealer.as_str());
        out.bytes(&commitment.0).uint((*part).into());
        let mut bound = Vec::with_capacity(inner.len() + 32);
        Out::new(&mut bound).array(3).text("Encrypt0").bytes(&PROTECTED).bytes(&inner);
        bound
    }

    /// Seals a plaintext. The nonce is derived from key, place and plaintext, so that the same part
    /// gives the same bytes, and no key ever meets a nonce twice with something else.
    pub(crate) fn seal(&self, key: &ContentKey, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let bound = self.bound();
        let mut seen =
            Zeroizing::new(Vec::with_capacity(room(bound.len()) + room(plain.len()) + 1));
        Out::new(&mut seen).array(2).bytes(&bound).bytes(plain);
        let digest = NONCE.mac(key.as_bytes(), &seen);
        let mut nonce = [0; NONCE_BYTES];
        nonce.iter_mut().zip(digest).for_each(|(to, from)| *to = from);

        let length = plain.len() + TAG_BYTES;
        let mut part = Vec::with_capacity(HEAD.len() + NONCE_BYTES + room(length));
        part.extend_from_slice(&HEAD);
        part.extend_from_slice(&nonce);
        Out::new(&mut part).bytes_head(length);
        aead::append_sealed(key.as_bytes(), &nonce, &bound, plain, &mut part)
            .ok_or_else(|| self.malformed("it is longer than the cipher takes"))?;
        Ok(part)
    }

    /// Opens a part to its plaintext.
    pub(crate) fn open(&self, key: &ContentKey, part: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (nonce, sealed) = self.read(part)?;
        aead::open(key.as_bytes(), nonce, &self.bound(), sealed)
            .ok_or(Error::PartNotOpened { part: self.part })
    }

    /// Reads nonce and ciphertext out of the one encoding that a part has.
    fn read<'b>(&self, part: &'b [u8]) -> Result<(&'b [u8; NONCE_BYTES], &'b [u8]), Error> {
        let rest = part.strip_prefix(&HEAD).ok_or_else(|| {
            self.malformed("it is no COSE_Encrypt0 of algorithm 24 with a nonce of 12 bytes")
        })?;
        let early = || self.malformed("it ends early");
        let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>().ok_or_else(early)?;
        let mut input = In::new(rest);
        let sealed = input.bytes().map_err(|why| self.malformed(why))?;
        input.end().map_err(|why| self.malformed(why))?;
        if sealed.len() < TAG_BYTES {
            return Err(early());
        }
        let mut shortest = Vec::with_capacity(room(0));
        Out::new(&mut shortest).bytes_head(sealed.len());
        if shortest.len() + sealed.len() != rest.len() {
            return Err(Error::NotDeterministic { part: self.part });
        }
        Ok((nonce, sealed))
    }

    /// Reads a plaintext, and checks fields against the commitment.
    pub(crate) fn read_plain(&self, plain: &[u8]) -> Result<Opened, Error> {
        let mut input = In::new(plain);
        let opened = decode(&mut input).map_err(|why| self.malformed(why))?;
        input.end().map_err(|why| self.malformed(why))?;
        let again = match &opened {
            Opened::Fields { disclosure } => {
                fields_plain(&disclosure.opened, &list_cbor(&disclosure.list))
            }
            Opened::Secret { item, secret } => secret_plain(item, secret),
        };
        if *again != plain {
            return Err(Error::NotDeterministic { part: self.part });
        }
        if let Opened::Fields { disclosure } = &opened {
            // ChaCha20-Poly1305 does not commit to its key: a sealer could make one ciphertext open
            // to two things under two keys. What was stated decides. (decision 0017)
            match disclosure.commitment(self.consortium, self.sealer) {
                Ok(commitment) if commitment == *self.commitment => {}
                _ => return Err(Error::CommitmentMismatch { part: self.part }),
            }
            let fields = disclosure.opened.iter().map(|field| (&*field.name, &*field.value));
            crate::partial_json(fields)
                .map_err(|_| self.malformed("a field's value is no canonical JSON"))?;
        }
        Ok(opened)
    }

    fn malformed(&self, why: &'static str) -> Error {
        Error::PartMalformed { part: self.part, why }
    }
}

/// The commitment's list, which every part with fields carries whole.
pub(crate) fn list_cbor(list: &[(String, Digest)]) -> Vec<u8> {
    let length: usize = list.iter().map(|(name, _)| room(name.len()) + 36).sum();
    let mut bytes = Vec::with_capacity(room(length));
    let mut out = Out::new(&mut bytes);
    out.array(list.len());
    for (name, hidden) in list {
        out.array(2).text(name).bytes(hidden);
    }
    bytes
}

/// CBOR [1, 0, [[name, salt, value], ...], list].
pub(crate) fn fields_plain<'f>(
    fields: impl IntoIterator<Item = &'f Field> + Clone,
    list: &[u8],
) -> Zeroizing<Vec<u8>> {
    let mut count = 0;
    let mut length = list.len() + room(0) + 3;
    for field in fields.clone() {
        count += 1;
        length += room(field.name.len()) + room(field.value.len()) + 36;
    }
    let mut plain = Zeroizing::new(Vec::with_capacity(length));
    let mut out = Out::new(&mut plain);
    out.array(4).uint(VERSION).uint(FIELDS).array(count);
    for Field { name, salt, value } in fields {
        out.array(3).text(name).bytes(salt.as_bytes()).text(value);
    }
    out.raw(list);
    plain
}

/// Bytes of an item's name: more than any GS1 key or sensible URI has.
const MAX_ITEM_BYTES: usize = 2_048;

/// CBOR [1, 1, item, secret].
pub(crate) fn secret_plain(item: &str, secret: &ItemSecret) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(room(item.len()) + 40));
    let mut out = Out::new(&mut plain);
    out.array(4).uint(VERSION).uint(SECRET).text(item).bytes(secret.as_bytes());
    plain
}

fn decode(input: &mut In<'_>) -> Result<Opened, &'static str> {
    input.array(4)?;
    if input.uint()? != VERSION {
        return Err("its version is unknown");
    }
    match input.uint()? {
        FIELDS => {
            let mut opened = Vec::new();
            for _ in 0..input.array_up_to(MAX_FIELDS)? {
                input.array(3)?;
                let name = input.text()?.to_owned();
                let salt = Salt::from_bytes(input.fixed()?);
                opened.push(Field { name, salt, value: input.text()?.to_owned() });
            }
            if opened.is_empty() {
                return Err("it opens no field");
            }
            let mut list = Vec::new();
            for _ in 0..input.array_up_to(MAX_FIELDS)? {
                input.array(2)?;
                list.push((input.text()?.to_owned(), input.fixed()?));
            }
            Ok(Opened::Fields { disclosure: Disclosure { list, opened } })
        }
        SECRET => {
            let item = input.text()?;
            if item.is_empty() || item.len() > MAX_ITEM_BYTES {
                return Err("its item's name is longer than any item's, or empty");
            }
            let item = item.to_owned();
            Ok(Opened::Secret { item, secret: ItemSecret::from_bytes(input.fixed()?) })
        }
        _ => Err("it holds neither fields nor a secret"),
    }
}

#[cfg(test)]
mod tests;
