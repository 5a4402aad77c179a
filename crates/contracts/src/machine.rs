//! The machine: which statement changes what.

use std::collections::BTreeMap;

use ledger::{Changes, Failure, Machine, Refusal, View};
use party::{ConsortiumId, KeyId, MemberId, Members, PublicKey, SiteId};
use statement::{Act, Content, Genesis, Height, Statement, check_key};

use crate::announce::{self, AnnounceSecret};
use crate::record::{self, CONSORTIUM, LINK_KEYS, MEMBERS, MemberRecord};
use crate::retire::RetireKey;

/// The reasons that are the contracts' own.
pub mod reason {
    /// No contract has an act of this name.
    pub const ACT_UNKNOWN: &str = "ACT_UNKNOWN";
    /// The new key is, or was, registered by a member.
    pub const KEY_IN_USE: &str = "KEY_IN_USE";
    /// The member has retired as many statement keys as its record holds.
    pub const TOO_MANY_KEYS: &str = "TOO_MANY_KEYS";
    /// A secret of this id was announced before.
    pub const SECRET_KNOWN: &str = "SECRET_KNOWN";
    /// The predecessor was never announced.
    pub const SECRET_UNKNOWN: &str = "SECRET_UNKNOWN";
    /// The predecessor has a successor already.
    pub const SECRET_SUCCEEDED: &str = "SECRET_SUCCEEDED";
    /// The predecessor was announced by another member.
    pub const SECRET_NOT_YOURS: &str = "SECRET_NOT_YOURS";
}

/// How many statement keys a member may retire: every statement reads its issuer's record, and every
/// retirement reads those of all members.
const MAX_RETIRED: usize = 64;

/// The rules of a consortium, as a machine that a ledger runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contracts;

impl Machine for Contracts {
    fn statement_key(
        &self,
        view: &dyn View,
        issuer: &MemberId,
        key_id: &KeyId,
    ) -> Result<PublicKey, Failure> {
        let record = member(view, issuer)?;
        let key = record.member.statement_key;
        if KeyId::of(&key) == *key_id {
            return Ok(key);
        }
        let retired = record.retired.iter().find(|(key, _)| KeyId::of(key) == *key_id);
        let message = match retired {
            Some((_, height)) => format!("{issuer} retired this key at height {height}"),
            None => format!("{issuer} has registered no statement key {key_id}"),
        };
        Err(Refusal::new(ledger::reason::KEY_UNKNOWN, message).at("statement").into())
    }

    fn apply(
        &self,
        view: &dyn View,
        height: Height,
        _time_ms: i64,
        statement: &Statement,
    ) -> Result<Changes, Failure> {
        match statement.content() {
            // What a capture changes, the ledger knows: the log, and the histories of its tags.
            Content::Capture => Ok(Changes::new()),
            Content::Genesis => found(statement),
            Content::Governance => govern(view, height, statement),
            _ => command(view, height, statement),
        }
    }

    fn members(&self, view: &dyn View) -> Result<Members, Failure> {
        let records = records(view)?;
        let validators = records
            .iter()
            .filter(|record| record.validator)
            .map(|record| record.member.id.clone())
            .collect();
        let members = records.into_iter().map(|record| record.member).collect();
        let link_keys = link_keys(view)?;
        Members::new(consortium(view)?, members, validators)
            .and_then(|members| members.with_link_keys(link_keys))
            .map_err(|error| record::damaged(&error.to_string()).into())
    }
}

/// Puts the members of genesis into the state.
fn found(statement: &Statement) -> Result<Changes, Failure> {
    let genesis = Genesis::decode(statement.payload()).map_err(refuse)?;
    let members = &genesis.members;
    let consortium = record::encode_consortium(members.consortium());
    let link_keys = members.link_keys();
    for key in link_keys.values() {
        check_key(key).map_err(refuse)?;
    }
    let link_keys = record::encode_link_keys(link_keys);
    let mut changes =
        vec![(CONSORTIUM.to_vec(), Some(consortium)), (LINK_KEYS.to_vec(), Some(link_keys))];
    for member in members.iter() {
        for key in member.keys() {
            check_key(key).map_err(refuse)?;
        }
        let validator = members.validators().contains(&member.id);
        let record = MemberRecord { member: member.clone(), validator, retired: Vec::new() };
        changes.push((record::key(&member.id), Some(record.encode())));
    }
    Ok(changes)
}

fn command(view: &dyn View, height: Height, statement: &Statement) -> Result<Changes, Failure> {
    let act = decode_act(statement)?;
    match act.name.as_str() {
        AnnounceSecret::NAME => announce::apply(view, height, statement.issuer(), &act),
        name => Err(unknown(name, "command")),
    }
}

fn govern(view: &dyn View, height: Height, statement: &Statement) -> Result<Changes, Failure> {
    let act = decode_act(statement)?;
    match act.name.as_str() {
        RetireKey::NAME => retire_key(view, height, statement, &act),
        name => Err(unknown(name, "act of governance")),
    }
}

/// Replaces the issuer's own statement key; nobody can replace another's.
fn retire_key(
    view: &dyn View,
    height: Height,
    statement: &Statement,
    act: &Act,
) -> Result<Changes, Failure> {
    let issuer = statement.issuer();
    let retire = RetireKey::decode(&act.arguments)?;
    retire.verify(statement.consortium(), issuer)?;
    let new_id = KeyId::of(&retire.new_key);
    let used = |record: &MemberRecord| {
        let retired = record.retired.iter().map(|(key, _)| KeyId::of(key));
        // By id, as the set of members counts them: two keys of one id would leave it unsound.
        record.member.key_ids().chain(retired).any(|id| id == new_id)
    };
    let links = link_keys(view)?;
    if let Some((site, _)) = links.iter().find(|(_, key)| KeyId::of(key) == new_id) {
        let message = format!("the new key is the link key of {site}");
        return Err(Refusal::new(reason::KEY_IN_USE, message).at("arguments.new_key").into());
    }
    if let Some(record) = records(view)?.iter().find(|record| used(record)) {
        let message = format!("the new key is, or was, one of {}", record.member.id);
        return Err(Refusal::new(reason::KEY_IN_USE, message).at("arguments.new_key").into());
    }
    let mut record = member(view, issuer)?;
    if record.retired.len() >= MAX_RETIRED {
        let message = format!("{issuer} has retired {MAX_RETIRED} keys, and may retire no more");
        return Err(Refusal::new(reason::TOO_MANY_KEYS, message).at("statement.name").into());
    }
    record.retired.push((record.member.statement_key, height));
    record.member.statement_key = retire.new_key;
    Ok(vec![(record::key(issuer), Some(record.encode()))])
}

fn member(view: &dyn View, id: &MemberId) -> Result<MemberRecord, Failure> {
    match view.value(&record::key(id))? {
        Some(row) => Ok(MemberRecord::decode(&row)?),
        None => {
            let message = format!("{id} is no member of this consortium");
            let refusal = Refusal::new(ledger::reason::MEMBER_UNKNOWN, message);
            Err(refusal.at("statement").into())
        }
    }
}

fn records(view: &dyn View) -> Result<Vec<MemberRecord>, Failure> {
    let rows = view.values(MEMBERS)?;
    rows.iter().map(|(_, row)| Ok(MemberRecord::decode(row)?)).collect()
}

fn consortium(view: &dyn View) -> Result<ConsortiumId, Failure> {
    let row = view.value(CONSORTIUM)?.ok_or_else(|| record::damaged("no consortium is founded"))?;
    Ok(record::decode_consortium(&row)?)
}

fn link_keys(view: &dyn View) -> Result<BTreeMap<SiteId, PublicKey>, Failure> {
    let row = view.value(LINK_KEYS)?.ok_or_else(|| record::damaged("it has no link keys"))?;
    Ok(record::decode_link_keys(&row)?)
}

fn decode_act(statement: &Statement) -> Result<Act, Failure> {
    Ok(Act::decode(statement.payload()).map_err(refuse)?)
}

fn unknown(name: &str, kind: &str) -> Failure {
    let message = format!("there is no {kind} named {name:?}");
    Refusal::new(reason::ACT_UNKNOWN, message).at("statement.name").into()
}

fn refuse(error: statement::Error) -> Refusal {
    Refusal::new(error.reason(), error.to_string()).at("statement")
}
