//! Between the messages about orders and journeys and the gateway's own types.

use bytes::Bytes;
use gateway::{
    Advanced, AlertView, Buyer, DoneStep, Good, JourneyId, NextStep, Order, OrderView, Parties,
    Seal, Step, Unacknowledged,
};
use keys::PassedOver;
use statement::{Commitment, Height, LogIndex};

use crate::field;
use crate::pb::gateway::v1 as pb;
use crate::refusal::Refusal;

/// Most goods in one parcel.
const MAX_GOODS: usize = 100;

/// Most bytes of an identifier of goods or of a parcel.
const MAX_IDENTIFIER_BYTES: usize = 2_048;

/// Most bytes of any other text of an order; the gateway bounds each more closely.
const MAX_TEXT_BYTES: usize = 4_096;

fn bytes(digest: &[u8]) -> Bytes {
    Bytes::copy_from_slice(digest)
}

// === steps ===

/// The step's number is its place, in the enumeration as in the journey.
fn step_out(step: Step) -> i32 {
    i32::from(step.number())
}

pub(crate) fn expected_out(step: Option<Step>) -> i32 {
    step.map_or(0, step_out)
}

/// A step that may be left open.
pub(crate) fn expected_in(path: &str, number: i32) -> Result<Option<Step>, Refusal> {
    let known = |number: i32| u8::try_from(number).ok().and_then(Step::at);
    match number {
        0 => Ok(None),
        number => known(number)
            .map(Some)
            .ok_or_else(|| Refusal::invalid(path, format_args!("is {number}, no step"))),
    }
}

fn step_in(path: &str, number: i32) -> Result<Step, Refusal> {
    expected_in(path, number)?.ok_or_else(|| Refusal::missing(path))
}

pub(crate) fn journey_in(path: &str, text: &str) -> Result<JourneyId, Refusal> {
    if text.is_empty() {
        return Err(Refusal::missing(path));
    }
    text.parse().map_err(|_| Refusal::invalid(path, "is no journey: 16 lower-case hex characters"))
}

// === orders ===

pub(crate) fn goods_out(goods: Vec<Good>) -> Vec<pb::Good> {
    let good = |Good { sgtin, description }| pb::Good { sgtin, description };
    goods.into_iter().map(good).collect()
}

fn goods_in(goods: Vec<pb::Good>) -> Result<Vec<Good>, Refusal> {
    let good = |(at, pb::Good { sgtin, description }): (usize, pb::Good)| {
        let sgtin = field::text(&format!("goods[{at}].sgtin"), sgtin, MAX_IDENTIFIER_BYTES)?;
        bounded(&format!("goods[{at}].description"), &description)?;
        Ok(Good { sgtin, description })
    };
    goods.into_iter().enumerate().map(good).collect()
}

/// Refuses text that nobody would write; empty text is the gateway's to judge.
fn bounded(path: &str, text: &str) -> Result<(), Refusal> {
    match text.len() {
        found if found > MAX_TEXT_BYTES => Err(Refusal::invalid(
            path,
            format_args!("has {found} bytes, more than {MAX_TEXT_BYTES}"),
        )),
        _ => Ok(()),
    }
}

pub(crate) fn parties_out(parties: &Parties) -> pb::Parties {
    pb::Parties {
        forwarder: parties.forwarder.to_string(),
        export_customs: parties.export_customs.to_string(),
        airline: parties.airline.to_string(),
        import_customs: parties.import_customs.to_string(),
        last_mile: parties.last_mile.to_string(),
    }
}

fn parties_in(parties: Option<&pb::Parties>) -> Result<Parties, Refusal> {
    let parties = parties.ok_or_else(|| Refusal::missing("parties"))?;
    Ok(Parties {
        forwarder: field::member_id("parties.forwarder", &parties.forwarder)?,
        export_customs: field::member_id("parties.export_customs", &parties.export_customs)?,
        airline: field::member_id("parties.airline", &parties.airline)?,
        import_customs: field::member_id("parties.import_customs", &parties.import_customs)?,
        last_mile: field::member_id("parties.last_mile", &parties.last_mile)?,
    })
}

/// A buyer on the way out. The message's own copy is not wiped when it is dropped: prost knows
/// nothing of that, nor do the buffers that it is written to.
pub(crate) fn buyer_out(buyer: &Buyer) -> pb::Buyer {
    pb::Buyer {
        name: buyer.name.clone(),
        address: buyer.address.clone(),
        telephone: buyer.telephone.clone(),
        identity_number: buyer.identity_number.clone(),
    }
}

/// A buyer out of a message, whose strings become the buyer's own, wiped when it is dropped.
fn buyer_in(buyer: pb::Buyer) -> Result<Buyer, Refusal> {
    let pb::Buyer { name, address, telephone, identity_number } = buyer;
    let buyer = Buyer { name, address, telephone, identity_number };
    bounded("buyer.name", &buyer.name)?;
    bounded("buyer.address", &buyer.address)?;
    bounded("buyer.telephone", &buyer.telephone)?;
    bounded("buyer.identity_number", &buyer.identity_number)?;
    Ok(buyer)
}

pub(crate) fn order_in(asked: pb::CreateOrderRequest) -> Result<Order, Refusal> {
    let pb::CreateOrderRequest { parcel, goods, parties, buyer, .. } = asked;
    field::count("goods", goods.len(), MAX_GOODS)?;
    let buyer = buyer.ok_or_else(|| Refusal::missing("buyer"))?;
    let parcel = (!parcel.is_empty())
        .then(|| field::text("parcel", parcel, MAX_IDENTIFIER_BYTES))
        .transpose()?;
    Ok(Order {
        parcel,
        goods: goods_in(goods)?,
        parties: parties_in(parties.as_ref())?,
        buyer: buyer_in(buyer)?,
    })
}

pub(crate) fn view_out(view: OrderView) -> pb::Order {
    let step = |done: DoneStep| pb::StepDone {
        step: step_out(done.step),
        time_ms: done.event_time_ms,
        member: done.by.to_string(),
        commitment: bytes(&done.commitment.0),
        index: done.index.0,
        height: done.height.0,
    };
    let seal = |one: Unacknowledged| pb::UnacknowledgedSeal {
        step: step_out(one.step),
        part: one.part,
        reader: one.reader.to_string(),
        source: one.source,
        times: one.times,
        commitment: bytes(&one.commitment.0),
    };
    let alert = |alert: AlertView| pb::OrderAlert {
        reason: alert.reason,
        issuer: alert.issuer.to_string(),
        commitment: bytes(&alert.commitment.0),
        detail: alert.detail,
    };
    pb::Order {
        journey: view.journey.to_string(),
        parcel: view.parcel,
        pallet: view.pallet.unwrap_or_default(),
        seller: view.seller.to_string(),
        parties: Some(parties_out(&view.parties)),
        goods: goods_out(view.goods),
        steps: view.steps.into_iter().map(step).collect(),
        next_step: expected_out(view.next.as_ref().map(|next| next.step)),
        next_member: view.next.map(|next| next.by.to_string()).unwrap_or_default(),
        buyer: view.buyer.as_ref().map(buyer_out),
        unacknowledged_seals: view.unacknowledged.into_iter().map(seal).collect(),
        alerts: view.alerts.into_iter().map(alert).collect(),
    }
}

pub(crate) fn view_in(order: Option<pb::Order>) -> Result<OrderView, Refusal> {
    let order = order.ok_or_else(|| Refusal::missing("order"))?;
    let next = match expected_in("order.next_step", order.next_step)? {
        Some(step) => {
            Some(NextStep { step, by: field::member_id("order.next_member", &order.next_member)? })
        }
        None => None,
    };
    Ok(OrderView {
        journey: journey_in("order.journey", &order.journey)?,
        parcel: order.parcel,
        pallet: (!order.pallet.is_empty()).then_some(order.pallet),
        seller: field::member_id("order.seller", &order.seller)?,
        parties: parties_in(order.parties.as_ref())?,
        goods: goods_in(order.goods)?,
        steps: order.steps.iter().map(done_in).collect::<Result<_, _>>()?,
        next,
        buyer: order.buyer.map(buyer_in).transpose()?,
        unacknowledged: order
            .unacknowledged_seals
            .into_iter()
            .map(unacknowledged_in)
            .collect::<Result<_, _>>()?,
        alerts: order.alerts.into_iter().map(alert_in).collect::<Result<_, _>>()?,
    })
}

fn done_in(done: &pb::StepDone) -> Result<DoneStep, Refusal> {
    Ok(DoneStep {
        step: step_in("order.steps.step", done.step)?,
        by: field::member_id("order.steps.member", &done.member)?,
        event_time_ms: done.time_ms,
        commitment: Commitment(field::array("order.steps.commitment", &done.commitment)?),
        index: LogIndex(done.index),
        height: Height(done.height),
    })
}

fn unacknowledged_in(one: pb::UnacknowledgedSeal) -> Result<Unacknowledged, Refusal> {
    Ok(Unacknowledged {
        step: step_in("order.unacknowledged_seals.step", one.step)?,
        reader: field::member_id("order.unacknowledged_seals.reader", &one.reader)?,
        part: one.part,
        source: one.source,
        times: one.times,
        commitment: Commitment(field::array(
            "order.unacknowledged_seals.commitment",
            &one.commitment,
        )?),
    })
}

fn alert_in(alert: pb::OrderAlert) -> Result<AlertView, Refusal> {
    Ok(AlertView {
        reason: alert.reason,
        issuer: field::member_id("order.alerts.issuer", &alert.issuer)?,
        commitment: Commitment(field::array("order.alerts.commitment", &alert.commitment)?),
        detail: alert.detail,
    })
}

// === advances ===

pub(crate) fn advanced_out(advanced: Advanced) -> pb::AdvanceJourneyResponse {
    let over = |PassedOver { source, reason }| pb::PassedOver { source, reason };
    let seal = |seal: Seal| pb::Seal {
        reader: seal.reader.to_string(),
        part: seal.part,
        source: seal.source,
        passed_over: seal.passed_over.into_iter().map(over).collect(),
    };
    pb::AdvanceJourneyResponse {
        step: step_out(advanced.step),
        commitment: bytes(&advanced.commitment.0),
        index: advanced.index.0,
        height: advanced.height.0,
        seals: advanced.seals.into_iter().map(seal).collect(),
    }
}

pub(crate) fn advanced_in(answer: pb::AdvanceJourneyResponse) -> Result<Advanced, Refusal> {
    let over = |pb::PassedOver { source, reason }| PassedOver { source, reason };
    let seal = |seal: pb::Seal| {
        Ok(Seal {
            reader: field::member_id("seals.reader", &seal.reader)?,
            part: seal.part,
            source: seal.source,
            passed_over: seal.passed_over.into_iter().map(over).collect(),
        })
    };
    Ok(Advanced {
        step: step_in("step", answer.step)?,
        commitment: Commitment(field::array("commitment", &answer.commitment)?),
        index: LogIndex(answer.index),
        height: Height(answer.height),
        seals: answer.seals.into_iter().map(seal).collect::<Result<_, Refusal>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> OrderView {
        let member = |name: &str| name.parse().unwrap();
        OrderView {
            journey: "0a0b0c0d0e0f0102".parse().unwrap(),
            parcel: "https://id.gs1.org/00/340123450000000019".to_owned(),
            pallet: None,
            seller: member("zj-merchant"),
            parties: Parties {
                forwarder: member("hz-forwarder"),
                export_customs: member("cn-customs"),
                airline: member("sky-air"),
                import_customs: member("be-customs"),
                last_mile: member("es-post"),
            },
            goods: vec![Good { sgtin: "sgtin".to_owned(), description: "a cup".to_owned() }],
            steps: vec![DoneStep {
                step: Step::Commission,
                by: member("zj-merchant"),
                event_time_ms: 5,
                commitment: Commitment([1; 32]),
                index: LogIndex(2),
                height: Height(3),
            }],
            next: Some(NextStep { step: Step::Pack, by: member("zj-merchant") }),
            buyer: Some(Buyer {
                name: "Ana".to_owned(),
                address: "Madrid".to_owned(),
                telephone: "1".to_owned(),
                identity_number: "2".to_owned(),
            }),
            unacknowledged: vec![Unacknowledged {
                step: Step::Commission,
                reader: member("es-post"),
                part: 1,
                source: "x-wing".to_owned(),
                times: 2,
                commitment: Commitment([6; 32]),
            }],
            alerts: vec![AlertView {
                reason: "MARK_INVALID".to_owned(),
                issuer: member("sky-air"),
                commitment: Commitment([4; 32]),
                detail: "copied".to_owned(),
            }],
        }
    }

    #[test]
    fn an_order_comes_back_as_it_was_sent() {
        assert_eq!(view_in(Some(view_out(view()))), Ok(view()));
        let over = OrderView { next: None, buyer: None, pallet: Some("p".to_owned()), ..view() };
        assert_eq!(view_in(Some(view_out(over.clone()))), Ok(over));
    }

    #[test]
    fn every_step_has_the_number_of_its_place() {
        for step in Step::ALL {
            let number = step_out(step);
            assert_eq!(expected_in("step", number), Ok(Some(step)));
            let named = pb::JourneyStep::try_from(number).unwrap().as_str_name();
            let word = step.as_str().replace('-', "_").to_uppercase();
            assert_eq!(named, format!("JOURNEY_STEP_{word}"));
        }
        for wrong in [-1, 17, 256, i32::MAX] {
            assert!(expected_in("step", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_buyer_is_not_shown() {
        let shown = format!("{:?}", view_out(view()));
        assert!(!shown.contains("Ana") && !shown.contains("Madrid"), "{shown}");
    }

    #[test]
    fn an_order_that_lacks_something_is_refused_at_its_field() {
        let good = pb::Good { sgtin: "sgtin".to_owned(), description: String::new() };
        let whole = pb::CreateOrderRequest {
            goods: vec![good.clone()],
            parties: Some(parties_out(&view().parties)),
            buyer: view().buyer.as_ref().map(buyer_out),
            ..Default::default()
        };
        assert!(order_in(whole.clone()).is_ok());
        let field = |asked| order_in(asked).unwrap_err().field().unwrap().to_owned();
        assert_eq!(field(pb::CreateOrderRequest { goods: Vec::new(), ..whole.clone() }), "goods");
        assert_eq!(
            field(pb::CreateOrderRequest { goods: vec![good; 101], ..whole.clone() }),
            "goods"
        );
        assert_eq!(field(pb::CreateOrderRequest { parties: None, ..whole.clone() }), "parties");
        assert_eq!(field(pb::CreateOrderRequest { buyer: None, ..whole.clone() }), "buyer");
        let mut nobody = whole;
        nobody.parties.as_mut().unwrap().airline = "Sky Air".to_owned();
        assert_eq!(field(nobody), "parties.airline");
    }
}
