//! Blocks come in, and are released, destroyed or held back.

use keys::{Error, KeySource};

use crate::cast::{End, derived_secret, filled, handle, key_id, keys, peer, request};

#[tokio::test]
async fn a_pending_key_is_not_delivered_and_says_so() {
    let end = End::new(1);
    end.pool.store_pending([1; 16], keys(1, 1, 4), false).unwrap();
    let dry = end.source.draw(&request(1), &peer(0), 32).await.unwrap_err();
    assert_eq!(dry.reason(), "KEYS_EXHAUSTED");
    let early = handle(vec![key_id(1, 0)], 32);
    let early = end.source.recover(&request(2), &peer(0), &early).await.unwrap_err();
    assert_eq!(early, Error::NotReleased { link: "hz-xs".into() });
    assert!(early.is_retryable());
    end.pool.release([1; 16]).unwrap();
    let now = handle(vec![key_id(1, 0)], 32);
    let now = end.source.recover(&request(2), &peer(0), &now).await.unwrap();
    assert_eq!(
        now.as_bytes(),
        derived_secret(&[key_id(1, 0)], 32),
        "the refusal bound nothing to the request"
    );
}

#[test]
fn what_was_settled_is_remembered_after_a_restart() {
    let mut end = End::new(0);
    for block in 1..=4 {
        end.pool.store_pending([block; 16], keys(0, block, 6), false).unwrap();
    }
    end.pool.release([1; 16]).unwrap();
    end.pool.destroy([2; 16]).unwrap();
    for _ in 0..2 {
        let counts = end.pool.counts();
        assert_eq!((counts.ready_outgoing, counts.ready_incoming, counts.pending), (3, 3, 12));
        assert_eq!(end.pool.pending_blocks(), [[3; 16], [4; 16]]);
        assert!(end.pool.released([1; 16]) && !end.pool.released([2; 16]));
        assert_eq!(end.pool.released_blocks(), [[1; 16]]);
        end = end.restarted(0);
    }
}

#[test]
fn releasing_and_destroying_again_changes_nothing_and_neither_undoes_the_other() {
    let end = End::new(0);
    end.fill(0, 1, 4);
    end.pool.release([1; 16]).unwrap();
    let refused = end.pool.destroy([1; 16]).unwrap_err();
    assert_eq!(refused.reason(), "KEY_BLOCK_STATE");
    assert!(refused.to_string().contains("released already"), "{refused}");
    end.pool.store_pending([2; 16], keys(0, 2, 4), false).unwrap();
    end.pool.destroy([2; 16]).unwrap();
    end.pool.destroy([2; 16]).unwrap();
    assert_eq!(end.pool.release([2; 16]).unwrap_err().reason(), "KEY_BLOCK_UNKNOWN");
    assert_eq!(end.pool.counts().ready_outgoing, 2);
}

#[tokio::test]
async fn a_quarantined_block_waits_for_the_operator_and_is_then_settled() {
    let mut end = End::new(0);
    end.fill(0, 1, 4);
    end.pool.store_pending([2; 16], keys(0, 2, 4), false).unwrap();
    end.pool.store_pending([3; 16], keys(0, 3, 4), false).unwrap();
    assert_eq!(end.pool.quarantine(), Ok(2));
    for _ in 0..2 {
        let refused = end.pool.release([2; 16]).unwrap_err();
        assert_eq!(refused.reason(), "KEY_BLOCK_STATE");
        assert_eq!(end.pool.pending_blocks(), [[2; 16], [3; 16]], "still to be settled");
        assert_eq!(end.pool.counts().ready_outgoing, 2, "verified keys are not touched");
        end = end.restarted(0);
    }
    end.pool.destroy([3; 16]).unwrap();
    assert_eq!(end.pool.lift_quarantine(), Ok(1));
    end.pool.release([2; 16]).unwrap();
    let counts = end.pool.counts();
    assert_eq!((counts.ready_outgoing, counts.pending), (4, 0));
    for number in 1..=4 {
        end.source.draw(&request(number), &peer(1), 32).await.unwrap();
    }
}

#[tokio::test]
async fn a_block_or_a_key_that_is_known_is_not_taken_in_again() {
    let [near, _] = filled(4);
    near.source.draw(&request(1), &peer(1), 32).await.unwrap();
    near.source.confirm(&request(1)).await.unwrap();
    near.pool.store_pending([2; 16], keys(0, 2, 4), false).unwrap();
    for block in [1, 2] {
        let refused = near.pool.store_pending([block; 16], keys(0, 3, 4), false).unwrap_err();
        assert_eq!(refused.reason(), "KEY_BLOCK_STATE", "block {block}");
    }
    // Key (1, 0) is spent, (1, 1) ready, (2, 0) pending.
    for (known, number) in [(1, 0), (1, 1), (2, 0)] {
        let mut new = keys(0, 3, 4);
        new[3].id = key_id(known, number);
        let refused = near.pool.store_pending([3; 16], new, false).unwrap_err();
        assert!(refused.to_string().contains("known already"), "{refused}");
    }
    let mut twice = keys(0, 3, 4);
    twice[3].id = twice[0].id;
    for wrong in [twice, Vec::new()] {
        let refused = near.pool.store_pending([3; 16], wrong, false).unwrap_err();
        assert!(refused.to_string().contains("no key, or one key twice"), "{refused}");
    }
    assert_eq!(near.pool.pending_blocks(), [[2; 16]], "nothing of them was stored");
    assert_eq!(near.pool.counts().pending, 4);
}
