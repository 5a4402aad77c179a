//! Two keys nodes and the quantum link between them.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test reports by panicking")]

use std::path::Path;
use std::time::Duration;

use keys::{KeySource, Peer, PolicyClass, RequestId};
use node::admin::{Plan, init};
use node::{Config, Node, Role, State};
use qkd::LineState;
use rpc::client::{Endpoint, Keys, Link, LinkStatus};
use tokio::time::{sleep, timeout};

const LINK: &str = "hangzhou-xiaoshan";

/// A site's keys node, with small blocks, and a client of it in the name of a member of the site.
async fn start(folder: &Path, site: &str, member: &str) -> (Node, Keys) {
    let state = State::at(folder);
    let mut config = Config::load(&state.node_config(&format!("{site}-keys"))).unwrap();
    for link in &mut config.keys.as_mut().unwrap().links {
        link.block_pulses = 1 << 20;
        link.max_keys = 1;
        link.watch_interval_ms = 200;
    }
    let node = Node::start(&config, &config.roles.clone()).await.unwrap();
    let read = |path| std::fs::read_to_string(path).unwrap();
    let home = state.member(&member.parse().unwrap());
    let endpoint = Endpoint {
        url: format!("https://{}", node.address(Role::Keys).unwrap()),
        ca_pem: read(state.authority_certificate()),
        cert_pem: read(home.join("client.pem")),
        key_pem: read(home.join("client.key")),
        revoked: rpc::Revoked::default(),
    };
    (node, Keys::connect(&endpoint).unwrap())
}

/// Waits until the link is as it should be.
async fn until(keys: &Keys, holds: impl Fn(&LinkStatus) -> bool) -> LinkStatus {
    for _ in 0..600 {
        let link = keys.links().await.unwrap().swap_remove(0);
        if holds(&link) {
            return link;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("waited in vain: {:?}", keys.links().await)
}

fn is_ready(link: &LinkStatus) -> bool {
    link.line.state == LineState::Up && link.counts.ready_outgoing > 0
}

fn is_shut_down(link: &LinkStatus) -> bool {
    matches!(link.line.state, LineState::ShutDown { .. })
}

fn house() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan { first_port: 0, ..Plan::demo() };
    init(folder.path(), &plan, &clock::System).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_gives_both_ends_the_same_keys_and_comes_back_when_an_end_does() {
    let folder = house();
    // The sender is there first, and dials until somebody answers.
    // An operator is shown all keys.
    let (sender, near) = start(folder.path(), "hangzhou", "hz-forwarder").await;
    let (receiver, far) = start(folder.path(), "xiaoshan", "hz-forwarder").await;
    let at_sender = until(&near, is_ready).await;
    let at_receiver = until(&far, is_ready).await;
    assert_eq!(at_sender.counts.ready_outgoing, at_receiver.counts.ready_incoming);
    let (mine, _) = near.keys(LINK, 10_000).await.unwrap();
    let (theirs, _) = far.keys(LINK, 10_000).await.unwrap();
    let ready = |keys: &[keys::KeyRow]| {
        let ready = keys.iter().filter(|key| key.state == keys::KeyState::Ready);
        ready.map(|key| key.id).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(ready(&mine), ready(&theirs));

    receiver.stop().await.unwrap();
    until(&near, |link| link.line.state == LineState::Down).await;
    let (receiver, far) = start(folder.path(), "xiaoshan", "sky-air").await;
    until(&near, is_ready).await;
    until(&far, is_ready).await;
    sender.stop().await.unwrap();
    receiver.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_was_shut_down_stays_so_over_a_restart_until_it_is_restored() {
    let folder = house();
    let (sender, near) = start(folder.path(), "hangzhou", "zj-merchant").await;
    let (receiver, far) = start(folder.path(), "xiaoshan", "sky-air").await;
    until(&near, is_ready).await;
    // The pool is full: it is noticed all the same, because a line that rests is measured too.
    far.set_eavesdropper(LINK, 1.0).await.unwrap();
    let shut = until(&near, is_shut_down).await;
    assert!(shut.line.qber.unwrap() > 0.2, "{shut:?}");
    until(&far, is_shut_down).await;
    assert_eq!(near.set_eavesdropper(LINK, 0.0).await.unwrap_err().reason, "LINK_WRONG_END");

    sender.stop().await.unwrap();
    let (sender, near) = start(folder.path(), "hangzhou", "zj-merchant").await;
    assert!(is_shut_down(&near.links().await.unwrap()[0]), "it outlives the process");
    far.set_eavesdropper(LINK, 0.0).await.unwrap();
    near.restore_link(LINK).await.unwrap();
    until(&near, is_ready).await;
    until(&far, is_ready).await;
    sender.stop().await.unwrap();
    receiver.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_one_end_was_given_otherwise_gives_no_key() {
    let folder = house();
    let state = State::at(folder.path());
    let (sender, near) = start(folder.path(), "hangzhou", "zj-merchant").await;
    let config = Config::load(&state.node_config("xiaoshan-keys")).unwrap();
    // Blocks of another size than the sender's.
    let receiver = Node::start(&config, &config.roles.clone()).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    let link = near.links().await.unwrap().swap_remove(0);
    assert_eq!((link.counts.ready_outgoing, link.counts.pending), (0, 0), "{link:?}");
    sender.stop().await.unwrap();
    receiver.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_drawn_and_never_recovered_starve_nobody() {
    let folder = house();
    let (sender, near) = start(folder.path(), "hangzhou", "zj-merchant").await;
    let (receiver, far) = start(folder.path(), "xiaoshan", "sky-air").await;
    let at_sender = until(&near, is_ready).await;
    let filled = until(&far, is_ready).await.counts.ready_outgoing;
    let source = far.source("sky-air".parse().unwrap(), PolicyClass::QuantumOnly);
    let peer = Peer { member: "zj-merchant".parse().unwrap(), site: "hangzhou".parse().unwrap() };
    // More than there were: the far site recovers none of them.
    for _ in 0..filled + 3 {
        until(&far, is_ready).await;
        source.draw(&RequestId::random().unwrap(), &peer, 32).await.unwrap();
    }
    let then = near.links().await.unwrap().swap_remove(0);
    assert!(then.counts.ready_incoming > filled, "{then:?}");
    let (before, after) = (at_sender.counts.ready_outgoing, then.counts.ready_outgoing);
    assert_eq!(before, after, "who wanted no keys to draw got none");
    sender.stop().await.unwrap();
    receiver.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_connection_keeps_nobody_out() {
    let folder = house();
    let state = State::at(folder.path());
    let (receiver, far) = start(folder.path(), "xiaoshan", "sky-air").await;
    let read = |path| std::fs::read_to_string(path).unwrap();
    let config = Config::load(&state.node_config("hangzhou-keys")).unwrap();
    let keys = config.keys.as_ref().unwrap();
    let endpoint = Endpoint {
        url: format!("https://{}", receiver.address(Role::Keys).unwrap()),
        ca_pem: read(state.authority_certificate()),
        cert_pem: read(keys.certificate.clone()),
        key_pem: read(keys.key.clone()),
        revoked: rpc::Revoked::default(),
    };
    // Each falls between its two streams, and the next one is let in all the same.
    let dialled = Link::connect(&endpoint).unwrap();
    let mut held = Vec::new();
    for time in 1..=3 {
        let opened = timeout(Duration::from_millis(1_500), dialled.frames(LINK)).await;
        held.push(opened.unwrap_or_else(|_| panic!("kept out the {time}. time")).unwrap());
    }
    let (sender, near) = start(folder.path(), "hangzhou", "zj-merchant").await;
    until(&near, is_ready).await;
    until(&far, is_ready).await;
    drop(held);
    sender.stop().await.unwrap();
    receiver.stop().await.unwrap();
}
