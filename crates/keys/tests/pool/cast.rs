//! A link with both its pools, as the tests use it.

use std::path::Path;
use std::sync::Arc;

use keys::{
    Direction, Error, Handle, KeyPool, KeyUuid, Kind, LineState, NewKey, Peer, PoolId, PoolSource,
    RequestId,
};
use tempfile::TempDir;
use tokio::sync::watch;
use zeroize::Zeroizing;

pub(crate) const STORAGE_KEY: [u8; 32] = [42; 32];
/// The two ends of the link.
pub(crate) const ENDS: [&str; 2] = ["hangzhou", "xiaoshan"];

/// The pool of one end, 0 or 1.
pub(crate) fn open(folder: &Path, end: usize) -> Result<Arc<KeyPool>, Error> {
    KeyPool::open(folder, &STORAGE_KEY, id(end))
}

pub(crate) fn id(end: usize) -> PoolId {
    let [near, far] = [ENDS[end], ENDS[1 - end]].map(|site| site.parse().unwrap());
    PoolId { link: "hz-xs".into(), near, far }
}

/// Who draws or recovers at an end.
pub(crate) fn peer(end: usize) -> Peer {
    let member = ["zj-merchant", "sky-air"][end].parse().unwrap();
    Peer { member, site: ENDS[end].parse().unwrap() }
}

pub(crate) fn request(number: u16) -> RequestId {
    RequestId(u128::from(number).to_be_bytes())
}

/// The id of a block's key.
pub(crate) fn key_id(block: u8, number: u8) -> KeyUuid {
    let mut id = [block; 16];
    id[15] = number;
    KeyUuid(id)
}

/// The secret of a block's key.
pub(crate) fn secret(block: u8, number: u8) -> [u8; 32] {
    let mut secret = [block ^ 0xa5; 32];
    secret[0] = number;
    secret
}

/// The keys of a block as one end sees them: the even ones go out at end 0.
pub(crate) fn keys(end: usize, block: u8, count: u8) -> Vec<NewKey> {
    (0..count)
        .map(|number| NewKey {
            id: key_id(block, number),
            direction: if usize::from(number) % 2 == end {
                Direction::Outgoing
            } else {
                Direction::Incoming
            },
            secret: Zeroizing::new(secret(block, number)),
        })
        .collect()
}

/// A handle of the pool for those keys, as end 0 draws it for end 1.
pub(crate) fn handle(key_ids: Vec<KeyUuid>, length: u16) -> Handle {
    Handle {
        kind: Kind::Pool,
        source: "qkd:hz-xs".into(),
        public: derived("pool check v1", &key_ids, length, 16),
        key_ids,
        length,
        seeded: false,
        passed_over: Vec::new(),
        mac: None,
    }
}

/// The secret that end 1 has of those keys when end 0 has drawn them.
pub(crate) fn derived_secret(key_ids: &[KeyUuid], length: u16) -> Vec<u8> {
    derived("pool secret v1", key_ids, length, usize::from(length))
}

/// What docs/reference/formats.md says that both ends derive, put down once more.
fn derived(label: &str, key_ids: &[KeyUuid], length: u16, bytes: usize) -> Vec<u8> {
    let keys: Vec<[u8; 32]> = key_ids.iter().map(|id| secret(id.0[0], id.0[15])).collect();
    let mut info = minicbor::Encoder::new(Vec::new());
    info.array(8).unwrap().str(label).unwrap().str("hz-xs").unwrap();
    info.array(key_ids.len().try_into().unwrap()).unwrap();
    for id in key_ids {
        info.bytes(&id.0).unwrap();
    }
    for name in ["zj-merchant", "hangzhou", "sky-air", "xiaoshan"] {
        info.str(name).unwrap();
    }
    info.u16(length).unwrap();
    let mut out = vec![0; bytes];
    let hkdf = hkdf::Hkdf::<sha2::Sha256>::new(None, keys.as_flattened());
    hkdf.expand(&info.into_writer(), &mut out).unwrap();
    out
}

/// One end of the link: its pool, the source over it, and the word of its line.
pub(crate) struct End {
    pub(crate) pool: Arc<KeyPool>,
    pub(crate) source: PoolSource,
    pub(crate) line: watch::Sender<LineState>,
    pub(crate) folder: TempDir,
}

impl End {
    pub(crate) fn new(end: usize) -> Self {
        Self::at(tempfile::tempdir().unwrap(), end)
    }

    pub(crate) fn at(folder: TempDir, end: usize) -> Self {
        let pool = open(folder.path(), end).unwrap();
        let (line, heard) = watch::channel(LineState::Up);
        let source = PoolSource::new(pool.clone(), peer(end).member, heard);
        Self { pool, source, line, folder }
    }

    /// Closes the pool and opens it again, as after a restart.
    pub(crate) fn restarted(self, end: usize) -> Self {
        let Self { pool, source, folder, .. } = self;
        drop((pool, source));
        Self::at(folder, end)
    }

    /// Takes in a block and releases it.
    pub(crate) fn fill(&self, end: usize, block: u8, count: u8) {
        self.pool.store_pending([block; 16], keys(end, block, count), false).unwrap();
        self.pool.release([block; 16]).unwrap();
    }
}

/// Both ends, each with `count` keys of block 1, half of them in either direction.
pub(crate) fn filled(count: u8) -> [End; 2] {
    [0, 1].map(|end| {
        let new = End::new(end);
        new.fill(end, 1, count);
        new
    })
}
