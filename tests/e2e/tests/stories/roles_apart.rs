//! Ledger and gateways run as processes of their own, and each may fall and rise alone.

use anyhow::{Context, Result};
use cluster::{Home, Node, free_ports};
use e2e::{PARCEL, journey};

const LEDGER: &str = "hz-forwarder-ledger";
const SITES: [&str; 3] = ["hangzhou", "xiaoshan", "liege"];

fn start_ledger(home: &Home) -> Result<Node> {
    let config = home.file(&format!("nodes/{LEDGER}/node.toml")).display().to_string();
    let node = home.spawn(["--config", &config], [])?;
    home.wait_for(node, ["--wait", "--role", "ledger"])
}

fn start_gateway(home: &Home, site: &str) -> Result<Node> {
    let config = home.file(&format!("nodes/{site}-gateway/node.toml")).display().to_string();
    let node = home.spawn(["--config", &config], [])?;
    // Its configuration says where it listens; the members' certificates are in the other one.
    let url = url(home, site)?;
    let member = member_at(site);
    home.wait_for(node, ["--wait", "--role", "gateway", "--gateway", &url, "--as", member])
}

fn member_at(site: &str) -> &'static str {
    match site {
        "hangzhou" => "zj-merchant",
        "xiaoshan" => "sky-air",
        _ => "es-post",
    }
}

fn site_of(member: &str) -> &'static str {
    match member {
        "zj-merchant" | "hz-forwarder" => "hangzhou",
        "cn-customs" | "sky-air" => "xiaoshan",
        _ => "liege",
    }
}

/// Reads where a gateway listens from its configuration.
fn url(home: &Home, site: &str) -> Result<String> {
    let config = std::fs::read_to_string(home.file(&format!("nodes/{site}-gateway/node.toml")))?;
    let line = config.lines().find_map(|line| line.strip_prefix("listen = ")).context("listen")?;
    Ok(format!("https://{}", line.trim_matches('"')))
}

#[test]
fn sites_capture_at_their_own_gateways_and_any_of_them_traces() -> Result<()> {
    let home = Home::at_port(free_ports(6)?)?;
    let mut ledger = start_ledger(&home)?;
    let mut gateways = Vec::new();
    for site in SITES {
        gateways.push(start_gateway(&home, site)?);
    }
    for (number, (member, document)) in journey()?.into_iter().enumerate() {
        let url = url(&home, site_of(&member))?;
        let document = document.display().to_string();
        let words = ["event", "capture", &document, "--as", &member, "--gateway", &url];
        home.quayside(words)?.ok()?;
        match number {
            // The ledger falls and rises; the gateways follow on by themselves.
            2 => {
                ledger.kill()?;
                ledger = start_ledger(&home)?;
            }
            // A gateway falls and rises, and goes on where its index ended.
            4 => {
                gateways[2].kill()?;
                gateways[2] = start_gateway(&home, SITES[2])?;
            }
            _ => {}
        }
    }
    let mut traces = Vec::new();
    for site in SITES {
        let (url, member) = (url(&home, site)?, member_at(site));
        let words = ["item", "trace", PARCEL, "--as", member, "--gateway", &url, "--json"];
        let trace = home.quayside(words)?.ok()?.json()?;
        assert_eq!((&trace["complete"], &trace["count"]), (&true.into(), &12.into()), "{site}");
        traces.push(trace["steps"].clone());
    }
    assert!(traces.iter().all(|steps| *steps == traces[0]), "every gateway answers the same");

    let (url, document) = (url(&home, "hangzhou")?, journey()?.remove(0).1.display().to_string());
    let words = ["event", "capture", &document, "--as", "es-post", "--gateway", &url, "--json"];
    let answer = home.quayside(words)?;
    assert_eq!(answer.code, Some(3), "a gateway captures for its own members only: {answer:#?}");
    assert_eq!(answer.json()?["files"][0]["error"]["reason"], "MEMBER_UNKNOWN", "{answer:#?}");

    ledger.kill()?;
    let words = ["event", "capture", &document, "--as", "zj-merchant", "--gateway", &url, "--json"];
    let answer = home.quayside(words)?;
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
