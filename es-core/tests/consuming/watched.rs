//! Queues that are watched, and fail when a test says so.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use es_core::memory::MemoryQueues;
use es_core::testing::VirtualClock;
use es_core::{
    Clock as _, Error, MessageId, MessageQueue, NewMessage, QueueCounts, QueueName, QueueOptions,
    ReceiptHandle, ReceiveOptions, ReceivedMessage, Redrive, Result,
};

/// The requests that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    Send,
    Receive,
    Extend,
    Acknowledge,
    Release,
    /// It is not counted, but can meet a mishap.
    Options,
}

/// What a request is to meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// It does not arrive.
    Lost,
    /// It arrives, and its answer does not.
    AnswerLost,
    /// It arrives, and nobody ever answers. For [`Request::Options`].
    Unanswered,
    /// It is refused for good.
    Refused,
    /// Of a batch the first entry does not arrive.
    FirstEntryLost,
    /// A receive gives nothing, as a short poll of SQS, which looks at a part of its servers.
    GivesNothing,
}

#[derive(Debug, Default)]
struct State {
    requests: Vec<(Request, usize)>,
    mishaps: VecDeque<(Request, Mishap)>,
    /// These requests do not arrive until further notice.
    down: Vec<Request>,
    receives: Vec<ReceiveOptions>,
    /// The delays of all releases.
    delays: Vec<Duration>,
    suspends: bool,
    /// Receives do not wait, whatever is asked.
    cannot_wait: bool,
    /// Extensions arrive so much later.
    extends_in: Option<(Arc<VirtualClock>, Duration)>,
    /// How many holds were refused because they would have been too long.
    held_too_long: usize,
    /// What was received last, and whether it is to be received again.
    last: Vec<ReceivedMessage>,
    again: bool,
    /// How many receives give nothing before each that does, and how many have.
    gaps: (usize, usize),
}

/// Queues in memory, in which every request is one, also for a whole batch.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) inner: MemoryQueues,
    state: Mutex<State>,
}

impl Watched {
    pub(crate) fn new(inner: MemoryQueues) -> Self {
        Self { inner, state: Mutex::default() }
    }

    /// How many requests of this kind there were.
    pub(crate) fn count(&self, request: Request) -> usize {
        self.state().requests.iter().filter(|(made, _)| *made == request).count()
    }

    pub(crate) fn total(&self) -> usize {
        self.state().requests.len()
    }

    /// How many entries each request of this kind had.
    pub(crate) fn batches(&self, request: Request) -> Vec<usize> {
        let state = self.state();
        let of_kind = state.requests.iter().filter(|(made, _)| *made == request);
        of_kind.map(|(_, entries)| *entries).collect()
    }

    pub(crate) fn held_too_long(&self) -> usize {
        self.state().held_too_long
    }

    pub(crate) fn receives(&self) -> Vec<ReceiveOptions> {
        self.state().receives.clone()
    }

    pub(crate) fn delays(&self) -> Vec<Duration> {
        self.state().delays.clone()
    }

    /// From now on so many receives give nothing before each that gives something.
    pub(crate) fn give_nothing_between_receives(&self, receives: usize) {
        self.state().gaps = (receives, 0);
    }

    fn is_in_a_gap(&self) -> bool {
        let mut state = self.state();
        let (gap, passed) = state.gaps;
        let is_in = passed < gap;
        state.gaps.1 = if is_in { passed + 1 } else { 0 };
        is_in
    }

    /// The next request of this kind meets this.
    pub(crate) fn next(&self, request: Request, mishap: Mishap) {
        self.state().mishaps.push_back((request, mishap));
    }

    pub(crate) fn down(&self, request: Request) {
        self.state().down.push(request);
    }

    pub(crate) fn up(&self) {
        self.state().down.clear();
    }

    /// Lets all messages in flight be received once more, while their receivers believe that they hold
    /// them: what a standard queue of SQS may do.
    pub(crate) fn deliver_again(&self) {
        self.state().again = true;
    }

    /// Acknowledges a message of the last receive behind its receiver's back.
    pub(crate) async fn take_away(&self, queue: &QueueName, body: &str) {
        let last = self.state().last.clone();
        let message = last.into_iter().find(|message| message.body == body).unwrap();
        self.inner.acknowledge(queue, &message.receipt).await.unwrap();
    }

    /// From now on extensions are on their way for so long.
    pub(crate) fn extend_in(&self, clock: &Arc<VirtualClock>, time: Duration) {
        self.state().extends_in = Some((clock.clone(), time));
    }

    /// Every request waits once on its way there and once on its way back.
    pub(crate) fn suspending(self) -> Self {
        self.state().suspends = true;
        self
    }

    /// Receives give what is there, and nothing if nothing is: as SQS when it is to wait for less than a
    /// second.
    pub(crate) fn that_cannot_wait(self) -> Self {
        self.state().cannot_wait = true;
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn begin(&self, request: Request, entries: usize) -> Result<Option<Mishap>> {
        let (mishap, suspends) = {
            let mut state = self.state();
            state.requests.push((request, entries));
            let due = state.mishaps.iter().position(|(kind, _)| *kind == request);
            let mishap = due.and_then(|at| state.mishaps.remove(at)).map(|(_, mishap)| mishap);
            let down = state.down.contains(&request).then_some(Mishap::Lost);
            (mishap.or(down), state.suspends)
        };
        if suspends {
            tokio::task::yield_now().await;
        }
        match mishap {
            Some(Mishap::Lost) => Err(unavailable()),
            Some(Mishap::Refused) => Err(refused()),
            mishap => Ok(mishap),
        }
    }

    async fn end<T>(&self, mishap: Option<Mishap>, result: Result<T>) -> Result<T> {
        let suspends = self.state().suspends;
        if suspends {
            tokio::task::yield_now().await;
        }
        match mishap {
            Some(Mishap::AnswerLost) => result.and(Err(unavailable())),
            _ => result,
        }
    }
}

fn refused() -> Error {
    Error::Backend { what: "a request".into(), source: "not allowed".into() }
}

pub(crate) fn unavailable() -> Error {
    Error::Unavailable { what: "the queue".into(), source: "no route".into() }
}

/// A batch of which the first entry may get lost.
fn some_of<E: Clone>(entries: &[E], mishap: Option<Mishap>) -> (Vec<E>, Vec<Result<()>>) {
    match mishap {
        Some(Mishap::FirstEntryLost) => (entries[1..].to_vec(), vec![Err(unavailable())]),
        _ => (entries.to_vec(), Vec::new()),
    }
}

#[async_trait]
impl MessageQueue for Watched {
    async fn configure(&self, queue: &QueueName, options: QueueOptions) -> Result<()> {
        self.inner.configure(queue, options).await
    }

    async fn options(&self, queue: &QueueName) -> Result<QueueOptions> {
        let mishap = {
            let mut state = self.state();
            let due = state.mishaps.iter().position(|(kind, _)| *kind == Request::Options);
            due.and_then(|at| state.mishaps.remove(at)).map(|(_, mishap)| mishap)
        };
        match mishap {
            Some(Mishap::Refused) => Err(refused()),
            Some(Mishap::Unanswered) => std::future::pending().await,
            Some(_) => Err(unavailable()),
            None => self.inner.options(queue).await,
        }
    }

    async fn send_batch(
        &self,
        queue: &QueueName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        let mishap = self.begin(Request::Send, messages.len()).await?;
        let result = self.inner.send_batch(queue, messages).await;
        self.end(mishap, result).await
    }

    async fn receive(
        &self,
        queue: &QueueName,
        options: ReceiveOptions,
    ) -> Result<Vec<ReceivedMessage>> {
        self.state().receives.push(options);
        let mishap = self.begin(Request::Receive, options.max_messages).await?;
        let (again, options) = {
            let mut state = self.state();
            let again = std::mem::take(&mut state.again).then(|| state.last.clone());
            let wait = if state.cannot_wait { Duration::ZERO } else { options.wait };
            (again, options.wait(wait))
        };
        let result = match again {
            _ if mishap == Some(Mishap::GivesNothing) || self.is_in_a_gap() => Ok(Vec::new()),
            Some(again) => Ok(again),
            None => self.inner.receive(queue, options).await,
        };
        if let Ok(received) = &result
            && !received.is_empty()
        {
            self.state().last = received.clone();
        }
        self.end(mishap, result).await
    }

    async fn extend(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        timeout: Duration,
    ) -> Result<()> {
        self.extend_batch(queue, &[(receipt.clone(), timeout)]).await?.remove(0)
    }

    async fn extend_batch(
        &self,
        queue: &QueueName,
        holds: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        let mishap = self.begin(Request::Extend, holds.len()).await?;
        let late = self.state().extends_in.clone();
        if let Some((clock, time)) = late {
            clock.sleep(time).await;
        }
        let (holds, mut results) = some_of(holds, mishap);
        if !holds.is_empty() {
            results.extend(self.inner.extend_batch(queue, &holds).await?);
            let too_long = |result: &&Result<()>| matches!(result, Err(Error::HeldTooLong { .. }));
            self.state().held_too_long += results.iter().filter(too_long).count();
        }
        self.end(mishap, Ok(results)).await
    }

    async fn acknowledge_batch(
        &self,
        queue: &QueueName,
        receipts: &[ReceiptHandle],
    ) -> Result<Vec<Result<()>>> {
        let mishap = self.begin(Request::Acknowledge, receipts.len()).await?;
        let (receipts, mut results) = some_of(receipts, mishap);
        if !receipts.is_empty() {
            results.extend(self.inner.acknowledge_batch(queue, &receipts).await?);
        }
        self.end(mishap, Ok(results)).await
    }

    async fn release(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<()> {
        self.release_batch(queue, &[(receipt.clone(), delay)]).await?.remove(0)
    }

    async fn release_batch(
        &self,
        queue: &QueueName,
        releases: &[(ReceiptHandle, Duration)],
    ) -> Result<Vec<Result<()>>> {
        self.state().delays.extend(releases.iter().map(|(_, delay)| *delay));
        let mishap = self.begin(Request::Release, releases.len()).await?;
        let (releases, mut results) = some_of(releases, mishap);
        if !releases.is_empty() {
            results.extend(self.inner.release_batch(queue, &releases).await?);
        }
        self.end(mishap, Ok(results)).await
    }

    async fn redrive(&self, dead_letters: &QueueName, redrive: Redrive) -> Result<u64> {
        self.inner.redrive(dead_letters, redrive).await
    }

    async fn purge(&self, queue: &QueueName) -> Result<()> {
        self.inner.purge(queue).await
    }

    async fn counts(&self, queue: &QueueName) -> Result<QueueCounts> {
        self.inner.counts(queue).await
    }
}
