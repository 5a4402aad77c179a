//! Compose roles into one process: configuration, identity, wiring, lifetime.
