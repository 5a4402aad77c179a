//! The generated types. They never leave this crate: see [`crate::convert`].
#![expect(
    unreachable_pub,
    unused_qualifications,
    unnameable_types,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::doc_markdown,
    clippy::large_enum_variant,
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

/// `quayside.keys.v1`.
pub(crate) mod keys {
    /// Version 1.
    pub(crate) mod v1 {
        tonic::include_proto!("quayside.keys.v1");
    }
}

/// `quayside.gateway.v1`.
pub(crate) mod gateway {
    /// Version 1.
    pub(crate) mod v1 {
        tonic::include_proto!("quayside.gateway.v1");
    }
}

/// Says of a message that it is there, and nothing of what is in it.
macro_rules! hidden {
    ($($message:ty),+) => {$(
        impl std::fmt::Debug for $message {
            // A secret or a person's data must not reach a log.
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($message)).finish_non_exhaustive()
            }
        }
    )+};
}

hidden!(keys::v1::DrawResponse, keys::v1::RecoverResponse, gateway::v1::Buyer);
