//! Every wire type keeps its bytes: a hash over many encodings of each, compared with a golden one.
//!
//! A hash that differs means that a format has changed. That is either a fault, or a decision with
//! a record, a new version in the format, and a new hash here.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::collections::BTreeSet;

use merkle::Digest;
use party::{ConsortiumId, Member, MemberId, Members, PublicKey, Role};
use statement::hash::Context;
use statement::{
    Act, Bundle, Capture, Checkpoint, Commitment, Content, Evidence, Genesis, Header, Height,
    HistoryRecord, Leaf, LeafIndex, LogIndex, LogSize, Mark, Note, OpenBody, Position, Receipt,
    RequestId, Seed, SigningKey, Statement, Tag, capture_tree,
};

const SAMPLES: u64 = 500;
static DRAW: Context = Context::new("conformance draw");
static FOLD: Context = Context::new("conformance fold");

/// Values that follow from a number alone, spread over all lengths that CBOR writes differently.
struct Draw(u64);

impl Draw {
    fn digest(&mut self) -> Digest {
        self.0 += 1;
        DRAW.hash(&self.0.to_be_bytes())
    }

    fn number(&mut self) -> u64 {
        let bytes = self.digest();
        let wide = u64::from_be_bytes(*bytes.first_chunk().unwrap());
        // One, two, three, five and nine bytes of CBOR, all of them often.
        wide >> (bytes[31] % 64)
    }

    fn small(&mut self) -> u32 {
        (self.number() % 10_000) as u32
    }

    fn half(&mut self) -> [u8; 16] {
        *self.digest().first_chunk().unwrap()
    }

    fn time_ms(&mut self) -> i64 {
        (self.number() >> 20) as i64
    }

    fn key(&mut self) -> SigningKey {
        SigningKey::from_bytes(self.digest())
    }
}

fn consortium() -> ConsortiumId {
    "demo".parse().unwrap()
}

fn issuer() -> MemberId {
    "zj-merchant".parse().unwrap()
}

fn members(draw: &mut Draw) -> Members {
    let member = Member {
        id: issuer(),
        roles: BTreeSet::from([Role::Trader, Role::Operator]),
        country: "CN".parse().unwrap(),
        sites: BTreeSet::from(["hangzhou".parse().unwrap()]),
        statement_key: draw.key().public(),
        receipt_key: draw.key().public(),
        vote_key: PublicKey(draw.key().public().0),
    };
    Members::new(consortium(), vec![member], BTreeSet::from([issuer()])).unwrap()
}

/// Folds the encodings of many samples and compares the end with the golden hash.
fn hold(golden: &str, mut encode: impl FnMut(&mut Draw) -> Vec<u8>) {
    let mut draw = Draw(0);
    let mut fold = [0; 32];
    for _ in 0..SAMPLES {
        let bytes = encode(&mut draw);
        fold = FOLD.hash_pair(&fold, &bytes);
    }
    assert_eq!(hex::encode(fold), golden, "the bytes of this type have changed");
}

fn capture(draw: &mut Draw) -> Capture {
    Capture {
        root: draw.digest(),
        count: 1 + draw.small() % 10_000,
        request_id: RequestId(draw.half()),
        last_height: Height(draw.number()),
    }
}

fn leaf(draw: &mut Draw) -> Leaf {
    let count = draw.small() % 30;
    let tags = (0..count).map(|at| {
        let mark = (at % 2 == 0).then(|| Mark(draw.half()));
        (Tag(draw.half()), mark)
    });
    let tags = tags.collect();
    Leaf::new(Commitment(draw.digest()), draw.digest(), tags).unwrap()
}

fn signed(draw: &mut Draw) -> Statement {
    let (key, payload) = (draw.key(), capture(draw).encode());
    Statement::sign(&key, &consortium(), &issuer(), Content::Capture, payload).unwrap()
}

fn receipt(draw: &mut Draw, statement: &[u8]) -> Vec<u8> {
    let size = 2 + draw.number() % 40;
    let index = draw.number() % size;
    let leaves: Vec<Digest> = (0..size).map(|_| draw.digest()).collect();
    let at = usize::try_from(index).unwrap();
    let path = merkle::inclusion_path::<merkle::Rfc9162Sha256>(&leaves, at).unwrap();
    let (key, index, size) = (draw.key(), LogIndex(index), LogSize(size));
    Receipt::sign(&key, &consortium(), &issuer(), statement, index, size, &path).unwrap()
}

fn header(draw: &mut Draw) -> Header {
    Header {
        consortium: consortium(),
        height: Height(draw.number()),
        parent: draw.digest(),
        time_ms: draw.time_ms(),
        contents: draw.digest(),
        log_size: LogSize(draw.number()),
        log_root: draw.digest(),
        state_root: draw.digest(),
        members: draw.digest(),
    }
}

#[test]
fn capture_keeps_its_bytes() {
    hold("e44e873d110c72aff692711c490e96b8d37cda730f078316b3aeb9fc1eef5e64", |draw| {
        let value = capture(draw);
        assert_eq!(Capture::decode(&value.encode()), Ok(value.clone()));
        value.encode()
    });
}

#[test]
fn leaf_keeps_its_bytes() {
    hold("904eef57d77c1161e582910a8e392590588a2aa1c777aec9871a716f559e2b32", |draw| {
        let value = leaf(draw);
        assert_eq!(Leaf::decode(&value.encode()), Ok(value.clone()));
        value.encode()
    });
}

#[test]
fn open_body_keeps_its_bytes() {
    hold("bd24f75bbf268245416477a7ffe4864fc2fc4097497d2ab8ac749e950589940c", |draw| {
        let json = format!("{{\"action\":\"{}\"}}", "x".repeat(draw.small() as usize % 400));
        let value = OpenBody { seed: Seed::from_bytes(draw.digest()), json };
        assert_eq!(OpenBody::decode(&value.encode()), Ok(value.clone()));
        value.encode()
    });
}

#[test]
fn act_keeps_its_bytes() {
    hold("2cb2d3a418d9641610de63938f9e74573e8cde4eb3804dccaa3c4fa2a7f756c2", |draw| {
        let value = Act {
            name: "retire-key".to_owned(),
            arguments: draw.digest().to_vec(),
            request_id: RequestId(draw.half()),
            last_height: Height(draw.number()),
        };
        assert_eq!(Act::decode(&value.encode()), Ok(value.clone()));
        value.encode()
    });
}

#[test]
fn header_keeps_its_bytes_and_its_hash() {
    hold("6f0222524c954fdb54be89f1d5129fb7c8da6c5a38d5bccfdf1ffc0c208e6377", |draw| {
        let value = header(draw);
        assert_eq!(Header::decode(&value.encode()), Ok(value.clone()));
        [value.encode(), value.hash().to_vec()].concat()
    });
}

#[test]
fn genesis_keeps_its_bytes() {
    hold("0c3981455558953f44ada00486b48b18d2afcd33d00d22dcdb7f8bc7b8f7b894", |draw| {
        let (time_ms, max_window) = (draw.time_ms(), draw.number());
        let value = Genesis { time_ms, members: members(draw), max_window };
        assert_eq!(Genesis::decode(&value.encode()).unwrap().encode(), value.encode());
        value.encode()
    });
}

#[test]
fn history_keeps_its_bytes() {
    hold("8db52481a0f2a543c0ecb557fb9fa70c86caf09fcca911e913b615436cb0a4e6", |draw| {
        let count = 1 + draw.small() % 20;
        let positions: Vec<Position> = (0..count)
            .map(|_| Position { index: LogIndex(draw.number()), leaf: LeafIndex(draw.small()) })
            .collect();
        let value = HistoryRecord::of(&positions).unwrap();
        assert_eq!(HistoryRecord::decode(&value.encode()), Ok(value));
        value.encode()
    });
}

#[test]
fn note_keeps_its_text() {
    hold("9b097d0d757f03d7e322429538bd41e545be0277e57b77328a5ce5ffeeee4b3f", |draw| {
        let key = draw.key();
        let note = Note::sign(&Checkpoint::of(&header(draw)), &[(&issuer(), &key)]);
        assert_eq!(Note::parse(&note.to_text()), Ok(note.clone()));
        note.to_text().into_bytes()
    });
}

#[test]
fn statement_keeps_its_bytes() {
    hold("be7f33e3c17597c05914c9a3a02569423950cc145f1691e1b8c1bae7e3748daa", |draw| {
        let value = signed(draw);
        assert_eq!(Statement::decode(value.as_bytes()), Ok(value.clone()));
        value.into_bytes()
    });
}

#[test]
fn receipt_keeps_its_bytes() {
    hold("3518780e0a3e83ec99505875dfbbd7feaf679b1d9298ff1d83ed1ec08c963ba9", |draw| {
        let statement = signed(draw);
        receipt(draw, statement.as_bytes())
    });
}

#[test]
fn bundle_keeps_its_bytes() {
    hold("f45a8c471aef5f1432a4f1c1b9897eb307517bd37ed30d398ee2fec88c66996e", |draw| {
        // A decoder looks into the parts, so they fit together as far as it looks.
        let count = 1 + draw.small() % 20;
        let leaves: Vec<Vec<u8>> = (0..count).map(|_| leaf(draw).encode()).collect();
        let root = capture_tree::root(&leaves);
        let leaf_index = LeafIndex(draw.small() % count);
        let payload = Capture { root, count, ..capture(draw) }.encode();
        let statement =
            Statement::sign(&draw.key(), &consortium(), &issuer(), Content::Capture, payload);
        let statement = statement.unwrap().into_bytes();
        let body = OpenBody { seed: Seed::from_bytes(draw.digest()), json: "{}".to_owned() };
        let shown = draw.small() % 2 == 0;
        let value = Bundle {
            receipt: receipt(draw, &statement),
            statement,
            leaf: leaves.get(leaf_index.0 as usize).unwrap().clone(),
            leaf_index,
            leaf_path: capture_tree::path(&leaves, leaf_index).unwrap(),
            evidence: if shown { Evidence::Body(body.encode()) } else { Evidence::Closed },
            note: None,
        };
        assert_eq!(Bundle::decode(&value.encode()), Ok(value.clone()));
        value.encode()
    });
}
