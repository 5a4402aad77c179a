//! Dependencies point down: a crate may use only crates of a lower `layer`.

use std::collections::BTreeMap;

#[test]
fn dependencies_point_down() {
    let packages = tidy::packages().unwrap();
    let layers: BTreeMap<&str, u64> = packages
        .iter()
        .filter_map(|p| Some((p["name"].as_str()?, p["metadata"]["layer"].as_u64()?)))
        .collect();
    assert!(layers.len() >= 15, "the crates name their layers: {layers:?}");

    let mut faults = Vec::new();
    for package in &packages {
        let Some((name, layer)) = package["name"].as_str().and_then(|n| layers.get_key_value(n))
        else {
            continue; // Test packages stand outside the layers.
        };
        for dependency in package["dependencies"].as_array().expect("a list") {
            let on_test_only = dependency["kind"] == "dev";
            let target = dependency["name"].as_str().expect("a name");
            if let Some(below) = layers.get(target)
                && !on_test_only
                && below >= layer
            {
                faults.push(format!("{name} (layer {layer}) uses {target} (layer {below})"));
            }
        }
    }
    tidy::assert_none(&faults);
}

/// Who alone may use what: invariant 4 of the map, with the reader's own words for each.
const OWNERS: [(&str, &[&str]); 12] = [
    ("rocksdb", &["quayside-store"]),
    ("prost", &["quayside-rpc"]),
    ("prost-types", &["quayside-rpc"]),
    ("tonic-prost", &["quayside-rpc"]),
    ("tonic-prost-build", &["quayside-rpc"]),
    ("protox", &["quayside-rpc"]),
    ("tonic-types", &["quayside-rpc"]),
    ("tonic-reflection", &["quayside-rpc"]),
    ("coset", &["quayside-statement"]),
    ("rcgen", &["quayside-node"]),
    ("clap", &["quayside"]),
    ("anyhow", &["quayside"]),
];

#[test]
fn a_foreign_library_has_one_owner() {
    let mut faults = Vec::new();
    for package in &tidy::packages().unwrap() {
        let name = package["name"].as_str().expect("a name");
        if package["metadata"]["layer"].is_null() {
            continue;
        }
        for dependency in package["dependencies"].as_array().expect("a list") {
            let target = dependency["name"].as_str().expect("a name");
            if let Some((_, owners)) = OWNERS.iter().find(|(library, _)| *library == target)
                && !owners.contains(&name)
                && dependency["kind"] != "dev"
            {
                faults
                    .push(format!("{name} uses {target}, which belongs to {}", owners.join(", ")));
            }
        }
    }
    tidy::assert_none(&faults);
}

#[test]
fn a_verifier_links_no_store_and_no_network() {
    let packages = tidy::packages().unwrap();
    let below = |name: &str| -> Vec<String> {
        let package = packages.iter().find(|p| p["name"] == name).expect("the crate exists");
        let dependencies = package["dependencies"].as_array().expect("a list").iter();
        dependencies
            .filter(|d| d["kind"] != "dev")
            .map(|d| d["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    let mut open = vec!["quayside-statement".to_owned(), "quayside-epcis".to_owned()];
    let mut faults = Vec::new();
    while let Some(name) = open.pop() {
        for target in below(&name) {
            if ["rocksdb", "quayside-store", "tokio", "tonic", "rayon"].contains(&target.as_str()) {
                faults.push(format!("{name} uses {target}"));
            } else if target.starts_with("quayside-") {
                open.push(target);
            }
        }
    }
    tidy::assert_none(&faults);
}

#[test]
fn every_crate_inherits_lints_licence_and_edition() {
    let mut faults = Vec::new();
    for file in tidy::files().unwrap() {
        if file.name() != "Cargo.toml" || file.path == "Cargo.toml" {
            continue;
        }
        for line in ["license.workspace = true", "edition.workspace = true", "[lints]"] {
            if !file.text.lines().any(|found| found == line) {
                faults.push(format!("{}: no line `{line}`", file.path));
            }
        }
        if file.text.contains("[lints]\n") && !file.text.contains("[lints]\nworkspace = true") {
            faults.push(format!("{}: its own lint table instead of the workspace's", file.path));
        }
    }
    for package in &tidy::packages().unwrap() {
        let manifest = package["manifest_path"].as_str().expect("a path");
        if manifest.contains("/crates/") && package["metadata"]["layer"].is_null() {
            faults.push(format!("{}: no `layer` in [package.metadata]", package["name"]));
        }
        for dependency in package["dependencies"].as_array().expect("a list") {
            if dependency["req"] == "*" && dependency["path"].is_null() {
                faults.push(format!(
                    "{} uses any version of {}",
                    package["name"], dependency["name"]
                ));
            }
        }
    }
    tidy::assert_none(&faults);
}
