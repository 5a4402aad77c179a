//! Run members as real processes, each with its own folder and free ports.
