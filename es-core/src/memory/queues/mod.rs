//! Queues and topics.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use self::queue::{Due, Queue, Stored};
use super::lock;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::{Error, Result};
use crate::message_queue::{
    MessageId, MessageQueue, NewMessage, QueueCounts, QueueName, QueueOptions, ReceiptHandle,
    ReceiveOptions, ReceivedMessage, Redrive, check_batch, check_extension,
};
use crate::topic::{FilterPolicy, TopicName};

mod messages;
mod queue;
mod topics;

/// Queues and topics in memory: [`MessageQueue`] and [`Topic`](crate::Topic). Clones share what is
/// stored.
#[derive(Clone)]
pub struct MemoryQueues {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    state: Mutex<State>,
    /// Says that something may have become visible, or will earlier than it seemed.
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    queues: BTreeMap<QueueName, Queue>,
    topics: HashMap<TopicName, BTreeMap<QueueName, FilterPolicy>>,
    /// The place of the newest message: every message that comes into a queue gets the next one.
    last_place: u64,
}

impl MemoryQueues {
    /// No queues yet. Time is that of `clock`, ids and receipts are made from `entropy`.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let (state, changed) = (Mutex::default(), watch::Sender::new(()));
        Self { shared: Arc::new(Shared { clock, entropy, state, changed }) }
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    fn entropy(&self) -> &dyn Entropy {
        &*self.shared.entropy
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.state)
    }

    fn wake_receivers(&self) {
        self.shared.changed.send_replace(());
    }
}

impl Default for MemoryQueues {
    /// On the machine's clock.
    fn default() -> Self {
        Self::new(Arc::new(SystemClock), Arc::new(SystemEntropy))
    }
}

impl fmt::Debug for MemoryQueues {
    /// Says which queues there are, never what is in them: bodies do not belong into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryQueues")
            .field("queues", &self.state().queues.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl MessageQueue for MemoryQueues {
    async fn configure(&self, queue: &QueueName, options: QueueOptions) -> Result<()> {
        options.check(queue)?;
        let mut state = self.state();
        if let Some(policy) = &options.redrive_policy
            && !state.queues.contains_key(&policy.dead_letter_queue)
        {
            return Err(options.no_dead_letter_queue(queue));
        }
        match state.queues.get_mut(queue) {
            Some(known) => known.options = options,
            None => {
                state.queues.insert(queue.clone(), Queue::new(queue.clone(), options));
            }
        }
        Ok(())
    }

    async fn options(&self, queue: &QueueName) -> Result<QueueOptions> {
        Ok(self.state().queue(queue)?.options.clone())
    }

    async fn send_batch(
        &self,
        queue: &QueueName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        check_batch(messages.len())?;
        let mut state = self.state();
        state.queue(queue)?;
        let now = self.now();
        let send = |message| state.send(queue, message, now, self.entropy());
        let sent = messages.into_iter().map(send).collect();
        self.wake_receivers();
        Ok(sent)
    }

    async fn receive(
        &self,
        queue: &QueueName,
        options: ReceiveOptions,
    ) -> Result<Vec<ReceivedMessage>> {
        options.check()?;
        let mut deadline = later(self.now(), options.wait);
        // Whatever changes from here on changes what this receiver sees, so nothing is lost between
        // looking and waiting.
        let mut changed = self.shared.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let now = self.now();
            let (received, next) = self.receive_now(queue, &options, now)?;
            // A clock that was set back does not make the wait longer than it was to be.
            deadline = deadline.min(later(now, options.wait));
            if !received.is_empty() || now >= deadline {
                return Ok(received);
            }
            let until = next.map_or(deadline, |next| next.min(deadline));
            tokio::select! {
                // It fails only without its sender, which lives as long as `self`.
                _ = changed.changed() => {}
                () = self.shared.clock.sleep(until.duration_since(now).unsigned_abs()) => {}
            }
        }
    }

    async fn extend(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        visibility_timeout: Duration,
    ) -> Result<()> {
        check_extension(visibility_timeout)?;
        let now = self.now();
        self.state().queue_mut(queue)?.hide(receipt, now, visibility_timeout)?;
        self.wake_receivers();
        Ok(())
    }

    async fn acknowledge_batch(
        &self,
        queue: &QueueName,
        receipts: &[ReceiptHandle],
    ) -> Result<Vec<Result<()>>> {
        check_batch(receipts.len())?;
        let mut state = self.state();
        let queue = state.queue_mut(queue)?;
        queue.forget_expired(self.now());
        let acknowledged = receipts.iter().map(|receipt| queue.acknowledge(receipt)).collect();
        self.wake_receivers();
        Ok(acknowledged)
    }

    async fn release(
        &self,
        queue: &QueueName,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<()> {
        let now = self.now();
        self.state().queue_mut(queue)?.release(receipt, now, delay)?;
        self.wake_receivers();
        Ok(())
    }

    async fn redrive(&self, dead_letters: &QueueName, redrive: Redrive) -> Result<u64> {
        let moved = self.state().redrive(dead_letters, &redrive, self.now())?;
        self.wake_receivers();
        Ok(moved)
    }

    async fn purge(&self, queue: &QueueName) -> Result<()> {
        self.state().queue_mut(queue)?.messages.clear();
        Ok(())
    }

    async fn counts(&self, queue: &QueueName) -> Result<QueueCounts> {
        let now = self.now();
        let mut state = self.state();
        let queue = state.queue_mut(queue)?;
        queue.forget_expired(now);
        Ok(queue.counts(now))
    }
}

impl MemoryQueues {
    /// What is there now; and when there may be something else, if nothing changes.
    fn receive_now(
        &self,
        queue: &QueueName,
        options: &ReceiveOptions,
        now: Timestamp,
    ) -> Result<(Vec<ReceivedMessage>, Option<Timestamp>)> {
        let mut state = self.state();
        let gave_up = state.give_up(queue, options.max_messages, now)?;
        let queue = state.queue_mut(queue)?;
        let received = queue.receive(options, now, self.entropy());
        let next = queue.next_visible(now);
        drop(state);
        if gave_up {
            self.wake_receivers();
        }
        Ok((received, next))
    }
}

impl State {
    fn queue(&self, name: &QueueName) -> Result<&Queue> {
        self.queues.get(name).ok_or_else(|| Error::NoSuchQueue { queue: name.clone() })
    }

    fn queue_mut(&mut self, name: &QueueName) -> Result<&mut Queue> {
        self.queues.get_mut(name).ok_or_else(|| Error::NoSuchQueue { queue: name.clone() })
    }

    fn next_place(&mut self) -> u64 {
        self.last_place += 1;
        self.last_place
    }

    fn send(
        &mut self,
        queue: &QueueName,
        message: NewMessage,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<MessageId> {
        let place = self.next_place();
        let queue = self.queue_mut(queue)?;
        message.check(&queue.name, &queue.options)?;
        Ok(queue.put(place, message, now, entropy))
    }

    /// Moves the messages that a receive of `max` would meet and that were received too often
    /// already; whether there were any.
    fn give_up(&mut self, queue: &QueueName, max: usize, now: Timestamp) -> Result<bool> {
        let mut gave_up = false;
        loop {
            let Due { exhausted, .. } = self.queue_mut(queue)?.due(max, now);
            if exhausted.is_empty() {
                return Ok(gave_up);
            }
            gave_up = true;
            for place in exhausted {
                self.bury(queue, place, now)?;
            }
        }
    }

    fn bury(&mut self, source: &QueueName, place: u64, now: Timestamp) -> Result<()> {
        let queue = self.queue_mut(source)?;
        let policy = queue.options.redrive_policy.clone();
        if let Some(policy) = policy
            && let Some(message) = queue.messages.remove(place)
        {
            let place = self.next_place();
            let message = message.given_up(source, now);
            self.queue_mut(&policy.dead_letter_queue)?.messages.insert(place, message);
        }
        Ok(())
    }

    fn redrive(&mut self, from: &QueueName, redrive: &Redrive, now: Timestamp) -> Result<u64> {
        let queue = self.queue_mut(from)?;
        queue.forget_expired(now);
        let places = queue.dead_letters(redrive, now);
        let mut moved = 0;
        for place in places {
            let Some(Stored { dead_letter_source: Some(to), .. }) =
                self.queue(from)?.messages.get(place)
            else {
                continue;
            };
            let to = to.clone();
            let next = self.next_place();
            if let Some(message) = self.queue_mut(from)?.messages.remove(place) {
                self.queue_mut(&to)?.messages.insert(next, message.sent_again(now));
                moved += 1;
            }
        }
        Ok(moved)
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}

fn earlier(time: Timestamp, by: Duration) -> Timestamp {
    time.saturating_sub(by).unwrap_or(Timestamp::MIN)
}
