//! A client of `quayside.keys.v1.KeysService`, and the `remote` key source over it.

use std::fmt;

use ::keys::{Counts, Drawn, Handle, KeyRow, KeySource, Peer, PolicyClass, RequestId, Secret};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _, unfold};
use party::{KeyId, MemberId, SiteId};
use qkd::{EndKind, LineStatus};
use tonic::Streaming;
use tonic::transport::Channel;

use super::{Endpoint, Error, channel};
use crate::caller::ServiceRole;
use crate::convert::exchange as convert;
use crate::field;
use crate::limits::{HEARTBEAT_TIMEOUT, MAX_NAMED, MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES};
use crate::pb::keys::v1 as pb;
use crate::pb::keys::v1::keys_service_client::KeysServiceClient;
use crate::pb::keys::v1::watch_links_response::Content;
use crate::refusal::Refusal;

/// The key exchange of a site, elsewhere.
#[derive(Clone)]
pub struct Keys {
    url: String,
    client: KeysServiceClient<Channel>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("url", &self.url).finish_non_exhaustive()
    }
}

/// For whom a key exchange draws.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysStatus {
    /// The consortium's name.
    pub consortium: String,
    /// The site.
    pub site: SiteId,
    /// The members served, each with the id of its registered sealing key.
    pub members: Vec<(MemberId, Option<KeyId>)>,
    /// The ids of the links that end there.
    pub links: Vec<String>,
}

/// The end of a link, as the key exchange at it says.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkStatus {
    /// The link's id.
    pub id: String,
    /// The site that was asked.
    pub near: SiteId,
    /// The site at the other end.
    pub far: SiteId,
    /// Which end the site that was asked has.
    pub end: EndKind,
    /// State and figures.
    pub line: LineStatus,
    /// What its pool holds.
    pub counts: Counts,
    /// The part of the pulses that an eavesdropper measures; known at the receiver.
    pub eavesdropper: Option<f64>,
}

impl Keys {
    /// Makes a client that connects when it is first used, and again when the connection breaks.
    ///
    /// # Errors
    ///
    /// [`Error`] when the address, the certificates or the key cannot be used. That the server is no
    /// key exchange shows when it is first called.
    pub fn connect(endpoint: &Endpoint) -> Result<Self, Error> {
        let client = KeysServiceClient::new(channel(endpoint, ServiceRole::Keys)?)
            .max_decoding_message_size(MAX_RESPONSE_BYTES)
            .max_encoding_message_size(MAX_REQUEST_BYTES);
        Ok(Self { url: endpoint.url.clone(), client })
    }

    /// The source from which this exchange draws for a member of its site.
    #[must_use]
    pub fn source(&self, member: MemberId, class: PolicyClass) -> Remote {
        Remote { keys: self.clone(), member, class }
    }

    /// For whom the exchange draws.
    ///
    /// # Errors
    ///
    /// [`Error`] when it does not answer.
    pub async fn status(&self) -> Result<KeysStatus, Error> {
        let answer = self.client.clone().get_status(pb::GetStatusRequest {}).await?.into_inner();
        let served = |one: &pb::ServedMember| {
            let key = (!one.sealing_key_id.is_empty())
                .then(|| field::array("members.sealing_key_id", &one.sealing_key_id).map(KeyId))
                .transpose()?;
            Ok((field::member_id("members.id", &one.id)?, key))
        };
        Ok(KeysStatus {
            consortium: answer.consortium,
            site: field::site_id("site", &answer.site)?,
            members: answer.members.iter().map(served).collect::<Result<_, Refusal>>()?,
            links: answer.links,
        })
    }

    /// The links that end at the exchange.
    ///
    /// # Errors
    ///
    /// [`Error`] when it does not answer.
    pub async fn links(&self) -> Result<Vec<LinkStatus>, Error> {
        let answer = self.client.clone().list_links(pb::ListLinksRequest {}).await?.into_inner();
        Ok(answer.links.iter().map(link_in).collect::<Result<_, _>>()?)
    }

    /// Each link as it is, then whenever it changes, without end; the stream ends after its first
    /// error.
    ///
    /// # Errors
    ///
    /// [`Error`] when the stream cannot begin.
    pub async fn watch_links(
        &self,
    ) -> Result<BoxStream<'static, Result<LinkStatus, Error>>, Error> {
        let request = pb::WatchLinksRequest {};
        let messages = self.client.clone().watch_links(request).await?.into_inner();
        let states = unfold(Some(messages), |messages| async move {
            let mut messages = messages?;
            match next_link(&mut messages).await {
                Ok(link) => Some((Ok(link), Some(messages))),
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(states.boxed())
    }

    /// Keys of a link's pool, without their secrets, and how many there are in all.
    ///
    /// # Errors
    ///
    /// [`Error`] with reason `LINK_UNKNOWN`, or `ROLE_MISSING` unless the caller belongs to the site
    /// or operates the consortium.
    pub async fn keys(&self, link: &str, limit: u32) -> Result<(Vec<KeyRow>, Counts), Error> {
        let request = pb::ListKeysRequest { link: link.to_owned(), limit };
        let answer = self.client.clone().list_keys(request).await?.into_inner();
        let rows = answer.keys.iter().map(convert::key_in).collect::<Result<_, _>>()?;
        Ok((rows, convert::counts_in(answer.counts)?))
    }

    /// Has an eavesdropper measure this part of a link's pulses, 0 to 1.
    ///
    /// # Errors
    ///
    /// [`Error`] with reason `LINK_UNKNOWN`, `LINK_WRONG_END`, `FIELD_INVALID` or `ROLE_MISSING`.
    pub async fn set_eavesdropper(&self, link: &str, fraction: f64) -> Result<(), Error> {
        let request = pb::SetEavesdropperRequest { link: link.to_owned(), fraction };
        self.client.clone().set_eavesdropper(request).await?;
        Ok(())
    }

    /// Has a link begin again that has shut itself down.
    ///
    /// # Errors
    ///
    /// [`Error`] with reason `LINK_UNKNOWN` or `ROLE_MISSING`.
    pub async fn restore_link(&self, link: &str) -> Result<(), Error> {
        let request = pb::RestoreLinkRequest { link: link.to_owned() };
        self.client.clone().restore_link(request).await?;
        Ok(())
    }

    /// Confirms several answers that `member` got, in one call for every 4,096 of them.
    ///
    /// # Errors
    ///
    /// [`keys::Error`](::keys::Error) when the erasure could not be made durable.
    pub async fn confirm_all(
        &self,
        member: &MemberId,
        requests: &[RequestId],
    ) -> Result<(), ::keys::Error> {
        for some in requests.chunks(MAX_NAMED) {
            let request_ids = some.iter().map(|id| Bytes::copy_from_slice(&id.0)).collect();
            let request = pb::ConfirmRequest { member: member.to_string(), request_ids };
            self.client.clone().confirm(request).await.map_err(Error::from)?;
        }
        Ok(())
    }
}

/// Reads messages until one tells of a link.
async fn next_link(messages: &mut Streaming<pb::WatchLinksResponse>) -> Result<LinkStatus, Error> {
    loop {
        let message = tokio::time::timeout(HEARTBEAT_TIMEOUT, messages.message())
            .await
            .map_err(|_elapsed| Error::silent(HEARTBEAT_TIMEOUT))??
            .ok_or_else(Error::ended)?;
        match message.content {
            Some(Content::Link(link)) => return Ok(link_in(&link)?),
            Some(Content::Heartbeat(_)) => {}
            None => return Err(Error::answer("a message of the stream is empty")),
        }
    }
}

fn link_in(link: &pb::Link) -> Result<LinkStatus, Refusal> {
    Ok(LinkStatus {
        id: link.id.clone(),
        near: field::site_id("links.near", &link.near)?,
        far: field::site_id("links.far", &link.far)?,
        end: convert::end_in(link.end())?,
        line: convert::line_in(link)?,
        counts: convert::counts_in(link.counts)?,
        eavesdropper: link.eavesdropper,
    })
}

/// The `remote` source: a member's key exchange at its site, asked over the network.
///
/// The handle names the source that the exchange really used, and the exchange's errors come back as
/// they were there. An answer that got lost is asked for again under the same request id.
#[derive(Clone, Debug)]
pub struct Remote {
    keys: Keys,
    member: MemberId,
    class: PolicyClass,
}

impl Remote {
    /// The member for whom it draws.
    #[must_use]
    pub const fn member(&self) -> &MemberId {
        &self.member
    }
}

/// An answer that is not what the protos promise.
fn unusable(what: impl fmt::Display) -> ::keys::Error {
    ::keys::Error::Unavailable {
        message: format!("the key exchange's answer cannot be used: {what}"),
    }
}

#[async_trait]
impl KeySource for Remote {
    fn name(&self) -> &'static str {
        "remote"
    }

    async fn draw(
        &self,
        request: &RequestId,
        peer: &Peer,
        length: u16,
    ) -> Result<Drawn, ::keys::Error> {
        let request = pb::DrawRequest {
            request_id: Bytes::copy_from_slice(&request.0),
            member: self.member.to_string(),
            peer: Some(convert::peer_out(peer)),
            length: u32::from(length),
            policy_class: convert::class_out(self.class).into(),
        };
        let answer = self.keys.client.clone().draw(request).await.map_err(Error::from)?;
        let drawn = convert::drawn_in(answer.into_inner())
            .map_err(|refusal| unusable(refusal.into_message()))?;
        let found = drawn.secret.as_bytes().len();
        if drawn.handle.length != length || found != usize::from(length) {
            return Err(unusable(format_args!("{found} bytes came for {length}")));
        }
        Ok(drawn)
    }

    async fn recover(
        &self,
        request: &RequestId,
        peer: &Peer,
        handle: &Handle,
    ) -> Result<Secret, ::keys::Error> {
        let request = pb::RecoverRequest {
            request_id: Bytes::copy_from_slice(&request.0),
            member: self.member.to_string(),
            peer: Some(convert::peer_out(peer)),
            handle: handle.encode().into(),
        };
        let answer = self.keys.client.clone().recover(request).await.map_err(Error::from)?;
        let secret = convert::secret_in(answer.into_inner().secret);
        let found = secret.as_bytes().len();
        if found != usize::from(handle.length) {
            return Err(unusable(format_args!("{found} bytes came for {}", handle.length)));
        }
        Ok(secret)
    }

    async fn confirm(&self, request: &RequestId) -> Result<(), ::keys::Error> {
        self.keys.confirm_all(&self.member, std::slice::from_ref(request)).await
    }
}
