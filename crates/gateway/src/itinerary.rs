//! The fixed itinerary, as data: who takes which step, where, and who reads what of it.

use crate::Step;

/// A part to play in a journey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// Sells the goods; makes the order.
    Seller,
    /// Fetches the parcel and puts it on a pallet.
    Forwarder,
    /// Clears the parcel out of its country.
    ExportCustoms,
    /// Flies the pallet.
    Airline,
    /// Clears the parcel into its country.
    ImportCustoms,
    /// Takes the parcel to the buyer.
    LastMile,
}

impl Party {
    /// Every part, in the order in which they first act.
    pub const ALL: [Self; 6] = [
        Self::Seller,
        Self::Forwarder,
        Self::Airline,
        Self::ExportCustoms,
        Self::LastMile,
        Self::ImportCustoms,
    ];
}

/// Whose secrets the tags of a step are keyed with, which decides who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// The parcel, under the journey's secret: all six read it.
    Parcel,
    /// The pallet, under its own secret: those who have it in hand, and who clears it out.
    Pallet,
    /// Both, where the one is put on the other or taken off it: all six read it.
    Both,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The parcel and its goods come into being.
    Commission,
    /// The goods are put into the parcel.
    Pack,
    /// The parcel is seen.
    Parcel,
    /// The parcel is put on the pallet.
    Load,
    /// The pallet is seen.
    Pallet,
    /// The parcel is taken off the pallet.
    Unload,
}

/// A place where steps are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    /// The place, as an EPC URN.
    pub(crate) sgln: &'static str,
    /// Its offset from UTC, standard time in every season.
    pub(crate) offset: &'static str,
}

/// One line of the itinerary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) step: Step,
    pub(crate) party: Party,
    pub(crate) level: Level,
    pub(crate) shape: Shape,
    /// CBV 2.0 business step.
    pub(crate) biz_step: &'static str,
    /// CBV 2.0 disposition.
    pub(crate) disposition: &'static str,
    pub(crate) spot: Spot,
    /// What customs decided, where it did.
    pub(crate) decision: Option<&'static str>,
}

/// GS1 company prefixes of the demonstration (952), by which SSCCs are made.
pub(crate) const SELLER_PREFIX: &str = "9521001";
/// As [`SELLER_PREFIX`], of whoever makes up the pallet.
pub(crate) const FORWARDER_PREFIX: &str = "9521002";

const SHOP: Spot = Spot { sgln: "urn:epc:id:sgln:9521001.00001.0", offset: "+08:00" };
const DEPOT: Spot = Spot { sgln: "urn:epc:id:sgln:9521002.00001.0", offset: "+08:00" };
const APRON: Spot = Spot { sgln: "urn:epc:id:sgln:9521003.00001.0", offset: "+08:00" };
const EXPORT: Spot = Spot { sgln: "urn:epc:id:sgln:9521004.00001.0", offset: "+08:00" };
const LANDING: Spot = Spot { sgln: "urn:epc:id:sgln:9521003.00002.0", offset: "+01:00" };
const IMPORT: Spot = Spot { sgln: "urn:epc:id:sgln:9521005.00001.0", offset: "+01:00" };
const DELIVERY: Spot = Spot { sgln: "urn:epc:id:sgln:9521006.00001.0", offset: "+01:00" };

/// A line without what is said of it only here and there.
const fn leg(
    step: Step,
    party: Party,
    shape: Shape,
    said: (&'static str, &'static str),
    spot: Spot,
) -> Leg {
    let level = match shape {
        Shape::Commission | Shape::Pack | Shape::Parcel => Level::Parcel,
        Shape::Pallet => Level::Pallet,
        Shape::Load | Shape::Unload => Level::Both,
    };
    let (biz_step, disposition) = said;
    let decision = match step {
        Step::ReleaseExport => Some("released for export"),
        Step::ReleaseImport => Some("released for import"),
        _ => None,
    };
    Leg { step, party, level, shape, biz_step, disposition, spot, decision }
}

#[rustfmt::skip] // A table is read as a table.
pub(crate) const LEGS: [Leg; 16] = [
    leg(Step::Commission,     Party::Seller,        Shape::Commission, ("commissioning", "active"),      SHOP),
    leg(Step::Pack,           Party::Seller,        Shape::Pack,       ("packing", "in_progress"),       SHOP),
    leg(Step::PickUp,         Party::Forwarder,     Shape::Parcel,     ("collecting", "in_transit"),     SHOP),
    leg(Step::Receive,        Party::Forwarder,     Shape::Parcel,     ("receiving", "in_progress"),     DEPOT),
    leg(Step::Aggregate,      Party::Forwarder,     Shape::Load,       ("packing", "in_progress"),       DEPOT),
    leg(Step::Load,           Party::Airline,       Shape::Pallet,     ("loading", "in_progress"),       APRON),
    leg(Step::InspectExport,  Party::ExportCustoms, Shape::Parcel,     ("inspecting", "in_progress"),    EXPORT),
    leg(Step::ReleaseExport,  Party::ExportCustoms, Shape::Parcel,     ("holding", "conformant"),        EXPORT),
    leg(Step::Depart,         Party::Airline,       Shape::Pallet,     ("departing", "in_transit"),      APRON),
    leg(Step::Arrive,         Party::Airline,       Shape::Pallet,     ("arriving", "in_progress"),      LANDING),
    leg(Step::Disaggregate,   Party::LastMile,      Shape::Unload,     ("unpacking", "in_progress"),     LANDING),
    leg(Step::InspectImport,  Party::ImportCustoms, Shape::Parcel,     ("inspecting", "in_progress"),    IMPORT),
    leg(Step::ReleaseImport,  Party::ImportCustoms, Shape::Parcel,     ("holding", "conformant"),        IMPORT),
    leg(Step::Ship,           Party::LastMile,      Shape::Parcel,     ("shipping", "in_transit"),       LANDING),
    leg(Step::OutForDelivery, Party::LastMile,      Shape::Parcel,     ("transporting", "in_transit"),   DELIVERY),
    leg(Step::Deliver,        Party::LastMile,      Shape::Parcel,     ("accepting", "available"),       DELIVERY),
];

/// Who knows the buyer, beside the seller.
pub(crate) const BUYER_READERS: [Party; 3] =
    [Party::ExportCustoms, Party::ImportCustoms, Party::LastMile];

impl Level {
    /// Who reads events of this level, their issuer among them.
    pub(crate) const fn readers(self) -> &'static [Party] {
        match self {
            Self::Parcel | Self::Both => &Party::ALL,
            Self::Pallet => {
                &[Party::Forwarder, Party::ExportCustoms, Party::Airline, Party::LastMile]
            }
        }
    }
}

impl Step {
    /// The step's line of the itinerary.
    pub(crate) fn leg(self) -> &'static Leg {
        static TABLE: [Leg; 16] = LEGS;
        let place = usize::from(self.number() - 1);
        TABLE.get(place).unwrap_or_else(|| unreachable!("each step has its line"))
    }

    /// Who takes the step.
    #[must_use]
    pub fn party(self) -> Party {
        self.leg().party
    }

    /// Who may read the step's event, the taker among them.
    #[must_use]
    pub fn readers(self) -> &'static [Party] {
        self.leg().level.readers()
    }

    /// To whom the pallet's secret is handed with this step.
    pub(crate) const fn pallet_secret_to(self) -> &'static [Party] {
        match self {
            Self::Aggregate => &[Party::Airline, Party::ExportCustoms],
            Self::Arrive => &[Party::LastMile],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_at_its_steps_place() {
        for (step, leg) in Step::ALL.into_iter().zip(LEGS) {
            assert_eq!((leg.step, step.leg()), (step, &leg));
        }
    }

    #[test]
    fn who_takes_a_step_reads_it_and_has_seen_what_came_right_before() {
        for pair in LEGS.windows(2) {
            assert!(pair[0].level.readers().contains(&pair[0].party), "{}", pair[0].step);
            // Else the taker could not tell that it is its turn.
            assert!(pair[0].level.readers().contains(&pair[1].party), "{}", pair[1].step);
        }
    }

    #[test]
    fn who_tags_a_pallet_was_handed_its_secret_before() {
        let mut holders = vec![Party::Forwarder];
        for leg in LEGS {
            if leg.level != Level::Parcel {
                assert!(holders.contains(&leg.party), "{}", leg.step);
            }
            holders.extend(leg.step.pallet_secret_to());
        }
    }
}
