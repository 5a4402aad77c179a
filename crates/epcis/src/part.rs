//! The parts of an event: places, quantities, business transactions, parties, corrections.

use crate::Error;
use crate::context::Context;
use crate::field::{Number, list, number, time, unit, uri, uris, word};
use crate::json::Node;
use crate::record::record;
use crate::time::Time;
use crate::vocabulary::{DISPOSITIONS, ERROR_REASONS, PARTY_TYPES, TRANSACTION_TYPES};

record! {
    /// A read point or a business location.
    pub struct Place {
        /// What names it.
        "id" => id: String = uri;
    }
}

record! {
    /// So many, or so much, of a class.
    pub struct Quantity {
        /// The class; always there.
        "epcClass" => epc_class: String = uri;
        /// How many; absent when unknown.
        "quantity" => quantity: Number = number;
        /// The unit of measure; absent for pieces.
        "uom" => uom: String = unit;
    }
}

record! {
    /// A business transaction, such as a purchase order.
    pub struct BizTransaction {
        /// What names it; always there.
        "bizTransaction" => id: String = uri;
        /// Its type.
        "type" => kind: String = |node, context| word(node, context, &TRANSACTION_TYPES);
    }
}

record! {
    /// Where a transfer began: a place or a party.
    pub struct Source {
        /// What names it; always there.
        "source" => id: String = uri;
        /// In which sense it is a source; always there.
        "type" => kind: String = |node, context| word(node, context, &PARTY_TYPES);
    }
}

record! {
    /// Where a transfer is to end: a place or a party.
    pub struct Destination {
        /// What names it; always there.
        "destination" => id: String = uri;
        /// In which sense it is a destination; always there.
        "type" => kind: String = |node, context| word(node, context, &PARTY_TYPES);
    }
}

record! {
    /// Dispositions that hold until they are unset.
    pub struct PersistentDisposition {
        /// Those that begin.
        "set" => set: Vec<String> = dispositions;
        /// Those that end.
        "unset" => unset: Vec<String> = dispositions;
    }
}

record! {
    /// A statement that an earlier event was wrong.
    pub struct ErrorDeclaration {
        /// The events that put it right.
        "correctiveEventIDs" => corrective_event_ids: Vec<String> = uris;
        /// When it was stated; always there.
        "declarationTime" => declaration_time: Time = time;
        /// Why.
        "reason" => reason: String = |node, context| word(node, context, &ERROR_REASONS);
    }
}

fn dispositions(node: Node<'_>, context: &Context<'_>) -> Result<Vec<String>, Error> {
    let read = list(node, context, |node, context| word(node, context, &DISPOSITIONS))?;
    if read.is_empty() {
        return Err(Error::invalid("the list is empty", "name a disposition, or leave it out"));
    }
    Ok(read)
}

/// Refuses a record without a field that it must have.
pub(crate) fn require<T>(field: Option<&T>, name: &str, of: &str) -> Result<(), Error> {
    match field {
        Some(_) => Ok(()),
        None => Err(Error::missing(name, format!("{of} needs `{name}`"))),
    }
}

pub(crate) fn place(node: Node<'_>, context: &Context<'_>) -> Result<Place, Error> {
    let place = Place::read_members(node.into_object()?, context)?;
    require(place.id.as_ref(), "id", "a place")?;
    Ok(place)
}

fn quantity(node: Node<'_>, context: &Context<'_>) -> Result<Quantity, Error> {
    let quantity = Quantity::read_members(node.into_object()?, context)?;
    require(quantity.epc_class.as_ref(), "epcClass", "a quantity")?;
    Ok(quantity)
}

pub(crate) fn quantities(node: Node<'_>, context: &Context<'_>) -> Result<Vec<Quantity>, Error> {
    list(node, context, quantity)
}

pub(crate) fn biz_transactions(
    node: Node<'_>,
    context: &Context<'_>,
) -> Result<Vec<BizTransaction>, Error> {
    list(node, context, |node, context| {
        let read = BizTransaction::read_members(node.into_object()?, context)?;
        require(read.id.as_ref(), "bizTransaction", "a business transaction")?;
        Ok(read)
    })
}

pub(crate) fn sources(node: Node<'_>, context: &Context<'_>) -> Result<Vec<Source>, Error> {
    list(node, context, |node, context| {
        let read = Source::read_members(node.into_object()?, context)?;
        require(read.id.as_ref(), "source", "a source")?;
        require(read.kind.as_ref(), "type", "a source")?;
        Ok(read)
    })
}

pub(crate) fn destinations(
    node: Node<'_>,
    context: &Context<'_>,
) -> Result<Vec<Destination>, Error> {
    list(node, context, |node, context| {
        let read = Destination::read_members(node.into_object()?, context)?;
        require(read.id.as_ref(), "destination", "a destination")?;
        require(read.kind.as_ref(), "type", "a destination")?;
        Ok(read)
    })
}

pub(crate) fn persistent_disposition(
    node: Node<'_>,
    context: &Context<'_>,
) -> Result<PersistentDisposition, Error> {
    let read = PersistentDisposition::read_members(node.into_object()?, context)?;
    if read.set.is_none() && read.unset.is_none() {
        return Err(Error::missing("set", "a persistent disposition needs `set` or `unset`"));
    }
    Ok(read)
}

pub(crate) fn error_declaration(
    node: Node<'_>,
    context: &Context<'_>,
) -> Result<ErrorDeclaration, Error> {
    let read = ErrorDeclaration::read_members(node.into_object()?, context)?;
    require(read.declaration_time.as_ref(), "declarationTime", "an error declaration")?;
    Ok(read)
}
