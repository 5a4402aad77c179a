//! The events of a journey, built and read.

use clock::TimeMs;
use epcis::{Event, Limits};
use party::MemberId;
use serde_json::{Value, json};
use statement::RequestId;
use statement::hash::Context;

use crate::error::internal;
use crate::itinerary::{Leg, Shape};
use crate::{Buyer, Error, Good, JourneyId, Order, Parties, Step};

/// Where the names of this house's own fields stand.
const VOCABULARY: &str = "https://quayside.example/vocabulary/";

/// Names of the fields that a journey adds to its events, as full IRIs.
pub(crate) mod name {
    pub(crate) const JOURNEY: &str = "https://quayside.example/vocabulary/journey";
    pub(crate) const STEP: &str = "https://quayside.example/vocabulary/step";
    pub(crate) const PARTIES: &str = "https://quayside.example/vocabulary/parties";
    pub(crate) const GOODS: &str = "https://quayside.example/vocabulary/goods";
    pub(crate) const BUYER: &str = "https://quayside.example/vocabulary/buyer";
}

/// What an event of a journey is to say.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) journey: JourneyId,
    pub(crate) leg: &'static Leg,
    pub(crate) time: TimeMs,
    /// The parcel's canonical name.
    pub(crate) parcel: &'a str,
    /// The pallet's, for steps that name it.
    pub(crate) pallet: Option<&'a str>,
    /// The goods' canonical names.
    pub(crate) goods: &'a [Good],
    /// Who sells and the order, for the first step.
    pub(crate) order: Option<(&'a MemberId, &'a Order)>,
}

/// Builds an event; it passes every check that any other event passes.
pub(crate) fn build(told: &Told<'_>) -> Result<Event, Error> {
    let Told { leg, parcel, .. } = told;
    let pallet =
        || told.pallet.ok_or_else(|| internal("the step names a pallet, and none is known"));
    let goods = || told.goods.iter().map(|good| good.sgtin.as_str());
    let kind = match leg.shape {
        Shape::Pack | Shape::Load | Shape::Unload => "AggregationEvent",
        Shape::Commission | Shape::Parcel | Shape::Pallet => "ObjectEvent",
    };
    let mut event = json!({
        "@context": { "quayside": VOCABULARY },
        "type": kind,
        "eventTime": told.time.to_string(),
        "eventTimeZoneOffset": leg.spot.offset,
        "bizStep": leg.biz_step,
        "disposition": leg.disposition,
        "readPoint": { "id": leg.spot.sgln },
        "bizLocation": { "id": leg.spot.sgln },
        "quayside:journey": told.journey.to_string(),
        "quayside:step": leg.step.as_str(),
    });
    let shape = match leg.shape {
        Shape::Commission => {
            let items: Vec<&str> = std::iter::once(*parcel).chain(goods()).collect();
            json!({ "action": "ADD", "epcList": items })
        }
        Shape::Pack => {
            json!({ "action": "ADD", "parentID": parcel, "childEPCs": goods().collect::<Vec<_>>() })
        }
        Shape::Parcel => json!({ "action": "OBSERVE", "epcList": [parcel] }),
        Shape::Pallet => json!({ "action": "OBSERVE", "epcList": [pallet()?] }),
        Shape::Load => json!({ "action": "ADD", "parentID": pallet()?, "childEPCs": [parcel] }),
        Shape::Unload => {
            json!({ "action": "DELETE", "parentID": pallet()?, "childEPCs": [parcel] })
        }
    };
    add(&mut event, shape);
    if let Some(decision) = leg.decision {
        add(&mut event, json!({ "quayside:customsDecision": decision }));
    }
    if let Some((seller, order)) = told.order {
        add(&mut event, ordered(seller, order));
    }
    let bytes = zeroize::Zeroizing::new(serde_json::to_vec(&event).map_err(internal)?);
    let mut events = epcis::parse_document(&bytes, &Limits::default()).map_err(internal)?.events;
    events.pop().ok_or_else(|| internal("a document of one event has none"))
}

/// Adds the members of one object to another.
fn add(event: &mut Value, more: Value) {
    if let (Value::Object(event), Value::Object(more)) = (event, more) {
        event.extend(more);
    }
}

/// What the first event says of the order.
fn ordered(seller: &MemberId, order: &Order) -> Value {
    let Parties { forwarder, export_customs, airline, import_customs, last_mile } = &order.parties;
    let goods = order.goods.iter().map(
        |good| json!({ "quayside:sgtin": good.sgtin, "quayside:description": good.description }),
    );
    json!({
        "quayside:parties": {
            "quayside:seller": seller.as_str(),
            "quayside:forwarder": forwarder.as_str(),
            "quayside:exportCustoms": export_customs.as_str(),
            "quayside:airline": airline.as_str(),
            "quayside:importCustoms": import_customs.as_str(),
            "quayside:lastMile": last_mile.as_str(),
        },
        "quayside:goods": goods.collect::<Vec<_>>(),
        "quayside:buyer": {
            "quayside:name": order.buyer.name,
            "quayside:address": order.buyer.address,
            "quayside:telephone": order.buyer.telephone,
            "quayside:identityNumber": order.buyer.identity_number,
        },
    })
}

/// Reads the fields of an event that a journey added, each given as its canonical JSON value.
pub(crate) struct Reading<F>(pub(crate) F);

impl<'a, F: Fn(&str) -> Option<&'a str>> Reading<F> {
    fn value(&self, name: &str) -> Option<Value> {
        serde_json::from_str((self.0)(name)?).ok()
    }

    pub(crate) fn journey(&self) -> Option<JourneyId> {
        self.value(name::JOURNEY)?.as_str()?.parse().ok()
    }

    pub(crate) fn step(&self) -> Option<Step> {
        self.value(name::STEP)?.as_str()?.parse().ok()
    }

    /// The seller and who else takes part.
    pub(crate) fn parties(&self) -> Option<(MemberId, Parties)> {
        let parties = self.value(name::PARTIES)?;
        let member = |role: &str| text(&parties, role)?.parse().ok();
        let others = Parties {
            forwarder: member("forwarder")?,
            export_customs: member("exportCustoms")?,
            airline: member("airline")?,
            import_customs: member("importCustoms")?,
            last_mile: member("lastMile")?,
        };
        Some((member("seller")?, others))
    }

    pub(crate) fn goods(&self) -> Option<Vec<Good>> {
        let goods = self.value(name::GOODS)?;
        let good = |good: &Value| {
            let (sgtin, description) = (text(good, "sgtin")?, text(good, "description")?);
            Some(Good { sgtin: sgtin.to_owned(), description: description.to_owned() })
        };
        goods.as_array()?.iter().map(good).collect()
    }

    pub(crate) fn buyer(&self) -> Option<Buyer> {
        let buyer = self.value(name::BUYER)?;
        let field = |name: &str| text(&buyer, name).map(str::to_owned);
        Some(Buyer {
            name: field("name")?,
            address: field("address")?,
            telephone: field("telephone")?,
            identity_number: field("identityNumber")?,
        })
    }

    /// The canonical name of the item that the event names as its parent.
    pub(crate) fn parent(&self) -> Option<String> {
        let parent = self.value("parentID")?;
        Some(gs1::Item::parse(parent.as_str()?).ok()?.canonical().to_owned())
    }

    /// The canonical name of the first logistic unit among its objects.
    pub(crate) fn first_sscc(&self) -> Option<String> {
        let list = self.value("epcList")?;
        let items = list.as_array()?.iter().filter_map(|epc| gs1::Item::parse(epc.as_str()?).ok());
        let mut parcels = items.filter(|item| item.kind() == gs1::Kind::Sscc);
        Some(parcels.next()?.canonical().to_owned())
    }
}

/// A text of this house's own vocabulary.
fn text<'a>(object: &'a Value, local: &str) -> Option<&'a str> {
    object.get(format!("{VOCABULARY}{local}"))?.as_str()
}

/// Makes an SSCC under a company prefix of seven digits, always the same one for the same request:
/// extension digit and serial from a hash of it, then the check digit.
pub(crate) fn sscc(prefix: &str, use_of: &'static Context, request: &RequestId) -> Option<String> {
    let digest = use_of.hash(&request.0);
    let number = u64::from_be_bytes(*digest.first_chunk::<8>()?) % 10_000_000_000;
    let serial = format!("{number:010}");
    let (extension, serial) = serial.split_at_checked(1)?;
    let digits = format!("{extension}{prefix}{serial}");
    let check = gs1::check_digit(&digits)?;
    let link = format!("https://id.gs1.org/00/{digits}{check}");
    Some(gs1::Item::parse(&link).ok()?.canonical().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::itinerary::{LEGS, SELLER_PREFIX};

    static PARCEL: Context = Context::new("a test's parcel v1");

    fn order() -> Order {
        Order {
            parcel: None,
            goods: vec![Good {
                sgtin: "https://id.gs1.org/01/09521001123457/21/1001".into(),
                description: "a cup, \"celadon\"".into(),
            }],
            parties: Parties {
                forwarder: "hz-forwarder".parse().unwrap(),
                export_customs: "cn-customs".parse().unwrap(),
                airline: "sky-air".parse().unwrap(),
                import_customs: "be-customs".parse().unwrap(),
                last_mile: "es-post".parse().unwrap(),
            },
            buyer: Buyer {
                name: "Dulcinea".into(),
                address: "El Toboso".into(),
                telephone: "+34 600 000 000".into(),
                identity_number: "00000000T".into(),
            },
        }
    }

    fn told<'a>(leg: &'static Leg, order: &'a Order, seller: &'a MemberId) -> Event {
        let parcel = sscc(SELLER_PREFIX, &PARCEL, &RequestId([1; 16])).unwrap();
        let pallet = sscc(SELLER_PREFIX, &PARCEL, &RequestId([2; 16])).unwrap();
        build(&Told {
            journey: JourneyId::of(&[7; 32]),
            leg,
            time: TimeMs(1_795_167_845_000),
            parcel: &parcel,
            pallet: Some(&pallet),
            goods: &order.goods,
            order: (leg.step == Step::Commission).then_some((seller, order)),
        })
        .unwrap()
    }

    #[test]
    fn every_step_makes_a_valid_event_that_says_what_it_was_told() {
        let (order, seller) = (order(), "zj-merchant".parse().unwrap());
        for leg in Step::ALL.map(Step::leg) {
            let event = told(leg, &order, &seller);
            let json = event.canonical_json();
            assert_eq!(Event::from_canonical_json(&json).unwrap(), event, "{}", leg.step);
            let fields = epcis::top_level_fields(&json).unwrap();
            let reading = Reading(|name: &str| {
                fields.iter().find(|(found, _)| *found == name).map(|(_, value)| *value)
            });
            assert_eq!(reading.journey(), Some(JourneyId::of(&[7; 32])));
            assert_eq!(reading.step(), Some(leg.step));
            assert_eq!(event.event_time_unix_ms(), 1_795_167_845_000);
            let first = leg.step == Step::Commission;
            assert_eq!(reading.buyer(), first.then(|| order.buyer.clone()));
            assert_eq!(reading.goods(), first.then(|| order.goods.clone()));
            let parties = first.then(|| (seller.clone(), order.parties.clone()));
            assert_eq!(reading.parties(), parties);
        }
        assert_eq!(LEGS.len(), 16);
    }

    #[test]
    fn an_sscc_is_sound_and_always_the_same_for_a_request() {
        let first = sscc(SELLER_PREFIX, &PARCEL, &RequestId([1; 16])).unwrap();
        assert_eq!(sscc(SELLER_PREFIX, &PARCEL, &RequestId([1; 16])).unwrap(), first);
        let other = sscc(SELLER_PREFIX, &PARCEL, &RequestId([2; 16])).unwrap();
        assert_ne!(other, first);
        for link in [first, other] {
            assert_eq!(gs1::Item::parse(&link).unwrap().kind(), gs1::Kind::Sscc);
            let digits = link.strip_prefix("https://id.gs1.org/00/").unwrap();
            assert_eq!((digits.len(), &digits[1..8]), (18, SELLER_PREFIX));
        }
    }
}
