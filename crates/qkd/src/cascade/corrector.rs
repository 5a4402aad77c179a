//! The receiver's end of Cascade.

use std::collections::{BTreeMap, BTreeSet};

use super::schedule::{Pass, Schedule};
use super::view::Order;
use super::{Ask, Parities, Part, Refusal};
use crate::bits::Bits;

/// Asks, and turns the bits that are wrong.
#[derive(Debug)]
pub struct Corrector {
    schedule: Schedule,
    bits: Bits,
    /// The passes that are open, in their order.
    passes: Vec<Open>,
    /// What was asked and is not yet answered.
    asked: Option<Ask>,
    leak_bits: u32,
    corrected_bits: u32,
    round_trips: u32,
}

/// One pass that is open.
#[derive(Debug)]
struct Open {
    order: Order,
    /// The receiver's bits in that order.
    view: Bits,
    /// The finest parts whose parities are known, by where they start: how many bits each has.
    parts: BTreeMap<u32, u32>,
    /// Those of them whose parity differs from the sender's: each has an odd number of errors.
    odd: BTreeSet<u32>,
}

impl Corrector {
    /// Takes the bits to be put right.
    #[must_use]
    pub fn new(bits: &[bool], schedule: Schedule) -> Self {
        let mut packed = Bits::with_capacity(bits.len());
        bits.iter().for_each(|bit| packed.push(*bit));
        Self::from_bits(packed, schedule)
    }

    pub(crate) fn from_bits(bits: Bits, schedule: Schedule) -> Self {
        assert_eq!(bits.len(), schedule.bits as usize, "the schedule is for these bits");
        Self {
            schedule,
            bits,
            passes: Vec::new(),
            asked: None,
            leak_bits: 0,
            corrected_bits: 0,
            round_trips: 0,
        }
    }

    /// What to ask next; `None` when there is nothing left to ask.
    pub fn ask(&mut self) -> Option<Ask> {
        let mut ask = Ask { open: Vec::new(), parts: self.search() };
        if ask.parts.len() < self.few() {
            ask.open = self.open();
        }
        if ask.parts.is_empty() && ask.open.is_empty() {
            return None;
        }
        self.round_trips = self.round_trips.saturating_add(1);
        self.asked = Some(ask.clone());
        Some(ask)
    }

    /// How many parities an ask wants.
    #[must_use]
    pub fn wanted(&self, ask: &Ask) -> u32 {
        let parts = u32::try_from(ask.parts.len()).unwrap_or(u32::MAX);
        self.wanted_to_open(&ask.open).saturating_add(parts)
    }

    /// Takes the answer to what was asked last.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if nothing was asked, or another number of parities.
    pub fn take(&mut self, parities: &Parities) -> Result<(), Refusal> {
        let ask = self.asked.take().ok_or(Refusal("nothing was asked"))?;
        let wanted = self.wanted(&ask);
        if parities.count() != wanted as usize {
            return Err(Refusal("it has another number of parities than were asked for"));
        }
        self.leak_bits = self.leak_bits.saturating_add(wanted);
        let mut answers = (0..parities.count()).map(|at| parities.0.get(at));
        for number in &ask.open {
            self.take_pass(*number, &mut answers)?;
        }
        let mut wrong = BTreeSet::new();
        for (part, theirs) in ask.parts.iter().zip(answers) {
            wrong.extend(self.take_part(part, theirs));
        }
        self.turn(&wrong);
        Ok(())
    }

    /// How many parities were given.
    #[must_use]
    pub const fn leak_bits(&self) -> u32 {
        self.leak_bits
    }

    /// How many bits were turned; one that was turned twice counts twice.
    #[must_use]
    pub const fn corrected_bits(&self) -> u32 {
        self.corrected_bits
    }

    /// How many messages were asked.
    #[must_use]
    pub const fn round_trips(&self) -> u32 {
        self.round_trips
    }

    /// The bits as they are now.
    #[must_use]
    pub fn to_bools(&self) -> Vec<bool> {
        (0..self.bits.len()).map(|at| self.bits.get(at)).collect()
    }

    pub(crate) fn into_bits(self) -> Bits {
        self.bits
    }

    /// The first halves of all parts that differ, in every pass. Two passes may so look for one
    /// error at the same time; to wait for one another would take ten times as many messages.
    fn search(&self) -> Vec<Part> {
        let passes = (0..).zip(&self.passes);
        let parts = passes.flat_map(|(number, pass)| {
            pass.odd.iter().map(move |start| {
                let len = pass.parts.get(start).map_or(1, |len| (len / 2).max(1));
                Part { pass: number, start: *start, len }
            })
        });
        parts.collect()
    }

    /// Opens the next pass; those over halves all at once, for each is a single parity.
    fn open(&self) -> Vec<u8> {
        let (mut open, mut halves) = (Vec::new(), 0);
        for number in u8::try_from(self.passes.len()).unwrap_or(u8::MAX)..=u8::MAX {
            // Of a block as large as all bits the parity is known: such a pass costs nothing.
            let free = self.wanted_to_open(&open) == halves;
            match self.schedule.pass(number) {
                Some(Pass::Half) if free => halves += 1,
                Some(Pass::Shuffled { .. }) if free && halves == 0 => {}
                _ => break,
            }
            open.push(number);
        }
        open
    }

    /// With fewer parts than this that differ, the next pass is opened beside the search: the last
    /// errors of a pass show one after the other, and each takes as many messages as the first.
    fn few(&self) -> usize {
        let next = u8::try_from(self.passes.len()).unwrap_or(u8::MAX);
        let blocks = match self.schedule.pass(next) {
            Some(Pass::Shuffled { .. }) => self.schedule.opening(next) / 4,
            _ => 0,
        };
        blocks.max(1) as usize
    }

    fn wanted_to_open(&self, open: &[u8]) -> u32 {
        open.iter().map(|number| self.schedule.opening(*number)).fold(0, u32::saturating_add)
    }

    /// How many bits a block of a pass has.
    fn block(&self, number: u8) -> u32 {
        match self.schedule.pass(number) {
            Some(Pass::Shuffled { block }) => block.min(self.schedule.bits),
            _ => self.schedule.bits,
        }
    }

    fn take_pass(
        &mut self,
        number: u8,
        answers: &mut impl Iterator<Item = bool>,
    ) -> Result<(), Refusal> {
        let pass = self.schedule.pass(number).ok_or(Refusal("there is no such pass"))?;
        let order = Order::new(&self.schedule, number, pass);
        let view = order.arrange(&self.bits);
        let size = self.block(number).max(1);
        let (mut parts, mut odd) = (BTreeMap::new(), BTreeSet::new());
        let asked = self.schedule.opening(number);
        // All bits together have as many errors, odd or even, as the first pass knows; the block
        // that the sender leaves out has what is missing.
        let mut rest = self.passes.first().is_some_and(|first| first.odd.len() % 2 == 1);
        let starts = (0..self.schedule.bits).step_by(size as usize);
        for (block, start) in (0..).zip(starts) {
            let len = size.min(self.schedule.bits - start);
            let differs = if block < asked {
                let theirs = answers.next().ok_or(Refusal("a parity is missing"))?;
                theirs != view.parity(places(start, len))
            } else {
                rest
            };
            rest ^= differs;
            parts.insert(start, len);
            if differs {
                odd.insert(start);
            }
        }
        self.passes.push(Open { order, view, parts, odd });
        Ok(())
    }

    /// Takes the parity of the first half of a part, and returns the bit that is wrong if that is
    /// known now.
    fn take_part(&mut self, part: &Part, theirs: bool) -> Option<u32> {
        let pass = self.passes.get_mut(usize::from(part.pass))?;
        let differs = theirs != pass.view.parity(places(part.start, part.len));
        let rest = pass.parts.get(&part.start)?.saturating_sub(part.len);
        let (start, len) = if differs || rest == 0 {
            (part.start, part.len)
        } else {
            (part.start.saturating_add(part.len), rest)
        };
        pass.odd.remove(&part.start);
        if rest > 0 {
            pass.parts.insert(part.start, part.len);
            pass.parts.insert(part.start.saturating_add(part.len), rest);
        } else if !differs {
            // A single bit that was said to differ and does not: the sender contradicts itself.
            return None;
        }
        pass.odd.insert(start);
        (len == 1).then(|| pass.order.at(start))
    }

    /// Turns bits, and notes in every pass which parts differ now.
    fn turn(&mut self, wrong: &BTreeSet<u32>) {
        for bit in wrong {
            self.bits.flip(*bit as usize);
            self.corrected_bits = self.corrected_bits.saturating_add(1);
            for pass in &mut self.passes {
                let Some(place) = pass.order.place_of(*bit) else { continue };
                pass.view.flip(place as usize);
                let Some((start, _)) = pass.parts.range(..=place).next_back() else { continue };
                if !pass.odd.remove(start) {
                    pass.odd.insert(*start);
                }
            }
        }
    }
}

const fn places(start: u32, len: u32) -> std::ops::Range<usize> {
    let start = start as usize;
    start..start + len as usize
}
