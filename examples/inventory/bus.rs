//! The event bus: which events there are on it, and the queues that its rules send them to.
//!
//! `rules.json` says which events go where. An event names the commit that it tells of, and hands correlation and trace
//! on, so that what comes of it at the other end of a queue is of the same trace.

use std::sync::Arc;
use std::time::Duration;

use es_core::{
    Clock, Commit, Error, ExecuteOptions, MessageQueue, Metadata, QueueName, QueueOptions,
    Timestamp, Topology,
};
use es_routing::{LocalBus, Rules};
use serde::{Deserialize, Serialize};

use super::domain::{Money, OrderedItem};

/// Which events go where, in the form of EventBridge.
pub const RULES: &str = include_str!("rules.json");

/// What the bus is called, behind the prefix of everything.
pub const NAME: &str = "bus";

/// The queue of the order processor.
pub const ORDERS: &str = "orders";
/// The queue of the inventory processor.
pub const STOCK: &str = "stock";
/// The queue of the notification processor.
pub const NOTIFICATIONS: &str = "notifications";
/// The queue of the workflow processor.
pub const WORKFLOWS: &str = "workflows";
/// All of them.
pub const QUEUES: [&str; 4] = [ORDERS, STOCK, NOTIFICATIONS, WORKFLOWS];

/// How long a message is hidden that somebody has received.
pub const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a message is received before it is a dead letter.
pub const MAX_RECEIVE_COUNT: u32 = 3;
/// How often a processor tries a message before it makes it a dead letter itself, with the reason: sooner than the
/// queue does without one.
pub const MAX_ATTEMPTS: u32 = MAX_RECEIVE_COUNT - 1;

/// The queue for the dead letters of another one.
///
/// # Errors
///
/// None for the queues here.
pub fn dead_letters_of(queue: &str) -> Result<QueueName, Error> {
    QueueName::new(&format!("{queue}-dead"))
}

/// The queues, each with one for its dead letters.
///
/// # Errors
///
/// None: the parts fit together.
pub fn topology() -> Result<Topology, Error> {
    let mut topology = Topology::builder();
    for queue in QUEUES {
        let (name, dead) = (QueueName::new(queue)?, dead_letters_of(queue)?);
        let options = QueueOptions::default()
            .visibility_timeout(VISIBILITY_TIMEOUT)
            .dead_letters(dead.clone(), MAX_RECEIVE_COUNT);
        topology = topology.queue(&dead, QueueOptions::for_dead_letters()).queue(&name, options);
    }
    Ok(topology.build()?)
}

/// The rules of the bus, wherever it is.
///
/// # Errors
///
/// None: the rules are right.
pub fn rules() -> Result<Rules, Error> {
    Rules::parse(RULES).map_err(|error| Error::Misuse(error.to_string()))
}

/// The bus in the process.
///
/// # Errors
///
/// None: the rules are right, and their queues are there.
pub fn local(queues: Arc<dyn MessageQueue>, clock: Arc<dyn Clock>) -> Result<LocalBus, Error> {
    LocalBus::new(rules()?, |router| router.queues(queues).with_clock(clock))
}

/// `Order Created`.
#[derive(Debug, Serialize)]
pub struct OrderCreated<'a> {
    /// Which order.
    pub order_id: &'a str,
    /// Who asked for it.
    pub customer_id: &'a str,
    /// What was ordered.
    pub items: &'a [OrderedItem],
    /// What it costs.
    pub total: Money,
    /// When.
    pub timestamp: Timestamp,
    /// What the event tells of.
    pub cause: Cause,
}

/// `Order Completed` and `Notification Sent`; and what is read of `Order Created` and `Workflow Triggered`.
#[derive(Debug, Serialize, Deserialize)]
pub struct AboutOrder {
    /// Which order.
    pub order_id: String,
    /// When.
    pub timestamp: Timestamp,
    /// What the event tells of.
    pub cause: Cause,
}

/// `Workflow Triggered`.
#[derive(Debug, Serialize)]
pub struct WorkflowTriggered {
    /// The workflow's own name.
    pub workflow_id: String,
    /// Of which order.
    #[serde(flatten)]
    pub about: AboutOrder,
}

/// `Inventory Updated`.
#[derive(Debug, Serialize, Deserialize)]
pub struct InventoryUpdated {
    /// The name of the delivery: one that is told of twice came once.
    pub delivery_id: String,
    /// Of which item.
    pub item_id: String,
    /// How many.
    pub quantity: u32,
    /// What was done.
    pub action: Action,
    /// When.
    pub timestamp: Timestamp,
}

/// What was done with the stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Some came in.
    Restock,
}

/// What an event tells of, for the metadata of what comes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The commit.
    pub causation_id: String,
    /// What it belongs to.
    pub correlation_id: Option<String>,
    /// The trace that it belongs to, as a W3C `traceparent`.
    pub traceparent: Option<String>,
}

impl Cause {
    /// A commit.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] when its metadata cannot be read.
    pub fn of(commit: &Commit) -> Result<Self, Error> {
        let Metadata { correlation_id, traceparent, .. } = commit.metadata()?;
        Ok(Self { causation_id: commit.id().to_string(), correlation_id, traceparent })
    }

    /// For what `actor` does about it.
    pub fn options(self, actor: &str) -> ExecuteOptions {
        let mut metadata = Metadata::new();
        metadata.actor = Some(actor.to_owned());
        metadata.causation_id = Some(self.causation_id);
        metadata.correlation_id = self.correlation_id;
        metadata.traceparent = self.traceparent;
        ExecuteOptions::new().metadata(metadata)
    }
}

#[cfg(test)]
mod tests;
