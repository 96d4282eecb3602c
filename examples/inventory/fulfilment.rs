//! The workflow of an order: a saga.
//!
//! ```text
//! order ────┐
//! payment ──┼─▶ shipping ─▶ completion
//! stock ────┘
//! ```
//!
//! The order is accepted, its payment asked for, and its items reserved at the same time. When all of that is done,
//! the goods are sent, from where there is no way back, and the order is completed. If one side fails before, or five
//! minutes are over, what was begun is undone in reverse order: the stock is released, the money goes back, the order
//! is cancelled.
//!
//! All items of an order are one step. A saga's steps are the same for every saga, and the number of items is not;
//! so the [desks](super::desks) reserve one item after the other under the key of the one command, and one refusal
//! fails the step. What was reserved before it is released with all the others: releasing is nothing where nothing
//! was reserved.
//!
//! What goes back leaves marks: an order that was cancelled, a payment that was called off and a reservation that was
//! released refuse what comes after them. So a command that was under way for longer than what undoes it does no
//! harm.

use std::time::Duration;

use es_core::saga::{Answer, Saga, Sagas, Step, Steps};
use es_core::{Command, Correlation, Event, Recorded};
use serde::{Deserialize, Serialize};

use super::domain::{Money, OrderedItem, PaymentEvent, WorkflowEvent};

/// The workflows of all orders.
pub type Workflows = Sagas<Fulfilment>;

/// What the workflow of an order knows of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fulfilment {
    /// Which order.
    pub order: String,
    /// What is to be reserved.
    pub items: Vec<OrderedItem>,
    /// What is to be paid.
    pub total: Money,
}

/// What the workflow asks for.
#[derive(Debug, Clone, PartialEq, Command, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentCommand {
    /// The order is worked on.
    AcceptOrder(String),
    /// The order is done.
    CompleteOrder(String),
    /// Nothing comes of the order.
    CancelOrder(String),
    /// The order is to be paid.
    RequestPayment {
        /// Which order.
        order: String,
        /// How much.
        amount: Money,
    },
    /// The order is not to be paid, and what was paid is to go back.
    TakePaymentBack(String),
    /// All items are to be kept for the order.
    ReserveStock(Fulfilment),
    /// Nothing is to be kept for the order.
    ReleaseStock(Fulfilment),
    /// What is kept for the order is to be sent.
    ShipStock(Fulfilment),
}

/// What a workflow follows.
#[derive(Debug, Clone, PartialEq, Event)]
#[event(union)]
pub enum FulfilmentInput {
    /// Where it begins.
    Workflow(WorkflowEvent),
    /// How its payment goes.
    Payment(PaymentEvent),
}

/// How long a workflow takes at most, before it goes back.
pub const TIME: Duration = Duration::from_secs(5 * 60);

const ORDER: &str = "order";
const PAYMENT: &str = "payment";
const STOCK: &str = "stock";
const SHIPPING: &str = "shipping";
const COMPLETION: &str = "completion";

impl Saga for Fulfilment {
    const NAME: &'static str = "fulfilment";
    const CATEGORIES: &'static [&'static str] = &["workflow", "payment"];
    type Input = FulfilmentInput;
    type Command = FulfilmentCommand;

    /// Workflow, payment and order have the same id.
    fn correlate(event: &Recorded<'_, &FulfilmentInput>) -> Correlation {
        match event.event {
            FulfilmentInput::Workflow(_) => Correlation::start(event.aggregate_id()),
            FulfilmentInput::Payment(_) => Correlation::continuing(event.aggregate_id()),
        }
    }

    fn begin(event: &Recorded<'_, &FulfilmentInput>) -> Option<Self> {
        let FulfilmentInput::Workflow(WorkflowEvent::Triggered { items, total, .. }) = event.event
        else {
            return None;
        };
        Some(Self { order: event.aggregate_id().to_owned(), items: items.clone(), total: *total })
    }

    fn steps() -> Steps<Self> {
        let order = Step::new(ORDER, |it: &Self| FulfilmentCommand::AcceptOrder(it.order.clone()));
        let payment = Step::new(PAYMENT, |it: &Self| FulfilmentCommand::RequestPayment {
            order: it.order.clone(),
            amount: it.total,
        });
        let stock = Step::new(STOCK, |it: &Self| FulfilmentCommand::ReserveStock(it.clone()));
        let shipping = Step::new(SHIPPING, |it: &Self| FulfilmentCommand::ShipStock(it.clone()));
        let completion =
            Step::new(COMPLETION, |it: &Self| FulfilmentCommand::CompleteOrder(it.order.clone()));
        Steps::new()
            .within(TIME)
            .step(
                order
                    .undone_by(|it| FulfilmentCommand::CancelOrder(it.order.clone()))
                    .undone_when_rejected(),
            )
            .step(
                payment
                    .until_answered()
                    .undone_by(|it| FulfilmentCommand::TakePaymentBack(it.order.clone()))
                    .undone_when_rejected(),
            )
            .step(
                stock
                    .undone_by(|it| FulfilmentCommand::ReleaseStock(it.clone()))
                    .undone_when_rejected(),
            )
            .step(shipping.point_of_no_return())
            .step(completion)
    }

    fn answer(&self, event: &Recorded<'_, &FulfilmentInput>) -> Answer {
        match event.event {
            FulfilmentInput::Payment(PaymentEvent::Captured { .. }) => Answer::Done(PAYMENT),
            FulfilmentInput::Payment(PaymentEvent::Declined { reason }) => {
                Answer::Failed(PAYMENT, reason.clone())
            }
            _ => Answer::Nothing,
        }
    }
}

#[cfg(test)]
mod tests;
