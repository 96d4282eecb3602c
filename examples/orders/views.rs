//! What is shown of orders: in lists until their time is over, and one of them in full.

use es_core::{BoxError, Projector, Recorded, Timestamp, Version};
use serde::{Deserialize, Serialize};

use super::domain::{Customer, Item, Money, Order, OrderEvent, OrderRequest, Status};
use super::time_to_live::TimeToLive;

/// An order in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderSummary {
    /// Its id.
    pub id: String,
    /// Where it is in its life.
    pub status: Status,
    /// The customer's name.
    pub customer: String,
    /// What was ordered, as in `2 × tea`.
    pub items: Vec<String>,
    /// What it costs.
    pub total: Money,
    /// What its payment is called.
    pub payment: Option<String>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it was processed.
    pub processed_at: Option<Timestamp>,
    /// Until when it is in the list, in seconds of Unix time.
    pub expires_at: i64,
}

/// An order in full, with the customer's data: for who looks at this one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OrderDetail {
    /// Its id.
    pub id: String,
    /// How many events it has.
    pub version: u64,
    /// Where it is in its life.
    pub status: Status,
    /// Who ordered.
    pub customer: Customer,
    /// What was ordered.
    pub items: Vec<Item>,
    /// What it costs.
    pub total: Money,
    /// What its payment is called.
    pub payment: Option<String>,
    /// Who paid.
    pub payer: Option<String>,
}

impl OrderDetail {
    /// The detail of a state; `None` before anything has happened.
    pub fn of(id: &str, version: Version, order: Order) -> Option<Self> {
        let Order { status, request, payment } = order;
        let request = request?;
        let total = request.total();
        let OrderRequest { customer, items } = request;
        let (payment, payer) = payment.map(|it| (it.reference, it.payer)).unzip();
        let (id, version) = (id.to_owned(), version.get());
        Some(Self { id, version, status: status?, customer, items, total, payment, payer })
    }
}

/// Builds [`OrderSummary`]s. They expire, and with them the personal data that they show; in the log the
/// order stays.
#[derive(Debug)]
pub struct OrderList {
    time_to_live: TimeToLive,
}

impl OrderList {
    /// A list that orders are in for so long after their creation. Another time goes for what is created
    /// from then on, and for all of it after a rebuild.
    pub fn new(time_to_live: TimeToLive) -> Self {
        Self { time_to_live }
    }
}

impl Projector for OrderList {
    const NAME: &'static str = "order_list";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["order"];
    const INDEXED_FIELDS: &'static [&'static str] = &["status"];
    const EXPIRES_BY: Option<&'static str> = Some("expires_at");
    type Event = OrderEvent;
    type View = OrderSummary;

    fn project(
        &self,
        _key: &str,
        view: &mut Option<OrderSummary>,
        event: &Recorded<'_, OrderEvent>,
    ) -> Result<(), BoxError> {
        match &event.event {
            OrderEvent::Created { customer, items, total } => {
                *view = Some(OrderSummary {
                    id: event.aggregate_id().to_owned(),
                    status: Status::New,
                    customer: customer.name.clone(),
                    items: items.iter().map(ToString::to_string).collect(),
                    total: *total,
                    payment: None,
                    created_at: event.recorded_at(),
                    processed_at: None,
                    expires_at: self.time_to_live.end(event.recorded_at()),
                });
            }
            OrderEvent::Processed { payment, .. } => {
                // None: it was processed after its time in the list was over.
                if let Some(order) = view {
                    order.status = Status::Processed;
                    order.payment = Some(payment.clone());
                    order.processed_at = Some(event.recorded_at());
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
