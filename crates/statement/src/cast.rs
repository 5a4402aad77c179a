//! Who and what the tests play with: a consortium of five, a log in memory, bundles of its events.

use merkle::{Rfc9162Sha256, TreeHash};
use party::{ConsortiumId, Member, MemberId, Members, Role, SealingKey};

use crate::{
    Act, Bundle, Capture, Checkpoint, Content, Disclosure, Evidence, Genesis, Height, Leaf,
    LeafIndex, LogIndex, LogSize, Note, OpenBody, Receipt, RequestId, Seed, SigningKey, Statement,
    Tag, body_digest, capture_tree, top_level_fields,
};

/// The issuer of captures; no validator.
pub(crate) const TRADER: &str = "zj-merchant";
/// Four validators, of which three are a quorum.
pub(crate) const VALIDATORS: [&str; 4] = ["be-post", "cn-port", "hz-forwarder", "sky-air"];

pub(crate) fn consortium() -> ConsortiumId {
    "demo".parse().unwrap()
}

pub(crate) fn id(name: &str) -> MemberId {
    name.parse().unwrap()
}

/// The key of a member for one of its uses.
pub(crate) fn key(member: &str, usage: &str) -> SigningKey {
    SigningKey::from_bytes(blake3::derive_key(
        "quayside tests",
        format!("{member}/{usage}").as_bytes(),
    ))
}

fn sealing_key(member: &str) -> SealingKey {
    let mut x_wing = Box::new([0; SealingKey::X_WING_LEN]);
    blake3::Hasher::new().update(member.as_bytes()).finalize_xof().fill(x_wing.as_mut_slice());
    SealingKey { x25519: key(member, "x25519").public().0, x_wing }
}

pub(crate) fn members() -> Members {
    let member = |name: &str, role| Member {
        id: id(name),
        roles: [role].into(),
        country: "CN".parse().unwrap(),
        sites: ["hangzhou".parse().unwrap()].into(),
        statement_key: key(name, "statement").public(),
        receipt_key: key(name, "receipt").public(),
        vote_key: key(name, "vote").public(),
        sealing_key: (role == Role::Trader).then(|| sealing_key(name)),
    };
    let mut list = vec![member(TRADER, Role::Trader)];
    list.extend(VALIDATORS.map(|name| member(name, Role::Operator)));
    let link_key = key("hangzhou", "link").public();
    let link_keys = [("hangzhou".parse().unwrap(), link_key)].into();
    let members = Members::new(consortium(), list, VALIDATORS.map(id).into()).unwrap();
    members.with_link_keys(link_keys).unwrap()
}

pub(crate) fn body(number: u8) -> OpenBody {
    let json =
        format!(r#"{{"action":"ADD","epcList":["https://id.gs1.org/00/{number:018}"],"x":[]}}"#);
    OpenBody { seed: Seed::from_bytes([number; 32]), json }
}

pub(crate) fn leaf(number: u8) -> Leaf {
    let body = body(number);
    let commitment = body.commitment(&consortium(), &id(TRADER)).unwrap();
    let tags = ["a", "b"].map(|item| (Tag::open(item), None)).to_vec();
    Leaf::new(commitment, body_digest(&body.encode()), tags).unwrap()
}

pub(crate) fn leaves(count: u8) -> Vec<Vec<u8>> {
    (0..count).map(|number| leaf(number).encode()).collect()
}

pub(crate) fn capture(leaves: &[Vec<u8>]) -> Capture {
    Capture {
        root: capture_tree::root(leaves),
        count: u32::try_from(leaves.len()).unwrap(),
        request_id: RequestId([3; 16]),
        last_height: Height(100_000),
    }
}

pub(crate) fn sign(member: &str, content: Content, payload: Vec<u8>) -> Statement {
    let key = key(member, "statement");
    Statement::sign(&key, &consortium(), &id(member), content, payload).unwrap()
}

pub(crate) fn capture_statement(leaves: &[Vec<u8>]) -> Statement {
    sign(TRADER, Content::Capture, capture(leaves).encode())
}

pub(crate) fn genesis() -> Statement {
    let payload = Genesis { time_ms: 1_795_136_000_000, members: members(), max_window: 100_000 };
    sign("hz-forwarder", Content::Genesis, payload.encode())
}

pub(crate) fn act() -> Act {
    let (request_id, last_height) = (RequestId([4; 16]), Height(7));
    Act { name: "retire-key".into(), arguments: vec![0x80], request_id, last_height }
}

/// A log of genesis, some commands, and the statement; the statement stands last but one.
pub(crate) struct Log {
    hashes: Vec<[u8; 32]>,
    index: usize,
}

impl Log {
    pub(crate) fn with(statement: &Statement, size: usize) -> Self {
        let index = size - 2;
        let entry = |at| {
            if at == index {
                statement.as_bytes().to_vec()
            } else if at == 0 {
                genesis().into_bytes()
            } else {
                sign(TRADER, Content::Command, act().encode()).into_bytes()
            }
        };
        Self { hashes: (0..size).map(|at| Rfc9162Sha256::leaf(&entry(at))).collect(), index }
    }

    pub(crate) fn receipt(&self, statement: &Statement, member: &str) -> Vec<u8> {
        let path = merkle::inclusion_path::<Rfc9162Sha256>(&self.hashes, self.index).unwrap();
        let index = LogIndex(self.index.try_into().unwrap());
        let key = key(member, "receipt");
        let statement = statement.as_bytes();
        Receipt::sign(&key, &consortium(), &id(member), statement, index, self.size(), &path)
            .unwrap()
    }

    fn size(&self) -> LogSize {
        LogSize(self.hashes.len().try_into().unwrap())
    }

    pub(crate) fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            consortium: consortium(),
            size: self.size(),
            log_root: merkle::root::<Rfc9162Sha256>(&self.hashes),
            height: Height(5),
            time_ms: 1_795_136_400_000,
            state_root: [6; 32],
        }
    }
}

/// A checkpoint signed by the first `count` validators.
pub(crate) fn note(checkpoint: &Checkpoint, count: usize) -> Note {
    let signers = VALIDATORS.map(|name| (id(name), key(name, "receipt")));
    let signers = signers.iter().take(count).map(|(id, key)| (id, key)).collect::<Vec<_>>();
    Note::sign(checkpoint, &signers)
}

/// What a test bundle shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Nothing,
    Body,
    Fields,
}

pub(crate) fn bundle(shown: Shown, leaf_count: u8, published: bool) -> Bundle {
    let leaves = leaves(leaf_count);
    let statement = capture_statement(&leaves);
    let log = Log::with(&statement, 6);
    let at = leaf_count / 2;
    let index = LeafIndex(at.into());
    let evidence = match shown {
        Shown::Nothing => Evidence::Closed,
        Shown::Body => Evidence::Body(body(at).encode()),
        Shown::Fields => Evidence::Fields(disclosure(at)),
    };
    Bundle {
        receipt: log.receipt(&statement, "cn-port"),
        statement: statement.into_bytes(),
        leaf: leaf(at).encode(),
        leaf_index: index,
        leaf_path: capture_tree::path(&leaves, index).unwrap(),
        evidence,
        note: published.then(|| note(&log.checkpoint(), 3).to_text()),
    }
}

pub(crate) fn disclosure(number: u8) -> Disclosure {
    let OpenBody { seed, json } = body(number);
    let fields = top_level_fields(&json).unwrap();
    let fields = fields.iter().map(|(name, value)| (name.as_ref(), *value));
    Disclosure::open(&seed, fields, |name| name == "epcList").unwrap()
}
