//! Between the generated types and the domain's: `.._out` for what is sent, `.._in` for what came.

pub(crate) mod exchange;
pub(crate) mod journey;
pub(crate) mod post;

use std::collections::BTreeMap;

use bytes::Bytes;
use capture::{Captured, Outcome};
use ledger::{History, StatementRecord, Status};
use merkle::Digest;
use party::{Country, Member, Members, PublicKey, Role, SealingKey, SiteId};
use statement::{Checkpoint, Commitment, Height, LeafIndex, LogIndex, LogSize, Position};
use trace::{Alert, Completeness, Gap, Step, StepState, Trace, TraceAlert};

use crate::field;
use crate::pb::gateway::v1 as gateway;
use crate::pb::ledger::v1 as record;
use crate::pb::member::v1 as member;
use crate::refusal::Refusal;

// === ledger ===

pub(crate) fn history_out(history: History) -> record::GetHistoryResponse {
    let position = |position: Position| record::Position {
        log_index: position.index.0,
        leaf_index: position.leaf.0,
    };
    record::GetHistoryResponse {
        count: history.count,
        root: bytes(&history.root),
        positions: history.positions.into_iter().map(position).collect(),
        proof: history.proof,
    }
}

pub(crate) const fn position_in(position: &record::Position) -> Position {
    Position { index: LogIndex(position.log_index), leaf: LeafIndex(position.leaf_index) }
}

pub(crate) fn status_out(status: Status) -> record::GetStatusResponse {
    record::GetStatusResponse {
        consortium: status.header.consortium.to_string(),
        height: status.header.height.0,
        tip: bytes(&status.hash),
        time_ms: status.header.time_ms,
        log_size: status.header.log_size.0,
        log_root: bytes(&status.header.log_root),
        state_root: bytes(&status.header.state_root),
        checkpoint_size: status.checkpoint_size.map_or(0, |size| size.0),
        pending: status.pending_statements,
    }
}

pub(crate) fn entry_out(record: StatementRecord) -> record::Entry {
    record::Entry {
        index: record.index.0,
        statement: record.statement,
        leaves: record.leaves,
        // A body is never empty, so empty bytes can stand for one that is not there.
        bodies: record.bodies.into_iter().map(Option::unwrap_or_default).collect(),
    }
}

pub(crate) fn entry_in(entry: record::Entry) -> trace::Entry {
    let body = |body: Bytes| (!body.is_empty()).then_some(body);
    trace::Entry {
        index: LogIndex(entry.index),
        statement: entry.statement,
        leaves: entry.leaves,
        bodies: entry.bodies.into_iter().map(body).collect(),
    }
}

// === member ===

const fn role_out(role: Role) -> member::Role {
    match role {
        Role::Trader => member::Role::Trader,
        Role::Carrier => member::Role::Carrier,
        Role::Customs => member::Role::Customs,
        Role::Bank => member::Role::Bank,
        Role::Regulator => member::Role::Regulator,
        Role::Observer => member::Role::Observer,
        Role::Operator => member::Role::Operator,
    }
}

fn role_in(path: &str, role: i32) -> Result<Role, Refusal> {
    Role::ALL
        .into_iter()
        .find(|ours| i32::from(role_out(*ours)) == role)
        .ok_or_else(|| Refusal::invalid(path, format_args!("is {role}, no role known here")))
}

pub(crate) fn member_out(one: &Member, all: &Members) -> member::Member {
    member::Member {
        id: one.id.to_string(),
        roles: one.roles.iter().map(|role| role_out(*role).into()).collect(),
        country: one.country.to_string(),
        sites: one.sites.iter().map(ToString::to_string).collect(),
        statement_key: bytes(&one.statement_key.0),
        receipt_key: bytes(&one.receipt_key.0),
        vote_key: bytes(&one.vote_key.0),
        validator: all.validators().contains(&one.id),
        sealing_key: one.sealing_key.as_ref().map(|key| member::SealingKey {
            x25519: bytes(&key.x25519),
            x_wing: Bytes::copy_from_slice(key.x_wing.as_slice()),
        }),
    }
}

pub(crate) fn link_keys_out(all: &Members) -> Vec<member::LinkKey> {
    let key = |(site, key): (&SiteId, &PublicKey)| member::LinkKey {
        site: site.to_string(),
        key: bytes(&key.0),
    };
    all.link_keys().iter().map(key).collect()
}

pub(crate) fn link_keys_in(
    keys: &[member::LinkKey],
) -> Result<BTreeMap<SiteId, PublicKey>, Refusal> {
    let key = |one: &member::LinkKey| {
        let key = PublicKey(field::array("link_keys.key", &one.key)?);
        Ok((field::site_id("link_keys.site", &one.site)?, key))
    };
    keys.iter().map(key).collect()
}

fn sealing_key_in(key: &member::SealingKey) -> Result<SealingKey, Refusal> {
    let x25519 = field::array("sealing_key.x25519", &key.x25519)?;
    let x_wing = Box::new(field::array("sealing_key.x_wing", &key.x_wing)?);
    Ok(SealingKey { x25519, x_wing })
}

pub(crate) fn member_in(one: &member::Member) -> Result<Member, Refusal> {
    let country: Country = one
        .country
        .parse()
        .map_err(|error| Refusal::invalid("country", format_args!("is no country: {error}")))?;
    let site = |site: &String| {
        site.parse().map_err(|error| Refusal::invalid("sites", format_args!("{error}")))
    };
    Ok(Member {
        id: field::member_id("id", &one.id)?,
        roles: one.roles.iter().map(|role| role_in("roles", *role)).collect::<Result<_, _>>()?,
        country,
        sites: one.sites.iter().map(site).collect::<Result<_, _>>()?,
        statement_key: PublicKey(field::array("statement_key", &one.statement_key)?),
        receipt_key: PublicKey(field::array("receipt_key", &one.receipt_key)?),
        vote_key: PublicKey(field::array("vote_key", &one.vote_key)?),
        sealing_key: one.sealing_key.as_ref().map(sealing_key_in).transpose()?,
    })
}

// === gateway ===

pub(crate) fn captured_out(captured: Captured) -> gateway::CaptureEventsResponse {
    let outcome = |outcome: Outcome| gateway::CaptureOutcome {
        commitment: bytes(&outcome.commitment.0),
        leaf_index: outcome.leaf_index.0,
        event_id: outcome.event_id.unwrap_or_default(),
        repeated_event_id: outcome.repeated_event_id,
    };
    gateway::CaptureEventsResponse {
        index: captured.index.0,
        height: captured.height.0,
        state: record::StatementState::Committed.into(),
        outcomes: captured.outcomes.into_iter().map(outcome).collect(),
        repeated: captured.repeat,
    }
}

pub(crate) fn captured_in(answer: gateway::CaptureEventsResponse) -> Result<Captured, Refusal> {
    let outcome = |outcome: gateway::CaptureOutcome| {
        Ok(Outcome {
            commitment: field::commitment("outcomes.commitment", &outcome.commitment)?,
            leaf_index: LeafIndex(outcome.leaf_index),
            event_id: (!outcome.event_id.is_empty()).then_some(outcome.event_id),
            repeated_event_id: outcome.repeated_event_id,
        })
    };
    Ok(Captured {
        index: LogIndex(answer.index),
        height: Height(answer.height),
        repeat: answer.repeated,
        outcomes: answer.outcomes.into_iter().map(outcome).collect::<Result<_, Refusal>>()?,
    })
}

pub(crate) fn step_out(step: Step) -> gateway::Step {
    let state = match step.state {
        StepState::Open => gateway::StepState::Open,
        StepState::Opened => gateway::StepState::Opened,
        StepState::Closed => gateway::StepState::Closed,
    };
    gateway::Step {
        state: state.into(),
        event: step.event.unwrap_or_default(),
        event_time_ms: step.event_time_ms,
        block_time_ms: step.block_time_ms,
        issuer: step.issuer.to_string(),
        commitment: bytes(&step.commitment.0),
        index: step.index.0,
        leaf_index: step.leaf.0,
        height: step.height.0,
        via: step.via.unwrap_or_default(),
        alert: step.alert.map(|alert| alert.reason().to_owned()).unwrap_or_default(),
        bundle: step.bundle.unwrap_or_default(),
        sealed_with: step.sealed_with.unwrap_or_default(),
    }
}

pub(crate) fn step_in(step: gateway::Step) -> Result<Step, Refusal> {
    let some = |text: String| (!text.is_empty()).then_some(text);
    let state = match step.state() {
        gateway::StepState::Open => StepState::Open,
        gateway::StepState::Opened => StepState::Opened,
        gateway::StepState::Closed => StepState::Closed,
        gateway::StepState::Unspecified => return Err(Refusal::missing("steps.state")),
    };
    Ok(Step {
        state,
        sealed_with: some(step.sealed_with),
        event: some(step.event),
        event_time_ms: step.event_time_ms,
        block_time_ms: step.block_time_ms,
        issuer: field::member_id("steps.issuer", &step.issuer)?,
        commitment: Commitment(field::array("steps.commitment", &step.commitment)?),
        index: LogIndex(step.index),
        leaf: LeafIndex(step.leaf_index),
        height: Height(step.height),
        via: some(step.via),
        alert: some(step.alert).map(|word| alert_in("steps.alert", &word)).transpose()?,
        bundle: (!step.bundle.is_empty()).then_some(step.bundle),
    })
}

fn found_out(alert: TraceAlert) -> gateway::TraceAlert {
    gateway::TraceAlert {
        issuer: alert.issuer.to_string(),
        commitment: bytes(&alert.commitment.0),
        reason: alert.reason.reason().to_owned(),
    }
}

fn found_in(alert: &gateway::TraceAlert) -> Result<TraceAlert, Refusal> {
    Ok(TraceAlert {
        issuer: field::member_id("alerts.issuer", &alert.issuer)?,
        commitment: Commitment(field::array("alerts.commitment", &alert.commitment)?),
        reason: alert_in("alerts.reason", &alert.reason)?,
    })
}

/// What is off about a step; an alert that this client does not know must not be lost in silence.
fn alert_in(path: &str, word: &str) -> Result<Alert, Refusal> {
    Alert::ALL
        .into_iter()
        .find(|alert| alert.reason() == word)
        .ok_or_else(|| Refusal::invalid(path, format_args!("is {word}, unknown here")))
}

/// All of a trace but its steps.
pub(crate) fn trace_out(trace: Trace) -> gateway::TraceItemResponse {
    let gap = match trace.completeness {
        Completeness::Complete => None,
        Completeness::Incomplete { item, gap, detail } => {
            Some(gateway::Gap { item, reason: gap.reason().to_owned(), detail })
        }
    };
    gateway::TraceItemResponse {
        item: trace.item,
        complete: gap.is_none(),
        gap,
        count: trace.count,
        checkpoint: trace.checkpoint.as_ref().map(checkpoint_out),
        alerts: trace.alerts.into_iter().map(found_out).collect(),
        ..gateway::TraceItemResponse::default()
    }
}

/// All of a trace but its steps.
pub(crate) fn trace_in(answer: gateway::TraceItemResponse) -> Result<Trace, Refusal> {
    let completeness = match (answer.complete, answer.gap) {
        (true, None) => Completeness::Complete,
        (false, Some(gateway::Gap { item, reason, detail })) => {
            match Gap::ALL.into_iter().find(|gap| gap.reason() == reason) {
                Some(gap) => Completeness::Incomplete { item, gap, detail },
                // A later server may know doubts of which this client has no word.
                None => Completeness::Incomplete {
                    item,
                    gap: Gap::NoProof,
                    detail: format!("{reason}: {detail}"),
                },
            }
        }
        (true, Some(_)) => return Err(Refusal::invalid("gap", "contradicts `complete`")),
        (false, None) => return Err(Refusal::missing("gap")),
    };
    Ok(Trace {
        item: answer.item,
        completeness,
        count: answer.count,
        steps: Vec::new(),
        checkpoint: answer.checkpoint.as_ref().map(checkpoint_in).transpose()?,
        alerts: answer.alerts.iter().map(found_in).collect::<Result<_, _>>()?,
    })
}

fn checkpoint_out(checkpoint: &Checkpoint) -> gateway::Checkpoint {
    gateway::Checkpoint {
        consortium: checkpoint.consortium.to_string(),
        log_size: checkpoint.size.0,
        log_root: bytes(&checkpoint.log_root),
        height: checkpoint.height.0,
        time_ms: checkpoint.time_ms,
        state_root: bytes(&checkpoint.state_root),
    }
}

fn checkpoint_in(checkpoint: &gateway::Checkpoint) -> Result<Checkpoint, Refusal> {
    let consortium = checkpoint.consortium.parse().map_err(|error| {
        Refusal::invalid("checkpoint.consortium", format_args!("is no name: {error}"))
    })?;
    Ok(Checkpoint {
        consortium,
        size: LogSize(checkpoint.log_size),
        log_root: field::array("checkpoint.log_root", &checkpoint.log_root)?,
        height: Height(checkpoint.height),
        time_ms: checkpoint.time_ms,
        state_root: field::array("checkpoint.state_root", &checkpoint.state_root)?,
    })
}

fn bytes(digest: &Digest) -> Bytes {
    Bytes::copy_from_slice(digest)
}
