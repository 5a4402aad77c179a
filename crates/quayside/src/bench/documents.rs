//! Make documents whose every event is new.

/// How many hexadecimal digits tell one item of a run from another.
const SERIAL_DIGITS: usize = 16;

/// Stands where a serial number will be written.
const PLACEHOLDER: &str = "0000000000000000";

/// A document of `n` events, rendered once before the clock starts; a call's fresh events are a
/// copy in which the serial numbers are written anew, so that making them costs next to nothing.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    serials: Vec<usize>,
    events: usize,
}

impl Template {
    /// Renders a document of `events` object events, each naming two trade items.
    pub(crate) fn render(events: usize) -> Self {
        let mut text = String::from(
            "{\"@context\":[\"https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld\"],\
             \"type\":\"EPCISDocument\",\"schemaVersion\":\"2.0\",\
             \"creationDate\":\"2026-11-20T08:00:00.000Z\",\"epcisBody\":{\"eventList\":[",
        );
        for event in 0..events {
            if event > 0 {
                text.push(',');
            }
            text.push_str(&one_event());
        }
        text.push_str("]}}");
        let serials = text.match_indices(PLACEHOLDER).map(|(at, _)| at).collect();
        Self { bytes: text.into_bytes(), serials, events }
    }

    /// A copy whose serial numbers are `first`, `first + 1` and so on.
    pub(crate) fn fresh(&self, first: u64) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        for (serial, at) in (first..).zip(&self.serials) {
            let digits = format!("{serial:0SERIAL_DIGITS$x}");
            if let Some(place) = bytes.get_mut(*at..*at + SERIAL_DIGITS) {
                place.copy_from_slice(digits.as_bytes());
            }
        }
        bytes
    }

    /// How many serial numbers a copy uses up.
    pub(crate) fn serials(&self) -> u64 {
        u64::try_from(self.serials.len()).unwrap_or(u64::MAX)
    }

    /// How many bytes of the document one event takes.
    pub(crate) fn bytes_per_event(&self) -> usize {
        self.bytes.len() / self.events.max(1)
    }
}

/// A carrier's scan at a dock, about half a kilobyte.
fn one_event() -> String {
    let item =
        |half: &str| format!("\"https://id.gs1.org/01/09521321000018/21/{half}{PLACEHOLDER}\"");
    format!(
        "{{\"type\":\"ObjectEvent\",\"eventTime\":\"2026-11-20T16:00:00.000+08:00\",\
         \"eventTimeZoneOffset\":\"+08:00\",\"epcList\":[{},{}],\"action\":\"OBSERVE\",\
         \"bizStep\":\"shipping\",\"disposition\":\"in_transit\",\
         \"readPoint\":{{\"id\":\"https://id.gs1.org/414/9521321000018/254/7\"}},\
         \"bizLocation\":{{\"id\":\"https://id.gs1.org/414/9521321000018\"}},\
         \"bizTransactionList\":[{{\"type\":\"po\",\
         \"bizTransaction\":\"https://id.gs1.org/253/9521321000025000017\"}}]}}",
        item("A"),
        item("B"),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn events(document: &[u8]) -> Vec<epcis::Event> {
        epcis::parse_document(document, &epcis::Limits::default()).unwrap().events
    }

    #[test]
    fn every_event_is_half_a_kilobyte_and_names_two_items() {
        let template = Template::render(3);
        let events = events(&template.fresh(1));
        assert_eq!(events.len(), 3);
        assert!(events.iter().all(|event| event.items().len() == 2));
        assert!(
            (450..=650).contains(&template.bytes_per_event()),
            "{}",
            template.bytes_per_event()
        );
    }

    #[test]
    fn no_two_copies_share_an_item() {
        let template = Template::render(4);
        let mut seen = BTreeSet::new();
        for call in 0..3 {
            for event in events(&template.fresh(call * template.serials())) {
                for item in event.items() {
                    assert!(seen.insert(item.canonical().to_owned()));
                }
            }
        }
        assert_eq!(seen.len(), 3 * 4 * 2);
    }
}
