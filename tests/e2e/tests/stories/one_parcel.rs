//! A parcel goes from Hangzhou to Madrid through six members at three sites; each of them sees what
//! it may see, and can prove that to a stranger.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use cluster::Apart;
use e2e::parcel::{BUYER_READERS, CUSTODIANS, MEMBERS, PALLET_STEPS, Parcel, STEPS, order, reason};
use e2e::sites::{self, LINK, Link};
use party::Members;
use serde_json::Value;

/// Of every so many bytes of a bundle a bit of one is flipped and shown to the program.
const FLIP_EVERY: usize = 97;

fn site(member: &str) -> &'static str {
    match member {
        "zj-merchant" | "hz-forwarder" => "hangzhou",
        "cn-customs" | "sky-air" => "xiaoshan",
        _ => "liege",
    }
}

/// Where the secrets come from with which one member seals to another.
fn source(sealer: &str, reader: &str) -> String {
    let linked = ["hangzhou", "xiaoshan"];
    let (near, far) = (site(sealer), site(reader));
    let by_link = linked.contains(&near) && linked.contains(&far) && near != far;
    if by_link { format!("qkd:{LINK}") } else { "x-wing".to_owned() }
}

/// The steps that a member sees, by their words.
fn visible(member: &str) -> Vec<(&'static str, &'static str)> {
    let steps = STEPS.into_iter();
    let holds = CUSTODIANS.contains(&member);
    steps.filter(|(step, _)| holds || !PALLET_STEPS.contains(step)).collect()
}

/// The step's word in an event, a field of this house's vocabulary.
fn word(step: &Value) -> Option<&str> {
    let event = step["event"].as_object()?;
    let field = event.iter().find(|(name, _)| name.ends_with("/step") || name.ends_with(":step"));
    field?.1.as_str()
}

/// Whether a member's trace tells what it may tell, and nothing else.
fn check_trace(parcel: &Parcel, ordered: &Value, member: &str, trace: &Value) -> Result<()> {
    assert_eq!(trace["member"], member);
    assert_eq!(trace["alerts"], serde_json::json!([]), "{member}: {trace:#}");
    if CUSTODIANS.contains(&member) {
        assert_eq!(trace["complete"], true, "{member}: {trace:#}");
    } else {
        assert_eq!(trace["complete"], false, "{member} does not hold the pallet's secret");
        assert_eq!(trace["gap"]["reason"], "CONTAINER_CLOSED", "{member}: {trace:#}");
    }
    let steps = trace["steps"].as_array().context("steps")?;
    let found: Vec<_> =
        steps.iter().filter_map(|step| Some((word(step)?, &step["issuer"]))).collect();
    let expected = visible(member);
    let expected: Vec<(&str, Value)> =
        expected.into_iter().map(|(step, by)| (step, by.into())).collect();
    let expected: Vec<_> = expected.iter().map(|(step, by)| (*step, by)).collect();
    assert_eq!(found, expected, "{member}: {trace:#}");
    for step in steps {
        assert_eq!((&step["state"], &step["alert"]), (&"opened".into(), &Value::Null), "{step:#}");
        let sealer = step["issuer"].as_str().context("an issuer")?;
        if sealer == member {
            continue;
        }
        assert_eq!(step["sealed_with"], source(sealer, member), "{sealer} to {member}: {step:#}");
    }
    let (commitments, told) = (commitments(steps), &parcel.told);
    for step in told
        .iter()
        .filter(|step| !PALLET_STEPS.contains(&step["step"].as_str().unwrap_or_default()))
    {
        let commitment = step["commitment"].as_str().context("a commitment")?;
        ensure!(commitments.contains(commitment), "{member} does not see {step:#}");
    }
    let all = trace.to_string();
    for (field, value) in ordered["buyer"].as_object().context("a buyer")? {
        let value = value.as_str().context("text")?;
        let may = member == "zj-merchant" || BUYER_READERS.contains(&member);
        assert_eq!(all.contains(value), may, "{member} and the buyer's {field}");
    }
    Ok(())
}

fn commitments(steps: &[Value]) -> BTreeSet<&str> {
    steps.iter().filter_map(|step| step["commitment"].as_str()).collect()
}

#[test]
fn six_members_take_a_parcel_along_and_each_sees_what_it_may() -> Result<()> {
    let nodes = sites::up(Link::SHORT)?;
    sites::until(&nodes, "ready")?;
    let ordered = order(1);
    let mut parcel = Parcel::order(&nodes, &ordered)?;
    parcel.deliver(&nodes)?;
    let taken: Vec<_> = parcel.told.iter().map(|told| (&told["step"], &told["by"])).collect();
    let others = STEPS.map(|(step, by)| (Value::from(step), Value::from(by)));
    let others: Vec<_> = others[1..].iter().map(|(step, by)| (step, by)).collect();
    assert_eq!(taken, others, "one after the other");
    parcel.acknowledged(&nodes)?;

    // As sealed by whoever took the step ..
    for told in &parcel.told {
        let by = told["by"].as_str().context("a member")?;
        for seal in told["seals"].as_array().context("seals")? {
            let reader = seal["reader"].as_str().context("a reader")?;
            assert_eq!(seal["source"], source(by, reader), "{by} to {reader}: {told:#}");
        }
    }
    // .. and as opened by whoever reads it, each at its own site.
    for member in MEMBERS {
        check_trace(&parcel, &ordered, member, &parcel.trace(&nodes, member)?)?;
        let shown = parcel.shown(&nodes, member)?;
        assert_eq!(shown["steps"].as_array().map(Vec::len), Some(visible(member).len()));
        assert_eq!((&shown["next"], &shown["alerts"]), (&Value::Null, &serde_json::json!([])));
        let may = member == "zj-merchant" || BUYER_READERS.contains(&member);
        let expected = if may { &ordered["buyer"] } else { &Value::Null };
        assert_eq!(&shown["buyer"], expected, "{member}");
    }
    check_pallet(&nodes, &parcel)?;
    check_views(&nodes, &parcel)?;
    check_proofs(&nodes, &parcel)
}

/// The pallet's own history: whole for who holds its secret, nothing for who does not.
fn check_pallet(nodes: &Apart, parcel: &Parcel) -> Result<()> {
    let shown = parcel.shown(nodes, "hz-forwarder")?;
    let pallet = shown["pallet"].as_str().context("a pallet")?;
    for member in MEMBERS {
        let answer = nodes.quayside(member, ["item", "trace", pallet, "--json"])?;
        let trace = answer.json()?;
        let steps = trace["steps"].as_array().context("steps")?;
        if CUSTODIANS.contains(&member) {
            let found: Vec<_> = steps.iter().filter_map(word).collect();
            let expected = ["aggregate", "load", "depart", "arrive", "disaggregate"];
            assert_eq!(found, expected, "{member}: {trace:#}");
            assert_eq!(trace["complete"], true, "{member}: {trace:#}");
        } else {
            assert!(steps.is_empty(), "{member} holds no secret of the pallet: {trace:#}");
        }
    }
    Ok(())
}

/// Nobody gets another member's view, not even at the other's own gateway.
fn check_views(nodes: &Apart, parcel: &Parcel) -> Result<()> {
    for (member, other) in [("sky-air", "es-post"), ("zj-merchant", "hz-forwarder")] {
        let words = ["item", "trace", &parcel.name, "--view-of", other, "--json"];
        let answer = nodes.quayside(member, words)?;
        assert_eq!(answer.code, Some(3), "{answer:#?}");
        assert_eq!(reason(&answer)?, "VIEW_NOT_YOURS");
        assert!(answer.data.is_empty(), "nothing is told: {answer:#?}");
    }
    let words = ["item", "trace", &parcel.name, "--view-of", "sky-air", "--json"];
    nodes.quayside("sky-air", words)?.ok()?;
    Ok(())
}

/// What a member has opened it can prove to a stranger, to the last bit.
fn check_proofs(nodes: &Apart, parcel: &Parcel) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let pinned = folder.path().join("members.json");
    std::fs::copy(nodes.home.file("members.json"), &pinned)?;
    let members = Members::from_json(&std::fs::read_to_string(&pinned)?)?;
    let mut parts = BTreeMap::<String, u32>::new();
    let mut all = vec![pinned.display().to_string()];
    for member in MEMBERS {
        let place = folder.path().join(member);
        let trace = parcel.trace_to(nodes, member, &place)?;
        let steps = trace["steps"].as_array().context("steps")?;
        for (number, step) in (1..).zip(steps) {
            let bundle = place.join(format!("{number:02}.qsb"));
            let told = super::stranger::told(folder.path(), &pinned, &bundle)?;
            assert_eq!(told["verified"], true, "{member} {number}: {told:#}");
            assert_eq!(told["commitment"], step["commitment"], "{member} {number}");
            assert_eq!(told["issuer"], step["issuer"], "{member} {number}");
            let fields = told["fields"].as_array().context("fields")?;
            assert!(!fields.is_empty(), "{member} shows what it has opened: {told:#}");
            let buyer =
                fields.iter().any(|name| name.as_str().is_some_and(|n| n.contains("buyer")));
            let may = member == "zj-merchant" || BUYER_READERS.contains(&member);
            assert_eq!(buyer, may && number == 1, "{member} {number}: {told:#}");
            // The forwarder's are spoiled; the others are bundles of the same events.
            if member == "hz-forwarder" {
                spoil(&bundle, &members, &pinned, &mut parts)?;
                all.push(bundle.display().to_string());
            }
        }
    }
    println!("bit flips refused by the program, by part: {parts:?}");
    let names: Vec<&str> = parts.keys().map(String::as_str).collect();
    for part in ["statement", "receipt", "leaf", "disclosure", "note"] {
        assert!(names.contains(&part), "{part} is named: {parts:?}");
    }
    let told = e2e::python("receipts.py", &all)?;
    assert_eq!(told["faults"], serde_json::json!([]), "by scitt-cose");
    assert_eq!((&told["verified"], &told["forged"]), (&16.into(), &0.into()), "{told:#}");
    check_exports(nodes, parcel, folder.path(), &pinned)
}

/// Flips a bit of every byte for the library, and some for the program, which names the part.
fn spoil(
    bundle: &Path,
    members: &Members,
    pinned: &Path,
    parts: &mut BTreeMap<String, u32>,
) -> Result<()> {
    let bytes = std::fs::read(bundle)?;
    let folder = tempfile::tempdir()?;
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let fault = statement::verify_bundle(&changed, members);
        assert!(fault.is_err(), "a bit of byte {at} of {} was missed", bundle.display());
        if at % FLIP_EVERY == 0 {
            let file = folder.path().join("changed.qsb");
            std::fs::write(&file, changed)?;
            let (code, data, talk) = super::stranger::verify(folder.path(), pinned, "changed.qsb")?;
            assert_eq!(code, Some(5), "byte {at}: {data} {talk}");
            let told: Value = serde_json::from_str(&talk)?;
            let part = told["error"]["field"].as_str().context("a part is named")?;
            assert!(data.is_empty() && told["error"]["help"].is_string(), "byte {at}: {talk}");
            *parts.entry(part.to_owned()).or_default() += 1;
        }
    }
    Ok(())
}

/// What anybody may export of a sealed event: that it is there, whose it is, and its sealed parts.
fn check_exports(nodes: &Apart, parcel: &Parcel, folder: &Path, pinned: &Path) -> Result<()> {
    let load = &parcel.told[4];
    let commitment = load["commitment"].as_str().context("a commitment")?;
    let file = folder.join("sealed.qsb");
    let words = ["receipt", "export", commitment, "--out", &file.display().to_string()];
    nodes.quayside("zj-merchant", words)?.ok()?;
    let told = super::stranger::told(folder, pinned, &file)?;
    assert_eq!(told["issuer"], load["by"], "{told:#}");
    assert!(told["event"].is_null() && told["fields"] == serde_json::json!([]), "{told:#}");
    assert!(told["sealed_parts"].as_u64() >= Some(1), "{told:#}");
    Ok(())
}
