//! The sixteen steps of a journey, by name.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// One step of a journey, in the order in which the parcel takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The seller marks goods and parcel.
    Commission,
    /// The seller packs the goods into the parcel.
    Pack,
    /// The forwarder fetches the parcel.
    PickUp,
    /// The forwarder takes it in at its depot.
    Receive,
    /// The forwarder puts it on a pallet.
    Aggregate,
    /// The airline loads the pallet.
    Load,
    /// The country of export looks at the parcel.
    InspectExport,
    /// The country of export lets it go.
    ReleaseExport,
    /// The aircraft leaves.
    Depart,
    /// The aircraft lands.
    Arrive,
    /// The last mile takes the parcel off the pallet.
    Disaggregate,
    /// The country of import looks at the parcel.
    InspectImport,
    /// The country of import lets it in.
    ReleaseImport,
    /// The last mile sends it on its way.
    Ship,
    /// The last mile takes it to the buyer's street.
    OutForDelivery,
    /// The buyer has it.
    Deliver,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 16] = [
        Self::Commission,
        Self::Pack,
        Self::PickUp,
        Self::Receive,
        Self::Aggregate,
        Self::Load,
        Self::InspectExport,
        Self::ReleaseExport,
        Self::Depart,
        Self::Arrive,
        Self::Disaggregate,
        Self::InspectImport,
        Self::ReleaseImport,
        Self::Ship,
        Self::OutForDelivery,
        Self::Deliver,
    ];

    /// Its word, as commands and events show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Commission => "commission",
            Self::Pack => "pack",
            Self::PickUp => "pick-up",
            Self::Receive => "receive",
            Self::Aggregate => "aggregate",
            Self::Load => "load",
            Self::InspectExport => "inspect-export",
            Self::ReleaseExport => "release-export",
            Self::Depart => "depart",
            Self::Arrive => "arrive",
            Self::Disaggregate => "disaggregate",
            Self::InspectImport => "inspect-import",
            Self::ReleaseImport => "release-import",
            Self::Ship => "ship",
            Self::OutForDelivery => "out-for-delivery",
            Self::Deliver => "deliver",
        }
    }

    /// Its place in the journey, from 1 to 16.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// The step at a place, from 1 to 16.
    #[must_use]
    pub fn at(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }
}

impl FromStr for Step {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|step| step.as_str() == text).ok_or_else(|| {
            let words: Vec<&str> = Self::ALL.into_iter().map(Self::as_str).collect();
            Error::Invalid { field: "step", why: format!("the steps are {}", words.join(", ")) }
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_reads_as_it_prints_and_knows_its_place() {
        for (step, number) in Step::ALL.into_iter().zip(1..) {
            assert_eq!(step.to_string().parse::<Step>().unwrap(), step);
            assert_eq!((step.number(), Step::at(number)), (number, Some(step)));
        }
        assert_eq!((Step::at(0), Step::at(17)), (None, None));
        assert!("Deliver".parse::<Step>().is_err());
    }
}
