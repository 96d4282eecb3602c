//! The same through the framework.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use es_core::{
    Cost, IdempotencyStore, Incoming, MessageError, MessageHandler, MessageSender, QueueConsumer,
};
use tokio::sync::Notify;

use crate::AnyError;
use crate::place::{Place, queue, topic};

/// What a piece of work came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) messages: u64,
    /// Requests to a service, those that were repeated, too; 0 without one.
    pub(crate) requests: u64,
    pub(crate) took: Duration,
}

impl Measured {
    pub(crate) fn per_second(&self) -> f64 {
        self.messages as f64 / self.took.as_secs_f64()
    }

    /// Measures work on so many messages.
    pub(crate) async fn of(
        messages: usize,
        work: impl Future<Output = Result<(), AnyError>>,
    ) -> Result<Self, AnyError> {
        let began = Instant::now();
        let (done, cost) = Cost::of(work).await;
        done?;
        let requests = cost.requests + cost.retries;
        Ok(Self { messages: messages as u64, requests, took: began.elapsed() })
    }
}

pub(crate) async fn publish(place: &Place) -> Result<Measured, AnyError> {
    let events = place.events()?;
    let sender = MessageSender::to_topic(place.topics.clone(), topic()?);
    Measured::of(events.len(), async {
        for events in events.chunks(1_000) {
            for sent in sender.send(events).await? {
                sent?;
            }
        }
        Ok(())
    })
    .await
}

/// Consumes what is in the queue, each once in effect with `records`.
pub(crate) async fn consume(
    place: &Place,
    records: Option<Arc<dyn IdempotencyStore>>,
) -> Result<Measured, AnyError> {
    let handled = Arc::new(AtomicU64::default());
    let all = place.messages as u64;
    let counting = Counting { handled: handled.clone(), all, done: Arc::default() };
    let mut consumer =
        QueueConsumer::new("bench", place.queues.clone(), queue()?, counting)?.concurrency(40);
    if let Some(records) = records {
        consumer = consumer.idempotent(records, Duration::from_secs(60 * 60));
    }
    let measured = Measured::of(place.messages, async {
        // A service may have more although it gave nothing.
        while handled.load(Ordering::Relaxed) < place.messages as u64 {
            consumer.work_off().await?;
        }
        Ok(())
    })
    .await?;
    assert_eq!(handled.load(Ordering::Relaxed), place.messages as u64);
    Ok(measured)
}

/// Publishes and consumes at the same time, until the last message is acknowledged.
pub(crate) async fn all_the_way(place: &Place) -> Result<Measured, AnyError> {
    let handled = Arc::new(AtomicU64::default());
    let counting =
        Counting { handled: handled.clone(), all: place.messages as u64, done: Arc::default() };
    let done = counting.done.clone();
    let consumer = QueueConsumer::new("bench", place.queues.clone(), queue()?, counting)?;
    let consumer = consumer.concurrency(40);
    let measured = Measured::of(place.messages, async {
        let consuming = async { Ok(consumer.run(done.notified()).await?) };
        futures::try_join!(publish(place), consuming).map(drop)
    })
    .await?;
    let left = place.queues.counts(&queue()?).await?;
    assert_eq!(left.visible + left.in_flight, 0, "messages are left");
    Ok(measured)
}

/// Counts messages, and tells when it has counted all.
struct Counting {
    handled: Arc<AtomicU64>,
    all: u64,
    done: Arc<Notify>,
}

#[async_trait]
impl MessageHandler for Counting {
    async fn handle(&self, _: &Incoming) -> Result<(), MessageError> {
        if self.handled.fetch_add(1, Ordering::Relaxed) + 1 == self.all {
            self.done.notify_one();
        }
        Ok(())
    }
}
