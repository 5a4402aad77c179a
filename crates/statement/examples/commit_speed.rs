//! Measures what an event costs in this crate: commit, leaf, sign, verify, bundle.
//!
//! ```text
//! cargo run --release -p quayside-statement --example commit_speed
//! ```

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::disallowed_types, reason = "a benchmark reads the clock, and nothing else here")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use party::{ConsortiumId, MemberId};
use statement::{
    Capture, Content, Height, Leaf, OpenBody, RequestId, Seed, SigningKey, Statement, Tag,
    body_digest, capture_tree, commit, top_level_fields,
};

/// How often each thing is done, after as many rounds to warm up.
const ROUNDS: u32 = 20_000;

/// An event of 500 bytes with 10 fields.
const EVENT: &str = concat!(
    r#"{"action":"OBSERVE","bizLocation":{"id":"https://id.gs1.org/414/9521141111116"},"#,
    r#""bizStep":"shipping","bizTransactionList":[{"bizTransaction":"urn:epc:id:gdti:9521141.06012.1234","#,
    r#""type":"po"}],"disposition":"in_transit","#,
    r#""epcList":["https://id.gs1.org/00/952114111111111111","https://id.gs1.org/00/952114111111111128"],"#,
    r#""eventTime":"2026-11-20T09:00:00.000+08:00","eventTimeZoneOffset":"+08:00","#,
    r#""readPoint":{"id":"https://id.gs1.org/414/9521141111116/254/loading-bay-0007"},"type":"ObjectEvent"}"#,
);

fn main() -> Result<(), Box<dyn Error>> {
    let consortium: ConsortiumId = "demo".parse()?;
    let issuer: MemberId = "zj-merchant".parse()?;
    let key = SigningKey::from_bytes([1; 32]);
    let seed = Seed::from_bytes([7; 32]);
    let fields = top_level_fields(EVENT)?;
    println!("an event of {} bytes and {} fields\n", EVENT.len(), fields.len());

    let by_name = || fields.iter().map(|(name, value)| (name.as_ref(), *value));
    measure("commit", || commit(&consortium, &issuer, &seed, by_name()))?;
    measure("split fields", || top_level_fields(black_box(EVENT)))?;
    let body = OpenBody { seed, json: EVENT.to_owned() };
    let bytes = body.encode();
    let tags = vec![(Tag::open("https://id.gs1.org/00/952114111111111111"), None)];
    let commitment = body.commitment(&consortium, &issuer)?;
    measure("body and leaf", || {
        let digest = body_digest(&body.encode());
        Leaf::new(commitment, digest, tags.clone()).map(|leaf| leaf.encode())
    })?;
    measure("voter's check of a leaf", || {
        OpenBody::decode(&bytes)?.commitment(&consortium, &issuer)
    })?;
    let leaves = vec![Leaf::new(commitment, body_digest(&bytes), tags)?.encode(); 100];
    measure("capture tree of 100", || Ok::<_, statement::Error>(capture_tree::root(&leaves)))?;

    let (request_id, last_height) = (RequestId([1; 16]), Height(9));
    let root = capture_tree::root(&leaves);
    let payload = Capture { root, count: 100, request_id, last_height }.encode();
    let sign = || Statement::sign(&key, &consortium, &issuer, Content::Capture, payload.clone());
    measure("sign a statement", sign)?;
    let statement = sign()?.into_bytes();
    let signed = Statement::decode(&statement)?;
    measure("read a statement", || Statement::decode(&statement))?;
    measure("verify its signature", || signed.verify(&key.public()))?;
    Ok(())
}

/// Prints the mean time of one round.
fn measure<T, E: Error + 'static>(
    name: &str,
    mut once: impl FnMut() -> Result<T, E>,
) -> Result<(), Box<dyn Error>> {
    for _ in 0..ROUNDS / 10 {
        black_box(once()?);
    }
    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(once()?);
    }
    let micros = start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS);
    println!("{name:<26} {micros:>8.2} \u{b5}s");
    Ok(())
}
