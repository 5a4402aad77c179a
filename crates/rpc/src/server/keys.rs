//! `quayside.keys.v1.KeysService` over an exchange and the links that end here.

use std::sync::Arc;

use ::keys::{Direction, KeyRow, KeyState, RequestId};
use futures_util::stream::{BoxStream, StreamExt as _, select_all, unfold};
use party::{MemberId, Role, SiteId};
use tokio::time::timeout;
use tokio_stream::wrappers::WatchStream;
use tonic::{Request, Response, Status};

use super::ledger::caller;
use super::{Keys, Link};
use crate::caller::{Caller, Principal, ServiceRole, Trust};
use crate::convert::exchange as convert;
use crate::field;
use crate::limits::{HEARTBEAT_INTERVAL, MAX_LISTED, MAX_NAMED, USUALLY_LISTED};
use crate::pb::keys::v1 as pb;
use crate::pb::keys::v1::keys_service_server::KeysService;
use crate::pb::keys::v1::watch_links_response::Content;
use crate::refusal::Refusal;

/// Answers from a site's key exchange.
#[derive(Debug)]
pub(crate) struct KeysFace {
    keys: Keys,
    trust: Trust,
}

impl KeysFace {
    pub(crate) const fn new(keys: Keys, trust: Trust) -> Self {
        Self { keys, trust }
    }

    fn site(&self) -> &SiteId {
        self.keys.exchange.site()
    }

    /// The member for whom the caller draws, recovers or confirms: a member of this site by its own
    /// client or gateway, or whichever one the site's gateway names. Nobody else learns a secret.
    fn member(&self, caller: &Caller, named: &str) -> Result<MemberId, Refusal> {
        let named = (!named.is_empty()).then(|| field::member_id("member", named)).transpose()?;
        let member = match (&caller.principal, named) {
            (Principal::Member(own, ServiceRole::Client | ServiceRole::Gateway), None) => {
                own.clone()
            }
            (Principal::Member(own, ServiceRole::Client | ServiceRole::Gateway), Some(named))
                if *own == named =>
            {
                named
            }
            (Principal::Site(site, ServiceRole::Gateway), Some(named)) if site == self.site() => {
                named
            }
            (Principal::Site(site, ServiceRole::Gateway), None) if site == self.site() => {
                return Err(Refusal::missing("member"));
            }
            (who, _) => {
                let why =
                    format!("{who} draws no secrets of another; this is site {}", self.site());
                return Err(Refusal::new("CALLER_NOT_ISSUER", why));
            }
        };
        let here = self.trust.members().at_site(self.site()).any(|one| one.id == member);
        if here && self.keys.exchange.members().any(|served| *served == member) {
            return Ok(member);
        }
        let why = format!("the key exchange of site {} does not serve {member}", self.site());
        Err(Refusal::new("MEMBER_UNKNOWN", why).at("member"))
    }

    /// Whether the caller belongs to this site: one of its members, or its gateway.
    fn is_of_the_site(&self, caller: &Caller) -> bool {
        match &caller.principal {
            Principal::Member(id, ServiceRole::Client) => {
                self.trust.members().at_site(self.site()).any(|member| member.id == *id)
            }
            Principal::Site(site, ServiceRole::Gateway) => site == self.site(),
            Principal::Member(..) | Principal::Site(..) => false,
        }
    }

    fn is_operator(&self, caller: &Caller) -> bool {
        match &caller.principal {
            Principal::Member(id, ServiceRole::Client) => {
                let member = self.trust.members().get(id);
                member.is_some_and(|known| known.roles.contains(&Role::Operator))
            }
            Principal::Member(..) | Principal::Site(..) => false,
        }
    }

    /// Refuses a caller that neither belongs to this site nor operates the consortium.
    fn may_look(&self, caller: &Caller) -> Result<(), Refusal> {
        if self.is_of_the_site(caller) || self.is_operator(caller) {
            return Ok(());
        }
        Err(self.role_missing(caller))
    }

    /// Whether the caller is shown the ids of keys that wait to be recovered: they are of any
    /// member of the site, and no concern of the others.
    fn may_see_waiting(&self, caller: &Caller) -> bool {
        let is_the_site =
            matches!(&caller.principal, Principal::Site(site, _) if site == self.site());
        is_the_site || self.is_operator(caller)
    }

    /// Refuses a caller that may not change what a link does: it takes a person.
    fn may_operate(&self, caller: &Caller) -> Result<(), Refusal> {
        let person = matches!(&caller.principal, Principal::Member(_, ServiceRole::Client));
        if person { self.may_look(caller) } else { Err(self.role_missing(caller)) }
    }

    fn role_missing(&self, caller: &Caller) -> Refusal {
        let (who, site) = (&caller.principal, self.site());
        let why = format!("{who} may not: it takes an operator, or a client of a member at {site}");
        Refusal::new("ROLE_MISSING", why)
    }

    fn link(&self, id: &str) -> Result<&Link, Refusal> {
        if id.is_empty() {
            return Err(Refusal::missing("link"));
        }
        self.keys.links.iter().find(|link| link.line.id() == id).ok_or_else(|| {
            Refusal::new("LINK_UNKNOWN", format!("no link of the id `{id}` ends here")).at("link")
        })
    }
}

/// A request id of the key exchange.
fn request_id(path: &str, bytes: &[u8]) -> Result<RequestId, Refusal> {
    field::request_id(path, bytes).map(|id| RequestId(id.0))
}

/// A link as it is now.
fn link_out(link: &Link) -> pb::Link {
    let Link { line, pool, .. } = link;
    let receives = line.end() == qkd::EndKind::Receiver;
    pb::Link {
        id: line.id().to_owned(),
        near: line.near().to_string(),
        far: line.far().to_string(),
        end: convert::end_out(line.end()).into(),
        eavesdropper: receives.then(|| line.eavesdropper()),
        counts: Some(convert::counts_out(pool.counts())),
        ..convert::line_out(line.status())
    }
}

#[tonic::async_trait]
impl KeysService for KeysFace {
    type WatchLinksStream = BoxStream<'static, Result<pb::WatchLinksResponse, Status>>;

    async fn draw(
        &self,
        request: Request<pb::DrawRequest>,
    ) -> Result<Response<pb::DrawResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.into_inner();
        let member = self.member(&caller, &asked.member)?;
        let id = request_id("request_id", &asked.request_id)?;
        let peer = convert::peer_in(asked.peer.as_ref())?;
        let class = convert::class_in(asked.policy_class)?;
        let length = u16::try_from(asked.length).unwrap_or(u16::MAX);
        let drawn = self.keys.exchange.draw(&member, &id, &peer, length, class).await;
        Ok(Response::new(convert::drawn_out(drawn.map_err(Refusal::from)?)))
    }

    async fn recover(
        &self,
        request: Request<pb::RecoverRequest>,
    ) -> Result<Response<pb::RecoverResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.into_inner();
        let member = self.member(&caller, &asked.member)?;
        let id = request_id("request_id", &asked.request_id)?;
        let peer = convert::peer_in(asked.peer.as_ref())?;
        let handle = convert::handle_in(asked.handle)?;
        let secret = self.keys.exchange.recover(&member, &id, &peer, &handle).await;
        let secret = convert::secret_out(secret.map_err(Refusal::from)?);
        Ok(Response::new(pb::RecoverResponse { secret }))
    }

    async fn confirm(
        &self,
        request: Request<pb::ConfirmRequest>,
    ) -> Result<Response<pb::ConfirmResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.into_inner();
        let member = self.member(&caller, &asked.member)?;
        field::count("request_ids", asked.request_ids.len(), MAX_NAMED)?;
        let ids: Vec<RequestId> = asked
            .request_ids
            .iter()
            .enumerate()
            .map(|(at, id)| request_id(&format!("request_ids[{at}]"), id))
            .collect::<Result<_, _>>()?;
        for id in ids {
            self.keys.exchange.confirm(&member, &id).await.map_err(Refusal::from)?;
        }
        Ok(Response::new(pb::ConfirmResponse {}))
    }

    async fn get_status(
        &self,
        _: Request<pb::GetStatusRequest>,
    ) -> Result<Response<pb::GetStatusResponse>, Status> {
        let members = self.trust.members();
        let served = |id: &MemberId| pb::ServedMember {
            id: id.to_string(),
            sealing_key_id: members
                .get(id)
                .and_then(|member| member.sealing_key.as_ref())
                .map(|key| key.id().0.to_vec().into())
                .unwrap_or_default(),
        };
        Ok(Response::new(pb::GetStatusResponse {
            consortium: members.consortium().to_string(),
            site: self.site().to_string(),
            members: self.keys.exchange.members().map(served).collect(),
            links: self.keys.links.iter().map(|link| link.line.id().to_owned()).collect(),
        }))
    }

    async fn list_keys(
        &self,
        request: Request<pb::ListKeysRequest>,
    ) -> Result<Response<pb::ListKeysResponse>, Status> {
        let caller = caller(&request)?;
        self.may_look(&caller)?;
        let may_see_waiting = self.may_see_waiting(&caller);
        let pb::ListKeysRequest { link, limit } = request.into_inner();
        let pool = Arc::clone(&self.link(&link)?.pool);
        let limit = field::limit("limit", limit, USUALLY_LISTED, MAX_LISTED)?;
        let shown = move |row: &KeyRow| {
            may_see_waiting || (row.state, row.direction) != (KeyState::Ready, Direction::Incoming)
        };
        let list = move || (pool.list(limit, shown), pool.counts());
        let listed = tokio::task::spawn_blocking(list).await;
        let (rows, counts) = listed
            .map_err(|error| Refusal::internal(format_args!("a list of keys failed: {error}")))?;
        let keys = rows.map_err(Refusal::from)?.into_iter().map(convert::key_out).collect();
        let counts = Some(convert::counts_out(counts));
        Ok(Response::new(pb::ListKeysResponse { keys, counts }))
    }

    async fn list_links(
        &self,
        _: Request<pb::ListLinksRequest>,
    ) -> Result<Response<pb::ListLinksResponse>, Status> {
        let links = self.keys.links.iter().map(link_out).collect();
        Ok(Response::new(pb::ListLinksResponse { links }))
    }

    async fn watch_links(
        &self,
        _: Request<pb::WatchLinksRequest>,
    ) -> Result<Response<Self::WatchLinksStream>, Status> {
        let states = self.keys.links.iter().cloned().map(|link| {
            // A state that nobody has read when the next one comes is left out.
            WatchStream::new(link.line.watch()).map(move |_| link_out(&link)).boxed()
        });
        let states = select_all(states);
        let messages = unfold((states, true), |(mut states, live)| async move {
            let content = if live {
                match timeout(HEARTBEAT_INTERVAL, states.next()).await {
                    Ok(Some(link)) => return Some((message(Content::Link(link)), (states, true))),
                    // A site without links has nothing to say, and goes on saying so.
                    Ok(None) => return Some((heartbeat(), (states, false))),
                    Err(_quiet) => heartbeat(),
                }
            } else {
                tokio::time::sleep(HEARTBEAT_INTERVAL).await;
                heartbeat()
            };
            Some((content, (states, live)))
        });
        Ok(Response::new(messages.boxed()))
    }

    async fn set_eavesdropper(
        &self,
        request: Request<pb::SetEavesdropperRequest>,
    ) -> Result<Response<pb::SetEavesdropperResponse>, Status> {
        let caller = caller(&request)?;
        self.may_operate(&caller)?;
        let pb::SetEavesdropperRequest { link, fraction } = request.into_inner();
        let line = &self.link(&link)?.line;
        line.set_eavesdropper(fraction).map_err(|error| match error {
            qkd::Error::WrongEnd { .. } => {
                let far = line.far();
                let why = format!("the channel of link {link} runs at its receiver, site {far}");
                Refusal::new("LINK_WRONG_END", why).at("link")
            }
            other => Refusal::invalid("fraction", format_args!("is {fraction}: {other}")),
        })?;
        tracing::info!(caller = %caller.principal, %link, fraction, "the eavesdropper was set");
        Ok(Response::new(pb::SetEavesdropperResponse {}))
    }

    async fn restore_link(
        &self,
        request: Request<pb::RestoreLinkRequest>,
    ) -> Result<Response<pb::RestoreLinkResponse>, Status> {
        let caller = caller(&request)?;
        self.may_operate(&caller)?;
        let pb::RestoreLinkRequest { link } = request.into_inner();
        self.link(&link)?.line.request_restore();
        tracing::info!(caller = %caller.principal, %link, "the link is restored on request");
        Ok(Response::new(pb::RestoreLinkResponse {}))
    }
}

fn message(content: Content) -> Result<pb::WatchLinksResponse, Status> {
    Ok(pb::WatchLinksResponse { content: Some(content) })
}

fn heartbeat() -> Result<pb::WatchLinksResponse, Status> {
    message(Content::Heartbeat(pb::LinkHeartbeat {}))
}
