//! Draw a secret shared with a peer: the `KeySource` trait, its suite, X25519, ML-KEM hybrid, combined.
