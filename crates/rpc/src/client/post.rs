//! The post over a ledger elsewhere: reader entries there and back.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use futures_util::stream::{BoxStream, StreamExt as _, unfold};
use gateway::{EntryKey, Notice, Post};
use party::MemberId;
use statement::ReaderEntry;
use tonic::Streaming;

use super::{Error, Ledger, check_size};
use crate::convert;
use crate::limits::HEARTBEAT_TIMEOUT;
use crate::pb::ledger::v1 as pb;
use crate::pb::ledger::v1::follow_reader_entries_response::Content;

impl Ledger {
    /// Puts reader entries into the ledger's keeping: all or none, durable when it returns.
    ///
    /// # Errors
    ///
    /// [`Error`] with the ledger's reason; a retry of a retryable one is safe.
    pub async fn put_entries(&self, entries: Vec<ReaderEntry>) -> Result<(), Error> {
        let entries = entries.iter().map(|entry| Bytes::from(entry.encode())).collect();
        let request = pb::PutReaderEntriesRequest { entries };
        check_size(&request)?;
        self.client.clone().put_reader_entries(request).await?;
        Ok(())
    }

    /// Has reader entries destroyed in the name of `by`, the reader or the sealer of each.
    ///
    /// # Errors
    ///
    /// [`Error`] with the ledger's reason; a retry of a retryable one is safe.
    pub async fn remove_entries(&self, by: &MemberId, keys: &[EntryKey]) -> Result<(), Error> {
        let keys = keys.iter().map(convert::post::posted_key_out).collect();
        let request = pb::RemoveReaderEntriesRequest { member: by.to_string(), keys };
        check_size(&request)?;
        self.client.clone().remove_reader_entries(request).await?;
        Ok(())
    }

    /// What becomes of the reader entries of these members, from a sequence number on, without end;
    /// the stream ends after its first error.
    ///
    /// # Errors
    ///
    /// [`Error`] when the stream cannot begin.
    pub async fn follow_entries(
        &self,
        members: &BTreeSet<MemberId>,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Notice, Error>>, Error> {
        let members = members.iter().map(ToString::to_string).collect();
        let request = pb::FollowReaderEntriesRequest { members, from_sequence: from };
        let messages = self.client.clone().follow_reader_entries(request).await?.into_inner();
        let notices = unfold(Some(messages), |messages| async move {
            let mut messages = messages?;
            match next_notice(&mut messages).await {
                Ok(notice) => Some((Ok(notice), Some(messages))),
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(notices.boxed())
    }
}

/// Reads messages until one tells of an entry.
async fn next_notice(
    messages: &mut Streaming<pb::FollowReaderEntriesResponse>,
) -> Result<Notice, Error> {
    loop {
        let message = tokio::time::timeout(HEARTBEAT_TIMEOUT, messages.message())
            .await
            .map_err(|_elapsed| Error::silent(HEARTBEAT_TIMEOUT))??
            .ok_or_else(Error::ended)?;
        match message.content {
            Some(Content::Notice(notice)) => return Ok(convert::post::notice_in(notice)?),
            Some(Content::Heartbeat(_)) => {}
            None => return Err(Error::answer("a message of the stream is empty")),
        }
    }
}

#[async_trait]
impl Post for Ledger {
    async fn put(&self, entries: Vec<ReaderEntry>) -> Result<(), gateway::Error> {
        Ok(self.put_entries(entries).await?)
    }

    async fn remove(&self, by: &MemberId, keys: Vec<EntryKey>) -> Result<(), gateway::Error> {
        Ok(self.remove_entries(by, &keys).await?)
    }

    async fn follow(
        &self,
        members: BTreeSet<MemberId>,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Notice, gateway::Error>>, gateway::Error> {
        Ok(self.follow_entries(&members, from).await?.map_err(gateway::Error::from).boxed())
    }
}
