//! Keep bytes durably in column families (the only crate that knows RocksDB).
