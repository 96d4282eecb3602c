//! What can be asked for, what can happen, and when: orders, stock, payments, and the two that only tell.

mod notification;
mod order;
mod payment;
mod stock;
mod workflow;

pub use notification::{Notification, NotificationCommand, NotificationEvent};
pub use order::{
    InvalidRequest, Order, OrderCommand, OrderError, OrderEvent, OrderRequest, OrderStatus,
    OrderedItem,
};
pub use payment::{Payment, PaymentCommand, PaymentError, PaymentEvent, PaymentStatus};
pub use stock::{Reservation, Stock, StockCommand, StockError, StockEvent};
pub use workflow::{Workflow, WorkflowCommand, WorkflowEvent};

pub use crate::orders::domain::Money;

#[cfg(test)]
mod tests;
