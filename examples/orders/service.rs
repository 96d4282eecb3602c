//! The parts, put together on a backend.

use std::sync::Arc;
use std::time::Duration;

use es_core::announcer::{Announcer, Announcing};
use es_core::cloud_events::Source;
use es_core::{
    Backoff, CommitId, Consumers, DeadLetterQueue, Error, ExecuteError, Projection, QueueConsumer,
    Repository, StreamId, Workers,
};

use super::backend::Backend;
use super::channels::{Channels, MAX_ATTEMPTS};
use super::domain::{Order, OrderCommand, OrderError, OrderEvent, OrderRequest};
use super::payments::Payments;
use super::processor::Processor;
use super::time_to_live::TimeToLive;
use super::views::OrderList;

/// The system.
#[derive(Debug)]
pub struct Orders {
    /// The aggregates.
    pub orders: Repository<Order>,
    /// The view for lists.
    pub list: Arc<Projection<OrderList>>,
    /// What puts new orders into the queue.
    pub intake: Arc<Announcer>,
    /// What has them paid for.
    pub processor: Arc<QueueConsumer>,
    /// What tells others.
    pub notifier: Arc<Announcer>,
    /// What the processor gave up.
    pub dead_letters: DeadLetterQueue,
}

/// An order that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Accepted {
    /// Its id.
    pub id: String,
    /// Whether it is a new one; `false` for a request that came before.
    pub created: bool,
}

/// Who says so in every event that leaves the log.
const SOURCE: &str = "/orders";

/// How many orders the processor has in hand: one batch of the queue.
const BATCH: usize = 10;
const RETRIES: Backoff = Backoff { base: Duration::from_millis(200), max: Duration::from_secs(30) };
/// More than a payment takes. What a processor that was killed had in hand is locked for twice as long.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(5);
/// As long as a message can come again: the retentions of the queue and of its dead letters.
const HANDLED: Duration = Duration::from_secs(18 * 24 * 60 * 60);

impl Orders {
    /// Puts the parts together and makes the list readable. Nothing runs yet.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    pub async fn new(
        backend: Backend,
        time_to_live: TimeToLive,
        payments: Arc<dyn Payments>,
    ) -> Result<Self, Error> {
        let orders = Self::assembled(backend, time_to_live, payments)?;
        orders.list.prepare().await?;
        Ok(orders)
    }

    /// Puts the parts together and asks nobody for anything, where a template has made the list.
    ///
    /// # Errors
    ///
    /// None: its parts fit together.
    pub fn assembled(
        backend: Backend,
        time_to_live: TimeToLive,
        payments: Arc<dyn Payments>,
    ) -> Result<Self, Error> {
        let Backend {
            log,
            feed,
            views,
            checkpoints,
            idempotency,
            queues,
            topics,
            patience,
            channels,
        } = backend;
        let orders = Repository::<Order>::new(log.clone()).with_cache(10_000);
        let list = OrderList::new(time_to_live);
        let list = Projection::new(list, feed.clone(), log.clone(), views)?;

        let source = Source::new(SOURCE)?;
        let intake = Announcing::to_queue(queues.clone(), channels.created.clone(), source.clone())
            .named("order_intake")
            .types(["Order:Created"])
            .with_all_data()
            .from(feed.clone(), log.clone(), checkpoints.clone())?;
        let notifier = Announcing::to_topic(topics, channels.notifications, source)
            .named("order_notifier")
            .types(["Order:Processed"])
            .with_data_of::<OrderEvent>()
            .from(feed, log, checkpoints)?;

        let processor = Processor::new(orders.clone(), payments);
        let processor =
            QueueConsumer::new("order_processor", queues.clone(), channels.created, processor)?
                .concurrency(BATCH)
                .visibility_timeout(Channels::VISIBILITY_TIMEOUT)
                .handler_timeout(HANDLER_TIMEOUT)
                .max_attempts(MAX_ATTEMPTS)
                .backoff(RETRIES)
                .dead_letters_to(channels.dead_letters.clone())
                .idempotent(idempotency, HANDLED);
        Ok(Self {
            orders,
            list: Arc::new(list),
            intake: Arc::new(intake),
            processor: Arc::new(processor),
            notifier: Arc::new(notifier),
            dead_letters: DeadLetterQueue::new(queues, channels.dead_letters).with_wait(patience),
        })
    }

    /// Accepts an order. The same request under the same key is the same order, however often and however
    /// much later it comes; without a key, every request is another one.
    ///
    /// # Errors
    ///
    /// [`OrderError`] for a request that cannot be taken, [`OrderError::AnotherOrder`] for a key that
    /// belongs to another request; [`Error::InvalidId`] for a key that is none.
    pub async fn create(
        &self,
        key: Option<&str>,
        request: OrderRequest,
    ) -> Result<Accepted, ExecuteError<OrderError>> {
        let id = match key {
            Some(key) => id_of(key)?,
            None => uuid::Uuid::now_v7().to_string(),
        };
        let receipt = self.orders.execute(&id, OrderCommand::Create(request)).await?;
        Ok(Accepted { id, created: receipt.commit().is_some() })
    }

    /// Starts all that follows the log and the queue.
    pub fn start_workers(&self) -> Workers {
        let mut workers = self.consumers().start();
        workers.start_queue(self.processor.clone());
        workers
    }

    /// All that follows the log.
    pub fn consumers(&self) -> Consumers {
        Consumers::new()
            .with(self.list.clone())
            .with(self.intake.clone())
            .with(self.notifier.clone())
    }
}

/// The id of the order that is asked for under a key.
fn id_of(key: &str) -> Result<String, Error> {
    // Checked here, as the key ends up inside another name.
    StreamId::new("create", key)?;
    Ok(CommitId::derive(&StreamId::new("order", "create")?, key).to_string())
}

#[cfg(test)]
mod tests;
