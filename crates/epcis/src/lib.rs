//! Model, validate, canonicalise and hash EPCIS 2.0 events.
