//! How large events may become once prefixes and datatypes are written out.
//!
//! A context can turn one character into two thousand, so the size of a document says little about
//! that of its events. What is to be kept is counted while it is made, and stops before it is.

use std::cell::Cell;

use crate::{Error, Limits, Reason};

/// What one document may still grow by.
#[derive(Debug)]
pub(crate) struct Budget {
    max_event_bytes: usize,
    max_document_bytes: usize,
    /// Canonical bytes of the event under way.
    event_bytes: Cell<usize>,
    /// Canonical bytes of all events so far, and what the contexts' definitions grew by.
    document_bytes: Cell<usize>,
}

impl Budget {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self {
            max_event_bytes: limits.max_event_bytes,
            max_document_bytes: limits.max_expanded_bytes,
            event_bytes: Cell::new(0),
            document_bytes: Cell::new(0),
        }
    }

    /// Begins an event that has so many canonical bytes before anything in it is written out.
    pub(crate) fn begin(&self, bytes: usize) -> Result<(), Error> {
        self.event_bytes.set(0);
        self.grow(bytes)
    }

    /// Lets the event under way grow.
    pub(crate) fn grow(&self, bytes: usize) -> Result<(), Error> {
        let event_bytes = self.event_bytes.get().saturating_add(bytes);
        self.event_bytes.set(event_bytes);
        if event_bytes > self.max_event_bytes {
            return Err(Error::new(
                Reason::EventTooLarge,
                format!("the event has more than {} canonical bytes", self.max_event_bytes),
                "split the event; the names and datatypes of its `@context` are written out in it",
            ));
        }
        self.grow_context(bytes)
    }

    /// Lets the definitions of a context grow, which are no part of any event.
    pub(crate) fn grow_context(&self, bytes: usize) -> Result<(), Error> {
        let document_bytes = self.document_bytes.get().saturating_add(bytes);
        self.document_bytes.set(document_bytes);
        if document_bytes > self.max_document_bytes {
            return Err(Error::new(
                Reason::DocumentTooLarge,
                format!("the events have more than {} canonical bytes", self.max_document_bytes),
                "send the events in several captures",
            ));
        }
        Ok(())
    }
}
