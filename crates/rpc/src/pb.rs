//! The generated types. They never leave this crate: see [`crate::convert`].
#![expect(
    unreachable_pub,
    unused_qualifications,
    unnameable_types,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::doc_markdown,
    reason = "written by prost and tonic; the protos themselves are linted by buf"
)]

/// What the servers' reflection answers from.
pub(crate) const DESCRIPTORS: &[u8] = tonic::include_file_descriptor_set!("quayside_descriptors");

/// `quayside.ledger.v1`.
pub(crate) mod ledger {
    /// Version 1.
    pub(crate) mod v1 {
        tonic::include_proto!("quayside.ledger.v1");
    }
}

/// `quayside.member.v1`.
pub(crate) mod member {
    /// Version 1.
    pub(crate) mod v1 {
        tonic::include_proto!("quayside.member.v1");
    }
}

/// `quayside.gateway.v1`.
pub(crate) mod gateway {
    /// Version 1.
    pub(crate) mod v1 {
        tonic::include_proto!("quayside.gateway.v1");
    }
}
