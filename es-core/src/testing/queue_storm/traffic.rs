//! What is under way to the stores, so that no time passes while a store works.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::clock::Clock as _;
use crate::error::Result;
use crate::idempotency_store::{Begun, Claim, IdempotencyStore, IdempotentRequest, Settled};
use crate::message_queue::{
    MessageId, MessageQueue, NewMessage, QueueCounts, QueueName, QueueOptions, ReceiptHandle,
    ReceiveOptions, ReceivedMessage, Redrive,
};
use crate::testing::VirtualClock;

use super::time::Time;

/// How many requests are under way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traffic(Arc<AtomicUsize>);

struct UnderWay(Traffic);

impl Traffic {
    pub(crate) fn is_quiet(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
    }

    async fn pass<T>(&self, request: impl Future<Output = T>) -> T {
        self.0.fetch_add(1, Ordering::SeqCst);
        let _under_way = UnderWay(self.clone());
        request.await
    }
}

impl Drop for UnderWay {
    /// Also of a request whose sender was killed.
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Queues whose requests are counted. In virtual time a long poll is a number of short ones: a store
/// that waits is not at work.
#[derive(Debug)]
pub(crate) struct CountedQueues {
    inner: Arc<dyn MessageQueue>,
    traffic: Traffic,
    /// Of the requests those that are to receive, for as long as they wait.
    receives: Traffic,
    time: Time,
}

impl CountedQueues {
    /// Between two of those short polls.
    const PAUSE: Duration = Duration::from_secs(1);

    pub(crate) fn new(inner: Arc<dyn MessageQueue>, traffic: Traffic, time: Time) -> Self {
        Self { inner, traffic, receives: Traffic::default(), time }
    }

    pub(crate) fn is_receiving(&self) -> bool {
        !self.receives.is_quiet()
    }

    async fn poll(
        &self,
        clock: &VirtualClock,
        queue: &QueueName,
        options: ReceiveOptions,
    ) -> Result<Vec<ReceivedMessage>> {
        let until = clock.monotonic() + options.wait;
        loop {
            let look = options.wait(Duration::ZERO);
            let received = self.traffic.pass(self.inner.receive(queue, look)).await?;
            let left = until.saturating_sub(clock.monotonic());
            if !received.is_empty() || left.is_zero() {
                return Ok(received);
            }
            clock.sleep(left.min(Self::PAUSE)).await;
        }
    }
}

#[async_trait]
impl MessageQueue for CountedQueues {
    async fn configure(&self, queue: &QueueName, options: QueueOptions) -> Result<()> {
        self.traffic.pass(self.inner.configure(queue, options)).await
    }

    async fn options(&self, queue: &QueueName) -> Result<QueueOptions> {
        self.traffic.pass(self.inner.options(queue)).await
    }

    async fn send_batch(
        &self,
        queue: &QueueName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        self.traffic.pass(self.inner.send_batch(queue, messages)).await
    }

    async fn receive(
        &self,
        queue: &QueueName,
        options: ReceiveOptions,
    ) -> Result<Vec<ReceivedMessage>> {
        match &self.time {
            Time::Virtual(clock) => self.receives.pass(self.poll(clock, queue, options)).await,
            Time::Real => {
                let receive = self.traffic.pass(self.inner.receive(queue, options));
                self.receives.pass(receive).await
            }
        }
    }

    async fn extend(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        visibility_timeout: Duration,
    ) -> Result<()> {
        self.traffic.pass(self.inner.extend(queue, receipt, visibility_timeout)).await
    }

    async fn extend_batch(
        &self,
        queue: &QueueName,
        holds: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        self.traffic.pass(self.inner.extend_batch(queue, holds)).await
    }

    async fn acknowledge_batch(
        &self,
        queue: &QueueName,
        receipts: &[ReceiptHandle],
    ) -> Result<Vec<Result<()>>> {
        self.traffic.pass(self.inner.acknowledge_batch(queue, receipts)).await
    }

    async fn release(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<()> {
        self.traffic.pass(self.inner.release(queue, receipt, delay)).await
    }

    async fn release_batch(
        &self,
        queue: &QueueName,
        releases: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        self.traffic.pass(self.inner.release_batch(queue, releases)).await
    }

    async fn redrive(&self, dead_letters: &QueueName, redrive: Redrive) -> Result<u64> {
        self.traffic.pass(self.inner.redrive(dead_letters, redrive)).await
    }

    async fn purge(&self, queue: &QueueName) -> Result<()> {
        self.traffic.pass(self.inner.purge(queue)).await
    }

    async fn counts(&self, queue: &QueueName) -> Result<QueueCounts> {
        self.traffic.pass(self.inner.counts(queue)).await
    }

    async fn make_whole(
        &self,
        queue: &QueueName,
        messages: &mut [ReceivedMessage],
        time_limit: Duration,
    ) -> Vec<Result<()>> {
        self.inner.make_whole(queue, messages, time_limit).await
    }

    fn size_of(&self, message: &NewMessage) -> usize {
        self.inner.size_of(message)
    }
}

/// Records whose requests are counted.
#[derive(Debug)]
pub(crate) struct CountedRecords {
    pub(crate) inner: Arc<dyn IdempotencyStore>,
    pub(crate) traffic: Traffic,
}

#[async_trait]
impl IdempotencyStore for CountedRecords {
    async fn begin(&self, request: &IdempotentRequest, hold: Duration) -> Result<Begun> {
        self.traffic.pass(self.inner.begin(request, hold)).await
    }

    async fn complete(&self, claim: &Claim, result: Bytes, keep: Duration) -> Result<Settled> {
        self.traffic.pass(self.inner.complete(claim, result, keep)).await
    }

    async fn abandon(&self, claim: &Claim) -> Result<Settled> {
        self.traffic.pass(self.inner.abandon(claim)).await
    }
}
