//! Reach a node of the configuration, as a member.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use capture::Captured;
use gateway::{Advanced, JourneyId, Order, OrderView, Step};
use node::{Config, Role};
use party::MemberId;
use rpc::Revoked;
use rpc::client::{Endpoint, GatewayStatus};
use statement::{Commitment, RequestId};
use trace::Trace;

use crate::admin::state_flag;
use crate::cli::{GatewayArguments, Global};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::nodes;
use crate::run::configuration;

/// A connection to a gateway in a member's name.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    member: MemberId,
    client: rpc::client::Gateway,
    help: String,
}

/// Makes a client of the gateway that the arguments, else the configuration, name. It connects with
/// its first call.
pub(crate) fn gateway(arguments: &GatewayArguments, global: &Global) -> Result<Gateway, Fault> {
    node::install_tls_provider();
    let (config, member, url) = match &arguments.gateway {
        Some(url) => {
            let config = configuration(global)?;
            let member = member(&config, arguments.member.as_ref())?;
            (config, member, url.clone())
        }
        None => {
            let (config, member) = nodes::gateway_of(arguments.member.as_ref(), global)?;
            let url = url(&config, Role::Gateway)?;
            (config, member, url)
        }
    };
    at(&config, member, url, global)
}

/// Makes a client of the gateway at `url`, in a member's name.
pub(crate) fn at(
    config: &Config,
    member: MemberId,
    url: String,
    global: &Global,
) -> Result<Gateway, Fault> {
    let endpoint = endpoint(config, &member, url)?;
    let help = format!("start the nodes with: quayside run{}", state_flag(&global.state));
    let client = rpc::client::Gateway::connect(&endpoint).map_err(|error| fault(&error, &help))?;
    Ok(Gateway { member, client, help })
}

/// The member in whose name to call: the one asked for, else the configuration's.
pub(crate) fn member(config: &Config, asked: Option<&MemberId>) -> Result<MemberId, Fault> {
    match (asked, &config.client) {
        (Some(member), _) => Ok(member.clone()),
        (None, Some(client)) => Ok(client.member.clone()),
        (None, None) => Err(Fault::new(
            Exit::Usage,
            format!("{} names no client.member", config.path.display()),
        )
        .help("say in whose name to call with --as MEMBER")),
    }
}

/// How to reach `url` with the member's client certificate.
pub(crate) fn endpoint(config: &Config, member: &MemberId, url: String) -> Result<Endpoint, Fault> {
    let folder = match &config.client {
        Some(client) => client.members.join(member.as_str()),
        None => {
            return Err(Fault::new(
                Exit::Usage,
                format!("{} has no section [client]", config.path.display()),
            )
            .help("add client.members, the folder with the members' client certificates"));
        }
    };
    if !folder.exists() {
        return Err(Fault::new(
            Exit::Usage,
            format!("no certificate of member {member}: {} is not there", folder.display()),
        )
        .help("name a member of the consortium with --as; members.json lists them"));
    }
    let ca_pem = read(&config.trust.authority)?;
    let revoked = Revoked::default();
    revoked.load(&read(&config.trust.revocations)?, &ca_pem).map_err(|error| {
        let file = config.trust.revocations.display();
        Fault::new(Exit::Usage, format!("{file} cannot be used: {error}"))
    })?;
    Ok(Endpoint {
        url,
        ca_pem,
        cert_pem: read(&folder.join("client.pem"))?,
        key_pem: read(&folder.join("client.key"))?,
        revoked,
    })
}

fn read(file: &Path) -> Result<String, Fault> {
    fs::read_to_string(file).map_err(|error| Fault::file("read", file, &error))
}

/// Where a role listens: the address it wrote down, else the configured one.
pub(crate) fn url(config: &Config, role: Role) -> Result<String, Fault> {
    let ledger = config.ledger.as_ref().map(|ledger| (&ledger.data, ledger.listen));
    let keys = config.keys.as_ref().map(|keys| (&keys.data, keys.listen));
    let gateway = config.gateway.as_ref().map(|gateway| (&gateway.data, gateway.listen));
    let found = match role {
        Role::Ledger => ledger,
        Role::Keys => keys,
        Role::Gateway => gateway,
    };
    let Some((data, listen)) = found else {
        return Err(Fault::new(
            Exit::Usage,
            format!("{} has no section [{role}]", config.path.display()),
        )
        .help("name another configuration with --config, or the gateway's URL with --gateway"));
    };
    match node::listening_address(data) {
        Some(address) => Ok(format!("https://{address}")),
        None if listen.port() != 0 => Ok(format!("https://{listen}")),
        None => Err(Fault::new(
            Exit::Unreachable,
            format!("the {role} takes a free port when it starts, and it has not started"),
        )
        .help(format!("start it with: quayside run --config {}", config.path.display()))),
    }
}

/// A service's refusal, or its silence, in the reader's terms.
pub(crate) fn fault(error: &rpc::client::Error, help: &str) -> Fault {
    let (exit, help) = match error.code {
        rpc::client::Code::Unavailable
        | rpc::client::Code::DeadlineExceeded
        | rpc::client::Code::Cancelled => (Exit::Unreachable, Some(help)),
        rpc::client::Code::NotFound => (Exit::NotFound, None),
        rpc::client::Code::Internal | rpc::client::Code::Unknown => (Exit::Bug, None),
        rpc::client::Code::DataLoss => (Exit::VerificationFailed, None),
        _ => (Exit::Refused, None),
    };
    let remedy = rpc::reason(&error.reason).map(|reason| reason.remedy);
    Fault {
        exit,
        message: error.message.clone(),
        reason: Some(error.reason.clone()),
        field: error.field.clone(),
        retry_after_ms: error
            .retry_after
            .map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)),
        help: help.or(remedy).map(str::to_owned),
    }
}

impl Gateway {
    /// In whose name it calls.
    pub(crate) fn member(&self) -> &MemberId {
        &self.member
    }

    fn fault(&self, error: &rpc::client::Error) -> Fault {
        fault(error, &self.help)
    }

    /// Captures a document; the answer means that it is durable.
    pub(crate) async fn capture(&self, id: RequestId, document: Bytes) -> Result<Captured, Fault> {
        self.client.capture(id, document).await.map_err(|error| self.fault(&error))
    }

    /// Traces an item as the caller's member sees it, or as another one would.
    pub(crate) async fn trace(
        &self,
        item: &str,
        with_bundles: bool,
        view_of: Option<&MemberId>,
    ) -> Result<Trace, Fault> {
        self.client.trace_as(item, with_bundles, view_of).await.map_err(|error| self.fault(&error))
    }

    /// Makes an order; the answer means that its first step is durable.
    pub(crate) async fn create_order(
        &self,
        id: RequestId,
        order: Order,
    ) -> Result<OrderView, Fault> {
        self.client.create_order(id, order).await.map_err(|error| self.fault(&error))
    }

    /// Takes the next step of a journey; the answer means that it is durable.
    pub(crate) async fn advance(
        &self,
        id: RequestId,
        journey: &JourneyId,
        expected: Option<Step>,
    ) -> Result<Advanced, Fault> {
        self.client.advance(id, journey, expected).await.map_err(|error| self.fault(&error))
    }

    /// Asks how far an order is.
    pub(crate) async fn order(&self, journey: &JourneyId) -> Result<OrderView, Fault> {
        self.client.order(journey).await.map_err(|error| self.fault(&error))
    }

    /// Fetches the bundle that proves an event.
    pub(crate) async fn bundle(&self, commitment: &Commitment) -> Result<Bytes, Fault> {
        self.client.bundle(commitment).await.map_err(|error| self.fault(&error))
    }

    /// Asks how far the gateway is.
    pub(crate) async fn status(&self) -> Result<GatewayStatus, Fault> {
        self.client.status().await.map_err(|error| self.fault(&error))
    }

    /// Has the gateway build its index again; the height at which it is whole.
    pub(crate) async fn rebuild(&self) -> Result<u64, Fault> {
        let height = self.client.rebuild_index().await.map_err(|error| self.fault(&error))?;
        Ok(height.0)
    }
}
