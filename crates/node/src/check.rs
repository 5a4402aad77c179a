//! Check a ledger's data offline, under the rules that a node would run it by.

use std::sync::Arc;

use contracts::Contracts;
use ledger::{Audit, Report};
use statement::Height;

use crate::trust::Believed;
use crate::{Config, Error, Role, disk};

/// Replays the ledger that `config` describes from its first block and compares everything that is
/// kept with what it should be, beginning with the genesis statement that `config` names. The replay
/// takes room in the system's temporary directory for as long as it runs; `progress` hears how far it is and how far it has to go.
///
/// # Errors
///
/// [`Error::Config`] without a section `[ledger]`, [`Error::Damaged`] when what is kept does not
/// hold, [`Error::Ledger`] when it cannot be read.
pub fn check_ledger(
    config: &Config,
    progress: &mut dyn FnMut(Height, Height),
) -> Result<Report, Error> {
    config.check_role(Role::Ledger)?;
    let Some(ledger) = &config.ledger else {
        return Err(config.wrong("there is no section [ledger]"));
    };
    let believed = Believed::load(config)?;
    let genesis = disk::read(&ledger.genesis)?.into();
    let scratch = std::env::temp_dir().join(format!("quayside-check-{}", std::process::id()));
    let audit = Audit {
        path: &ledger.data,
        genesis: &genesis,
        members: &believed.members,
        scratch: &scratch,
    };
    ledger::check(&audit, Arc::new(Contracts), progress)
        .map_err(|error| Error::of_ledger(&ledger.data, &error))
}
