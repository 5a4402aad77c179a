//! Decide membership, custody, title, acceptance and settlement from committed commands: pure functions.
