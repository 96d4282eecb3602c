//! The main job: orders in, notifications out.
//!
//! It does what customers, an unreliable world and an operator would do: asks for some orders twice, lets
//! the payments of some fail until they are dead letters, repairs that and sends them back, and in the
//! end lets every message come once more.

mod waiting;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use es_core::cloud_events::CloudEvent;
use es_core::{
    Clock, DeadMessageFilter, DeadMessageRedrive, Error, ExecuteError, Incoming, MessageError,
    MessageHandler, QueueConsumer, RewindTo, Timestamp, Workers,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use super::backend::Backend;
use super::channels::Subscriber;
use super::dead_letters;
use super::domain::{Customer, InvalidItem, Item, Money, OrderError, OrderRequest, Status};
use super::payments::SimulatedPayments;
use super::service::{Accepted, Orders};

use waiting::{Looks, until_none_is_left};

/// The item whose payment fails until it is repaired.
pub const UNPAYABLE: &str = "gift card";

/// Orders that go through the system.
#[derive(Debug)]
pub struct Journey<'a> {
    orders: &'a Orders,
    payments: &'a SimulatedPayments,
    clock: &'a dyn Clock,
    /// Keeps the keys of this run from those of others on the same data.
    run: Uuid,
    told: BTreeMap<Subscriber, Arc<Told>>,
}

/// What customers asked for, and what they were answered.
#[derive(Debug)]
pub struct Taken {
    /// The orders.
    pub orders: BTreeSet<String>,
    /// Those of them that fail until payments are repaired.
    pub unpayable: BTreeSet<String>,
    /// How many requests were answered with an order that was there.
    pub repeated: u64,
}

/// Why a journey ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JourneyError {
    /// A request was refused.
    #[error("an order is not accepted")]
    Refused(#[from] ExecuteError<OrderError>),
    /// An item is none.
    #[error(transparent)]
    Item(#[from] InvalidItem),
    /// The store does not do what it is asked for.
    #[error(transparent)]
    Store(#[from] Error),
    /// Something does not go on.
    #[error("{left} are left and it has not gone on for {waited:?}: {what}")]
    NoProgress {
        /// What was waited for.
        what: &'static str,
        /// How many are left.
        left: usize,
        /// How long it has not gone on.
        waited: Duration,
    },
}

impl<'a> Journey<'a> {
    /// How many orders are asked after at a time.
    const ASKED_AFTER: usize = 32;

    /// A journey through `orders`, whose workers run. Its payments are `payments`, which fail for
    /// [`UNPAYABLE`].
    pub fn new(orders: &'a Orders, payments: &'a SimulatedPayments, clock: &'a dyn Clock) -> Self {
        let told = Subscriber::ALL.into_iter().filter(|it| *it != Subscriber::Terminal);
        let told = told.map(|subscriber| (subscriber, Arc::default())).collect();
        Self { orders, payments, clock, run: Uuid::now_v7(), told }
    }

    /// Starts those who follow the topic.
    ///
    /// # Errors
    ///
    /// None: their names are valid.
    pub fn start_subscribers(&self, backend: &Backend, workers: &mut Workers) -> Result<(), Error> {
        for (subscriber, told) in &self.told {
            let (queues, queue) = (backend.queues.clone(), backend.channels.queue_of(*subscriber)?);
            let consumer = QueueConsumer::new(subscriber.as_str(), queues, queue, told.clone())?;
            workers.start_queue(Arc::new(consumer));
        }
        Ok(())
    }

    /// Asks for so many orders, several at a time, and for every fourth of them twice.
    ///
    /// # Errors
    ///
    /// The first request that was refused.
    pub async fn take(&self, orders: u32) -> Result<Taken, JourneyError> {
        const AT_A_TIME: usize = 8;
        let requests: Vec<u32> =
            (0..orders).flat_map(|n| if n % 4 == 3 { vec![n, n] } else { vec![n] }).collect();
        let answered: Vec<(u32, Accepted)> = stream::iter(requests)
            .map(|n| async move { Ok::<_, JourneyError>((n, self.ask_for(n).await?)) })
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await?;
        let id = |(_, accepted): &(u32, Accepted)| accepted.id.clone();
        Ok(Taken {
            orders: answered.iter().map(id).collect(),
            unpayable: answered.iter().filter(|(n, _)| is_unpayable(*n)).map(id).collect(),
            repeated: answered.iter().filter(|(_, accepted)| !accepted.created).count() as u64,
        })
    }

    async fn ask_for(&self, n: u32) -> Result<Accepted, JourneyError> {
        let key = format!("{}/{n}", self.run);
        Ok(self.orders.create(Some(&key), request(n)?).await?)
    }

    /// Waits until each order is processed or a dead letter.
    ///
    /// # Errors
    ///
    /// [`JourneyError::NoProgress`] for two minutes, and those of the backend.
    pub async fn process_what_can_be(&self, taken: &Taken) -> Result<(), JourneyError> {
        let payable: BTreeSet<_> = taken.orders.difference(&taken.unpayable).cloned().collect();
        self.wait_until_processed(&payable).await?;
        let (mut left, mut looks) = (taken.unpayable.clone(), Looks::default());
        until_none_is_left("the orders that fail are dead letters", self.clock, async || {
            let given_up = self.orders.processor.health().await?.worked.dead_lettered;
            let all_may_be_there = given_up >= taken.unpayable.len() as u64;
            if looks.are_due(all_may_be_there, self.clock.monotonic()) {
                let dead = dead_letters::by_order(&self.orders.dead_letters).await?;
                left.retain(|order| !dead.contains_key(order));
                // Another process may have the means to process them.
                for order in left.clone() {
                    if self.is_processed(&order).await? {
                        left.remove(&order);
                    }
                }
            }
            Ok(left.len())
        })
        .await
    }

    /// Repairs the payments, sends the orders that failed back, and waits until they are processed.
    /// Returns how many were sent back.
    ///
    /// # Errors
    ///
    /// As [`process_what_can_be`](Self::process_what_can_be).
    pub async fn bring_back(&self, taken: &Taken) -> Result<u64, JourneyError> {
        self.payments.repair();
        let dead = dead_letters::by_order(&self.orders.dead_letters).await?;
        let letters = taken.unpayable.iter().filter_map(|order| dead.get(order)).flatten().cloned();
        let these = DeadMessageFilter::all().ids(letters);
        let redriven = self.orders.dead_letters.redrive(&DeadMessageRedrive::of(these)).await?;
        self.wait_until_processed(&taken.unpayable).await?;
        Ok(redriven.moved)
    }

    /// Lets everything that was announced since `began` be announced once more, and waits until that has
    /// changed nothing.
    ///
    /// # Errors
    ///
    /// As [`process_what_can_be`](Self::process_what_can_be).
    pub async fn repeat_all(&self, began: Timestamp) -> Result<(), JourneyError> {
        self.orders.intake.rewind(RewindTo::Time(began), |_| {}).await?;
        self.orders.intake.catch_up().await?;
        until_none_is_left("the queue is empty", self.clock, async || {
            let messages = self.orders.processor.health().await?.messages;
            let left = messages.visible + messages.in_flight + messages.delayed;
            Ok(usize::try_from(left).unwrap_or(usize::MAX))
        })
        .await
    }

    /// Waits until every subscriber was told of these orders, and says how many that are for each.
    ///
    /// # Errors
    ///
    /// As [`process_what_can_be`](Self::process_what_can_be).
    pub async fn notifications(
        &self,
        orders: &BTreeSet<String>,
    ) -> Result<BTreeMap<&'static str, u64>, JourneyError> {
        let of = |told: &Told| told.of(orders);
        until_none_is_left("all subscribers are told", self.clock, async || {
            Ok(self.told.values().map(|told| orders.len() - of(told)).sum())
        })
        .await?;
        Ok(self.told.iter().map(|(it, told)| (it.as_str(), of(told) as u64)).collect())
    }

    async fn wait_until_processed(&self, orders: &BTreeSet<String>) -> Result<(), JourneyError> {
        let mut left: VecDeque<&String> = orders.iter().collect();
        until_none_is_left("the orders are processed", self.clock, async || {
            for _ in 0..left.len().min(Self::ASKED_AFTER) {
                let Some(order) = left.pop_front() else { break };
                // They need not come to their end in the order in which they came.
                if !self.is_processed(order).await? {
                    left.push_back(order);
                }
            }
            Ok(left.len())
        })
        .await
    }

    async fn is_processed(&self, order: &str) -> Result<bool, Error> {
        let listed = self.orders.list.view().get(order).await?;
        Ok(listed.is_some_and(|order| order.status == Status::Processed))
    }
}

/// The orders that a subscriber was told of.
#[derive(Debug, Default)]
struct Told(Mutex<BTreeSet<String>>);

impl Told {
    /// How many of these.
    fn of(&self, orders: &BTreeSet<String>) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).intersection(orders).count()
    }
}

#[async_trait]
impl MessageHandler for Told {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        let order = message.as_cloud_event().and_then(CloudEvent::stream);
        let order = order.ok_or_else(|| MessageError::permanent("it is of no order"))?;
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A set: being told twice is being told.
        told.insert(order.id().to_owned());
        Ok(())
    }
}

/// Every sixth order asks for what cannot be paid.
fn is_unpayable(n: u32) -> bool {
    n % 6 == 5
}

/// What the `n`-th customer asks for.
fn request(n: u32) -> Result<OrderRequest, InvalidItem> {
    const NAMES: [&str; 5] = ["Ada", "Bo", "Chidi", "Daria", "Eun"];
    const ITEMS: [(&str, u64); 4] =
        [("tea", 450), ("cup", 700), ("kettle", 3_900), ("tray", 1_250)];
    let of = |list: usize| usize::try_from(n).unwrap_or_default() % list;
    let (item, price) = ITEMS.get(of(ITEMS.len())).copied().unwrap_or(("tea", 450));
    let name = NAMES.get(of(NAMES.len())).copied().unwrap_or("Ada");
    let mut items = vec![Item::new(item, 1 + n % 3, Money::cents(price))?];
    if is_unpayable(n) {
        items.push(Item::new(UNPAYABLE, 1, Money::cents(2_500))?);
    }
    let customer = Customer {
        name: format!("{name} Example-{n}"),
        email: format!("{}.{n}@example.org", name.to_lowercase()),
    };
    Ok(OrderRequest { customer, items })
}
