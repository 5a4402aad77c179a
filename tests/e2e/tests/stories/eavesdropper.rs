//! Somebody listens on the quantum link: it shuts itself down, seals go by X-Wing and say why, and
//! no key of what was listened to is ever given out. And whatever falls, the link comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cluster::Apart;
use e2e::parcel::{Parcel, order};
use e2e::sites::{self, ENDS, LINK, Link, figure};
use serde_json::Value;

/// It distils without rest, so that a listener comes in the midst of a block.
const RESTLESS: Link = Link { max_keys: 1_000_000, watch_interval: Duration::from_secs(10) };

/// It wants so many keys that several blocks pass before it rests.
const BLOCKS: Link = Link { max_keys: 600, watch_interval: Duration::from_secs(60) };

const A_MOMENT: Duration = Duration::from_millis(200);

/// The keys of one end: direction, state and block of each, by id.
type Pool = BTreeMap<String, (String, String, String)>;

/// Who may see which keys wait to be recovered, being an operator.
const OPERATOR: &str = "hz-forwarder";

/// The keys at both ends as the operator sees them, the sender's first.
fn pools(nodes: &Apart) -> Result<[Pool; 2]> {
    pools_as(nodes, &["--as", OPERATOR])
}

fn pools_as(nodes: &Apart, who: &[&str]) -> Result<[Pool; 2]> {
    let words = [&["key", "list", LINK, "--limit", "10000", "--json"], who].concat();
    let told = nodes.home.quayside(words)?.ok()?.json()?;
    let pool = |end: &str| {
        let site = end.trim_end_matches("-keys");
        let pools = told["pools"].as_array().context("pools")?;
        let pool = pools.iter().find(|pool| pool["site"] == site).context("a pool")?;
        let text = |key: &Value, name: &str| key[name].as_str().unwrap_or_default().to_owned();
        let keys = pool["keys"].as_array().context("keys")?.iter();
        let keys = keys.map(|key| {
            let facts = (text(key, "direction"), text(key, "state"), text(key, "block"));
            (text(key, "id"), facts)
        });
        anyhow::Ok(keys.collect::<Pool>())
    };
    Ok([pool(ENDS[0])?, pool(ENDS[1])?])
}

/// The blocks of which keys are there.
fn blocks(pool: &Pool) -> BTreeSet<&str> {
    pool.values().map(|(_, _, block)| block.as_str()).collect()
}

/// The keys of a direction that can be given out.
fn ready<'a>(pool: &'a Pool, direction: &str) -> BTreeSet<&'a str> {
    let fits = |facts: &(String, String, String)| facts.0 == direction && facts.1 == "ready";
    pool.iter().filter(|(_, facts)| fits(facts)).map(|(id, _)| id.as_str()).collect()
}

/// Whether what one end may draw is what the other may recover, key by key.
fn mirror([near, far]: &[Pool; 2]) -> Result<()> {
    for (from, to) in [(near, far), (far, near)] {
        let (draws, recovers) = (ready(from, "outgoing"), ready(to, "incoming"));
        let odd = draws.symmetric_difference(&recovers).count();
        ensure!(
            odd == 0,
            "{odd} of {} and {} keys are at one end alone",
            draws.len(),
            recovers.len()
        );
    }
    Ok(())
}

/// Waits until neither end's keys change any more.
fn settled(nodes: &Apart) -> Result<[Pool; 2]> {
    let mut before = pools(nodes)?;
    for _ in 0..150 {
        sleep(A_MOMENT * 3);
        let now = pools(nodes)?;
        let pending = now.iter().flat_map(BTreeMap::values).any(|(_, state, _)| state == "pending");
        if now == before && !pending {
            return Ok(now);
        }
        before = now;
    }
    anyhow::bail!("the link does not come to rest: {:#?}", sites::link(nodes)?)
}

/// A seal: its source, and which others were passed over and why.
type Seal = (String, Vec<(String, String)>);

/// The seals of a step for a reader.
fn seals(told: &Value, reader: &str) -> Result<Vec<Seal>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = told["seals"].as_array().context("seals")?;
    let found: Vec<Seal> = all
        .iter()
        .filter(|seal| seal["reader"] == reader)
        .map(|seal| {
            let over = seal["passed_over"].as_array().into_iter().flatten();
            let over = over.map(|over| (text(&over["source"]), text(&over["reason"]))).collect();
            (text(&seal["source"]), over)
        })
        .collect();
    ensure!(!found.is_empty(), "nothing is sealed to {reader}: {told:#}");
    Ok(found)
}

/// Whether a step at Hangzhou is sealed to both members at Xiaoshan by the link, or else, because
/// it is shut down, by X-Wing.
fn sealed(told: &Value, by_link: bool) -> Result<()> {
    let source = format!("qkd:{LINK}");
    for reader in ["sky-air", "cn-customs"] {
        for (found, over) in seals(told, reader)? {
            if by_link {
                assert_eq!((&found, over.len()), (&source, 0), "{told:#}");
            } else {
                assert_eq!(found, "x-wing", "{told:#}");
                assert_eq!(over.len(), 1, "{told:#}");
                assert_eq!(over[0].0, source, "{told:#}");
                assert!(over[0].1.contains("LINE_SHUT_DOWN"), "it says why: {told:#}");
            }
        }
    }
    // There is no link to Liège, and nothing to pass over.
    for (found, over) in seals(told, "es-post")? {
        assert_eq!((found.as_str(), over.len()), ("x-wing", 0), "{told:#}");
    }
    Ok(())
}

fn listen(nodes: &Apart, fraction: &str) -> Result<()> {
    let words = ["link", "eavesdrop", LINK, "--fraction", fraction, "--json"];
    let told = nodes.home.quayside(words)?.ok()?.json()?;
    assert_eq!(told["at"], serde_json::json!(["xiaoshan"]), "where the channel is: {told:#}");
    Ok(())
}

fn restore(nodes: &Apart) -> Result<()> {
    nodes.home.quayside(["link", "restore", LINK, "--json"])?.ok()?;
    Ok(())
}

#[test]
fn a_warm_link_holds_the_same_keys_at_both_ends_and_gives_each_once() -> Result<()> {
    let nodes = sites::up(BLOCKS)?;
    sites::until(&nodes, "ready")?;
    let before = settled(&nodes)?;
    mirror(&before)?;
    let [sender, receiver] = sites::link(&nodes)?;
    for (near, far) in [(&sender, &receiver), (&receiver, &sender)] {
        let (draws, recovers) = (figure(near, "ready_outgoing")?, figure(far, "ready_incoming")?);
        assert_eq!(draws, recovers, "{sender:#} {receiver:#}");
        assert!(draws >= BLOCKS.max_keys, "as many as were wanted: {near:#}");
        assert_eq!(figure(near, "pending")?, 0, "{near:#}");
    }
    assert_eq!(sender["keys"], receiver["keys"], "won at both ends");
    // Each end asked by a member of its own: which keys wait to be recovered it is not shown.
    for pool in pools_as(&nodes, &[])? {
        assert!(!ready(&pool, "outgoing").is_empty() && ready(&pool, "incoming").is_empty());
    }
    let rate = sender["bits_per_pulse"].as_f64().context("a rate")?;
    assert!(rate > 0.0, "net key after all costs: {sender:#}");

    let mut parcel = Parcel::order(&nodes, &order(1))?;
    parcel.advance_to(&nodes, "receive")?;
    parcel.told.iter().try_for_each(|told| sealed(told, true))?;
    parcel.acknowledged(&nodes)?;
    let after = settled(&nodes)?;
    mirror(&after)?;
    let [near, far] = [ready(&after[0], "outgoing"), ready(&after[1], "incoming")];
    let drawn = ready(&before[0], "outgoing").difference(&near).count();
    let recovered = ready(&before[1], "incoming").difference(&far).count();
    assert_eq!(drawn, recovered, "each that was drawn was recovered");
    assert!(drawn >= 4 * 2, "one at least for each of four steps and two readers: {drawn}");
    Ok(())
}

#[test]
fn a_listener_shuts_the_line_down_within_one_block() -> Result<()> {
    let mut nodes = sites::up(RESTLESS)?;
    sites::until(&nodes, "ready")?;
    let mut parcel = Parcel::order(&nodes, &order(1))?;
    parcel.advance_to(&nodes, "pack")?;
    sealed(&parcel.told[0], true)?;

    listen(&nodes, "1.0")?;
    let [then, _] = pools(&nodes)?;
    let ends = sites::until(&nodes, "shut-down")?;
    for end in &ends {
        let reason = end["shut_down_reason"].as_str().context("a reason")?;
        println!("{}: {reason}", end["near"]);
        assert!(reason.contains("error") || reason.contains('%'), "it names the rate: {end:#}");
        let qber = end["qber"].as_f64().context("an error rate")?;
        assert!((0.20..0.30).contains(&qber), "intercept-resend makes a quarter: {end:#}");
        assert_eq!(figure(end, "pending")?, 0, "{end:#}");
    }
    let shut = settled(&nodes)?;
    mirror(&shut)?;
    let added: Vec<_> =
        blocks(&shut[0]).difference(&blocks(&then)).map(|s| (*s).to_owned()).collect();
    // One may have been measured whole before the listener came.
    assert!(added.len() <= 1, "keys of blocks that were listened to: {added:?}");
    assert_eq!(blocks(&shut[0]), blocks(&shut[1]));

    // The next seals go by X-Wing, and say what they would rather have gone by.
    parcel.advance_to(&nodes, "pick-up")?;
    sealed(parcel.told.last().context("a step")?, false)?;
    // A line that was found unsafe does not come back by a restart, nor while somebody listens.
    for end in ENDS {
        nodes.restart(end)?;
    }
    sites::until(&nodes, "shut-down")?;
    listen(&nodes, "1.0")?;
    restore(&nodes)?;
    sites::until(&nodes, "shut-down")?;
    let again = settled(&nodes)?;
    mirror(&again)?;
    assert_eq!(blocks(&again[0]), blocks(&shut[0]), "nothing was won meanwhile");

    listen(&nodes, "0")?;
    restore(&nodes)?;
    sites::until(&nodes, "ready")?;
    parcel.advance_to(&nodes, "receive")?;
    sealed(parcel.told.last().context("a step")?, true)?;
    parcel.deliver(&nodes)?;
    parcel.acknowledged(&nodes)?;
    assert_eq!(parcel.trace(&nodes, "cn-customs")?["complete"], true);
    Ok(())
}

#[test]
fn an_end_that_falls_in_the_midst_of_a_block_comes_back_by_itself() -> Result<()> {
    let mut nodes = sites::up(BLOCKS)?;
    for (round, end) in [ENDS[1], ENDS[0], ENDS[1]].into_iter().enumerate() {
        // The link wants keys at once, so it is in the midst of a block wherever it is cut.
        sleep(A_MOMENT * u32::try_from(round * 4 + 2)?);
        nodes.restart(end).with_context(|| format!("round {round}"))?;
    }
    let ends = sites::until(&nodes, "ready")?;
    assert!(ends.iter().all(|end| end["shut_down_reason"].is_null()), "{ends:#?}");
    let keys = settled(&nodes)?;
    mirror(&keys)?;
    let [sender, receiver] = sites::link(&nodes)?;
    for end in [&sender, &receiver] {
        assert_eq!(end["state"], "up", "{end:#}");
        assert!(figure(end, "ready_outgoing")? >= BLOCKS.max_keys, "it filled up: {end:#}");
    }
    let mut parcel = Parcel::order(&nodes, &order(1))?;
    parcel.advance_to(&nodes, "pick-up")?;
    parcel.told.iter().try_for_each(|told| sealed(told, true))?;
    parcel.acknowledged(&nodes)
}
