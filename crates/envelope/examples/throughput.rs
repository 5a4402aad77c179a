//! Prints how many events of 1 KiB one core seals and opens in a second, beside what the ciphers
//! alone would take: `cargo run --release -p quayside-envelope --example throughput`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "an example that prints")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chacha20poly1305::aead::Aead;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use envelope::{ContentKey, PartPlan, PartRef, Reader, Wrapper, open_entry, seal, unwrap};
use keys::{Drawn, KeySource, Peer, XWing, public_sealing_key};
use party::{ConsortiumId, Member, MemberId, Members, PublicKey};
use statement::{ReaderEntry, RequestId, Seed, SigningKey, body_digest};
use tokio::time::Instant;
use x_wing::{Decapsulate, DecapsulationKey, Decapsulator, Encapsulate};

/// For how long each thing is done.
const SPAN: Duration = Duration::from_millis(1_500);
/// Over how many events one draw is spread.
const SPREAD: usize = 100;
/// How many bytes the fields of an event have.
const EVENT_BYTES: usize = 1_024;
const X25519_SECRET: [u8; 32] = [1; 32];
const X_WING_SEED: [u8; 32] = [2; 32];

/// Sealer, reader and what they hold.
struct Stage {
    consortium: ConsortiumId,
    sealer: MemberId,
    signing: SigningKey,
    reader: Reader,
    near: XWing,
    far: XWing,
    near_peer: Peer,
    far_peer: Peer,
    fields: Vec<(String, String)>,
}

impl Stage {
    fn new() -> Self {
        let signing = SigningKey::from_bytes([3; 32]);
        let member: MemberId = "cn-customs".parse().unwrap();
        let sealing_key = public_sealing_key(&X25519_SECRET, &X_WING_SEED);
        let key = sealing_key.id();
        let registered = Member {
            id: member.clone(),
            roles: BTreeSet::new(),
            country: "CN".parse().unwrap(),
            sites: BTreeSet::new(),
            statement_key: signing.public(),
            receipt_key: PublicKey([4; 32]),
            vote_key: PublicKey([5; 32]),
            sealing_key: Some(sealing_key),
        };
        let consortium: ConsortiumId = "demo".parse().unwrap();
        let voters = BTreeSet::from([member.clone()]);
        let members = Members::new(consortium.clone(), vec![registered], voters).unwrap();
        let members = Arc::new(members);
        // Ten fields, as an event of the standard has.
        let value = format!("\"{}\"", "x".repeat(EVENT_BYTES / 10 - 12));
        Self {
            consortium,
            sealer: "zj-merchant".parse().unwrap(),
            signing,
            reader: Reader { member: member.clone(), key },
            near: XWing::new(None, Arc::clone(&members)),
            far: XWing::new(Some(X_WING_SEED.into()), members),
            near_peer: Peer {
                member: "zj-merchant".parse().unwrap(),
                site: "hangzhou".parse().unwrap(),
            },
            far_peer: Peer { member, site: "xiaoshan".parse().unwrap() },
            fields: (0..10).map(|n| (format!("x:field{n:03}"), value.clone())).collect(),
        }
    }

    async fn draw(&self) -> Drawn {
        let request = keys::RequestId::random().unwrap();
        self.near.draw(&request, &self.far_peer, 32).await.unwrap()
    }

    /// One event: committed to, sealed, and its body's digest taken.
    fn seal(&self, number: u32) -> (PartRef, Vec<u8>, ContentKey) {
        let request = RequestId([6; 16]);
        let seed = Seed::derive(&[7; 32], &request, number, "{}");
        let keys = [ContentKey::derive(&[7; 32], &request, number, 0, "{}")];
        let parts = [PartPlan::Rest];
        let (commitment, body) =
            seal(&self.consortium, &self.sealer, &seed, &self.fields, &parts, &keys).unwrap();
        let body = body.encode();
        let about = PartRef { commitment, body_digest: body_digest(&body), part: 0 };
        let [key] = keys;
        (about, body, key)
    }

    /// Events for the reader, all under one draw.
    async fn batch(&self, count: usize) -> Vec<(ReaderEntry, Vec<u8>)> {
        let drawn = self.draw().await;
        let wrapper = Wrapper::new(&self.consortium, &self.sealer, self.reader.clone(), &drawn);
        let one = |number| {
            let (about, body, key) = self.seal(number);
            (wrapper.wrap(&about, &key).unwrap().sign(&self.signing), body)
        };
        (0..).take(count).map(one).collect()
    }

    /// The reader's side of a batch: one recovery, then each entry verified, unwrapped, opened.
    async fn open(&self, batch: &[(ReaderEntry, Vec<u8>)]) {
        let public = self.signing.public();
        let handle = envelope::handle(&batch.first().unwrap().0).unwrap();
        let request = keys::RequestId::random().unwrap();
        let secret = self.far.recover(&request, &self.near_peer, &handle).await.unwrap();
        for (entry, body) in batch {
            entry.verify(&public).unwrap();
            let key = unwrap(entry, &self.reader.member, &self.reader.key, &secret).unwrap();
            open_entry(entry, body, &key).unwrap();
        }
    }
}

/// Does something for [`SPAN`], and says how often in a second, and how many microseconds it took.
async fn rate(what: &str, events: usize, mut once: impl AsyncFnMut()) -> f64 {
    once().await;
    let (start, mut rounds) = (Instant::now(), 0_u32);
    while start.elapsed() < SPAN {
        once().await;
        rounds += 1;
    }
    let events = f64::from(rounds) * f64::from(u32::try_from(events).unwrap());
    let seconds = start.elapsed().as_secs_f64() / events;
    println!("  {what:<62}{:>10.0} /s {:>8.2} us", 1.0 / seconds, 1e6 * seconds);
    seconds
}

fn limit(what: &str, found: f64, limit: f64) {
    println!("  {what:<62}{:>10.0} /s {:>7.0} %", 1.0 / limit, 100.0 * limit / found);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let stage = Stage::new();
    println!("The ciphers alone, one core:");
    let cipher = ChaCha20Poly1305::new(&[8; 32].into());
    let plain = [9; EVENT_BYTES];
    let nonce = [0; 12].into();
    let aead = rate("ChaCha20-Poly1305 of 1 KiB", 1, async || {
        std::hint::black_box(cipher.encrypt(&nonce, &plain[..]).unwrap());
    });
    let aead = aead.await;
    let secret = DecapsulationKey::from(X_WING_SEED);
    let public = secret.encapsulation_key().clone();
    let mut random = rand::rng();
    let encapsulate = rate("X-Wing encapsulation", 1, async || {
        std::hint::black_box(public.encapsulate_with_rng(&mut random));
    });
    let encapsulate = encapsulate.await;
    let (ciphertext, _) = public.encapsulate_with_rng(&mut rand::rng());
    let decapsulate = rate("X-Wing decapsulation", 1, async || {
        std::hint::black_box(secret.decapsulate(&ciphertext));
    });
    let decapsulate = decapsulate.await;

    println!(
        "\nSealing 1 KiB: committed, sealed, digested, key wrapped for one reader, entry signed:"
    );
    rate("  of which: commit, seal, digest", 1, async || drop(stage.seal(1))).await;
    let fresh = rate("a fresh X-Wing draw each", 1, async || drop(stage.batch(1).await)).await;
    limit("  the ciphers alone, and what part of that is reached", fresh, aead + encapsulate);
    let spread = rate("one draw for 100 events", SPREAD, async || drop(stage.batch(SPREAD).await));
    let spread = spread.await;
    let hundredth = f64::from(u32::try_from(SPREAD).unwrap()).recip();
    let alone = encapsulate.mul_add(hundredth, aead);
    limit("  the ciphers alone, and what part of that is reached", spread, alone);

    println!(
        "\nOpening 1 KiB: recovered, signature verified, unwrapped, opened, commitment checked:"
    );
    let single = stage.batch(1).await;
    let fresh = rate("a recovery each", 1, async || stage.open(&single).await).await;
    limit("  the ciphers alone, and what part of that is reached", fresh, aead + decapsulate);
    let many = stage.batch(SPREAD).await;
    let spread =
        rate("one recovery for 100 events", SPREAD, async || stage.open(&many).await).await;
    let alone = decapsulate.mul_add(hundredth, aead);
    limit("  the ciphers alone, and what part of that is reached", spread, alone);
}
