use std::collections::BTreeSet;

use es_core::{Aggregate, Command, Event};
use serde::{Deserialize, Serialize};

use super::Money;

/// One order, folded from its events.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Order {
    /// Where it is in its life; `None` before it is created.
    pub status: Option<OrderStatus>,
    /// What was asked for.
    pub request: Option<OrderRequest>,
}

/// The stations of an order's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderStatus {
    /// The customer has asked for it.
    Created,
    /// It is being worked on.
    Accepted,
    /// It is paid, and the goods are on their way.
    Completed,
    /// Nothing comes of it.
    Cancelled,
}

impl OrderStatus {
    /// The name in views and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Accepted => "accepted",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a customer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRequest {
    /// Who asks. It should name nobody: it is no personal data to this system.
    pub customer_id: String,
    /// What.
    pub items: Vec<OrderedItem>,
}

/// A position of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderedItem {
    /// Which item.
    pub item_id: String,
    /// How many of it.
    pub quantity: u32,
    /// What one of it costs.
    pub price: Money,
}

impl OrderRequest {
    /// The most items of one order.
    pub const MAX_ITEMS: usize = 20;
    /// The most of one item.
    pub const MAX_QUANTITY: u32 = 1_000;
    /// The longest id, in bytes: it is the id of a stream, too.
    pub const MAX_ID: usize = 100;

    /// What it costs.
    pub fn total(&self) -> Money {
        self.items.iter().map(|item| item.price.times(item.quantity)).sum()
    }

    /// Whether it can be taken.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), InvalidRequest> {
        check_id(&self.customer_id)?;
        if self.items.is_empty() {
            return Err(InvalidRequest::NoItems);
        }
        if self.items.len() > Self::MAX_ITEMS {
            return Err(InvalidRequest::TooManyItems);
        }
        for item in &self.items {
            check_id(&item.item_id)?;
            if !(1..=Self::MAX_QUANTITY).contains(&item.quantity) {
                return Err(InvalidRequest::Quantity);
            }
        }
        // Each item is reserved once for an order.
        let items: BTreeSet<_> = self.items.iter().map(|item| &item.item_id).collect();
        match items.len() == self.items.len() {
            true => Ok(()),
            false => Err(InvalidRequest::ItemTwice),
        }
    }
}

fn check_id(id: &str) -> Result<(), InvalidRequest> {
    let is_id = (1..=OrderRequest::MAX_ID).contains(&id.len())
        && id.trim() == id
        && !id.chars().any(char::is_control);
    if is_id { Ok(()) } else { Err(InvalidRequest::Id) }
}

/// Why a request is no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// Nothing is ordered.
    #[error("no items are given")]
    NoItems,
    /// More is ordered than one order takes.
    #[error("there are more than 20 items")]
    TooManyItems,
    /// The same item is there in two places.
    #[error("an item is given twice")]
    ItemTwice,
    /// A quantity is out of range.
    #[error("a quantity is 1 to 1000")]
    Quantity,
    /// An id is none.
    #[error("an id has 1 to 100 bytes, no control characters, and no white space at its ends")]
    Id,
}

/// What can be asked of an order.
#[derive(Debug, Clone, Command)]
pub enum OrderCommand {
    /// Begin.
    Create(OrderRequest),
    /// It is worked on from here.
    Accept,
    /// It is paid, and the goods are on their way.
    Complete,
    /// Nothing comes of it.
    Cancel,
}

/// What can happen to an order.
#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Order")]
pub enum OrderEvent {
    /// A customer asked for it.
    Created {
        /// Who.
        customer_id: String,
        /// What.
        items: Vec<OrderedItem>,
        /// What it costs.
        total: Money,
    },
    /// It is worked on.
    Accepted,
    /// It is paid, and the goods are on their way.
    Completed,
    /// Nothing comes of it.
    Cancelled,
}

/// Why a command is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Nothing was ordered under this id.
    #[error("there is no such order")]
    NotCreated,
    /// The id belongs to another order.
    #[error("there is another order of this id")]
    AnotherOrder,
    /// The request is none.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// Nobody works on it yet.
    #[error("the order is not accepted yet")]
    NotAccepted,
    /// The goods are on their way.
    #[error("the order is completed")]
    IsCompleted,
    /// Nothing comes of it any more.
    #[error("the order is cancelled")]
    IsCancelled,
}

impl Aggregate for Order {
    const CATEGORY: &'static str = "shop_order";
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Error = OrderError;

    fn handle(&self, command: OrderCommand) -> Result<Vec<OrderEvent>, OrderError> {
        match command {
            OrderCommand::Create(request) => self.create(request),
            OrderCommand::Accept => self.accept(),
            OrderCommand::Complete => self.complete(),
            OrderCommand::Cancel => self.cancel(),
        }
    }

    fn apply(&mut self, event: OrderEvent) {
        match event {
            OrderEvent::Created { customer_id, items, total: _ } => {
                self.status = Some(OrderStatus::Created);
                self.request = Some(OrderRequest { customer_id, items });
            }
            OrderEvent::Accepted => self.status = Some(OrderStatus::Accepted),
            OrderEvent::Completed => self.status = Some(OrderStatus::Completed),
            OrderEvent::Cancelled => self.status = Some(OrderStatus::Cancelled),
        }
    }
}

impl Order {
    /// The same request again changes nothing.
    fn create(&self, request: OrderRequest) -> Result<Vec<OrderEvent>, OrderError> {
        match &self.request {
            Some(before) if *before == request => Ok(vec![]),
            Some(_) => Err(OrderError::AnotherOrder),
            None => {
                request.check()?;
                let total = request.total();
                let OrderRequest { customer_id, items } = request;
                Ok(vec![OrderEvent::Created { customer_id, items, total }])
            }
        }
    }

    fn accept(&self) -> Result<Vec<OrderEvent>, OrderError> {
        match self.status {
            None => Err(OrderError::NotCreated),
            Some(OrderStatus::Created) => Ok(vec![OrderEvent::Accepted]),
            Some(OrderStatus::Accepted | OrderStatus::Completed) => Ok(vec![]),
            Some(OrderStatus::Cancelled) => Err(OrderError::IsCancelled),
        }
    }

    fn complete(&self) -> Result<Vec<OrderEvent>, OrderError> {
        match self.status {
            None => Err(OrderError::NotCreated),
            Some(OrderStatus::Created) => Err(OrderError::NotAccepted),
            Some(OrderStatus::Accepted) => Ok(vec![OrderEvent::Completed]),
            Some(OrderStatus::Completed) => Ok(vec![]),
            Some(OrderStatus::Cancelled) => Err(OrderError::IsCancelled),
        }
    }

    fn cancel(&self) -> Result<Vec<OrderEvent>, OrderError> {
        match self.status {
            None => Err(OrderError::NotCreated),
            Some(OrderStatus::Created | OrderStatus::Accepted) => Ok(vec![OrderEvent::Cancelled]),
            Some(OrderStatus::Completed) => Err(OrderError::IsCompleted),
            Some(OrderStatus::Cancelled) => Ok(vec![]),
        }
    }
}
