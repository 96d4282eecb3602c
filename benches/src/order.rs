//! The domain that the benchmarks run on: orders whose events have about 200 bytes of JSON, with
//! nested items, strings, floats and timestamps.

use es_core::{Aggregate, Command, Event, Snapshot};
use serde::{Deserialize, Serialize};

/// An order, folded from its events.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Items by count.
    pub items: u64,
    /// What it costs.
    pub total: f64,
    /// Status changes.
    pub changes: u64,
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// The article.
    pub sku: String,
    /// How many.
    pub quantity: u32,
    /// What one costs.
    pub price: f64,
}

/// What can happen to an order.
///
/// Serde is for the libraries beside which ours is measured: it writes the variant's name into the payload.
#[derive(Debug, Clone, PartialEq, Event, Serialize, Deserialize)]
#[event(prefix = "Order")]
pub enum OrderEvent {
    /// Items were added.
    ItemsAdded {
        /// Who added them.
        customer: String,
        /// The items.
        items: Vec<Item>,
        /// When, RFC 3339.
        at: String,
    },
    /// The status changed.
    StatusChanged {
        /// The new status.
        status: String,
        /// Why.
        note: String,
        /// Where.
        location: (f64, f64),
        /// When, RFC 3339.
        at: String,
    },
}

/// What can be asked of an order.
#[derive(Debug, Clone, Command)]
pub enum OrderCommand {
    /// Record events as they are.
    Record(Vec<OrderEvent>),
}

impl Order {
    /// Takes in what happened.
    pub fn fold(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::ItemsAdded { items, .. } => {
                for item in items {
                    self.items += u64::from(item.quantity);
                    self.total += item.price * f64::from(item.quantity);
                }
            }
            OrderEvent::StatusChanged { .. } => self.changes += 1,
        }
    }
}

impl Aggregate for Order {
    const CATEGORY: &'static str = "order";
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Error = std::convert::Infallible;

    fn handle(&self, command: OrderCommand) -> Result<Vec<OrderEvent>, Self::Error> {
        let OrderCommand::Record(events) = command;
        Ok(events)
    }

    fn apply(&mut self, event: OrderEvent) {
        self.fold(&event);
    }
}

impl Snapshot for Order {
    const SCHEMA_VERSION: u32 = 1;
}

/// The `n`-th event of a stream.
pub fn event(n: usize) -> OrderEvent {
    let at = format!("2026-01-{:02}T12:{:02}:{:02}.123456Z", n % 28 + 1, n % 60, n * 7 % 60);
    if n % 3 == 2 {
        return OrderEvent::StatusChanged {
            status: ["picked", "packed", "shipped"][n % 3].to_owned(),
            note: format!("handed to carrier {} with reference ZX-{n:08}", n % 17),
            location: (52.0 + n as f64 / 997.0, 13.0 + n as f64 / 991.0),
            at,
        };
    }
    let item = |m: usize| Item {
        sku: format!("SKU-{:06}", (n * 31 + m) % 999_983),
        quantity: (n + m) as u32 % 9 + 1,
        price: 0.99 + ((n * 7 + m) % 1000) as f64 / 8.0,
    };
    OrderEvent::ItemsAdded {
        customer: format!("customer-{:05}", n % 1000),
        items: vec![item(0), item(1)],
        at,
    }
}

/// The first `n` events of a stream.
pub fn events(n: usize) -> Vec<OrderEvent> {
    (0..n).map(event).collect()
}
