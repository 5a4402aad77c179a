//! A node from its start to its end.

use std::collections::BTreeSet;
use std::path::Path;

use node::admin::{Plan, init};
use node::{ADDRESS_FILE, Config, Error, Node, Role, State, listening_address};

/// Makes a consortium on free ports and reads its configuration.
#[expect(clippy::unwrap_used, reason = "a test reports by panicking")]
fn house(folder: &Path) -> Config {
    let plan = Plan { first_port: 0, ..Plan::demo() };
    init(folder, &plan, &clock::System).unwrap();
    Config::load(&State::at(folder).config()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_writes_down_where_it_listens_and_tidies_up_after_itself() {
    let folder = tempfile::tempdir().unwrap();
    let config = house(folder.path());
    let node = Node::start(&config, &config.roles).await.unwrap();
    for role in [Role::Ledger, Role::Gateway] {
        let data = State::at(folder.path()).data(role.as_str());
        assert_eq!(listening_address(&data), node.address(role));
        assert_ne!(node.address(role).unwrap().port(), 0);
    }
    node.stop().await.unwrap();
    assert!(!State::at(folder.path()).data("ledger").join(ADDRESS_FILE).exists());
    // The store is closed: the same folder opens again at once.
    Node::start(&config, &config.roles).await.unwrap().stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_named_and_leaves_nothing_running() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = house(folder.path());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    config.gateway.as_mut().unwrap().listen = taken.local_addr().unwrap();
    let error = Node::start(&config, &config.roles).await.unwrap_err();
    assert!(matches!(error, Error::Listen { role: Role::Gateway, .. }), "{error}");
    drop(taken);
    Node::start(&config, &config.roles).await.unwrap().stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_node_on_the_same_folder_is_refused_and_leaves_the_first_findable() {
    let folder = tempfile::tempdir().unwrap();
    let config = house(folder.path());
    let first = Node::start(&config, &config.roles).await.unwrap();
    let error = Node::start(&config, &config.roles).await.unwrap_err();
    assert!(matches!(error, Error::Ledger { .. }), "{error}");
    for role in [Role::Ledger, Role::Gateway] {
        let data = State::at(folder.path()).data(role.as_str());
        assert_eq!(listening_address(&data), first.address(role));
    }
    first.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_members_key_is_refused_before_anything_is_signed_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = house(folder.path());
    let keys = State::at(folder.path()).member(&"sky-air".parse().unwrap());
    config.ledger.as_mut().unwrap().receipt_key = keys.join("receipt.key");
    let ledger = BTreeSet::from([Role::Ledger]);
    let error = Node::start(&config, &ledger).await.unwrap_err();
    assert!(error.to_string().contains("hz-forwarder"), "{error}");

    let mut config = Config::load(&config.path).unwrap();
    config.gateway.as_mut().unwrap().members[0].statement_key = keys.join("statement.key");
    let error = Node::start(&config, &config.roles.clone()).await.unwrap_err();
    assert!(error.to_string().contains("zj-merchant"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_its_ledger_says_what_to_start() {
    let folder = tempfile::tempdir().unwrap();
    let config = house(folder.path());
    let error = Node::start(&config, &BTreeSet::from([Role::Gateway])).await.unwrap_err();
    assert!(error.to_string().contains("start the ledger first"), "{error}");
}
