//! A ledger small enough to read, for tests: honest in what it builds, and able to lie on request.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use contracts::{AnnounceSecret, RetireKey};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use merkle::map::{self, Page, Path};
use merkle::{Digest, Rfc9162Sha256, TreeHash};
use parking_lot::Mutex;
use party::{Member, MemberId, Members};
use statement::{
    Act, Bundle, Capture, Checkpoint, Commitment, Content, Evidence, Genesis, Header, Height,
    HistoryProof, HistoryRecord, ItemSecret, Leaf, LeafIndex, LogIndex, LogSize, Note, OpenBody,
    Position, Receipt, RequestId, Seed, SigningKey, StateHash, Statement, Tag, body_digest,
    capture_tree, contents_digest, history_key, members_digest, state_value_digest,
};
use tokio::sync::watch;

use crate::{Archive, Block, Entry, Error, History};

/// Nine o'clock, an hour after the events of tests begin: blocks are decided from then on.
const NINE_MS: i64 = 1_795_165_200_000;

/// How a ledger may lie about a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lie {
    #[default]
    None,
    /// Leaves out the last position, and counts on nobody counting.
    CutLast,
    /// Leaves out the last position, and says that the state holds so many.
    CutLastAndCount,
    /// Adds a position that is another tag's.
    Add,
    /// Answers, all in good order, from the state of an earlier height.
    Old(u64),
    /// Answers nothing.
    Mute,
    /// Says another count than it proves.
    Miscount,
    /// Answers with the proof for another tag.
    OtherTag,
}

/// One edition of the state: what held after one block.
#[derive(Clone, Debug)]
struct Edition {
    header: Header,
    histories: BTreeMap<Tag, Vec<Position>>,
    pages: BTreeMap<Path, Page>,
}

#[derive(Debug)]
pub(crate) struct SmallLedger {
    members: Mutex<Members>,
    blocks: Mutex<Vec<Block>>,
    editions: Mutex<Vec<Edition>>,
    /// Positions that this ledger's state does not count: a quorum that lies.
    pub(crate) hidden: Mutex<Vec<Position>>,
    pub(crate) lie: Mutex<Lie>,
    /// What the next calls for blocks yield instead of blocks; `None` ends the stream.
    pub(crate) hiccups: Mutex<Vec<Option<Error>>>,
    grown: watch::Sender<u64>,
}

fn statement_key() -> SigningKey {
    SigningKey::from_bytes([1; 32])
}

fn receipt_key() -> SigningKey {
    SigningKey::from_bytes([2; 32])
}

pub(crate) fn issuer() -> MemberId {
    "hz-forwarder".parse().unwrap()
}

pub(crate) fn members() -> Members {
    members_of("demo")
}

/// A member who only looks on, and signs with a key of its own.
pub(crate) fn stranger() -> MemberId {
    "sky-air".parse().unwrap()
}

fn stranger_key() -> SigningKey {
    SigningKey::from_bytes([11; 32])
}

pub(crate) fn members_of(consortium: &str) -> Members {
    let member = Member {
        id: issuer(),
        roles: [party::Role::Carrier].into(),
        country: "CN".parse().unwrap(),
        sites: ["hangzhou".parse().unwrap()].into(),
        statement_key: statement_key().public(),
        receipt_key: receipt_key().public(),
        vote_key: SigningKey::from_bytes([3; 32]).public(),
        sealing_key: None,
    };
    let stranger = Member {
        id: stranger(),
        statement_key: stranger_key().public(),
        receipt_key: SigningKey::from_bytes([12; 32]).public(),
        vote_key: SigningKey::from_bytes([13; 32]).public(),
        ..member.clone()
    };
    let validators = [member.id.clone()].into();
    let link_key = SigningKey::from_bytes([14; 32]).public();
    Members::new(consortium.parse().unwrap(), vec![member, stranger], validators)
        .unwrap()
        .with_link_keys([("hangzhou".parse().unwrap(), link_key)].into())
        .unwrap()
}

/// An entry with a leaf and a body for each event, signed by the one member.
pub(crate) fn capture(request: u64, events: &[String]) -> Entry {
    capture_with(request, events, |_, tags| tags)
}

/// As [`capture`], with the tags of each leaf changed.
pub(crate) fn capture_with(
    request: u64,
    events: &[String],
    change: impl Fn(usize, Vec<Tag>) -> Vec<Tag>,
) -> Entry {
    let request_id = request_id(request);
    let (mut leaves, mut bodies) = (Vec::new(), Vec::new());
    for (place, json) in events.iter().enumerate() {
        let document = epcis::parse_document(json.as_bytes(), &epcis::Limits::default()).unwrap();
        let event = &document.events[0];
        let json = event.canonical_json();
        let number = u32::try_from(place).unwrap();
        let seed = Seed::derive(&[4; 32], &request_id, number, &json);
        let body = OpenBody { seed, json };
        let commitment = body.commitment(members().consortium(), &issuer()).unwrap();
        let body = body.encode();
        let tags = event.items().iter().map(|item| Tag::open(item.canonical())).collect();
        let tags = change(place, tags).into_iter().map(|tag| (tag, None)).collect();
        let leaf = Leaf::new(commitment, body_digest(&body), tags).unwrap();
        leaves.push(Bytes::from(leaf.encode()));
        bodies.push(Some(Bytes::from(body)));
    }
    sign(request_id, leaves, bodies)
}

/// An entry over leaves as they are.
pub(crate) fn sign(request_id: RequestId, leaves: Vec<Bytes>, bodies: Vec<Option<Bytes>>) -> Entry {
    sign_until(Height(1_000), request_id, leaves, bodies)
}

/// As [`sign`], with another last height.
pub(crate) fn sign_until(
    last_height: Height,
    request_id: RequestId,
    leaves: Vec<Bytes>,
    bodies: Vec<Option<Bytes>>,
) -> Entry {
    let payload = Capture {
        root: capture_tree::root(&leaves),
        count: u32::try_from(leaves.len()).unwrap(),
        request_id,
        last_height,
    };
    let statement = signed(&issuer(), Content::Capture, payload.encode());
    Entry { index: LogIndex(0), statement, leaves, bodies }
}

/// A statement by either member; its index is given when the block is made.
fn signed(by: &MemberId, content: Content, payload: Vec<u8>) -> Bytes {
    let key = if *by == issuer() { statement_key() } else { stranger_key() };
    let statement = Statement::sign(&key, members().consortium(), by, content, payload);
    Bytes::from(statement.unwrap().into_bytes())
}

/// An entry over leaves as they are, by either member.
pub(crate) fn sign_by(
    by: &MemberId,
    request: u64,
    leaves: Vec<Bytes>,
    bodies: Vec<Option<Bytes>>,
) -> Entry {
    let payload = Capture {
        root: capture_tree::root(&leaves),
        count: u32::try_from(leaves.len()).unwrap(),
        request_id: request_id(request),
        last_height: Height(1_000),
    };
    let statement = signed(by, Content::Capture, payload.encode());
    Entry { index: LogIndex(0), statement, leaves, bodies }
}

/// The announcement of an item's secret.
pub(crate) fn announce(by: &MemberId, secret: &ItemSecret, item: &str) -> Entry {
    announce_after(by, secret, item, None)
}

/// The announcement of an item's secret that takes over from another.
pub(crate) fn announce_after(
    by: &MemberId,
    secret: &ItemSecret,
    item: &str,
    predecessor: Option<&ItemSecret>,
) -> Entry {
    let act = Act {
        name: AnnounceSecret::NAME.into(),
        arguments: AnnounceSecret {
            secret_id: secret.id(),
            tag: Tag::keyed(secret, item),
            predecessor: predecessor.map(ItemSecret::id),
        }
        .encode(),
        request_id: RequestId([0xfe; 16]),
        last_height: Height(1_000),
    };
    let statement = signed(by, Content::Command, act.encode());
    Entry { index: LogIndex(0), statement, leaves: Vec::new(), bodies: Vec::new() }
}

fn request_id(request: u64) -> RequestId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&request.to_be_bytes());
    RequestId(id)
}

/// The same entry, signed with another key.
pub(crate) fn sign_again(entry: &Entry, key: &SigningKey) -> Entry {
    let old = Statement::decode(&entry.statement).unwrap();
    let payload = old.payload().to_vec();
    let new = Statement::sign(key, old.consortium(), old.issuer(), old.content(), payload);
    Entry { statement: Bytes::from(new.unwrap().into_bytes()), ..entry.clone() }
}

impl SmallLedger {
    /// A ledger with genesis in block 1.
    pub(crate) fn new() -> Self {
        let ledger = Self {
            members: Mutex::new(members()),
            blocks: Mutex::default(),
            editions: Mutex::default(),
            hidden: Mutex::default(),
            lie: Mutex::default(),
            hiccups: Mutex::default(),
            grown: watch::Sender::new(0),
        };
        let genesis = Genesis { time_ms: 1, members: members(), max_window: 100_000 };
        let statement = Statement::sign(
            &statement_key(),
            members().consortium(),
            &issuer(),
            Content::Genesis,
            genesis.encode(),
        )
        .unwrap();
        let statement = Bytes::from(statement.into_bytes());
        ledger.add(vec![Entry {
            index: LogIndex(0),
            statement,
            leaves: Vec::new(),
            bodies: Vec::new(),
        }]);
        ledger
    }

    /// Takes the events as one capture in one block.
    pub(crate) fn take(&self, events: &[String]) {
        let request = u64::try_from(self.blocks.lock().len()).unwrap();
        self.add(vec![capture(request, events)]);
    }

    /// As [`Self::take`], and shows the bodies to nobody.
    pub(crate) fn take_closed(&self, events: &[String]) {
        let request = u64::try_from(self.blocks.lock().len()).unwrap();
        let mut entry = capture(request, events);
        entry.bodies.fill(None);
        self.add(vec![entry]);
    }

    /// Gives the one member a new statement key, in a block of its own.
    pub(crate) fn renew_key(&self, key: &SigningKey) {
        self.renew_key_until(Height(1_000), key);
    }

    /// As [`Self::renew_key`], with another last height.
    pub(crate) fn renew_key_until(&self, last_height: Height, key: &SigningKey) {
        let consortium = members().consortium().clone();
        let act = Act {
            name: RetireKey::NAME.into(),
            arguments: RetireKey::sign(key, &consortium, &issuer()).encode(),
            request_id: RequestId([0xff; 16]),
            last_height,
        };
        let content = Content::Governance;
        let statement =
            Statement::sign(&statement_key(), &consortium, &issuer(), content, act.encode());
        let statement = Bytes::from(statement.unwrap().into_bytes());
        let mut all: Vec<Member> = members().iter().cloned().collect();
        all.iter_mut().find(|member| member.id == issuer()).unwrap().statement_key = key.public();
        let (validators, links) = (members().validators().clone(), members().link_keys().clone());
        let members = Members::new(consortium, all, validators).unwrap();
        *self.members.lock() = members.with_link_keys(links).unwrap();
        let (leaves, bodies) = (Vec::new(), Vec::new());
        self.add(vec![Entry { index: LogIndex(0), statement, leaves, bodies }]);
    }

    /// Makes a block of these entries.
    pub(crate) fn add(&self, mut entries: Vec<Entry>) {
        let mut blocks = self.blocks.lock();
        let mut editions = self.editions.lock();
        let mut histories =
            editions.last().map(|edition| edition.histories.clone()).unwrap_or_default();
        let mut pages = editions.last().map(|edition| edition.pages.clone()).unwrap_or_default();
        let mut log: Vec<Digest> = log_of(&blocks);
        for entry in &mut entries {
            entry.index = LogIndex(u64::try_from(log.len()).unwrap());
            log.push(Rfc9162Sha256::leaf(&entry.statement));
            for (leaf, place) in entry.leaves.iter().zip(0..) {
                let position = Position { index: entry.index, leaf: LeafIndex(place) };
                if self.hidden.lock().contains(&position) {
                    continue;
                }
                for (tag, _) in Leaf::decode(leaf).unwrap().tags {
                    histories.entry(tag).or_default().push(position);
                }
            }
        }
        let changes = histories
            .iter()
            .map(|(tag, positions)| {
                let record = HistoryRecord::of(positions).unwrap();
                (history_key(tag), Some(state_value_digest(&record.encode())))
            })
            .collect();
        let read = &mut |path: &Path| Ok::<_, merkle::Error>(pages.get(path).cloned());
        let update = map::update::<StateHash, _>(read, &changes).unwrap();
        for (path, page) in update.pages {
            match page {
                Some(page) => pages.insert(path, page),
                None => pages.remove(&path),
            };
        }
        let height = u64::try_from(blocks.len()).unwrap() + 1;
        let contents = entries.iter().map(|entry| (&entry.statement[..], &entry.leaves[..]));
        let header = Header {
            consortium: members().consortium().clone(),
            height: Height(height),
            parent: editions.last().map_or([0; 32], |edition| edition.header.hash()),
            time_ms: NINE_MS + i64::try_from(height).unwrap() * 1_000,
            contents: contents_digest(contents),
            log_size: LogSize(u64::try_from(log.len()).unwrap()),
            log_root: merkle::root::<Rfc9162Sha256>(&log),
            state_root: update.root,
            members: members_digest(&self.members.lock()),
        };
        blocks.push(Block { header: Bytes::from(header.encode()), entries });
        editions.push(Edition { header, histories, pages });
        self.grown.send_replace(height);
    }

    pub(crate) fn lie(&self, lie: Lie) {
        *self.lie.lock() = lie;
    }

    /// Changes a block as it will be shown; the state stays as it was.
    pub(crate) fn tamper(&self, height: u64, change: impl FnOnce(&mut Block)) {
        change(&mut self.blocks.lock()[usize::try_from(height).unwrap() - 1]);
    }

    pub(crate) fn block(&self, height: u64) -> Block {
        self.blocks.lock()[usize::try_from(height).unwrap() - 1].clone()
    }

    fn answer(&self, tag: &Tag, lie: Lie) -> History {
        let editions = self.editions.lock();
        let edition = match lie {
            Lie::Old(height) => &editions[usize::try_from(height).unwrap() - 1],
            _ => editions.last().unwrap(),
        };
        let note = Note::sign(&Checkpoint::of(&edition.header), &[(&issuer(), &receipt_key())]);
        let mut positions = edition.histories.get(tag).cloned().unwrap_or_default();
        let mut record = HistoryRecord::of(&positions);
        match lie {
            Lie::CutLast => drop(positions.pop()),
            Lie::CutLastAndCount => {
                positions.pop();
                record = HistoryRecord::of(&positions);
            }
            Lie::Add => positions.push(Position { index: LogIndex(1), leaf: LeafIndex(7) }),
            _ => {}
        }
        let proven = if lie == Lie::OtherTag { Tag::open("urn:x:other") } else { *tag };
        let read = &mut |path: &Path| Ok::<_, merkle::Error>(edition.pages.get(path).cloned());
        let state = map::prove::<StateHash, _>(read, &history_key(&proven)).unwrap();
        let mut count = record.map_or(0, |record| record.count);
        if lie == Lie::Miscount {
            count += 1;
        }
        let proof = HistoryProof { tag: proven, record, state, note };
        History { count, positions, proof: Bytes::from(proof.encode()) }
    }
}

/// The leaf hashes of the log that these blocks make.
fn log_of(blocks: &[Block]) -> Vec<Digest> {
    let entries = blocks.iter().flat_map(|block| &block.entries);
    entries.map(|entry| Rfc9162Sha256::leaf(&entry.statement)).collect()
}

#[async_trait]
impl Archive for std::sync::Arc<SmallLedger> {
    async fn blocks(
        &self,
        from: Height,
    ) -> Result<BoxStream<'static, Result<Block, Error>>, Error> {
        if let Some(hiccup) = self.hiccups.lock().pop() {
            return Ok(stream::iter(hiccup.map(Err)).boxed());
        }
        let start = (Self::clone(self), self.grown.subscribe(), from.0);
        let stream = stream::unfold(start, |(ledger, mut grown, height)| async move {
            grown.wait_for(|tip| *tip >= height).await.ok()?;
            let block = ledger.block(height);
            Some((Ok(block), (ledger, grown, height + 1)))
        });
        Ok(stream.boxed())
    }

    async fn history(&self, tag: &Tag) -> Result<History, Error> {
        match *self.lie.lock() {
            Lie::Mute => Err(Error::Unavailable { message: "mute".into() }),
            lie => Ok(self.answer(tag, lie)),
        }
    }

    async fn bundle(&self, commitment: &Commitment) -> Result<Bytes, Error> {
        let blocks = self.blocks.lock();
        let log = log_of(&blocks);
        for entry in blocks.iter().flat_map(|block| &block.entries) {
            for (place, leaf) in entry.leaves.iter().enumerate() {
                if Leaf::decode(leaf).unwrap().commitment != *commitment {
                    continue;
                }
                let leaf_index = LeafIndex(u32::try_from(place).unwrap());
                let at = usize::try_from(entry.index.0).unwrap();
                let path = merkle::inclusion_path::<Rfc9162Sha256>(&log, at).unwrap();
                let (index, size) = (entry.index, LogSize(u64::try_from(log.len()).unwrap()));
                let key = receipt_key();
                let consortium = members().consortium().clone();
                let receipt = Receipt::sign(
                    &key,
                    &consortium,
                    &issuer(),
                    &entry.statement,
                    index,
                    size,
                    &path,
                )
                .unwrap();
                let evidence = entry.bodies[place]
                    .as_ref()
                    .map_or(Evidence::Closed, |body| Evidence::Body(body.to_vec()));
                let bundle = Bundle {
                    statement: entry.statement.to_vec(),
                    receipt,
                    leaf: leaf.to_vec(),
                    leaf_index,
                    leaf_path: capture_tree::path(&entry.leaves, leaf_index).unwrap(),
                    evidence,
                    note: None,
                };
                return Ok(Bytes::from(bundle.encode()));
            }
        }
        Err(Error::NotFound { what: commitment.to_string() })
    }

    async fn height(&self) -> Result<Height, Error> {
        Ok(Height(*self.grown.borrow()))
    }
}
