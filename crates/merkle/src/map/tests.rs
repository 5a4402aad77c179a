//! The map against its definition: three lines that hash every entry from scratch.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::page::Slot;
use super::{EMPTY, MapHash, Page, Path, Proof, Terminal, prove, root, update};
use crate::{Digest, Error};

/// A hash for tests, in contexts of its own.
struct H;

impl MapHash for H {
    fn leaf(key: &Digest, value: &Digest) -> Digest {
        hash("map test leaf", key, value)
    }

    fn node(left: &Digest, right: &Digest) -> Digest {
        hash("map test node", left, right)
    }
}

fn hash(context: &str, one: &Digest, two: &Digest) -> Digest {
    *blake3::Hasher::new_derive_key(context).update(one).update(two).finalize().as_bytes()
}

type Entries = BTreeMap<Digest, Digest>;

/// The definition in [`super`]'s documentation, from the `depth`-th bit on.
fn naive(entries: &[(Digest, Digest)], depth: usize) -> Digest {
    match entries {
        [] => EMPTY,
        [(key, value)] => H::leaf(key, value),
        _ => {
            let zeros = |(key, _): &(Digest, Digest)| key[depth / 8] << (depth % 8) & 0x80 == 0;
            let (left, right) = entries.split_at(entries.partition_point(zeros));
            H::node(&naive(left, depth + 1), &naive(right, depth + 1))
        }
    }
}

fn naive_root(entries: &Entries) -> Digest {
    naive(&entries.iter().map(|(key, value)| (*key, *value)).collect::<Vec<_>>(), 0)
}

/// Pages as a store has them: bytes.
#[derive(Clone, Debug, Default, PartialEq)]
struct Store(BTreeMap<Vec<u8>, Vec<u8>>);

impl Store {
    fn read(&self) -> impl FnMut(&Path) -> Result<Option<Page>, Error> {
        |path| self.0.get(&path.to_bytes()).map(|bytes| Page::decode(bytes)).transpose()
    }

    /// Applies changes and writes the pages; each page written must differ from what was there.
    fn apply(&mut self, changes: &BTreeMap<Digest, Option<Digest>>) -> Digest {
        let update = update::<H, Error>(&mut self.read(), changes).unwrap();
        for (path, page) in update.pages {
            let path = path.to_bytes();
            let encoded = page.as_ref().map(Page::encode);
            assert_ne!(self.0.get(&path), encoded.as_ref(), "only what changed is written");
            match encoded {
                Some(bytes) => {
                    assert_eq!(Page::decode(&bytes).unwrap(), page.unwrap());
                    self.0.insert(path, bytes)
                }
                None => self.0.remove(&path),
            };
        }
        assert_eq!(root::<H, Error>(&mut self.read()), Ok(update.root));
        update.root
    }

    fn prove(&self, key: &Digest) -> Proof {
        prove::<H, Error>(&mut self.read(), key).unwrap()
    }

    /// The store of a map that got `entries` at once, and never anything else.
    fn of(entries: &Entries) -> Self {
        let mut store = Self::default();
        store.apply(&entries.iter().map(|(key, value)| (*key, Some(*value))).collect());
        store
    }
}

/// A spread key, as those of the house are.
fn key(n: u64) -> Digest {
    *blake3::hash(&n.to_be_bytes()).as_bytes()
}

fn value(n: u8) -> Digest {
    [n; 32]
}

/// Some entries with spread keys.
fn spread(count: u64) -> Entries {
    (0..count).map(|n| (key(n), value(u8::try_from(n % 251).unwrap()))).collect()
}

/// Keys that crowd: most share long beginnings, some differ in the last bit only.
fn crowded_key() -> impl Strategy<Value = Digest> {
    (prop::sample::select(vec![0_usize, 1, 2, 15, 30, 31]), 0_u8..4, 0_u8..8, 0_u8..3).prop_map(
        |(at, high, low, last)| {
            let mut key = [0x5a; 32];
            key[at] = high << 6 | low;
            key[31] ^= last;
            key
        },
    )
}

fn any_key() -> impl Strategy<Value = Digest> {
    prop_oneof![3 => crowded_key(), 1 => (0_u64..40).prop_map(key)]
}

/// Batches that set (few different values, so that some set what is set) and delete.
fn batches() -> impl Strategy<Value = Vec<BTreeMap<Digest, Option<Digest>>>> {
    let change = (any_key(), prop::option::of((0_u8..3).prop_map(value)));
    let batch = prop::collection::vec(change, 0..24).prop_map(|list| list.into_iter().collect());
    prop::collection::vec(batch, 1..10)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_history_leaves_the_root_and_the_pages_of_its_entries_alone(batches in batches()) {
        let (mut store, mut entries) = (Store::default(), Entries::new());
        for batch in batches {
            for (key, value) in &batch {
                match value {
                    Some(value) => entries.insert(*key, *value),
                    None => entries.remove(key),
                };
            }
            let root = store.apply(&batch);
            prop_assert_eq!(root, naive_root(&entries));
            prop_assert_eq!(&store, &Store::of(&entries));
        }
    }

    #[test]
    fn any_key_is_proved_to_map_to_what_it_maps_to_and_to_nothing_else(
        entries in prop::collection::btree_map(any_key(), (0_u8..3).prop_map(value), 0..40),
        wanted in any_key(),
        other in any_key(),
    ) {
        let store = Store::of(&entries);
        let root = naive_root(&entries);
        let proof = store.prove(&wanted);
        let maps_to = entries.get(&wanted);
        prop_assert_eq!(proof.verify::<H>(&root, &wanted, maps_to), Ok(()));

        let lie = if maps_to.is_some() { None } else { Some(&root) };
        prop_assert!(proof.verify::<H>(&root, &wanted, lie).is_err());
        prop_assert!(proof.verify::<H>(&root, &wanted, Some(&value(9))).is_err());
        prop_assert!(proof.verify::<H>(&value(9), &wanted, maps_to).is_err());
        // One proof may show of two keys that both map to nothing; nothing else carries over.
        if other != wanted && entries.contains_key(&other) {
            prop_assert!(proof.verify::<H>(&root, &other, None).is_err());
        }
    }

    #[test]
    fn bytes_that_decode_are_the_bytes_of_the_page(
        head in (0_u8..3, any::<u16>(), any::<u16>()),
        body in prop::collection::vec(any::<u8>(), 0..1600),
        exact in any::<bool>(),
    ) {
        let (version, entries, children) = head;
        let mut bytes = vec![version];
        bytes.extend(entries.to_be_bytes());
        bytes.extend(children.to_be_bytes());
        bytes.extend(body);
        if exact {
            // The length that makes most heads decode; found by trying, as a stranger would.
            let whole = (bytes.len() - 5) / 32 * 32 + 5;
            bytes.truncate(whole);
        }
        if let Ok(page) = Page::decode(&bytes) {
            prop_assert_eq!(page.encode(), bytes);
        }
    }
}

#[test]
fn a_map_without_keys_has_the_empty_root_and_no_page() {
    let mut store = Store::default();
    assert_eq!(root::<H, Error>(&mut store.read()), Ok(EMPTY));
    assert_eq!(store.apply(&BTreeMap::new()), EMPTY);
    assert_eq!(store.apply(&BTreeMap::from([(key(1), None)])), EMPTY);
    assert_eq!(store, Store::default());
    assert_eq!(store.prove(&key(1)), Proof { siblings: vec![], terminal: Terminal::Empty });
}

#[test]
fn one_entry_is_its_own_root_and_leaves_no_trace_when_deleted() {
    let mut store = Store::default();
    assert_eq!(
        store.apply(&BTreeMap::from([(key(1), Some(value(1)))])),
        H::leaf(&key(1), &value(1))
    );
    assert_eq!(store.prove(&key(1)), Proof { siblings: vec![], terminal: Terminal::Entry });
    assert_eq!(store.apply(&BTreeMap::from([(key(1), None)])), EMPTY);
    assert_eq!(store, Store::default());
}

#[test]
fn keys_that_differ_in_the_last_bit_go_all_the_way_down_and_come_back() {
    let (one, mut two) = ([0xab; 32], [0xab; 32]);
    two[31] ^= 1;
    let entries = Entries::from([(one, value(1)), (two, value(2))]);
    let mut store = Store::of(&entries);
    assert_eq!(store.0.len(), 64);
    let proof = store.prove(&one);
    assert_eq!((proof.siblings.len(), proof.terminal), (256, Terminal::Entry));
    assert_eq!(proof.verify::<H>(&naive_root(&entries), &one, Some(&value(1))), Ok(()));

    let root = store.apply(&BTreeMap::from([(two, None)]));
    assert_eq!(root, H::leaf(&one, &value(1)));
    assert_eq!(store.0.len(), 1);
}

#[test]
fn a_value_that_changes_rewrites_the_way_to_the_root_and_nothing_else() {
    let store = Store::of(&spread(2_000));
    let change = BTreeMap::from([(key(7), Some(value(255)))]);
    let pages = update::<H, Error>(&mut store.read(), &change).unwrap().pages;
    let depths: Vec<u8> = pages.keys().map(Path::depth).collect();
    assert_eq!(depths, (0..u8::try_from(pages.len()).unwrap()).collect::<Vec<_>>());
    assert!(pages.len() <= 5 && pages.values().all(Option::is_some));
}

#[test]
fn setting_what_is_set_and_deleting_what_is_not_there_writes_nothing() {
    let entries = spread(500);
    let store = Store::of(&entries);
    let mut changes: BTreeMap<_, _> = entries.iter().map(|(k, v)| (*k, Some(*v))).collect();
    changes.extend((1_000..1_500).map(|n| (key(n), None)));
    let update = update::<H, Error>(&mut store.read(), &changes).unwrap();
    assert_eq!((update.root, update.pages.len()), (naive_root(&entries), 0));
}

#[test]
fn no_page_is_read_twice_but_the_root_page() {
    let entries = spread(3_000);
    let store = Store::of(&entries);
    let (mut read, mut reads) = (store.read(), BTreeMap::<Path, u32>::new());
    let changes = entries.keys().step_by(3).map(|key| (*key, None)).collect();
    let mut counting = |path: &Path| {
        *reads.entry(*path).or_default() += 1;
        read(path)
    };
    update::<H, Error>(&mut counting, &changes).unwrap();
    assert_eq!(reads.remove(&Path::ROOT), Some(2));
    assert!(reads.len() > 200 && reads.values().all(|count| *count == 1));
}

#[test]
fn a_proof_spoiled_in_any_one_place_is_refused() {
    let entries = spread(60);
    let (store, root) = (Store::of(&entries), naive_root(&entries));
    let (mut empties, mut others) = (0, 0);
    for wanted in (0..160).map(key) {
        let (good, maps_to) = (store.prove(&wanted), entries.get(&wanted));
        assert_eq!(good.verify::<H>(&root, &wanted, maps_to), Ok(()));
        for bad in spoiled(&good) {
            let verdict = bad.verify::<H>(&root, &wanted, maps_to);
            assert!(verdict.is_err(), "{bad:?} instead of {good:?}");
        }
        empties += usize::from(good.terminal == Terminal::Empty);
        others += usize::from(matches!(good.terminal, Terminal::Other { .. }));
    }
    assert!(empties > 10 && others > 10, "both kinds of absence were tried");
}

/// Every way to spoil a proof in one place.
fn spoiled(good: &Proof) -> Vec<Proof> {
    let path = &good.siblings;
    let mut all = Vec::new();
    let mut add = |siblings: Vec<Digest>| all.push(Proof { siblings, terminal: good.terminal });
    for i in 0..path.len() {
        let mut flipped = path.clone();
        flipped[i][0] ^= 1;
        add(flipped);
        let mut dropped = path.clone();
        dropped.remove(i);
        add(dropped);
        for j in (0..i).filter(|j| path[i] != path[*j]) {
            let mut swapped = path.clone();
            swapped.swap(i, j);
            add(swapped);
        }
    }
    for i in 0..=path.len() {
        for added in [EMPTY, path.get(i).copied().unwrap_or([1; 32])] {
            let mut longer = path.clone();
            longer.insert(i, added);
            add(longer);
        }
    }
    let mut terminals = vec![Terminal::Entry, Terminal::Empty];
    terminals.push(Terminal::Other { key: key(5_000), value: value(1) });
    if let Terminal::Other { key, value } = good.terminal {
        for at in 0..32 {
            let (mut other_key, mut other_value) = (key, value);
            other_key[at] ^= 1;
            other_value[at] ^= 1;
            terminals.push(Terminal::Other { key: other_key, value });
            terminals.push(Terminal::Other { key, value: other_value });
        }
    }
    let terminals = terminals.into_iter().filter(|terminal| *terminal != good.terminal);
    all.extend(terminals.map(|terminal| Proof { siblings: path.clone(), terminal }));
    all
}

#[test]
fn a_refused_proof_says_why() {
    let entries = spread(20);
    let (store, root) = (Store::of(&entries), naive_root(&entries));
    let (there, absent) = (key(3), (100..).map(key).find(|k| is_other(&store.prove(k))).unwrap());
    let (entry, other) = (store.prove(&there), store.prove(&absent));

    let says = |proof: &Proof, key: &Digest, value: Option<&Digest>| {
        proof.verify::<H>(&root, key, value).unwrap_err()
    };
    assert_eq!(says(&entry, &there, None), Error::EntryProved);
    assert_eq!(says(&entry, &there, Some(&value(99))), Error::RootMismatch);
    assert_eq!(says(&other, &absent, Some(&value(1))), Error::AbsenceProved);
    let Terminal::Other { key: neighbour, .. } = other.terminal else { panic!("chosen so") };
    assert_eq!(says(&other, &neighbour, None), Error::TerminalIsKey);
    let mut far = absent;
    far[0] ^= 0x80;
    let depth = other.siblings.len();
    assert_eq!(says(&other, &far, None), Error::TerminalElsewhere { depth });
    let long = Proof { siblings: vec![EMPTY; 257], terminal: Terminal::Empty };
    assert_eq!(says(&long, &there, None), Error::PathLength { expected: 256, found: 257 });
}

fn is_other(proof: &Proof) -> bool {
    matches!(proof.terminal, Terminal::Other { .. })
}

#[test]
fn a_damaged_store_is_reported_with_the_page_named() {
    let entries = spread(300);
    let store = Store::of(&entries);
    let deep = store.0.keys().next_back().unwrap();
    let path = Path::from_bytes(deep).unwrap();
    let beneath = entries.keys().find(|key| path.leads_to(path.slot_of(key), key)).unwrap();
    let changes = BTreeMap::from([(*beneath, None)]);
    let both = |store: &Store| {
        let updated = update::<H, Error>(&mut store.read(), &changes).unwrap_err();
        assert_eq!(prove::<H, Error>(&mut store.read(), beneath), Err(updated.clone()));
        updated
    };

    let with = |page: &Page| {
        let mut store = store.clone();
        store.0.insert(deep.clone(), page.encode());
        both(&store)
    };

    let mut missing = store.clone();
    missing.0.remove(deep);
    assert_eq!(both(&missing), Error::PageMissing { path });

    // A page of another place.
    let (_, other) = store.0.iter().nth_back(1).unwrap();
    let what = "an entry of another page";
    assert_eq!(with(&Page::decode(other).unwrap()), Error::PageMisplaced { path, what });
    let root_page = store.read()(&Path::ROOT).unwrap().unwrap();
    assert_eq!(with(&root_page), Error::PageStale { path });

    // The page of this place, as it once was.
    let good = store.read()(&path).unwrap().unwrap();
    let mut stale = good;
    stale.put(path.slot_of(beneath), Slot::Entry { key: *beneath, value: value(255) });
    stale.rehash::<H>(u16::MAX);
    assert_eq!(with(&stale), Error::PageStale { path });

    let single = Store::of(&Entries::from([(*beneath, value(1))]));
    let what = "a single entry";
    let single = single.read()(&Path::ROOT).unwrap().unwrap();
    assert_eq!(with(&single), Error::PageMisplaced { path, what });
}

#[test]
fn a_page_has_one_encoding_and_every_other_length_is_refused() {
    let store = Store::of(&spread(300));
    assert!(store.0.len() > 16);
    for bytes in store.0.values() {
        assert!(bytes.len() <= 1_477);
        assert_eq!(Page::decode(bytes).unwrap().encode(), *bytes);
        for end in 0..bytes.len() {
            assert!(Page::decode(&bytes[..end]).is_err());
        }
        assert!(Page::decode(&[&bytes[..], &[0]].concat()).is_err());
        assert!(Page::decode(&[&bytes[..], &[0; 32]].concat()).is_err());
    }
}

#[test]
fn a_malformed_page_says_what_is_wrong() {
    let says = |bytes: &[u8]| Page::decode(bytes).unwrap_err().to_string();
    assert_eq!(says(&[1, 0]), "page of the map malformed: it is shorter than its head");
    assert!(says(&[2, 0, 1, 0, 0]).contains("version is unknown"));
    assert!(says(&[1, 0, 0, 0, 0]).contains("holds nothing"));
    assert!(says(&[1, 0, 1, 0, 1]).contains("both an entry and a page"));
    assert!(says(&[1, 0, 1, 0, 0]).contains("length"));
}

/// What must never change without a new version: the state roots of committed blocks.
#[test]
fn the_root_and_the_pages_of_a_known_map_stay_what_they_are() {
    let store = Store::of(&spread(1_000));
    let mut pages = blake3::Hasher::new();
    for (path, page) in &store.0 {
        pages.update(path).update(page);
    }
    assert_eq!(root::<H, Error>(&mut store.read()), Ok(naive_root(&spread(1_000))));
    assert_eq!(
        pages.finalize().to_hex().as_str(),
        "ec6f969729ab1abcb02141c0d760ea98a4b444b87c933c58b050d4600bc2a5cc"
    );
}
