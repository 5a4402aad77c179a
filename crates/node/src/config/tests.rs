//! What init writes is read, and what is wrong is named.

use std::fs;

use super::*;
use crate::admin::{Plan, init};

/// A consortium's folder with one word of its configuration changed.
fn load_with(old: &str, new: &str) -> Result<Config, Error> {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path(), &Plan::demo(), &clock::System).unwrap();
    let path = folder.path().join("quayside.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(old), "{old} is not in\n{text}");
    fs::write(&path, text.replacen(old, new, 1)).unwrap();
    Config::load(&path)
}

#[test]
fn what_init_writes_is_read_whatever_the_role() {
    let folder = tempfile::tempdir().unwrap();
    let made = init(folder.path(), &Plan::demo(), &clock::System).unwrap();
    let all = Config::load(&folder.path().join("quayside.toml")).unwrap();
    assert_eq!(all.roles, BTreeSet::from([Role::Ledger, Role::Keys, Role::Gateway]));
    assert_eq!(all.gateway.unwrap().members.len(), 6);
    assert_eq!(made.nodes.len(), 7);
    for node in &made.nodes {
        let config = Config::load(&folder.path().join(node)).unwrap();
        assert_eq!(config.roles.len(), 1, "{}", node.display());
        for file in [&config.trust.members, &config.trust.authority] {
            assert!(file.exists(), "{}", file.display());
        }
    }
}

#[test]
fn an_unknown_key_is_named_with_its_file_and_line() {
    let error = load_with("listen", "lisen").unwrap_err().to_string();
    assert!(error.contains("quayside.toml") && error.contains("lisen"), "{error}");
    assert!(error.contains("line"), "{error}");
}

#[test]
fn a_malformed_value_is_named_with_its_key() {
    let error = load_with("127.0.0.1:7401", "localhost").unwrap_err().to_string();
    assert!(error.contains("listen") && error.contains("localhost"), "{error}");
}

#[test]
fn a_member_without_its_site_is_refused() {
    let error =
        load_with("id = \"be-customs\"\nsite = \"liege\"", "id = \"be-customs\"\nsite = \"bonn\"")
            .unwrap_err()
            .to_string();
    assert!(error.contains("be-customs") && error.contains("bonn"), "{error}");
}

#[test]
fn a_ledger_without_tls_is_refused() {
    let error = load_with("[gateway]", "[gateway]\nledger = \"http://127.0.0.1:1\"")
        .unwrap_err()
        .to_string();
    assert!(error.contains("gateway.ledger") && error.contains("https"), "{error}");
}
/// The configuration of the site at the sending end of the link, with one word changed.
fn load_keys_with(old: &str, new: &str) -> Result<Config, Error> {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path(), &Plan::demo(), &clock::System).unwrap();
    let path = folder.path().join("nodes/hangzhou-keys/node.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(old), "{old} is not in\n{text}");
    fs::write(&path, text.replacen(old, new, 1)).unwrap();
    Config::load(&path)
}

#[test]
fn a_seeded_link_is_refused_with_words() {
    for seed in ["seed = 7", "seed = \"7\""] {
        let error = load_keys_with("length_km", &format!("{seed}\nlength_km"));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("keys.link.seed") && error.contains("foretell"), "{error}");
    }
}

#[test]
fn what_is_wrong_with_a_link_is_named() {
    for (old, new, word) in [
        ("far = \"xiaoshan\"", "far = \"hangzhou\"", "both ends"),
        ("address = \"https:", "address = \"http:", "https"),
        ("end = \"sender\"", "end = \"middle\"", "middle"),
        ("length_km", "max_keys = 0\nlength_km", "max_keys"),
        ("id = \"hangzhou-xiaoshan\"", "id = \"Hz Xs\"", "small letters"),
    ] {
        let error = load_keys_with(old, new).unwrap_err().to_string();
        assert!(error.contains(word), "{new}: {error}");
    }
}
