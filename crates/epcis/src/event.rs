//! The event: one type for all five, because they share most of their fields.

mod rules;

use gs1::Item;

use crate::context::Context;
use crate::error::quoted;
use crate::extension::{Extensions, extensions};
use crate::field::{OneOrMany, action, kind, offset, one_or_many, time, uri, uris, word};
use crate::json::{self, Members, Node};
use crate::part::{
    BizTransaction, Destination, ErrorDeclaration, PersistentDisposition, Place, Quantity, Source,
    biz_transactions, destinations, error_declaration, persistent_disposition, place, quantities,
    sources,
};
use crate::record::{Joined, Split, record};
use crate::sensor::{SensorElement, SensorMetadata, SensorReport, elements};
use crate::time::Time;
use crate::vocabulary::{BIZ_STEPS, DISPOSITIONS};
use crate::{Error, Reason};

/// One of the five event types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Something happened to objects.
    Object,
    /// Objects were put into, or taken out of, a container.
    Aggregation,
    /// Objects were tied to, or untied from, a business transaction.
    Transaction,
    /// Inputs became outputs.
    Transformation,
    /// Objects were fixed to, or taken off, an asset.
    Association,
}

impl Kind {
    /// The name of the standard, such as `ObjectEvent`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Object => "ObjectEvent",
            Self::Aggregation => "AggregationEvent",
            Self::Transaction => "TransactionEvent",
            Self::Transformation => "TransformationEvent",
            Self::Association => "AssociationEvent",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        [
            Self::Object,
            Self::Aggregation,
            Self::Transaction,
            Self::Transformation,
            Self::Association,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == name)
    }
}

/// What an event says of its objects' life or bond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Came into being, or the bond was made.
    Add,
    /// Was seen.
    Observe,
    /// Ceased to be, or the bond was undone.
    Delete,
}

impl Action {
    /// The word of the standard, such as `ADD`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Observe => "OBSERVE",
            Self::Delete => "DELETE",
        }
    }
}

record! {
    pub(crate) struct Fields {
        "action" => action: Action = action;
        "bizLocation" => biz_location: Place = place;
        "bizStep" => biz_step: String = |node, context| word(node, context, &BIZ_STEPS);
        "bizTransactionList" => biz_transactions: Vec<BizTransaction> = biz_transactions;
        "certificationInfo" => certification_info: OneOrMany = one_or_many;
        "childEPCs" => child_epcs: Vec<String> = uris;
        "childQuantityList" => child_quantities: Vec<Quantity> = quantities;
        "destinationList" => destinations: Vec<Destination> = destinations;
        "disposition" => disposition: String = |node, context| word(node, context, &DISPOSITIONS);
        "epcList" => epcs: Vec<String> = uris;
        "errorDeclaration" => error_declaration: ErrorDeclaration = error_declaration;
        "eventID" => event_id: String = uri;
        "eventTime" => event_time: Time = time;
        "eventTimeZoneOffset" => event_time_zone_offset: String = offset;
        "ilmd" => ilmd: Extensions = extensions;
        "inputEPCList" => input_epcs: Vec<String> = uris;
        "inputQuantityList" => input_quantities: Vec<Quantity> = quantities;
        "outputEPCList" => output_epcs: Vec<String> = uris;
        "outputQuantityList" => output_quantities: Vec<Quantity> = quantities;
        "parentID" => parent_id: String = uri;
        "persistentDisposition" => persistent: PersistentDisposition = persistent_disposition;
        "quantityList" => quantities: Vec<Quantity> = quantities;
        "readPoint" => read_point: Place = place;
        "sensorElementList" => sensor_elements: Vec<SensorElement> = elements;
        "sourceList" => sources: Vec<Source> = sources;
        "transformationID" => transformation_id: String = uri;
        "type" => kind: Kind = kind;
    }
}

/// Whether the standard gives this name a meaning somewhere in an event.
pub(crate) fn is_standard_name(name: &str) -> bool {
    let records = [
        Fields::NAMES,
        Place::NAMES,
        Quantity::NAMES,
        BizTransaction::NAMES,
        Source::NAMES,
        Destination::NAMES,
        PersistentDisposition::NAMES,
        ErrorDeclaration::NAMES,
        SensorElement::NAMES,
        SensorMetadata::NAMES,
        SensorReport::NAMES,
    ];
    name == "recordTime" || records.iter().any(|names| names.contains(&name))
}

/// One checked EPCIS event, with every field of the standard and every extension.
///
/// There is no way to make an invalid one. Text is kept as it was written, save that prefixed names
/// and values are full IRIs: an event means the same without the document that it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    kind: Kind,
    fields: Fields,
    record_time: Option<Time>,
    items: Vec<Item>,
}

impl Event {
    /// Reads an event from its canonical JSON: the exact inverse of [`Event::canonical_json`].
    ///
    /// # Errors
    ///
    /// [`Error`] when the text is no valid event, or not in canonical form.
    pub fn from_canonical_json(text: &str) -> Result<Self, Error> {
        let node = json::parse(text.as_bytes(), json::MAX_CANONICAL_DEPTH)?;
        let event = Self::read(node.into_object()?, &Context::canonical())?;
        let again = event.canonical_json();
        if again == text {
            return Ok(event);
        }
        let same = again.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
        Err(Error::new(
            Reason::NotCanonical,
            format!("the event is not in canonical form from byte {same} on"),
            "send the bytes that `canonical_json` gave",
        ))
    }

    /// Reads the members of an event object.
    pub(crate) fn read(mut members: Members<'_>, outer: &Context<'_>) -> Result<Self, Error> {
        match json::take(&mut members, "@context") {
            Some(node) => Self::read_in(members, &outer.extended(node)?),
            None => Self::read_in(members, outer),
        }
    }

    fn read_in(mut members: Members<'_>, context: &Context<'_>) -> Result<Self, Error> {
        // When we came to know of an event is no part of it: it would change with every hop.
        let record_time = json::take(&mut members, "recordTime")
            .filter(|node| *node != Node::Null)
            .map(|node| time(node, context).map_err(|error| error.under("recordTime")))
            .transpose()?;
        context.begin_event(json::members_len(&members))?;
        let fields = Fields::read_members(members, context)?;
        let kind = rules::check(&fields)?;
        let items = items(&fields)?;
        Ok(Self { kind, fields, record_time, items })
    }

    /// The top-level fields: name (an extension's as full IRI) and canonical JSON value, names
    /// strictly increasing, without `recordTime`. These are what a commitment hides one by one.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, String)> {
        let mut split = Split::default();
        self.fields.visit(&mut split);
        split.0
    }

    /// The canonical JSON of the same fields: names sorted by code point at every level, no white
    /// space, shortest escapes, numbers as written.
    #[must_use]
    pub fn canonical_json(&self) -> String {
        let mut out = String::with_capacity(512);
        let mut joined = Joined::open(&mut out);
        self.fields.visit(&mut joined);
        joined.close();
        out
    }

    /// The items that the event names, sorted by canonical text, each once: its objects, its parent
    /// and children, inputs and outputs, and the classes of its quantities.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }
}

/// The lists of an event that name items.
fn items(fields: &Fields) -> Result<Vec<Item>, Error> {
    let mut items = Vec::new();
    if let Some(parent) = &fields.parent_id {
        items.push(item(parent).map_err(|error| error.under("parentID"))?);
    }
    for (name, list) in [
        ("epcList", &fields.epcs),
        ("childEPCs", &fields.child_epcs),
        ("inputEPCList", &fields.input_epcs),
        ("outputEPCList", &fields.output_epcs),
    ] {
        for (index, epc) in list.iter().flatten().enumerate() {
            items.push(item(epc).map_err(|error| error.at(index).under(name))?);
        }
    }
    for (name, list) in [
        ("quantityList", &fields.quantities),
        ("childQuantityList", &fields.child_quantities),
        ("inputQuantityList", &fields.input_quantities),
        ("outputQuantityList", &fields.output_quantities),
    ] {
        for (index, quantity) in list.iter().flatten().enumerate() {
            if let Some(class) = &quantity.epc_class {
                let read = item(class);
                items.push(read.map_err(|error| error.under("epcClass").at(index).under(name))?);
            }
        }
    }
    items.sort_unstable();
    items.dedup();
    Ok(items)
}

fn item(text: &str) -> Result<Item, Error> {
    Item::parse(text).map_err(|error| {
        Error::invalid(format!("`{}` is refused: {error}", quoted(text)), error.hint())
    })
}

mod accessors;

#[cfg(test)]
mod tests;
