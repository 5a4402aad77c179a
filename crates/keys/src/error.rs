//! Why a secret could not be had.

use party::{MemberId, SiteId};

use crate::PassedOver;

/// Why a secret could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No key is left to draw; the line makes more.
    #[error("link {link} has {available} keys left to draw and {needed} are needed; wait for more")]
    Exhausted {
        /// The link.
        link: String,
        /// How many keys the request needs.
        needed: u64,
        /// How many are ready.
        available: u64,
    },
    /// The line has seen an eavesdropper, or cannot bound one, and gives no more key.
    #[error("link {link} is shut down ({why}); an operator restores it")]
    LineShutDown {
        /// The link.
        link: String,
        /// What the line saw.
        why: String,
    },
    /// No key is left to draw, and the ends of the line have lost one another.
    #[error("link {link} has no key left and its ends are not connected")]
    LineDown {
        /// The link.
        link: String,
    },
    /// The handle leads to no secret that was ever held here.
    #[error("the handle leads to no key held by {source_name}")]
    UnknownHandle {
        /// The source that was asked.
        source_name: String,
    },
    /// The handle was not made for these two members, or by nobody who holds its keys.
    #[error("the handle was not drawn by that member for this one, or was changed since")]
    HandleMismatch,
    /// The key is here, and the line has not yet settled that both ends hold it.
    #[error("the key is not yet confirmed by both ends of link {link}; ask again")]
    NotReleased {
        /// The link.
        link: String,
    },
    /// The key, or the answer to this request, was delivered once and is erased.
    #[error("the key was delivered before and is erased; have it sealed again")]
    Spent,
    /// A key that this end draws was to be recovered here.
    #[error("the key of link {link} is drawn at this end and cannot be recovered here")]
    WrongDirection {
        /// The link.
        link: String,
    },
    /// The consortium has no such member.
    #[error("member {member} is unknown")]
    PeerUnknown {
        /// The member.
        member: MemberId,
    },
    /// This source does not lead to the peer's site.
    #[error("{source_name} does not lead to site {site}")]
    NotReached {
        /// The source that was asked.
        source_name: String,
        /// The peer's site.
        site: SiteId,
    },
    /// A sealing key is missing: the peer's registered one, or one's own.
    #[error("no usable {algorithm} sealing key of {whose} is registered")]
    NoSealingKey {
        /// The algorithm.
        algorithm: &'static str,
        /// The peer's id, or "this end".
        whose: String,
    },
    /// A secret of such a length cannot be asked for.
    #[error("a secret has 16 to 1024 bytes, not {length}")]
    LengthInvalid {
        /// The length that was asked for, in bytes.
        length: u16,
    },
    /// The other side's public value makes the shared secret the same for everybody.
    #[error("the {algorithm} public value of the other side contributes nothing to the secret")]
    NonContributory {
        /// The algorithm.
        algorithm: &'static str,
    },
    /// The handle names a source that this party does not have.
    #[error("there is no source {name:?} here")]
    SourceUnknown {
        /// The name in the handle, or the policy class that has no source.
        name: String,
    },
    /// The key comes from a seeded link: whoever knows the seed knows the key.
    #[error("the key of {source_name} comes from a seeded link, which is for tests only")]
    Seeded {
        /// The source.
        source_name: String,
    },
    /// The request id was used for another question.
    #[error("request {request} was answered for another peer, length or handle; take a new id")]
    RequestReused {
        /// The request id, in hexadecimal digits.
        request: String,
    },
    /// None of several sources could.
    #[error("no source could give the key: {}", list(.passed_over))]
    NoSource {
        /// Each source, and why it could not.
        passed_over: Vec<PassedOver>,
        /// Whether one of them may be able to later.
        retryable: bool,
    },
    /// A source in another process refused.
    #[error("{message}")]
    Remote {
        /// The reason in one word, as [`Self::reason`] gives it there.
        reason: &'static str,
        /// What it said.
        message: String,
    },
    /// The source cannot be reached, or cannot answer now.
    #[error("the key source is unavailable: {message}")]
    Unavailable {
        /// What happened.
        message: String,
    },
    /// A handle, a key or an id is not what it should be.
    #[error("{why}")]
    Malformed {
        /// What is wrong.
        why: String,
    },
    /// A block of keys that was never stored, or was destroyed, was named.
    #[error("block {block} is not held by link {link}")]
    BlockUnknown {
        /// The link.
        link: String,
        /// The block's id, in hexadecimal digits.
        block: String,
    },
    /// The block is held back, or was released already; what was asked is refused.
    #[error("block {block} of link {link} is {state}")]
    BlockState {
        /// The link.
        link: String,
        /// The block's id, in hexadecimal digits.
        block: String,
        /// "quarantined", "released already" or "stored already".
        state: &'static str,
    },
    /// The pool was written under another storage key.
    #[error("the key pool at {path} was sealed with another storage key than the one given")]
    StorageKeyWrong {
        /// The pool's folder.
        path: String,
    },
    /// The folder holds the pool of another link or end.
    #[error("the key pool at {path} is of {found}, not of {wanted}")]
    PoolForeign {
        /// The pool's folder.
        path: String,
        /// Whose pool it is.
        found: String,
        /// Whose pool was to be opened.
        wanted: String,
    },
    /// The pool holds something that this program did not write.
    #[error("the key pool is damaged: {why}; move its folder away and let the link fill a new one")]
    PoolDamaged {
        /// What was found.
        why: String,
    },
    /// The pool's store could not read or write.
    #[error("the key pool failed: {message}")]
    Store {
        /// What the store said.
        message: String,
    },
}

/// Lists the sources that could not, with their reasons.
fn list(passed_over: &[PassedOver]) -> String {
    let reasons: Vec<String> =
        passed_over.iter().map(|one| format!("{}: {}", one.source, one.reason)).collect();
    reasons.join("; ")
}

impl Error {
    /// The reason in one word, for machines.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Exhausted { .. } => "KEYS_EXHAUSTED",
            Self::LineShutDown { .. } => "LINE_SHUT_DOWN",
            Self::LineDown { .. } => "LINE_DOWN",
            Self::UnknownHandle { .. } => "HANDLE_UNKNOWN",
            Self::HandleMismatch => "HANDLE_MISMATCH",
            Self::NotReleased { .. } => "KEY_NOT_RELEASED",
            Self::Spent => "KEY_SPENT",
            Self::WrongDirection { .. } => "KEY_WRONG_DIRECTION",
            Self::PeerUnknown { .. } => "PEER_UNKNOWN",
            Self::NotReached { .. } => "PEER_NOT_REACHED",
            Self::NoSealingKey { .. } => "NO_SEALING_KEY",
            Self::LengthInvalid { .. } => "KEY_LENGTH_INVALID",
            Self::NonContributory { .. } => "KEY_NON_CONTRIBUTORY",
            Self::SourceUnknown { .. } => "KEY_SOURCE_UNKNOWN",
            Self::Seeded { .. } => "KEY_SEEDED",
            Self::RequestReused { .. } => "REQUEST_ID_REUSED",
            Self::NoSource { .. } => "NO_KEY_SOURCE",
            Self::Remote { reason, .. } => reason,
            Self::Unavailable { .. } => "KEYS_UNAVAILABLE",
            Self::Malformed { .. } => "HANDLE_MALFORMED",
            Self::BlockUnknown { .. } => "KEY_BLOCK_UNKNOWN",
            Self::BlockState { .. } => "KEY_BLOCK_STATE",
            Self::StorageKeyWrong { .. } => "STORAGE_KEY_WRONG",
            Self::PoolForeign { .. } => "KEY_POOL_FOREIGN",
            Self::PoolDamaged { .. } => "KEY_POOL_DAMAGED",
            Self::Store { .. } => "KEY_STORE_FAILED",
        }
    }

    /// The error that a source in another process gave, from its reason and its message.
    ///
    /// A reason that this crate does not know makes it [`Self::Unavailable`].
    #[must_use]
    pub fn remote(reason: &str, message: String) -> Self {
        match REASONS.iter().find(|known| **known == reason) {
            Some(&"KEY_SPENT") => Self::Spent,
            Some(&"HANDLE_MISMATCH") => Self::HandleMismatch,
            Some(reason) => Self::Remote { reason, message },
            None => Self::Unavailable { message },
        }
    }

    /// Whether the same question may be answered later, without the caller changing it.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::NoSource { retryable, .. } => *retryable,
            _ => matches!(
                self.reason(),
                "KEYS_EXHAUSTED"
                    | "LINE_DOWN"
                    | "KEY_NOT_RELEASED"
                    | "KEYS_UNAVAILABLE"
                    | "KEY_STORE_FAILED"
            ),
        }
    }

    /// The reason as it may stand in a public handle: what a disk or a network said stays here.
    pub(crate) fn public_reason(&self) -> String {
        match self {
            Self::LineShutDown { why, .. } => format!("{}: {why}", self.reason()),
            _ => self.reason().to_owned(),
        }
    }

    /// Whether this says something of the source, so that another source may be able to; else it
    /// is about the question itself, and no source may answer it.
    pub(crate) fn is_of_the_source(&self) -> bool {
        !matches!(
            self.reason(),
            "KEY_SPENT"
                | "KEY_LENGTH_INVALID"
                | "REQUEST_ID_REUSED"
                | "PEER_UNKNOWN"
                | "HANDLE_MALFORMED"
        )
    }
}

/// Every reason that a source can give.
const REASONS: [&str; 25] = [
    "HANDLE_MALFORMED",
    "HANDLE_MISMATCH",
    "HANDLE_UNKNOWN",
    "KEYS_EXHAUSTED",
    "KEYS_UNAVAILABLE",
    "KEY_BLOCK_STATE",
    "KEY_BLOCK_UNKNOWN",
    "KEY_LENGTH_INVALID",
    "KEY_NON_CONTRIBUTORY",
    "KEY_NOT_RELEASED",
    "KEY_POOL_DAMAGED",
    "KEY_POOL_FOREIGN",
    "KEY_SEEDED",
    "KEY_SOURCE_UNKNOWN",
    "KEY_SPENT",
    "KEY_STORE_FAILED",
    "KEY_WRONG_DIRECTION",
    "LINE_DOWN",
    "LINE_SHUT_DOWN",
    "NO_KEY_SOURCE",
    "NO_SEALING_KEY",
    "PEER_NOT_REACHED",
    "PEER_UNKNOWN",
    "REQUEST_ID_REUSED",
    "STORAGE_KEY_WRONG",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_disk_said_does_not_reach_a_public_handle() {
        let error = Error::Store { message: "/srv/keys is full".into() };
        assert_eq!(error.public_reason(), "KEY_STORE_FAILED");
        let error = Error::LineShutDown { link: "hz-xs".into(), why: "QBER 0.25".into() };
        assert_eq!(error.public_reason(), "LINE_SHUT_DOWN: QBER 0.25");
    }

    #[test]
    fn an_error_from_afar_is_judged_by_its_reason() {
        assert_eq!(Error::remote("KEY_SPENT", "gone".into()), Error::Spent);
        let error = Error::remote("LINE_DOWN", "no line".into());
        assert_eq!((error.reason(), error.is_retryable()), ("LINE_DOWN", true));
        assert_eq!(error.to_string(), "no line");
        assert!(!Error::remote("REQUEST_ID_REUSED", String::new()).is_of_the_source());
        let strange = Error::remote("SOMETHING_NEW", "what".into());
        assert_eq!(strange, Error::Unavailable { message: "what".into() });
        assert!(REASONS.is_sorted());
    }

    #[test]
    fn an_error_of_several_sources_names_each() {
        let passed_over = ["qkd:a", "x-wing"]
            .map(|source| PassedOver { source: source.into(), reason: "LINE_DOWN".into() });
        let error = Error::NoSource { passed_over: passed_over.into(), retryable: true };
        assert_eq!(
            error.to_string(),
            "no source could give the key: qkd:a: LINE_DOWN; x-wing: LINE_DOWN"
        );
        assert!(error.is_retryable());
    }
}
