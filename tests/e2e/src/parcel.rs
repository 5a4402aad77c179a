//! An order, and the sixteen steps of its journey, each taken by its own member.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use cluster::{Answer, Apart};
use serde_json::{Value, json};

/// The six members, in the order of the members file.
pub const MEMBERS: [&str; 6] =
    ["zj-merchant", "hz-forwarder", "cn-customs", "sky-air", "be-customs", "es-post"];

/// Those who hold the pallet's secret, and so see the parcel through.
pub const CUSTODIANS: [&str; 4] = ["hz-forwarder", "cn-customs", "sky-air", "es-post"];

/// Those who may know the buyer, beside the seller whose order it is.
pub const BUYER_READERS: [&str; 3] = ["cn-customs", "be-customs", "es-post"];

/// The steps in their order, each with whose it is.
pub const STEPS: [(&str, &str); 16] = [
    ("commission", "zj-merchant"),
    ("pack", "zj-merchant"),
    ("pick-up", "hz-forwarder"),
    ("receive", "hz-forwarder"),
    ("aggregate", "hz-forwarder"),
    ("load", "sky-air"),
    ("inspect-export", "cn-customs"),
    ("release-export", "cn-customs"),
    ("depart", "sky-air"),
    ("arrive", "sky-air"),
    ("disaggregate", "es-post"),
    ("inspect-import", "be-customs"),
    ("release-import", "be-customs"),
    ("ship", "es-post"),
    ("out-for-delivery", "es-post"),
    ("deliver", "es-post"),
];

/// The steps that name the pallet alone: who does not hold its secret sees nothing of them.
pub const PALLET_STEPS: [&str; 3] = ["load", "depart", "arrive"];

/// How often something is tried that waits for something else: for half a minute at least.
const TRIES: u32 = 1_000;
const PAUSE: Duration = Duration::from_millis(30);

/// An order as a seller writes it: parcel, goods and buyer are like no other's.
#[must_use]
pub fn order(number: u32) -> Value {
    json!({
        "parcel": format!("urn:epc:id:sscc:9521001.{:010}", 40_000 + number),
        "goods": [
            { "sgtin": sgtin(number, 1), "description": format!("Porcelain heron no {number}") },
            { "sgtin": sgtin(number, 2), "description": format!("Porcelain crane no {number}") },
        ],
        "parties": {
            "forwarder": "hz-forwarder",
            "export_customs": "cn-customs",
            "airline": "sky-air",
            "import_customs": "be-customs",
            "last_mile": "es-post",
        },
        "buyer": {
            "name": format!("Xochitl Quetzalli-Brzezinski {number}"),
            "address": format!("Calle del Ornitorrinco Azul {number}, 28013 Madrid"),
            "telephone": format!("+34 911 {:06}", 137_000 + number),
            "identity_number": format!("X{:07}Q", 7_310_000 + number),
        },
    })
}

fn sgtin(number: u32, piece: u32) -> String {
    format!("urn:epc:id:sgtin:9521001.000201.{}", 500_000 + number * 10 + piece)
}

/// A parcel on its way.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// The journey's name, 16 hexadecimal digits.
    pub journey: String,
    /// The parcel's canonical name.
    pub name: String,
    /// What `order create` told.
    pub made: Value,
    /// What `journey advance` told of each further step, in order.
    pub told: Vec<Value>,
}

impl Parcel {
    /// Makes an order in the seller's name.
    ///
    /// # Errors
    ///
    /// When the order is refused.
    pub fn order(nodes: &Apart, order: &Value) -> Result<Self> {
        // Outside the state folder: what the seller writes down at home is no business of ours.
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("order.json");
        std::fs::write(&file, order.to_string())?;
        let words = ["order", "create", &file.display().to_string(), "--json"];
        let made = nodes.quayside("zj-merchant", words)?.ok()?.json()?;
        let text = |name: &str| {
            made.get(name).and_then(Value::as_str).map(str::to_owned).context("an order's name")
        };
        Ok(Self { journey: text("journey")?, name: text("parcel")?, told: Vec::new(), made })
    }

    /// Takes the next step in its member's name at that member's own gateway, once what comes
    /// before it has got there.
    ///
    /// # Errors
    ///
    /// When it is refused for good, or does not come to its turn.
    pub fn advance(&mut self, nodes: &Apart) -> Result<&Value> {
        let taken = self.told.len().saturating_add(1);
        let (step, member) = STEPS.get(taken).context("every step is taken")?;
        // The same id each time: a step is never taken twice.
        let id = format!("{}{taken:016x}", self.journey);
        let words =
            ["journey", "advance", &self.journey, "--expect", step, "--request-id", &id, "--json"];
        let mut answer = nodes.quayside(member, words)?;
        for _ in 0..TRIES {
            if !waits(&answer) {
                break;
            }
            sleep(PAUSE);
            answer = nodes.quayside(member, words)?;
        }
        let told = answer.ok()?.json()?;
        let line = told.get("steps").and_then(|steps| steps.get(0)).cloned();
        self.told.push(line.with_context(|| format!("no step: {told:#}"))?);
        self.told.last().context("just pushed")
    }

    /// Takes every step up to and with this one.
    ///
    /// # Errors
    ///
    /// As [`Self::advance`].
    pub fn advance_to(&mut self, nodes: &Apart, step: &str) -> Result<()> {
        let last = STEPS.iter().position(|(word, _)| *word == step).context("a step")?;
        while self.told.len() < last {
            self.advance(nodes)?;
        }
        Ok(())
    }

    /// Takes every step that is left.
    ///
    /// # Errors
    ///
    /// As [`Self::advance`].
    pub fn deliver(&mut self, nodes: &Apart) -> Result<()> {
        self.advance_to(nodes, "deliver")
    }

    /// Waits until nothing that a member has sealed waits for its reader.
    ///
    /// # Errors
    ///
    /// When something still does after half a minute.
    pub fn acknowledged(&self, nodes: &Apart) -> Result<()> {
        for member in MEMBERS {
            let mut waiting = self.waiting(nodes, member)?;
            for _ in 0..TRIES {
                if waiting.is_empty() {
                    break;
                }
                sleep(PAUSE);
                waiting = self.waiting(nodes, member)?;
            }
            ensure!(waiting.is_empty(), "what {member} has sealed still waits: {waiting:#?}");
        }
        Ok(())
    }

    fn waiting(&self, nodes: &Apart, member: &str) -> Result<Vec<Value>> {
        let shown = self.shown(nodes, member)?;
        shown.get("unacknowledged").and_then(Value::as_array).cloned().context("a list")
    }

    /// What a member knows of the order.
    ///
    /// # Errors
    ///
    /// When it knows nothing.
    pub fn shown(&self, nodes: &Apart, member: &str) -> Result<Value> {
        nodes.quayside(member, ["order", "show", &self.journey, "--json"])?.ok()?.json()
    }

    /// The parcel's trace as a member sees it.
    ///
    /// # Errors
    ///
    /// When it cannot be traced.
    pub fn trace(&self, nodes: &Apart, member: &str) -> Result<Value> {
        nodes.quayside(member, ["item", "trace", &self.name, "--json"])?.ok()?.json()
    }

    /// As [`Self::trace`], with every step's bundle written to a folder.
    ///
    /// # Errors
    ///
    /// As [`Self::trace`].
    pub fn trace_to(&self, nodes: &Apart, member: &str, folder: &Path) -> Result<Value> {
        let folder = folder.display().to_string();
        let words = ["item", "trace", &self.name, "--bundles", &folder, "--json"];
        nodes.quayside(member, words)?.ok()?.json()
    }
}

/// The service's word for a refusal, of a command with `--json`.
///
/// # Errors
///
/// When it was no refusal.
pub fn reason(answer: &Answer) -> Result<String> {
    let error = fault(answer)?;
    match error.get("reason").and_then(Value::as_str) {
        Some(reason) => Ok(reason.to_owned()),
        None => bail!("no reason: {answer:#?}"),
    }
}

/// What a command with `--json` says of its failure.
///
/// # Errors
///
/// When it did not fail.
pub fn fault(answer: &Answer) -> Result<Value> {
    let told: Value =
        serde_json::from_str(&answer.talk).with_context(|| format!("no JSON: {answer:#?}"))?;
    told.get("error").cloned().with_context(|| format!("no error: {answer:#?}"))
}

/// Whether the same command may succeed in a moment.
fn waits(answer: &Answer) -> bool {
    const EARLY: [&str; 3] = ["STEP_OUT_OF_ORDER", "JOURNEY_UNKNOWN", "NOT_YET"];
    if answer.code == Some(0) {
        return false;
    }
    answer.code == Some(4) || reason(answer).is_ok_and(|reason| EARLY.contains(&&*reason))
}
