//! The ledger role: log, state, orderer, and their services.

use std::sync::Arc;

use consensus::{Orderer as _, Solo};
use contracts::Contracts;
use ledger::{Config, Ledger, Limits};
use party::Members;
use rpc::server::{Options, Services, serve};
use statement::SigningKey;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use super::tls;
use crate::node::Tasks;
use crate::trust::Believed;
use crate::{Error, config, disk};

/// Opens the ledger, orders it, and serves it.
pub(crate) async fn start(
    ledger: &config::Ledger,
    believed: &Believed,
    listener: TcpListener,
    tasks: &mut Tasks<'_>,
) -> Result<Arc<Ledger>, Error> {
    let tls = tls(&ledger.certificate, &ledger.key, believed)?;
    let alone = |members: &Members| {
        orders_alone(members)
            .map_err(|message| Error::Ledger { path: ledger.data.clone(), message })
    };
    // Before a log is founded, and again by what an old one says.
    alone(&believed.members)?;
    let opened = open(ledger, believed).await?;
    alone(&opened.members().map_err(|error| Error::of_ledger(&ledger.data, &error))?)?;

    let solo = Arc::new(Solo::new(Arc::new(clock::System)));
    let wake = Arc::clone(&solo);
    opened.on_pending(move || wake.wake());
    let (application, stop) = (Arc::clone(&opened), tasks.working.clone());
    let ordered = Arc::clone(&opened);
    tasks.workers.spawn(async move {
        let ended = solo.run(application, stop).await;
        // However it ended: what still waits is not going to be committed by this process.
        ordered.close();
        ended.map_err(|error| Error::Ended { message: format!("the orderer failed: {error}") })
    });

    let mut options = Options::new(tls, believed.trust(), tasks.serving.clone());
    options.drain_deadline = tasks.drain_timeout;
    let services = Services { ledger: Some(Arc::clone(&opened)), ..Services::default() };
    tasks.servers.spawn(async move {
        serve(listener, options, services)
            .await
            .map_err(|error| Error::Ended { message: format!("the ledger's server: {error}") })
    });
    Ok(opened)
}

/// Refuses to order without the other validators: each would make a log of its own.
fn orders_alone(members: &Members) -> Result<(), String> {
    match members.validators().len() {
        1 => Ok(()),
        validators => Err(format!(
            "the consortium has {validators} validators, and this program orders for one: each \
             of them would begin a log of its own; found the consortium with a single validator"
        )),
    }
}

/// Opens the store, which may take a while after a crash.
async fn open(ledger: &config::Ledger, believed: &Believed) -> Result<Arc<Ledger>, Error> {
    let key = SigningKey::from_bytes(*disk::read_key(&ledger.receipt_key)?);
    let operator = believed.members.get(&ledger.operator).ok_or_else(|| {
        Error::credential(
            &ledger.receipt_key,
            format!("{} is no member of the consortium", ledger.operator),
        )
    })?;
    if operator.receipt_key != key.public() {
        return Err(Error::credential(
            &ledger.receipt_key,
            format!("this is not the receipt key that the members file pins for {}", operator.id),
        ));
    }
    let config = Config {
        path: ledger.data.clone(),
        members: (*believed.members).clone(),
        genesis: disk::read(&ledger.genesis)?.into(),
        receipt_key: Some((ledger.operator.clone(), key)),
        limits: Limits {
            pending_bytes: ledger.max_pending_mib.saturating_mul(1 << 20),
            ..Limits::default()
        },
    };
    let opened = spawn_blocking(move || Ledger::open(config, Arc::new(Contracts)))
        .await
        .map_err(|error| Error::Ended { message: error.to_string() })?;
    opened.map_err(|error| Error::of_ledger(&ledger.data, &error))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use party::{Member, PublicKey};

    use super::*;

    #[test]
    fn a_ledger_that_orders_for_itself_does_not_start_among_several_validators() {
        let names = ["one", "two", "three"];
        let member = |(name, number): (&str, u8)| Member {
            id: name.parse().unwrap(),
            roles: BTreeSet::from(["operator".parse().unwrap()]),
            country: "CN".parse().unwrap(),
            sites: BTreeSet::new(),
            statement_key: PublicKey([number; 32]),
            receipt_key: PublicKey([number + 1; 32]),
            vote_key: PublicKey([number + 2; 32]),
            sealing_key: None,
        };
        let members: Vec<_> = names.into_iter().zip((10..).step_by(3)).map(member).collect();
        let with = |validators: &[&str]| {
            let validators = validators.iter().map(|name| name.parse().unwrap()).collect();
            Members::new("demo".parse().unwrap(), members.clone(), validators).unwrap()
        };
        assert_eq!(orders_alone(&with(&["two"])), Ok(()));
        assert!(orders_alone(&with(&["one", "two"])).unwrap_err().contains("2 validators"));
    }
}
