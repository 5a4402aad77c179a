//! What the pool writes: keys sealed under the site's storage key, requests, and what is spent.

use std::convert::Infallible;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use minicbor::data::Type;
use minicbor::{Decoder, Encoder, decode, encode};
use party::MemberId;
use zeroize::Zeroizing;

use super::{Direction, KeyState, PoolId};
use crate::secret::fill;
use crate::{Error, KeyUuid, Peer, RequestId};

/// The version of every row.
const VERSION: u8 = 1;
/// What a nonce measures, in bytes.
const NONCE_LEN: usize = 12;

/// What stands beside a key in the clear; it cannot be changed without the storage key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) state: KeyState,
    pub(super) direction: Direction,
    pub(super) seeded: bool,
    /// The order of storing; the oldest is drawn first.
    pub(super) sequence: u64,
    pub(super) block: [u8; 16],
}

/// Seals the rows of one pool.
pub(super) struct RowKey(Zeroizing<[u8; 32]>);

impl RowKey {
    /// Derives the key of a pool's rows; pools under one storage key have different ones.
    pub(super) fn new(storage_key: &[u8; 32], id: &PoolId) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("quayside 2026-11 key pool rows v1");
        hasher.update(storage_key).update(&identity(id));
        let mut key = Zeroizing::new([0; 32]);
        hasher.finalize_xof().fill(&mut *key);
        Self(key)
    }

    /// Says nothing of the key but whether it is the same.
    pub(super) fn check(&self) -> [u8; 32] {
        blake3::keyed_hash(&self.0, b"key pool check v1").into()
    }

    /// Seals a key for its row: CBOR [1, header.., nonce and ciphertext].
    pub(super) fn seal(
        &self,
        id: &KeyUuid,
        header: &Header,
        secret: &[u8; 32],
    ) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE_LEN];
        fill(&mut nonce)?;
        let bound = bound(id, header);
        let cipher = ChaCha20Poly1305::new((&*self.0).into());
        let sealed = cipher
            .encrypt(&nonce.into(), Payload { msg: secret, aad: &bound })
            .map_err(|_| damaged("a key cannot be sealed"))?;
        Ok(written(|to| {
            to.array(7)?.u8(VERSION)?;
            write_header(to, header)?;
            to.bytes(&[&nonce[..], &sealed].concat())?;
            Ok(())
        }))
    }

    /// Opens the row of the key `id`.
    pub(super) fn open(
        &self,
        id: &KeyUuid,
        row: &[u8],
    ) -> Result<(Header, Zeroizing<[u8; 32]>), Error> {
        let (header, sealed) = read_row(row)?;
        let broken = || damaged(&format!("the row of key {id} was changed or belongs to another"));
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(broken)?;
        let bound = bound(id, &header);
        let cipher = ChaCha20Poly1305::new((&*self.0).into());
        let opened = cipher.decrypt(&(*nonce).into(), Payload { msg: sealed, aad: &bound });
        let opened = Zeroizing::new(opened.map_err(|_| broken())?);
        let mut secret = Zeroizing::new([0; 32]);
        if opened.len() != secret.len() {
            return Err(broken());
        }
        secret.copy_from_slice(&opened);
        Ok((header, secret))
    }
}

/// What a sealed key is bound to: its id and its header.
fn bound(id: &KeyUuid, header: &Header) -> Vec<u8> {
    written(|to| {
        to.array(7)?.str("key pool row v1")?.bytes(&id.0)?;
        write_header(to, header)
    })
}

fn write_header(to: &mut Encoder<Vec<u8>>, header: &Header) -> Written {
    to.u8(state_code(header.state))?.bool(header.direction == Direction::Outgoing)?;
    to.bool(header.seeded)?.u64(header.sequence)?.bytes(&header.block)?;
    Ok(())
}

/// Reads what stands in the clear in a key's row.
pub(super) fn read_header(row: &[u8]) -> Result<Header, Error> {
    read_row(row).map(|(header, _)| header)
}

fn read_row(row: &[u8]) -> Result<(Header, &[u8]), Error> {
    let mut from = Decoder::new(row);
    (|| {
        expect(&mut from, 7)?;
        let state = state_of(from.u8()?).ok_or_else(|| decode::Error::message("state"))?;
        let direction = direction_of(from.bool()?);
        let (seeded, sequence) = (from.bool()?, from.u64()?);
        let block = fixed(&mut from)?;
        Ok((Header { state, direction, seeded, sequence, block }, from.bytes()?))
    })()
    .map_err(|error: decode::Error| damaged(&format!("a key's row does not decode ({error})")))
}

/// What a request asked, and which keys answered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) direction: Direction,
    /// Who asked.
    pub(super) own: MemberId,
    pub(super) peer: Peer,
    pub(super) length: u16,
    pub(super) key_ids: Vec<KeyUuid>,
    /// Whether the answer was confirmed and is erased.
    pub(super) confirmed: bool,
}

impl Asked {
    /// CBOR [1, outgoing, own member, member, site, length, [key id, ..], confirmed].
    pub(super) fn encode(&self) -> Vec<u8> {
        written(|to| {
            to.array(8)?.u8(VERSION)?.bool(self.direction == Direction::Outgoing)?;
            to.str(self.own.as_str())?;
            to.str(self.peer.member.as_str())?.str(self.peer.site.as_str())?.u16(self.length)?;
            write_ids(to, &self.key_ids)?;
            to.bool(self.confirmed)?;
            Ok(())
        })
    }

    pub(super) fn decode(row: &[u8]) -> Result<Self, Error> {
        let mut from = Decoder::new(row);
        (|| {
            expect(&mut from, 8)?;
            let direction = direction_of(from.bool()?);
            let name = |_| decode::Error::message("name");
            let own = from.str()?.parse().map_err(name)?;
            let member = from.str()?.parse().map_err(name)?;
            let site = from.str()?.parse().map_err(name)?;
            let (length, key_ids) = (from.u16()?, read_ids(&mut from)?);
            let confirmed = from.bool()?;
            let peer = Peer { member, site };
            Ok(Self { direction, own, peer, length, key_ids, confirmed })
        })()
        .map_err(|error: decode::Error| damaged(&format!("a request does not decode ({error})")))
    }
}

/// What is remembered of a key that was delivered and erased: CBOR [1, outgoing, block].
pub(super) fn encode_spent(direction: Direction, block: &[u8; 16]) -> Vec<u8> {
    written(|to| {
        to.array(3)?.u8(VERSION)?.bool(direction == Direction::Outgoing)?.bytes(block)?;
        Ok(())
    })
}

pub(super) fn decode_spent(row: &[u8]) -> Result<(Direction, [u8; 16]), Error> {
    let mut from = Decoder::new(row);
    (|| {
        expect(&mut from, 3)?;
        Ok((direction_of(from.bool()?), fixed(&mut from)?))
    })()
    .map_err(|error: decode::Error| damaged(&format!("a spent key does not decode ({error})")))
}

/// A confirmation in its order: CBOR [1, request id, [key id, ..]].
pub(super) fn encode_confirmed(request: &RequestId, key_ids: &[KeyUuid]) -> Vec<u8> {
    written(|to| {
        to.array(3)?.u8(VERSION)?.bytes(&request.0)?;
        write_ids(to, key_ids)
    })
}

pub(super) fn decode_confirmed(row: &[u8]) -> Result<(RequestId, Vec<KeyUuid>), Error> {
    let mut from = Decoder::new(row);
    (|| {
        expect(&mut from, 3)?;
        Ok((RequestId(fixed(&mut from)?), read_ids(&mut from)?))
    })()
    .map_err(|error: decode::Error| damaged(&format!("a confirmation does not decode ({error})")))
}

/// Whose pool it is, and under which storage key: CBOR [1, link, near, far, check].
pub(super) fn encode_owner(id: &PoolId, key: &RowKey) -> Vec<u8> {
    written(|to| {
        to.array(5)?.u8(VERSION)?.str(&id.link)?.str(id.near.as_str())?.str(id.far.as_str())?;
        to.bytes(&key.check())?;
        Ok(())
    })
}

pub(super) fn decode_owner(row: &[u8]) -> Result<(PoolId, [u8; 32]), Error> {
    let mut from = Decoder::new(row);
    (|| {
        expect(&mut from, 5)?;
        let name = |_| decode::Error::message("name");
        let link = from.str()?.to_owned();
        let near = from.str()?.parse().map_err(name)?;
        let far = from.str()?.parse().map_err(name)?;
        Ok((PoolId { link, near, far }, fixed(&mut from)?))
    })()
    .map_err(|error: decode::Error| damaged(&format!("the owner's row does not decode ({error})")))
}

/// The pool's name as bytes: which link, seen from where.
fn identity(id: &PoolId) -> Vec<u8> {
    written(|to| {
        to.array(3)?.str(&id.link)?.str(id.near.as_str())?.str(id.far.as_str())?;
        Ok(())
    })
}

/// A number as a key that sorts.
pub(super) fn sorted(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// The number of a key that sorts.
pub(super) fn number(key: &[u8]) -> Result<u64, Error> {
    key.try_into().map(u64::from_be_bytes).map_err(|_| damaged("a number has not 8 bytes"))
}

/// Sixteen bytes of a row or a row's key.
pub(super) fn sixteen(bytes: &[u8]) -> Result<[u8; 16], Error> {
    bytes.try_into().map_err(|_| damaged("an id has not 16 bytes"))
}

pub(super) fn damaged(why: &str) -> Error {
    Error::PoolDamaged { why: why.to_owned() }
}

type Written = Result<(), encode::Error<Infallible>>;

fn written(write: impl FnOnce(&mut Encoder<Vec<u8>>) -> Written) -> Vec<u8> {
    let mut to = Encoder::new(Vec::with_capacity(128));
    // Writing to a vector cannot fail.
    let _written = write(&mut to);
    to.into_writer()
}

fn write_ids(to: &mut Encoder<Vec<u8>>, ids: &[KeyUuid]) -> Written {
    to.array(u64::try_from(ids.len()).unwrap_or(u64::MAX))?;
    for id in ids {
        to.bytes(&id.0)?;
    }
    Ok(())
}

fn read_ids(from: &mut Decoder<'_>) -> Result<Vec<KeyUuid>, decode::Error> {
    let count = from.array()?.ok_or_else(|| decode::Error::message("an endless list"))?;
    (0..count).map(|_| fixed(from).map(KeyUuid)).collect()
}

/// Reads the head of a row: a list of so many, the first of which is the version.
fn expect(from: &mut Decoder<'_>, count: u64) -> Result<(), decode::Error> {
    if from.array()? != Some(count) || from.datatype()? != Type::U8 || from.u8()? != VERSION {
        return Err(decode::Error::message("another version or form"));
    }
    Ok(())
}

fn fixed<const N: usize>(from: &mut Decoder<'_>) -> Result<[u8; N], decode::Error> {
    from.bytes()?.try_into().map_err(|_| decode::Error::message("a wrong number of bytes"))
}

fn direction_of(outgoing: bool) -> Direction {
    if outgoing { Direction::Outgoing } else { Direction::Incoming }
}

/// The states that a key's row can have, by code. A spent key has no row.
const STATES: [KeyState; 4] =
    [KeyState::Pending, KeyState::Quarantined, KeyState::Ready, KeyState::Delivered];

fn state_code(state: KeyState) -> u8 {
    match state {
        KeyState::Pending => 0,
        KeyState::Quarantined => 1,
        KeyState::Ready => 2,
        KeyState::Delivered | KeyState::Spent => 3,
    }
}

fn state_of(code: u8) -> Option<KeyState> {
    STATES.get(usize::from(code)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> PoolId {
        let [near, far] = ["hangzhou", "xiaoshan"].map(|site| site.parse().unwrap());
        PoolId { link: "hz-xs".into(), near, far }
    }

    const HEADER: Header = Header {
        state: KeyState::Ready,
        direction: Direction::Outgoing,
        seeded: false,
        sequence: 300,
        block: [9; 16],
    };

    #[test]
    fn a_row_opens_under_its_own_key_id_and_header_only() {
        let key = RowKey::new(&[1; 32], &pool());
        let row = key.seal(&KeyUuid([5; 16]), &HEADER, &[7; 32]).unwrap();
        let (header, secret) = key.open(&KeyUuid([5; 16]), &row).unwrap();
        assert_eq!((header, *secret), (HEADER, [7; 32]));
        assert!(!row.windows(8).any(|window| window == [7; 8]), "the key is encrypted");

        let moved = key.open(&KeyUuid([6; 16]), &row).unwrap_err();
        assert!(moved.to_string().contains("was changed or belongs to another"), "{moved}");
        for (index, _) in row.iter().enumerate() {
            let mut bent = row.clone();
            bent[index] ^= 1;
            assert!(key.open(&KeyUuid([5; 16]), &bent).is_err(), "byte {index}");
            assert!(key.open(&KeyUuid([5; 16]), &row[..index]).is_err(), "torn at {index}");
        }
    }

    #[test]
    fn pools_and_storage_keys_do_not_open_each_others_rows() {
        let mut other_end = pool();
        std::mem::swap(&mut other_end.near, &mut other_end.far);
        let row = RowKey::new(&[1; 32], &pool()).seal(&KeyUuid([5; 16]), &HEADER, &[7; 32]);
        let row = row.unwrap();
        for key in [RowKey::new(&[2; 32], &pool()), RowKey::new(&[1; 32], &other_end)] {
            assert!(key.open(&KeyUuid([5; 16]), &row).is_err());
        }
    }

    #[test]
    fn one_key_sealed_twice_looks_different() {
        let key = RowKey::new(&[1; 32], &pool());
        let seal = || key.seal(&KeyUuid([5; 16]), &HEADER, &[7; 32]).unwrap();
        assert_ne!(seal(), seal());
    }

    #[test]
    fn what_is_written_is_read_and_what_is_torn_is_not() {
        let asked = Asked {
            direction: Direction::Incoming,
            own: "zj-merchant".parse().unwrap(),
            peer: Peer { member: "sky-air".parse().unwrap(), site: "xiaoshan".parse().unwrap() },
            length: 48,
            key_ids: vec![KeyUuid([1; 16]), KeyUuid([2; 16])],
            confirmed: true,
        };
        let row = asked.encode();
        assert_eq!(Asked::decode(&row), Ok(asked));
        assert!((0..row.len()).all(|end| Asked::decode(&row[..end]).is_err()));

        let row = encode_spent(Direction::Outgoing, &[3; 16]);
        assert_eq!(decode_spent(&row), Ok((Direction::Outgoing, [3; 16])));
        assert!((0..row.len()).all(|end| decode_spent(&row[..end]).is_err()));

        let row = encode_confirmed(&RequestId([4; 16]), &[KeyUuid([5; 16])]);
        assert_eq!(decode_confirmed(&row), Ok((RequestId([4; 16]), vec![KeyUuid([5; 16])])));
        assert!((0..row.len()).all(|end| decode_confirmed(&row[..end]).is_err()));

        let row = encode_owner(&pool(), &RowKey::new(&[1; 32], &pool()));
        assert_eq!(decode_owner(&row).unwrap().0, pool());
        assert!((0..row.len()).all(|end| decode_owner(&row[..end]).is_err()));
    }
}
