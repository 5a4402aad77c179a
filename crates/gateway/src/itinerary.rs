//! The fixed itinerary, as data.

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
