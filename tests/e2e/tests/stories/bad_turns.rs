//! A step out of turn, a journey that nobody knows, an order that cannot be: each is refused with
//! its reason, its exit code and what to do, and nothing of it is recorded.

use anyhow::{Context, Result};
use cluster::{Answer, Apart};
use e2e::parcel::{MEMBERS, Parcel, fault, order, reason};
use e2e::sites::{self, Link, figure};
use serde_json::{Value, json};

/// How many entries the log has.
fn log_size(nodes: &Apart) -> Result<u64> {
    let status = nodes.home.quayside(["status", "--json"])?.ok()?.json()?;
    figure(&status["ledger"], "log_size")
}

/// Whether a command was refused so, with words for what to do.
fn check(answer: &Answer, code: i32, expected: &str) -> Result<()> {
    assert_eq!((answer.code, reason(answer)?.as_str()), (Some(code), expected), "{answer:#?}");
    let fault = fault(answer)?;
    let help = fault["help"].as_str().unwrap_or_default();
    assert!(help.len() > 10, "it says what to do: {answer:#?}");
    assert!(answer.data.is_empty(), "{answer:#?}");
    Ok(())
}

fn advance(nodes: &Apart, member: &str, journey: &str, more: &[&str]) -> Result<Answer> {
    nodes.quayside(member, [&["journey", "advance", journey, "--json"], more].concat())
}

#[test]
fn a_step_out_of_turn_is_refused_and_leaves_nothing() -> Result<()> {
    let nodes = sites::up(Link::SHORT)?;
    let mut parcel = Parcel::order(&nodes, &order(1))?;
    parcel.advance_to(&nodes, "receive")?;
    parcel.acknowledged(&nodes)?;
    let journey = parcel.journey.clone();
    let before = log_size(&nodes)?;

    // By the wrong member: the one before, one to come, and the one whose step it will be later.
    for member in MEMBERS.into_iter().filter(|member| *member != "hz-forwarder") {
        let answer = advance(&nodes, member, &journey, &["--expect", "aggregate"])?;
        check(&answer, 3, "STEP_NOT_YOURS")?;
        assert!(fault(&answer)?["message"].to_string().contains("hz-forwarder"), "{answer:#?}");
        check(&advance(&nodes, member, &journey, &[])?, 3, "STEP_NOT_YOURS")?;
    }
    // Before its turn, and after it.
    for (member, step) in [
        ("sky-air", "load"),
        ("cn-customs", "inspect-export"),
        ("es-post", "deliver"),
        ("zj-merchant", "pack"),
        ("hz-forwarder", "receive"),
        ("zj-merchant", "commission"),
    ] {
        let answer = advance(&nodes, member, &journey, &["--expect", step])?;
        check(&answer, 3, "STEP_OUT_OF_ORDER")?;
    }
    let answer = advance(&nodes, "hz-forwarder", "0123456789abcdef", &[])?;
    check(&answer, 7, "JOURNEY_UNKNOWN")?;
    let show = ["order", "show", "0123456789abcdef", "--json"];
    check(&nodes.quayside("hz-forwarder", show)?, 7, "JOURNEY_UNKNOWN")?;
    // What is no journey and no step is told before anybody is called.
    for words in [["journey", "advance", "0123"], ["order", "show", "not-a-journey-0"]] {
        assert_eq!(nodes.quayside("hz-forwarder", words)?.code, Some(2), "{words:?}");
    }
    let answer = advance(&nodes, "hz-forwarder", &journey, &["--expect", "fly"])?;
    assert_eq!(answer.code, Some(2), "{answer:#?}");
    assert!(answer.talk.contains("out-for-delivery"), "it lists the steps: {answer:#?}");

    // At a gateway that does not act for the member.
    let other = std::fs::read_to_string(nodes.config("liege-gateway"))?;
    let listen = other.lines().find_map(|line| line.strip_prefix("listen = ")).context("listen")?;
    let url = format!("https://{}", listen.trim_matches('"'));
    let answer = advance(&nodes, "hz-forwarder", &journey, &["--gateway", &url])?;
    check(&answer, 3, "MEMBER_UNKNOWN")?;

    assert_eq!(log_size(&nodes)?, before, "nothing was captured");
    // A request id says what was asked: with other words it is no repetition.
    let id = ["--request-id", "00112233445566778899aabbccddeeff"];
    let aggregate = [&["--expect", "aggregate"], &id[..]].concat();
    let first = advance(&nodes, "hz-forwarder", &journey, &aggregate)?.ok()?.json()?;
    let again = advance(&nodes, "hz-forwarder", &journey, &aggregate)?.ok()?.json()?;
    assert_eq!(first, again, "a repetition is answered as before");
    let other = [&["--expect", "receive"], &id[..]].concat();
    check(&advance(&nodes, "hz-forwarder", &journey, &other)?, 3, "REQUEST_ID_REUSED")?;
    let after = log_size(&nodes)?;
    assert_eq!(after, before + 2, "the pallet's secret was announced, and the step captured once");
    Ok(())
}

/// Sends an order that one change has spoiled.
fn spoiled(nodes: &Apart, spoil: impl FnOnce(&mut Value)) -> Result<Answer> {
    let mut order = order(7);
    spoil(&mut order);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("order.json");
    std::fs::write(&file, order.to_string())?;
    let words = ["order", "create", &file.display().to_string(), "--json"];
    nodes.quayside("zj-merchant", words)
}

#[test]
fn an_order_that_cannot_be_is_refused_with_the_field_named() -> Result<()> {
    let nodes = sites::up(Link::SHORT)?;
    let before = log_size(&nodes)?;
    type Spoil = fn(&mut Value);
    let cases: [(&str, Spoil); 13] = [
        ("parties.airline", |order| order["parties"]["airline"] = "nobody".into()),
        ("parties.airline", |order| order["parties"]["airline"] = "cn-customs".into()),
        ("parties.last_mile", |order| order["parties"]["last_mile"] = "sky-air".into()),
        ("parties.import_customs", |order| {
            order["parties"]["import_customs"] = "cn-customs".into();
        }),
        ("parcel", |order| order["parcel"] = "urn:epc:id:sgtin:9521001.000201.1".into()),
        ("parcel", |order| order["parcel"] = "a box".into()),
        ("goods[1].sgtin", |order| order["goods"][1] = order["goods"][0].clone()),
        ("goods[0].sgtin", |order| order["goods"][0]["sgtin"] = "urn:epc:id:sgtin:95.1.1".into()),
        ("goods[0].description", |order| order["goods"][0]["description"] = "x".repeat(201).into()),
        ("buyer.name", |order| order["buyer"]["name"] = "x".repeat(201).into()),
        ("buyer.address", |order| order["buyer"]["address"] = "x".repeat(501).into()),
        ("buyer.telephone", |order| order["buyer"]["telephone"] = " ".into()),
        ("buyer.identity_number", |order| order["buyer"]["identity_number"] = "a\u{7}".into()),
    ];
    for (field, spoil) in cases {
        let answer = spoiled(&nodes, spoil)?;
        check(&answer, 3, "ORDER_INVALID")?;
        assert_eq!(fault(&answer)?["field"], field, "{answer:#?}");
        for secret in ["Xochitl", "Ornitorrinco", "X7310007Q"] {
            assert!(!answer.talk.contains(secret), "the buyer is not repeated: {answer:#?}");
        }
    }
    let answer = spoiled(&nodes, |order| order["goods"] = json!([]))?;
    check(&answer, 3, "FIELD_MISSING")?;
    assert_eq!(fault(&answer)?["field"], "goods", "{answer:#?}");
    // What is no order at all is told without a call.
    for spoil in [
        |order: &mut Value| *order = json!([]),
        |order: &mut Value| {
            order["buyer"]["age"] = 7.into();
        },
    ] {
        let answer = spoiled(&nodes, spoil)?;
        assert_eq!(answer.code, Some(3), "{answer:#?}");
        assert!(fault(&answer)?["help"].to_string().contains("order.json"), "{answer:#?}");
    }
    // Only a seller at its own gateway makes an order, and no parcel goes twice.
    let first = spoiled(&nodes, |_| ())?.ok()?.json()?;
    let answer = spoiled(&nodes, |order| {
        order["goods"][0]["sgtin"] = "urn:epc:id:sgtin:9521001.000201.777".into();
    })?;
    check(&answer, 3, "ORDER_INVALID")?;
    assert_eq!(fault(&answer)?["field"], "parcel", "{first:#} {answer:#?}");
    assert_eq!(log_size(&nodes)?, before + 2, "one order: its secret's announcement, and its step");
    Ok(())
}
