//! Whole journeys through a ledger that really commits, with three sites and six members.

mod joints;
mod journey;
mod offence;
mod restart;
mod world;
