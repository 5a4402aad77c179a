//! Model, validate, canonicalise and hash EPCIS 2.0 events.
//!
//! An [`Event`] is checked when it is read and cannot be invalid afterwards; it has every field of
//! the standard, every extension, and one canonical form. That form stands alone. What the
//! document's `@context` said is written into it: extension names are full IRIs at every level,
//! prefixed values are written out where the field holds an IRI, and values with a datatype carry
//! it. Everything else stays as it was written: identifiers are not translated, numbers never
//! become floats.
//!
//! ```text
//!  EPCISDocument      {"@context": [.., {"ex": "http://x/"}], .. "ex:grade": "A", ..}
//!       |
//!  parse_document     strict JSON -> context -> fields -> rules of the type -> items
//!       |
//!     Event --------> items()           the things it names, for tags
//!       |  ^
//!       v  |          from_canonical_json: the exact inverse, and it refuses any other bytes
//!  canonical_json     {"action":"ADD", .. "http://x/grade":"A", ..}
//!       |
//!  fields(), top_level_fields()         what a commitment hides one by one
//! ```
//!
//! # Example
//!
//! ```
//! use epcis::{Event, Limits, parse_document};
//!
//! let bytes = br#"{"type":"ObjectEvent","action":"OBSERVE","eventTime":"2026-11-20T08:51:00Z",
//!     "eventTimeZoneOffset":"+08:00","epcList":["urn:epc:id:sscc:4012345.3111111111"]}"#;
//! let document = parse_document(bytes, &Limits::default())?;
//! let [event] = document.events.as_slice() else { panic!("one event") };
//! assert_eq!(event.items()[0].canonical(), "https://id.gs1.org/00/340123451111111111");
//! assert_eq!(Event::from_canonical_json(&event.canonical_json())?, *event);
//! # Ok::<(), epcis::Error>(())
//! ```
//!
//! # What this crate does not do
//!
//! It does not compute the event hash of CBV yet, reads no XML, keeps no master data (`epcisHeader`
//! and `vocabularyList` are passed over), and never fetches a context: GS1's own are built in, what
//! else an event needs stands in the document. Of JSON-LD it takes prefixes, terms with `@id` and
//! `@type`, and `@vocab`; other keywords of a context are refused rather than lost. A prefix is put
//! before its local name as it is, even where it does not end in `/`, `#` or `:`, as GS1's own
//! examples want it.

mod budget;
mod context;
mod document;
mod error;
mod event;
mod extension;
mod field;
mod json;
mod part;
mod record;
mod sensor;
mod time;
mod vocabulary;

pub use document::{Document, Form, Limits, parse_document};
pub use error::{Error, Reason};
pub use event::{Action, Event, Kind};
pub use extension::{Extensions, Value};
pub use field::{Number, OneOrMany};
pub use part::{
    BizTransaction, Destination, ErrorDeclaration, PersistentDisposition, Place, Quantity, Source,
};
pub use sensor::{SensorElement, SensorMetadata, SensorReport};
pub use time::Time;

/// Splits a canonical event into the names and the JSON values of its top-level fields, borrowed
/// from the text: what a voter hashes. The whole text is checked to be canonical JSON on the way;
/// whether it is an event, [`Event::from_canonical_json`] tells.
///
/// # Errors
///
/// [`Error`] with [`Reason::NotCanonical`] when the text is not a canonical JSON object.
pub fn top_level_fields(canonical: &str) -> Result<Vec<(&str, &str)>, Error> {
    json::top_level(canonical)
}
