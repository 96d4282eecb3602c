//! Looking through a queue that can only be received from.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::DeadLetterQueue;
use crate::error::{Error, Result};
use crate::message_queue::{
    MAX_BATCH, MessageId, QueueCounts, ReceiptHandle, ReceiveOptions, ReceivedMessage,
};

/// One look through a queue: what was seen is held, so that the next receive gives something else, and
/// given back at the end.
pub(super) struct Browsing<'a> {
    dead: &'a DeadLetterQueue,
    held: HashMap<MessageId, ReceiptHandle>,
    seen: HashSet<MessageId>,
    /// When what is held is to be held for longer, on the monotonic clock.
    extend_at: Duration,
    /// How often in a row the queue gave nothing although it says that it has something.
    gave_nothing: u32,
}

impl<'a> Browsing<'a> {
    /// How long what was seen is held at a time. If a look is broken off, messages are hidden for so long.
    const HOLD: Duration = Duration::from_secs(2 * 60);

    /// How often a queue is asked that gives nothing although it says that it has something: a short poll of
    /// SQS looks at a part of its servers.
    const ASKED_AGAIN: u32 = 3;

    pub(super) fn new(dead: &'a DeadLetterQueue) -> Self {
        let extend_at = dead.clock.monotonic() + Self::HOLD / 2;
        Self { dead, held: HashMap::new(), seen: HashSet::new(), extend_at, gave_nothing: 0 }
    }

    /// Up to `max` messages that were not seen yet. Empty at the end: the queue gives nothing while all
    /// that was seen is held, and says that there is nothing, or gave nothing a few times.
    pub(super) async fn next(&mut self, max: usize) -> Result<Vec<ReceivedMessage>> {
        let options = ReceiveOptions::up_to(max.clamp(1, MAX_BATCH))
            .wait(self.dead.wait)
            .visibility_timeout(Self::HOLD);
        loop {
            self.hold_on().await;
            let mut received = self.dead.queues.receive(&self.dead.queue, options).await?;
            if received.is_empty() {
                if self.is_at_the_end().await {
                    return Ok(received);
                }
                continue;
            }
            for message in &received {
                self.held.insert(message.id.clone(), message.receipt.clone());
            }
            received.retain(|message| self.seen.insert(message.id.clone()));
            if !received.is_empty() {
                self.gave_nothing = 0;
                return Ok(received);
            }
        }
    }

    /// Whether a queue that gave nothing has nothing more to give, as far as it says.
    async fn is_at_the_end(&mut self) -> bool {
        self.gave_nothing += 1;
        self.gave_nothing > Self::ASKED_AGAIN
            || self.counts().await.is_none_or(|counts| counts.visible == 0)
    }

    /// How many messages were not looked at, if the queue can say.
    pub(super) async fn unseen(&self) -> Option<u64> {
        let QueueCounts { visible, in_flight, delayed } = self.counts().await?;
        Some((visible + in_flight + delayed).saturating_sub(self.held.len() as u64))
    }

    async fn counts(&self) -> Option<QueueCounts> {
        match self.dead.queues.counts(&self.dead.queue).await {
            Ok(counts) => Some(counts),
            Err(error) => {
                let (queue, cause) = (&self.dead.queue, &error as &dyn std::error::Error);
                tracing::warn!(%queue, cause, "nobody knows whether all dead letters were looked at");
                None
            }
        }
    }

    /// Holds what was seen for longer. What cannot be held comes a second time, which is noticed.
    async fn hold_on(&mut self) {
        let now = self.dead.clock.monotonic();
        if now < self.extend_at {
            return;
        }
        self.extend_at = now + Self::HOLD / 2;
        let holds: Vec<_> =
            self.held.values().map(|receipt| (receipt.clone(), Self::HOLD)).collect();
        for batch in holds.chunks(MAX_BATCH) {
            let extended = self.dead.queues.extend_batch(&self.dead.queue, batch).await;
            if let Err(error) = extended {
                let (queue, cause) = (&self.dead.queue, &error as &dyn std::error::Error);
                tracing::warn!(%queue, cause, "dead letters that were looked at may come again");
            }
        }
    }

    /// Removes a message from the queue.
    pub(super) async fn remove(&mut self, id: &MessageId) -> Result<()> {
        let Some(receipt) = self.held.remove(id) else { return Ok(()) };
        self.dead.queues.acknowledge(&self.dead.queue, &receipt).await
    }

    /// Removes messages from the queue that were sent elsewhere. One that somebody else has by now, who
    /// looks through the queue as well, is left to them.
    pub(super) async fn remove_all(&mut self, ids: &[MessageId]) -> Result<()> {
        let receipt = |id: &MessageId| Some((id.clone(), self.held.get(id)?.clone()));
        let (ids, receipts): (Vec<_>, Vec<_>) = ids.iter().filter_map(receipt).unzip();
        if receipts.is_empty() {
            return Ok(());
        }
        let removed = self.dead.queues.acknowledge_batch(&self.dead.queue, &receipts).await?;
        for (id, removed) in ids.iter().zip(removed) {
            match removed {
                Ok(()) | Err(Error::ReceiptLost { .. }) => drop(self.held.remove(id)),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Gives back what is held. Where that does not succeed it comes back when its hold is over.
    pub(super) async fn end(self) {
        let receipts: Vec<_> =
            self.held.into_values().map(|receipt| (receipt, Duration::ZERO)).collect();
        for batch in receipts.chunks(MAX_BATCH) {
            let released = self.dead.queues.release_batch(&self.dead.queue, batch).await;
            if let Err(error) = released {
                let (queue, cause) = (&self.dead.queue, &error as &dyn std::error::Error);
                tracing::warn!(%queue, cause, "dead letters stay hidden for a while");
            }
        }
    }
}
