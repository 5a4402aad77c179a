//! Ids of members, sites and consortia: `[a-z0-9-]{1,63}`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::error::cut;

/// The longest id, in bytes: what fits a DNS label, so that an id may name a host.
const MAX_LEN: usize = 63;

/// Tells whether `text` obeys the one rule for ids.
fn is_id(text: &str) -> bool {
    (1..=MAX_LEN).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        ///
        /// 1 to 63 characters of `a-z`, `0-9` and `-`; cheap to clone.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Shows the id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                if is_id(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(Error::IdMalformed { kind: $kind, text: cut(text) })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().into()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

id!(
    /// Names a consortium: one set of members with one log.
    ConsortiumId,
    "consortium"
);
id!(
    /// Names a member: an organisation of the consortium.
    MemberId,
    "member"
);
id!(
    /// Names a site: a place where one or several members have their machines.
    SiteId,
    "site"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_of_the_rule_is_taken_and_printed_as_it_came() {
        for text in ["a", "0", "-", "zj-merchant", &"x".repeat(63)] {
            let id: MemberId = text.parse().unwrap();
            assert_eq!(id.to_string(), text);
            assert_eq!(String::from(id), text);
        }
    }

    #[test]
    fn whatever_breaks_the_rule_is_refused_and_named() {
        for text in ["", "A", "a b", "a_b", "a.b", "a/b", "é", "a\n", "a\0", &"x".repeat(64)] {
            assert!(text.parse::<SiteId>().is_err(), "{text:?}");
        }
        let error = "Zj".parse::<MemberId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "member id \"Zj\" is not 1 to 63 characters of lower-case letters, digits and hyphens"
        );
    }

    #[test]
    fn a_long_bad_id_does_not_flood_the_message() {
        assert!("X".repeat(1_000_000).parse::<MemberId>().unwrap_err().to_string().len() < 250);
    }

    #[test]
    fn json_holds_an_id_as_a_string_and_refuses_a_bad_one() {
        let id: ConsortiumId = serde_json::from_str("\"demo\"").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"demo\"");
        assert!(serde_json::from_str::<ConsortiumId>("\"De mo\"").is_err());
    }

    #[test]
    fn ids_sort_as_their_text_does() {
        let [a, b]: [MemberId; 2] = ["a", "b"].map(|t| t.parse().unwrap());
        assert!(a < b);
        assert_eq!(format!("{a:?}"), "MemberId(a)");
    }
}
