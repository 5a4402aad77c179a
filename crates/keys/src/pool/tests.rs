use zeroize::Zeroizing;

use super::*;
use crate::Peer;

fn site(name: &str) -> SiteId {
    name.parse().unwrap()
}

fn filled(folder: &Path, memory: Memory) -> Arc<KeyPool> {
    let id = PoolId { link: "a".into(), near: site("b"), far: site("c") };
    let pool = Arc::into_inner(KeyPool::open(folder, &[1; 32], id).unwrap()).unwrap();
    let pool = KeyPool { memory, ..pool };
    if pool.counts() == Counts::default() {
        let keys = (0..20).map(|number| NewKey {
            id: KeyUuid([number; 16]),
            direction: Direction::Outgoing,
            secret: Zeroizing::new([number; 32]),
        });
        pool.store_pending([9; 16], keys.collect(), false).unwrap();
        pool.release([9; 16]).unwrap();
    }
    Arc::new(pool)
}

const SHORT: Memory = Memory { blocks: 3, confirmations: 3 };

fn draw(pool: &KeyPool, number: u8) -> Result<crate::Drawn, Error> {
    draw_of(pool, number, 32)
}

fn draw_of(pool: &KeyPool, number: u8, length: u16) -> Result<crate::Drawn, Error> {
    let [own, peer] = ["b", "c"].map(|at| Peer { member: "m".parse().unwrap(), site: site(at) });
    pool.draw(&RequestId([number; 16]), (&own, &peer), length, || LineState::Up)
}

#[test]
fn only_so_many_confirmations_are_remembered_the_latest_ones() {
    let folder = tempfile::tempdir().unwrap();
    let pool = filled(folder.path(), SHORT);
    for number in 0..10 {
        draw(&pool, number).unwrap();
        pool.confirm(&RequestId([number; 16])).unwrap();
    }
    let counts = pool.counts();
    assert_eq!((counts.delivered, counts.ready_outgoing), (3, 10));
    assert_eq!(draw(&pool, 9).unwrap_err(), Error::Spent);
    assert_eq!(draw(&pool, 7).unwrap_err(), Error::Spent);
    drop(pool);
    let pool = filled(folder.path(), SHORT);
    assert_eq!(pool.counts(), counts);
    assert_eq!(pool.list(100, |_| true).unwrap().len(), 13);
    // Forgotten, so it asks anew: another key, never the old one.
    assert_eq!(draw(&pool, 0).unwrap().handle.key_ids, [KeyUuid([10; 16])]);
    pool.confirm(&RequestId([0; 16])).unwrap();
    assert_eq!(pool.counts().delivered, 3);
}

#[test]
fn only_so_many_released_blocks_are_remembered_the_latest_ones() {
    let folder = tempfile::tempdir().unwrap();
    let mut pool = filled(folder.path(), SHORT);
    for block in 1..=6 {
        let key = NewKey {
            id: KeyUuid([100 + block; 16]),
            direction: Direction::Incoming,
            secret: Zeroizing::new([block; 32]),
        };
        pool.store_pending([block; 16], vec![key], false).unwrap();
        pool.release([block; 16]).unwrap();
    }
    for _ in 0..2 {
        assert_eq!(pool.released_blocks(), [[4; 16], [5; 16], [6; 16]]);
        assert!(pool.released([4; 16]) && !pool.released([3; 16]));
        drop(pool);
        pool = filled(folder.path(), SHORT);
    }
    assert_eq!(pool.counts().ready_incoming, 6, "the keys of a forgotten block stay");
}

#[test]
fn rows_that_changed_places_do_not_open_and_do_not_block_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let pool = filled(folder.path(), Memory::default());
    let [first, second] = [0, 1].map(|number| [number; 16]);
    let row = pool.store.value(family::KEYS, &second).unwrap().unwrap();
    let mut batch = pool.store.batch();
    batch.put(family::KEYS, &first, &row);
    pool.store.write(batch, Sync::Yes).unwrap();
    let error = draw_of(&pool, 1, 64).unwrap_err();
    assert_eq!(error.reason(), "KEY_POOL_DAMAGED");
    assert!(error.to_string().contains("was changed or belongs to another"), "{error}");
    assert_eq!(draw(&pool, 1).unwrap().handle.key_ids, [KeyUuid(second)]);
}

#[test]
fn a_row_that_does_not_decode_is_told_at_open() {
    let folder = tempfile::tempdir().unwrap();
    let pool = filled(folder.path(), Memory::default());
    let mut batch = pool.store.batch();
    batch.put(family::KEYS, &[3; 16], b"what");
    pool.store.write(batch, Sync::Yes).unwrap();
    let id = pool.id.clone();
    drop(pool);
    let error = KeyPool::open(folder.path(), &[1; 32], id).unwrap_err();
    assert_eq!(error.reason(), "KEY_POOL_DAMAGED");
    assert!(error.to_string().contains("move its folder away"), "{error}");
}

#[test]
fn after_a_write_that_failed_nothing_more_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let pool = filled(folder.path(), Memory::default());
    let kept = draw(&pool, 1).unwrap();
    let mut broken = pool.store.batch();
    broken.put("no such family", b"", b"");
    assert_eq!(pool.write(broken).unwrap_err().reason(), "KEY_STORE_FAILED");
    let refused = draw(&pool, 2).unwrap_err();
    assert!(refused.to_string().contains("restart this process"), "{refused}");
    assert_eq!(draw(&pool, 1).unwrap().handle, kept.handle, "what was answered is still answered");
    assert!(pool.store_pending([1; 16], Vec::new(), false).is_err());
    drop(pool);
    let pool = filled(folder.path(), Memory::default());
    assert_eq!(pool.counts().ready_outgoing, 19, "the key set aside is back");
}
