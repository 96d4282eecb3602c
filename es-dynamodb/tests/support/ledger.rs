//! A domain whose log tells whether everything went right.

use es_core::{Aggregate, Command, Event, Snapshot, StreamId};
use serde::{Deserialize, Serialize};

/// Enters what it is told, and remembers it.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    /// The numbers of the commands, one for each of their lines.
    pub(crate) lines: Vec<u64>,
}

/// Enters lines under a number.
#[derive(Debug, Clone, Copy, Command)]
pub(crate) struct Enter {
    pub(crate) number: u64,
}

#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Ledger")]
pub(crate) enum LedgerEvent {
    Entered {
        number: u64,
        line: u64,
        of: u64,
        /// How many lines there were when it was decided.
        before: u64,
    },
}

#[derive(Debug, thiserror::Error)]
#[error("it cannot be entered")]
pub(crate) struct NotEntered;

impl Aggregate for Ledger {
    const CATEGORY: &'static str = "ledger";
    type Command = Enter;
    type Event = LedgerEvent;
    type Error = NotEntered;

    fn handle(&self, Enter { number }: Enter) -> Result<Vec<LedgerEvent>, NotEntered> {
        Ok(lines(number, self.lines.len() as u64))
    }

    fn apply(&mut self, LedgerEvent::Entered { number, .. }: LedgerEvent) {
        self.lines.push(number);
    }
}

impl Snapshot for Ledger {
    const SCHEMA_VERSION: u32 = 2;
}

/// From one to three, so that a commit that is torn or interleaved shows.
pub(crate) fn lines(number: u64, before: u64) -> Vec<LedgerEvent> {
    let of = 1 + number % 3;
    (1..=of).map(|line| LedgerEvent::Entered { number, line, of, before }).collect()
}

pub(crate) fn stream(id: &str) -> StreamId {
    StreamId::new(Ledger::CATEGORY, id).expect("a valid id")
}
