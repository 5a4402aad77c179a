//! Translate between gRPC and the domain (the only crate that knows protobuf).
