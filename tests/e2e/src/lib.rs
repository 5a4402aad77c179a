//! Tell one story per file against real processes.
