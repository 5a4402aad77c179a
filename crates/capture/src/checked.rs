//! From an event of the standard to an event of this house.

use epcis::Event;
use statement::{MAX_FIELDS, MAX_TAGS_PER_LEAF, Tag};

use crate::Error;

/// An event that passed every check of this house, in the one form in which it is committed to.
///
/// It cannot be made but by [`Checked::check`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    pub(crate) event_id: Option<String>,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) json: String,
    pub(crate) tags: Vec<Tag>,
}

impl Checked {
    /// Checks the event at `place` of its document (`eventList[3]`).
    ///
    /// # Errors
    ///
    /// [`Error::TooManyTags`] when the event names more than one leaf can hold;
    /// [`Error::TooManyFields`] when it has more fields than one commitment may hide.
    pub fn check(event: &Event, place: u32) -> Result<Self, Error> {
        let items = event.items();
        if items.len() > MAX_TAGS_PER_LEAF {
            let path = format!("eventList[{place}]");
            return Err(Error::TooManyTags { path, count: items.len(), limit: MAX_TAGS_PER_LEAF });
        }
        let fields = event.fields();
        if fields.len() > MAX_FIELDS {
            let path = format!("eventList[{place}]");
            return Err(Error::TooManyFields { path, count: fields.len(), limit: MAX_FIELDS });
        }
        // Tags are hashes, so the items' order says nothing about theirs.
        let mut tags: Vec<Tag> = items.iter().map(|item| Tag::open(item.canonical())).collect();
        tags.sort_unstable();
        tags.dedup();
        Ok(Self {
            event_id: event.event_id().map(str::to_owned),
            fields,
            json: event.canonical_json(),
            tags,
        })
    }

    /// The event's own id, where it has one: data, not identity.
    #[must_use]
    pub fn event_id(&self) -> Option<&str> {
        self.event_id.as_deref()
    }

    /// The event as canonical JSON.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The tags of the identifiers that the event names, increasing.
    #[must_use]
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }
}
