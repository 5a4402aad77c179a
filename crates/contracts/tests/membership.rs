//! Membership, decided over a state that is a map in memory.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test reports by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use contracts::{Contracts, MemberRecord, RetireKey, reason};
use ledger::{Changes, Error, Failure, Machine, Rows, View};
use party::{ConsortiumId, KeyId, Member, MemberId, Members, SealingKey};
use statement::{Act, Content, Genesis, Height, RequestId, SigningKey, Statement};

#[derive(Default)]
struct State(BTreeMap<Vec<u8>, Vec<u8>>);

impl View for State {
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.get(key).cloned())
    }

    fn values(&self, prefix: &[u8]) -> Result<Rows, Error> {
        let rows = self.0.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(rows.map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}

impl State {
    fn take(&mut self, changes: Changes) {
        for (key, value) in changes {
            match value {
                Some(value) => drop(self.0.insert(key, value)),
                None => drop(self.0.remove(&key)),
            }
        }
    }

    fn apply(&mut self, height: u64, statement: &Statement) -> Result<(), Failure> {
        let changes = Contracts.apply(self, Height(height), 0, statement)?;
        // Pure: asking again gives the same answer.
        assert_eq!(Contracts.apply(self, Height(height), 0, statement), Ok(changes.clone()));
        self.take(changes);
        Ok(())
    }
}

fn demo() -> ConsortiumId {
    "demo".parse().unwrap()
}

fn id(name: &str) -> MemberId {
    name.parse().unwrap()
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes([number; 32])
}

fn members() -> Members {
    let member = |name: &str, first: u8| Member {
        id: id(name),
        roles: BTreeSet::from(["carrier".parse().unwrap()]),
        country: "BE".parse().unwrap(),
        sites: BTreeSet::from(["liege".parse().unwrap()]),
        statement_key: key(first).public(),
        receipt_key: key(first + 1).public(),
        vote_key: key(first + 2).public(),
        sealing_key: None,
    };
    let mut list = vec![member("sky-air", 10), member("es-post", 20)];
    // An X25519 key is no Ed25519 key, but its bytes may not stand for two things.
    let (x25519, x_wing) = (key(40).public().0, Box::new([7; SealingKey::X_WING_LEN]));
    list[1].sealing_key = Some(SealingKey { x25519, x_wing });
    let link_keys = BTreeMap::from([("liege".parse().unwrap(), key(41).public())]);
    let members = Members::new(demo(), list, BTreeSet::from([id("es-post")])).unwrap();
    members.with_link_keys(link_keys).unwrap()
}

fn founded() -> State {
    let mut state = State::default();
    let payload = Genesis { time_ms: 0, members: members(), max_window: 9 }.encode();
    let issuer = id("sky-air");
    let genesis = Statement::sign(&key(10), &demo(), &issuer, Content::Genesis, payload);
    state.apply(1, &genesis.unwrap()).unwrap();
    state
}

fn act(by: &SigningKey, content: Content, name: &str, arguments: Vec<u8>) -> Statement {
    let (request_id, last_height) = (RequestId([1; 16]), Height(9));
    let act = Act { name: name.to_owned(), arguments, request_id, last_height };
    Statement::sign(by, &demo(), &id("sky-air"), content, act.encode()).unwrap()
}

#[track_caller]
fn refused<T>(result: Result<T, Failure>, reason: &str) {
    match result.err().unwrap() {
        Failure::Refused(refusal) => assert_eq!(refusal.reason, reason, "{refusal}"),
        Failure::Broken(error) => assert_eq!(error.to_string(), reason),
    }
}

#[test]
fn genesis_makes_the_members_and_their_keys_known() {
    let state = founded();
    assert_eq!(Contracts.members(&state), Ok(members()));
    let of = |number| KeyId::of(&key(number).public());
    assert_eq!(Contracts.statement_key(&state, &id("sky-air"), &of(10)), Ok(key(10).public()));
    refused(Contracts.statement_key(&state, &id("sky-air"), &of(20)), "KEY_UNKNOWN");
    refused(Contracts.statement_key(&state, &id("sky-air"), &of(11)), "KEY_UNKNOWN");
    refused(Contracts.statement_key(&state, &id("nobody"), &of(10)), "MEMBER_UNKNOWN");
}

#[test]
fn nobody_is_a_member_before_genesis() {
    let state = State::default();
    let of = KeyId::of(&key(10).public());
    refused(Contracts.statement_key(&state, &id("sky-air"), &of), "MEMBER_UNKNOWN");
    assert!(matches!(Contracts.members(&state), Err(Failure::Broken(_))));
}

#[test]
fn a_retired_key_signs_no_more_and_is_remembered() {
    let mut state = founded();
    let retire = RetireKey::sign(&key(30), &demo(), &id("sky-air")).encode();
    let statement = act(&key(10), Content::Governance, RetireKey::NAME, retire.clone());
    state.apply(7, &statement).unwrap();
    let of = |number| KeyId::of(&key(number).public());
    assert_eq!(Contracts.statement_key(&state, &id("sky-air"), &of(30)), Ok(key(30).public()));
    refused(Contracts.statement_key(&state, &id("sky-air"), &of(10)), "KEY_UNKNOWN");
    let record = MemberRecord::decode(&state.0[&b"member/sky-air".to_vec()]).unwrap();
    assert_eq!(record.retired, [(key(10).public(), Height(7))]);
    assert!(!record.validator);

    // Neither the new key nor any that ever was can be registered again.
    let again = act(&key(30), Content::Governance, RetireKey::NAME, retire);
    refused(state.apply(8, &again), reason::KEY_IN_USE);
    for used in [10, 11, 12, 20, 21, 22, 40, 41] {
        let retire = RetireKey::sign(&key(used), &demo(), &id("sky-air")).encode();
        let statement = act(&key(30), Content::Governance, RetireKey::NAME, retire);
        refused(state.apply(8, &statement), reason::KEY_IN_USE);
    }
}

#[test]
fn acts_that_no_contract_knows_are_refused() {
    let mut state = founded();
    for content in [Content::Command, Content::Governance] {
        refused(state.apply(2, &act(&key(10), content, "fly", vec![])), reason::ACT_UNKNOWN);
    }
    let malformed = act(&key(10), Content::Governance, RetireKey::NAME, vec![1, 2, 3]);
    refused(state.apply(2, &malformed), "FIELD_INVALID");
}

#[test]
fn a_member_retires_only_so_many_keys() {
    let mut state = founded();
    for number in 0..64 {
        let (old, new) = if number == 0 { (10, 100) } else { (99 + number, 100 + number) };
        let retire = RetireKey::sign(&key(new), &demo(), &id("sky-air")).encode();
        let statement = act(&key(old), Content::Governance, RetireKey::NAME, retire);
        state.apply(7, &statement).unwrap();
    }
    let retire = RetireKey::sign(&key(200), &demo(), &id("sky-air")).encode();
    let one_more = act(&key(163), Content::Governance, RetireKey::NAME, retire);
    refused(state.apply(8, &one_more), reason::TOO_MANY_KEYS);
    // It still signs with the one that it has.
    let of = KeyId::of(&key(163).public());
    assert!(Contracts.statement_key(&state, &id("sky-air"), &of).is_ok());
}
