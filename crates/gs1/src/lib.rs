//! Parse, check and print GS1 identifiers and Digital Links.
//!
//! One thing has many names: an EPC URN, a Digital Link on the brand's own domain, the same link
//! with a lot and a query string behind it. An [`Item`] is the thing itself, under one name: the
//! canonical Digital Link at the finest level that the text gives. Two texts that name the same
//! thing parse to equal items; that is what makes a history complete. A URI that is no GS1 key is
//! an item too, and keeps its text: a company without a GLN must not be turned away.
//!
//! ```text
//!  urn:epc:id:sgtin:4012345.011111.987 ---------------------+
//!                                                           v
//!                         https://id.gs1.org/01/04012345111118/21/987
//!                                                           ^
//!  https://brand.example/p/01/04012345111118/21/987?17=270101
//!
//!  https://example.org/boxes/7 ------> https://example.org/boxes/7
//! ```
//!
//! # Example
//!
//! ```
//! use gs1::{Item, Kind};
//!
//! let item = Item::parse("urn:epc:id:sscc:4012345.3111111111")?;
//! assert_eq!(item.canonical(), "https://id.gs1.org/00/340123451111111111");
//! assert_eq!(item.kind(), Kind::Sscc);
//! assert_eq!(item, Item::parse("http://forwarder.example/00/340123451111111111")?);
//! # Ok::<(), gs1::Error>(())
//! ```
//!
//! # What this crate does not do
//!
//! It never turns a Digital Link back into an EPC URN (that needs GS1's table of company prefixes),
//! never asks a resolver, never decompresses a compressed link, and judges no value outside the
//! path: a query string is dropped, not checked.

mod ai;
mod charset;
mod check_digit;
mod digital_link;
mod epc;
mod error;
mod item;
mod uri;

pub use check_digit::{check_character_pair, check_digit};
pub use error::Error;
pub use item::{Item, Kind};
pub use uri::check as check_uri;
