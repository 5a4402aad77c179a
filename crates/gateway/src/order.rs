//! What a seller orders.

use std::collections::BTreeSet;
use std::fmt;

use gs1::{Item, Kind};
use party::{Member, MemberId, Members, Role};
use statement::hash::Context;
use statement::{Digest, RequestId};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::event::sscc;
use crate::itinerary::SELLER_PREFIX;
use crate::{Error, Party};

/// The most goods in one parcel.
const MAX_GOODS: usize = 100;

/// Under which a parcel's SSCC is made from the request.
static PARCEL: Context = Context::new("gateway parcel v1");
/// Under which an order is compared with what the same request asked before.
static ASKED: Context = Context::new("gateway order v1");

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
    /// What it is, in words; at most 200 bytes.
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
    /// Name, at most 200 bytes.
    pub name: String,
    /// Address, at most 500 bytes.
    pub address: String,
    /// Telephone number, at most 50 bytes.
    pub telephone: String,
    /// Number of the identity document, at most 50 bytes.
    pub identity_number: String,
}

impl fmt::Debug for Buyer {
    // A person's data must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buyer").finish_non_exhaustive()
    }
}

impl Order {
    /// The order with canonical names, and with a parcel; everything in it is sound.
    ///
    /// # Errors
    ///
    /// [`Error::OrderInvalid`] names the first field that is not.
    pub(crate) fn checked(
        mut self,
        seller: &MemberId,
        request: &RequestId,
        members: &Members,
    ) -> Result<Self, Error> {
        let parcel = match &self.parcel {
            Some(parcel) => item("parcel", parcel, Kind::Sscc, "SSCC")?,
            None => sscc(SELLER_PREFIX, &PARCEL, request)
                .ok_or_else(|| crate::error::internal("no SSCC could be made"))?,
        };
        self.parcel = Some(parcel);
        if self.goods.is_empty() || self.goods.len() > MAX_GOODS {
            let why = format!("a parcel has 1 to {MAX_GOODS} goods, not {}", self.goods.len());
            return Err(invalid("goods", why));
        }
        let mut seen = BTreeSet::new();
        for (place, good) in self.goods.iter_mut().enumerate() {
            let field = format!("goods[{place}]");
            good.sgtin = item(&format!("{field}.sgtin"), &good.sgtin, Kind::Sgtin, "SGTIN")?;
            if !seen.insert(good.sgtin.clone()) {
                return Err(invalid(format!("{field}.sgtin"), "it is there twice".to_owned()));
            }
            text(&format!("{field}.description"), &good.description, 200)?;
        }
        self.parties.check(seller, members)?;
        let Buyer { name, address, telephone, identity_number } = &self.buyer;
        text("buyer.name", name, 200)?;
        text("buyer.address", address, 500)?;
        text("buyer.telephone", telephone, 50)?;
        text("buyer.identity_number", identity_number, 50)?;
        Ok(self)
    }

    /// A digest of all that is ordered.
    pub(crate) fn asked(&self) -> Digest {
        let mut all = Zeroizing::new(Vec::with_capacity(4_096));
        let mut add = |text: &str| {
            // Length first, so that no two orders run together to the same bytes.
            let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
            all.extend_from_slice(&length.to_be_bytes());
            all.extend_from_slice(text.as_bytes());
        };
        add(self.parcel.as_deref().unwrap_or_default());
        let Parties { forwarder, export_customs, airline, import_customs, last_mile } =
            &self.parties;
        for member in [forwarder, export_customs, airline, import_customs, last_mile] {
            add(member.as_str());
        }
        let Buyer { name, address, telephone, identity_number } = &self.buyer;
        for field in [name, address, telephone, identity_number] {
            add(field);
        }
        for good in &self.goods {
            add(&good.sgtin);
            add(&good.description);
        }
        ASKED.hash(&all)
    }
}

impl Parties {
    /// Which parts a member plays; with the seller, all are different members.
    pub(crate) fn part_of(&self, seller: &MemberId, member: &MemberId) -> Option<Party> {
        Party::ALL.into_iter().find(|party| self.member(seller, *party) == member)
    }

    fn check(&self, seller: &MemberId, members: &Members) -> Result<(), Error> {
        let mut seen = BTreeSet::new();
        for party in Party::ALL {
            let (field, role) = match party {
                Party::Seller => ("seller", None),
                Party::Forwarder => ("parties.forwarder", Some(Role::Carrier)),
                Party::ExportCustoms => ("parties.export_customs", Some(Role::Customs)),
                Party::Airline => ("parties.airline", Some(Role::Carrier)),
                Party::ImportCustoms => ("parties.import_customs", Some(Role::Customs)),
                Party::LastMile => ("parties.last_mile", Some(Role::Carrier)),
            };
            let id = self.member(seller, party);
            let Some(member) = members.get(id) else {
                let consortium = members.consortium();
                return Err(invalid(field, format!("{id} is no member of {consortium}")));
            };
            if let Some(role) = role.filter(|role| !member.roles.contains(role)) {
                return Err(invalid(field, format!("{id} has not the role {role}")));
            }
            if !seen.insert(id) {
                let why = format!("{id} takes part already; a journey has six different members");
                return Err(invalid(field, why));
            }
            sealable(member).map_err(|why| invalid(field, why))?;
        }
        Ok(())
    }
}

/// Whether something can be sealed to a member.
fn sealable(member: &Member) -> Result<(), String> {
    if member.sealing_key.is_none() {
        return Err(format!("{} has registered no sealing key", member.id));
    }
    if member.sites.is_empty() {
        return Err(format!("{} has no site", member.id));
    }
    Ok(())
}

fn invalid(field: impl Into<String>, why: String) -> Error {
    Error::OrderInvalid { field: field.into(), why }
}

/// The canonical name of an item of a certain kind.
fn item(field: &str, text: &str, kind: Kind, called: &str) -> Result<String, Error> {
    match Item::parse(text) {
        Ok(item) if item.kind() == kind => Ok(item.canonical().to_owned()),
        Ok(_) => Err(invalid(field, format!("it is no {called}; give an EPC URN or Digital Link"))),
        Err(error) => Err(invalid(field, format!("{error}; {}", error.hint()))),
    }
}

/// Refuses a text that is empty, too long, or not for people to read; never repeats it.
fn text(field: &str, text: &str, limit_bytes: usize) -> Result<(), Error> {
    let why = if text.trim().is_empty() {
        "it is empty".to_owned()
    } else if text.len() > limit_bytes {
        format!("it has {} bytes, and may have {limit_bytes}", text.len())
    } else if text.chars().any(char::is_control) {
        "it has control characters".to_owned()
    } else {
        return Ok(());
    };
    Err(invalid(field, why))
}
