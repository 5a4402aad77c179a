//! What a member knows of a journey: what it has opened, put together.

use std::collections::BTreeMap;

use party::MemberId;
use statement::ItemSecret;
use trace::Book;
use trace::book::OpenedEvent;

use crate::event::Reading;
use crate::house::House;
use crate::shelf::Shelf;
use crate::{Buyer, DoneStep, Error, Good, JourneyId, NextStep, Parties, Party, Step};

/// What the first event of a journey says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Charter {
    pub(crate) journey: JourneyId,
    pub(crate) parcel: String,
    pub(crate) seller: MemberId,
    pub(crate) parties: Parties,
    pub(crate) goods: Vec<Good>,
}

impl Charter {
    /// Reads a first event by its fields; `None` for any other event.
    pub(crate) fn read<'a>(
        issuer: &MemberId,
        fields: impl Fn(&str) -> Option<&'a str>,
    ) -> Option<Self> {
        let reading = Reading(fields);
        if reading.step()? != Step::Commission {
            return None;
        }
        let (seller, parties) = reading.parties()?;
        Some(Self {
            journey: reading.journey()?,
            parcel: reading.first_sscc()?,
            goods: reading.goods()?,
            seller: Some(seller).filter(|seller| seller == issuer)?,
            parties,
        })
    }

    /// Reads a first event that was opened.
    pub(crate) fn of(event: &OpenedEvent) -> Option<Self> {
        Self::read(&event.issuer, |name| event.value(name))
    }

    /// Reads a first event's canonical JSON.
    pub(crate) fn of_json(issuer: &MemberId, json: &str) -> Option<Self> {
        let fields = epcis::top_level_fields(json).ok()?;
        Self::read(issuer, |name| {
            fields.iter().find(|(found, _)| *found == name).map(|(_, value)| *value)
        })
    }

    /// Who takes a step.
    pub(crate) fn taker(&self, step: Step) -> &MemberId {
        self.parties.member(&self.seller, step.party())
    }
}

/// A journey as a member knows it.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) charter: Charter,
    /// The part that this member plays.
    pub(crate) party: Party,
    /// The journey's secret.
    pub(crate) secret: ItemSecret,
    pub(crate) pallet: Option<String>,
    /// The pallet's secret, where this member holds it.
    pub(crate) pallet_secret: Option<ItemSecret>,
    pub(crate) buyer: Option<Buyer>,
    pub(crate) steps: BTreeMap<Step, DoneStep>,
}

impl Known {
    /// Puts together what is known of a journey; it blocks.
    ///
    /// # Errors
    ///
    /// [`Error::JourneyUnknown`] when its first event, or its secret, was not opened yet.
    pub(crate) fn gather(
        house: &House,
        shelf: &Shelf,
        book: &Book,
        journey: &JourneyId,
    ) -> Result<Self, Error> {
        let member = book.member();
        let mut found = shelf.found(journey)?;
        found.sort_by_key(|found| found.index);
        for found in found {
            let Some(first) = book.event(&found.commitment)? else { continue };
            let Some(charter) = Charter::of(&first).filter(|read| read.journey == *journey) else {
                continue;
            };
            let Some(secret) = secret_of(house, book, &charter)? else { continue };
            let Some(party) = charter.parties.part_of(&charter.seller, member) else { continue };
            let buyer = Reading(|name: &str| first.value(name)).buyer();
            let (pallet, pallet_secret) = (None, None);
            let steps = BTreeMap::new();
            let mut known = Self { charter, party, secret, pallet, pallet_secret, buyer, steps };
            known.read_events(house, book)?;
            return Ok(known);
        }
        Err(Error::JourneyUnknown { journey: *journey, member: member.clone() })
    }

    /// Reads the steps out of all that names the parcel or its pallet.
    fn read_events(&mut self, house: &House, book: &Book) -> Result<(), Error> {
        for event in book.events_naming(&self.charter.parcel)? {
            self.read_event(&event);
        }
        let Some(pallet) = &self.pallet else { return Ok(()) };
        // Whoever makes up the pallet makes its secret; another party could hand over one of its own.
        let maker = &self.charter.parties.forwarder;
        for (secret, _) in book.secrets(pallet)? {
            if house.announced(&secret.id())?.is_some_and(|said| said.issuer == *maker) {
                self.pallet_secret = Some(secret);
                break;
            }
        }
        for event in book.events_naming(pallet)? {
            self.read_event(&event);
        }
        Ok(())
    }

    fn read_event(&mut self, event: &OpenedEvent) {
        let reading = Reading(|name: &str| event.value(name));
        let (Some(journey), Some(step)) = (reading.journey(), reading.step()) else { return };
        // Whose turn it is not, cannot take a step by saying so.
        if journey != self.charter.journey || *self.charter.taker(step) != event.issuer {
            return;
        }
        let Some(event_time_ms) = event.event().map(|event| event.event_time_unix_ms()) else {
            return;
        };
        if step == Step::Aggregate && self.pallet.is_none() {
            self.pallet = reading.parent();
        }
        // The first in the log counts, should a member take its step twice.
        self.steps.entry(step).or_insert_with(|| DoneStep {
            step,
            by: event.issuer.clone(),
            event_time_ms,
            commitment: event.commitment,
            index: event.position.index,
            height: event.height,
        });
    }

    /// The first step that this member can see and that is not done.
    pub(crate) fn next(&self) -> Option<NextStep> {
        let open =
            |step: &Step| step.readers().contains(&self.party) && !self.steps.contains_key(step);
        let step = Step::ALL.into_iter().find(open)?;
        Some(NextStep { step, by: self.charter.taker(step).clone() })
    }

    /// The latest time of any step so far, in milliseconds since 1970-01-01 UTC.
    pub(crate) fn latest_ms(&self) -> i64 {
        self.steps.values().map(|step| step.event_time_ms).max().unwrap_or(i64::MIN)
    }

    /// Refuses a step that is not the member's, or not to be taken now; `None` asks for the next.
    pub(crate) fn check(&self, member: &MemberId, expected: Option<Step>) -> Result<Step, Error> {
        let journey = self.charter.journey;
        let out_of_order = |step, why| Error::StepOutOfOrder { journey, step, why };
        let next = self.next();
        let Some(step) = expected.or_else(|| next.as_ref().map(|next| next.step)) else {
            return Err(out_of_order(Step::Deliver, "every step is done".to_owned()));
        };
        let whose = self.charter.taker(step);
        if whose != member {
            let (whose, member) = (whose.clone(), member.clone());
            return Err(Error::StepNotYours { journey, step, whose, member });
        }
        if self.steps.contains_key(&step) {
            return Err(out_of_order(step, "it is done".to_owned()));
        }
        match next {
            Some(next) if next.step < step => {
                let NextStep { step: missing, by } = next;
                let why = format!("{by} has not taken step {missing}, as far as is known here");
                Err(out_of_order(step, why))
            }
            _ => Ok(step),
        }
    }
}

/// The journey's own secret: the one of the parcel after which the journey is named, announced by
/// the seller.
fn secret_of(house: &House, book: &Book, charter: &Charter) -> Result<Option<ItemSecret>, Error> {
    for (secret, _) in book.secrets(&charter.parcel)? {
        let id = secret.id();
        if JourneyId::of(&id) != charter.journey {
            continue;
        }
        // Another party could give a stranger's secret out as its own journey's.
        if house.announced(&id)?.is_some_and(|said| said.issuer == charter.seller) {
            return Ok(Some(secret));
        }
    }
    Ok(None)
}

/// The journey and the place of a first event, for [`Shelf::found`].
pub(crate) fn found(event: &OpenedEvent) -> Option<crate::row::Found> {
    let charter = Charter::of(event)?;
    Some(crate::row::Found {
        journey: charter.journey,
        commitment: event.commitment,
        index: event.position.index,
        parcel: charter.parcel,
    })
}
