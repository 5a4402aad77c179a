//! Tell the time, or replay it.
