//! Who reacts to what happens, besides the workflow: from the log to the bus, and from the queues to the log.

use std::sync::Arc;

use async_trait::async_trait;
use es_core::{
    Aggregate, ExecuteOptions, Incoming, MessageError, MessageHandler, Policy, Reaction,
    ReactionError, Recorded, Repository,
};
use es_routing::{EventBus, InvalidBusEvent, NewBusEvent, NotPut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bus::{AboutOrder, Action, Cause, InventoryUpdated, OrderCreated, WorkflowTriggered};
use super::domain::{
    Notification, NotificationCommand, Order, OrderEvent, Payment, PaymentCommand, PaymentEvent,
    Stock, StockCommand, Workflow, WorkflowCommand,
};
use super::payments::{Answer, PaymentProvider};

/// Tells on the bus what happens to orders.
#[derive(Debug)]
pub struct Relay {
    /// Where it tells.
    pub bus: Arc<dyn EventBus>,
}

#[async_trait]
impl Policy for Relay {
    const NAME: &'static str = "bus_relay";
    const CATEGORIES: &'static [&'static str] = &[Order::CATEGORY];
    type Event = OrderEvent;

    /// It may tell twice: who hears it does it once.
    async fn react(
        &self,
        event: &Recorded<'_, OrderEvent>,
        _: &Reaction,
    ) -> Result<(), ReactionError> {
        let (order_id, timestamp) = (event.aggregate_id(), event.recorded_at());
        let cause = Cause::of(event.commit())?;
        let event = match &event.event {
            OrderEvent::Created { customer_id, items, total } => {
                let total = *total;
                let created =
                    OrderCreated { order_id, customer_id, items, total, timestamp, cause };
                NewBusEvent::new("orders", "Order Created", created)
            }
            OrderEvent::Completed => {
                let order_id = order_id.to_owned();
                let completed = AboutOrder { order_id, timestamp, cause };
                NewBusEvent::new("orders", "Order Completed", completed)
            }
            OrderEvent::Accepted | OrderEvent::Cancelled => return Ok(()),
        };
        let event = event.map_err(ReactionError::permanent)?.with_time(timestamp);
        match self.bus.put_event(&event).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_transient() => Err(ReactionError::transient(error)),
            Err(error) => Err(ReactionError::permanent(error)),
        }
    }
}

/// Has each new order fulfilled, and the customer of each that is completed told: by events, for others to do it.
#[derive(Debug)]
pub struct OrderProcessor {
    /// Where it asks for that.
    pub bus: Arc<dyn EventBus>,
}

#[async_trait]
impl MessageHandler for OrderProcessor {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        let about: AboutOrder = detail_of(message)?;
        let event = match message.kind() {
            Some("Order Created") => {
                let workflow_id = format!("workflow-{}", about.order_id);
                told("workflow", "Workflow Triggered", WorkflowTriggered { workflow_id, about })
            }
            Some("Order Completed") => told("notifications", "Notification Sent", about),
            _ => return Err(MessageError::permanent("it is nothing that happens to orders")),
        };
        self.bus.put_event(&event?).await.map(drop).map_err(not_put)
    }
}

/// Begins the workflows that are triggered.
#[derive(Debug)]
pub struct WorkflowProcessor {
    /// Where orders are kept.
    pub orders: Repository<Order>,
    /// Where workflows begin.
    pub workflows: Repository<Workflow>,
}

#[async_trait]
impl MessageHandler for WorkflowProcessor {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        let AboutOrder { order_id, cause, .. } = detail_of(message)?;
        let request = self.orders.load(&order_id).await?.into_state().request;
        let request = request.ok_or_else(|| MessageError::permanent("there is no such order"))?;
        let trigger = WorkflowCommand::Trigger {
            workflow_id: format!("workflow-{order_id}"),
            total: request.total(),
            items: request.items,
        };
        let options = cause.options("workflow processor");
        self.workflows.execute_with(&order_id, trigger, options).await?;
        Ok(())
    }
}

/// Keeps what customers are told.
#[derive(Debug)]
pub struct NotificationProcessor {
    /// Where notifications are kept.
    pub notifications: Repository<Notification>,
}

#[async_trait]
impl MessageHandler for NotificationProcessor {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        let AboutOrder { order_id, cause, .. } = detail_of(message)?;
        let options = cause.options("notification processor");
        self.notifications.execute_with(&order_id, NotificationCommand::Send, options).await?;
        Ok(())
    }
}

/// Puts deliveries on the shelves.
#[derive(Debug)]
pub struct InventoryProcessor {
    /// Where the stock is kept.
    pub stock: Repository<Stock>,
}

#[async_trait]
impl MessageHandler for InventoryProcessor {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        let InventoryUpdated { delivery_id, item_id, quantity, action, .. } = detail_of(message)?;
        let Action::Restock = action;
        let options = ExecuteOptions::new().idempotency_key(delivery_id);
        self.stock.execute_with(&item_id, StockCommand::Restock { quantity }, options).await?;
        Ok(())
    }
}

fn detail_of<T: DeserializeOwned>(message: &Incoming) -> Result<T, MessageError> {
    message.json().map_err(MessageError::permanent)
}

/// An event that a processor puts on the bus.
fn told(source: &str, kind: &str, detail: impl Serialize) -> Result<NewBusEvent, MessageError> {
    NewBusEvent::new(source, kind, detail)
        .map_err(|error: InvalidBusEvent| MessageError::permanent(error))
}

fn not_put(error: NotPut) -> MessageError {
    match error.is_transient() {
        true => MessageError::transient(error),
        false => MessageError::permanent(error),
    }
}

/// Has each payment that is asked for made, and writes down what is answered. Without an answer there is nothing to
/// write down: the workflow does not wait for ever.
#[derive(Debug, Clone)]
pub struct PaymentProcessor {
    /// Where payments are kept.
    pub payments: Repository<Payment>,
    /// Who takes the money.
    pub provider: Arc<dyn PaymentProvider>,
}

#[async_trait]
impl Policy for PaymentProcessor {
    const NAME: &'static str = "payment_processor";
    const CATEGORIES: &'static [&'static str] = &["payment"];
    type Event = PaymentEvent;

    async fn react(
        &self,
        event: &Recorded<'_, PaymentEvent>,
        reaction: &Reaction,
    ) -> Result<(), ReactionError> {
        let PaymentEvent::Requested { amount } = event.event else { return Ok(()) };
        let order = event.aggregate_id();
        // The order is the key: however often this is tried, the money is taken once.
        let answer = match self.provider.charge(order, order, amount).await? {
            Answer::Charged { reference } => PaymentCommand::Capture { reference },
            Answer::Declined { reason } => PaymentCommand::Decline { reason },
            Answer::Silence => return Ok(()),
        };
        self.payments.execute_with(order, answer, reaction.options(0)?).await?;
        Ok(())
    }
}
