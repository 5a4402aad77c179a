//! What each event type must have, and must not (EPCIS 2.0, section 7.4).

use super::{Action, Fields, Kind};
use crate::Error;
use crate::part::require;

/// Checks an event's fields against the rules of its type, and gives the type.
pub(super) fn check(fields: &Fields) -> Result<Kind, Error> {
    require(fields.kind.as_ref(), "type", "an event")?;
    let Some(kind) = fields.kind else {
        return Err(Error::missing("type", "an event needs `type`"));
    };
    let of = with_article(kind);
    require(fields.event_time.as_ref(), "eventTime", &of)?;
    require(fields.event_time_zone_offset.as_ref(), "eventTimeZoneOffset", &of)?;
    foreign(fields, kind)?;
    if kind != Kind::Transformation {
        require(fields.action.as_ref(), "action", &of)?;
    }
    match kind {
        Kind::Object => object(fields)?,
        Kind::Aggregation | Kind::Association => bond(fields, kind)?,
        Kind::Transaction => transaction(fields)?,
        Kind::Transformation => transformation(fields)?,
    }
    Ok(kind)
}

fn with_article(kind: Kind) -> String {
    let article = match kind {
        Kind::Object | Kind::Aggregation | Kind::Association => "an",
        Kind::Transaction | Kind::Transformation => "a",
    };
    format!("{article} {}", kind.as_str())
}

/// Refuses fields that belong to another type.
fn foreign(fields: &Fields, kind: Kind) -> Result<(), Error> {
    use Kind::{Aggregation, Association, Object, Transaction, Transformation};
    let bonds: &[Kind] = &[Aggregation, Association];
    let listed: [(&str, bool, &[Kind]); 13] = [
        ("epcList", fields.epcs.is_some(), &[Object, Transaction]),
        ("quantityList", fields.quantities.is_some(), &[Object, Transaction]),
        ("parentID", fields.parent_id.is_some(), &[Aggregation, Transaction, Association]),
        ("childEPCs", fields.child_epcs.is_some(), bonds),
        ("childQuantityList", fields.child_quantities.is_some(), bonds),
        ("inputEPCList", fields.input_epcs.is_some(), &[Transformation]),
        ("inputQuantityList", fields.input_quantities.is_some(), &[Transformation]),
        ("outputEPCList", fields.output_epcs.is_some(), &[Transformation]),
        ("outputQuantityList", fields.output_quantities.is_some(), &[Transformation]),
        ("transformationID", fields.transformation_id.is_some(), &[Transformation]),
        ("ilmd", fields.ilmd.is_some(), &[Object, Transformation]),
        ("action", fields.action.is_some(), &[Object, Aggregation, Transaction, Association]),
        ("type", fields.kind.is_some(), &[kind]),
    ];
    match listed.iter().find(|(_, present, kinds)| *present && !kinds.contains(&kind)) {
        None => Ok(()),
        Some((name, ..)) => Err(Error::invalid(
            format!("{} has no `{name}`", with_article(kind)),
            "leave it out, or choose the event type that has it",
        )
        .under(name)),
    }
}

/// Whether a list is there and holds something.
fn some<T>(list: Option<&Vec<T>>) -> bool {
    list.is_some_and(|list| !list.is_empty())
}

fn object(fields: &Fields) -> Result<(), Error> {
    let sensed = some(fields.sensor_elements.as_ref()) && fields.read_point.is_some();
    if fields.epcs.is_none() && !some(fields.quantities.as_ref()) && !sensed {
        return Err(Error::missing(
            "epcList",
            "an ObjectEvent needs `epcList`, `quantityList`, or `sensorElementList` with `readPoint`",
        ));
    }
    if fields.ilmd.is_some() && fields.action != Some(Action::Add) {
        return Err(Error::invalid(
            "master data belong to the moment at which objects come into being",
            "leave `ilmd` out, or set `action` to `ADD`",
        )
        .under("ilmd"));
    }
    Ok(())
}

/// Aggregations and associations: children and what they are bound to.
fn bond(fields: &Fields, kind: Kind) -> Result<(), Error> {
    // An observation may know the children only; making or undoing a bond takes both ends.
    let parent_may_lack = kind == Kind::Aggregation && fields.action == Some(Action::Observe);
    if !parent_may_lack {
        require(fields.parent_id.as_ref(), "parentID", &with_article(kind))?;
    }
    // Without children, DELETE undoes the bond to all of them.
    let all = fields.action == Some(Action::Delete);
    if !all && !some(fields.child_epcs.as_ref()) && !some(fields.child_quantities.as_ref()) {
        return Err(Error::missing(
            "childEPCs",
            format!("{} needs `childEPCs` or `childQuantityList`", with_article(kind)),
        ));
    }
    Ok(())
}

fn transaction(fields: &Fields) -> Result<(), Error> {
    if !some(fields.biz_transactions.as_ref()) {
        return Err(Error::missing(
            "bizTransactionList",
            "a TransactionEvent needs a business transaction",
        ));
    }
    let all = fields.action == Some(Action::Delete);
    if !all && fields.epcs.is_none() && !some(fields.quantities.as_ref()) {
        return Err(Error::missing(
            "epcList",
            "a TransactionEvent needs `epcList` or `quantityList`",
        ));
    }
    Ok(())
}

fn transformation(fields: &Fields) -> Result<(), Error> {
    let input = some(fields.input_epcs.as_ref()) || some(fields.input_quantities.as_ref());
    let output = some(fields.output_epcs.as_ref()) || some(fields.output_quantities.as_ref());
    if input && output || (input || output) && fields.transformation_id.is_some() {
        return Ok(());
    }
    let name = if input { "outputEPCList" } else { "inputEPCList" };
    Err(Error::missing(
        name,
        "a TransformationEvent needs inputs and outputs, or one of them and `transformationID`",
    ))
}
