//! Check a ledger's data offline, under the rules that a node would run it by.

use std::sync::Arc;

use contracts::Contracts;
use ledger::Report;
use statement::Height;

use crate::trust::Believed;
use crate::{Config, Error, Role};

/// Replays the ledger that `config` describes from its first block and compares everything that is
/// kept with what it should be; `progress` hears how far it is and how far it has to go.
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
    ledger::check(&ledger.data, Arc::new(Contracts), &believed.members, progress)
        .map_err(|error| Error::of_ledger(&ledger.data, &error))
}
