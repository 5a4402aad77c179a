//! The act by which a member replaces its own statement key.

use ledger::{Refusal, reason};
use minicbor::decode::Error as Malformed;
use minicbor::{Decoder, Encoder};
use party::{ConsortiumId, MemberId, PublicKey};
use statement::{SigningKey, check_key, verify};

use crate::record::{public_key, written};

/// The arguments of the act: CBOR [1, new key, signature].
///
/// The new key signs CBOR ["retire-key v1", consortium, member, new key], so that nobody registers
/// a key that somebody else holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetireKey {
    /// The key that signs the member's statements from the next one on.
    pub new_key: PublicKey,
    /// By the new key, over what is said above.
    pub signature: [u8; 64],
}

impl RetireKey {
    /// The act's name in a governance statement.
    pub const NAME: &'static str = "retire-key";

    /// Makes the arguments with the key that is to be registered.
    #[must_use]
    pub fn sign(new_key: &SigningKey, consortium: &ConsortiumId, member: &MemberId) -> Self {
        let public = new_key.public();
        let signature = new_key.sign(&signed(consortium, member, &public));
        Self { new_key: public, signature }
    }

    /// Writes the arguments.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        written(|out| out.array(3)?.u64(1)?.bytes(&self.new_key.0)?.bytes(&self.signature)?.ok())
    }

    /// Reads the arguments.
    ///
    /// # Errors
    ///
    /// `FIELD_INVALID` when they are malformed, `ENCODING_NOT_DETERMINISTIC` when they are not in their one
    /// encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let act = Self::read(&mut Decoder::new(bytes))
            .map_err(|error| refuse(reason::FIELD_INVALID, error.to_string()))?;
        if act.encode() != bytes {
            let message = "the arguments are not in their one encoding".to_owned();
            return Err(refuse(reason::ENCODING_NOT_DETERMINISTIC, message));
        }
        Ok(act)
    }

    fn read(row: &mut Decoder<'_>) -> Result<Self, Malformed> {
        if row.array()? != Some(3) || row.u64()? != 1 {
            return Err(Malformed::message("not the arguments of retire-key, version 1"));
        }
        let new_key = public_key(row)?;
        let signature = row.bytes()?.try_into();
        let signature = signature.map_err(|_| Malformed::message("a signature has 64 bytes"))?;
        Ok(Self { new_key, signature })
    }

    /// Checks that the key is sound and that whoever asks holds it.
    ///
    /// # Errors
    ///
    /// `KEY_WEAK` or `SIGNATURE_INVALID`.
    pub fn verify(&self, consortium: &ConsortiumId, member: &MemberId) -> Result<(), Refusal> {
        let weak = |error: statement::Error| refuse(error.reason(), error.to_string());
        check_key(&self.new_key).map_err(weak)?;
        verify(&self.new_key, &signed(consortium, member, &self.new_key), &self.signature)
            .map_err(weak)
    }
}

fn signed(consortium: &ConsortiumId, member: &MemberId, new_key: &PublicKey) -> Vec<u8> {
    written(|out: &mut Encoder<&mut Vec<u8>>| {
        out.array(4)?.str("retire-key v1")?.str(consortium.as_str())?;
        out.str(member.as_str())?.bytes(&new_key.0)?.ok()
    })
}

fn refuse(reason: &'static str, message: String) -> Refusal {
    Refusal::new(reason, message).at("arguments")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_registered_only_by_who_holds_it_and_for_whom_it_was_signed() {
        let (demo, other) = ("demo".parse().unwrap(), "other".parse().unwrap());
        let (sky, sea) = ("sky-air".parse().unwrap(), "sea-line".parse().unwrap());
        let act = RetireKey::sign(&SigningKey::from_bytes([5; 32]), &demo, &sky);
        assert_eq!(act.verify(&demo, &sky), Ok(()));
        let stranger = SigningKey::from_bytes([6; 32]).public();
        let cases = [
            act.verify(&other, &sky),
            act.verify(&demo, &sea),
            RetireKey { new_key: stranger, ..act }.verify(&demo, &sky),
        ];
        for case in cases {
            assert_eq!(case.unwrap_err().reason, reason::SIGNATURE_INVALID);
        }
        let weak = RetireKey { new_key: PublicKey([0; 32]), ..act };
        assert_eq!(weak.verify(&demo, &sky).unwrap_err().reason, reason::KEY_WEAK);
    }

    #[test]
    fn arguments_have_one_encoding() {
        let key = SigningKey::from_bytes([5; 32]);
        let act = RetireKey::sign(&key, &"demo".parse().unwrap(), &"sky-air".parse().unwrap());
        let bytes = act.encode();
        assert_eq!(RetireKey::decode(&bytes), Ok(act));
        let longer = [&bytes[..], &[0]].concat();
        let wide = [&[0x98, 3], &bytes[1..]].concat();
        for bad in [longer, wide] {
            let refusal = RetireKey::decode(&bad).unwrap_err();
            assert_eq!(refusal.reason, reason::ENCODING_NOT_DETERMINISTIC);
        }
        assert_eq!(RetireKey::decode(b"").unwrap_err().reason, reason::FIELD_INVALID);
    }
}
