//! Between the types of `quayside.keys.v1` and those of `keys` and `qkd`.

use bytes::Bytes;
use keys::{
    Counts, Direction, Drawn, Handle, KeyRow, KeyState, KeyUuid, Peer, PolicyClass, Secret,
};
use qkd::{EndKind, LineState, LineStatus, Report};
use zeroize::{Zeroize as _, Zeroizing};

use crate::field;
use crate::pb::keys::v1 as pb;
use crate::refusal::Refusal;

/// Most bytes of a handle: a public part of an X-Wing draw, and sources passed over with reasons.
const MAX_HANDLE_BYTES: usize = 65_535;

// === what is drawn ===

pub(crate) const fn class_out(class: PolicyClass) -> pb::PolicyClass {
    match class {
        PolicyClass::Preferred => pb::PolicyClass::Preferred,
        PolicyClass::QuantumOnly => pb::PolicyClass::QuantumOnly,
        PolicyClass::HybridOnly => pb::PolicyClass::HybridOnly,
    }
}

pub(crate) fn class_in(class: i32) -> Result<PolicyClass, Refusal> {
    match pb::PolicyClass::try_from(class) {
        Ok(pb::PolicyClass::Unspecified | pb::PolicyClass::Preferred) => Ok(PolicyClass::Preferred),
        Ok(pb::PolicyClass::QuantumOnly) => Ok(PolicyClass::QuantumOnly),
        Ok(pb::PolicyClass::HybridOnly) => Ok(PolicyClass::HybridOnly),
        Err(_) => Err(Refusal::invalid("policy_class", "is no policy class known here")),
    }
}

pub(crate) fn peer_out(peer: &Peer) -> pb::Peer {
    pb::Peer { member: peer.member.to_string(), site: peer.site.to_string() }
}

pub(crate) fn peer_in(peer: Option<&pb::Peer>) -> Result<Peer, Refusal> {
    let peer = peer.ok_or_else(|| Refusal::missing("peer"))?;
    Ok(Peer {
        member: field::member_id("peer.member", &peer.member)?,
        site: field::site_id("peer.site", &peer.site)?,
    })
}

pub(crate) fn handle_in(handle: Bytes) -> Result<Handle, Refusal> {
    let handle = field::bytes("handle", handle, MAX_HANDLE_BYTES)?;
    Ok(Handle::decode(&handle)?)
}

/// A secret on its way out, wiped when the message that holds it is dropped.
///
/// The gRPC stack keeps copies that nobody wipes: the encoded message until its frames are written,
/// and the frames until TLS has sealed them. They live in this process' memory for as long as a call
/// takes, and are freed with it.
struct Leaving(Secret);

impl AsRef<[u8]> for Leaving {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

pub(crate) fn secret_out(secret: Secret) -> Bytes {
    Bytes::from_owner(Leaving(secret))
}

/// Takes a secret out of a message and wipes the message's copy, where nothing else holds it; what
/// TLS has opened before is freed, and not wiped.
pub(crate) fn secret_in(message: Bytes) -> Secret {
    let secret = Secret::new(Zeroizing::new(message.to_vec()));
    if let Ok(mut copy) = message.try_into_mut() {
        copy.as_mut().zeroize();
    }
    secret
}

pub(crate) fn drawn_out(drawn: Drawn) -> pb::DrawResponse {
    let Drawn { handle, secret } = drawn;
    pb::DrawResponse { handle: handle.encode().into(), secret: secret_out(secret) }
}

pub(crate) fn drawn_in(answer: pb::DrawResponse) -> Result<Drawn, Refusal> {
    let pb::DrawResponse { handle, secret } = answer;
    let handle = handle_in(handle)?;
    Ok(Drawn { handle, secret: secret_in(secret) })
}

// === the pool ===

pub(crate) fn counts_out(counts: Counts) -> pb::KeyCounts {
    pb::KeyCounts {
        ready_outgoing: counts.ready_outgoing,
        ready_incoming: counts.ready_incoming,
        pending: counts.pending,
        delivered: counts.delivered,
        unconfirmed: counts.unconfirmed,
    }
}

pub(crate) fn counts_in(counts: Option<pb::KeyCounts>) -> Result<Counts, Refusal> {
    let counts = counts.ok_or_else(|| Refusal::missing("counts"))?;
    Ok(Counts {
        ready_outgoing: counts.ready_outgoing,
        ready_incoming: counts.ready_incoming,
        pending: counts.pending,
        delivered: counts.delivered,
        unconfirmed: counts.unconfirmed,
    })
}

pub(crate) fn key_out(row: KeyRow) -> pb::Key {
    let direction = match row.direction {
        Direction::Outgoing => pb::KeyDirection::Outgoing,
        Direction::Incoming => pb::KeyDirection::Incoming,
    };
    let state = match row.state {
        KeyState::Pending => pb::KeyState::Pending,
        KeyState::Quarantined => pb::KeyState::Quarantined,
        KeyState::Ready => pb::KeyState::Ready,
        KeyState::Delivered => pb::KeyState::Delivered,
        KeyState::Spent => pb::KeyState::Spent,
    };
    pb::Key {
        id: Bytes::copy_from_slice(&row.id.0),
        direction: direction.into(),
        state: state.into(),
        block: Bytes::copy_from_slice(&row.block),
    }
}

pub(crate) fn key_in(key: &pb::Key) -> Result<KeyRow, Refusal> {
    let direction = match key.direction() {
        pb::KeyDirection::Outgoing => Direction::Outgoing,
        pb::KeyDirection::Incoming => Direction::Incoming,
        pb::KeyDirection::Unspecified => return Err(unknown("keys.direction")),
    };
    let state = match key.state() {
        pb::KeyState::Pending => KeyState::Pending,
        pb::KeyState::Quarantined => KeyState::Quarantined,
        pb::KeyState::Ready => KeyState::Ready,
        pb::KeyState::Delivered => KeyState::Delivered,
        pb::KeyState::Spent => KeyState::Spent,
        pb::KeyState::Unspecified => return Err(unknown("keys.state")),
    };
    Ok(KeyRow {
        id: KeyUuid(field::array("keys.id", &key.id)?),
        direction,
        state,
        block: field::array("keys.block", &key.block)?,
    })
}

fn unknown(path: &str) -> Refusal {
    Refusal::invalid(path, "is not known here")
}

// === links ===

/// The facts of a line that its driver shares, but for what names it.
pub(crate) fn line_out(status: LineStatus) -> pb::Link {
    let (state, shut_down_reason) = match status.state {
        LineState::Up => (pb::LinkState::Up, String::new()),
        LineState::Down => (pb::LinkState::Down, String::new()),
        LineState::ShutDown { reason } => (pb::LinkState::ShutDown, reason),
    };
    pb::Link {
        state: state.into(),
        shut_down_reason,
        blocks: status.blocks,
        blocks_failed: status.blocks_failed,
        keys_total: status.keys,
        bits_per_pulse: status.bits_per_pulse,
        last_report: status.last_report.as_ref().map(report_out),
        ..pb::Link::default()
    }
}

pub(crate) fn line_in(link: &pb::Link) -> Result<LineStatus, Refusal> {
    let state = match link.state() {
        pb::LinkState::Up => LineState::Up,
        pb::LinkState::Down => LineState::Down,
        pb::LinkState::ShutDown => LineState::ShutDown { reason: link.shut_down_reason.clone() },
        pb::LinkState::Unspecified => return Err(unknown("links.state")),
    };
    let last_report = link.last_report.as_ref().map(report_in);
    Ok(LineStatus {
        state,
        blocks: link.blocks,
        blocks_failed: link.blocks_failed,
        keys: link.keys_total,
        qber: last_report.map(|report| report.qber),
        last_report,
        bits_per_pulse: link.bits_per_pulse,
    })
}

pub(crate) const fn end_out(end: EndKind) -> pb::LinkEnd {
    match end {
        EndKind::Sender => pb::LinkEnd::Sender,
        EndKind::Receiver => pb::LinkEnd::Receiver,
    }
}

pub(crate) fn end_in(end: pb::LinkEnd) -> Result<EndKind, Refusal> {
    match end {
        pb::LinkEnd::Sender => Ok(EndKind::Sender),
        pb::LinkEnd::Receiver => Ok(EndKind::Receiver),
        pb::LinkEnd::Unspecified => Err(unknown("links.end")),
    }
}

const fn report_out(report: &Report) -> pb::LinkReport {
    pb::LinkReport {
        pulses: report.pulses,
        clicks: report.clicks,
        sifted_bits: report.sifted_bits,
        test_bits: report.test_bits,
        test_errors: report.test_errors,
        qber: report.qber,
        mu: report.mu,
        corrected_bits: report.corrected_bits,
        leak_bits: report.leak_bits,
        tag_bits: report.tag_bits,
        round_trips: report.round_trips,
        key_bits: report.key_bits,
    }
}

const fn report_in(report: &pb::LinkReport) -> Report {
    Report {
        pulses: report.pulses,
        clicks: report.clicks,
        sifted_bits: report.sifted_bits,
        test_bits: report.test_bits,
        test_errors: report.test_errors,
        qber: report.qber,
        mu: report.mu,
        corrected_bits: report.corrected_bits,
        leak_bits: report.leak_bits,
        tag_bits: report.tag_bits,
        round_trips: report.round_trips,
        key_bits: report.key_bits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_with_a_secret_does_not_show_it() {
        let secret = || Secret::new(Zeroizing::new(b"never to be seen".to_vec()));
        let drawn = pb::DrawResponse { handle: Bytes::new(), secret: secret_out(secret()) };
        let recovered = pb::RecoverResponse { secret: secret_out(secret()) };
        let shown = format!("{drawn:?} {recovered:?}");
        assert_eq!(shown, "keys::v1::DrawResponse { .. } keys::v1::RecoverResponse { .. }");
    }

    #[test]
    fn a_secret_is_the_same_after_it_has_travelled() {
        let secret = Secret::new(Zeroizing::new(vec![7; 32]));
        let sent = secret_out(Secret::new(Zeroizing::new(vec![7; 32])));
        assert_eq!(secret_in(Bytes::copy_from_slice(&sent)), secret);
    }

    #[test]
    fn every_policy_class_comes_back_as_itself() {
        for class in PolicyClass::ALL {
            assert_eq!(class_in(class_out(class).into()), Ok(class));
        }
        assert_eq!(class_in(0), Ok(PolicyClass::Preferred));
        assert!(class_in(99).is_err());
    }
}
