//! Make a consortium for development, and take certificates back.
//!
//! [`init()`] draws every key, issues every certificate from a development authority made on the
//! spot, signs the genesis statement and writes the configuration files. A consortium in earnest
//! lets each member draw its own keys; the files are the same.

mod authority;
mod init;
mod plan;
mod revoke;
mod template;
mod topology;

pub use authority::{Authority, CERTIFICATE_DAYS, Usage};
pub use init::{Made, init};
pub use plan::{Listener, Plan, PlannedLink, PlannedMember};
pub use revoke::{Revocation, revoke};
