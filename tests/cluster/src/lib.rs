//! Run members as real processes, each with its own folder and free ports.
//!
//! A [`Home`] is a fresh state folder made by `quayside admin init`, with ports that the system
//! chooses. [`Home::start`] runs a node on it and waits until it answers; [`Node::kill`] ends it as
//! a power cut would, and it can be started again on what it left. When a test fails, the folder
//! with its logs is kept and its place printed.
//!
//! ```text
//!   Home::new ── admin init ─▶ folder ── start ─▶ Node ── kill -9 ─▶ folder ── start ─▶ Node ...
//!                                │ quayside(..)    ▲
//!                                └─────────────────┘ every command as a person would type it
//! ```
//!
//! [`Apart`] runs the seven nodes of a topology over one folder, each in a process of its own.

mod answer;
mod apart;
mod home;
mod node;

pub use answer::Answer;
pub use apart::Apart;
pub use home::{Home, binary, free_ports};
pub use node::Node;
