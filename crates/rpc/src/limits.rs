//! What a peer may ask for: sizes, counts and times, each set and none left to a default.

use std::time::Duration;

/// Largest request that a server reads, in bytes.
pub const MAX_REQUEST_BYTES: usize = 16 * 1024 * 1024;

/// Largest answer that a client reads, in bytes.
///
/// A little more than [`MAX_REQUEST_BYTES`], so that whatever could be appended fits the answer
/// that brings it back with its header and its proofs.
pub const MAX_RESPONSE_BYTES: usize = MAX_REQUEST_BYTES + 256 * 1024;

/// Where a stream starts a new message, in bytes of payload.
pub(crate) const PART_BYTES: usize = 1024 * 1024;

/// Where an answer that can be continued is cut, in bytes of payload.
pub(crate) const PAGE_BYTES: usize = 12 * 1024 * 1024;

/// Most positions in one answer about a history.
pub(crate) const MAX_POSITIONS: u64 = 100_000;

/// Most reader entries, their keys, or request ids in one request.
pub(crate) const MAX_NAMED: usize = 4_096;

/// Most things in one list that is not continued.
pub(crate) const MAX_LISTED: usize = 10_000;

/// Things in such a list when nobody says how many.
pub(crate) const USUALLY_LISTED: usize = 100;

/// Calls that one server serves at a time, over all connections; more are refused at once. A call
/// is under way until the last byte of its answer is on its way.
pub(crate) const MAX_CALLS: usize = 512;

/// Calls that one caller may have under way, so that no one takes all the places.
pub(crate) const MAX_CALLER_CALLS: usize = 256;

/// Streams that one server holds open, over all connections.
pub(crate) const MAX_OPEN_STREAMS: usize = 1_024;

/// Streams that one caller may hold open: a gateway follows the blocks, and the post of each member
/// that it acts for; those of a broken connection count until it is noticed.
pub(crate) const MAX_CALLER_STREAMS: usize = 64;

/// Bytes of requests that one server holds at a time: 32 messages of the largest size.
pub(crate) const MAX_BYTES: usize = 512 * 1024 * 1024;

/// Bytes of requests that one caller may have under way.
pub(crate) const MAX_CALLER_BYTES: usize = MAX_BYTES / 2;

/// Connections that one server holds; more wait in the listener's queue.
pub(crate) const MAX_CONNECTIONS: usize = 512;

/// HTTP/2 streams on one connection, each of them a call.
pub(crate) const MAX_STREAMS: u32 = 256;

/// Bytes of headers in one request.
pub(crate) const MAX_HEADER_BYTES: u32 = 16 * 1024;

/// Streams that a peer may reset before they were accepted (CVE-2023-44487).
pub(crate) const MAX_PENDING_RESETS: usize = 64;

/// Streams that this end may have to reset for a peer's errors.
pub(crate) const MAX_LOCAL_RESETS: usize = 256;

/// Window of one stream, in bytes: a capture of ordinary size travels without waiting.
pub(crate) const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// Bytes of one HTTP/2 frame, at most: a message of 16 MiB is 256 frames, and no longer 1,024.
pub(crate) const FRAME_BYTES: u32 = 64 * 1024;

/// Window of a connection, in bytes.
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;

/// How long the first message of a stream of requests may take to come.
pub(crate) const OPENING_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server works on one call until it answers. Streams only have to begin within it.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a client waits for an answer.
pub(crate) const CLIENT_TIMEOUT: Duration = Duration::from_secs(70);

/// How long a TCP connection and a TLS handshake may take.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a quiet connection is probed.
pub(crate) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// How long a probe may stay unanswered.
pub(crate) const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a connection may stand, so that a certificate does not outlive its time by much: TLS
/// looks at it once. Streams on the connection end with it, and go on over the next.
pub(crate) const CONNECTION_AGE: Duration = Duration::from_secs(60 * 60);

/// How long calls on an aged connection may take.
pub(crate) const CONNECTION_GRACE: Duration = Duration::from_secs(70);

/// How often a quiet stream of blocks shows a sign of life.
pub(crate) const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);

/// How long a reader of blocks waits for a sign of life.
pub(crate) const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(20);

/// How long calls under way may take once a server is told to stop.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(10);

/// Longest text of an error that is sent, in bytes: it travels in headers, which are limited.
pub(crate) const MAX_MESSAGE_BYTES: usize = 1024;
