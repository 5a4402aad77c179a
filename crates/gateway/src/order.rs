//! What a seller orders.

use std::fmt;

use party::MemberId;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::Party;

/// An order: what is sent, by whose hands, to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The parcel's SSCC (EPC URN or Digital Link); `None` lets the gateway give it one under the
    /// seller's prefix.
    pub parcel: Option<String>,
    /// What is in the parcel: 1 to 100 pieces.
    pub goods: Vec<Good>,
    /// Who takes part beside the seller, who is the caller.
    pub parties: Parties,
    /// Who gets it.
    pub buyer: Buyer,
}

/// One piece of goods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Good {
    /// Its SGTIN (EPC URN or Digital Link).
    pub sgtin: String,
    /// What it is, in words; at most 200 characters.
    pub description: String,
}

/// Who takes part in a journey beside the seller: six different members with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parties {
    /// Fetches the parcel and puts it on a pallet.
    pub forwarder: MemberId,
    /// Clears it out of its country.
    pub export_customs: MemberId,
    /// Flies it.
    pub airline: MemberId,
    /// Clears it into its country.
    pub import_customs: MemberId,
    /// Takes it to the buyer.
    pub last_mile: MemberId,
}

impl Parties {
    /// Who plays a part, given who the seller is.
    #[must_use]
    pub const fn member<'a>(&'a self, seller: &'a MemberId, party: Party) -> &'a MemberId {
        match party {
            Party::Seller => seller,
            Party::Forwarder => &self.forwarder,
            Party::ExportCustoms => &self.export_customs,
            Party::Airline => &self.airline,
            Party::ImportCustoms => &self.import_customs,
            Party::LastMile => &self.last_mile,
        }
    }
}

/// Who gets the parcel: a person's data, wiped when dropped and never shown.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Buyer {
    /// Name, at most 200 characters.
    pub name: String,
    /// Address, at most 500 characters.
    pub address: String,
    /// Telephone number, at most 50 characters.
    pub telephone: String,
    /// Number of the identity document, at most 50 characters.
    pub identity_number: String,
}

impl fmt::Debug for Buyer {
    // A person's data must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buyer").finish_non_exhaustive()
    }
}
