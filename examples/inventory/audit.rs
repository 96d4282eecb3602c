//! What the log says has happened, read by somebody who has no part in it.
//!
//! Nothing here asks an aggregate, a workflow or a read model: they could all be wrong in the same way.

use std::collections::{BTreeMap, BTreeSet};

use es_core::saga::{SagaEvent, SagaFact};
use es_core::{
    AfterFailure, Aggregate, Checkpoint, Commit, Error, Feed, ProcessEntry, ProcessManager,
    ProcessRecord, Timestamp,
};

use super::domain::{Money, Order, OrderEvent, OrderedItem, Stock, StockEvent};
use super::fulfilment::Fulfilment;
use super::payments::{Books, BooksEvent};

/// All orders, and the stock of all items, as the log tells.
#[derive(Debug, Default)]
pub struct Audit {
    /// The stock, by item.
    pub stock: BTreeMap<String, Balance>,
    /// The orders.
    pub orders: BTreeMap<String, OrderFacts>,
}

/// Where the pieces of an item are.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// How many came in.
    pub received: i128,
    /// How many can be reserved.
    pub on_hand: i128,
    /// How many are kept for orders.
    pub reserved: i128,
    /// How many are on their way.
    pub shipped: i128,
    /// The least that any of these has ever been.
    pub least: i128,
}

/// What became of an order.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct OrderFacts {
    /// What was ordered.
    pub items: Vec<OrderedItem>,
    /// Whether the order was completed, and not cancelled afterwards.
    pub completed: bool,
    /// Whether it was cancelled.
    pub cancelled: bool,
    /// When the workflow began.
    pub began_at: Option<Timestamp>,
    /// When the workflow ended.
    pub ended_at: Option<Timestamp>,
    /// As what the workflow ended.
    pub outcome: Option<String>,
    /// Why the workflow turned back, if it did.
    pub reason: Option<String>,
    /// The commands of the workflow that wait for an operator, by their ids.
    pub parked: BTreeSet<String>,
    /// How often an operator had one of those tried again that had waited for him.
    pub resumed: u32,
    /// What the provider has taken.
    pub charges: Vec<Money>,
    /// What the provider has given back.
    pub refunded: Money,
}

/// How many commits are read at a time.
const PAGE: usize = 500;

impl Audit {
    /// Reads the whole log: a feed that has all of it.
    ///
    /// # Errors
    ///
    /// Those of the feed, and those of commits that cannot be read.
    pub async fn of(feed: &dyn Feed) -> Result<Self, Error> {
        let mut audit = Self::default();
        // A feed may tell twice, and the commits of a stream in any order.
        let mut commits = BTreeMap::new();
        for partition in feed.partitions().await? {
            let mut place = Checkpoint::start();
            loop {
                let page = feed.read(&partition.id, &place, PAGE).await?;
                let is_last = page.commits.is_empty();
                for commit in page.commits {
                    commits.insert((commit.stream().to_string(), commit.first_version()), commit);
                }
                if is_last {
                    break;
                }
                place = page.checkpoint;
            }
        }
        for commit in commits.values() {
            audit.take_in(commit)?;
        }
        Ok(audit)
    }

    fn take_in(&mut self, commit: &Commit) -> Result<(), Error> {
        let (category, id) = (commit.stream().category(), commit.stream().id());
        if category == Stock::CATEGORY {
            let balance = self.stock.entry(id.to_owned()).or_default();
            for event in commit.decode::<StockEvent>()? {
                balance.take_in(&event.event);
            }
        } else if category == Order::CATEGORY {
            let order = self.orders.entry(id.to_owned()).or_default();
            for event in commit.decode::<OrderEvent>()? {
                order.take_in_order(event.event);
            }
        } else if category == Books::CATEGORY {
            let order = self.orders.entry(id.to_owned()).or_default();
            for event in commit.decode::<BooksEvent>()? {
                order.take_in_books(&event.event);
            }
        } else if category == es_core::saga::SagaRun::<Fulfilment>::NAME {
            let order = self.orders.entry(id.to_owned()).or_default();
            for entry in commit.decode::<ProcessEntry<SagaFact<Fulfilment>>>()? {
                order.take_in_workflow(entry.event, commit.recorded_at());
            }
        }
        Ok(())
    }
}

impl Balance {
    fn take_in(&mut self, event: &StockEvent) {
        match event {
            StockEvent::Restocked { quantity } => {
                self.received += i128::from(*quantity);
                self.on_hand += i128::from(*quantity);
            }
            StockEvent::Reserved { quantity, .. } => {
                self.on_hand -= i128::from(*quantity);
                self.reserved += i128::from(*quantity);
            }
            StockEvent::Released { quantity, .. } => {
                self.reserved -= i128::from(*quantity);
                self.on_hand += i128::from(*quantity);
            }
            StockEvent::Shipped { quantity, .. } => {
                self.reserved -= i128::from(*quantity);
                self.shipped += i128::from(*quantity);
            }
            StockEvent::Barred { .. } => {}
        }
        self.least = self.least.min(self.on_hand).min(self.reserved).min(self.shipped);
    }
}

impl OrderFacts {
    fn take_in_order(&mut self, event: OrderEvent) {
        match event {
            OrderEvent::Created { items, .. } => self.items = items,
            OrderEvent::Accepted => {}
            OrderEvent::Completed => self.completed = true,
            OrderEvent::Cancelled => (self.completed, self.cancelled) = (false, true),
        }
    }

    fn take_in_books(&mut self, event: &BooksEvent) {
        match event {
            BooksEvent::Charged { amount, .. } => self.charges.push(*amount),
            BooksEvent::Closed { returned } => self.refunded = *returned,
        }
    }

    fn take_in_workflow(&mut self, entry: ProcessEntry<SagaFact<Fulfilment>>, at: Timestamp) {
        match entry {
            ProcessEntry::Fact(SagaFact::Begun(_)) => self.began_at = Some(at),
            ProcessEntry::Fact(SagaFact::Happened(SagaEvent::TurnedBack { reason, .. })) => {
                self.reason = Some(reason);
            }
            ProcessEntry::Record(ProcessRecord::CommandFailed {
                command,
                then: AfterFailure::Parked,
                ..
            }) => {
                self.parked.insert(command.to_string());
            }
            ProcessEntry::Record(ProcessRecord::CommandResumed { command, .. }) => {
                self.parked.remove(&command.to_string());
                self.resumed += 1;
            }
            ProcessEntry::Record(ProcessRecord::CommandDropped { command, .. }) => {
                self.parked.remove(&command.to_string());
            }
            ProcessEntry::Record(ProcessRecord::CommandsWithdrawn) => self.parked.clear(),
            ProcessEntry::Record(ProcessRecord::Completed { outcome }) => {
                self.outcome = Some(outcome);
                self.ended_at = Some(at);
            }
            _ => {}
        }
    }

    /// Whether the workflow has done all, and undone nothing.
    pub fn is_fulfilled(&self) -> bool {
        self.outcome.as_deref() == Some("completed")
    }

    /// Whether a part of the workflow waits for an operator.
    pub fn is_parked(&self) -> bool {
        !self.parked.is_empty()
    }

    /// What the provider has taken, in all.
    pub fn charged(&self) -> Money {
        self.charges.iter().copied().sum()
    }
}

/// The items that orders were to get, each with how many.
pub fn pieces<'a>(orders: impl Iterator<Item = &'a OrderFacts>) -> BTreeMap<&'a str, i128> {
    let mut pieces = BTreeMap::new();
    for item in orders.flat_map(|order| &order.items) {
        *pieces.entry(item.item_id.as_str()).or_default() += i128::from(item.quantity);
    }
    pieces
}

/// The names of all items that are in one of the two.
pub fn all_items<'a>(
    stock: &'a BTreeMap<String, Balance>,
    pieces: &BTreeMap<&'a str, i128>,
) -> BTreeSet<&'a str> {
    stock.keys().map(String::as_str).chain(pieces.keys().copied()).collect()
}
