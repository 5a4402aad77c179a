//! The table of all reasons. Each row: the word, the gRPC code, what happened, what to do.

use tonic::Code;

use super::Reason;

/// Makes the table out of its rows.
macro_rules! reasons {
    ($($name:literal $code:ident $meaning:literal $remedy:literal;)+) => {
        &[$(Reason { name: $name, code: Code::$code, meaning: $meaning, remedy: $remedy }),+]
    };
}

/// All reasons, in order of their names.
pub const REASONS: &[Reason] = reasons! {
    "ACT_UNKNOWN" InvalidArgument
        "the consortium has no act of that name"
        "check the name of the act, or use a newer ledger";
    "ANSWER_MALFORMED" DataLoss
        "the server's answer is not what the protos promise (found by the client)"
        "check that client and server are of one version";
    "BODY_DIGEST_MISMATCH" InvalidArgument
        "a body does not have the digest that its leaf names"
        "send the bodies in the order of the leaves, unchanged";
    "BODY_MALFORMED" InvalidArgument
        "a body is not one of the known formats"
        "encode the body as docs/reference/formats.md says";
    "BODY_MISSING" InvalidArgument
        "a body that this member must keep did not come with its leaf"
        "send one body for each leaf";
    "BUNDLE_MISMATCH" DataLoss
        "a ledger answered with another event's bundle than the one asked for"
        "ask again; if it persists, ask another ledger and keep the answer as evidence";
    "CALLER_NOT_ISSUER" PermissionDenied
        "the caller's certificate does not let it speak for that member"
        "call with a certificate of the member, or of a site of the member";
    "CANCELLED" Cancelled
        "the caller left before the answer was ready"
        "call again with the same request id: nothing is done twice";
    "CERTIFICATE_INVALID" Unauthenticated
        "the client certificate does not name a party of this consortium"
        "use a certificate whose URI SAN is spiffe://<consortium>/member/<id>/<role> or .../site/<id>/<role>";
    "CERTIFICATE_REVOKED" Unauthenticated
        "the client certificate is on the revocation list"
        "ask the consortium's authority for a new certificate";
    "COMMITMENT_MISMATCH" InvalidArgument
        "a body's fields and seed do not give the commitment in its leaf"
        "build leaf and body from the same event and the same seed";
    "CONSORTIUM_MISMATCH" InvalidArgument
        "the statement belongs to another consortium"
        "sign for the consortium of this ledger";
    "CONTENT_TYPE_UNKNOWN" InvalidArgument
        "the statement has a content type that this ledger does not know"
        "use one of application/vnd.quayside.{capture,command,governance}+cbor";
    "DOCUMENT_TOO_LARGE" InvalidArgument
        "the document is larger than one capture may be"
        "split the document";
    "ENCODING_INVALID" InvalidArgument
        "the bytes are not what the field holds"
        "encode it as docs/reference/formats.md says";
    "ENCODING_NOT_DETERMINISTIC" InvalidArgument
        "the bytes do not re-encode to themselves"
        "encode by RFC 8949 section 4.2.1: shortest forms, definite lengths, sorted keys";
    "ENTRY_INVALID" FailedPrecondition
        "a reader entry contradicts the record, or is not signed by its sealer"
        "let the sealer seal again; keep the entry as evidence";
    "ENTRY_MALFORMED" InvalidArgument
        "a reader entry cannot be read, or its part or handle is beyond its limit"
        "encode the entry as docs/reference/formats.md says";
    "ENTRY_MISMATCH" InvalidArgument
        "the event that a reader entry names is another sealer's, has another body, or no such part"
        "mend the sealer's program: only the issuer of an event seals it";
    "ENTRY_NOT_OPENED" InvalidArgument
        "a reader entry's confirmation holds, but the content key in it does not open"
        "let the sealer seal again";
    "ENTRY_NOT_YOURS" PermissionDenied
        "a reader entry is removed by its reader or its sealer alone"
        "ask one of them";
    "ENTRY_REPLAYED" AlreadyExists
        "the reader entry was opened before; it changes nothing"
        "nothing: what it carried is here";
    "ENTRY_UNKNOWN" NotFound
        "no committed event has the commitment that a reader entry names"
        "put it once the event's capture is committed";
    "EVENT_TOO_LARGE" InvalidArgument
        "one event has more than 1 MiB once its names and datatypes are written out"
        "split the event, or shorten the IRIs of its @context";
    "FIELD_INVALID" InvalidArgument
        "a field has a value that it cannot have"
        "correct the field that the BadRequest detail names";
    "FIELD_MISSING" InvalidArgument
        "a field that must be there is not"
        "fill the field that the BadRequest detail names";
    "FIELD_UNKNOWN" InvalidArgument
        "the event has a field that EPCIS does not know and no extension declares"
        "correct its name, or declare its namespace in @context";
    "HANDLE_MALFORMED" InvalidArgument
        "a handle, or an id in it, is not of our format"
        "encode the handle as docs/reference/formats.md says";
    "HANDLE_MISMATCH" InvalidArgument
        "a reader entry's confirmation does not hold, or a handle of a link's keys was drawn by or for another member: it leads to another secret than its sealer's, and consumes no key"
        "let the sealer seal again; whoever swapped the handle is at fault";
    "HANDLE_UNKNOWN" NotFound
        "the handle leads to no key that was ever held here"
        "have it sealed again, and check that it came to the right site";
    "HEADER_MISMATCH" InvalidArgument
        "a block's header is not what its contents give"
        "compare the ledgers' versions; a member that proposes such blocks is at fault";
    "INTERNAL" Internal
        "a fault of this service; its log has the particulars"
        "report it with the time of the call";
    "JOURNEY_UNKNOWN" NotFound
        "the member knows no journey of that id, or not yet"
        "check the id; if the order is new, try again once its first event has been opened here";
    "JSON_MALFORMED" InvalidArgument
        "the document is not JSON"
        "correct it at the place that the message names";
    "JSON_TOO_DEEP" InvalidArgument
        "the document nests deeper than 64 levels"
        "send a flatter document";
    "KEYS_EXHAUSTED" ResourceExhausted
        "the link has no key left to draw in this direction"
        "wait for the link to distil more, or draw with the policy class preferred";
    "KEYS_UNAVAILABLE" Unavailable
        "the key exchange cannot be reached, or cannot answer now"
        "try again; see that the site's key exchange runs";
    "KEY_BLOCK_STATE" FailedPrecondition
        "a block of keys is held back, released already, or stored already"
        "nothing: the ends of the link settle it when they are in touch again";
    "KEY_BLOCK_UNKNOWN" FailedPrecondition
        "a block of keys was named that is not held, or was destroyed"
        "nothing: the ends of the link settle it when they are in touch again";
    "KEY_IN_USE" InvalidArgument
        "the new key serves another use or another member already"
        "make a fresh key: each key serves one use";
    "KEY_LENGTH_INVALID" InvalidArgument
        "a secret has 16 to 1,024 bytes"
        "ask for a length within these bounds";
    "KEY_NON_CONTRIBUTORY" InvalidArgument
        "the other side's public value makes the shared secret the same for everybody"
        "report whose value it is: that party is broken or hostile";
    "KEY_NOT_RELEASED" Unavailable
        "the key is here, and the two ends of its link have not settled yet that both hold it"
        "ask again shortly; after a line shut-down, once the link is restored";
    "KEY_POOL_DAMAGED" DataLoss
        "the key pool holds what this program did not write"
        "move the pool's folder away at both ends: the link fills new ones";
    "KEY_POOL_FOREIGN" FailedPrecondition
        "the folder holds the key pool of another link or end"
        "give each link a folder of its own";
    "KEY_SEEDED" FailedPrecondition
        "the key comes from a seeded link, which is for tests only"
        "run the link on the system's randomness";
    "KEY_SOURCE_UNKNOWN" InvalidArgument
        "the handle names a source, or the policy a class, that is not configured here"
        "configure it, or have it sealed again";
    "KEY_SPENT" FailedPrecondition
        "the key was delivered before, or the answer to this request was confirmed: it is erased"
        "have it sealed again";
    "KEY_STORE_FAILED" Unavailable
        "the key store could not read or write"
        "see to the disk of the site's key exchange and start it again";
    "KEY_UNKNOWN" PermissionDenied
        "the statement is signed with a key that is not the member's present one"
        "sign with the key that the record knows for the member";
    "KEY_WEAK" InvalidArgument
        "the Ed25519 key is not canonical, not on the curve, or of small order"
        "register and use a properly made key";
    "KEY_WRONG_DIRECTION" InvalidArgument
        "the key is drawn at this end of its link and cannot be recovered here"
        "report the handle: it is forged, or its maker is broken";
    "LEAVES_MISMATCH" InvalidArgument
        "the leaves are malformed, or do not give the root and count in the signed payload"
        "send the leaves that were signed, all of them and in order";
    "LEDGER_MISBEHAVED" DataLoss
        "the ledger behind the gateway contradicted what it had bound itself to"
        "keep the message as evidence, and compare with another member's ledger";
    "LEDGER_UNAVAILABLE" Unavailable
        "the ledger behind the gateway did not answer"
        "call again with the same request id: nothing is done twice";
    "LINE_DOWN" Unavailable
        "no key is left and the two ends of the link are not in touch"
        "bring the key exchange at the far end back";
    "LINE_SHUT_DOWN" FailedPrecondition
        "the link has seen an eavesdropper, or cannot bound one, and draws nothing"
        "inspect the fibre, then `quayside link restore`";
    "LINK_BUSY" Unavailable
        "the link's driver takes no stream now"
        "try again shortly";
    "LINK_NOT_YOURS" PermissionDenied
        "only the key exchange at the far end of a link opens its streams"
        "call with the certificate of the far site's key exchange";
    "LINK_UNKNOWN" NotFound
        "no link of that id ends here"
        "list the links with `quayside link list`";
    "LINK_WRONG_END" FailedPrecondition
        "the simulated channel runs at the receiver of the link"
        "ask the key exchange at the link's other end";
    "MEMBER_UNKNOWN" PermissionDenied
        "no such member is registered, or this gateway does not act for it"
        "check the member's id; to join, be registered by the consortium";
    "MESSAGE_MALFORMED" InvalidArgument
        "the bytes are not the protobuf message of this call"
        "build the client from the protos of this version";
    "METHOD_UNKNOWN" Unimplemented
        "this server has no such service or method"
        "ask the server's reflection what it serves; gateway and ledger have ports of their own";
    "NOT_CANONICAL" InvalidArgument
        "the JSON of a body is not in its canonical form"
        "sort the keys, leave out white space, keep numbers as written";
    "NOT_FOUND" NotFound
        "the record holds nothing under that name"
        "check the name; what was captured a moment ago is there once its call has answered";
    "NOT_YET" Unavailable
        "what this gateway waits for has not come yet"
        "try again shortly";
    "NO_JOURNEYS" Unimplemented
        "this gateway captures and traces, and keeps no journeys"
        "ask a gateway that is configured with storage keys and a key exchange";
    "NO_KEY_SOURCE" FailedPrecondition
        "none of several sources could give a key; the message lists each with its reason"
        "see each source's reason";
    "NO_QUORUM" FailedPrecondition
        "too few members have signed the checkpoint"
        "wait for their lines, or ask another ledger";
    "NO_RECEIPT_KEY" FailedPrecondition
        "this ledger has no key to sign receipts and checkpoints with"
        "ask the ledger of a validator";
    "NO_SEALING_KEY" FailedPrecondition
        "the peer has no usable sealing key registered, or this end holds none that is"
        "register a sealing key, and configure its secret half";
    "ORDER_INVALID" InvalidArgument
        "the order cannot become a journey"
        "correct the field that is named";
    "OVERLOADED" ResourceExhausted
        "more calls are under way than this server takes on"
        "wait as long as RetryInfo says and call again with the same request id";
    "PARTS_INVALID" InvalidArgument
        "the parts of a sealed event do not carry each field exactly once, or leave no whole event to the rest"
        "put each field into one part, and leave a whole event to the rest";
    "PART_MALFORMED" InvalidArgument
        "a sealed part, or what it holds, is not of our format"
        "encode the part as docs/reference/formats.md says";
    "PART_NOT_OPENED" InvalidArgument
        "a sealed part does not open under its content key: it was changed, or is of another body or place"
        "keep body and entry as evidence, and let the sealer seal again";
    "PART_UNKNOWN" InvalidArgument
        "the sealed body has no part of that number"
        "check the entry against the body";
    "PEER_NOT_REACHED" FailedPrecondition
        "no link leads from this source to the peer's site"
        "draw with the policy class preferred or hybrid-only";
    "PEER_UNKNOWN" InvalidArgument
        "the consortium has no such member, or it is not of this site"
        "check the member's id and its site";
    "PROOF_INVALID" InvalidArgument
        "a proof does not hold"
        "build it again from the record";
    "READER_KEY_UNKNOWN" FailedPrecondition
        "the reader entry was made for another sealing key of this reader than the one held"
        "let the sealer seal again for the registered key";
    "READER_NOT_NAMED" PermissionDenied
        "the reader entry names another reader"
        "ask the sealer for an entry of your own";
    "REQUEST_ID_REUSED" AlreadyExists
        "the request id was used before with other content"
        "draw a fresh random request id for every new request";
    "REQUEST_TOO_LARGE" ResourceExhausted
        "the message is larger than 16 MiB, or a part is larger than it may be"
        "send fewer events in one call";
    "ROLE_MISSING" PermissionDenied
        "the caller may not do what touches all readers of a gateway's index"
        "call with a certificate of an operator that the gateway serves, or of its site";
    "ROW_MALFORMED" DataLoss
        "a row that was kept sealed on disk is not of our format"
        "restore the folder from a backup, or build it again";
    "ROW_NOT_OPENED" DataLoss
        "a row that was kept sealed on disk does not open: another storage key, another place, or changed"
        "check the storage key; else restore the folder from a backup";
    "SECRET_DECOY" FailedPrecondition
        "an item secret was handed over that nobody had announced for that item"
        "keep the event as evidence: its issuer handed over a decoy";
    "SECRET_KNOWN" AlreadyExists
        "a secret of this id was announced before"
        "nothing, if it was your own announcement; else draw a new secret";
    "SECRET_MISSING" InvalidArgument
        "an event that is to be sealed names items for which no item secret was given"
        "give an item secret for each item of the event";
    "SECRET_NOT_ANNOUNCED" FailedPrecondition
        "a secret came that the log does not announce for its item: a decoy, which is not used"
        "keep the event as evidence: its issuer handed over a decoy";
    "SECRET_NOT_YOURS" PermissionDenied
        "the predecessor was announced by another member"
        "announce the secret without a predecessor";
    "SECRET_SUCCEEDED" FailedPrecondition
        "the predecessor has a successor already"
        "name the last secret of the chain";
    "SECRET_UNKNOWN" NotFound
        "the predecessor of an announced secret was never announced"
        "announce the predecessor first, or name none";
    "SHUTTING_DOWN" Unavailable
        "the server is about to stop"
        "connect again as RetryInfo says; a stream goes on from the last height received";
    "SIGNATURE_INVALID" InvalidArgument
        "the statement's signature does not hold under the strict rules"
        "sign the bytes that are sent, with the member's statement key";
    "STATEMENT_EXPIRED" FailedPrecondition
        "the last height at which the statement may be committed has passed"
        "sign again with a later last height and a fresh request id";
    "STATEMENT_MALFORMED" InvalidArgument
        "the statement or its payload does not have the shape of one"
        "encode the statement as docs/reference/formats.md says";
    "STEP_NOT_YOURS" PermissionDenied
        "the next step of the journey is another member's"
        "let that member advance the journey";
    "STEP_OUT_OF_ORDER" FailedPrecondition
        "the step cannot be taken now: it is done, or one before it has not been taken or opened"
        "look at the order for the next step; try again once the step before has been opened here";
    "STOPPED" Unavailable
        "the ledger stopped while the statement was pending; it may or may not be committed"
        "call again with the same request id: nothing is done twice";
    "STORAGE_KEY_WRONG" FailedPrecondition
        "the folder was sealed under another storage key than the one given"
        "give the storage key that belongs to the folder";
    "SUBJECT_MISMATCH" InvalidArgument
        "the statement's header and payload name different subjects"
        "name the capture root, or the command's digest, as the subject";
    "TAGS_MISMATCH" InvalidArgument
        "the tags of a leaf are not those of its event"
        "tag every identifier of the event, and nothing else";
    "TIMED_OUT" DeadlineExceeded
        "the answer was not ready in time"
        "call again with the same request id: nothing is done twice";
    "TOO_MANY_ENTRIES" InvalidArgument
        "there are more than 4,096 reader entries in one call"
        "send them in several calls";
    "TOO_MANY_EVENTS" InvalidArgument
        "one call may capture at most 10,000 events"
        "split the document";
    "TOO_MANY_FIELDS" InvalidArgument
        "one event may have at most 1,024 top-level fields"
        "put extensions that belong together under one name";
    "TOO_MANY_KEYS" FailedPrecondition
        "the member has retired as many keys as its record holds"
        "go on with the present key; a member has 64 renewals";
    "TOO_MANY_STREAMS" ResourceExhausted
        "the caller holds as many streams open as one may"
        "close a stream, or wait as long as RetryInfo says: one that broke is noticed within 40 s";
    "TOO_MANY_TAGS" InvalidArgument
        "one event may name at most 2,048 identifiers, one capture 20,000"
        "split the event or the capture";
    "UNREACHABLE" Unavailable
        "the client could not connect, or the connection broke"
        "check the address, the certificates and that the server runs; then call again";
    "UPSTREAM_REFUSED" Internal
        "the ledger does not let the gateway itself in; the caller's own certificate is in order"
        "tell whoever runs the gateway: its certificate is revoked, or its site is not registered";
    "VERSION_UNKNOWN" InvalidArgument
        "the bytes are of a format version that this service does not know"
        "use the version of this service, or a newer service";
    "VIEW_NOT_YOURS" PermissionDenied
        "a member gets its own view and no other"
        "leave `view_of` out, or call with the credential of that member";
    "WINDOW_TOO_LONG" InvalidArgument
        "the last height lies further ahead than the consortium allows"
        "sign with a last height at most 100,000 blocks ahead";
};
