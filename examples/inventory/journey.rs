//! The main job: some hundreds of orders over a small stock, in a world in which payments fail and programs die.
//!
//! The orders come in waves, deliveries between them. Everybody works on a wave, all at the same time, until nobody has
//! anything to do; now and then all of them are killed and begin again from what is on disk. In the end the time is
//! skipped until the last deadline has passed.
//!
//! Everything that is asked for has a name that comes from the seed: a run that was killed goes on where it was when it
//! is begun again on the same data.

use std::sync::Arc;

use es_core::saga::Saga as _;
use es_core::{
    Clock as _, ConsumerId, Error, ExecuteError, ExecuteOptions, Metadata, QueueName, Redrive,
    SystemClock, ViewQuery,
};
use es_routing::{InvalidBusEvent, NewBusEvent, NotPut};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::backend::{Backend, Delivery};
use super::bus::{Action, InventoryUpdated, QUEUES, VISIBILITY_TIMEOUT, dead_letters_of};
use super::chance::Chance;
use super::clock::SkippingClock;
use super::crashes::Crashes;
use super::domain::{
    Money, OrderCommand, OrderError, OrderRequest, OrderedItem, StockCommand, StockError,
};
use super::fulfilment::Fulfilment;
use super::payments::PaymentProvider;
use super::service::Inventory;

/// What a run is made of.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How many orders.
    pub orders: u32,
    /// How many different items.
    pub items: u32,
    /// How many of each item at the beginning.
    pub stock: u32,
    /// How often all processors are killed.
    pub crashes: u32,
    /// What everything else comes from.
    pub seed: u64,
}

impl Plan {
    /// How many orders come at a time.
    const WAVE: u32 = 25;

    fn chance(&self) -> Chance {
        Chance::from_seed(self.seed)
    }

    /// One more than there are orders for: the end has its crashes, too.
    fn waves(&self) -> u64 {
        u64::from(self.orders.div_ceil(Self::WAVE)) + 1
    }
}

/// Orders that go through the system.
#[derive(Debug)]
pub struct Journey {
    plan: Plan,
    backend: Backend,
    provider: Arc<dyn PaymentProvider>,
    clock: Arc<SkippingClock>,
    crashes: Crashes,
    inventory: Inventory,
}

/// Why a journey ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JourneyError {
    /// A request was refused.
    #[error("an order is not accepted")]
    Refused(#[from] ExecuteError<OrderError>),
    /// A delivery was refused.
    #[error("a delivery is not accepted")]
    Delivery(#[from] ExecuteError<StockError>),
    /// An event of a delivery is none.
    #[error(transparent)]
    Event(#[from] InvalidBusEvent),
    /// The bus does not take a delivery.
    #[error("a delivery cannot be told of")]
    NotPut(#[from] NotPut),
    /// The store does not do what it is asked for.
    #[error(transparent)]
    Store(#[from] Error),
    /// Somebody cannot handle what has happened.
    #[error("{0} commits could not be handled")]
    GivenUp(u64),
    /// Something does not go on.
    #[error("workflows are on their way, and nothing happens any more")]
    NoProgress,
}

impl Journey {
    /// A journey on what there is in `backend`. Time goes on where it stood there.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    pub async fn new(
        plan: Plan,
        backend: Backend,
        provider: Arc<dyn PaymentProvider>,
        clock: Arc<SkippingClock>,
    ) -> Result<Self, Error> {
        let inventory = Inventory::new(backend.clone(), provider.clone(), clock.clone()).await?;
        inventory.catch_up_views().await?;
        inventory.go_on_in_time(&clock).await?;
        let crashes = Crashes::planned(plan.chance(), plan.crashes, plan.waves());
        Ok(Self { plan, backend, provider, clock, crashes, inventory })
    }

    /// Goes to the end of it: until no workflow is on its way, but for those that wait for an operator.
    ///
    /// # Errors
    ///
    /// [`JourneyError`].
    pub async fn go(&mut self) -> Result<(), JourneyError> {
        for wave in 0..self.plan.waves() {
            self.restock(wave).await?;
            self.order(wave).await?;
            self.settle(wave).await?;
        }
        self.end().await
    }

    /// Has all parked workflows go on, as an operator does who has talked to the provider; it is `provider` then.
    ///
    /// # Errors
    ///
    /// [`JourneyError`].
    pub async fn resume_parked(
        &mut self,
        provider: Arc<dyn PaymentProvider>,
    ) -> Result<(), JourneyError> {
        self.provider = provider;
        self.inventory = self.begin_again().await?;
        let parked = ViewQuery::default().equals("status", "parked");
        let parked = self.inventory.workflow_statuses.view().all(parked);
        let parked: Vec<String> = parked.map_ok(|(order, _)| order).try_collect().await?;
        for order in &parked {
            self.inventory.resume(order).await?;
        }
        match parked.is_empty() {
            true => Ok(()),
            false => self.end().await,
        }
    }

    /// How often all processors were killed.
    pub fn crashes(&self) -> u64 {
        self.crashes.happened
    }

    /// What is there at the beginning; later, now and then, a delivery, which the warehouse tells of on the bus.
    async fn restock(&self, wave: u64) -> Result<(), JourneyError> {
        let Plan { items, stock, seed, .. } = self.plan;
        for item in 0..items {
            let item_id = item_id(item);
            let delivery_id = format!("delivery-{seed}-{wave}-{item_id}");
            if wave == 0 {
                let options = ExecuteOptions::new().idempotency_key(delivery_id);
                let restock = StockCommand::Restock { quantity: stock };
                self.inventory.stock.execute_with(&item_id, restock, options).await?;
            } else if self.plan.chance().comes_true("delivery", &wave.to_string(), 0.4) {
                let (quantity, timestamp) = (stock.div_ceil(4), self.clock.now());
                let action = Action::Restock;
                let came = InventoryUpdated { delivery_id, item_id, quantity, action, timestamp };
                let event = NewBusEvent::new("inventory", "Inventory Updated", came)?;
                self.inventory.bus.put_event(&event).await?;
            }
        }
        Ok(())
    }

    /// The orders of a wave come in, several at a time.
    async fn order(&self, wave: u64) -> Result<(), JourneyError> {
        const AT_A_TIME: usize = 8;
        let from = u32::try_from(wave).unwrap_or(u32::MAX).saturating_mul(Plan::WAVE);
        let orders = from..from.saturating_add(Plan::WAVE).min(self.plan.orders);
        stream::iter(orders)
            .map(|n| self.ask_for(n))
            .buffer_unordered(AT_A_TIME)
            .try_collect::<()>()
            .await
    }

    async fn ask_for(&self, n: u32) -> Result<(), JourneyError> {
        let order = order_id(self.plan.seed, n);
        let metadata = self.origin(&order);
        let options = ExecuteOptions::new().metadata(metadata);
        let create = OrderCommand::Create(request(&self.plan, &order));
        self.inventory.orders.execute_with(&order, create, options).await?;
        Ok(())
    }

    /// Where the trace of an order begins.
    fn origin(&self, order: &str) -> Metadata {
        let chance = self.plan.chance();
        let id = |what| chance.among(what, order, 1..u64::MAX);
        let mut metadata = Metadata::new();
        metadata.correlation_id = Some(order.to_owned());
        metadata.actor = Some("customer".to_owned());
        metadata.traceparent = Some(format!(
            "00-{:016x}{:016x}-{:016x}-01",
            id("first half of a trace"),
            id("second half of a trace"),
            id("span"),
        ));
        metadata
    }

    /// Everybody works until nobody has anything to do. Says how much was done.
    async fn settle(&mut self, wave: u64) -> Result<u64, JourneyError> {
        let mut done = 0;
        loop {
            let Some(worked) = self.crashes.disturb(wave, self.inventory.work()).await else {
                self.inventory = self.begin_again().await?;
                continue;
            };
            match worked {
                Ok(work) if work.given_up > 0 => return Err(JourneyError::GivenUp(work.given_up)),
                Ok(work) if work.done == 0 && !self.crashes.is_due(wave) => return Ok(done),
                Ok(work) if work.done == 0 => self.crashes.come_nearer(),
                Ok(work) => done += work.done,
                // What is tried again is not done yet.
                Err(error) if error.is_transient() => done += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Nothing is left in memory of what was killed.
    async fn begin_again(&self) -> Result<Inventory, Error> {
        Inventory::new(self.backend.clone(), self.provider.clone(), self.clock.clone()).await
    }

    /// Skips the time from deadline to deadline, and from one hidden message to the next, until none is left.
    async fn end(&mut self) -> Result<(), JourneyError> {
        /// Far more than a message or a deadline needs.
        const MOST_IN_VAIN: u32 = 1_000;
        let process = ConsumerId::new(Fulfilment::NAME)?;
        let mut in_vain = 0;
        loop {
            // What was killed had messages in hand: they are hidden for a time, and dead letters at the third time.
            let hidden = self.send_back().await? + self.messages().await?;
            if in_vain > MOST_IN_VAIN {
                return Err(JourneyError::NoProgress);
            }
            if let Delivery::ByServices { patience } = self.backend.delivery {
                // What they may still bring comes before the time is skipped: it would be late otherwise.
                SystemClock.sleep(patience).await;
                if self.settle(self.plan.waves()).await? > 0 || hidden > 0 {
                    in_vain += 1;
                    continue;
                }
            }
            let now = self.clock.now();
            match self.backend.deadlines.next(&process).await? {
                None if hidden == 0 => break,
                Some(next) if hidden == 0 && next > now => {
                    in_vain = 0;
                    let leap = next.saturating_add(self.backend.delivery.leap());
                    self.clock.skip_to(leap.unwrap_or(next));
                }
                // Hidden messages come again; a deadline that could not be met is tried again.
                _ => {
                    in_vain += 1;
                    self.clock.skip_to(now.saturating_add(2 * VISIBILITY_TIMEOUT).unwrap_or(now));
                }
            }
            self.settle(self.plan.waves()).await?;
        }
        self.inventory.catch_up_views().await?;
        Ok(())
    }

    /// Sends dead letters back, as an operator does who knows that nothing is wrong with them. Says how many.
    async fn send_back(&self) -> Result<u64, Error> {
        let mut sent_back = 0;
        for queue in QUEUES {
            sent_back +=
                self.backend.queues.redrive(&dead_letters_of(queue)?, Redrive::all()).await?;
        }
        Ok(sent_back)
    }

    /// How many messages there are in all queues, hidden or not.
    async fn messages(&self) -> Result<u64, Error> {
        let mut messages = 0;
        for queue in QUEUES {
            let counts = self.backend.queues.counts(&QueueName::new(queue)?).await?;
            messages += counts.visible + counts.in_flight + counts.delayed;
        }
        Ok(messages)
    }
}

/// The id of the `n`-th order that comes from a seed.
pub fn order_id(seed: u64, n: u32) -> String {
    format!("order-{seed}-{n:05}")
}

fn item_id(n: u32) -> String {
    format!("item-{n:04}")
}

/// What the customer of an order asks for: up to three items, up to four of each.
fn request(plan: &Plan, order: &str) -> OrderRequest {
    let chance = plan.chance();
    let items = u64::from(plan.items);
    let first = chance.among("first item", order, 0..items);
    let count = chance.among("number of items", order, 1..4).min(items);
    let item = |n: u64| {
        let item = u32::try_from((first + n) % items.max(1)).unwrap_or_default();
        let quantity = chance.among("quantity", &format!("{order}/{n}"), 1..5);
        OrderedItem {
            item_id: item_id(item),
            quantity: u32::try_from(quantity).unwrap_or(1),
            price: Money::cents(250 + 100 * u64::from(item)),
        }
    };
    let customer = chance.among("customer", order, 0..1_000);
    OrderRequest {
        customer_id: format!("customer-{customer:03}"),
        items: (0..count).map(item).collect(),
    }
}

#[cfg(test)]
mod tests;
