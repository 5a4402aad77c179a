//! Every reason that a service may refuse with: its gRPC code, its meaning, and what to do.
//!
//! `docs/reference/errors.md` is this table; a test keeps the two equal.

use tonic::Code;

/// A word of the refusal vocabulary, as `google.rpc.ErrorInfo.reason` carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The word, upper snake case.
    pub name: &'static str,
    /// The gRPC code it travels under.
    pub code: Code,
    /// What happened.
    pub meaning: &'static str,
    /// What the caller can do.
    pub remedy: &'static str,
}

/// The reason of `name`, when there is such a word.
#[must_use]
pub fn reason(name: &str) -> Option<&'static Reason> {
    // Sorted by name: a test sees to it.
    let at = REASONS.binary_search_by(|reason| reason.name.cmp(name)).ok()?;
    REASONS.get(at)
}

/// The gRPC code under which `name` travels; an unknown word is a bug of ours.
#[must_use]
pub fn code(name: &str) -> Code {
    reason(name).map_or(Code::Internal, |reason| reason.code)
}

const fn word(
    name: &'static str,
    code: Code,
    meaning: &'static str,
    remedy: &'static str,
) -> Reason {
    Reason { name, code, meaning, remedy }
}

/// All reasons, in order of their names.
pub const REASONS: &[Reason] = &[
    word(
        "ACT_UNKNOWN",
        Code::InvalidArgument,
        "the consortium has no act of that name",
        "check the name of the act, or use a newer ledger",
    ),
    word(
        "ANSWER_MALFORMED",
        Code::DataLoss,
        "the server's answer is not what the protos promise (found by the client)",
        "check that client and server are of one version",
    ),
    word(
        "BODY_DIGEST_MISMATCH",
        Code::InvalidArgument,
        "a body does not have the digest that its leaf names",
        "send the bodies in the order of the leaves, unchanged",
    ),
    word(
        "BODY_MALFORMED",
        Code::InvalidArgument,
        "a body is not one of the known formats",
        "encode the body as docs/reference/formats.md says",
    ),
    word(
        "BODY_MISSING",
        Code::InvalidArgument,
        "a body that this member must keep did not come with its leaf",
        "send one body for each leaf",
    ),
    word(
        "CALLER_NOT_ISSUER",
        Code::PermissionDenied,
        "the caller's certificate does not let it speak for that member",
        "call with a certificate of the member, or of a site of the member",
    ),
    word(
        "CANCELLED",
        Code::Cancelled,
        "the caller left before the answer was ready",
        "call again with the same request id: nothing is done twice",
    ),
    word(
        "CERTIFICATE_INVALID",
        Code::Unauthenticated,
        "the client certificate does not name a party of this consortium",
        "use a certificate whose URI SAN is spiffe://<consortium>/member/<id>/<role> or .../site/<id>/<role>",
    ),
    word(
        "CERTIFICATE_REVOKED",
        Code::Unauthenticated,
        "the client certificate is on the revocation list",
        "ask the consortium's authority for a new certificate",
    ),
    word(
        "COMMITMENT_MISMATCH",
        Code::InvalidArgument,
        "a body's fields and seed do not give the commitment in its leaf",
        "build leaf and body from the same event and the same seed",
    ),
    word(
        "CONSORTIUM_MISMATCH",
        Code::InvalidArgument,
        "the statement belongs to another consortium",
        "sign for the consortium of this ledger",
    ),
    word(
        "CONTENT_TYPE_UNKNOWN",
        Code::InvalidArgument,
        "the statement has a content type that this ledger does not know",
        "use one of application/vnd.quayside.{capture,command,governance}+cbor",
    ),
    word(
        "DOCUMENT_TOO_LARGE",
        Code::InvalidArgument,
        "the document is larger than one capture may be",
        "split the document",
    ),
    word(
        "ENCODING_INVALID",
        Code::InvalidArgument,
        "the bytes are not what the field holds",
        "encode it as docs/reference/formats.md says",
    ),
    word(
        "ENCODING_NOT_DETERMINISTIC",
        Code::InvalidArgument,
        "the bytes do not re-encode to themselves",
        "encode by RFC 8949 section 4.2.1: shortest forms, definite lengths, sorted keys",
    ),
    word(
        "EVENT_TOO_LARGE",
        Code::InvalidArgument,
        "one event has more than 1 MiB once its names and datatypes are written out",
        "split the event, or shorten the IRIs of its @context",
    ),
    word(
        "FIELD_INVALID",
        Code::InvalidArgument,
        "a field has a value that it cannot have",
        "correct the field that the BadRequest detail names",
    ),
    word(
        "FIELD_MISSING",
        Code::InvalidArgument,
        "a field that must be there is not",
        "fill the field that the BadRequest detail names",
    ),
    word(
        "FIELD_UNKNOWN",
        Code::InvalidArgument,
        "the event has a field that EPCIS does not know and no extension declares",
        "correct its name, or declare its namespace in @context",
    ),
    word(
        "HEADER_MISMATCH",
        Code::InvalidArgument,
        "a block's header is not what its contents give",
        "compare the ledgers' versions; a member that proposes such blocks is at fault",
    ),
    word(
        "INTERNAL",
        Code::Internal,
        "a fault of this service; its log has the particulars",
        "report it with the time of the call",
    ),
    word(
        "JSON_MALFORMED",
        Code::InvalidArgument,
        "the document is not JSON",
        "correct it at the place that the message names",
    ),
    word(
        "JSON_TOO_DEEP",
        Code::InvalidArgument,
        "the document nests deeper than 64 levels",
        "send a flatter document",
    ),
    word(
        "KEY_IN_USE",
        Code::InvalidArgument,
        "the new key serves another use or another member already",
        "make a fresh key: each key serves one use",
    ),
    word(
        "KEY_UNKNOWN",
        Code::PermissionDenied,
        "the statement is signed with a key that is not the member's present one",
        "sign with the key that the record knows for the member",
    ),
    word(
        "KEY_WEAK",
        Code::InvalidArgument,
        "the Ed25519 key is not canonical, not on the curve, or of small order",
        "register and use a properly made key",
    ),
    word(
        "LEAVES_MISMATCH",
        Code::InvalidArgument,
        "the leaves are malformed, or do not give the root and count in the signed payload",
        "send the leaves that were signed, all of them and in order",
    ),
    word(
        "LEDGER_MISBEHAVED",
        Code::DataLoss,
        "the ledger behind the gateway contradicted what it had bound itself to",
        "keep the message as evidence, and compare with another member's ledger",
    ),
    word(
        "LEDGER_UNAVAILABLE",
        Code::Unavailable,
        "the ledger behind the gateway did not answer",
        "call again with the same request id: nothing is done twice",
    ),
    word(
        "MEMBER_UNKNOWN",
        Code::PermissionDenied,
        "no such member is registered, or this gateway does not act for it",
        "check the member's id; to join, be registered by the consortium",
    ),
    word(
        "MESSAGE_MALFORMED",
        Code::InvalidArgument,
        "the bytes are not the protobuf message of this call",
        "build the client from the protos of this version",
    ),
    word(
        "METHOD_UNKNOWN",
        Code::Unimplemented,
        "this server has no such service or method",
        "ask the server's reflection what it serves; gateway and ledger have ports of their own",
    ),
    word(
        "NOT_CANONICAL",
        Code::InvalidArgument,
        "the JSON of a body is not in its canonical form",
        "sort the keys, leave out white space, keep numbers as written",
    ),
    word(
        "NOT_FOUND",
        Code::NotFound,
        "the record holds nothing under that name",
        "check the name; what was captured a moment ago is there once its call has answered",
    ),
    word(
        "NO_QUORUM",
        Code::FailedPrecondition,
        "too few members have signed the checkpoint",
        "wait for their lines, or ask another ledger",
    ),
    word(
        "NO_RECEIPT_KEY",
        Code::FailedPrecondition,
        "this ledger has no key to sign receipts and checkpoints with",
        "ask the ledger of a validator",
    ),
    word(
        "OVERLOADED",
        Code::ResourceExhausted,
        "more calls are under way than this server takes on",
        "wait as long as RetryInfo says and call again with the same request id",
    ),
    word(
        "PROOF_INVALID",
        Code::InvalidArgument,
        "a proof does not hold",
        "build it again from the record",
    ),
    word(
        "REQUEST_ID_REUSED",
        Code::AlreadyExists,
        "the request id was used before with other content",
        "draw a fresh random request id for every new request",
    ),
    word(
        "REQUEST_TOO_LARGE",
        Code::ResourceExhausted,
        "the message is larger than 16 MiB, or a part is larger than it may be",
        "send fewer events in one call",
    ),
    word(
        "ROLE_MISSING",
        Code::PermissionDenied,
        "the caller may not do what touches all readers of a gateway's index",
        "call with a certificate of an operator that the gateway serves, or of its site",
    ),
    word(
        "SHUTTING_DOWN",
        Code::Unavailable,
        "the server is about to stop",
        "connect again as RetryInfo says; a stream goes on from the last height received",
    ),
    word(
        "SIGNATURE_INVALID",
        Code::InvalidArgument,
        "the statement's signature does not hold under the strict rules",
        "sign the bytes that are sent, with the member's statement key",
    ),
    word(
        "STATEMENT_EXPIRED",
        Code::FailedPrecondition,
        "the last height at which the statement may be committed has passed",
        "sign again with a later last height and a fresh request id",
    ),
    word(
        "STATEMENT_MALFORMED",
        Code::InvalidArgument,
        "the statement or its payload does not have the shape of one",
        "encode the statement as docs/reference/formats.md says",
    ),
    word(
        "STOPPED",
        Code::Unavailable,
        "the ledger stopped while the statement was pending; it may or may not be committed",
        "call again with the same request id: nothing is done twice",
    ),
    word(
        "SUBJECT_MISMATCH",
        Code::InvalidArgument,
        "the statement's header and payload name different subjects",
        "name the capture root, or the command's digest, as the subject",
    ),
    word(
        "TAGS_MISMATCH",
        Code::InvalidArgument,
        "the tags of a leaf are not those of its event",
        "tag every identifier of the event, and nothing else",
    ),
    word(
        "TIMED_OUT",
        Code::DeadlineExceeded,
        "the answer was not ready in time",
        "call again with the same request id: nothing is done twice",
    ),
    word(
        "TOO_MANY_EVENTS",
        Code::InvalidArgument,
        "one call may capture at most 10,000 events",
        "split the document",
    ),
    word(
        "TOO_MANY_FIELDS",
        Code::InvalidArgument,
        "one event may have at most 1,024 top-level fields",
        "put extensions that belong together under one name",
    ),
    word(
        "TOO_MANY_KEYS",
        Code::FailedPrecondition,
        "the member has retired as many keys as its record holds",
        "go on with the present key; a member has 64 renewals",
    ),
    word(
        "TOO_MANY_STREAMS",
        Code::ResourceExhausted,
        "the caller holds as many streams open as one may",
        "close a stream, or wait as long as RetryInfo says: one that broke is noticed within 40 s",
    ),
    word(
        "TOO_MANY_TAGS",
        Code::InvalidArgument,
        "one event may name at most 2,048 identifiers, one capture 20,000",
        "split the event or the capture",
    ),
    word(
        "UNREACHABLE",
        Code::Unavailable,
        "the client could not connect, or the connection broke",
        "check the address, the certificates and that the server runs; then call again",
    ),
    word(
        "UPSTREAM_REFUSED",
        Code::Internal,
        "the ledger does not let the gateway itself in; the caller's own certificate is in order",
        "tell whoever runs the gateway: its certificate is revoked, or its site is not registered",
    ),
    word(
        "VERSION_UNKNOWN",
        Code::InvalidArgument,
        "the bytes are of a format version that this service does not know",
        "use the version of this service, or a newer service",
    ),
    word(
        "WINDOW_TOO_LONG",
        Code::InvalidArgument,
        "the last height lies further ahead than the consortium allows",
        "sign with a last height at most 100,000 blocks ahead",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    use super::*;

    /// The page as it has to be.
    fn page() -> String {
        let mut page = String::from(
            "# Errors\n\n\
             Every refusal of a Quayside service carries a gRPC code and \
             `google.rpc.ErrorInfo{reason, domain: \"quayside\"}`; errors of input also carry \
             `google.rpc.BadRequest` with the path of the field, and what passes by itself carries \
             `google.rpc.RetryInfo`. This page is the table in `crates/rpc/src/reason.rs`; a test \
             keeps the two equal.\n\n\
             | reason | gRPC code | meaning | what to do |\n|---|---|---|---|\n",
        );
        for Reason { name, code, meaning, remedy } in REASONS {
            let code = screaming(&format!("{code:?}"));
            writeln!(page, "| `{name}` | {code} | {meaning} | {remedy} |").unwrap();
        }
        page
    }

    /// `InvalidArgument` as `INVALID_ARGUMENT`.
    fn screaming(camel: &str) -> String {
        let mut out = String::new();
        for (at, letter) in camel.chars().enumerate() {
            if letter.is_uppercase() && at > 0 {
                out.push('_');
            }
            out.push(letter.to_ascii_uppercase());
        }
        out
    }

    #[test]
    fn the_reasons_are_sorted_and_found() {
        assert!(REASONS.is_sorted_by(|a, b| a.name < b.name));
        for each in REASONS {
            assert_eq!(reason(each.name), Some(each));
        }
        assert_eq!(code("NO_SUCH_WORD"), Code::Internal);
    }

    /// The words that stand between quotes in the sources of a crate.
    fn words(krate: &str, files: &[impl AsRef<str>], found: &mut BTreeSet<String>) {
        let files = files.iter().map(AsRef::as_ref);
        for file in files {
            let path = format!("{}/../{krate}/src/{file}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(&path).expect(&path);
            let is_word = |text: &&str| {
                text.len() > 3
                    && text.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_')
            };
            found.extend(text.split('"').filter(is_word).map(str::to_owned));
        }
    }

    #[test]
    fn every_word_in_the_code_is_in_the_table_and_the_other_way_round() {
        let mut found = BTreeSet::new();
        words("ledger", &["refusal.rs"], &mut found);
        words("contracts", &["machine.rs"], &mut found);
        words("statement", &["error.rs"], &mut found);
        words("epcis", &["error.rs"], &mut found);
        words("capture", &["error.rs"], &mut found);
        words("trace", &["error.rs"], &mut found);
        let ours = ["refusal.rs", "caller.rs", "field.rs", "client/error.rs"];
        words("rpc", &ours, &mut found);
        let served = ["guard.rs", "load.rs", "ledger.rs", "gateway.rs"];
        words("rpc", &served.map(|file| format!("server/{file}")), &mut found);
        let listed: BTreeSet<String> = REASONS.iter().map(|one| one.name.to_owned()).collect();
        assert_eq!(found, listed, "left: in the code; right: in the table");
    }

    #[test]
    fn the_reference_page_is_this_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/errors.md");
        let page = page();
        if std::env::var_os("QUAYSIDE_WRITE_DOCS").is_some() {
            std::fs::write(path, &page).expect("the page can be written");
        }
        let found = std::fs::read_to_string(path).expect("the page is there");
        assert!(found == page, "errors.md is stale: run this test with QUAYSIDE_WRITE_DOCS=1");
    }
}
