//! Where the random bits come from.

#[cfg(any(test, feature = "seeded"))]
use rand::Rng as _;
use rand::rngs::{StdRng, SysRng};
use rand::{SeedableRng as _, TryRng as _};

use crate::Error;

/// Where an end or a channel takes its random bits from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Randomness {
    /// From the operating system.
    System,
    /// From a seed, for tests: every block distilled with it says so.
    #[cfg(any(test, feature = "seeded"))]
    Seeded(u64),
}

/// A running source of random bits.
#[derive(Debug)]
pub(crate) enum Source {
    System,
    #[cfg(any(test, feature = "seeded"))]
    Seeded(Box<StdRng>),
}

impl Randomness {
    pub(crate) fn source(&self) -> Source {
        match self {
            Self::System => Source::System,
            #[cfg(any(test, feature = "seeded"))]
            Self::Seeded(seed) => Source::Seeded(Box::new(StdRng::seed_from_u64(*seed))),
        }
    }

    /// A fast generator for the physics, which are no secret of anybody.
    pub(crate) fn physics(&self) -> Result<StdRng, Error> {
        match self {
            Self::System => StdRng::try_from_rng(&mut SysRng).map_err(|_| Error::NoRandomness),
            #[cfg(any(test, feature = "seeded"))]
            Self::Seeded(seed) => Ok(StdRng::seed_from_u64(*seed)),
        }
    }
}

impl Source {
    pub(crate) const fn is_seeded(&self) -> bool {
        match self {
            Self::System => false,
            #[cfg(any(test, feature = "seeded"))]
            Self::Seeded(_) => true,
        }
    }

    #[cfg_attr(
        not(any(test, feature = "seeded")),
        expect(clippy::needless_pass_by_ref_mut, reason = "a seeded source moves on")
    )]
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        match self {
            Self::System => SysRng.try_fill_bytes(bytes).map_err(|_| Error::NoRandomness),
            #[cfg(any(test, feature = "seeded"))]
            Self::Seeded(random) => {
                random.fill_bytes(bytes);
                Ok(())
            }
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }
}
