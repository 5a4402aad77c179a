//! The first entry of a log: who the consortium is.

use std::collections::BTreeSet;

use party::{Member, MemberId, Members, PublicKey, Role, SealingKey, SiteId};

use crate::cbor::{Reader, Writer};
use crate::header::{MEMBERS_VERSION, write_members};
use crate::{Error, Part};

/// How many members a consortium may begin with, and roles and sites a member may have.
const MAX_NAMES: u64 = 1_024;

/// CBOR [1, time, members, largest window]; members as [`crate::members_digest`] writes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Genesis {
    /// When the consortium was founded: milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// Who the members are; they name the consortium too.
    pub members: Members,
    /// How many blocks ahead of the tip a statement's last height may lie.
    pub max_window: u64,
}

impl Genesis {
    /// Writes the payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(512);
        out.array(4).uint(1).int(self.time_ms);
        write_members(&mut out, &self.members);
        out.uint(self.max_window);
        out.into_bytes()
    }

    /// Reads a payload.
    ///
    /// # Errors
    ///
    /// If it is malformed or not deterministic, or its members are no sound set.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::new(Part::Genesis, bytes);
        input.array(4)?;
        input.version()?;
        let time_ms = input.int()?;
        let members = read_members(&mut input)?;
        let genesis = Self { time_ms, members, max_window: input.uint()? };
        input.same(&genesis.encode())?;
        Ok(genesis)
    }
}

fn read_members(input: &mut Reader<'_>) -> Result<Members, Error> {
    input.array(5)?;
    input.this_version(MEMBERS_VERSION)?;
    let consortium = input.name()?;
    let count = input.array_up_to(MAX_NAMES, "members")?;
    let members = (0..count).map(|_| read_member(input)).collect::<Result<Vec<_>, _>>()?;
    let count = input.array_up_to(MAX_NAMES, "validators")?;
    let validators = (0..count).map(|_| input.name()).collect::<Result<BTreeSet<MemberId>, _>>()?;
    let count = input.array_up_to(MAX_NAMES, "link keys")?;
    let link_keys = (0..count).map(|_| read_link_key(input)).collect::<Result<_, _>>()?;
    Members::new(consortium, members, validators)
        .and_then(|members| members.with_link_keys(link_keys))
        .map_err(|_| input.malformed("its members are no sound set"))
}

fn read_member(input: &mut Reader<'_>) -> Result<Member, Error> {
    input.array(8)?;
    let id = input.name()?;
    let count = input.array_up_to(MAX_NAMES, "roles")?;
    let roles = (0..count).map(|_| read_role(input)).collect::<Result<_, _>>()?;
    let country = input.text()?.parse().map_err(|_| input.malformed("a country is unknown"))?;
    let count = input.array_up_to(MAX_NAMES, "sites")?;
    let sites = (0..count).map(|_| input.name()).collect::<Result<_, _>>()?;
    let statement_key = PublicKey(input.fixed()?);
    let receipt_key = PublicKey(input.fixed()?);
    let vote_key = PublicKey(input.fixed()?);
    let sealing_key = if input.null() { None } else { Some(read_sealing_key(input)?) };
    Ok(Member { id, roles, country, sites, statement_key, receipt_key, vote_key, sealing_key })
}

fn read_sealing_key(input: &mut Reader<'_>) -> Result<SealingKey, Error> {
    input.array(2)?;
    Ok(SealingKey { x25519: input.fixed()?, x_wing: Box::new(input.fixed()?) })
}

fn read_link_key(input: &mut Reader<'_>) -> Result<(SiteId, PublicKey), Error> {
    input.array(2)?;
    Ok((input.name()?, PublicKey(input.fixed()?)))
}

fn read_role(input: &mut Reader<'_>) -> Result<Role, Error> {
    input.text()?.parse().map_err(|_| input.malformed("a role is unknown"))
}
