//! The command by which a member announces an item secret before it hands it to anybody.

use ledger::{Changes, Error, Failure, Refusal, View, reason};
use minicbor::data::Type;
use minicbor::decode::Error as Malformed;
use minicbor::{Decoder, Encoder};
use party::MemberId;
use statement::{Act, Digest, Height, Tag};

use crate::machine::reason::{SECRET_KNOWN, SECRET_NOT_YOURS, SECRET_SUCCEEDED, SECRET_UNKNOWN};
use crate::record::{damaged, name, written};

/// The state keys of announced secrets begin so.
const SECRETS: &[u8] = b"contract/secret/";

/// The arguments of the command: CBOR [1, secret id, tag, predecessor or null].
///
/// What is announced says nothing of the item to whoever does not hold the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnnounceSecret {
    /// The id of the secret.
    pub secret_id: Digest,
    /// The tag of its item, keyed with it.
    pub tag: Tag,
    /// The id of the secret that it replaces; announced by the same member, replaced by no other.
    pub predecessor: Option<Digest>,
}

/// An announced secret in the state: CBOR [1, issuer, tag, height, successor or null].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Who announced it.
    pub issuer: MemberId,
    /// The tag of its item, keyed with it.
    pub tag: Tag,
    /// The height of the block that holds the announcement.
    pub height: Height,
    /// The secret that replaced it, if one did.
    pub successor: Option<Digest>,
}

impl AnnounceSecret {
    /// The command's name.
    pub const NAME: &'static str = "announce-secret";

    /// Writes the arguments.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        written(|out| {
            out.array(4)?.u64(1)?.bytes(&self.secret_id)?.bytes(&self.tag.0)?;
            write_digest(out, self.predecessor.as_ref())
        })
    }

    /// Reads the arguments.
    ///
    /// # Errors
    ///
    /// `FIELD_INVALID` when they are malformed, `ENCODING_NOT_DETERMINISTIC` when they are not in
    /// their one encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let refuse = |reason, message: String| Refusal::new(reason, message).at("arguments");
        let act = Self::read(&mut Decoder::new(bytes))
            .map_err(|error| refuse(reason::FIELD_INVALID, error.to_string()))?;
        if act.encode() != bytes {
            let message = "the arguments are not in their one encoding".to_owned();
            return Err(refuse(reason::ENCODING_NOT_DETERMINISTIC, message));
        }
        Ok(act)
    }

    fn read(row: &mut Decoder<'_>) -> Result<Self, Malformed> {
        if row.array()? != Some(4) || row.u64()? != 1 {
            return Err(Malformed::message("not the arguments of announce-secret, version 1"));
        }
        Ok(Self { secret_id: digest(row)?, tag: tag(row)?, predecessor: maybe_digest(row)? })
    }
}

impl Announced {
    /// The state key of the secret with that id.
    #[must_use]
    pub fn key(secret_id: &Digest) -> Vec<u8> {
        [SECRETS, secret_id].concat()
    }

    /// Writes the record.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        written(|out| {
            out.array(5)?.u64(1)?.str(self.issuer.as_str())?.bytes(&self.tag.0)?;
            write_digest(out.u64(self.height.0)?, self.successor.as_ref())
        })
    }

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// When the state is damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        Self::read(&mut Decoder::new(bytes)).map_err(|error| damaged(&error.to_string()))
    }

    fn read(row: &mut Decoder<'_>) -> Result<Self, Malformed> {
        if row.array()? != Some(5) || row.u64()? != 1 {
            return Err(Malformed::message("not an announced secret, version 1"));
        }
        let (issuer, tag, height) = (name(row)?, tag(row)?, Height(row.u64()?));
        Ok(Self { issuer, tag, height, successor: maybe_digest(row)? })
    }
}

/// What an announcement changes: a record of its own, and the predecessor's.
pub(crate) fn apply(
    view: &dyn View,
    height: Height,
    issuer: &MemberId,
    act: &Act,
) -> Result<Changes, Failure> {
    let AnnounceSecret { secret_id, tag, predecessor } = AnnounceSecret::decode(&act.arguments)?;
    let refuse = |reason, message: String, field: &str| {
        Err(Failure::Refused(Refusal::new(reason, message).at(format!("arguments.{field}"))))
    };
    if announced(view, &secret_id)?.is_some() {
        let message = "a secret of this id was announced before".to_owned();
        return refuse(SECRET_KNOWN, message, "secret_id");
    }
    let record = Announced { issuer: issuer.clone(), tag, height, successor: None };
    let mut changes = vec![(Announced::key(&secret_id), Some(record.encode()))];
    let Some(before) = predecessor else { return Ok(changes) };
    let Some(mut earlier) = announced(view, &before)? else {
        let message = "the predecessor was never announced".to_owned();
        return refuse(SECRET_UNKNOWN, message, "predecessor");
    };
    if earlier.issuer != *issuer {
        let message = format!("the predecessor was announced by {}", earlier.issuer);
        return refuse(SECRET_NOT_YOURS, message, "predecessor");
    }
    if earlier.successor.is_some() {
        let message = "the predecessor has a successor already".to_owned();
        return refuse(SECRET_SUCCEEDED, message, "predecessor");
    }
    earlier.successor = Some(secret_id);
    changes.push((Announced::key(&before), Some(earlier.encode())));
    Ok(changes)
}

fn announced(view: &dyn View, secret_id: &Digest) -> Result<Option<Announced>, Error> {
    view.value(&Announced::key(secret_id))?.as_deref().map(Announced::decode).transpose()
}

type Writing = Result<(), minicbor::encode::Error<core::convert::Infallible>>;

fn write_digest(out: &mut Encoder<&mut Vec<u8>>, digest: Option<&Digest>) -> Writing {
    match digest {
        Some(digest) => out.bytes(digest)?.ok(),
        None => out.null()?.ok(),
    }
}

fn digest(row: &mut Decoder<'_>) -> Result<Digest, Malformed> {
    row.bytes()?.try_into().map_err(|_| Malformed::message("a secret's id has 32 bytes"))
}

fn maybe_digest(row: &mut Decoder<'_>) -> Result<Option<Digest>, Malformed> {
    if row.datatype()? == Type::Null {
        return row.null().map(|()| None);
    }
    digest(row).map(Some)
}

fn tag(row: &mut Decoder<'_>) -> Result<Tag, Malformed> {
    let tag = row.bytes()?.try_into();
    tag.map(Tag).map_err(|_| Malformed::message("a tag has 16 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announce(predecessor: Option<Digest>) -> AnnounceSecret {
        AnnounceSecret { secret_id: [1; 32], tag: Tag([2; 16]), predecessor }
    }

    #[test]
    fn arguments_have_one_encoding() {
        // Golden: the wire form of both shapes.
        let head = [&[0x84, 0x01, 0x58, 0x20][..], &[1; 32], &[0x50], &[2; 16]].concat();
        let golden = [[&head[..], &[0xf6]].concat(), [&head[..], &[0x58, 0x20], &[3; 32]].concat()];
        for (predecessor, golden) in [None, Some([3; 32])].into_iter().zip(golden) {
            let (act, bytes) = (announce(predecessor), announce(predecessor).encode());
            assert_eq!(bytes, golden);
            assert_eq!(AnnounceSecret::decode(&bytes), Ok(act));
            for bad in [[&bytes[..], &[0]].concat(), [&[0x98, 4], &bytes[1..]].concat()] {
                let refusal = AnnounceSecret::decode(&bad).unwrap_err();
                assert_eq!(refusal.reason, reason::ENCODING_NOT_DETERMINISTIC);
            }
            for cut in 0..bytes.len() {
                let refusal = AnnounceSecret::decode(&bytes[..cut]).unwrap_err();
                assert_eq!(refusal.reason, reason::FIELD_INVALID, "cut at {cut}");
            }
        }
    }

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        for successor in [None, Some([9; 32])] {
            let issuer = "sky-air".parse().unwrap();
            let record = Announced { issuer, tag: Tag([2; 16]), height: Height(300), successor };
            let bytes = record.encode();
            assert_eq!(Announced::decode(&bytes), Ok(record));
            for cut in 0..bytes.len() {
                assert!(Announced::decode(&bytes[..cut]).is_err(), "cut at {cut}");
            }
        }
    }
}
