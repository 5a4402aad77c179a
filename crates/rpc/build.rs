//! Compiles the protos without protoc: types, clients, servers, and the descriptors for reflection.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use protox::prost_reflect::prost::Message as _;

/// Where the protos are, seen from this crate.
const ROOT: &str = "../../proto";

/// One file for each package, relative to the root.
const FILES: [&str; 3] = [
    "quayside/ledger/v1/ledger.proto",
    "quayside/member/v1/member.proto",
    "quayside/gateway/v1/gateway.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={ROOT}");
    let descriptors = protox::compile(FILES, [ROOT])?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("quayside_descriptors.bin"), descriptors.encode_to_vec())?;
    // `Bytes` for every bytes field: a body is then a slice of the message, never a copy.
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
