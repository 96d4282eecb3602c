//! Orders as evento knows them: a struct for each event, and states that handlers fold.
#![allow(missing_docs, reason = "what its macros generate has none")]

use es_benches::order::OrderEvent;
use evento::metadata::Event;
use evento::{Executor, Projection};

#[derive(Debug, Clone, Default, PartialEq, bitcode::Encode, bitcode::Decode)]
pub struct Line {
    pub sku: String,
    pub quantity: u32,
    pub price: f64,
}

#[evento::aggregate(name = "benches/Order")]
pub enum Purchase {
    ItemsAdded { customer: String, items: Vec<Line>, at: String },
    StatusChanged { status: String, note: String, location: (f64, f64), at: String },
}

/// An event that a command writes.
pub enum Change {
    ItemsAdded(ItemsAdded),
    StatusChanged(StatusChanged),
}

impl From<OrderEvent> for Change {
    fn from(event: OrderEvent) -> Self {
        match event {
            OrderEvent::ItemsAdded { customer, items, at } => {
                let items = items.into_iter();
                let items = items
                    .map(|item| Line { sku: item.sku, quantity: item.quantity, price: item.price })
                    .collect();
                Self::ItemsAdded(ItemsAdded { customer, items, at })
            }
            OrderEvent::StatusChanged { status, note, location, at } => {
                Self::StatusChanged(StatusChanged { status, note, location, at })
            }
        }
    }
}

/// What is folded from all events at each load.
#[evento::projection]
#[evento::snapshot(none)]
pub struct OrderView {
    pub items: u64,
    pub total: f64,
    pub changes: u64,
}

/// What commands begin with: states stay in memory.
#[evento::projection(id = id)]
#[evento::snapshot(memory)]
pub struct LiveOrder {
    pub id: String,
    pub items: u64,
    pub total: f64,
    pub changes: u64,
}

pub fn view<E: Executor>() -> Projection<E, OrderView> {
    Projection::new::<Purchase>().handler(view_items()).handler(view_status())
}

pub fn live<E: Executor>() -> Projection<E, LiveOrder> {
    Projection::new::<Purchase>().handler(live_items()).handler(live_status())
}

#[evento::handler]
async fn view_items(event: Event<ItemsAdded>, order: &mut OrderView) -> anyhow::Result<()> {
    for item in &event.data.items {
        order.items += u64::from(item.quantity);
        order.total += item.price * f64::from(item.quantity);
    }
    Ok(())
}

#[evento::handler]
async fn view_status(_event: Event<StatusChanged>, order: &mut OrderView) -> anyhow::Result<()> {
    order.changes += 1;
    Ok(())
}

#[evento::handler]
async fn live_items(event: Event<ItemsAdded>, order: &mut LiveOrder) -> anyhow::Result<()> {
    order.id = event.aggregate_id.to_owned();
    for item in &event.data.items {
        order.items += u64::from(item.quantity);
        order.total += item.price * f64::from(item.quantity);
    }
    Ok(())
}

#[evento::handler]
async fn live_status(event: Event<StatusChanged>, order: &mut LiveOrder) -> anyhow::Result<()> {
    order.id = event.aggregate_id.to_owned();
    order.changes += 1;
    Ok(())
}
