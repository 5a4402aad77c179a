//! `quayside.member.v1.MemberService` over a ledger.

use std::sync::Arc;

use ::ledger::Ledger;
use tonic::{Request, Response, Status};

use super::ledger::blocking;
use crate::convert;
use crate::field;
use crate::pb::member::v1 as pb;
use crate::pb::member::v1::member_service_server::MemberService;
use crate::refusal::Refusal;

/// Answers from the member set as of the last block.
#[derive(Debug)]
pub(crate) struct MemberFace {
    ledger: Arc<Ledger>,
}

impl MemberFace {
    pub(crate) const fn new(ledger: Arc<Ledger>) -> Self {
        Self { ledger }
    }
}

#[tonic::async_trait]
impl MemberService for MemberFace {
    async fn list_members(
        &self,
        _: Request<pb::ListMembersRequest>,
    ) -> Result<Response<pb::ListMembersResponse>, Status> {
        let members = blocking(&self.ledger, |ledger| ledger.members()).await?;
        Ok(Response::new(pb::ListMembersResponse {
            consortium: members.consortium().to_string(),
            members: members.iter().map(|member| convert::member_out(member, &members)).collect(),
            link_keys: convert::link_keys_out(&members),
        }))
    }

    async fn get_member(
        &self,
        request: Request<pb::GetMemberRequest>,
    ) -> Result<Response<pb::GetMemberResponse>, Status> {
        let id = field::member_id("id", &request.into_inner().id)?;
        let members = blocking(&self.ledger, |ledger| ledger.members()).await?;
        let member = members.get(&id).ok_or_else(|| {
            Refusal::new("NOT_FOUND", format!("there is no member {id}")).at("id")
        })?;
        let member = Some(convert::member_out(member, &members));
        Ok(Response::new(pb::GetMemberResponse { member }))
    }
}
