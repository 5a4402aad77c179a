//! The door as people and programs meet it: the compiled program, its words, its exit codes.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports by panicking, and its own steps stand outside `#[test]`"
)]

#[path = "door/house.rs"]
mod house;

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::house::{House, item, write_event};

/// The fields that `docs/reference/output.md` names for a command.
fn documented(command: &str) -> BTreeSet<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/output.md");
    let page = fs::read_to_string(page).unwrap();
    let section =
        page.split("\n## ").find(|part| part.starts_with(&format!("`quayside {command}`")));
    section
        .unwrap_or_else(|| panic!("{command} is not in output.md"))
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next().map(str::to_owned))
        .collect()
}

/// The names of all fields of an answer, as the page writes them; an event's own are GS1's.
fn names(value: &Value, under: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = if under.is_empty() { name.clone() } else { format!("{under}.{name}") };
                if !matches!(name.as_str(), "event" | "steps.event" | "files.error") {
                    names(value, &name, found);
                }
                found.insert(name);
            }
        }
        Value::Array(elements) => {
            elements.iter().for_each(|element| names(element, under, found));
        }
        _ => {}
    }
}

/// Checks that an answer has only documented fields, and at its top all of those that are never
/// left out.
fn is_documented(command: &str, answer: &Value) {
    let mut found = BTreeSet::new();
    names(answer, "", &mut found);
    let page = documented(command);
    assert!(found.is_subset(&page), "{command}: {:?} undocumented", found.difference(&page));
    let missing: Vec<_> = page
        .difference(&found)
        .filter(|name| !name.contains('.') && !["gap", "checkpoint"].contains(&name.as_str()))
        .collect();
    assert!(missing.is_empty(), "{command}: {missing:?} not printed");
}

#[test]
fn run_without_a_consortium_says_which_command_makes_one() {
    let house = House::empty();
    let answer = house.run(&["run"]);
    assert_eq!(answer.code, 6, "{answer}");
    assert!(answer.talk.contains("quayside admin init"), "{answer}");
    assert_eq!(fs::read_dir(house.folder.path()).unwrap().count(), 0, "nothing is made unasked");
}

#[test]
fn a_consortium_is_made_once() {
    let house = House::new();
    let again = house.run(&["admin", "init", "--json"]);
    assert_eq!(again.code, 6, "{again}");
    assert_eq!(again.error()["exit"], "environment");
}

#[test]
fn a_consortium_is_made_of_the_members_given() {
    let house = House::empty();
    let members = ["--member", "a:trader:DE:bonn", "--member", "b:carrier:FR:lyon+nice"];
    let made = house
        .run(
            &[
                &["admin", "init", "--json", "--consortium", "tiny", "--operator", "b"],
                &members[..],
            ]
            .concat(),
        )
        .ok()
        .json();
    is_documented("admin init", &made);
    assert_eq!(made["operator"], "b");
    assert_eq!(made["members"][1]["roles"], serde_json::json!(["carrier", "operator"]));
    let refused = House::empty().run(&[&["admin", "init"], &members[..]].concat());
    assert_eq!(refused.code, 2, "{refused}");
    assert!(refused.talk.contains("--operator"), "{refused}");
}

#[test]
fn a_wrong_configuration_is_named_with_file_and_line() {
    let house = House::new();
    let config = fs::read_to_string(house.path("quayside.toml")).unwrap();
    fs::write(house.path("quayside.toml"), config.replace("listen", "lisen")).unwrap();
    let answer = house.run(&["run"]);
    assert_eq!(answer.code, 2, "{answer}");
    assert!(answer.talk.contains("quayside.toml") && answer.talk.contains("lisen"), "{answer}");
}

#[test]
fn nobody_home_is_said_at_once_and_after_waiting() {
    let house = House::new();
    let answer = house.run(&["status", "--json"]);
    assert_eq!(
        (answer.code, answer.error()["exit"].as_str()),
        (4, Some("unreachable")),
        "{answer}"
    );
    let waited = house.run(&["status", "--wait", "--timeout", "1"]);
    assert_eq!(waited.code, 4, "{waited}");
    assert!(waited.talk.contains("waited 1 s"), "{waited}");
}

#[test]
fn an_event_is_captured_traced_exported_and_verified_by_a_stranger() {
    let house = House::new();
    let node = house.start(&[]);
    is_documented("run", &node.ready);
    is_documented("status", &house.run(&["status", "--wait", "--json"]).ok().json());

    let file = write_event(house.folder.path(), "A1");
    let captured = house.run(&["event", "capture", "--json", &file]).ok().json();
    is_documented("event capture", &captured);
    assert_eq!(captured["files"][0]["events"].as_array().unwrap().len(), 1);
    let commitment = captured["files"][0]["events"][0]["commitment"].as_str().unwrap();

    house.run(&["status", "--wait"]).ok();
    let trace = house.run(&["item", "trace", "--json", &item("A1")]).ok().json();
    is_documented("item trace", &trace);
    assert_eq!(trace["complete"], true, "{trace}");
    assert_eq!(trace["steps"][0]["commitment"].as_str(), Some(commitment));
    let unknown = house.run(&["item", "trace", "--json", &item("NONE")]);
    assert_eq!((unknown.code, &unknown.json()["complete"]), (7, &Value::Bool(true)));

    let exported = house.run(&["receipt", "export", "--json", commitment, "--out", "e.qsb"]).ok();
    is_documented("receipt export", &exported.json());
    node.signal("TERM");
    assert_eq!(node.end(), Some(0), "a graceful end");

    // A stranger has the bundle and the members file, no state and no network.
    let stranger = House::empty();
    for name in ["e.qsb", "members.json"] {
        fs::copy(house.path(name), stranger.path(name)).unwrap();
    }
    let verified =
        stranger.run(&["receipt", "verify", "e.qsb", "--members", "members.json", "--json"]).ok();
    is_documented("receipt verify", &verified.json());
    assert_eq!(verified.json()["event"]["bizStep"], trace["steps"][0]["event"]["bizStep"]);
    let mut bytes = fs::read(stranger.path("e.qsb")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(stranger.path("e.qsb"), bytes).unwrap();
    let refused =
        stranger.run(&["receipt", "verify", "e.qsb", "--members", "members.json", "--json"]);
    assert_eq!(refused.code, 5, "{refused}");
    assert!(refused.error()["field"].is_string(), "the part is named: {refused}");

    let checked = house.run(&["ledger", "check", "--json"]).ok().json();
    is_documented("ledger check", &checked);
    assert_eq!(checked["events"], 1);
}

#[test]
fn what_is_refused_is_reported_and_the_rest_is_captured() {
    let house = House::new();
    let _node = house.start(&[]);
    fs::write(house.path("bad.json"), br#"{"type":"ObjectEvent"}"#).unwrap();
    let good = write_event(house.folder.path(), "B1");
    let answer = house.run(&["event", "capture", "--json", "bad.json", &good, "absent.json"]);
    assert_eq!(answer.code, 3, "{answer}");
    let report = answer.json();
    is_documented("event capture", &report);
    assert_eq!((report["captured"].as_u64(), report["refused"].as_u64()), (Some(1), Some(2)));
    assert_eq!(report["files"][0]["error"]["reason"], "FIELD_MISSING", "{report}");
    assert_eq!(report["files"][2]["error"]["exit"], "environment", "{report}");

    let id = "00112233445566778899aabbccddeeff";
    let first = house.run(&["event", "capture", "--json", "--request-id", id, &good]).ok().json();
    let again = house.run(&["event", "capture", "--json", "--request-id", id, &good]).ok().json();
    assert_eq!(
        (&again["files"][0]["repeat"], &again["files"][0]["index"]),
        (&Value::Bool(true), &first["files"][0]["index"])
    );
    let other = write_event(house.folder.path(), "B2");
    let reused = house.run(&["event", "capture", "--json", "--request-id", id, &other]);
    assert_eq!(reused.json()["files"][0]["error"]["reason"], "REQUEST_ID_REUSED", "{reused}");
}

#[test]
fn a_revoked_certificate_is_refused_within_seconds() {
    let house = House::new();
    let _node = house.start(&[]);
    house.run(&["status", "--as", "sky-air", "--wait"]).ok();
    let certificate = "sky-air";
    assert_eq!(house.run(&["admin", "revoke", certificate]).code, 2, "it asks for --yes");
    let revoked = house.run(&["admin", "revoke", certificate, "--yes", "--json"]).ok().json();
    is_documented("admin revoke", &revoked);
    for _ in 0..50 {
        let answer = house.run(&["status", "--as", "sky-air", "--json"]);
        if answer.code != 0 {
            assert_eq!(
                (answer.code, answer.error()["reason"].as_str()),
                (3, Some("CERTIFICATE_REVOKED")),
                "{answer}"
            );
            house.run(&["status", "--as", "es-post"]).ok();
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    panic!("the certificate is still let in after 10 s");
}

#[test]
fn the_roles_run_in_processes_of_their_own() {
    let house = House::new();
    let ledger = house.start(&["--role", "ledger"]);
    let keys = house.start(&["--role", "keys"]);
    let gateway = house.start(&["--role", "gateway"]);
    assert!(ledger.ready["gateway"].is_null() && gateway.ready["ledger"].is_null());
    assert!(keys.ready["keys"].is_string() && keys.ready["gateway"].is_null());
    house.run(&["status", "--wait"]).ok();
    let file = write_event(house.folder.path(), "C1");
    // A member of another site than the first: the gateway speaks with that site's certificate.
    house.run(&["event", "capture", "--as", "es-post", &file]).ok();
    house.run(&["status", "--wait"]).ok();
    let trace = house.run(&["item", "trace", "--json", "--as", "cn-customs", &item("C1")]).ok();
    assert_eq!(trace.json()["steps"][0]["issuer"], "es-post");
    // Everyone who reads the index feels it: it takes the consortium's operator.
    let rebuilt =
        house.run(&["index", "rebuild", "--yes", "--json", "--as", "hz-forwarder"]).ok().json();
    is_documented("index rebuild", &rebuilt);
    house.run(&["status", "--wait"]).ok();
    assert_eq!(house.run(&["item", "trace", "--json", &item("C1")]).ok().json()["count"], 1);
    gateway.signal("INT");
    assert_eq!(gateway.end(), Some(0));
    keys.signal("TERM");
    assert_eq!(keys.end(), Some(0));
    ledger.signal("TERM");
    assert_eq!(ledger.end(), Some(0));
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let house = House::new();
    let node = house.start(&[]);
    let file = write_event(house.folder.path(), "D1");
    house.run(&["event", "capture", &file]).ok();
    node.signal("KILL");
    assert_eq!(node.end(), None);
    let _node = house.start(&[]);
    house.run(&["status", "--wait"]).ok();
    let trace = house.run(&["item", "trace", "--json", &item("D1")]).ok().json();
    assert_eq!((trace["count"].as_u64(), &trace["complete"]), (Some(1), &Value::Bool(true)));
}

#[test]
fn a_short_bench_runs_a_node_of_its_own() {
    let house = House::empty();
    let report = house
        .run(&["bench", "capture", "--seconds", "1", "--warm-up", "0", "--clients", "2", "--json"])
        .ok()
        .json();
    is_documented("bench capture", &report);
    assert!(report["events"].as_u64().unwrap() > 0 && report["p99_ms"].as_f64().unwrap() > 0.0);
}

/// The order that is shipped as an example.
fn order() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/examples/order.json").to_owned()
}

#[test]
fn a_parcel_is_ordered_taken_along_and_seen_by_each_as_far_as_it_may() {
    let house = House::new();
    let _node = house.start(&[]);
    let file = order();
    let made = house.run(&["order", "create", &file, "--as", "zj-merchant", "--json"]).ok().json();
    is_documented("order show", &made);
    let (journey, parcel) = (made["journey"].as_str().unwrap(), made["parcel"].as_str().unwrap());

    let early = house.run(&["journey", "advance", journey, "--as", "es-post", "--json"]);
    assert_eq!(early.code, 3, "{early}");
    let done = house.run(&["journey", "advance", journey, "--to", "load", "--json"]).ok().json();
    is_documented("journey advance", &done);
    assert_eq!((&done["delivered"], done["steps"].as_array().unwrap().len()), (&false.into(), 5));
    let done = house.run(&["journey", "advance", journey, "--all", "--json"]).ok().json();
    assert_eq!((&done["delivered"], &done["steps"][0]["number"]), (&true.into(), &7.into()));

    let trace = house.run(&["item", "trace", parcel, "--as", "es-post", "--json"]).ok().json();
    is_documented("item trace", &trace);
    assert_eq!((&trace["complete"], &trace["count"]), (&true.into(), &13.into()), "{trace}");
    assert_eq!(trace["steps"].as_array().unwrap().len(), 16);
    let seller = house.run(&["item", "trace", parcel, "--as", "zj-merchant", "--json"]).json();
    assert_eq!(seller["gap"]["reason"], "CONTAINER_CLOSED", "{seller}");
    let other = ["item", "trace", parcel, "--as", "sky-air", "--view-of", "es-post", "--json"];
    assert_eq!(house.run(&other).error()["reason"], "VIEW_NOT_YOURS");

    let knows = |member: &str| {
        let shown = house.run(&["order", "show", journey, "--as", member, "--json"]).ok().json();
        !shown["buyer"].is_null()
    };
    assert!(knows("es-post") && knows("cn-customs") && knows("be-customs"));
    assert!(!knows("sky-air") && !knows("hz-forwarder"));
}

#[test]
fn the_bundles_of_sealed_steps_verify_offline() {
    let house = House::new();
    let _node = house.start(&[]);
    let made = house.run(&["order", "create", &order(), "--json"]).ok().json();
    let parcel = made["parcel"].as_str().unwrap();
    house.run(&["item", "trace", parcel, "--bundles", "steps"]).ok();
    let verified = house.run(&["receipt", "verify", "steps/01.qsb", "--json"]).ok().json();
    is_documented("receipt verify", &verified);
    assert_eq!(verified["issuer"], "zj-merchant");
}

#[test]
fn one_node_that_runs_every_role_has_no_link() {
    let house = House::new();
    let _node = house.start(&[]);
    let links = house.run(&["link", "list", "--json"]).ok().json();
    is_documented("link list", &links);
    assert_eq!(links["links"], serde_json::json!([]));
    for words in [["link", "show", "hangzhou-xiaoshan"], ["key", "list", "hangzhou-xiaoshan"]] {
        assert_eq!(house.run(&words).code, 7, "{words:?}");
    }
}

#[test]
fn an_order_that_is_at_fault_is_refused_with_its_field() {
    let house = House::new();
    let _node = house.start(&[]);
    let refused = house.run(&["order", "create", &order(), "--airline", "es-post", "--json"]);
    assert_eq!((refused.code, &refused.error()["reason"]), (3, &"ORDER_INVALID".into()));
    let unknown = house.run(&["order", "show", "0123456789abcdef", "--json"]);
    assert_eq!(unknown.error()["reason"], "JOURNEY_UNKNOWN", "{unknown}");
}

#[test]
fn a_short_bench_of_sealing_gives_both_rates() {
    let report = House::empty().run(&["bench", "seal", "--seconds", "1", "--json"]).ok().json();
    is_documented("bench seal", &report);
    let [fresh, amortised] =
        ["fresh_per_second", "amortised_per_second"].map(|field| report[field].as_f64().unwrap());
    assert!(fresh > 0.0 && amortised > fresh, "{report}");
}
