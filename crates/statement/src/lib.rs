//! Sign a statement about goods; verify it with its receipt (COSE, no store, no network).
