//! The views that the benchmark of rebuilds makes of orders.

use es_core::{BoxError, Projector, Recorded};
use serde::{Deserialize, Serialize};

use crate::order::{Item, OrderEvent};

/// What became of an order: a document for each.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OrderTotal {
    /// Items by count.
    pub items: u64,
    /// What it costs, in thousandths.
    pub total: u64,
    /// Status changes.
    pub changes: u64,
}

impl OrderTotal {
    /// Takes an event of the order.
    pub fn take(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::ItemsAdded { items, .. } => {
                self.items += items.iter().map(|item| u64::from(item.quantity)).sum::<u64>();
                self.total += price(items);
            }
            OrderEvent::StatusChanged { .. } => self.changes += 1,
        }
    }
}

/// What a customer has ordered: a document for each.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Revenue {
    /// Additions to orders.
    pub additions: u64,
    /// What they cost, in thousandths.
    pub total: u64,
}

impl Revenue {
    /// Takes items that the customer has added to an order.
    pub fn take(&mut self, items: &[Item]) {
        self.additions += 1;
        self.total += price(items);
    }
}

/// In thousandths: whole numbers come to the same sum in whatever steps they are written and read again.
fn price(items: &[Item]) -> u64 {
    let price = |item: &Item| (item.price * 1000.0).round() as u64 * u64::from(item.quantity);
    items.iter().map(price).sum()
}

/// Builds [`OrderTotal`] by order.
#[derive(Debug)]
pub struct OrderTotals;

impl Projector for OrderTotals {
    const NAME: &'static str = "order_totals";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["order"];
    type Event = OrderEvent;
    type View = OrderTotal;

    fn project(
        &self,
        _: &str,
        view: &mut Option<OrderTotal>,
        event: &Recorded<'_, OrderEvent>,
    ) -> Result<(), BoxError> {
        view.get_or_insert_default().take(&event.event);
        Ok(())
    }
}

/// Builds [`Revenue`] by customer.
#[derive(Debug)]
pub struct RevenueByCustomer;

impl Projector for RevenueByCustomer {
    const NAME: &'static str = "revenue_by_customer";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["order"];
    type Event = OrderEvent;
    type View = Revenue;

    fn keys(&self, event: &Recorded<'_, OrderEvent>, keys: &mut Vec<String>) {
        if let OrderEvent::ItemsAdded { customer, .. } = &event.event {
            keys.push(customer.clone());
        }
    }

    fn project(
        &self,
        _: &str,
        view: &mut Option<Revenue>,
        event: &Recorded<'_, OrderEvent>,
    ) -> Result<(), BoxError> {
        if let OrderEvent::ItemsAdded { items, .. } = &event.event {
            view.get_or_insert_default().take(items);
        }
        Ok(())
    }
}
