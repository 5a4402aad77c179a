//! Why a name, a key or a list of members was refused.

use crate::{KeyId, MemberId, SiteId};

/// Why a name, a key or a list of members was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An id breaks the rule that every id of the house obeys.
    #[error(
        "{kind} id {text:?} is not 1 to 63 characters of lower-case letters, digits and hyphens"
    )]
    IdMalformed {
        /// What the id would name: "member", "site" or "consortium".
        kind: &'static str,
        /// The text that was given, cut to 80 characters.
        text: String,
    },
    /// A role has a name that nobody defined.
    #[error(
        "role {text:?} is unknown; the roles are trader, carrier, customs, bank, regulator, \
         observer and operator"
    )]
    RoleUnknown {
        /// The text that was given, cut to 80 characters.
        text: String,
    },
    /// A country is not a code of two letters.
    #[error("country {text:?} is not two upper-case letters of ISO 3166-1 alpha-2, such as CN")]
    CountryMalformed {
        /// The text that was given, cut to 80 characters.
        text: String,
    },
    /// A key or key id is not the right number of hexadecimal digits.
    #[error("{kind} is not {digits} lower-case hexadecimal digits")]
    HexMalformed {
        /// "public key", "key id" or which sealing key.
        kind: &'static str,
        /// How many digits it must have.
        digits: usize,
    },
    /// Two members bear one id.
    #[error("member {id} is listed twice")]
    MemberRepeated {
        /// The id they share.
        id: MemberId,
    },
    /// One key is registered for two members, or for two uses of one member.
    #[error(
        "key {key_id} of member {id} is registered twice; each key serves one use of one member"
    )]
    KeyRepeated {
        /// The member at which the second registration was found.
        id: MemberId,
        /// The key's id.
        key_id: KeyId,
    },
    /// A link key is registered twice, or serves another use too.
    #[error("the link key {key_id} of site {site} is registered twice; each key serves one use")]
    LinkKeyRepeated {
        /// The site at which the second registration was found.
        site: SiteId,
        /// The key's id.
        key_id: KeyId,
    },
    /// A link key is for a site where no member stands.
    #[error("no member has a site {site}, yet there is a link key for it")]
    SiteUnknown {
        /// The site's id.
        site: SiteId,
    },
    /// A validator is not among the members.
    #[error("validator {id} is not a member")]
    ValidatorUnknown {
        /// The validator's id.
        id: MemberId,
    },
    /// Without a validator no quorum could ever sign a checkpoint.
    #[error("there is no validator; at least one member must be one")]
    NoValidators,
    /// The members file is not the JSON that it should be.
    #[error("the members file is malformed: {why}")]
    FileMalformed {
        /// What is wrong, with line and column.
        why: String,
    },
}

/// Cuts foreign text for an error message, so that a bad name of a megabyte stays out of the log.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}
