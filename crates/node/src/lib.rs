//! Compose roles into one process: configuration, identity, wiring, lifetime.
//!
//! The one idea: every other crate is a part that knows nothing of files, ports and signals, and
//! this crate alone puts parts together. A node is a [`Config`] and the secrets that it names; from
//! them [`Node::start`] builds the roles asked for, wires them in process where it can and over
//! mutual TLS where it must, and hands back the addresses on which they listen.
//!
//! ```text
//!   quayside.toml ─▶ Config ─▶ identities, pinned members ─▶ Node::start(config, roles)
//!                                                                 │
//!        ┌── ledger role ───────────────┐        ┌── gateway role ┴─────────────────┐
//!        │ Ledger ◀─ Solo orderer       │◀───────│ Recorder ◀─ Capturer             │
//!        │   │      contracts machine   │ local  │ Archive  ─▶ View (own index)     │
//!        │ LedgerService, MemberService │ or rpc │ GatewayService                   │
//!        └──────────────────────────────┘        └──────────────────────────────────┘
//! ```
//!
//! # Example
//!
//! ```
//! let folder = tempfile::tempdir()?;
//! let plan = node::admin::Plan::demo();
//! let made = node::admin::init(folder.path(), &plan, &clock::System)?;
//! assert_eq!(made.members.len(), 6);
//!
//! let config = node::Config::load(&folder.path().join("quayside.toml"))?;
//! assert_eq!(config.consortium.as_str(), "demo");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What this crate does not do
//!
//! It decides nothing about goods, checks no statement, speaks no protobuf, and prints nothing: what
//! it has to say goes to the log or back to its caller. It creates no state on its own; only
//! [`admin::init()`] does.

pub mod admin;
mod check;
pub mod config;
mod disk;
mod error;
mod lifetime;
mod local;
pub mod logs;
mod node;
mod roles;
mod state;
mod trust;

pub use check::check_ledger;
pub use config::{Config, Role};
pub use error::Error;
pub use lifetime::Signals;
pub use node::{Node, install_tls_provider};
pub use state::{ADDRESS_FILE, State, listening_address};
