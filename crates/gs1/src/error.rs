/// Why a text does not name an item.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not an absolute URI at all.
    #[error("not an absolute URI: {why}")]
    NotAUri {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The text is a GS1 key whose parts do not have the form that the key prescribes.
    #[error("not a valid {key}: {why}")]
    BadKey {
        /// The key, as GS1 abbreviates it.
        key: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The check digit does not follow from the digits before it.
    #[error("the check digit of this {key} is {found}, but its digits give {expected}")]
    CheckDigit {
        /// The key, as GS1 abbreviates it.
        key: &'static str,
        /// The check digit (for a GMN: the check pair) as written.
        found: String,
        /// What the digits before it give.
        expected: String,
    },
    /// The text claims to be a Digital Link at GS1's own domain, but holds no key that GS1 defines.
    #[error("no GS1 key in a link to id.gs1.org: {why}")]
    NoKey {
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Error {
    /// What whoever wrote the text can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotAUri { .. } => {
                "write an EPC URN, a GS1 Digital Link, or an absolute URI of your own"
            }
            Self::BadKey { .. } => {
                "compare the parts and their lengths with GS1's Tag Data Standard"
            }
            Self::CheckDigit { .. } => {
                "compare the number with the label: a digit is wrong or two are swapped"
            }
            Self::NoKey { .. } => {
                "write the key as `/<AI>/<value>`, such as `/01/<14 digits>/21/<serial>`"
            }
        }
    }
}
