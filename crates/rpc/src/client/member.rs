//! A client of `quayside.member.v1`.

use std::collections::BTreeSet;
use std::fmt;

use party::{ConsortiumId, MemberId, Members};
use tonic::transport::Channel;

use super::{Endpoint, Error, channel};
use crate::caller::ServiceRole;
use crate::convert;
use crate::limits::{MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES};
use crate::pb::member::v1 as pb;
use crate::pb::member::v1::member_service_client::MemberServiceClient;

/// The member service of a ledger elsewhere.
///
/// What it answers is the record's word, good for a look. A verifier pins its members from a file.
#[derive(Clone)]
pub struct Member {
    url: String,
    client: MemberServiceClient<Channel>,
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Member {
    /// Makes a client that connects when it is first used, and again when the connection breaks.
    ///
    /// # Errors
    ///
    /// [`Error`] when the address, the certificates or the key cannot be used. That the server is no
    /// ledger shows when it is first called.
    pub fn connect(endpoint: &Endpoint) -> Result<Self, Error> {
        let client = MemberServiceClient::new(channel(endpoint, ServiceRole::Ledger)?)
            .max_decoding_message_size(MAX_RESPONSE_BYTES)
            .max_encoding_message_size(MAX_REQUEST_BYTES);
        Ok(Self { url: endpoint.url.clone(), client })
    }

    /// All members as of the ledger's last block.
    ///
    /// # Errors
    ///
    /// [`Error`] when the ledger does not answer, or with members that cannot be.
    pub async fn list(&self) -> Result<Members, Error> {
        let request = pb::ListMembersRequest {};
        let answer = self.client.clone().list_members(request).await?.into_inner();
        let consortium: ConsortiumId = answer.consortium.parse().map_err(Error::answer)?;
        let members: Vec<party::Member> =
            answer.members.iter().map(convert::member_in).collect::<Result<_, _>>()?;
        let validators: BTreeSet<MemberId> = answer
            .members
            .iter()
            .zip(&members)
            .filter(|(sent, _)| sent.validator)
            .map(|(_, member)| member.id.clone())
            .collect();
        let link_keys = convert::link_keys_in(&answer.link_keys)?;
        Members::new(consortium, members, validators)
            .and_then(|members| members.with_link_keys(link_keys))
            .map_err(Error::answer)
    }

    /// One member as of the ledger's last block.
    ///
    /// # Errors
    ///
    /// [`Error`] with reason `NOT_FOUND` when there is none of that id.
    pub async fn get(&self, id: &MemberId) -> Result<party::Member, Error> {
        let request = pb::GetMemberRequest { id: id.to_string() };
        let answer = self.client.clone().get_member(request).await?.into_inner();
        let member =
            answer.member.ok_or_else(|| Error::answer(format_args!("{id} came without facts")))?;
        Ok(convert::member_in(&member)?)
    }
}
