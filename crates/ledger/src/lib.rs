//! Keep the log and the state it implies, on RocksDB, and prove both.
