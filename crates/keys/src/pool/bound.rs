//! What a pair of members makes of the link's keys: a secret that no other pair has.
//!
//! A pool is its site's, and a handle is public. Were the key itself the secret, any member of the
//! reading site could recover what was drawn for another one there.

use std::convert::Infallible;

use hkdf::Hkdf;
use minicbor::{Encoder, encode};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::handle::{POOL_CHECK_LEN, POOL_KEY_LEN};
use crate::{Error, KeyUuid, Peer, Secret};

/// Who draws a secret, and who is to recover it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair<'a> {
    pub(super) drawer: &'a Peer,
    pub(super) reader: &'a Peer,
}

/// What keys yield for one pair of members.
pub(super) struct Bound {
    /// The handle's public part: it says to who holds the keys that the pair is the right one.
    pub(super) check: [u8; POOL_CHECK_LEN],
    /// The secret.
    pub(super) secret: Secret,
}

impl Bound {
    /// Derives check and secret with HKDF-SHA-256 (RFC 5869), without salt, from the keys in the
    /// order of their ids; `info` is CBOR [label, link, [key id, ..], drawing member and site,
    /// reading member and site, length].
    pub(super) fn new(
        keys: &[&[u8; 32]],
        link: &str,
        key_ids: &[KeyUuid],
        pair: Pair<'_>,
        length: u16,
    ) -> Result<Self, Error> {
        // Room first: a vector that grows would leave a copy behind.
        let room = keys.len().saturating_mul(usize::from(POOL_KEY_LEN));
        let mut material = Zeroizing::new(Vec::with_capacity(room));
        for key in keys {
            material.extend_from_slice(*key);
        }
        let hkdf = Hkdf::<Sha256>::new(None, &material);
        let expand = |label, into: &mut [u8]| {
            let info = info(label, link, key_ids, pair, length);
            hkdf.expand(&info, into).map_err(|_| Error::LengthInvalid { length })
        };
        let mut check = [0; POOL_CHECK_LEN];
        expand("pool check v1", &mut check)?;
        let mut secret = Zeroizing::new(vec![0; usize::from(length)]);
        expand("pool secret v1", &mut secret)?;
        Ok(Self { check, secret: Secret::new(secret) })
    }

    /// Whether a handle's public part is this pair's; takes as long wherever the two differ.
    pub(super) fn is_checked_by(&self, public: &[u8]) -> bool {
        let differing =
            self.check.iter().zip(public).fold(0, |all, (own, other)| all | own ^ other);
        public.len() == self.check.len() && std::hint::black_box(differing) == 0
    }
}

fn info(
    label: &str,
    link: &str,
    key_ids: &[KeyUuid],
    Pair { drawer, reader }: Pair<'_>,
    length: u16,
) -> Vec<u8> {
    let mut to = Encoder::new(Vec::with_capacity(128));
    // Writing to a vector cannot fail.
    let _written: Result<(), encode::Error<Infallible>> = (|| {
        to.array(8)?.str(label)?.str(link)?;
        to.array(u64::try_from(key_ids.len()).unwrap_or(u64::MAX))?;
        for id in key_ids {
            to.bytes(&id.0)?;
        }
        for peer in [drawer, reader] {
            to.str(peer.member.as_str())?.str(peer.site.as_str())?;
        }
        to.u16(length)?;
        Ok(())
    })();
    to.into_writer()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(member: &str, site: &str) -> Peer {
        Peer { member: member.parse().unwrap(), site: site.parse().unwrap() }
    }

    fn bound(
        keys: [u8; 2],
        link: &str,
        ids: [u8; 2],
        [drawer, reader]: [&Peer; 2],
        length: u16,
    ) -> Bound {
        let keys = keys.map(|key| [key; 32]);
        let ids = ids.map(|id| KeyUuid([id; 16]));
        let pair = Pair { drawer, reader };
        Bound::new(&keys.each_ref()[..], link, &ids, pair, length).unwrap()
    }

    #[test]
    fn whatever_is_bound_in_makes_another_secret_and_another_check() {
        let (a, b) = (peer("zj-merchant", "hangzhou"), peer("cn-customs", "xiaoshan"));
        let (c, d) = (peer("sky-air", "xiaoshan"), peer("cn-customs", "liege"));
        let first = bound([1, 2], "hz-xs", [3, 4], [&a, &b], 64);
        let others = [
            bound([1, 9], "hz-xs", [3, 4], [&a, &b], 64),
            bound([2, 1], "hz-xs", [3, 4], [&a, &b], 64),
            bound([1, 2], "hz-xt", [3, 4], [&a, &b], 64),
            bound([1, 2], "hz-xs", [4, 3], [&a, &b], 64),
            bound([1, 2], "hz-xs", [3, 4], [&a, &c], 64),
            bound([1, 2], "hz-xs", [3, 4], [&c, &b], 64),
            bound([1, 2], "hz-xs", [3, 4], [&a, &d], 64),
            bound([1, 2], "hz-xs", [3, 4], [&b, &a], 64),
            bound([1, 2], "hz-xs", [3, 4], [&a, &b], 63),
        ];
        assert!(first.is_checked_by(&first.check));
        assert!(!first.is_checked_by(&[]) && !first.is_checked_by(&first.check[..15]));
        for (at, other) in others.iter().enumerate() {
            assert_ne!(other.secret.as_bytes()[..16], first.secret.as_bytes()[..16], "{at}");
            assert!(!first.is_checked_by(&other.check), "{at}");
        }
        assert_ne!(
            first.check,
            first.secret.as_bytes()[..16],
            "the check is no part of the secret"
        );
    }

    #[test]
    fn a_pair_makes_of_the_keys_what_it_always_did() {
        let (a, b) = (peer("zj-merchant", "hangzhou"), peer("cn-customs", "xiaoshan"));
        let Bound { check, secret } = bound([1, 2], "hz-xs", [3, 4], [&a, &b], 64);
        let expected = "27d1c2b74f4ed5472d17e852a9c5e2eb932d195a8469075be50b274fe7e795db";
        let all = blake3::hash(&[&check[..], secret.as_bytes()].concat()).to_hex();
        assert_eq!(all.as_str(), expected, "both ends must derive alike");
    }
}
