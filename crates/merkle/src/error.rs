//! Why a tree could not be proved, or a proof was refused.

use crate::map::Path;

/// Why a tree could not be proved, or a proof was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A leaf was asked for that the tree does not have.
    #[error("leaf {index} is outside a tree of {size} leaves")]
    IndexOutside {
        /// Position of the leaf.
        index: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// A log only grows, so the older tree cannot be the larger one.
    #[error("a tree of {new} leaves cannot have grown out of one of {old}")]
    Shrunk {
        /// Leaves of the older tree.
        old: u64,
        /// Leaves of the newer tree.
        new: u64,
    },
    /// A tree of that size is beyond [`MAX_SIZE`](crate::MAX_SIZE).
    #[error("a tree of {size} leaves is larger than 2^62")]
    TooLarge {
        /// Leaves of the tree.
        size: u64,
    },
    /// A frontier has one peak for each bit set in its size.
    #[error("a tree of {size} leaves has {expected} peaks, not {found}")]
    PeaksMiscounted {
        /// Leaves of the tree.
        size: u64,
        /// How many peaks a tree of that size has.
        expected: u32,
        /// How many were given.
        found: usize,
    },
    /// A path is shorter or longer than the tree's shape demands.
    #[error("the proof has {found} digests where the tree's shape demands {expected}")]
    PathLength {
        /// How many digests the shape demands.
        expected: usize,
        /// How many the proof has.
        found: usize,
    },
    /// The proof leads to another root than the one it should.
    #[error("the proof leads to another root")]
    RootMismatch,
    /// The consistency proof does not contain the older tree.
    #[error("the proof leads to another root of the older tree")]
    OldRootMismatch,
    /// The proof shows that the key maps to nothing, where it should map to something.
    #[error("the proof shows that the key maps to nothing")]
    AbsenceProved,
    /// The proof shows that the key maps to something, where it should map to nothing.
    #[error("the proof shows that the key maps to something")]
    EntryProved,
    /// The proof names the wanted key as if it were another.
    #[error("the proof gives the wanted key for another one")]
    TerminalIsKey,
    /// The key in the proof does not stand where the wanted key would.
    #[error(
        "the other key in the proof shares fewer than {depth} leading bits with the wanted one"
    )]
    TerminalElsewhere {
        /// How many leading bits the two should share.
        depth: usize,
    },
    /// A path's bytes are not those of a path.
    #[error("path of a page malformed: {why}")]
    PathMalformed {
        /// What is wrong.
        why: &'static str,
    },
    /// A page's bytes are not those of a page.
    #[error("page of the map malformed: {why}")]
    PageMalformed {
        /// What is wrong.
        why: &'static str,
    },
    /// A page that its parent points to was not found.
    #[error("page {path} of the map is missing, though its parent points to it")]
    PageMissing {
        /// Where the page should be.
        path: Path,
    },
    /// A page has another digest than its parent says: it is of another time, or damaged.
    #[error("page {path} of the map is not the one that its parent points to")]
    PageStale {
        /// Where the page was read.
        path: Path,
    },
    /// A page holds what cannot stand where it was read.
    #[error("page {path} of the map holds {what}, which cannot stand there")]
    PageMisplaced {
        /// Where the page was read.
        path: Path,
        /// What it holds.
        what: &'static str,
    },
}
