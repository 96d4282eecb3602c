//! The parts, put together on a backend.

use std::sync::Arc;

use es_core::saga::{SagaRun, sagas};
use es_core::{
    Clock, Consumers, DeadlineSweeper, Error, MessageHandler, MessageQueue, Orchestrator,
    ProcessStatuses, Projection, Projector, QueueConsumer, QueueHealth, QueueName, Reactor,
    Repository, SnapshotPolicy, ViewQuery,
};
use es_routing::EventBus;
use futures::TryStreamExt as _;
use futures::future::try_join_all;

use super::backend::Backend;
use super::bus;
use super::clock::SkippingClock;
use super::desks::Desks;
use super::domain::{Order, Payment, Stock};
use super::fulfilment::{Fulfilment, Workflows};
use super::payments::PaymentProvider;
use super::processors::{
    InventoryProcessor, NotificationProcessor, OrderProcessor, PaymentProcessor, Relay,
    WorkflowProcessor,
};
use super::views::{OrderSummaries, StockLevels};
use super::workflow_states::WorkflowState;

/// The view of all workflows.
pub type WorkflowStatuses = ProcessStatuses<SagaRun<Fulfilment>>;

/// The system.
#[derive(Debug)]
pub struct Inventory {
    /// The orders.
    pub orders: Repository<Order>,
    /// The stock, item by item.
    pub stock: Repository<Stock>,
    /// The workflow of each order.
    pub workflows: Workflows,
    /// The read model of the orders.
    pub order_summaries: Arc<Projection<OrderSummaries>>,
    /// The read model of the stock.
    pub stock_levels: Arc<Projection<StockLevels>>,
    /// The read model of the workflows.
    pub workflow_statuses: Arc<Projection<WorkflowStatuses>>,
    /// Where others tell of deliveries.
    pub bus: Arc<dyn EventBus>,
    relay: Arc<Reactor<Relay>>,
    from_queues: [Arc<QueueConsumer>; 4],
    payment_processor: Arc<Reactor<PaymentProcessor>>,
    orchestrator: Arc<Orchestrator<SagaRun<Fulfilment>>>,
    sweeper: Arc<DeadlineSweeper>,
}

impl Inventory {
    /// Puts the parts together and makes the read models readable. Nothing runs yet.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    pub async fn new(
        backend: Backend,
        provider: Arc<dyn PaymentProvider>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let inventory = Self::assembled(backend, provider, clock)?;
        inventory.order_summaries.prepare().await?;
        inventory.stock_levels.prepare().await?;
        inventory.workflow_statuses.prepare().await?;
        Ok(inventory)
    }

    /// Puts the parts together. Nobody is asked for anything; the read models are readable once somebody has prepared
    /// them.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when a name cannot be one.
    pub fn assembled(
        backend: Backend,
        provider: Arc<dyn PaymentProvider>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let Backend { log, feed, snapshots, views, checkpoints, deadlines, bus, queues, .. } =
            backend;
        let orders = Repository::<Order>::new(log.clone()).with_clock(clock.clone());
        let stock = Repository::<Stock>::new(log.clone())
            .with_cache(1_000)
            .with_snapshots(snapshots, SnapshotPolicy::Every(100))
            .with_clock(clock.clone());
        let payments = Repository::<Payment>::new(log.clone()).with_clock(clock.clone());
        let desks = Desks {
            orders: orders.clone(),
            stock: stock.clone(),
            payments: payments.clone(),
            provider: provider.clone(),
        };
        let workflows: Workflows = sagas(log.clone(), desks, deadlines)?;
        let workflows = workflows.with_cache(1_000).with_clock(clock.clone());
        let sweeper = workflows.sweeper()?;

        let (feed, progress) = (&feed, &checkpoints);
        let relay = Relay { bus: bus.clone() };
        let relay = Reactor::new(relay, feed.clone(), log.clone(), progress.clone())?;
        let begun = Repository::new(log.clone()).with_clock(clock.clone());
        let notifications = Repository::new(log.clone()).with_clock(clock.clone());
        let workflow_processor = WorkflowProcessor { orders: orders.clone(), workflows: begun };
        let from = Queues { queues, clock: clock.clone() };
        let from_queues = [
            from.consumer("order_processor", bus::ORDERS, OrderProcessor { bus: bus.clone() })?,
            from.consumer("workflow_processor", bus::WORKFLOWS, workflow_processor)?,
            from.consumer(
                "notification_processor",
                bus::NOTIFICATIONS,
                NotificationProcessor { notifications },
            )?,
            from.consumer(
                "inventory_processor",
                bus::STOCK,
                InventoryProcessor { stock: stock.clone() },
            )?,
        ];
        let payment_processor = PaymentProcessor { payments, provider };
        let payment_processor =
            Reactor::new(payment_processor, feed.clone(), log.clone(), progress.clone())?;
        let orchestrator =
            Reactor::new(workflows.clone(), feed.clone(), log.clone(), progress.clone())?;

        let order_summaries =
            Projection::new(OrderSummaries, feed.clone(), log.clone(), views.clone())?;
        let stock_levels = Projection::new(StockLevels, feed.clone(), log.clone(), views.clone())?;
        let workflow_statuses =
            Projection::new(WorkflowStatuses::new(), feed.clone(), log.clone(), views)?;
        Ok(Self {
            orders,
            stock,
            workflows,
            order_summaries: Arc::new(order_summaries.with_clock(clock.clone())),
            stock_levels: Arc::new(stock_levels.with_clock(clock.clone())),
            workflow_statuses: Arc::new(workflow_statuses.with_clock(clock.clone())),
            bus,
            relay: Arc::new(relay.with_clock(clock.clone())),
            from_queues: from_queues.map(Arc::new),
            payment_processor: Arc::new(payment_processor.with_clock(clock.clone())),
            orchestrator: Arc::new(orchestrator.with_clock(clock)),
            sweeper: Arc::new(sweeper),
        })
    }

    /// Lets everybody who follows the log do what there is to do now, all at the same time, and fires the deadlines
    /// that have passed. What they bring about meanwhile may be left: nothing is when nothing was done.
    ///
    /// It may be dropped at any time, as if the program had been killed.
    ///
    /// # Errors
    ///
    /// The first error of anybody; the others are stopped where they are.
    pub async fn work(&self) -> Result<Work, Error> {
        let from_queues = self.from_queues.iter().map(|it| it.work_off());
        let (told, received, payments, workflows, swept) = futures::try_join!(
            self.relay.catch_up(),
            try_join_all(from_queues),
            self.payment_processor.catch_up(),
            self.orchestrator.catch_up(),
            self.sweeper.sweep(),
        )?;
        let caught_up = [told, payments, workflows];
        let received = received.iter().map(|it| it.received);
        Ok(Work {
            done: caught_up.iter().map(|it| it.applied).sum::<u64>()
                + received.sum::<u64>()
                + swept.fired,
            given_up: caught_up.iter().map(|it| it.parked).sum(),
        })
    }

    /// Has everything of an order's workflow that waits for an operator tried again, at once. Says what, by name.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    pub async fn resume(&self, order: &str) -> Result<Vec<String>, Error> {
        let parked = self.workflows.load(order).await?.parked();
        for command in &parked {
            self.workflows.resume(order, command.id).await?;
        }
        self.sweeper.sweep().await?;
        Ok(parked.into_iter().map(|command| command.name).collect())
    }

    /// Whether there is such an order, by the log.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`], and those of the log.
    pub async fn exists(&self, order: &str) -> Result<bool, Error> {
        Ok(self.orders.load(order).await?.request.is_some())
    }

    /// Where the workflow of an order is, by the log.
    ///
    /// # Errors
    ///
    /// As [`exists`](Self::exists).
    pub async fn state_of_workflow(&self, order: &str) -> Result<WorkflowState, Error> {
        let workflow = self.workflows.load(order).await?;
        Ok(WorkflowState::of(workflow.status(), workflow.outcome()))
    }

    /// Skips to the time at which something happened for the last time: it goes on where it stood.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    pub async fn go_on_in_time(&self, clock: &SkippingClock) -> Result<(), Error> {
        let mut workflows = self.workflow_statuses.view().all(ViewQuery::default());
        while let Some((_, workflow)) = workflows.try_next().await? {
            clock.skip_to(workflow.changed_at);
        }
        Ok(())
    }

    /// All that follows the log.
    pub fn consumers(&self) -> Consumers {
        let (views, policies) = (self.views(), self.policies());
        views.iter().chain(policies.iter()).cloned().collect()
    }

    /// The read models.
    pub fn views(&self) -> Consumers {
        Consumers::new()
            .with(self.order_summaries.clone())
            .with(self.stock_levels.clone())
            .with(self.workflow_statuses.clone())
    }

    /// Those who follow the log to do something about it: who tells the bus, who has payments made, and the workflows.
    pub fn policies(&self) -> Consumers {
        Consumers::new()
            .with(self.relay.clone())
            .with(self.payment_processor.clone())
            .with(self.orchestrator.clone())
    }

    /// Who works on a queue of the bus.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] when there is no such queue.
    pub fn processor_of(&self, queue: &str) -> Result<Arc<QueueConsumer>, Error> {
        let found = self.from_queues.iter().find(|it| it.queue().as_str() == queue).cloned();
        found.ok_or_else(|| Error::Misuse(format!("nobody works on a queue {queue}")))
    }

    /// Who fires the deadlines of the workflows.
    pub fn sweeper(&self) -> Arc<DeadlineSweeper> {
        self.sweeper.clone()
    }

    /// How those are who work on the queues.
    ///
    /// # Errors
    ///
    /// Those of the queues.
    pub async fn queues(&self) -> Result<Vec<QueueHealth>, Error> {
        try_join_all(self.from_queues.iter().map(|it| it.health())).await
    }

    /// How many workflows wait for an operator, as the read model says.
    ///
    /// # Errors
    ///
    /// Those of the read model.
    pub async fn parked(&self) -> Result<usize, Error> {
        let parked = ViewQuery::default().equals("status", "parked");
        let parked = self.workflow_statuses.view().all(parked);
        parked.try_fold(0, |n, _| async move { Ok(n + 1) }).await
    }

    /// Brings the read models up to date.
    ///
    /// # Errors
    ///
    /// Those of the backend, and [`Error::Parked`] when something in the log cannot be read.
    pub async fn catch_up_views(&self) -> Result<(), Error> {
        futures::try_join!(
            catch_up(&self.order_summaries),
            catch_up(&self.stock_levels),
            catch_up(&self.workflow_statuses),
        )?;
        Ok(())
    }
}

/// Consumers of the queues behind the bus.
struct Queues {
    queues: Arc<dyn MessageQueue>,
    clock: Arc<dyn Clock>,
}

impl Queues {
    fn consumer(
        &self,
        name: &'static str,
        queue: &str,
        handler: impl MessageHandler,
    ) -> Result<QueueConsumer, Error> {
        let consumer =
            QueueConsumer::new(name, self.queues.clone(), QueueName::new(queue)?, handler)?;
        Ok(consumer
            .visibility_timeout(bus::VISIBILITY_TIMEOUT)
            .max_attempts(bus::MAX_ATTEMPTS)
            .dead_letters_to(bus::dead_letters_of(queue)?)
            .with_clock(self.clock.clone()))
    }
}

/// What was done at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// How many commits and messages were handled and deadlines fired.
    pub done: u64,
    /// How many commits are dead letters now.
    pub given_up: u64,
}

async fn catch_up<P: Projector>(projection: &Projection<P>) -> Result<(), Error> {
    projection.catch_up().await.map(drop)
}
