//! Shows the first proof: an event is captured, bundled, and checked by a stranger; then one byte
//! of the bundle is flipped, and the stranger refuses it.
//!
//! ```text
//! cargo run -p quayside-statement --example first_proof [DIRECTORY]
//! ```
//!
//! With a directory it also writes what it made, so that other tools can check it:
//! `members.json` and `bundle.qsb` (all that `quayside receipt verify` needs), `statement.cose`,
//! `receipt.cose`, and the two public keys `statement-key.pem` and `receipt-key.pem`.

#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use merkle::{Rfc9162Sha256, TreeHash};
use party::{ConsortiumId, Member, MemberId, Members, PublicKey, Role};
use statement::{
    Bundle, Capture, Checkpoint, Content, Evidence, Genesis, Height, Leaf, LeafIndex, LogIndex,
    LogSize, Note, OpenBody, Receipt, RequestId, Seed, SigningKey, Statement, Tag, Verified,
    body_digest, capture_tree, verify_bundle,
};

/// The parcel that the event speaks of.
const ITEM: &str = "https://id.gs1.org/00/106141412345678908";
/// The event, as canonical JSON.
const EVENT: &str = concat!(
    r#"{"action":"OBSERVE","bizStep":"shipping","#,
    r#""epcList":["https://id.gs1.org/00/106141412345678908"],"#,
    r#""eventTime":"2026-11-20T09:00:00.000+08:00","eventTimeZoneOffset":"+08:00","#,
    r#""readPoint":{"id":"urn:epc:id:sgln:0614141.00777.0"},"type":"ObjectEvent"}"#,
);

fn main() -> Result<(), Box<dyn Error>> {
    let show = Show::new()?;
    let bundle = show.bundle()?;
    let bytes = bundle.encode();

    println!("One event, signed by its issuer and promised by the log: {} bytes.\n", bytes.len());
    let verified = verify_bundle(&bytes, &show.members)?;
    report(&verified);

    // Somebody changes the place of the event on its way to the stranger.
    let place = bytes.windows(5).position(|window| window == b"00777").ok_or("no read point")?;
    let mut forged = bytes;
    for byte in forged.iter_mut().skip(place).take(1) {
        *byte ^= 1;
    }
    println!("\nNow one bit of byte {place} is flipped: read point 00777 becomes 10777.\n");
    match verify_bundle(&forged, &show.members) {
        Err(fault) => println!("  refused  {fault}"),
        Ok(_) => return Err("a forged bundle was taken for a true one".into()),
    }

    if let Some(directory) = std::env::args_os().nth(1).map(PathBuf::from) {
        show.write(&directory, &bundle)?;
        println!("\nThe files are in {}.", directory.display());
    }
    Ok(())
}

/// Prints what a stranger now knows, part by part.
fn report(verified: &Verified) {
    println!("  verified  statement  signed by {}", verified.issuer);
    println!("  verified  receipt    entry {} of {}, by {}", verified.index, verified.size, {
        &verified.receipt_by
    });
    println!("  verified  leaf       event {}", verified.commitment);
    println!("  verified  leaf path  leaf {} of its capture", verified.leaf_index);
    println!("  verified  body       {} fields, every one under its salt", verified.fields.len());
    for (name, value) in &verified.fields {
        println!("              {name:<20} {value}");
    }
    if let Some(checkpoint) = &verified.published {
        println!("  verified  note       a quorum signed the log at height {}", checkpoint.height);
    }
}

/// A consortium of two, and a log of three entries in memory.
struct Show {
    consortium: ConsortiumId,
    trader: MemberId,
    operator: MemberId,
    trader_key: SigningKey,
    receipt_key: SigningKey,
    members: Members,
}

impl Show {
    fn new() -> Result<Self, Box<dyn Error>> {
        let consortium: ConsortiumId = "demo".parse()?;
        let trader: MemberId = "zj-merchant".parse()?;
        let operator: MemberId = "hz-forwarder".parse()?;
        // Everybody can read these keys: they are for showing only.
        let keys = (1..=6).map(|n| SigningKey::from_bytes([n; 32]).public()).collect::<Vec<_>>();
        let member = |id: &MemberId, role, keys: &[PublicKey]| match keys {
            [statement_key, receipt_key, vote_key] => Ok(Member {
                id: id.clone(),
                roles: [role].into(),
                country: "CN".parse()?,
                sites: ["hangzhou".parse()?].into(),
                statement_key: *statement_key,
                receipt_key: *receipt_key,
                vote_key: *vote_key,
                sealing_key: None,
            }),
            _ => Err(Box::<dyn Error>::from("a member has three keys")),
        };
        let (first, second) = keys.split_at(3);
        let list =
            vec![member(&trader, Role::Trader, first)?, member(&operator, Role::Operator, second)?];
        let members = Members::new(consortium.clone(), list, [operator.clone()].into())?;
        let (trader_key, receipt_key) =
            (SigningKey::from_bytes([1; 32]), SigningKey::from_bytes([5; 32]));
        Ok(Self { consortium, trader, operator, trader_key, receipt_key, members })
    }

    /// Captures the event, logs it, and bundles all that a stranger needs.
    fn bundle(&self) -> Result<Bundle, Box<dyn Error>> {
        let body = OpenBody { seed: Seed::from_bytes([9; 32]), json: EVENT.to_owned() };
        let commitment = body.commitment(&self.consortium, &self.trader)?;
        let body = body.encode();
        let tags = vec![(Tag::open(ITEM), None)];
        let leaves =
            [Leaf::new(commitment, body_digest(&body), tags)?.encode(), self.other_leaf()?];
        let leaf_index = LeafIndex(0);
        let statement = self.capture(&leaves, 1)?;
        let log = [self.genesis()?, statement.clone(), self.capture(&[self.other_leaf()?], 2)?];

        let hashes = log.each_ref().map(|entry| Rfc9162Sha256::leaf(entry));
        let (index, size) = (LogIndex(1), LogSize(3));
        let path = merkle::inclusion_path::<Rfc9162Sha256>(&hashes, 1).ok_or("no such entry")?;
        let receipt = Receipt::sign(
            &self.receipt_key,
            &self.consortium,
            &self.operator,
            &statement,
            index,
            size,
            &path,
        )?;
        let checkpoint = Checkpoint {
            consortium: self.consortium.clone(),
            size,
            log_root: merkle::root::<Rfc9162Sha256>(&hashes),
            height: Height(2),
            time_ms: 1_795_136_400_000,
            state_root: [0; 32],
        };
        let note = Note::sign(&checkpoint, &[(&self.operator, &self.receipt_key)]);
        let [leaf, _] = leaves.clone();
        Ok(Bundle {
            statement,
            receipt,
            leaf,
            leaf_index,
            leaf_path: capture_tree::path(&leaves, leaf_index).ok_or("no such leaf")?,
            evidence: Evidence::Body(body),
            note: Some(note.to_text()),
        })
    }

    /// A leaf that shows nothing but its commitment.
    fn other_leaf(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        let body = OpenBody { seed: Seed::from_bytes([8; 32]), json: "{}".to_owned() };
        let commitment = body.commitment(&self.consortium, &self.trader)?;
        Ok(Leaf::new(commitment, body_digest(&body.encode()), Vec::new())?.encode())
    }

    fn genesis(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        let payload =
            Genesis { time_ms: 1_795_136_000_000, members: self.members.clone(), max_window: 100 };
        let key = SigningKey::from_bytes([4; 32]);
        let (content, payload) = (Content::Genesis, payload.encode());
        Ok(Statement::sign(&key, &self.consortium, &self.operator, content, payload)?.into_bytes())
    }

    fn capture(&self, leaves: &[Vec<u8>], request: u8) -> Result<Vec<u8>, Box<dyn Error>> {
        let payload = Capture {
            root: capture_tree::root(leaves),
            count: u32::try_from(leaves.len())?,
            request_id: RequestId([request; 16]),
            last_height: Height(100),
        };
        let (key, content) = (&self.trader_key, Content::Capture);
        let payload = payload.encode();
        Ok(Statement::sign(key, &self.consortium, &self.trader, content, payload)?.into_bytes())
    }

    fn write(&self, directory: &PathBuf, bundle: &Bundle) -> Result<(), Box<dyn Error>> {
        fs::create_dir_all(directory)?;
        fs::write(directory.join("members.json"), self.members.to_json())?;
        fs::write(directory.join("bundle.qsb"), bundle.encode())?;
        fs::write(directory.join("statement.cose"), &bundle.statement)?;
        fs::write(directory.join("receipt.cose"), &bundle.receipt)?;
        fs::write(directory.join("statement-key.pem"), pem(&self.trader_key.public()))?;
        fs::write(directory.join("receipt-key.pem"), pem(&self.receipt_key.public()))?;
        Ok(())
    }
}

/// Writes an Ed25519 key as `SubjectPublicKeyInfo` (RFC 8410) in PEM.
fn pem(key: &PublicKey) -> String {
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let der = STANDARD.encode([&prefix[..], &key.0[..]].concat());
    format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n")
}
