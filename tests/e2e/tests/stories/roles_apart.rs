//! Ledger and gateways run as processes of their own, and each may fall and rise alone.

use anyhow::Result;
use cluster::{Apart, Home};
use e2e::{PARCEL, journey};

const LEDGER: &str = "hz-forwarder-ledger";
const GATEWAYS: [&str; 3] = ["hangzhou-gateway", "xiaoshan-gateway", "liege-gateway"];

fn member_at(gateway: &str) -> &'static str {
    match gateway {
        "hangzhou-gateway" => "zj-merchant",
        "xiaoshan-gateway" => "sky-air",
        _ => "es-post",
    }
}

#[test]
fn sites_capture_at_their_own_gateways_and_any_of_them_traces() -> Result<()> {
    let mut nodes = Apart::up()?;
    for (number, (member, document)) in journey()?.into_iter().enumerate() {
        let document = document.display().to_string();
        nodes.quayside(&member, ["event", "capture", &document])?.ok()?;
        match number {
            // The ledger falls and rises; the gateways follow on by themselves.
            2 => nodes.restart(LEDGER)?,
            // A gateway falls and rises, and goes on where its index ended.
            4 => nodes.restart(GATEWAYS[2])?,
            _ => {}
        }
    }
    nodes.wait()?;
    let mut traces = Vec::new();
    for gateway in GATEWAYS {
        let words = ["item", "trace", PARCEL, "--json"];
        let trace = nodes.quayside(member_at(gateway), words)?.ok()?.json()?;
        assert_eq!((&trace["complete"], &trace["count"]), (&true.into(), &12.into()), "{gateway}");
        traces.push(trace["steps"].clone());
    }
    assert!(traces.iter().all(|steps| *steps == traces[0]), "every gateway answers the same");

    let document = journey()?.remove(0).1.display().to_string();
    let words = ["event", "capture", &document, "--as", "es-post", "--json"];
    let answer = nodes.quayside_at(GATEWAYS[0], words)?;
    assert_eq!(answer.code, Some(3), "a gateway captures for its own members only: {answer:#?}");
    assert_eq!(answer.json()?["files"][0]["error"]["reason"], "MEMBER_UNKNOWN", "{answer:#?}");

    nodes.kill(LEDGER)?;
    let answer = nodes.quayside("zj-merchant", ["event", "capture", &document, "--json"])?;
    assert_eq!(answer.code, Some(4), "without a ledger nothing is promised: {answer:#?}");
    Ok(())
}

#[test]
fn an_index_that_is_thrown_away_is_built_again_from_the_first_block() -> Result<()> {
    let home = Home::new()?;
    let mut node = home.start()?;
    super::journey::capture(&home)?;
    let before = home.quayside(["item", "trace", PARCEL, "--json"])?.ok()?.json()?;
    home.quayside(["index", "rebuild", "--yes", "--as", "hz-forwarder"])?.ok()?;
    home.quayside(["status", "--wait"])?.ok()?;
    let after = home.quayside(["item", "trace", PARCEL, "--json"])?.ok()?.json()?;
    assert_eq!(before["steps"], after["steps"], "asked for");

    node.kill()?;
    std::fs::remove_dir_all(home.file("data/gateway"))?;
    let _node = home.start()?;
    let after = home.quayside(["item", "trace", PARCEL, "--json"])?.ok()?.json()?;
    assert_eq!(before["steps"], after["steps"], "lost with its disk");
    Ok(())
}
