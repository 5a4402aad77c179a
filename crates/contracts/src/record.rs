//! Members as the state holds them.

use std::collections::{BTreeMap, BTreeSet};

use ledger::Error;
use minicbor::data::Type;
use minicbor::decode::Error as Malformed;
use minicbor::{Decoder, Encoder};
use party::{ConsortiumId, Member, MemberId, PublicKey, SealingKey, SiteId};
use statement::Height;

/// The state keys of members begin so.
pub(crate) const MEMBERS: &[u8] = b"member/";
/// The state key of the consortium's name.
pub(crate) const CONSORTIUM: &[u8] = b"policy/consortium";

/// The state key of the link keys of all sites.
pub(crate) const LINK_KEYS: &[u8] = b"policy/link-keys";

/// A member in the state: CBOR [2, id, roles, country, sites, statement key, receipt key, vote key,
/// is validator, [[retired statement key, height], ...], sealing key], where a sealing key is null
/// or [X25519 key, X-Wing key].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRecord {
    /// The member as it stands now.
    pub member: Member,
    /// Whether it votes and signs receipts.
    pub validator: bool,
    /// Statement keys that it retired, each with the last height at which it could sign.
    pub retired: Vec<(PublicKey, Height)>,
}

/// The state key of a member's record.
pub(crate) fn key(id: &MemberId) -> Vec<u8> {
    [MEMBERS, id.as_str().as_bytes()].concat()
}

/// What a broken record of the state is to the ledger.
pub(crate) fn damaged(what: &str) -> Error {
    Error::Damaged { what: what.to_owned(), place: "member records of the state".to_owned() }
}

type Writing = Result<(), minicbor::encode::Error<core::convert::Infallible>>;

/// Writes a record; memory takes every byte.
pub(crate) fn written(write: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Writing) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    let done = write(&mut Encoder::new(&mut bytes));
    assert!(done.is_ok(), "a vector takes every byte that CBOR gives it");
    bytes
}

impl MemberRecord {
    /// Writes the record.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Self { member, validator, retired } = self;
        written(|out| {
            out.array(11)?.u64(2)?.str(member.id.as_str())?.array(wide(member.roles.len()))?;
            for role in &member.roles {
                out.str(role.as_str())?;
            }
            out.str(&member.country.to_string())?.array(wide(member.sites.len()))?;
            for site in &member.sites {
                out.str(site.as_str())?;
            }
            for key in member.keys() {
                out.bytes(&key.0)?;
            }
            out.bool(*validator)?.array(wide(retired.len()))?;
            for (key, height) in retired {
                out.array(2)?.bytes(&key.0)?.u64(height.0)?;
            }
            match &member.sealing_key {
                Some(key) => out.array(2)?.bytes(&key.x25519)?.bytes(key.x_wing.as_slice())?.ok(),
                None => out.null()?.ok(),
            }
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
        if row.array()? != Some(11) || row.u64()? != 2 {
            return Err(Malformed::message("not a member's record of version 2"));
        }
        let id = name(row)?;
        let roles = list(row, name)?.into_iter().collect::<BTreeSet<_>>();
        let country = name(row)?;
        let sites = list(row, name)?.into_iter().collect::<BTreeSet<_>>();
        let (statement_key, receipt_key, vote_key) =
            (public_key(row)?, public_key(row)?, public_key(row)?);
        let validator = row.bool()?;
        let retired = list(row, |row| {
            row.array()?;
            Ok((public_key(row)?, Height(row.u64()?)))
        })?;
        let sealing_key = sealing_key(row)?;
        let member =
            Member { id, roles, country, sites, statement_key, receipt_key, vote_key, sealing_key };
        Ok(Self { member, validator, retired })
    }
}

/// CBOR [1, consortium].
pub(crate) fn encode_consortium(consortium: &ConsortiumId) -> Vec<u8> {
    written(|out| out.array(2)?.u64(1)?.str(consortium.as_str())?.ok())
}

pub(crate) fn decode_consortium(bytes: &[u8]) -> Result<ConsortiumId, Error> {
    let row = &mut Decoder::new(bytes);
    let read = (|| {
        row.array()?;
        row.u64()?;
        name(row)
    })();
    read.map_err(|error: Malformed| damaged(&error.to_string()))
}

/// CBOR [1, [[site, link key], ...]].
pub(crate) fn encode_link_keys(keys: &BTreeMap<SiteId, PublicKey>) -> Vec<u8> {
    written(|out| {
        out.array(2)?.u64(1)?.array(wide(keys.len()))?;
        for (site, key) in keys {
            out.array(2)?.str(site.as_str())?.bytes(&key.0)?;
        }
        Ok(())
    })
}

pub(crate) fn decode_link_keys(bytes: &[u8]) -> Result<BTreeMap<SiteId, PublicKey>, Error> {
    let row = &mut Decoder::new(bytes);
    let read = (|| {
        if row.array()? != Some(2) || row.u64()? != 1 {
            return Err(Malformed::message("not the link keys, version 1"));
        }
        list(row, |row| {
            row.array()?;
            Ok((name(row)?, public_key(row)?))
        })
    })();
    let keys = read.map_err(|error: Malformed| damaged(&error.to_string()))?;
    Ok(keys.into_iter().collect())
}

fn sealing_key(row: &mut Decoder<'_>) -> Result<Option<SealingKey>, Malformed> {
    if row.datatype()? == Type::Null {
        row.null()?;
        return Ok(None);
    }
    if row.array()? != Some(2) {
        return Err(Malformed::message("a sealing key has two parts"));
    }
    let x25519 = row.bytes()?.try_into();
    let x25519 = x25519.map_err(|_| Malformed::message("an X25519 key has 32 bytes"))?;
    let x_wing: Box<[u8]> = row.bytes()?.into();
    let x_wing =
        x_wing.try_into().map_err(|_| Malformed::message("an X-Wing key has 1,216 bytes"))?;
    Ok(Some(SealingKey { x25519, x_wing }))
}

pub(crate) fn name<T: std::str::FromStr>(row: &mut Decoder<'_>) -> Result<T, Malformed> {
    row.str()?.parse().map_err(|_| Malformed::message("a name that no party can have"))
}

/// Reads a public key.
pub(crate) fn public_key(row: &mut Decoder<'_>) -> Result<PublicKey, Malformed> {
    let key = row.bytes()?.try_into();
    key.map(PublicKey).map_err(|_| Malformed::message("a public key has 32 bytes"))
}

fn list<T>(
    row: &mut Decoder<'_>,
    read: impl Fn(&mut Decoder<'_>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count = row.array()?.ok_or_else(|| Malformed::message("an open-ended list"))?;
    (0..count).map(|_| read(row)).collect()
}

fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_keys_come_back_as_they_were_written() {
        let key = |site: &str, n| (site.parse().unwrap(), PublicKey([n; 32]));
        let keys = BTreeMap::from([key("hangzhou", 1), key("liege", 2)]);
        let bytes = encode_link_keys(&keys);
        assert_eq!(decode_link_keys(&bytes), Ok(keys));
        for cut in 0..bytes.len() {
            assert!(decode_link_keys(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        let sealing_key = SealingKey { x25519: [6; 32], x_wing: Box::new([7; 1_216]) };
        for sealing_key in [None, Some(sealing_key)] {
            comes_back(sealing_key);
        }
    }

    fn comes_back(sealing_key: Option<SealingKey>) {
        let record = MemberRecord {
            member: Member {
                id: "hz-forwarder".parse().unwrap(),
                roles: ["carrier", "operator"].iter().map(|role| role.parse().unwrap()).collect(),
                country: "CN".parse().unwrap(),
                sites: BTreeSet::from(["hangzhou".parse().unwrap()]),
                statement_key: PublicKey([1; 32]),
                receipt_key: PublicKey([2; 32]),
                vote_key: PublicKey([3; 32]),
                sealing_key,
            },
            validator: true,
            retired: vec![(PublicKey([4; 32]), Height(9)), (PublicKey([5; 32]), Height(70_000))],
        };
        let bytes = record.encode();
        assert_eq!(MemberRecord::decode(&bytes), Ok(record));
        for cut in 0..bytes.len() {
            assert!(MemberRecord::decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn the_consortium_comes_back_as_it_was_written() {
        let demo: ConsortiumId = "demo".parse().unwrap();
        assert_eq!(decode_consortium(&encode_consortium(&demo)), Ok(demo));
        assert!(decode_consortium(b"").is_err());
    }
}
