//! Compiles the protos without protoc: types, clients, servers, and the descriptors for reflection.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use protox::prost_reflect::prost::Message as _;

/// Where the protos are, seen from this crate.
const ROOT: &str = "../../proto";

/// One file for each package, relative to the root.
const FILES: [&str; 4] = [
    "quayside/ledger/v1/ledger.proto",
    "quayside/member/v1/member.proto",
    "quayside/keys/v1/keys.proto",
    "quayside/gateway/v1/gateway.proto",
];

/// Messages that hold a secret or a person's data: their `Debug` is written by hand in `pb.rs`.
const HIDDEN: [&str; 3] = [
    "quayside.keys.v1.DrawResponse",
    "quayside.keys.v1.RecoverResponse",
    "quayside.gateway.v1.Buyer",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={ROOT}");
    let descriptors = protox::compile(FILES, [ROOT])?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("quayside_descriptors.bin"), descriptors.encode_to_vec())?;
    // `Bytes` for every bytes field: a body is then a slice of the message, never a copy.
    let builder = tonic_prost_build::configure().bytes(".");
    builder.skip_debug(HIDDEN).compile_fds(descriptors)?;
    Ok(())
}
