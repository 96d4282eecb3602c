//! The order: what can be asked for, what can happen, and when.

mod item;
mod money;

use es_core::{Aggregate, Command, Event};
use serde::{Deserialize, Serialize};

pub use item::{InvalidItem, Item};
pub use money::{InvalidMoney, Money};

/// One order, folded from its events.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Order {
    /// Where it is in its life; `None` before it is created.
    pub status: Option<Status>,
    /// What was ordered.
    pub request: Option<OrderRequest>,
    /// How it was paid.
    pub payment: Option<Payment>,
}

/// The stations of an order's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Accepted; not processed yet.
    New,
    /// Paid for.
    Processed,
}

impl Status {
    /// All stations, in the order of a life.
    pub const ALL: [Self; 2] = [Self::New, Self::Processed];

    /// The name in views and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Processed => "PROCESSED",
        }
    }
}

impl std::str::FromStr for Status {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let named = |status: &Self| status.as_str().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(named).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("{name:?} is not a status; there are {names}")
        })
    }
}

/// Who orders. All of it is personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The name.
    pub name: String,
    /// Where the receipt goes.
    pub email: String,
}

/// What a customer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRequest {
    /// Who orders.
    pub customer: Customer,
    /// What.
    pub items: Vec<Item>,
}

/// How an order was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// What the payment is called where it was made.
    pub reference: String,
    /// Who paid, as the one who took the money says. Personal data.
    pub payer: String,
}

/// What can be asked of an order.
#[derive(Debug, Clone, Command)]
pub enum OrderCommand {
    /// Begin.
    Create(OrderRequest),
    /// It was paid for.
    Process(Payment),
}

/// What can happen to an order.
#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Order")]
pub enum OrderEvent {
    /// It was accepted.
    Created {
        /// Who orders.
        #[event(personal)]
        customer: Customer,
        /// What.
        items: Vec<Item>,
        /// What it costs.
        total: Money,
    },
    /// It was paid for.
    Processed {
        /// How many pieces are to be delivered.
        pieces: u64,
        /// What they cost.
        total: Money,
        /// What the payment is called where it was made.
        payment: String,
        /// Who paid.
        #[event(personal)]
        payer: String,
    },
}

/// Why a command is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Nothing was ordered under this id.
    #[error("there is no such order")]
    NotCreated,
    /// The id, or the key that it is made from, belongs to another order.
    #[error("there is another order of this id")]
    AnotherOrder,
    /// Nobody is named.
    #[error("the customer has no name")]
    CustomerWithoutName,
    /// The name is longer than [`OrderRequest::MAX_TEXT`], or has control characters.
    #[error("the customer's name is longer than 200 characters, or has control characters")]
    InvalidName,
    /// The address is none.
    #[error("an e-mail address has the form name@domain")]
    InvalidEmail,
    /// Nothing is ordered.
    #[error("no items are given")]
    NoItems,
    /// More is ordered than one order takes.
    #[error("there are more than 100 items")]
    TooManyItems,
}

impl OrderRequest {
    /// The longest name and the longest address, in characters.
    pub const MAX_TEXT: usize = 200;
    /// The most items.
    pub const MAX_ITEMS: usize = 100;

    /// What it costs.
    pub fn total(&self) -> Money {
        self.items.iter().map(Item::cost).sum()
    }

    /// How many pieces it has.
    pub fn pieces(&self) -> u64 {
        self.items.iter().map(|item| u64::from(item.quantity())).sum()
    }

    /// Whether it can be taken. Nothing in the reason says what was given: that is personal data.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), OrderError> {
        check_name(&self.customer.name)?;
        check_email(&self.customer.email)?;
        match self.items.len() {
            0 => Err(OrderError::NoItems),
            items if items > Self::MAX_ITEMS => Err(OrderError::TooManyItems),
            _ => Ok(()),
        }
    }
}

/// Whether a customer can be called so.
///
/// # Errors
///
/// [`OrderError::CustomerWithoutName`], [`OrderError::InvalidName`].
pub fn check_name(name: &str) -> Result<(), OrderError> {
    if name.trim().is_empty() {
        return Err(OrderError::CustomerWithoutName);
    }
    if name.chars().count() > OrderRequest::MAX_TEXT || name.chars().any(char::is_control) {
        return Err(OrderError::InvalidName);
    }
    Ok(())
}

/// Whether a receipt can be sent there, as far as one can tell without sending it.
///
/// # Errors
///
/// [`OrderError::InvalidEmail`].
pub fn check_email(email: &str) -> Result<(), OrderError> {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control())
    };
    match email.rsplit_once('@') {
        Some((local, domain))
            if is_part(local)
                && is_part(domain)
                && email.chars().count() <= OrderRequest::MAX_TEXT =>
        {
            Ok(())
        }
        _ => Err(OrderError::InvalidEmail),
    }
}

impl Aggregate for Order {
    const CATEGORY: &'static str = "order";
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Error = OrderError;

    fn handle(&self, command: OrderCommand) -> Result<Vec<OrderEvent>, OrderError> {
        match command {
            OrderCommand::Create(request) => self.create(request),
            OrderCommand::Process(payment) => self.process(payment),
        }
    }

    fn apply(&mut self, event: OrderEvent) {
        match event {
            OrderEvent::Created { customer, items, total: _ } => {
                self.status = Some(Status::New);
                self.request = Some(OrderRequest { customer, items });
            }
            OrderEvent::Processed { payment: reference, payer, .. } => {
                self.status = Some(Status::Processed);
                self.payment = Some(Payment { reference, payer });
            }
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
                let OrderRequest { customer, items } = request;
                Ok(vec![OrderEvent::Created { customer, items, total }])
            }
        }
    }

    /// An order is paid for once, whatever comes later.
    fn process(&self, payment: Payment) -> Result<Vec<OrderEvent>, OrderError> {
        let Some(request) = &self.request else { return Err(OrderError::NotCreated) };
        if self.payment.is_some() {
            return Ok(vec![]);
        }
        let (pieces, total) = (request.pieces(), request.total());
        let Payment { reference: payment, payer } = payment;
        Ok(vec![OrderEvent::Processed { pieces, total, payment, payer }])
    }
}

#[cfg(test)]
mod tests;
