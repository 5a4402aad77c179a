//! What a member has opened of one event, put together from its parts.

use std::collections::BTreeSet;
use std::fmt;

use epcis::Event;
use gs1::Item;
use party::MemberId;
use statement::{Commitment, Disclosure, Height, Opened as Field, Position};

use super::{Entry, Opened, PassedOver};

/// The fields that name items.
const ITEM_FIELDS: [&str; 9] = [
    "childEPCs",
    "childQuantityList",
    "epcList",
    "inputEPCList",
    "inputQuantityList",
    "outputEPCList",
    "outputQuantityList",
    "parentID",
    "quantityList",
];

/// The fields that say whether an event loads or unloads, what, when, and into what.
const BOND_FIELDS: [&str; 6] =
    ["action", "childEPCs", "childQuantityList", "eventTime", "parentID", "type"];

/// Where the secret came from with which one part was sealed to this member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedPart {
    /// Which part of the body, from 0.
    pub part: u32,
    /// Where the secret came from, such as `x-wing`; empty for what the member has sealed itself.
    pub sealed_with: String,
    /// The sources that the sealer wanted first and could not have.
    pub passed_over: Vec<PassedOver>,
}

/// What a member has opened of one sealed event.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenedEvent {
    /// The event.
    pub commitment: Commitment,
    /// Where it stands in the log.
    pub position: Position,
    /// Who sealed it.
    pub issuer: MemberId,
    /// The block that holds it.
    pub height: Height,
    /// When that block was decided, in milliseconds since 1970-01-01 UTC.
    pub block_time_ms: i64,
    /// The parts that were opened, by number.
    pub parts: Vec<OpenedPart>,
    /// The fields that were opened, with the proof that they are what was committed; `None` when
    /// only item secrets were.
    pub disclosure: Option<Disclosure>,
    /// The items whose secrets this event has handed over.
    pub secrets_of: Vec<String>,
}

impl fmt::Debug for OpenedEvent {
    // A buyer's name must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedEvent")
            .field("commitment", &self.commitment)
            .field("position", &self.position)
            .field("issuer", &self.issuer)
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

impl OpenedEvent {
    pub(super) fn of(entry: Entry) -> Self {
        let mut event = Self {
            commitment: entry.commitment,
            position: entry.position,
            issuer: entry.issuer.clone(),
            height: entry.height,
            block_time_ms: entry.block_time_ms,
            parts: Vec::new(),
            disclosure: None,
            secrets_of: Vec::new(),
        };
        event.merge(entry);
        event
    }

    /// Adds what another part of the same event holds.
    pub(super) fn merge(&mut self, entry: Entry) {
        let Entry { part, sealed_with, passed_over, .. } = entry;
        self.parts.push(OpenedPart { part, sealed_with, passed_over });
        match entry.opened {
            Opened::Secret { item, .. } => self.secrets_of.push(item),
            Opened::Fields(more) => match &mut self.disclosure {
                None => self.disclosure = Some(more),
                Some(known) => {
                    known.opened.extend(more.opened);
                    known.opened.sort_by(|a, b| a.name.cmp(&b.name));
                    known.opened.dedup_by(|a, b| a.name == b.name);
                }
            },
        }
    }

    /// The opened fields as one canonical JSON object: an event that lacks what stayed closed.
    #[must_use]
    pub fn json(&self) -> Option<String> {
        let fields = &self.disclosure.as_ref()?.opened;
        let mut json = String::from("{");
        for Field { name, value, .. } in fields {
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(&serde_json::Value::from(name.as_str()).to_string());
            json.push(':');
            json.push_str(value);
        }
        json.push('}');
        Some(json)
    }

    /// The canonical JSON value of a field, if it was opened.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        let fields = &self.disclosure.as_ref()?.opened;
        fields.iter().find(|field| field.name == name).map(|field| field.value.as_str())
    }

    /// The opened fields as an event, where they make one.
    #[must_use]
    pub fn event(&self) -> Option<Event> {
        Event::from_canonical_json(&self.json()?).ok()
    }

    /// The items that the opened fields name, by canonical name.
    #[must_use]
    pub fn items(&self) -> BTreeSet<String> {
        self.disclosure.as_ref().map(named).unwrap_or_default()
    }

    /// The same event as if only those fields had been opened whose names are chosen: for handing
    /// less on than was received.
    #[must_use]
    pub fn only(&self, choose: impl Fn(&str) -> bool) -> Self {
        let mut event = self.clone();
        if let Some(disclosure) = &mut event.disclosure {
            disclosure.opened.retain(|field| choose(&field.name));
        }
        event
    }

    /// The names of the fields that stay closed to this member.
    pub fn closed_fields(&self) -> impl Iterator<Item = &str> {
        let disclosure = self.disclosure.as_ref();
        let names = disclosure.map_or(&[][..], |disclosure| &disclosure.list);
        names.iter().map(|(name, _)| name.as_str()).filter(|name| self.value(name).is_none())
    }

    /// Whether all is open that says what is loaded or unloaded, when, and where.
    pub(crate) fn shows_bond(&self) -> bool {
        self.shows(&BOND_FIELDS)
    }

    /// Whether all is open that names items.
    pub(crate) fn shows_items(&self) -> bool {
        self.shows(&ITEM_FIELDS)
    }

    fn shows(&self, names: &[&str]) -> bool {
        self.disclosure.is_some() && !self.closed_fields().any(|name| names.contains(&name))
    }

    /// Where the secrets came from, each once: what the member sealed itself has none.
    #[must_use]
    pub fn sealed_with(&self) -> Option<String> {
        let mut sources: Vec<&str> = Vec::new();
        for part in &self.parts {
            if !part.sealed_with.is_empty() && !sources.contains(&part.sealed_with.as_str()) {
                sources.push(&part.sealed_with);
            }
        }
        (!sources.is_empty()).then(|| sources.join(", "))
    }
}

/// The items that opened fields name, by canonical name.
pub(super) fn named(disclosure: &Disclosure) -> BTreeSet<String> {
    let mut items = BTreeSet::new();
    for Field { name, value, .. } in &disclosure.opened {
        if ITEM_FIELDS.contains(&name.as_str())
            && let Ok(value) = serde_json::from_str(value)
        {
            collect(&value, &mut items);
        }
    }
    items
}

/// Takes the names out of a parent, a list of names, or a list of quantities.
fn collect(value: &serde_json::Value, items: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::String(name) => {
            items.extend(Item::parse(name).ok().map(|item| item.canonical().to_owned()));
        }
        serde_json::Value::Array(values) => {
            for value in values {
                collect(value.get("epcClass").unwrap_or(value), items);
            }
        }
        _ => {}
    }
}
