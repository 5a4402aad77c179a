//! The ledger role: log, state, orderer, and their services.

use std::sync::Arc;

use consensus::{Orderer as _, Solo};
use contracts::Contracts;
use ledger::{Config, Ledger, Limits};
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
    let opened = open(ledger, believed).await?;

    let solo = Arc::new(Solo::new(Arc::new(clock::System)));
    let wake = Arc::clone(&solo);
    opened.on_pending(move || wake.wake());
    let (application, stop) = (Arc::clone(&opened), tasks.working.clone());
    tasks.workers.spawn(async move {
        solo.run(application, stop)
            .await
            .map_err(|error| Error::Ended { message: format!("the orderer failed: {error}") })
    });

    let mut options = Options::new(tls, believed.trust(), tasks.serving.clone());
    options.drain_deadline = tasks.drain_timeout;
    let services = Services { ledger: Some(Arc::clone(&opened)), gateway: None };
    tasks.servers.spawn(async move {
        serve(listener, options, services)
            .await
            .map_err(|error| Error::Ended { message: format!("the ledger's server: {error}") })
    });
    Ok(opened)
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
