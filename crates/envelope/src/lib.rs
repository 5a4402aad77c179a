//! Seal bytes for their readers.
