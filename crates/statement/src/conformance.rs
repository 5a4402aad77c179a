//! Guards the wire types: a hash over many encodings of each, so that no byte changes unnoticed.

use blake3::Hasher;
use merkle::map::{Proof, Terminal};
use party::KeyId;

use crate::cast::{self, Shown, VALIDATORS, consortium, id, key, members};
use crate::{
    Act, Body, Bundle, Capture, Checkpoint, Commitment, Content, Disclosure, Error, Evidence,
    Genesis, Header, Height, HistoryProof, HistoryRecord, ItemSecret, Leaf, LeafIndex, LogIndex,
    LogSize, Mark, Note, OpenBody, Position, ReaderEntry, Receipt, RequestId, SealedBody, Seed,
    Statement, Tag, body_digest, contents_digest, history_key, members_digest, state_key,
    state_value_digest,
};

/// How many encodings of each type are hashed.
const ROUNDS: u64 = 64;

/// Bytes that look random and are the same every time.
struct Chance(blake3::OutputReader);

impl Chance {
    fn of(name: &str, round: u64) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(name.as_bytes()).update(&round.to_be_bytes());
        Self(hasher.finalize_xof())
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }

    /// A number of any width that CBOR writes, small ones as often as large ones.
    fn number(&mut self) -> u64 {
        let shift = u32::from(self.bytes::<1>()[0]) % 64;
        u64::from_be_bytes(self.bytes()) >> shift
    }

    fn up_to(&mut self, limit: u64) -> u64 {
        self.number() % (limit + 1)
    }

    fn text(&mut self) -> String {
        let length = self.up_to(300);
        (0..length).map(|_| char::from(b' ' + self.bytes::<1>()[0] % 90)).collect()
    }
}

/// Hashes [`ROUNDS`] encodings and compares with what they were when this was written.
fn conform(name: &str, expected: &str, mut encode: impl FnMut(&mut Chance) -> Vec<u8>) {
    let mut hasher = Hasher::new();
    for round in 0..ROUNDS {
        let bytes = encode(&mut Chance::of(name, round));
        hasher.update(&u64::try_from(bytes.len()).unwrap().to_be_bytes()).update(&bytes);
    }
    assert_eq!(hasher.finalize().to_hex().as_str(), expected, "{name} changed on the wire");
}

/// Checks that a decoder takes `bytes`, and no other encoding of the same meaning.
fn strict<T: std::fmt::Debug>(bytes: &[u8], decode: impl Fn(&[u8]) -> Result<T, Error>) {
    strict_of(1, bytes, decode);
}

/// The same for a format of that version.
fn strict_of<T: std::fmt::Debug>(
    known: u8,
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, Error>,
) {
    decode(bytes).unwrap();
    let count = bytes[0] - 0x80;
    let wasteful = [&[0x98, count], &bytes[1..]].concat();
    let endless = [&[0x9f], &bytes[1..], &[0xff]].concat();
    let version = [&bytes[..1], &[0x18, known], &bytes[2..]].concat();
    for other in [wasteful, endless, version] {
        assert!(matches!(decode(&other), Err(Error::NotDeterministic { .. })), "{other:02x?}");
    }
    let longer = [bytes, &[0]].concat();
    assert!(matches!(decode(&longer), Err(Error::Malformed { .. })));
    for length in 0..bytes.len() {
        assert!(decode(&bytes[..length]).is_err(), "{length} bytes");
    }
    let newer = [&bytes[..1], &[known + 1], &bytes[2..]].concat();
    let newer = decode(&newer).unwrap_err();
    assert!(matches!(newer, Error::Version { found, .. } if found == u64::from(known) + 1));
}

#[test]
fn capture_payloads_stay_as_they_are() {
    conform(
        "capture",
        "a3cf2c5e00f1394dc9ddb156a1c8c04e92a1e25d6cee92c81b5955ef53f1e4b9",
        |chance| {
            let capture = Capture {
                root: chance.bytes(),
                count: 1 + u32::try_from(chance.up_to(9_999)).unwrap(),
                request_id: RequestId(chance.bytes()),
                last_height: Height(chance.number()),
            };
            let bytes = capture.encode();
            strict(&bytes, Capture::decode);
            assert_eq!(Capture::decode(&bytes), Ok(capture));
            bytes
        },
    );
}

#[test]
fn act_payloads_stay_as_they_are() {
    conform("act", "1e0951dc4d60fd9b4e0498c257bfc3b03d251e61ca5d957d66869d655e365aac", |chance| {
        let act = Act {
            name: hex::encode(chance.bytes::<8>()),
            arguments: chance.text().into_bytes(),
            request_id: RequestId(chance.bytes()),
            last_height: Height(chance.number()),
        };
        let bytes = act.encode();
        strict(&bytes, Act::decode);
        assert_eq!(Act::decode(&bytes), Ok(act));
        bytes
    });
}

#[test]
fn genesis_payloads_stay_as_they_are() {
    conform(
        "genesis",
        "7d124937afef996374d7d7df9341cc0ef1e86d71a594540b5aa3feac8fd7ed02",
        |chance| {
            let time_ms = i64::from_be_bytes(chance.bytes());
            let genesis = Genesis { time_ms, members: members(), max_window: chance.number() };
            let bytes = genesis.encode();
            strict(&bytes, Genesis::decode);
            assert_eq!(Genesis::decode(&bytes), Ok(genesis));
            bytes
        },
    );
}

#[test]
fn leaves_stay_as_they_are() {
    conform("leaf", "5df512c56545d94468bf8e10e61becb3d13e77af2334b91963e3cdd9a591a3aa", |chance| {
        let tag = |chance: &mut Chance| {
            let keyed = chance.up_to(1) == 1;
            (Tag(chance.bytes()), keyed.then(|| Mark(chance.bytes())))
        };
        let tags = (0..chance.up_to(40)).map(|_| tag(chance)).collect();
        let leaf = Leaf::new(Commitment(chance.bytes()), chance.bytes(), tags).unwrap();
        let bytes = leaf.encode();
        strict(&bytes, Leaf::decode);
        assert_eq!(Leaf::decode(&bytes), Ok(leaf));
        bytes
    });
}

#[test]
fn open_bodies_stay_as_they_are() {
    conform("body", "f37bd10094683a3c167a9aa525212ca132ea8c76ea942d5c0567267492338acd", |chance| {
        let body = OpenBody { seed: Seed::from_bytes(chance.bytes()), json: chance.text() };
        let bytes = body.encode();
        strict(&bytes, OpenBody::decode);
        assert_eq!(OpenBody::decode(&bytes), Ok(body));
        bytes
    });
}

#[test]
fn sealed_bodies_stay_as_they_are() {
    conform(
        "sealed body",
        "de65ca171b75331bae9165b07672ec5f390c10635b2a5bb58507b73852fdc61c",
        |chance| {
            let part =
                |chance: &mut Chance| [&chance.bytes::<1>(), chance.text().as_bytes()].concat();
            let parts = (0..=chance.up_to(15)).map(|_| part(chance)).collect();
            let body = SealedBody { parts };
            let bytes = body.encode();
            strict_of(2, &bytes, SealedBody::decode);
            assert_eq!(Body::decode(&bytes), Ok(Body::Sealed(body)));
            [&bytes[..], &body_digest(&bytes)].concat()
        },
    );
}

#[test]
fn reader_entries_stay_as_they_are() {
    conform(
        "reader entry",
        "584f9ccf5c58f858ff76fdedfb5fd6555497a22235661b3cb2c8cf473defa575",
        |chance| {
            let mut wrapped = [0; 48];
            wrapped.copy_from_slice(&[chance.bytes::<16>(); 3].concat());
            let entry = ReaderEntry {
                consortium: consortium(),
                commitment: Commitment(chance.bytes()),
                body_digest: chance.bytes(),
                part: u32::try_from(chance.up_to(15)).unwrap(),
                sealer: id(cast::TRADER),
                reader: id(VALIDATORS[usize::try_from(chance.up_to(3)).unwrap()]),
                reader_key: KeyId(chance.bytes()),
                handle: [&chance.bytes::<1>(), chance.text().as_bytes()].concat(),
                mac: chance.bytes(),
                wrapped,
                signature: [0; 64],
            };
            let entry = entry.sign(&key(cast::TRADER, "statement"));
            let bytes = entry.encode();
            strict(&bytes, ReaderEntry::decode);
            assert_eq!(ReaderEntry::decode(&bytes), Ok(entry.clone()));
            [&bytes[..], &entry.context(), &entry.id()].concat()
        },
    );
}

#[test]
fn headers_stay_as_they_are() {
    conform(
        "header",
        "a627332e0f04e34fe91d3820064fa824aea07c9c186b2f766032c0b5d87dc8d0",
        |chance| {
            let header = Header {
                consortium: consortium(),
                height: Height(chance.number()),
                parent: chance.bytes(),
                time_ms: i64::from_be_bytes(chance.bytes()),
                contents: chance.bytes(),
                log_size: LogSize(chance.number()),
                log_root: chance.bytes(),
                state_root: chance.bytes(),
                members: members_digest(&members()),
            };
            let bytes = header.encode();
            strict(&bytes, Header::decode);
            assert_eq!(Header::decode(&bytes), Ok(header.clone()));
            [&bytes[..], &header.hash()].concat()
        },
    );
}

/// A note over a checkpoint made by chance.
fn note(chance: &mut Chance) -> Note {
    let checkpoint = Checkpoint {
        consortium: consortium(),
        size: LogSize(chance.number()),
        log_root: chance.bytes(),
        height: Height(chance.number()),
        time_ms: i64::from_be_bytes(chance.bytes()),
        state_root: chance.bytes(),
    };
    cast::note(&checkpoint, usize::try_from(chance.up_to(4)).unwrap())
}

#[test]
fn notes_stay_as_they_are() {
    conform("note", "30c57ea7b6995e0052e9e47af15b12ea79056643f0ea59849651cc2c279e41d2", |chance| {
        let note = note(chance);
        let text = note.to_text();
        assert_eq!(Note::parse(&text), Ok(note));
        text.into_bytes()
    });
}

#[test]
fn history_records_and_proofs_stay_as_they_are() {
    conform(
        "history",
        "7f708cb4c133e5ac4499a6104590644b0b1bcf452ae6b328ed9f48b82998317e",
        |chance| {
            let record = HistoryRecord { count: 1 + chance.up_to(1 << 40), root: chance.bytes() };
            strict(&record.encode(), HistoryRecord::decode);
            let terminal = match chance.up_to(2) {
                0 => Terminal::Entry,
                1 => Terminal::Empty,
                _ => Terminal::Other { key: chance.bytes(), value: chance.bytes() },
            };
            let siblings = (0..chance.up_to(64)).map(|_| chance.bytes()).collect();
            let proof = HistoryProof {
                tag: Tag(chance.bytes()),
                record: (chance.up_to(1) == 1).then_some(record),
                state: Proof { siblings, terminal },
                note: note(chance),
            };
            let bytes = proof.encode();
            strict(&bytes, HistoryProof::decode);
            assert_eq!(HistoryProof::decode(&bytes), Ok(proof));
            let leaf = LeafIndex(u32::from_be_bytes(chance.bytes()));
            let position = Position { index: LogIndex(chance.number()), leaf };
            [&record.encode()[..], &bytes, &position.encode(), &position.leaf_hash()].concat()
        },
    );
}

#[test]
fn statements_stay_as_they_are() {
    conform(
        "statement",
        "8691d58002fe9553b9d3b1eed01edb0c25f5d5a18082367b1979d6447f62ccec",
        |chance| {
            let (request_id, last_height) = (RequestId(chance.bytes()), Height(chance.number()));
            let arguments = chance.text().into_bytes();
            let act = Act { name: "show".into(), arguments, request_id, last_height };
            let contents = [Content::Command, Content::Governance];
            let content = contents[usize::try_from(chance.up_to(1)).unwrap()];
            let statement = cast::sign(cast::TRADER, content, act.encode());
            assert_eq!(Statement::decode(statement.as_bytes()), Ok(statement.clone()));
            statement.into_bytes()
        },
    );
}

#[test]
fn receipts_stay_as_they_are() {
    conform(
        "receipt",
        "381d71cdd9d26ba23aeaeac4e89f8a1726aca42e1653389c1d29ac786d6c7176",
        |chance| {
            let statement = cast::capture_statement(&cast::leaves(1));
            let path = [chance.bytes(), chance.bytes(), chance.bytes()];
            let (index, size) = (LogIndex(chance.up_to(7)), LogSize(8));
            let (member, key) = (id(VALIDATORS[1]), key(VALIDATORS[1], "receipt"));
            let bytes = statement.as_bytes();
            let receipt =
                Receipt::sign(&key, &consortium(), &member, bytes, index, size, &path).unwrap();
            let facts = Receipt::verify(&receipt, &statement, &members()).unwrap();
            assert_eq!((facts.index, facts.size, facts.member), (index, size, member));
            receipt
        },
    );
}

#[test]
fn bundles_stay_as_they_are() {
    let shown = [Shown::Nothing, Shown::Body, Shown::Fields];
    conform(
        "bundle",
        "69a0b69e25324a0042d733af65c81dd9df7adc2b3cdff23437b49f06c2767af0",
        |chance| {
            let shown = shown[usize::try_from(chance.up_to(2)).unwrap()];
            let leaves = 1 + u8::try_from(chance.up_to(9)).unwrap();
            let bundle = cast::bundle(shown, leaves, chance.up_to(1) == 1);
            let bytes = bundle.encode();
            if let Evidence::Fields(disclosure) = &bundle.evidence {
                strict(&disclosure.encode(), Disclosure::decode);
            }
            assert_eq!(Bundle::decode(&bytes), Ok(bundle));
            bytes
        },
    );
}

#[test]
fn tags_marks_and_digests_stay_as_they_are() {
    conform(
        "digests",
        "f8a6030bec056a66f2b611eaeb986e8ec33ab867f7d98adad7b00de284480150",
        |chance| {
            let secret = ItemSecret::from_bytes(chance.bytes());
            let item = chance.text();
            let (open, keyed) = (Tag::open(&item), Tag::keyed(&secret, &item));
            let commitment = Commitment(chance.bytes());
            let mark = Mark::new(&secret, &consortium(), &id("zj-merchant"), &commitment, &keyed);
            let leaves = [chance.text(), chance.text()];
            let entry = (item.as_bytes(), &leaves[..]);
            let seed_key = chance.bytes();
            let seed = Seed::derive(&seed_key, &RequestId(chance.bytes()), 7, &item);
            [
                &open.0[..],
                &keyed.0,
                &mark.0,
                &secret.id(),
                &history_key(&open),
                &state_key("member", item.as_bytes()),
                &state_value_digest(item.as_bytes()),
                &contents_digest([entry].into_iter()),
                seed.as_bytes(),
                seed.salt(&item).as_bytes(),
                &seed.salt(&item).hide(&item),
            ]
            .concat()
        },
    );
}
