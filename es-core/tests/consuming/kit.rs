//! A desk with a queue, its dead letters, a clock that a test moves, and handlers that do as they are
//! told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use es_core::memory::{MemoryIdempotency, MemoryQueues};
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Backoff, Incoming, MessageError, MessageHandler, MessageQueue, NewMessage, QueueConsumer,
    QueueCounts, QueueName, QueueOptions, ReceiveOptions, ReceivedMessage, Result,
};
use tokio::sync::watch;

use crate::watched::Watched;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);

pub(crate) struct Desk {
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) queues: Arc<Watched>,
    pub(crate) orders: QueueName,
    pub(crate) dead: QueueName,
    pub(crate) records: Arc<MemoryIdempotency>,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        Self::with("orders", "orders-dead", |watched| watched).await
    }

    pub(crate) async fn fifo() -> Self {
        Self::with("orders.fifo", "orders-dead.fifo", |watched| watched).await
    }

    /// Every request waits on its way.
    pub(crate) async fn suspending() -> Self {
        Self::with("orders", "orders-dead", Watched::suspending).await
    }

    pub(crate) async fn with(
        orders: &str,
        dead: &str,
        watched: impl FnOnce(Watched) -> Watched,
    ) -> Self {
        let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
        let entropy = Arc::new(SeededEntropy::new(1));
        let queues = MemoryQueues::new(clock.clone(), entropy.clone());
        let (orders, dead) = (QueueName::new(orders).unwrap(), QueueName::new(dead).unwrap());
        let queues = Arc::new(watched(Watched::new(queues)));
        for queue in [&orders, &dead] {
            let longest = *QueueOptions::RETENTION.end();
            let options = QueueOptions::default().retention(longest);
            queues.configure(queue, options).await.unwrap();
        }
        let records = Arc::new(MemoryIdempotency::new(clock.clone(), entropy));
        Self { clock, queues, orders, dead, records }
    }

    /// A consumer with its dead letters, and retries that wait up to 10 s.
    pub(crate) fn consumer(&self, handler: impl MessageHandler) -> QueueConsumer {
        QueueConsumer::new("clerk", self.queues.clone(), self.orders.clone(), handler)
            .unwrap()
            .dead_letters_to(self.dead.clone())
            .backoff(Backoff { base: 5 * SECOND, max: 10 * SECOND })
            .with_clock(self.clock.clone())
            .with_entropy(Arc::new(SeededEntropy::new(7)))
    }

    pub(crate) async fn send(&self, body: &str) {
        self.queues.inner.send(&self.orders, NewMessage::new(body)).await.unwrap();
    }

    pub(crate) async fn send_all(&self, numbers: std::ops::Range<usize>) {
        for number in numbers {
            self.send(&number.to_string()).await;
        }
    }

    pub(crate) async fn send_in(&self, group: &str, body: &str) {
        let message = NewMessage::new(body).group(group);
        self.queues.inner.send(&self.orders, message).await.unwrap();
    }

    pub(crate) async fn counts(&self) -> QueueCounts {
        self.queues.inner.counts(&self.orders).await.unwrap()
    }

    /// Whether the queue has nothing any more, in nobody's hand either.
    pub(crate) async fn is_empty(&self) -> bool {
        self.counts().await == QueueCounts::default()
    }

    /// The messages in the dead letter queue.
    pub(crate) async fn buried(&self) -> u64 {
        let counts = self.queues.inner.counts(&self.dead).await.unwrap();
        counts.visible + counts.in_flight + counts.delayed
    }

    /// What another receiver gets now.
    pub(crate) async fn received_by_another(&self) -> Vec<ReceivedMessage> {
        self.queues.inner.receive(&self.orders, ReceiveOptions::default()).await.unwrap()
    }

    /// Runs the consumer beside the test's own doing, which stops it at its end.
    pub(crate) async fn during<T>(
        &self,
        consumer: &QueueConsumer,
        test: impl Future<Output = T>,
    ) -> (Result<()>, T) {
        let stop = watch::Sender::new(false);
        let stopped = || {
            let mut stop = stop.subscribe();
            async move { drop(stop.wait_for(|stop| *stop).await) }
        };
        let test = async {
            settle().await;
            let outcome = test.await;
            stop.send_replace(true);
            outcome
        };
        // The consumer may need time to pass in order to stop.
        let clock_goes_on = async {
            stopped().await;
            for _ in 0..1_000 {
                settle().await;
                self.clock.advance(SECOND / 10);
            }
            panic!("the consumer does not stop");
        };
        let run = consumer.run(stopped());
        tokio::select! {
            both = async { futures::join!(run, test) } => both,
            never = clock_goes_on => never,
        }
    }

    /// Returns when so much time has passed since the desk was made.
    pub(crate) async fn clock_reaches(&self, time: Duration) {
        while es_core::Clock::monotonic(&*self.clock) < time {
            tokio::task::yield_now().await;
        }
    }

    /// Lets time pass in steps of a tenth of a second, and everything happen that it brings about.
    pub(crate) async fn pass(&self, time: Duration) {
        self.pass_by(time, SECOND / 10).await;
    }

    pub(crate) async fn pass_by(&self, time: Duration, step: Duration) {
        let mut left = time;
        while !left.is_zero() {
            let step = step.min(left);
            settle().await;
            self.clock.advance(step);
            left -= step;
        }
        settle().await;
    }
}

/// Lets everything happen that needs no time.
pub(crate) async fn settle() {
    for _ in 0..30 {
        tokio::task::yield_now().await;
    }
}

/// What a handler does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    Succeeds,
    Fails,
    FailsForGood,
    FailsUntil(usize),
    Panics,
    /// Takes so long on the clock.
    Takes(Duration),
    /// Waits until it is cancelled.
    Hangs,
}

/// A handler that does with each message, by its body, what it was told, and keeps what happened.
#[derive(Default)]
pub(crate) struct Clerk {
    does: Mutex<HashMap<String, Does>>,
    clock: Option<Arc<VirtualClock>>,
    pub(crate) began: Mutex<Vec<String>>,
    pub(crate) done: Mutex<Vec<String>>,
    pub(crate) dropped: Mutex<Vec<String>>,
    at_work: AtomicUsize,
    pub(crate) most_at_work: AtomicUsize,
}

impl Clerk {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn at(desk: &Desk) -> Arc<Self> {
        Arc::new(Self { clock: Some(desk.clock.clone()), ..Self::default() })
    }

    /// What it does with this message from now on.
    pub(crate) fn told(self: Arc<Self>, body: &str, does: Does) -> Arc<Self> {
        self.tell(body, does);
        self
    }

    pub(crate) fn tell(&self, body: &str, does: Does) {
        self.does.lock().unwrap().insert(body.to_owned(), does);
    }

    pub(crate) fn began(&self) -> Vec<String> {
        self.began.lock().unwrap().clone()
    }

    pub(crate) fn done(&self) -> Vec<String> {
        self.done.lock().unwrap().clone()
    }

    pub(crate) fn dropped(&self) -> Vec<String> {
        self.dropped.lock().unwrap().clone()
    }

    fn attempts(&self, body: &str) -> usize {
        self.began.lock().unwrap().iter().filter(|begun| *begun == body).count()
    }
}

/// Counts a handler that is at work, and notes when it is dropped before it is done.
struct AtWork<'a>(&'a Clerk, &'a str, bool);

impl<'a> AtWork<'a> {
    fn begin(clerk: &'a Clerk, body: &'a str) -> Self {
        clerk.began.lock().unwrap().push(body.to_owned());
        let now = clerk.at_work.fetch_add(1, Ordering::SeqCst) + 1;
        clerk.most_at_work.fetch_max(now, Ordering::SeqCst);
        Self(clerk, body, false)
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::SeqCst);
        if !self.2 {
            self.0.dropped.lock().unwrap().push(self.1.to_owned());
        }
    }
}

#[async_trait]
impl MessageHandler for Clerk {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        let body = message.body();
        let does = self.does.lock().unwrap().get(body).copied().unwrap_or(Does::Succeeds);
        let mut at_work = AtWork::begin(self, body);
        let attempts = self.attempts(body);
        let result = match does {
            Does::Takes(time) => {
                es_core::Clock::sleep(&**self.clock.as_ref().unwrap(), time).await;
                Ok(())
            }
            Does::Hangs => std::future::pending().await,
            Does::Panics => {
                at_work.2 = true;
                panic!("the ink is empty")
            }
            Does::FailsForGood => Err(MessageError::permanent("no such article")),
            Does::Fails => Err(MessageError::transient("the shop is closed")),
            Does::FailsUntil(attempt) if attempts < attempt => {
                Err(MessageError::transient("the shop is closed"))
            }
            Does::FailsUntil(_) | Does::Succeeds => Ok(()),
        };
        at_work.2 = true;
        if result.is_ok() {
            self.done.lock().unwrap().push(body.to_owned());
        }
        result
    }
}
