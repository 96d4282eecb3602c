//! A domain whose log tells whether everything went right, and a projection of it.

use std::collections::BTreeMap;

use es_core::{Aggregate, BoxError, Command, Event, Projector, Recorded, Snapshot, StreamId};
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
    (1..=1 + number % 3).map(|line| LedgerEvent::Entered { number, line, before }).collect()
}

pub(crate) fn stream(id: &str) -> StreamId {
    StreamId::new(Ledger::CATEGORY, id).expect("a valid id")
}

/// A document for every ledger, and two for several ledgers each, which partitions of the feed compete for.
#[derive(Debug)]
pub(crate) struct Pages;

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Page {
    /// The number of the command and its line, for each version of one ledger.
    pub(crate) lines: Vec<(u64, u64)>,
    /// How many lines of each ledger there are, where a document is about several.
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) sum: u64,
}

impl Page {
    fn enter(&mut self, ledger: Option<&str>, number: u64, line: u64) {
        match ledger {
            None => self.lines.push((number, line)),
            Some(ledger) => *self.counts.entry(ledger.to_owned()).or_default() += 1,
        }
        self.sum += number;
    }
}

fn shelf_of(ledger: &str) -> String {
    format!("shelf-{}", ledger.bytes().map(u32::from).sum::<u32>() % 2)
}

impl Projector for Pages {
    const NAME: &'static str = "pages";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["ledger"];
    type Event = LedgerEvent;
    type View = Page;

    fn keys(&self, event: &Recorded<'_, LedgerEvent>, keys: &mut Vec<String>) {
        keys.extend([event.aggregate_id().to_owned(), shelf_of(event.aggregate_id())]);
    }

    fn project(
        &self,
        key: &str,
        page: &mut Option<Page>,
        event: &Recorded<'_, LedgerEvent>,
    ) -> Result<(), BoxError> {
        let LedgerEvent::Entered { number, line, .. } = event.event;
        let ledger = event.aggregate_id();
        page.get_or_insert_default().enter((key != ledger).then_some(ledger), number, line);
        Ok(())
    }
}

/// What the documents must be for these ledgers.
pub(crate) fn folded(ledgers: &BTreeMap<String, Vec<(u64, u64)>>) -> BTreeMap<String, Page> {
    let mut pages = BTreeMap::<String, Page>::new();
    for (ledger, lines) in ledgers {
        for &(number, line) in lines {
            pages.entry(ledger.clone()).or_default().enter(None, number, line);
            pages.entry(shelf_of(ledger)).or_default().enter(Some(ledger), number, line);
        }
    }
    pages
}
