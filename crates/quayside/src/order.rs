//! `quayside order`: make an order; show how far its journey is.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use gateway::{Buyer, Good, JourneyId, Order, OrderView, Parties};
use party::MemberId;
use serde::{Deserialize, Serialize};
use statement::RequestId;

use crate::cli::{GatewayArguments, Global};
use crate::connection;
use crate::event::{draw_request_id, request_id};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Output, Report, count, fields, lines, pairs, table};

/// What `order` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make an order in the name of the seller, who calls: the first step of its journey.
    ///
    /// The buyer's data are sealed to the customs and to the last mile; they come from a file, so
    /// that they stand in no list of processes.
    #[command(after_long_help = fields::<OrderReport>())]
    Create(CreateArguments),
    /// Show an order as one member knows it.
    #[command(after_long_help = fields::<OrderReport>())]
    Show(ShowArguments),
}

/// What `order create` takes.
#[derive(Debug, Args)]
pub(crate) struct CreateArguments {
    /// The order as JSON, such as deploy/examples/order.json; `-` for stdin.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The parcel's SSCC, an EPC URN or a Digital Link, in the place of the file's.
    #[arg(long, value_name = "SSCC")]
    parcel: Option<String>,
    /// One of the goods, in the place of the file's; once for each.
    #[arg(long = "good", value_name = "SGTIN=DESCRIPTION", value_parser = good)]
    goods: Vec<GoodFile>,
    /// The member that takes the parcel to the airline, in the place of the file's.
    #[arg(long, value_name = "MEMBER")]
    forwarder: Option<MemberId>,
    /// The customs of the country of export, in the place of the file's.
    #[arg(long, value_name = "MEMBER")]
    export_customs: Option<MemberId>,
    /// The member that flies the pallet, in the place of the file's.
    #[arg(long, value_name = "MEMBER")]
    airline: Option<MemberId>,
    /// The customs of the country of import, in the place of the file's.
    #[arg(long, value_name = "MEMBER")]
    import_customs: Option<MemberId>,
    /// The member that takes the parcel to the buyer, in the place of the file's.
    #[arg(long, value_name = "MEMBER")]
    last_mile: Option<MemberId>,
    /// The request id, 32 hexadecimal digits: name it again to repeat an order whose answer was
    /// lost, and it is not made twice [default: random].
    #[arg(long, value_name = "HEX", value_parser = request_id)]
    request_id: Option<RequestId>,
    #[command(flatten)]
    gateway: GatewayArguments,
}

/// What `order show` takes.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The journey, 16 hexadecimal digits, as `order create` prints it.
    #[arg(value_parser = journey)]
    journey: JourneyId,
    #[command(flatten)]
    gateway: GatewayArguments,
}

/// Reads a journey's name.
pub(crate) fn journey(text: &str) -> Result<JourneyId, String> {
    text.parse().map_err(|_| "a journey is 16 hexadecimal digits".to_owned())
}

fn good(text: &str) -> Result<GoodFile, String> {
    let (sgtin, description) =
        text.split_once('=').ok_or_else(|| "a good reads SGTIN=DESCRIPTION".to_owned())?;
    Ok(GoodFile { sgtin: sgtin.to_owned(), description: description.to_owned() })
}

/// An order as a file holds it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderFile {
    #[serde(default)]
    parcel: Option<String>,
    goods: Vec<GoodFile>,
    parties: PartiesFile,
    buyer: BuyerFile,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoodFile {
    sgtin: String,
    description: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PartiesFile {
    forwarder: MemberId,
    export_customs: MemberId,
    airline: MemberId,
    import_customs: MemberId,
    last_mile: MemberId,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct BuyerFile {
    name: String,
    address: String,
    telephone: String,
    identity_number: String,
}

impl std::fmt::Debug for BuyerFile {
    // A person's data must not reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BuyerFile").finish_non_exhaustive()
    }
}

impl OrderFile {
    /// Reads an order from a file or from stdin.
    pub(crate) fn read(file: &Path) -> Result<Self, Fault> {
        let text = if file == Path::new("-") {
            let mut text = String::new();
            std::io::stdin().lock().read_to_string(&mut text).map(|_| text)
        } else {
            fs::read_to_string(file)
        };
        let text = text.map_err(|error| Fault::file("read", file, &error))?;
        serde_json::from_str(&text).map_err(|error| {
            Fault::new(Exit::Refused, format!("{} is no order: {error}", file.display()))
                .help("deploy/examples/order.json shows one")
        })
    }

    /// The order as the gateway takes it.
    pub(crate) fn order(self) -> Order {
        let Self { parcel, goods, parties, buyer } = self;
        Order {
            parcel,
            goods: goods
                .into_iter()
                .map(|good| Good { sgtin: good.sgtin, description: good.description })
                .collect(),
            parties: Parties {
                forwarder: parties.forwarder,
                export_customs: parties.export_customs,
                airline: parties.airline,
                import_customs: parties.import_customs,
                last_mile: parties.last_mile,
            },
            buyer: Buyer {
                name: buyer.name,
                address: buyer.address,
                telephone: buyer.telephone,
                identity_number: buyer.identity_number,
            },
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct OrderReport {
    member: MemberId,
    journey: String,
    parcel: String,
    pallet: Option<String>,
    seller: MemberId,
    parties: PartiesFile,
    goods: Vec<GoodFile>,
    steps: Vec<StepLine>,
    next: Option<NextLine>,
    buyer: Option<BuyerFile>,
    unacknowledged: Vec<UnacknowledgedLine>,
    alerts: Vec<AlertLine>,
}

#[derive(Debug, Serialize)]
struct StepLine {
    number: u8,
    step: &'static str,
    by: MemberId,
    time: String,
    commitment: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct NextLine {
    pub(crate) step: &'static str,
    pub(crate) by: MemberId,
}

#[derive(Debug, Serialize)]
struct UnacknowledgedLine {
    step: &'static str,
    commitment: String,
    part: u32,
    reader: MemberId,
}

#[derive(Debug, Serialize)]
struct AlertLine {
    reason: String,
    issuer: MemberId,
    commitment: String,
    detail: String,
}

impl Report for OrderReport {
    const COMMAND: &'static str = "order show";
    const FIELDS: &'static [(&'static str, &'static str)] = &[
        ("member", "whose view it is"),
        ("journey", "the journey, 16 hexadecimal digits"),
        ("parcel", "the parcel's canonical name"),
        ("pallet", "the pallet's, or null while this member knows of none"),
        ("seller", "who sells"),
        ("parties", "who else takes part"),
        ("parties.forwarder", "takes the parcel to the airline"),
        ("parties.export_customs", "clears it out of its country"),
        ("parties.airline", "flies the pallet"),
        ("parties.import_customs", "clears it into its country"),
        ("parties.last_mile", "takes it to the buyer"),
        ("goods", "what is in the parcel, as far as this member may know"),
        ("goods.sgtin", "the article's canonical name"),
        ("goods.description", "what it is, for people"),
        ("steps", "the steps that this member has captured or opened, in order"),
        ("steps.number", "the step's place in the journey, 1 to 16"),
        ("steps.step", "its word"),
        ("steps.by", "who captured it"),
        ("steps.time", "when it happened by the event's word, RFC 3339"),
        ("steps.commitment", "the event's identity in the record, 64 hexadecimal digits"),
        ("next", "the next step as far as this member can see, or null when all are done"),
        ("next.step", "its word"),
        ("next.by", "whose it is"),
        ("buyer", "who gets the parcel, or null when that is not sealed to this member"),
        ("buyer.name", "the buyer's name"),
        ("buyer.address", "the address"),
        ("buyer.telephone", "the telephone number"),
        ("buyer.identity_number", "the number of the identity document"),
        ("unacknowledged", "what this member has sealed and its reader has not acknowledged"),
        ("unacknowledged.step", "the step whose event it is"),
        ("unacknowledged.commitment", "the event's identity, 64 hexadecimal digits"),
        ("unacknowledged.part", "the part of its body, from 0"),
        ("unacknowledged.reader", "to whom it is sealed"),
        ("alerts", "what is off with this journey, as this member sees it"),
        ("alerts.reason", "the kind of fault, such as MARK_INVALID"),
        ("alerts.issuer", "who is to answer for it"),
        ("alerts.commitment", "the event's identity, 64 hexadecimal digits"),
        ("alerts.detail", "what was seen"),
    ];

    fn text(&self) -> String {
        let mut text = pairs(&self.summary());
        if !self.steps.is_empty() {
            let mut steps = table(&["step", "what", "who", "when"]);
            for step in &self.steps {
                steps.add_row([
                    step.number.to_string(),
                    step.step.to_owned(),
                    step.by.to_string(),
                    step.time.clone(),
                ]);
            }
            text.push('\n');
            text.push_str(&lines(&steps));
        }
        text
    }
}

impl OrderReport {
    fn summary(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![("journey", self.journey.clone()), ("parcel", self.parcel.clone())];
        rows.extend(self.pallet.clone().map(|pallet| ("pallet", pallet)));
        rows.push(("seller", self.seller.to_string()));
        let parties = &self.parties;
        let parties = [
            &parties.forwarder,
            &parties.export_customs,
            &parties.airline,
            &parties.import_customs,
            &parties.last_mile,
        ];
        rows.push(("parties", parties.map(ToString::to_string).join(" ")));
        rows.extend(self.goods.iter().map(|good| {
            let GoodFile { sgtin, description } = good;
            ("good", format!("{sgtin} ({description})"))
        }));
        rows.push((
            "buyer",
            match &self.buyer {
                Some(BuyerFile { name, address, telephone, identity_number }) => {
                    format!("{name}, {address}, {telephone}, {identity_number}")
                }
                None => format!("closed to {}", self.member),
            },
        ));
        rows.push((
            "next",
            match &self.next {
                Some(NextLine { step, by }) => format!("{step}, by {by}"),
                None => "nothing: all sixteen steps are done".to_owned(),
            },
        ));
        if !self.unacknowledged.is_empty() {
            let waiting = u64::try_from(self.unacknowledged.len()).unwrap_or(u64::MAX);
            rows.push(("on its way", format!("{} sealed parts", count(waiting))));
        }
        rows.extend(self.alerts.iter().map(|alert| {
            ("ALERT", format!("{} by {}: {}", alert.reason, alert.issuer, alert.detail))
        }));
        rows
    }

    fn of(member: MemberId, view: OrderView) -> Self {
        let buyer = view.buyer.as_ref().map(|buyer| BuyerFile {
            name: buyer.name.clone(),
            address: buyer.address.clone(),
            telephone: buyer.telephone.clone(),
            identity_number: buyer.identity_number.clone(),
        });
        Self {
            member,
            journey: view.journey.to_string(),
            parcel: view.parcel,
            pallet: view.pallet,
            seller: view.seller,
            parties: PartiesFile {
                forwarder: view.parties.forwarder,
                export_customs: view.parties.export_customs,
                airline: view.parties.airline,
                import_customs: view.parties.import_customs,
                last_mile: view.parties.last_mile,
            },
            goods: view
                .goods
                .into_iter()
                .map(|good| GoodFile { sgtin: good.sgtin, description: good.description })
                .collect(),
            steps: view
                .steps
                .into_iter()
                .map(|done| StepLine {
                    number: done.step.number(),
                    step: done.step.as_str(),
                    by: done.by,
                    time: clock::TimeMs(done.event_time_ms).to_string(),
                    commitment: hex::encode(done.commitment.0),
                })
                .collect(),
            next: view.next.map(|next| NextLine { step: next.step.as_str(), by: next.by }),
            buyer,
            unacknowledged: view
                .unacknowledged
                .into_iter()
                .map(|waiting| UnacknowledgedLine {
                    step: waiting.step.as_str(),
                    commitment: hex::encode(waiting.commitment.0),
                    part: waiting.part,
                    reader: waiting.reader,
                })
                .collect(),
            alerts: view
                .alerts
                .into_iter()
                .map(|alert| AlertLine {
                    reason: alert.reason,
                    issuer: alert.issuer,
                    commitment: hex::encode(alert.commitment.0),
                    detail: alert.detail,
                })
                .collect(),
        }
    }
}

/// Runs an `order` verb.
pub(crate) async fn order(verb: Verb, global: &Global, output: Output) -> Result<Exit, Fault> {
    match verb {
        Verb::Create(arguments) => create(arguments, global, output).await,
        Verb::Show(arguments) => {
            let gateway = connection::gateway(&arguments.gateway, global)?;
            let view = gateway.order(&arguments.journey).await?;
            output.show(&OrderReport::of(gateway.member().clone(), view))?;
            Ok(Exit::Ok)
        }
    }
}

async fn create(
    arguments: CreateArguments,
    global: &Global,
    output: Output,
) -> Result<Exit, Fault> {
    let mut file = OrderFile::read(&arguments.file)?;
    file.parcel = arguments.parcel.or(file.parcel);
    if !arguments.goods.is_empty() {
        file.goods = arguments.goods;
    }
    let parties = &mut file.parties;
    for (given, place) in [
        (arguments.forwarder, &mut parties.forwarder),
        (arguments.export_customs, &mut parties.export_customs),
        (arguments.airline, &mut parties.airline),
        (arguments.import_customs, &mut parties.import_customs),
        (arguments.last_mile, &mut parties.last_mile),
    ] {
        if let Some(given) = given {
            *place = given;
        }
    }
    let id = match arguments.request_id {
        Some(id) => id,
        None => draw_request_id()?,
    };
    let gateway = connection::gateway(&arguments.gateway, global)?;
    let view = match gateway.create_order(id, file.order()).await {
        Ok(view) => view,
        Err(fault) if fault.exit == Exit::Unreachable => {
            let id = hex::encode(id.0);
            return Err(fault.help(format!("repeat the same order with --request-id {id}")));
        }
        Err(fault) => return Err(fault),
    };
    output.show(&OrderReport::of(gateway.member().clone(), view))?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_order_is_read_and_its_buyer_is_not_shown_by_debug() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/examples/order.json");
        let order = OrderFile::read(Path::new(file)).unwrap();
        let name = order.buyer.name.clone();
        assert!(!format!("{order:?}").contains(&name));
        assert_eq!(order.order().goods.len(), 2);
    }

    #[test]
    fn an_unknown_field_of_an_order_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("order.json");
        fs::write(&file, r#"{"goods":[],"gods":[]}"#).unwrap();
        let fault = OrderFile::read(&file).unwrap_err();
        assert!(fault.message.contains("gods") && fault.exit == Exit::Refused, "{fault}");
    }
}
