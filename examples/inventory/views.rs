//! The read models: orders by their id, and the stock by item.

use es_core::{BoxError, Projector, Recorded, Timestamp};
use serde::{Deserialize, Serialize};

use super::domain::{Money, OrderEvent, OrderStatus, OrderedItem, StockEvent};

/// An order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderSummary {
    /// Its id.
    pub order_id: String,
    /// Who asked for it.
    pub customer_id: String,
    /// Where it is in its life.
    pub status: OrderStatus,
    /// What was ordered.
    pub items: Vec<OrderedItem>,
    /// What it costs.
    pub total: Money,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When something happened to it for the last time.
    pub changed_at: Timestamp,
}

/// Builds [`OrderSummary`]s, each under the order's id.
#[derive(Debug)]
pub struct OrderSummaries;

impl Projector for OrderSummaries {
    const NAME: &'static str = "shop_orders";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["shop_order"];
    const INDEXED_FIELDS: &'static [&'static str] = &["status"];
    type Event = OrderEvent;
    type View = OrderSummary;

    fn project(
        &self,
        order: &str,
        view: &mut Option<OrderSummary>,
        event: &Recorded<'_, OrderEvent>,
    ) -> Result<(), BoxError> {
        let at = event.recorded_at();
        let status = match &event.event {
            OrderEvent::Created { customer_id, items, total } => {
                *view = Some(OrderSummary {
                    order_id: order.to_owned(),
                    customer_id: customer_id.clone(),
                    status: OrderStatus::Created,
                    items: items.clone(),
                    total: *total,
                    created_at: at,
                    changed_at: at,
                });
                return Ok(());
            }
            OrderEvent::Accepted => OrderStatus::Accepted,
            OrderEvent::Completed => OrderStatus::Completed,
            OrderEvent::Cancelled => OrderStatus::Cancelled,
        };
        if let Some(order) = view {
            (order.status, order.changed_at) = (status, at);
        }
        Ok(())
    }
}

/// The stock of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StockLevel {
    /// Which item.
    pub item_id: String,
    /// How many came in.
    pub received: u64,
    /// How many can be reserved.
    pub on_hand: u64,
    /// How many are kept for orders.
    pub reserved: u64,
    /// How many are on their way.
    pub shipped: u64,
    /// When something happened to it for the last time.
    pub changed_at: Timestamp,
}

/// Builds [`StockLevel`]s, each under the item's id.
#[derive(Debug)]
pub struct StockLevels;

impl Projector for StockLevels {
    const NAME: &'static str = "stock_levels";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["stock"];
    type Event = StockEvent;
    type View = StockLevel;

    fn project(
        &self,
        item: &str,
        view: &mut Option<StockLevel>,
        event: &Recorded<'_, StockEvent>,
    ) -> Result<(), BoxError> {
        let changed_at = event.recorded_at();
        let level = view.get_or_insert_with(|| StockLevel {
            item_id: item.to_owned(),
            received: 0,
            on_hand: 0,
            reserved: 0,
            shipped: 0,
            changed_at,
        });
        level.changed_at = changed_at;
        level.take_in(&event.event)
    }
}

impl StockLevel {
    fn take_in(&mut self, event: &StockEvent) -> Result<(), BoxError> {
        match event {
            StockEvent::Restocked { quantity } => {
                self.received += u64::from(*quantity);
                self.on_hand += u64::from(*quantity);
            }
            StockEvent::Reserved { quantity, .. } => {
                take(&mut self.on_hand, *quantity, &mut self.reserved)?;
            }
            StockEvent::Released { quantity, .. } => {
                take(&mut self.reserved, *quantity, &mut self.on_hand)?;
            }
            StockEvent::Shipped { quantity, .. } => {
                take(&mut self.reserved, *quantity, &mut self.shipped)?;
            }
            StockEvent::Barred { .. } => {}
        }
        Ok(())
    }
}

/// Moves some from one place to another.
fn take(from: &mut u64, quantity: u32, to: &mut u64) -> Result<(), BoxError> {
    let quantity = u64::from(quantity);
    *from = from.checked_sub(quantity).ok_or("more is taken than is there")?;
    *to += quantity;
    Ok(())
}
