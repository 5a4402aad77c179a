use qkd::{DistilledKey, Identity, Parameters, Physics, Randomness};
use rpc::link::Port;
use statement::SigningKey;
use zeroize::Zeroizing;

use super::*;

/// A receiver's driver over a pool in this folder.
fn driver(folder: &std::path::Path) -> Driver {
    let [near, far]: [party::SiteId; 2] = ["xiaoshan", "hangzhou"].map(|id| id.parse().unwrap());
    let [own, theirs] = [1, 2].map(|byte| SigningKey::from_bytes([byte; 32]));
    let identity = Identity {
        link: "hz-xs".to_owned(),
        consortium: "demo".parse().unwrap(),
        near: near.clone(),
        far: far.clone(),
        signing: Arc::new(own),
        far_key: theirs.public(),
    };
    let end = End::receiver(identity, Parameters::default(), Randomness::System).unwrap();
    let id = keys::PoolId { link: "hz-xs".to_owned(), near: near.clone(), far: far.clone() };
    let channel = Channel::new(Physics::default(), Randomness::System).unwrap();
    let (_port, incoming) = Port::new("hz-xs", far.clone());
    let channel = Arc::new(Mutex::new(channel));
    Driver {
        end: Arc::new(Mutex::new(end)),
        pool: KeyPool::open(&folder.join("pool"), &[7; 32], id).unwrap(),
        line: Line::new("hz-xs".to_owned(), near, far, EndKind::Receiver),
        drawable: watch::channel(keys::LineState::Up).0,
        verdict: Verdict::in_folder(folder.to_owned()),
        way: Way::Wait { incoming, channel, next: None },
        enough: 10,
        watch_interval: Duration::from_secs(1),
        unsettled: BTreeMap::new(),
    }
}

const REPORT: Report = Report {
    pulses: 0,
    clicks: 0,
    sifted_bits: 0,
    test_bits: 0,
    test_errors: 0,
    qber: 0.0,
    mu: 0.0,
    corrected_bits: 0,
    leak_bits: 0,
    tag_bits: 0,
    round_trips: 0,
    key_bits: 512,
};

/// A block with two keys of these ids.
fn block(block: u8, ids: [u8; 2]) -> Distilled {
    let key = |id| DistilledKey {
        id: [id; 16],
        outgoing: id % 2 == 0,
        secret: Zeroizing::new([block; 32]),
    };
    Distilled {
        block: BlockId([block; 16]),
        keys: ids.map(key).into(),
        seeded: false,
        report: REPORT,
    }
}

#[tokio::test]
async fn a_far_end_that_repeats_ids_ends_its_connection_and_not_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut driver = driver(folder.path());
    assert!(driver.keep(block(1, [1, 2])).await.unwrap().is_ok());
    assert!(driver.with_pool(|pool| pool.release([1; 16])).await.unwrap().is_ok());
    assert!(driver.keep(block(2, [3, 4])).await.unwrap().is_ok());
    let before = driver.pool.counts();
    for (what, lie) in [
        ("a key that is ready", block(3, [5, 1])),
        ("a key that is pending", block(3, [3, 5])),
        ("a block that was released", block(1, [5, 6])),
        ("a block that is pending", block(2, [5, 6])),
        ("a key twice", block(3, [5, 5])),
    ] {
        let ended = driver.keep(lie).await.unwrap();
        assert!(matches!(ended, Err(Ended::Lost(_))), "{what}: {ended:?}");
    }
    let unknown = driver.with_pool(|pool| pool.release([9; 16])).await.unwrap();
    assert!(matches!(unknown, Err(Ended::Lost(_))), "{unknown:?}");
    assert_eq!(driver.pool.counts(), before, "nothing of it was kept");
    assert_eq!(driver.unsettled.len(), 2);
    // The blocks before are as they were, and honest ones go on.
    assert!(driver.with_pool(|pool| pool.release([2; 16])).await.unwrap().is_ok());
    assert!(driver.keep(block(3, [5, 6])).await.unwrap().is_ok());
}
