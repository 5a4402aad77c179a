//! Draw a secret shared with a peer: the `KeySource` trait, its suite, X25519, ML-KEM hybrid, combined.
//!
//! A [`KeySource`] is the one joint through which every secret enters the platform. The envelope
//! above it never learns whether a secret came from a key exchange, a hybrid KEM or a quantum
//! link, because an ephemeral key, an encapsulation and the id of a stored key are all the same
//! thing: what the far end needs. What the source really was stands in the [`Handle`], and so does
//! every source that was passed over, with the reason.
//!
//! ```text
//!   sender                                          reader
//!   draw(request, peer, length)                     recover(request, peer, handle)
//!        | -> Drawn { handle, secret }                 | -> secret
//!        |            |                                ^
//!        |            +-------- in the entry ----------+
//!   confirm(request)                                confirm(request)
//! ```
//!
//! # Example
//!
//! ```
//! # use std::{collections::BTreeSet, sync::Arc};
//! # use keys::{KeySource, Peer, RequestId, X25519, XWing, public_sealing_key};
//! # use party::{Member, Members, PublicKey};
//! # use zeroize::Zeroizing;
//! # let (own, seed) = ([7; 32], [8; 32]);
//! # let member = Member {
//! #     id: "es-post".parse()?, roles: BTreeSet::new(), country: "ES".parse()?,
//! #     sites: BTreeSet::new(), statement_key: PublicKey([1; 32]),
//! #     receipt_key: PublicKey([2; 32]), vote_key: PublicKey([3; 32]),
//! #     sealing_key: Some(public_sealing_key(&own, &seed)),
//! # };
//! # let voters = BTreeSet::from([member.id.clone()]);
//! # let members = Arc::new(Members::new("demo".parse()?, vec![member], voters)?);
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let sender = XWing::new(None, members.clone());
//! let reader = XWing::new(Some(Zeroizing::new(seed)), members);
//! let post = Peer { member: "es-post".parse()?, site: "liege".parse()? };
//!
//! let drawn = sender.draw(&RequestId::random()?, &post, 32).await?;
//! let seller = Peer { member: "zj-merchant".parse()?, site: "hangzhou".parse()? };
//! let secret = reader.recover(&RequestId::random()?, &seller, &drawn.handle).await?;
//! assert_eq!(secret, drawn.secret);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What this crate does not do
//!
//! It never encrypts a message, opens a socket or distils a key; it takes distilled keys into a
//! pool and gives each of them out once. It does not say who may ask: the face that serves it does.

mod derive;
mod error;
mod exchange;
mod handle;
mod hybrid;
#[cfg(feature = "pool")]
mod pool;
mod preferred;
mod secret;
#[cfg(feature = "suite")]
pub mod suite;
mod x25519;

use std::fmt;

use async_trait::async_trait;

pub use crate::error::Error;
pub use crate::exchange::{Exchange, MemberSources, PolicyClass};
pub use crate::handle::{Handle, KeyUuid, Kind, PassedOver};
pub use crate::hybrid::XWing;
#[cfg(feature = "pool")]
pub use crate::pool::{
    Counts, Direction, KeyPool, KeyRow, KeyState, LineState, NewKey, PoolId, PoolSource,
};
pub use crate::preferred::Preferred;
pub use crate::secret::{Drawn, MAX_LENGTH, MIN_LENGTH, Peer, RequestId, Secret};
pub use crate::x25519::{X25519, public_sealing_key};

/// A place from which two parties draw the same secret.
///
/// # Contract
///
/// - Fresh: two draws under different request ids yield different secrets, also across a restart.
/// - Matched: `recover` at the far end yields for the handle what `draw` yielded here, in whatever
///   order the handles arrive.
/// - Repeatable: a source that consumes what it gives (a pool) answers the same request id with
///   the same answer until `confirm`, also after a crash; what it answers is durable first. After
///   `confirm` it answers [`Error::Spent`]. A source that consumes nothing may answer `draw` anew,
///   and `recover` always. One request id serves one question: with another peer, length or handle
///   it is refused ([`Error::RequestReused`]) or answered as a question of its own.
/// - Once: a key is never given to two requests.
/// - Closed: a handle that was never drawn yields an error or an unrelated secret; the envelope's
///   MAC tells the two apart.
/// - Honest: the handle names the source that was really used.
/// - Silent: neither a secret nor anything that leads to one reaches `Debug`, an error or a log,
///   and every copy is wiped when it is dropped.
///
/// `suite::holds` (feature `suite`) checks an implementation against this contract.
#[async_trait]
pub trait KeySource: fmt::Debug + Send + Sync {
    /// The name that stands in the handles of this source: `x25519`, `x-wing`, `qkd:<link>`.
    ///
    /// A composite bears a name of its own, which stands in no handle.
    fn name(&self) -> &str;

    /// Draws a fresh secret of `length` bytes (16 to 1,024) that `peer` can recover.
    ///
    /// # Errors
    ///
    /// When the length is out of bounds, the peer cannot be reached by this source, nothing is
    /// left to draw, or the request id was used for something else or is confirmed.
    async fn draw(&self, request: &RequestId, peer: &Peer, length: u16) -> Result<Drawn, Error>;

    /// Recovers the secret that `peer` drew.
    ///
    /// # Errors
    ///
    /// When `handle` is not of this source, leads to no secret held here, or leads to one that
    /// another request, or this one before its confirmation, has consumed.
    async fn recover(
        &self,
        request: &RequestId,
        peer: &Peer,
        handle: &Handle,
    ) -> Result<Secret, Error>;

    /// Says that the answer to `request` is safe with the caller: what was kept of it is erased.
    ///
    /// Confirming again, or a request that was never answered, is no error and changes nothing.
    ///
    /// # Errors
    ///
    /// When the erasure could not be made durable; the caller confirms again.
    async fn confirm(&self, request: &RequestId) -> Result<(), Error>;
}
