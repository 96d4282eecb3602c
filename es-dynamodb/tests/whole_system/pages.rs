//! A projection of ledgers, and what it must come to.

use std::collections::BTreeMap;

use es_core::{BoxError, Projector, Recorded};
use serde::{Deserialize, Serialize};

use crate::support::ledger::LedgerEvent;

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
