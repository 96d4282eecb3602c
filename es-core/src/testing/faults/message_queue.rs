use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::message_queue::{
    MAX_BATCH, MessageId, MessageQueue, NewMessage, QueueCounts, QueueName, QueueOptions,
    ReceiptHandle, ReceiveOptions, ReceivedMessage, Redrive,
};

use super::late::LateRequests;
use super::request::Request;
use super::{Call, Fault, Faults};

/// Queues whose requests meet faults.
///
/// What standard queues of SQS may do, it does: give a message [once more](Fault::Duplicates) although
/// it is in flight or was just acknowledged, and in [any order](Fault::Reordering). FIFO queues it leaves
/// what they promise.
pub struct FaultyMessageQueue {
    inner: Arc<dyn MessageQueue>,
    faults: Faults,
    late: LateRequests<Late>,
    given: Mutex<HashMap<QueueName, VecDeque<ReceivedMessage>>>,
}

/// What arrives after its caller has given it up.
enum Late {
    Send(QueueName, Vec<NewMessage>),
    Extend(QueueName, Vec<(ReceiptHandle, Duration)>),
    Release(QueueName, Vec<(ReceiptHandle, Duration)>),
    Acknowledge(QueueName, Vec<ReceiptHandle>),
}

/// How many of the last messages of a queue can be given once more.
const REMEMBERED: usize = 20;

/// Stands in a receipt of a message that was given once more, behind the receipt that it had.
const ONCE_MORE: &str = "#once-more-";

impl FaultyMessageQueue {
    /// `inner`, with `faults` before it.
    pub fn new(inner: Arc<dyn MessageQueue>, faults: Faults) -> Self {
        Self { inner, faults, late: LateRequests::default(), given: Mutex::default() }
    }

    async fn begin(&self, call: Call) -> Result<Request<'_>> {
        for late in self.late.arriving() {
            // Nobody waits for the answer any more.
            match late {
                Late::Send(queue, messages) => {
                    let _ = self.inner.send_batch(&queue, messages).await;
                }
                Late::Extend(queue, holds) => {
                    let _ = self.inner.extend_batch(&queue, &holds).await;
                }
                Late::Release(queue, releases) => {
                    let _ = self.inner.release_batch(&queue, &releases).await;
                }
                Late::Acknowledge(queue, receipts) => {
                    let _ = self.inner.acknowledge_batch(&queue, &receipts).await;
                }
            }
        }
        self.faults.begin(call).await
    }

    /// Holds the request up, if that is due; then its caller gets the error.
    fn may_be_late(&self, request: &Request<'_>, late: impl FnOnce() -> Late) -> Result<()> {
        if !request.is_due(Fault::LateRequest) {
            return Ok(());
        }
        self.late.hold_up(late(), self.faults.lateness());
        Err(request.unavailable(Fault::LateRequest))
    }

    /// What is given of what the queue gave.
    fn given(
        &self,
        queue: &QueueName,
        mut received: Vec<ReceivedMessage>,
        max: usize,
        request: &Request<'_>,
    ) -> Vec<ReceivedMessage> {
        if received.len() > 1 && request.meets(Fault::LateDelivery) {
            // From the end, so that no group loses one before others.
            received.truncate(request.index(received.len()));
        }
        if queue.is_fifo() {
            return received;
        }
        let mut given = self.lock();
        let given = given.entry(queue.clone()).or_default();
        let repeated =
            (!given.is_empty() && received.len() < max && request.meets(Fault::Duplicates))
                .then(|| once_more(&given[request.index(given.len())], request.random()));
        given.extend(received.iter().cloned());
        given.drain(..given.len().saturating_sub(REMEMBERED));
        received.extend(repeated);
        if received.len() > 1 && request.meets(Fault::Reordering) {
            request.shuffle(&mut received);
        }
        received
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<QueueName, VecDeque<ReceivedMessage>>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The message under another receipt, which stands for the same hold.
fn once_more(message: &ReceivedMessage, random: u64) -> ReceivedMessage {
    let receipt = format!("{}{ONCE_MORE}{random:x}", original(&message.receipt));
    ReceivedMessage {
        receipt: ReceiptHandle::from_stored(&receipt),
        receive_count: message.receive_count.saturating_add(1),
        ..message.clone()
    }
}

/// The receipt that the wrapped queue knows.
fn original(receipt: &ReceiptHandle) -> ReceiptHandle {
    match receipt.as_str().split_once(ONCE_MORE) {
        Some((original, _)) => ReceiptHandle::from_stored(original),
        None => receipt.clone(),
    }
}

fn originals(entries: &[(ReceiptHandle, Duration)]) -> Vec<(ReceiptHandle, Duration)> {
    entries.iter().map(|(receipt, time)| (original(receipt), *time)).collect()
}

/// A standard queue answers success to an acknowledgement of what is gone.
fn acknowledged(receipt: &ReceiptHandle, outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(Error::ReceiptLost { .. }) if receipt.as_str().contains(ONCE_MORE) => Ok(()),
        outcome => outcome,
    }
}

#[async_trait]
impl MessageQueue for FaultyMessageQueue {
    async fn configure(&self, queue: &QueueName, options: QueueOptions) -> Result<()> {
        self.faults.pass(Call::ConfigureQueue, self.inner.configure(queue, options)).await
    }

    async fn options(&self, queue: &QueueName) -> Result<QueueOptions> {
        self.faults.pass(Call::ReadQueueOptions, self.inner.options(queue)).await
    }

    async fn send_batch(
        &self,
        queue: &QueueName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        let request = self.begin(Call::Send).await?;
        self.may_be_late(&request, || Late::Send(queue.clone(), messages.clone()))?;
        let entries = request.entries(messages.len());
        let through = entries.let_through(messages);
        if entries.all_failed() {
            return request.end(Ok(entries.answers(Vec::new()))).await;
        }
        let sent = self.inner.send_batch(queue, through).await;
        request.end(sent.map(|sent| entries.answers(sent))).await
    }

    async fn receive(
        &self,
        queue: &QueueName,
        mut options: ReceiveOptions,
    ) -> Result<Vec<ReceivedMessage>> {
        let request = self.begin(Call::Receive).await?;
        let max = options.max_messages;
        if max > 1 && request.meets(Fault::TornPage) {
            options.max_messages = 1 + request.index(max.min(MAX_BATCH));
        }
        let received = self.inner.receive(queue, options).await;
        let received = received.map(|received| self.given(queue, received, max, &request));
        request.end(received).await
    }

    async fn extend(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        visibility_timeout: Duration,
    ) -> Result<()> {
        let request = self.begin(Call::Extend).await?;
        let hold = (original(receipt), visibility_timeout);
        self.may_be_late(&request, || Late::Extend(queue.clone(), vec![hold.clone()]))?;
        request.end(self.inner.extend(queue, &hold.0, hold.1).await).await
    }

    async fn extend_batch(
        &self,
        queue: &QueueName,
        holds: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        let request = self.begin(Call::Extend).await?;
        let holds = originals(holds);
        self.may_be_late(&request, || Late::Extend(queue.clone(), holds.clone()))?;
        let entries = request.entries(holds.len());
        if entries.all_failed() {
            return request.end(Ok(entries.answers(Vec::new()))).await;
        }
        let extended = self.inner.extend_batch(queue, &entries.let_through(holds)).await;
        request.end(extended.map(|extended| entries.answers(extended))).await
    }

    async fn acknowledge_batch(
        &self,
        queue: &QueueName,
        receipts: &[ReceiptHandle],
    ) -> Result<Vec<Result<()>>> {
        let request = self.begin(Call::Acknowledge).await?;
        let originals: Vec<_> = receipts.iter().map(original).collect();
        self.may_be_late(&request, || Late::Acknowledge(queue.clone(), originals.clone()))?;
        let entries = request.entries(receipts.len());
        if entries.all_failed() {
            return request.end(Ok(entries.answers(Vec::new()))).await;
        }
        let outcomes = self.inner.acknowledge_batch(queue, &entries.let_through(originals)).await;
        let outcomes = outcomes.map(|outcomes| {
            let outcomes = receipts.iter().zip(entries.answers(outcomes));
            outcomes.map(|(receipt, outcome)| acknowledged(receipt, outcome)).collect()
        });
        request.end(outcomes).await
    }

    async fn release(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<()> {
        let request = self.begin(Call::Release).await?;
        let release = (original(receipt), delay);
        self.may_be_late(&request, || Late::Release(queue.clone(), vec![release.clone()]))?;
        request.end(self.inner.release(queue, &release.0, release.1).await).await
    }

    async fn release_batch(
        &self,
        queue: &QueueName,
        releases: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        let request = self.begin(Call::Release).await?;
        let releases = originals(releases);
        self.may_be_late(&request, || Late::Release(queue.clone(), releases.clone()))?;
        let entries = request.entries(releases.len());
        if entries.all_failed() {
            return request.end(Ok(entries.answers(Vec::new()))).await;
        }
        let released = self.inner.release_batch(queue, &entries.let_through(releases)).await;
        request.end(released.map(|released| entries.answers(released))).await
    }

    async fn redrive(&self, dead_letters: &QueueName, redrive: Redrive) -> Result<u64> {
        self.faults.pass(Call::Redrive, self.inner.redrive(dead_letters, redrive)).await
    }

    async fn purge(&self, queue: &QueueName) -> Result<()> {
        self.faults.pass(Call::Purge, self.inner.purge(queue)).await
    }

    async fn counts(&self, queue: &QueueName) -> Result<QueueCounts> {
        self.faults.pass(Call::CountMessages, self.inner.counts(queue)).await
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

impl fmt::Debug for FaultyMessageQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyMessageQueue")
            .field("inner", &self.inner)
            .field("faults", &self.faults)
            .field("late", &self.late.len())
            .finish_non_exhaustive()
    }
}
