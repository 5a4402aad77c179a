//! One member: its roles, its country, its sites, its keys.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::cut;
use crate::{Error, KeyId, MemberId, PublicKey, SealingKey, SiteId};

/// What a member does in the consortium; it may do several things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sells or buys goods.
    Trader,
    /// Carries or keeps goods.
    Carrier,
    /// Clears goods over a border.
    Customs,
    /// Holds and releases payments.
    Bank,
    /// Inspects the record on behalf of a state.
    Regulator,
    /// Reads what is open to all members.
    Observer,
    /// Runs a ledger that votes.
    Operator,
}

impl Role {
    /// Every role, in the order of their names above.
    pub const ALL: [Self; 7] = [
        Self::Trader,
        Self::Carrier,
        Self::Customs,
        Self::Bank,
        Self::Regulator,
        Self::Observer,
        Self::Operator,
    ];

    /// Shows the role as it stands in files: one lower-case word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trader => "trader",
            Self::Carrier => "carrier",
            Self::Customs => "customs",
            Self::Bank => "bank",
            Self::Regulator => "regulator",
            Self::Observer => "observer",
            Self::Operator => "operator",
        }
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| Error::RoleUnknown { text: cut(text) })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A country as two upper-case letters (the form of ISO 3166-1 alpha-2).
///
/// Only the form is checked: the list of countries changes, and a committed record must not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

impl FromStr for Country {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.as_bytes() {
            &[a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(Self([a, b])),
            _ => Err(Error::CountryMalformed { text: cut(text) }),
        }
    }
}

impl TryFrom<String> for Country {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.0.map(char::from).into_iter().collect()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from(*self))
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Country({self})")
    }
}

/// An organisation of the consortium, as the others know it: public facts only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The member's name.
    pub id: MemberId,
    /// What it does.
    pub roles: BTreeSet<Role>,
    /// Where it is registered.
    pub country: Country,
    /// Where its machines stand.
    pub sites: BTreeSet<SiteId>,
    /// Signs its statements.
    pub statement_key: PublicKey,
    /// Signs its receipts and its lines under checkpoints.
    pub receipt_key: PublicKey,
    /// Signs its votes.
    pub vote_key: PublicKey,
    /// What secrets for it are sealed to; a member without one reads nothing sealed.
    #[serde(default)]
    pub sealing_key: Option<SealingKey>,
}

impl Member {
    /// Shows the member's signing keys: statements, receipts, votes.
    #[must_use]
    pub fn keys(&self) -> [&PublicKey; 3] {
        [&self.statement_key, &self.receipt_key, &self.vote_key]
    }

    /// Names all of the member's keys, none of which any other use or member may have. The X25519
    /// key within the sealing key counts for itself too, so that no two members are one reader.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> {
        let sealing = self.sealing_key.iter();
        let sealing = sealing.flat_map(|key| [key.id(), KeyId::of(&PublicKey(key.x25519))]);
        self.keys().map(KeyId::of).into_iter().chain(sealing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_reads_and_prints_as_one_word_in_text_and_json_alike() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{role}\""));
        }
        assert!("Trader".parse::<Role>().unwrap_err().to_string().contains("the roles are"));
    }

    #[test]
    fn a_country_is_two_capitals() {
        let country: Country = "CN".parse().unwrap();
        assert_eq!(country.to_string(), "CN");
        for bad in ["", "C", "cn", "CHN", "C1", "中"] {
            assert!(bad.parse::<Country>().is_err(), "{bad}");
        }
    }
}
