//! The pool, through the crate's public face.
