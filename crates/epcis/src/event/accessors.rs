//! What an event says, field by field.

use super::{Action, Event, Kind};
use crate::extension::Extensions;
use crate::part::{
    BizTransaction, Destination, ErrorDeclaration, PersistentDisposition, Place, Quantity, Source,
};
use crate::sensor::SensorElement;
use crate::time::Time;

impl Event {
    /// Which of the five types the event is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// When it happened, as written.
    #[must_use]
    pub fn event_time(&self) -> &str {
        // The rules let no event pass without it.
        self.fields.event_time.as_ref().map_or("", Time::as_str)
    }

    /// When it happened, in milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn event_time_unix_ms(&self) -> i64 {
        self.fields.event_time.as_ref().map_or(0, Time::unix_ms)
    }

    /// The time zone where it happened, such as `+08:00`.
    #[must_use]
    pub fn event_time_zone_offset(&self) -> &str {
        self.fields.event_time_zone_offset.as_deref().unwrap_or("")
    }

    /// When some repository recorded it. No part of the canonical event.
    #[must_use]
    pub fn record_time(&self) -> Option<&Time> {
        self.record_time.as_ref()
    }

    /// The id that its author gave it. It is data, not identity: authors repeat themselves.
    #[must_use]
    pub fn event_id(&self) -> Option<&str> {
        self.fields.event_id.as_deref()
    }

    /// Its action; a transformation has none.
    #[must_use]
    pub fn action(&self) -> Option<Action> {
        self.fields.action
    }

    /// The business step: a word of CBV or a URI.
    #[must_use]
    pub fn biz_step(&self) -> Option<&str> {
        self.fields.biz_step.as_deref()
    }

    /// The disposition: a word of CBV or a URI.
    #[must_use]
    pub fn disposition(&self) -> Option<&str> {
        self.fields.disposition.as_deref()
    }

    /// Dispositions that begin to hold, or end.
    #[must_use]
    pub fn persistent_disposition(&self) -> Option<&PersistentDisposition> {
        self.fields.persistent.as_ref()
    }

    /// The id of the read point.
    #[must_use]
    pub fn read_point(&self) -> Option<&str> {
        self.fields.read_point.as_ref().and_then(|place| place.id.as_deref())
    }

    /// The read point with its extensions.
    #[must_use]
    pub fn read_point_place(&self) -> Option<&Place> {
        self.fields.read_point.as_ref()
    }

    /// The id of the business location.
    #[must_use]
    pub fn biz_location(&self) -> Option<&str> {
        self.fields.biz_location.as_ref().and_then(|place| place.id.as_deref())
    }

    /// The business location with its extensions.
    #[must_use]
    pub fn biz_location_place(&self) -> Option<&Place> {
        self.fields.biz_location.as_ref()
    }

    /// The container, the asset, or the parent of a transaction's objects.
    #[must_use]
    pub fn parent_id(&self) -> Option<&str> {
        self.fields.parent_id.as_deref()
    }

    /// The objects of an object or transaction event.
    #[must_use]
    pub fn epcs(&self) -> &[String] {
        self.fields.epcs.as_deref().unwrap_or_default()
    }

    /// What was put in, taken out, fixed or taken off.
    #[must_use]
    pub fn child_epcs(&self) -> &[String] {
        self.fields.child_epcs.as_deref().unwrap_or_default()
    }

    /// What a transformation took.
    #[must_use]
    pub fn input_epcs(&self) -> &[String] {
        self.fields.input_epcs.as_deref().unwrap_or_default()
    }

    /// What a transformation made.
    #[must_use]
    pub fn output_epcs(&self) -> &[String] {
        self.fields.output_epcs.as_deref().unwrap_or_default()
    }

    /// The objects of an object or transaction event, by class.
    #[must_use]
    pub fn quantities(&self) -> &[Quantity] {
        self.fields.quantities.as_deref().unwrap_or_default()
    }

    /// What was put in, taken out, fixed or taken off, by class.
    #[must_use]
    pub fn child_quantities(&self) -> &[Quantity] {
        self.fields.child_quantities.as_deref().unwrap_or_default()
    }

    /// What a transformation took, by class.
    #[must_use]
    pub fn input_quantities(&self) -> &[Quantity] {
        self.fields.input_quantities.as_deref().unwrap_or_default()
    }

    /// What a transformation made, by class.
    #[must_use]
    pub fn output_quantities(&self) -> &[Quantity] {
        self.fields.output_quantities.as_deref().unwrap_or_default()
    }

    /// What ties together the events of one transformation.
    #[must_use]
    pub fn transformation_id(&self) -> Option<&str> {
        self.fields.transformation_id.as_deref()
    }

    /// The business transactions.
    #[must_use]
    pub fn biz_transactions(&self) -> &[BizTransaction] {
        self.fields.biz_transactions.as_deref().unwrap_or_default()
    }

    /// Where a transfer began.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        self.fields.sources.as_deref().unwrap_or_default()
    }

    /// Where a transfer is to end.
    #[must_use]
    pub fn destinations(&self) -> &[Destination] {
        self.fields.destinations.as_deref().unwrap_or_default()
    }

    /// What sensors told.
    #[must_use]
    pub fn sensor_elements(&self) -> &[SensorElement] {
        self.fields.sensor_elements.as_deref().unwrap_or_default()
    }

    /// Instance or lot master data, under full IRIs.
    #[must_use]
    pub fn ilmd(&self) -> Option<&Extensions> {
        self.fields.ilmd.as_ref()
    }

    /// Certificates that bear on the event.
    #[must_use]
    pub fn certification_info(&self) -> &[String] {
        self.fields.certification_info.as_ref().map_or(&[], |info| info.as_slice())
    }

    /// The statement that this event was wrong.
    #[must_use]
    pub fn error_declaration(&self) -> Option<&ErrorDeclaration> {
        self.fields.error_declaration.as_ref()
    }

    /// The extensions of the event itself, under full IRIs.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.fields.extensions
    }
}
